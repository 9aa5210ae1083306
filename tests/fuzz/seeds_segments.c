// SPDX-License-Identifier: GPL-2.0-only
/* Writes short lists of segments of every kind as seeds for fuzz_segments: see segment_record.h. */
#include "seeds.h"
#include "segment_record.h"

#define RECORDS  6
#define STAMPED  RECORD_STAMPED
#define ODD(why) (SEGMENT_ODD_##why << RECORD_ODD_AT)
#define USEFUL   0
#define OTHER    1
#define DECOY    3
#define ALL      63 /* bytes: to the line's end */
#define CUT      20 /* behind "operation=" */
#define PLAIN_SYN \
	{         \
		0 \
	}

/* kind, source, from, length, flags, ACK number, timestamp, shift */
static const struct {
	const char *name;
	uint8_t records[RECORDS][RECORD_BYTES];
	size_t count;
} seeds[] = {
	{"plain", {PLAIN_SYN, {0, USEFUL, 0, ALL}}, 2},
	{"next", {PLAIN_SYN, {0, OTHER, 0, ALL}}, 2},
	{"in-two", {PLAIN_SYN, {0, USEFUL, 0, CUT}, {0, USEFUL, CUT, ALL}}, 3},
	{"resent-other",
	 {PLAIN_SYN, {0, OTHER, 0, CUT}, {0, OTHER, 0, ALL}, {0, USEFUL, 0, ALL}},
	 4},
	{"overlap-left", {PLAIN_SYN, {0, OTHER, 0, 30}, {0, USEFUL, CUT, ALL}}, 3},
	{"overlap-right", {PLAIN_SYN, {0, OTHER, 30, 10}, {0, USEFUL, 0, ALL}}, 3},
	{"ahead", {PLAIN_SYN, {0, OTHER, CUT, ALL}, {0, USEFUL, 0, ALL}}, 3},
	{"ahead-twice",
	 {PLAIN_SYN, {0, USEFUL, 40, ALL}, {0, OTHER, CUT, ALL}, {0, USEFUL, 0, 40}},
	 4},
	{"before", {PLAIN_SYN, {0, USEFUL, 0, ALL, 0, 0, 0, 0xf8}, {0, OTHER, 0, ALL}}, 3},
	{"syn-data", {{0, OTHER, 0, ALL}, {0, USEFUL, 0, ALL}}, 2},
	{"syn-ack-data", {PLAIN_SYN, {0, USEFUL, 0, ALL, SG_TCP_SYN}, {0, OTHER, 0, ALL}}, 3},
	{"no-ack", {PLAIN_SYN, {0, USEFUL, 0, ALL, SG_TCP_ACK}, {0, OTHER, 0, ALL}}, 3},
	{"rst-ahead", {PLAIN_SYN, {0, 0, CUT, 0, SG_TCP_RST}, {0, OTHER, 0, ALL}}, 3},
	{"rst-exact", {PLAIN_SYN, {3, 0, 0, 0, SG_TCP_FIN}, {0, 0, 0, 0, SG_TCP_RST}}, 3},
	{"ca-rst", {PLAIN_SYN, {0, USEFUL, 0, 9}, {3, 0, 0, 0, SG_TCP_RST}}, 3},
	{"fin", {PLAIN_SYN, {0, 0, 0, 0, SG_TCP_FIN}, {0, USEFUL, 0, ALL}}, 3},
	{"fin-ahead", {PLAIN_SYN, {0, 0, CUT, 0, SG_TCP_FIN}, {3, 0, 0, 0, SG_TCP_FIN}}, 3},
	{"fin-both", {PLAIN_SYN, {3, 0, 0, 0, SG_TCP_FIN}, {0, 0, 0, 0, SG_TCP_FIN}}, 3},
	{"reuse-open",
	 {PLAIN_SYN, {2 | RECORD_ISN}, {RECORD_ISN, USEFUL, 0, ALL}, {0, OTHER, 0, ALL}},
	 4},
	{"reuse-after",
	 {PLAIN_SYN,
	  {3, 0, 0, 0, SG_TCP_FIN},
	  {0, 0, 0, 0, SG_TCP_FIN},
	  {2 | RECORD_ISN},
	  {RECORD_ISN, USEFUL, 0, ALL}},
	 5},
	{"syn-again", {{STAMPED}, {2 | STAMPED, 0, 0, 0, 0, 0, 4}, {STAMPED, USEFUL, 0, ALL}}, 3},
	{"syn-older",
	 {{STAMPED}, {2 | STAMPED, 0, 0, 0, 0, 0, 0x3c}, {STAMPED, USEFUL, 0, ALL, 0, 0, 0x3e}},
	 3},
	{"paws", {{STAMPED}, {STAMPED, USEFUL, 0, ALL, 0, 0, 0x3c}, {STAMPED, OTHER, 0, ALL}}, 3},
	{"stamps", {{STAMPED}, {STAMPED, USEFUL, 0, CUT}, {STAMPED, USEFUL, CUT, ALL, 0, 0, 8}}, 3},
	{"stamp-far",
	 {{STAMPED},
	  {STAMPED, 0, 0, 0, 0, 255, 0x40},
	  {STAMPED, 0, 0, 0, 0, 255, 0x3c},
	  {STAMPED, USEFUL, 0, ALL}},
	 4},
	{"no-stamp", {{STAMPED}, {0, USEFUL, 0, ALL}}, 2},
	{"bad-sum", {PLAIN_SYN, {RECORD_BAD_SUM, USEFUL, 0, ALL}, {0, OTHER, 0, ALL}}, 3},
	{"ack-old", {PLAIN_SYN, {0, USEFUL, 0, ALL, 0, 135}, {0, OTHER, 0, ALL}}, 3},
	{"ack-future", {PLAIN_SYN, {0, USEFUL, 0, ALL, 0, 255}, {0, OTHER, 0, ALL}}, 3},
	{"urgent", {PLAIN_SYN, {0, USEFUL, 0, ALL, SG_TCP_URG}}, 2},
	{"urgent-inside", {PLAIN_SYN, {0, DECOY, 0, 31, SG_TCP_URG}, {0, DECOY, 31, ALL}}, 3},
	{"answered",
	 {PLAIN_SYN,
	  {0, USEFUL, 0, ALL},
	  {3, 0, 0, 17},
	  {0, USEFUL, 0, ALL, 0, 153, 0, 57},
	  {3, 0, 0, 17, SG_TCP_FIN}},
	 5},
	{"rst-where-acknowledged",
	 {PLAIN_SYN,
	  {0, USEFUL, 0, 20},
	  {3, 0, 0, 17, SG_TCP_FIN},
	  {0, USEFUL, 57, 0},
	  {0, 0, 20, 0, SG_TCP_RST}},
	 5},
	{"rst-where-answered",
	 {PLAIN_SYN,
	  {0, USEFUL, 0, 20},
	  {3, 0, 0, 17, SG_TCP_FIN},
	  {0, USEFUL, 0, 30},
	  {0, 0, 20, 0, SG_TCP_RST}},
	 5},
	{"hops", {PLAIN_SYN, {ODD(HOPS), USEFUL, 0, ALL}, {0, OTHER, 0, ALL}}, 3},
	{"ip-options", {PLAIN_SYN, {ODD(IP), USEFUL, 0, ALL}, {0, OTHER, 0, ALL}}, 3},
	{"tcp-options", {PLAIN_SYN, {ODD(TCP), USEFUL, 0, ALL}, {0, OTHER, 0, ALL}}, 3},
	{"fragment", {PLAIN_SYN, {RECORD_FRAGMENT, USEFUL, 0, ALL}, {0, OTHER, 0, ALL}}, 3},
};

/* An urgent byte in the middle of raw ones. */
static const char raw[] = "GET /scep?operation=GetCACapXs HTTP/1.1\r\n\r\n";

static void write_raw(const char *directory)
{
	uint8_t seed[2 * RECORD_BYTES + sizeof(raw) - 1] = {0};

	seed[RECORD_BYTES + 1] = 2;
	seed[RECORD_BYTES + 3] = sizeof(raw) - 1;
	memcpy(seed + 2 * RECORD_BYTES, raw, sizeof(raw) - 1);
	seed_write(directory, "raw", 0, seed, sizeof(seed));
}

int main(int argc, char **argv)
{
	const char *directory = seed_directory(argc, argv);

	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++)
		seed_write(directory, seeds[i].name, i, seeds[i].records,
			   seeds[i].count * RECORD_BYTES);
	write_raw(directory);
	return EXIT_SUCCESS;
}
