/* SPDX-License-Identifier: GPL-2.0-only */
/* Which SCEP operation a request line asks for (RFC 8894, 4.1), given its method and the
 * operation values found in it.  Reading the line is http_line.h's work.
 */
#ifndef SG_CORE_SCEP_CLASS_H
#define SG_CORE_SCEP_CLASS_H

#include <linux/types.h>
#include <stdbool.h>
#include "../abi/classes.h"

/* The last 16 bytes of a token, the newest in the low byte of `low`.  Starts as zero and
 * takes no zero byte, so it equals a literal's packing exactly when the whole token does:
 * a longer token leaves no zero in front.
 */
struct sg_token {
	__u64 high;
	__u64 low;
};

/* Packs up to eight characters the way sg_token does; 0 stands for "no character". */
#define SG_PACK8(a, b, c, d, e, f, g, h)                                             \
	((__u64)(a) << 56 | (__u64)(b) << 48 | (__u64)(c) << 40 | (__u64)(d) << 32 | \
	 (__u64)(e) << 24 | (__u64)(f) << 16 | (__u64)(g) << 8 | (__u64)(h))

/* Clearing this bit in every byte turns lower-case letters into upper-case ones. */
#define SG_CASE_BITS 0x2020202020202020ULL

enum sg_http_method {
	SG_METHOD_OTHER = 0, /* any other token: servers answer 405, or treat it as GET */
	SG_METHOD_GET,       /* exactly GET */
	SG_METHOD_POST,      /* exactly POST */
	SG_METHOD_NO_ANSWER, /* HEAD, or GET, POST, HEAD in the wrong case: no body, or 405 */
};

/* Appends one byte, 1 to 255. */
static inline void sg_token_push(struct sg_token *token, __u8 byte)
{
	token->high = token->high << 8 | token->low >> 56;
	token->low = token->low << 8 | byte;
}

static inline bool sg_token_empty(const struct sg_token *token)
{
	return !(token->high | token->low);
}

static inline bool sg_token_is(const struct sg_token *token, __u64 high, __u64 low)
{
	return !((token->high ^ high) | (token->low ^ low));
}

#define SG_NAME_OPERATION_HIGH SG_PACK8(0, 0, 0, 0, 0, 0, 0, 'o')
#define SG_NAME_OPERATION_LOW  SG_PACK8('p', 'e', 'r', 'a', 't', 'i', 'o', 'n')
#define SG_NAME_MESSAGE_LOW    SG_PACK8(0, 'm', 'e', 's', 's', 'a', 'g', 'e')

/* Is the parameter name "operation"?  Names are case-sensitive (facts 1.1). */
static inline bool sg_scep_name_is_operation(const struct sg_token *name)
{
	return sg_token_is(name, SG_NAME_OPERATION_HIGH, SG_NAME_OPERATION_LOW);
}

/* The same for a reader that does not mind the case (ASP.NET's QueryString). */
static inline bool sg_scep_name_is_operation_caseless(const struct sg_token *name)
{
	return !(((name->high ^ SG_NAME_OPERATION_HIGH) & ~0x20ULL) |
		 ((name->low ^ SG_NAME_OPERATION_LOW) & ~SG_CASE_BITS));
}

static inline bool sg_scep_name_is_message(const struct sg_token *name)
{
	return sg_token_is(name, 0, SG_NAME_MESSAGE_LOW);
}

/* Class of one operation value, as if asked for by GET.  Case-sensitive, whole value. */
static inline __u8 sg_scep_operation(const struct sg_token *value)
{
	switch (value->low) {
	case SG_PACK8('x', 't', 'C', 'A', 'C', 'e', 'r', 't'):
		if (value->high == SG_PACK8(0, 0, 0, 'G', 'e', 't', 'N', 'e'))
			return SG_REQUEST_GETNEXTCACERT;
		break;
	case SG_PACK8('e', 'r', 't', 'C', 'h', 'a', 'i', 'n'):
		if (value->high == SG_PACK8(0, 0, 'G', 'e', 't', 'C', 'A', 'C'))
			return SG_REQUEST_GETCACERTCHAIN;
		break;
	case SG_PACK8('e', 't', 'C', 'A', 'C', 'a', 'p', 's'):
		if (value->high == 'G')
			return SG_REQUEST_GETCACAPS;
		break;
	case SG_PACK8('e', 't', 'C', 'A', 'C', 'e', 'r', 't'):
		if (value->high == 'G')
			return SG_REQUEST_GETCACERT;
		break;
	case SG_PACK8('p', 'e', 'r', 'a', 't', 'i', 'o', 'n'):
		if (value->high == SG_PACK8(0, 0, 0, 0, 'P', 'K', 'I', 'O'))
			return SG_REQUEST_PKIOPERATION_GET;
		break;
	}
	return SG_REQUEST_OTHER_SCEP;
}

/* Method from its token; case-sensitive (RFC 9110, 9.1). */
static inline __u8 sg_scep_method(const struct sg_token *method)
{
	__u64 upper = method->low & ~SG_CASE_BITS;

	if (method->high)
		return SG_METHOD_OTHER;
	if (method->low == SG_PACK8(0, 0, 0, 0, 0, 'G', 'E', 'T'))
		return SG_METHOD_GET;
	if (method->low == SG_PACK8(0, 0, 0, 0, 'P', 'O', 'S', 'T'))
		return SG_METHOD_POST;
	if (upper == SG_PACK8(0, 0, 0, 0, 0, 'G', 'E', 'T') ||
	    upper == SG_PACK8(0, 0, 0, 0, 'P', 'O', 'S', 'T') ||
	    upper == SG_PACK8(0, 0, 0, 0, 'H', 'E', 'A', 'D'))
		return SG_METHOD_NO_ANSWER;
	return SG_METHOD_OTHER;
}

/* Servers differ in which of several operation parameters they take: assume the least
 * useful.  lowest is SG_REQUEST_NONE before the first one.
 */
static inline __u8 sg_scep_lower(__u8 lowest, __u8 operation)
{
	return lowest == SG_REQUEST_NONE || operation < lowest ? operation : lowest;
}

/* Final class of a line.
 * @lowest: least useful operation in it, SG_REQUEST_NONE if there is none
 * @doubtful: not every reader sees the same request, or any at all: no useful class then.
 *
 * POST is only for PKIOperation, and servers differ on POST of anything else (facts 1.1).
 * An operation below the useful ones stays what it is under any method.
 */
static inline __u8 sg_scep_class(__u8 method, __u8 lowest, bool doubtful)
{
	if (lowest == SG_REQUEST_NONE)
		return SG_REQUEST_NOT_SCEP;
	if (lowest <= SG_REQUEST_GETNEXTCACERT)
		return lowest;
	if (method == SG_METHOD_NO_ANSWER)
		return SG_REQUEST_NOT_SCEP;
	if (method == SG_METHOD_POST && lowest == SG_REQUEST_PKIOPERATION_GET)
		lowest = SG_REQUEST_PKIOPERATION_POST;
	else if (method != SG_METHOD_GET)
		return SG_REQUEST_OTHER_SCEP;
	return doubtful ? SG_REQUEST_UNDECIDED : lowest;
}

#endif /* SG_CORE_SCEP_CLASS_H */
