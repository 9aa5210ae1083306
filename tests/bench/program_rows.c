// SPDX-License-Identifier: GPL-2.0-only
/* The rows of the table. Order: the table's. */
#include "program_states.h"

/* 10.0.0.0, and 2001:db8:a00::/48. */
#define BASE     0x0a000000u

#define ONE      0
#define THOUSAND 10
#define MILLION  20

/* What IOS asks for the shadow certificate with: the short cut takes it. */
#define LINE                                                                                \
	"GET /cgi-bin/pkiclient.exe?operation=GetNextCACert&message=branch-ca HTTP/1.0\r\n" \
	"User-Agent: Mozilla/4.0 (compatible; MSIE 5.0; Cisco PKI)\r\nHost: 192.168.105.3\r\n\r\n"

#define V4   .family = 4, .base = BASE
#define MANY 1000000
/* Half of it: the ring of events has room for the samples of so many. */
#define REFUSALS 500000

const struct row rows[] = {
	{
		.id = "unrelated",
		.says = "unrelated TCP packet",
		.shape = {V4},
		.frame = FRAME_UNRELATED,
		.state = &state_other_tcp,
		.references = {"parse", "parse_core"},
		.repeat = 2 * MANY,
		.action = XDP_PASS,
	},
	{
		.id = "refused-1",
		.says = "SYN refused per source, 1 source",
		.shape = {V4, .source_bits = ONE, .new_ports = true},
		.frame = FRAME_SYN,
		.state = &state_source_rate,
		.references = {"limiter_lru", "limiter_sets"},
		.repeat = REFUSALS,
		.action = XDP_DROP,
	},
	{
		.id = "refused-1k",
		.says = "SYN refused per source, 1 k sources",
		.shape = {V4, .source_bits = THOUSAND, .new_ports = true},
		.frame = FRAME_SYN,
		.state = &state_source_rate,
		.references = {"limiter_lru", "limiter_sets"},
		.repeat = REFUSALS,
		.action = XDP_DROP,
	},
	{
		.id = "flood-1k",
		.says = "SYN refused by the window, full tables, 1 k sources",
		.shape = {V4, .source_bits = THOUSAND, .new_ports = true},
		.frame = FRAME_SYN,
		.state = &state_window,
		.references = {"limiter_lru", "limiter_sets"},
		.repeat = REFUSALS,
		.action = XDP_DROP,
	},
	{
		.id = "flood-1m",
		.says = "SYN refused by the window, full tables, 1 M sources",
		.shape = {V4, .source_bits = MILLION, .new_ports = true},
		.frame = FRAME_SYN,
		.state = &state_window,
		.references = {"limiter_lru", "limiter_sets"},
		.repeat = REFUSALS,
		.action = XDP_DROP,
		.any_action = true,
	},
	{
		.id = "admitted",
		.says = "SYN admitted, 1 k known sources",
		.shape = {V4, .source_bits = THOUSAND, .new_ports = true},
		.frame = FRAME_SYN,
		.state = &state_admitted,
		.references = {"limiter_lru", "limiter_sets"},
		.repeat = 512,
		.runs = 9,
		.action = XDP_PASS,
	},
	{
		.id = "admitted-new",
		.says = "SYN admitted, sources never seen before",
		.shape = {V4, .source_bits = MILLION, .new_ports = true},
		.frame = FRAME_SYN,
		.state = &state_admitted_new,
		.references = {"limiter_lru", "limiter_sets"},
		.repeat = 512,
		.runs = 9,
		.action = XDP_PASS,
	},
	{
		.id = "ack-1",
		.says = "established ACK, 1 connection",
		.shape = {V4, .payload = LINE},
		.frame = FRAME_ACK,
		.state = &state_established,
		.references = {"lookup"},
		.repeat = MANY,
		.action = XDP_PASS,
	},
	{
		.id = "ack-1k",
		.says = "established ACK, 1 k connections in turn",
		.shape = {V4, .source_bits = THOUSAND, .payload = LINE},
		.frame = FRAME_ACK,
		.state = &state_established,
		.references = {"lookup"},
		.repeat = MANY,
		.action = XDP_PASS,
	},
	{
		.id = "request",
		.says = "first data segment, short cut, 1 connection put back each time",
		.shape = {V4, .payload = LINE},
		.frame = FRAME_REQUEST,
		.state = &state_next,
		.repeat = REFUSALS,
		.resets = true,
		.action = XDP_PASS,
	},
	{
		.id = "request-each",
		.says = "first data segment, short cut, 1 k connections once each",
		.shape = {V4, .source_bits = THOUSAND, .payload = LINE},
		.frame = FRAME_REQUEST,
		.state = &state_next,
		.repeat = 1024,
		.runs = 9,
		.action = XDP_PASS,
	},
	{
		.id = "ack-each",
		.says = "established ACK, 1 k connections once each",
		.shape = {V4, .source_bits = THOUSAND, .payload = LINE},
		.frame = FRAME_ACK,
		.state = &state_established_each,
		.references = {"lookup"},
		.repeat = 1024,
		.runs = 9,
		.action = XDP_PASS,
	},
};

const size_t row_count = sizeof(rows) / sizeof(*rows);
