/* SPDX-License-Identifier: GPL-2.0-only */
/* Cases of wrong configurations: the text, and all that is said about it, word for word. */
#ifndef SG_TESTS_CONFIG_SAYS_H
#define SG_TESTS_CONFIG_SAYS_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../userspace/config/config.h"
#include "../../userspace/util/cleanup.h"
#include "../../userspace/util/text.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* A valid file to which a case adds lines; they begin in line 5. */
#define TOP     "interfaces: [eth0, eth1]\n"
#define SERVICE "services:\n- name: ca\n  addresses: [192.0.2.1]\n"
#define VALID   TOP SERVICE

struct wrong {
	const char *text;
	const char *says; /* all messages, each with a newline */
};

static struct sg_config_errors errors;

static void assert_says(const struct wrong *w)
{
	struct sg_config *conf = (void *)0x1;
	char all[8192] = "";

	assert_int_equal(sg_config_parse_memory("f", w->text, strlen(w->text), &conf, &errors),
			 -EINVAL);
	assert_ptr_equal(conf, (void *)0x1);
	for (unsigned int i = 0; i < errors.count; i++)
		sg_text_append(all, sizeof(all), "%s\n", errors.entries[i].text);
	if (getenv("SG_TEST_SHOW"))
		print_message("%s", all);
	assert_string_equal(all, w->says);
}

static void assert_all_say(const struct wrong *cases, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_says(&cases[i]);
}

#endif
