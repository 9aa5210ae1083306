// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <errno.h>
/* Its BPF is the classic one and clashes with <linux/bpf.h>. */
#define PCAP_DONT_INCLUDE_PCAP_BPF_H
#include <pcap/dlt.h>
#include <pcap/pcap.h>
#include <string.h>

#include "capture.h"
#include "jsonl.h"
#include "times.h"
#include "../util/json.h"
#include "../util/log.h"

static void cleanup_pcap(pcap_t **pcap)
{
	if (*pcap)
		pcap_close(*pcap);
}
#define _cleanup_pcap_ __attribute__((cleanup(cleanup_pcap)))

/* Times in microseconds since 1970. */
struct capture_clock {
	__s64 first_us, last_us;
	size_t odd; /* frames whose date cannot be */
	bool running;
};

/* libpcap names the file in some of its reasons. */
static const char *without_name(const char *why, const char *path)
{
	const size_t len = strlen(path);

	return !strncmp(why, path, len) && !strncmp(why + len, ": ", 2) ? why + len + 2 : why;
}

static int open_capture(const char *path, pcap_t **ret)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	pcap_t *pcap = pcap_open_offline(path, why);

	if (!pcap)
		return sg_log_refusal(-EINVAL, "cannot read a capture from '%s': %s", path,
				      without_name(why, path));
	if (pcap_datalink(pcap) != DLT_EN10MB) {
		pcap_close(pcap);
		return sg_log_refusal(
			-EPROTONOSUPPORT,
			"'%s' has no Ethernet frames: capture on one interface (tcpdump -i "
			"eth0), not on 'any'",
			path);
	}
	*ret = pcap;
	return 0;
}

/* One frame; index counts from 0. A frame the program cannot be run on is told and left out. */
static int feed_frame(struct sg_classifier *c, size_t index, const struct pcap_pkthdr *header,
		      const u_char *bytes)
{
	int err = sg_classifier_frame(c, bytes, header->caplen);

	if (err == -EMSGSIZE) {
		sg_log_warning(
			"frame %zu of %u bytes is left out: %s", index, header->caplen,
			"longer than a driver gives the program (captured with gro or tso on?)");
		return 0;
	}
	if (err)
		return sg_log_refusal(err, "frame %zu: %s", index, sg_classify_reason(err));
	return 0;
}

/* The case's clock when this frame came, by the capture's own time stamps. One that is older than the
 * frame before it (several interfaces in one file), or years younger, came at the same time.
 */
static int set_time(struct sg_classifier *c, struct capture_clock *clock,
		    const struct timeval *stamp)
{
	const __s64 at_us = (__s64)stamp->tv_sec * 1000000 + stamp->tv_usec;

	if (!clock->running)
		clock->first_us = clock->last_us = at_us;
	clock->running = true;
	if (at_us < clock->last_us || at_us - clock->first_us > SG_CLASSIFY_SPAN_MAX * 1000000)
		clock->odd++;
	else
		clock->last_us = at_us;
	return sg_classifier_time(c, (__u64)(clock->last_us - clock->first_us) * 1000);
}

static int feed_capture(struct sg_classifier *c, pcap_t *pcap, const char *path)
{
	struct capture_clock clock = {};
	struct pcap_pkthdr *header;
	const u_char *bytes;
	size_t index = 0, cut = 0;
	int next, err = sg_classifier_begin(c);

	while (!err && (next = pcap_next_ex(pcap, &header, &bytes)) != PCAP_ERROR_BREAK) {
		if (next < 0) {
			sg_log_warning("'%s' ends after %zu frames: %s", path, index,
				       pcap_geterr(pcap));
			break;
		}
		cut += header->caplen < header->len;
		err = set_time(c, &clock, &header->ts);
		err = err ? err : feed_frame(c, index, header, bytes);
		index++;
	}
	if (cut)
		sg_log_warning(
			"%zu frames were cut by the capture and cannot be read: capture whole "
			"ones (tcpdump -s 0)",
			cut);
	if (clock.odd)
		sg_log_warning(
			"%zu frames are dated before the one they follow, or years after the first: "
			"taken for as old as the one before",
			clock.odd);
	return err;
}

static void print_text(FILE *out, const struct sg_classify_result *result)
{
	for (size_t i = 0; i < result->request_count; i++) {
		const struct sg_classify_request *request = &result->requests[i];
		char text[SG_LISTEN_TEXT];
		struct sg_addr addr;

		memcpy(addr.b, &request->key.client, sizeof(addr.b));
		fprintf(out, "%-28s %s\n",
			sg_addr_format_listen(&addr, ntohs(request->key.client_port), text),
			sg_classify_name(request->request_class));
	}
	if (!result->request_count)
		fputs(result->tracked ? "no request on any connection\n"
				      : "no connection to the service: see --service\n",
		      out);
	if (result->dropped_count)
		fprintf(out, "%zu frames would be dropped\n", result->dropped_count);
}

int sg_classify_capture(struct sg_classifier *c, const char *path, bool json, FILE *out)
{
	_cleanup_pcap_ pcap_t *pcap = NULL;
	struct sg_classify_result result;
	int err = open_capture(path, &pcap);

	if (!err)
		err = feed_capture(c, pcap, path);
	if (!err)
		err = sg_classifier_end(c, &result);
	if (err)
		return err;
	if (json)
		return sg_json_print(out, sg_classify_json(&result));
	print_text(out, &result);
	return 0;
}
