/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading the daemon's documents without tripping: a key that is missing, or of another type, reads
 * as nothing (0, "", false), since daemon and command may be of different versions. Paths have dots:
 * "mirror.window.used".
 */
#ifndef SG_CLI_DOC_H
#define SG_CLI_DOC_H

#include <stdint.h>
#include <stdbool.h>
#include <jansson.h>

/* NULL when missing or null. Borrowed. */
const json_t *sg_doc_at(const json_t *doc, const char *path);
bool sg_doc_known(const json_t *doc, const char *path);

double sg_doc_real(const json_t *doc, const char *path);
/* Never negative: counts. */
unsigned long long sg_doc_count(const json_t *doc, const char *path);
bool sg_doc_true(const json_t *doc, const char *path);
const char *sg_doc_text(const json_t *doc, const char *path);

/* Sum of the numbers in an object, at any depth. */
unsigned long long sg_doc_sum(const json_t *object);

/* Replaces control characters (C0, DEL, C1) in every text by '?': some texts were written by remote
 * parties, and a terminal obeys what it is sent.
 */
void sg_doc_make_printable(json_t *doc);

#endif
