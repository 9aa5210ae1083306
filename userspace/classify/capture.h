/* SPDX-License-Identifier: GPL-2.0-only */
/* A packet capture as one case. */
#ifndef SG_CLASSIFY_CAPTURE_H
#define SG_CLASSIFY_CAPTURE_H

#include <stdio.h>

#include "classify.h"

/* Classify all frames of a capture file (pcap or pcapng, Ethernet; "-" = standard input), and print
 * the verdict: as JSON, or one line for each request. Says itself what fails. Returns 0 or negative
 * errno.
 */
int sg_classify_capture(struct sg_classifier *c, const char *path, bool json, FILE *out);

#endif
