/* SPDX-License-Identifier: GPL-2.0-only */
/* Numbers and times as people write them. Moments are Unix seconds, as in the documents. */
#ifndef SG_CLI_HUMAN_H
#define SG_CLI_HUMAN_H

#include <stddef.h>

#define SG_HUMAN_TEXT 40

/* "12,340" */
const char *sg_human_count(unsigned long long n, char buf[static SG_HUMAN_TEXT]);
/* "15s", "1m 05s", "350ms", "<1ms", "9d"; "0s" for nothing and less */
const char *sg_human_seconds(double seconds, char buf[static SG_HUMAN_TEXT]);
/* "just now", "15s ago"; "never" for moment 0 */
const char *sg_human_ago(double now, double moment, char buf[static SG_HUMAN_TEXT]);
/* "14:05:10" of the local day, with the date in front when it is another day than now's */
const char *sg_human_clock(double now, double moment, char buf[static SG_HUMAN_TEXT]);
/* "82%"; "<1%" and ">99%" rather than a wrong 0 or 100 */
const char *sg_human_share(unsigned long long part, unsigned long long whole,
			   char buf[static SG_HUMAN_TEXT]);

#endif
