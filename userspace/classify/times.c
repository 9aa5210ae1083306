// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "times.h"
#include "../util/cleanup.h"

/* What is wrong with time i, or NULL. JSON has no infinity and no NaN, and jansson takes no number that
 * overflows to one.
 */
static const char *fault(const json_t *time, double first, double before)
{
	const double s = json_number_value(time);

	if (!json_is_number(time) || s < 0 || s > SG_CLASSIFY_SECONDS_MAX)
		return "expected seconds, a number from 0 to 10000000000";
	if (s < before)
		return "earlier than the one before it: expected frames in the order they came in";
	if (s - first > SG_CLASSIFY_SPAN_MAX)
		return "too long after the first: expected at most 100000000 seconds";
	return NULL;
}

_Static_assert(SG_CLASSIFY_SECONDS_MAX == 10000000000 && SG_CLASSIFY_SPAN_MAX == 100000000,
	       "the sentences above say so");

/* To the nearest nanosecond: 8.2 s are no 8.199999999. */
static __u64 since(double s, double first)
{
	return (__u64)((s - first) * 1e9 + 0.5);
}

int sg_classify_times(const json_t *times, size_t packets, __u64 **ret, char *error, size_t size)
{
	_cleanup_free_ __u64 *ns = NULL;
	double first = 0, before = 0;
	const char *wrong;
	json_t *time;
	size_t i;

	if (!times || json_is_null(times)) {
		*ret = NULL;
		return 0;
	}
	if (!json_is_array(times) || json_array_size(times) != packets) {
		snprintf(error, size,
			 "'times': expected a list of %zu numbers, one for each packet", packets);
		return -EINVAL;
	}
	ns = calloc(packets + 1, sizeof(*ns));
	if (!ns)
		return -ENOMEM;
	json_array_foreach (times, i, time) {
		if (!i)
			first = before = json_is_number(time) ? json_number_value(time) : 0;
		wrong = fault(time, first, before);
		if (wrong) {
			snprintf(error, size, "time %zu: %s", i, wrong);
			return -EINVAL;
		}
		before = json_number_value(time);
		ns[i] = since(before, first);
	}
	*ret = ns;
	ns = NULL;
	return 0;
}
