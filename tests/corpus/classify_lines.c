// SPDX-License-Identifier: GPL-2.0-only
/* Native request-line reader as a filter: each input line holds the client's bytes as hex, one word
 * for each segment; each output line names the class after the last of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../bpf/core/http_line.h"
#include "../../bpf/core/http_shortcut.h"

#define SEGMENT_MAX 65536

static const char *const labels[] = {
#define SG_LABEL(identifier, label) label,
	SG_REQUEST_CLASSES(SG_LABEL)
#undef SG_LABEL
};

/* Decodes one word; returns its bytes, or -1 when it is no hex or too long. */
static int decode(const char *hex, __u8 *bytes)
{
	size_t len = strlen(hex) / 2, i;

	if (strlen(hex) % 2 || len > SEGMENT_MAX)
		return -1;
	for (i = 0; i < len; i++)
		if (sscanf(hex + 2 * i, "%2hhx", &bytes[i]) != 1)
			return -1;
	return len;
}

static int classify(char *text, __u8 *bytes)
{
	struct sg_http_line line = {0};
	char *save = NULL, *word;
	int len;

	for (word = strtok_r(text, " \n", &save); word; word = strtok_r(NULL, " \n", &save)) {
		len = decode(word, bytes);
		if (len < 0)
			return -1;
		if (!sg_http_shortcut(&line, bytes, bytes + len, len))
			sg_http_feed(&line, bytes, bytes + len, len);
	}
	puts(labels[sg_http_class(&line)]);
	return 0;
}

int main(void)
{
	__u8 *bytes = malloc(SEGMENT_MAX);
	char *text = NULL;
	size_t room = 0;
	int err = bytes ? 0 : -1;

	while (!err && getline(&text, &room, stdin) > 0)
		err = classify(text, bytes);
	if (err)
		fputs("classify_lines: expected words of hex, one line for each request\n", stderr);
	free(text);
	free(bytes);
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
