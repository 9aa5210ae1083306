// SPDX-License-Identifier: GPL-2.0-only
#include <stddef.h>
#include <string.h>

#include "bypass.h"
#include "labels.h"

#define ARRAY_SIZE(a)    (sizeof(a) / sizeof((a)[0]))
#define LOOK_UP(list, i) ((i) < ARRAY_SIZE(list) && (list)[i] ? (list)[i] : "unknown")

const char *sg_label_class(__u32 request_class)
{
	static const char *const labels[] = {
#define X(id, label) [SG_REQUEST_##id] = label,
		SG_REQUEST_CLASSES(X)
#undef X
	};

	return LOOK_UP(labels, request_class);
}

const char *sg_label_priority(__u32 priority)
{
	static const char *const labels[] = {
#define X(id, label) [SG_PRIORITY_##id] = label,
		SG_PRIORITY_LIST(X)
#undef X
	};

	return LOOK_UP(labels, priority);
}

const char *sg_label_reason(__u32 reason)
{
	static const char *const labels[] = {
#define X(id, verdict, label, sentence) [SG_REASON_##id] = label,
		SG_REASON_LIST(X)
#undef X
	};

	return LOOK_UP(labels, reason);
}

const char *sg_label_reason_sentence(__u32 reason)
{
	static const char *const sentences[] = {
#define X(id, verdict, label, sentence) [SG_REASON_##id] = sentence,
		SG_REASON_LIST(X)
#undef X
	};

	return LOOK_UP(sentences, reason);
}

__u32 sg_label_reason_verdict(__u32 reason)
{
	static const __u32 verdicts[] = {
#define X(id, verdict, label, sentence) [SG_REASON_##id] = SG_VERDICT_##verdict,
		SG_REASON_LIST(X)
#undef X
	};

	return reason < ARRAY_SIZE(verdicts) ? verdicts[reason] : (__u32)SG_VERDICT_REFUSE;
}

const char *sg_label_verdict(__u32 verdict)
{
	static const char *const labels[] = {
#define X(id, label) [SG_VERDICT_##id] = label,
		SG_VERDICT_LIST(X)
#undef X
	};

	return LOOK_UP(labels, verdict);
}

const char *sg_label_counter(__u32 counter)
{
	static const char *const labels[] = {
#define X(id, label, help) [SG_COUNTER_##id] = label,
		SG_COUNTER_LIST(X)
#undef X
	};

	return LOOK_UP(labels, counter);
}

const char *sg_label_passed(__u32 passed)
{
	static const char *const labels[] = {
#define X(id, label) [SG_PASSED_##id] = label,
		SG_PASSED_LIST(X)
#undef X
	};

	return LOOK_UP(labels, passed);
}

const char *sg_label_event(__u32 kind)
{
	static const char *const labels[] = {
#define X(id, label) [SG_EVENT_##id] = label,
		SG_EVENT_LIST(X)
#undef X
	};

	return LOOK_UP(labels, kind);
}

static const char *const mode_labels[] = {
	[SG_MODE_OBSERVE] = "observe",
	[SG_MODE_POLICE] = "police",
	[SG_MODE_INTERCEPT] = "intercept",
};

const char *sg_label_mode(__u32 mode)
{
	return LOOK_UP(mode_labels, mode);
}

bool sg_label_mode_parse(const char *name, __u32 *ret)
{
	for (__u32 i = 0; i < ARRAY_SIZE(mode_labels); i++) {
		if (!strcmp(mode_labels[i], name)) {
			*ret = i;
			return true;
		}
	}
	return false;
}

const char *sg_label_status_class(__u32 status_class)
{
	static const char *const labels[SG_STATUS_CLASSES] = {"other", NULL,  "2xx",
							      "3xx",   "4xx", "5xx"};

	return LOOK_UP(labels, status_class);
}

const char *sg_label_state(__u32 conn_state)
{
	static const char *const labels[] = {
		[SG_CONN_SYN_SENT] = "syn_sent",
		[SG_CONN_SYN_ACKED] = "syn_acked",
		[SG_CONN_ESTABLISHED] = "established",
		[SG_CONN_CLOSED] = "closed",
	};

	return LOOK_UP(labels, conn_state);
}

const char *sg_label_policy(__u32 action)
{
	static const char *const labels[] = {
		[SG_POLICY_LIMITS] = "limits",
		[SG_POLICY_EXEMPT] = "exempt",
		[SG_POLICY_DENY] = "deny",
	};

	return LOOK_UP(labels, action);
}

const char *sg_label_bypass(__u32 state)
{
	static const char *const labels[] = {
		[SG_BYPASS_WATCH] = "none",
		[SG_BYPASS_TRIED] = "tried",
		[SG_BYPASS_FOUND] = "found",
	};

	return LOOK_UP(labels, state);
}
