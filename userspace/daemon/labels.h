/* SPDX-License-Identifier: GPL-2.0-only */
/* Names of what the program numbers, as JSON tells them. Never NULL; "unknown" for a number outside
 * the list (a record of another version).
 */
#ifndef SG_DAEMON_LABELS_H
#define SG_DAEMON_LABELS_H

#include <stdbool.h>
#include <linux/types.h>

#include "../../bpf/abi/scepguard_abi.h"

const char *sg_label_class(__u32 request_class);
const char *sg_label_priority(__u32 priority);
const char *sg_label_reason(__u32 reason);
const char *sg_label_reason_sentence(__u32 reason);
const char *sg_label_verdict(__u32 verdict);
const char *sg_label_counter(__u32 counter);
const char *sg_label_passed(__u32 passed);
const char *sg_label_event(__u32 kind);
const char *sg_label_mode(__u32 mode);
const char *sg_label_status_class(__u32 status_class);
const char *sg_label_state(__u32 conn_state);
const char *sg_label_policy(__u32 action);
const char *sg_label_bypass(__u32 state); /* enum sg_bypass_state */

/* The verdict a reason belongs to; enum sg_verdict. */
__u32 sg_label_reason_verdict(__u32 reason);

/* The mode of this name; false when there is none. */
bool sg_label_mode_parse(const char *name, __u32 *ret);

#endif
