// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "json.h"
#include "text.h"
#include "units.h"

json_t *sg_json_addr(const struct sg_addr *a)
{
	char text[SG_ADDR_TEXT];

	return json_string(sg_addr_format(a, text));
}

json_t *sg_json_seconds(__u64 ns)
{
	return json_real((double)ns / (double)SG_NS_PER_S);
}

json_t *sg_json_text(const char *text)
{
	_cleanup_free_ char *copy = strdup(text);
	size_t len, bad;

	if (!copy)
		return NULL;
	len = strlen(copy);
	while ((bad = sg_text_utf8_valid(copy, len)) < len)
		copy[bad] = '?';
	return json_string(copy);
}

int sg_json_print(FILE *out, json_t *j)
{
	int err = 0;

	if (!j)
		return -ENOMEM;
	if (json_dumpf(j, out, JSON_INDENT(2)) || fputc('\n', out) == EOF)
		err = -EIO;
	json_decref(j);
	return err;
}
