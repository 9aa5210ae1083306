/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads the head of one HTTP answer: status, media type, length. For the few answers whose content
 * type matters (GetNextCACert). Pure; the bytes come from the network and are not trusted.
 */
#ifndef SG_HTTP_ANSWER_HEAD_H
#define SG_HTTP_ANSWER_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

/* Room for a media type and its NUL; the longest SCEP has is 35 characters. */
#define SG_MEDIA_TYPE_MAX 64

struct sg_answer_head {
	__u32 status;                       /* 101, or 200 to 599: interim answers are skipped */
	bool complete;                      /* its empty line was there */
	bool has_content_length;            /* given, and the same wherever it is given */
	__u64 content_length;               /* bytes, 0 unless given */
	char media_type[SG_MEDIA_TYPE_MAX]; /* lower case, no parameters; "" = none or unusable */
};

/* Read up to len bytes from the answer's first byte on. A line that is cut off counts for nothing.
 * A field that is given twice with different values, folded, or not printable counts as not given.
 * Returns 0; -EAGAIN when the final status line is not there yet; -EBADMSG when this is no
 * HTTP/1.x answer. *ret is untouched on failure.
 */
int sg_answer_head_read(const __u8 *bytes, size_t len, struct sg_answer_head *ret);

#endif
