// SPDX-License-Identifier: GPL-2.0-only
/* The state of both guards, entry by entry. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guards.h"
#include "kernel.h"

#define RECORDS_BYTES (1 << 20)

static void print_bytes(const __u8 *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		fprintf(stderr, "%02x", p[i]);
}

static void print_key(enum twin_map_id id, const void *key)
{
	const struct twin_map_spec *spec = twin_map_about(twin_map(id));

	fprintf(stderr, "%s[", spec->name);
	if (spec->key_size == 4)
		fprintf(stderr, "%u", *(const __u32 *)key);
	else
		print_bytes(key, spec->key_size);
	fprintf(stderr, "]");
}

/* First eight bytes, on a multiple of eight, that differ; all such are told, up to ten. */
static bool same_value(enum twin_map_id id, const void *key, const __u8 *twin, const __u8 *kernel)
{
	size_t len = twin_map_about(twin_map(id))->value_size, told = 0;
	char name[128];

	if (!memcmp(twin, kernel, len))
		return true;
	for (size_t i = 0; i < len && told < 10; i++) {
		if (twin[i] == kernel[i])
			continue;
		kernel_field(id, i, name, sizeof(name));
		i = i / 8 * 8;
		print_key(id, key);
		fprintf(stderr, ".%s (bytes %zu to %zu): twin ", name, i, i + 7);
		print_bytes(twin + i, len - i < 8 ? len - i : 8);
		fprintf(stderr, ", kernel ");
		print_bytes(kernel + i, len - i < 8 ? len - i : 8);
		fprintf(stderr, "\n");
		i += 7;
		told++;
	}
	return false;
}

/* Entries 0 to count - 1, one by one: large ones and counters. */
static bool same_entries(enum twin_map_id id, __u32 count)
{
	static __u64 value[(sizeof(struct sg_budget) + 7) / 8];
	bool same = true;

	for (__u32 i = 0; i < count; i++) {
		kernel_read(id, &i, value);
		same &= same_value(id, &i, twin_map_lookup(twin_map(id), &i), (__u8 *)value);
	}
	return same;
}

static bool same_array(enum twin_map_id id)
{
	static __u8 values[1 << 20];
	const struct twin_map_spec *spec = twin_map_about(twin_map(id));
	bool same = true;

	if ((size_t)spec->max_entries * spec->value_size > sizeof(values))
		exit(2);
	kernel_read_all(id, spec->max_entries, values);
	for (__u32 i = 0; i < spec->max_entries; i++)
		same &= same_value(id, &i, twin_map_lookup(twin_map(id), &i),
				   values + (size_t)i * spec->value_size);
	return same;
}

static bool same_frames(void)
{
	__u32 count = twin_map_about(twin_map(TWIN_sg_frames))->max_entries, zero = 0;
	const struct sg_frame *ours = twin_map_lookup(twin_map(TWIN_sg_frames), &zero),
			      *theirs = kernel_frames();
	bool same = true;

	if (!memcmp(ours, theirs, count * sizeof(*ours)))
		return true;
	for (__u32 i = 0; i < count; i++)
		same &= same_value(TWIN_sg_frames, &i, (const __u8 *)&ours[i],
				   (const __u8 *)&theirs[i]);
	return same;
}

static bool same_hash(enum twin_map_id id)
{
	static __u8 keys[64 * 1024], values[1 << 20];
	const struct twin_map_spec *spec = twin_map_about(twin_map(id));
	__u32 count = kernel_read_hash(id, spec->max_entries, keys, values, false);
	bool same = count == twin_map_count(twin_map(id));

	if (!same)
		fprintf(stderr, "%s: twin has %u entries, kernel %u\n", spec->name,
			twin_map_count(twin_map(id)), count);
	for (__u32 i = 0; i < count; i++) {
		const __u8 *key = keys + (size_t)i * spec->key_size;
		const __u8 *ours = twin_map_lookup(twin_map(id), key);

		if (ours) {
			same &= same_value(id, key, ours, values + (size_t)i * spec->value_size);
			continue;
		}
		print_key(id, key);
		fprintf(stderr, ": in the kernel only\n");
		same = false;
	}
	return same;
}

