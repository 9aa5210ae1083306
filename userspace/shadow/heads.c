// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>

#include "heads.h"
#include "../http/answer_head.h"

static bool is_for(const struct sg_head *head, const struct sg_event *ev)
{
	return head->used && head->endpoint == ev->endpoint &&
	       head->client_port == ev->client_port && head->request_number == ev->request_number &&
	       !memcmp(&head->client, &ev->client, sizeof(ev->client));
}

static struct sg_head *find(struct sg_heads *h, const struct sg_event *ev)
{
	for (int i = 0; i < SG_HEADS; i++)
		if (is_for(&h->heads[i], ev))
			return &h->heads[i];
	return NULL;
}

static struct sg_head *empty_or_oldest(struct sg_heads *h)
{
	struct sg_head *oldest = &h->heads[0];

	for (int i = 0; i < SG_HEADS; i++) {
		if (!h->heads[i].used)
			return &h->heads[i];
		if (h->heads[i].begun_ns < oldest->begun_ns)
			oldest = &h->heads[i];
	}
	return oldest;
}

static void begin(struct sg_head *head, const struct sg_event *ev, __u64 now_ns)
{
	*head = (struct sg_head){
		.used = true,
		.service = ev->service,
		.endpoint = ev->endpoint,
		.request_number = ev->request_number,
		.client_port = ev->client_port,
		.client = ev->client,
		.begun_ns = now_ns,
	};
}

/* A piece that does not continue what is there says nothing: one before it was lost. */
static void append(struct sg_head *head, const struct sg_answer_event *record)
{
	const struct sg_event *ev = &record->event;
	size_t n = ev->head_bytes;

	if (ev->head_offset != head->len || n > sizeof(record->head))
		return;
	if (n > sizeof(head->bytes) - head->len)
		n = sizeof(head->bytes) - head->len;
	memcpy(head->bytes + head->len, record->head, n);
	head->len += n;
}

static bool is_finished(const struct sg_head *head)
{
	struct sg_answer_head read;
	int err = sg_answer_head_read(head->bytes, head->len, &read);

	return head->len == sizeof(head->bytes) || err == -EBADMSG || (!err && read.complete);
}

static void take(struct sg_head *head, struct sg_head *done)
{
	*done = *head;
	head->used = false;
}

bool sg_heads_add(struct sg_heads *h, const struct sg_answer_event *record, __u64 now_ns,
		  struct sg_head *done)
{
	struct sg_head *head = find(h, &record->event);
	bool pushed_out = false;

	if (!head) {
		head = empty_or_oldest(h);
		pushed_out = head->used;
		if (pushed_out)
			*done = *head;
		begin(head, &record->event, now_ns);
	}
	if (record->event.status)
		head->status = record->event.status;
	append(head, record);
	if (pushed_out)
		return true;
	if (!is_finished(head))
		return false;
	take(head, done);
	return true;
}

bool sg_heads_expire(struct sg_heads *h, __u64 before_ns, struct sg_head *done)
{
	for (int i = 0; i < SG_HEADS; i++) {
		if (h->heads[i].used && h->heads[i].begun_ns < before_ns) {
			take(&h->heads[i], done);
			return true;
		}
	}
	return false;
}
