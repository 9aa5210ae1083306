// SPDX-License-Identifier: GPL-2.0-only
/* The state file: what is written is read again, what does not fit is left out, and a damaged file
 * is a fresh start.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../userspace/daemon/state.h"
#include "../../userspace/util/json.h"
#include "../../userspace/util/log.h"

struct one {
	struct sg_mirror mirror;
	struct sg_shadow shadow;
};

static const struct one example = {
	.mirror = {.next = 200,
		   .tail = 150,
		   .last_date = 99,
		   .count_from = 80,
		   .block_since = 70,
		   .block_until = 90,
		   .worst = 79,
		   .episodes = 2},
	.shadow = {.state = SG_SHADOW_NOT_READY,
		   .since_ns = 5,
		   .evidence_ns = 1700000000123456789,
		   .status = 404,
		   .content_type = "text/html",
		   .not_ready_ns = 6,
		   .ready_ns = 7,
		   .cert_refused_ns = 8,
		   .cert_served_ns = 9},
};

static struct sg_state_service part(struct one *o, __u64 window_ns)
{
	return (struct sg_state_service){"ca", window_ns, &o->mirror, &o->shadow};
}

static json_t *written(void)
{
	struct one o = example;
	struct sg_state_service s = part(&o, 60);

	return sg_state_json("boot 1", &s, 1);
}

static void test_round_trip(void **state)
{
	struct one o = {0};
	struct sg_state_service s = part(&o, 60);
	_cleanup_json_ json_t *j = written();

	(void)state;
	assert_int_equal(sg_state_read(j, "boot 1", &s, 1), 0);
	assert_memory_equal(&o.mirror, &example.mirror, sizeof(o.mirror));
	assert_memory_equal(&o.shadow, &example.shadow, sizeof(o.shadow));
}

/* After a reboot ticks mean nothing; the worst window and the evidence still do. */
static void test_another_load(void **state)
{
	struct one o = {0};
	struct sg_state_service s = part(&o, 60);
	_cleanup_json_ json_t *j = written();

	(void)state;
	assert_int_equal(sg_state_read(j, "boot 2", &s, 1), 0);
	assert_int_equal(o.mirror.worst, 79);
	assert_int_equal(o.mirror.episodes, 2);
	assert_int_equal(o.mirror.next, 0);
	assert_int_equal(o.mirror.block_until, 0);
	assert_int_equal(o.shadow.evidence_ns, example.shadow.evidence_ns);
}

static void test_another_window_or_name(void **state)
{
	struct one o = {0};
	struct sg_state_service s = part(&o, 61);
	_cleanup_json_ json_t *j = written();

	(void)state;
	assert_int_equal(sg_state_read(j, "boot 1", &s, 1), 0);
	assert_int_equal(o.mirror.worst, 0);
	assert_int_equal(o.shadow.status, 404);
	o = (struct one){0};
	s.name = "other";
	assert_int_equal(sg_state_read(j, "boot 1", &s, 1), 0);
	assert_int_equal(o.shadow.status, 0);
}

static void test_not_a_state(void **state)
{
	static const char *const texts[] = {
		"{}",
		"[]",
		"3",
		"{\"version\":2,\"load\":\"x\",\"services\":{}}",
		"{\"version\":1,\"load\":\"x\"}",
		"{\"version\":1,\"services\":{}}",
		"{\"version\":\"1\",\"load\":\"x\",\"services\":{}}",
	};
	struct one o = {0};
	struct sg_state_service s = part(&o, 60);

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		_cleanup_json_ json_t *j = json_loads(texts[i], JSON_DECODE_ANY, NULL);

		assert_non_null(j);
		assert_int_equal(sg_state_read(j, "x", &s, 1), -EINVAL);
	}
}

/* Values of the wrong kind, out of range or absurd are "never". */
static void test_odd_values(void **state)
{
	static const char text[] =
		"{\"version\":1,\"load\":\"x\",\"services\":{\"ca\":{\"window_ns\":60,\"mirror\":"
		"{\"worst\":-5,\"episodes\":\"many\",\"next\":{}},\"shadow\":{\"state\":77,"
		"\"evidence_ns\":-1,\"content_type\":5}}}}";
	_cleanup_json_ json_t *j = json_loads(text, 0, NULL);
	struct one o = {0}, none = {0};
	struct sg_state_service s = part(&o, 60);

	(void)state;
	assert_int_equal(sg_state_read(j, "x", &s, 1), 0);
	assert_memory_equal(&o, &none, sizeof(o));
}

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void test_files(void **state)
{
	char directory[] = "/tmp/sg-state-XXXXXX", path[64];
	FILE *quiet = fopen("/dev/null", "w");
	json_t *j;

	(void)state;
	sg_log_set_stream(quiet);
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/state.json", directory);
	assert_null(sg_state_load(directory));
	assert_int_equal(sg_state_save(directory, written()), 0);
	j = sg_state_load(directory);
	assert_true(json_is_object(j));
	json_decref(j);
	assert_int_equal(sg_state_save("/nonexistent/x", written()), -ENOENT);
	put(path, "{\"version\":1, \"lo");
	assert_null(sg_state_load(directory));
	put(path, "");
	assert_null(sg_state_load(directory));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(directory), 0); /* nothing else was left behind */
	sg_log_set_stream(NULL);
	fclose(quiet);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_another_load),
		cmocka_unit_test(test_another_window_or_name),
		cmocka_unit_test(test_not_a_state),
		cmocka_unit_test(test_odd_values),
		cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
