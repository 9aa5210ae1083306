// SPDX-License-Identifier: GPL-2.0-only
/* Known sources as JSON. */
#include <string.h>

#include "labels.h"
#include "run.h"
#include "top_sources.h"
#include "../../bpf/core/sources.h"
#include "../util/json.h"

/* Zero counts are left out: a list of a thousand sources is long enough. */
static json_t *nonzero_json(const __u32 *counts, __u32 n, const char *(*label)(__u32))
{
	_cleanup_json_ json_t *j = json_object();
	int bad = 0;

	for (__u32 i = 0; i < n; i++)
		if (counts[i])
			bad |= json_object_set_new(j, label(i), json_integer(counts[i]));
	return bad ? NULL : json_incref(j);
}

/* A host's own address, or the prefix that counts as one source. */
static json_t *address_json(const struct sg_daemon *d, const struct sg_ip *ip)
{
	struct sg_addr_prefix prefix;
	char text[SG_PREFIX_TEXT];

	memcpy(prefix.addr.b, ip, sizeof(prefix.addr.b));
	prefix.bits = sg_addr_is_v4(&prefix.addr) ? SG_ADDR_V4_BITS + d->conf->sources.ipv4_prefix
						  : d->conf->sources.ipv6_prefix;
	if (prefix.bits == 128)
		return sg_json_addr(&prefix.addr);
	return json_string(sg_prefix_format(&prefix, text));
}

static const char *service_name(const struct sg_daemon *d, __u32 index)
{
	return index < SG_SERVICES && d->names.name[index][0] ? d->names.name[index] : "unknown";
}

static int add_history(json_t *j, const struct sg_daemon *d, const struct sg_source *src)
{
	bool answered = false;

	for (int i = 0; i < SG_STATUS_CLASSES; i++)
		answered |= src->answers[i] != 0;
	return json_object_set_new(
		       j, "first_seen_time",
		       sg_run_time_json(sg_tables_time(&d->tables, d->guard, src->first_seen))) |
	       json_object_set_new(
		       j, "last_seen_time",
		       sg_run_time_json(sg_tables_time(&d->tables, d->guard, src->last_seen))) |
	       json_object_set_new(j, "requests",
				   nonzero_json(src->requests, SG_REQUEST_MAX_, sg_label_class)) |
	       json_object_set_new(
		       j, "answers",
		       nonzero_json(src->answers, SG_STATUS_CLASSES, sg_label_status_class)) |
	       json_object_set_new(j, "last_status",
				   answered ? json_integer(src->last_status) : json_null());
}

/* The data plane's clock at this moment: entries read now are newer than the last tick. */
__u64 sg_run_now(const struct sg_daemon *d)
{
	__u64 now;

	return sg_guard_clock(d->guard, &now, NULL) ? d->tables.now_ticks : now;
}

json_t *sg_run_source_json(const struct sg_daemon *d, const struct sg_source_key *key,
			   const struct sg_source *src)
{
	_cleanup_json_ json_t *j = json_object();
	__u64 now = sg_run_now(d);
	__u32 priority = sg_source_predict(src, sg_guard_times(d->guard), now);
	int bad =
		json_object_set_new(j, "address", address_json(d, &key->ip)) |
		json_object_set_new(j, "service", sg_json_text(service_name(d, key->service))) |
		json_object_set_new(j, "connections", json_integer(src->connections)) |
		json_object_set_new(j, "admitted", json_integer(src->admitted)) |
		json_object_set_new(j, "last_class", json_string(sg_label_class(src->last_class))) |
		json_object_set_new(j, "in_progress", json_boolean(sg_source_claims(src, now))) |
		json_object_set_new(j, "left_unfinished", json_boolean(src->left_unfinished)) |
		json_object_set_new(j, "broke_word", json_boolean(src->broke_word)) |
		json_object_set_new(j, "priority", json_string(sg_label_priority(priority))) |
		add_history(j, d, src);

	return bad ? NULL : json_incref(j);
}

/* Returns how many sources there are, or a negative errno. */
static int gather(const struct sg_daemon *d, struct sg_top_sources *top)
{
	struct sg_maps_walk walk;
	int total = 0,
	    n = sg_maps_walk_open(&walk, sg_guard_map_fd(d->guard, SG_MAP_SOURCES),
				  sizeof(struct sg_source_key), sizeof(struct sg_source));
	bool end = false;

	while (n >= 0 && !end) {
		const struct sg_source_key *keys = walk.keys;
		const struct sg_source *sources = walk.values;

		n = sg_maps_walk_next(&walk, &end);
		for (int i = 0; i < n; i++)
			sg_top_sources_add(top, &keys[i], &sources[i]);
		total += n > 0 ? n : 0;
	}
	sg_maps_walk_close(&walk);
	sg_top_sources_finish(top);
	return n < 0 ? n : total;
}

json_t *sg_run_sources_json(struct sg_daemon *d, const struct sg_control_request *req)
{
	struct sg_top_sources top;
	json_t *list = json_array();
	int total, bad = 0;

	if (sg_top_sources_open(&top, req->sort, req->limit)) {
		json_decref(list);
		return NULL;
	}
	total = gather(d, &top);
	for (__u32 i = 0; i < top.count && total >= 0; i++)
		bad |= json_array_append_new(
			list, sg_run_source_json(d, &top.entries[i].key, &top.entries[i].src));
	sg_top_sources_close(&top);
	if (bad || total < 0) {
		json_decref(list);
		return NULL;
	}
	return json_pack("{s:o, s:i}", "sources", list, "total", total);
}