bool guards_compare(void)
{
	bool same;

	if (!kernel_is_open())
		return true;
	same = same_entries(TWIN_sg_stats, SG_SERVICES);
	same &= same_entries(TWIN_sg_passed, 1);
	same &= same_entries(TWIN_sg_budgets, GUARD_SERVICES);
	same &= same_entries(TWIN_sg_generation, 1);
	same &= same_array(TWIN_sg_conn_ring);
	same &= same_array(TWIN_sg_open_conns);
	same &= same_array(TWIN_sg_syn_limiter);
	same &= same_array(TWIN_sg_refused);
	if (twin_highest() >= SG_MODE_INTERCEPT) {
		same &= same_frames();
		same &= same_array(TWIN_sg_held_by);
		same &= same_array(TWIN_sg_questions);
		same &= same_entries(TWIN_sg_intercepts, SG_SERVICES);
		same &= same_entries(TWIN_sg_ticket, 1);
		same &= same_hash(TWIN_sg_waiting);
	}
	same &= same_hash(TWIN_sg_conns);
	same &= same_hash(TWIN_sg_sources);
	return same;
}

/* ---- records ---- */

struct records {
	size_t used;
	__u32 count;
	__u64 bytes[RECORDS_BYTES / 8];
};

static void keep(void *ctx, const void *record, size_t len)
{
	struct records *to = ctx;
	size_t room = 8 + (len + 7) / 8 * 8;

	if (to->used + room > RECORDS_BYTES)
		exit(2);
	to->bytes[to->used / 8] = len;
	memcpy((__u8 *)to->bytes + to->used + 8, record, len);
	to->used += room;
	to->count++;
}

/* Of a record the bytes behind head_bytes are whatever the ring held before. */
static size_t told_bytes(const struct sg_event *event, size_t len)
{
	size_t told = sizeof(struct sg_event);

	if (len == sizeof(struct sg_answer_event))
		told += event->head_bytes;
	return told < len ? told : len;
}

static bool same_record(__u32 number, const struct sg_event *twin, size_t twin_len,
			const struct sg_event *kernel, size_t kernel_len)
{
	size_t len = told_bytes(twin, twin_len);

	if (twin_len == kernel_len && !memcmp(twin, kernel, len))
		return true;
	fprintf(stderr, "record %u (kind %u): twin %zu bytes, kernel %zu bytes\n  twin   ", number,
		twin->kind, twin_len, kernel_len);
	print_bytes((const __u8 *)twin, len);
	fprintf(stderr, "\n  kernel ");
	print_bytes((const __u8 *)kernel, told_bytes(kernel, kernel_len));
	fprintf(stderr, "\n");
	return false;
}

bool guards_drain(void (*take)(void *ctx, const struct sg_event *event), void *ctx)
{
	static struct records twin, kernel;
	size_t at = 0, kernel_at = 0;
	bool same = true;

	twin.used = kernel.used = twin.count = kernel.count = 0;
	twin_ring_drain(twin_map(TWIN_sg_events), keep, &twin);
	for (; take && at < twin.used; at += 8 + (twin.bytes[at / 8] + 7) / 8 * 8)
		take(ctx, (const struct sg_event *)&twin.bytes[at / 8 + 1]);
	if (!kernel_is_open())
		return true;
	kernel_drain(keep, &kernel);
	if (twin.count != kernel.count) {
		fprintf(stderr, "records: twin %u, kernel %u\n", twin.count, kernel.count);
		same = false;
	}
	at = 0;
	for (__u32 i = 0; i < twin.count && i < kernel.count; i++) {
		size_t len = twin.bytes[at / 8], kernel_len = kernel.bytes[kernel_at / 8];

		same &= same_record(i, (const struct sg_event *)&twin.bytes[at / 8 + 1], len,
				    (const struct sg_event *)&kernel.bytes[kernel_at / 8 + 1],
				    kernel_len);
		at += 8 + (len + 7) / 8 * 8;
		kernel_at += 8 + (kernel_len + 7) / 8 * 8;
	}
	return same;
}
