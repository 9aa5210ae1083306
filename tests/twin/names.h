/* SPDX-License-Identifier: GPL-2.0-only */
/* Labels of the lists in bpf/abi, for messages. */
#ifndef SG_TWIN_NAMES_H
#define SG_TWIN_NAMES_H

#include "../../bpf/abi/classes.h"
#include "../../bpf/abi/reasons.h"

#define SG_NAMES(function, LIST)                                                    \
	static inline const char *function(unsigned int i)                          \
	{                                                                           \
		static const char *const names[] = {LIST(SG_NAME_OF)};              \
                                                                                    \
		return i < sizeof(names) / sizeof(names[0]) ? names[i] : "unknown"; \
	}

#define SG_NAME_OF(identifier, ...) #identifier,

SG_NAMES(sg_class_name, SG_REQUEST_CLASSES)
SG_NAMES(sg_reason_name, SG_REASON_LIST)
SG_NAMES(sg_priority_name, SG_PRIORITY_LIST)
SG_NAMES(sg_counter_name, SG_COUNTER_LIST)
SG_NAMES(sg_passed_name, SG_PASSED_LIST)
SG_NAMES(sg_event_name, SG_EVENT_LIST)

#endif
