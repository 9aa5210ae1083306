/* SPDX-License-Identifier: GPL-2.0-only */
/* Durations, rates, shares and counts as people write them. All parsers take the whole text,
 * reject signs, blanks and overflow, and leave the out-parameter untouched on failure.
 */
#ifndef SG_UTIL_UNITS_H
#define SG_UTIL_UNITS_H

#include <stddef.h>
#include <linux/types.h>

#define SG_NS_PER_US     1000ULL
#define SG_NS_PER_MS     1000000ULL
#define SG_NS_PER_S      1000000000ULL
#define SG_NS_PER_MIN    (60 * SG_NS_PER_S)
#define SG_NS_PER_H      (60 * SG_NS_PER_MIN)
#define SG_NS_PER_D      (24 * SG_NS_PER_H)

#define SG_DURATION_TEXT 32 /* longest formatted duration or rate, with its NUL */

/* "@count per @per_ns": 12/min is {12, 60e9}. */
struct sg_unit_rate {
	__u32 count;
	__u64 per_ns;
};

/* Parses digits with a unit: 500ms 15s 2m 6h 30d; "0" alone needs none.
 * Returns 0; -EINVAL: no duration; -ENODATA: a number without unit; -ERANGE: does not fit
 * in 64 bits of nanoseconds (584 years).
 */
int sg_duration_parse(const char *text, __u64 *ret_ns);

/* Parses N/s, N/min, N/h, N/d. Returns 0; -EINVAL: no rate; -ENODATA: a number without "/unit";
 * -ERANGE: N over 2^32 - 1.
 */
int sg_rate_parse(const char *text, struct sg_unit_rate *ret);

/* Parses 0% to 100%, with at most one decimal, into per-mille. Returns 0; -EINVAL; -ENODATA: no
 * percent sign; -ERANGE: over 100%.
 */
int sg_permille_parse(const char *text, __u32 *ret);

/* Parses decimal digits. Returns 0, -EINVAL or -ERANGE (over 2^64 - 1). */
int sg_count_parse(const char *text, __u64 *ret);

/* For people: "850ms", "15s", "1m 05s", "2h 03m", "3d 4h": two units at most, cut, not rounded.
 * Returns @buf.
 */
const char *sg_duration_format(__u64 ns, char buf[static SG_DURATION_TEXT]);

/* As the configuration writes it, exact to the millisecond: "60s" is "60s", "120s" is "2m". Returns @buf. */
const char *sg_duration_format_exact(__u64 ns, char buf[static SG_DURATION_TEXT]);
const char *sg_rate_format(const struct sg_unit_rate *rate, char buf[static SG_DURATION_TEXT]);

#endif
