// SPDX-License-Identifier: GPL-2.0-only
/* Sends packets out of a veth as fast as one CPU can, and says what receiving them cost there.
 *
 *   path_flood OBJECT attach DEV PROGRAM      the program of that name on DEV, until it is killed
 *   path_flood OBJECT send DEV key=value...   one burst; a line of JSON, times per packet
 *
 *   to=MAC source=ADDR:PORT target=ADDR:PORT   of the frame; the source's is replaced ...
 *   sources=N   ... by one of N addresses (a power of two) and any port; 0 (default): not
 *   flags=HEX seq=N ack=N                      TCP; default 02 (SYN), 1, 0
 *   packets=N first=N cpu=N                    how many, from which number on, on which CPU
 *   pps=N                                      at most so many a second; 0 (default): as fast as it goes
 *
 * A veth is received on the CPU that sent: with the sender pinned, one CPU sends 64 packets, then its
 * softirq receives them, in turn. So nothing is lost between the two however different their paces
 * are, and the time in NET_RX softirqs is the receive side's alone.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/tcp.h>

#include "path_flood.h"

#define BATCH          64 /* as a NAPI poll takes */
#define PACE_NS        2000000u
#define PACE_BEHIND_NS 50000000u
#define CPUS_MAX       1024

/* The pad puts the headers on their natural alignment. */
struct frame {
	__u8 pad[2];
	struct ethhdr eth;
	struct iphdr ip;
	struct tcphdr tcp;
	__u8 options[4];
};
#define IP_BYTES  (sizeof(struct frame) - offsetof(struct frame, ip))
#define TCP_BYTES (sizeof(struct frame) - offsetof(struct frame, tcp))

struct request {
	struct frame frame;
	unsigned int sources, packets, cpu, pps;
	__u64 first;
};

static int fail(int err, const char *what)
{
	fprintf(stderr, "path_flood: %s: %s\n", what, strerror(abs(err)));
	return -1;
}

/* Ones' complement sum of big-endian words; `bytes` is even. */
static __u32 sum16(const void *data, size_t bytes, __u32 sum)
{
	const __u8 *p = data;

	for (size_t i = 0; i < bytes; i += 2)
		sum += (__u32)p[i] << 8 | p[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static void frame_defaults(struct frame *f)
{
	static const __u8 mss_1460[4] = {2, 4, 0x05, 0xb4};

	f->eth.h_proto = htons(ETH_P_IP);
	f->ip = (struct iphdr){.version = 4,
			       .ihl = 5,
			       .tot_len = htons(IP_BYTES),
			       .ttl = 64,
			       .protocol = IPPROTO_TCP};
	f->tcp = (struct tcphdr){.doff = 6, .syn = 1, .seq = htonl(1), .window = htons(4128)};
	memcpy(f->options, mss_1460, sizeof(f->options));
}

static void frame_checksums(struct frame *f)
{
	__u32 pseudo = sum16(&f->ip.saddr, 8, IPPROTO_TCP + TCP_BYTES);

	f->ip.check = htons((__u16)~sum16(&f->ip, sizeof(f->ip), 0));
	f->tcp.check = htons((__u16)~sum16(&f->tcp, TCP_BYTES, pseudo));
}

/* Another segment than a SYN has no MSS option: four NOPs keep the length. */
static void frame_flags(struct frame *f, unsigned long flags)
{
	((__u8 *)&f->tcp)[13] = (__u8)flags;
	if (!f->tcp.syn)
		memset(f->options, 1, sizeof(f->options));
}

static int read_endpoint(const char *text, __be32 *address, __be16 *port)
{
	char host[INET_ADDRSTRLEN];
	unsigned int number;

	if (sscanf(text, "%15[0-9.]:%u", host, &number) != 2 || number > 65535 ||
	    inet_pton(AF_INET, host, address) != 1)
		return -EINVAL;
	*port = htons((__u16)number);
	return 0;
}

static int read_mac(const char *text, __u8 *mac)
{
	const struct ether_addr *read = ether_aton(text);

	if (!read)
		return -EINVAL;
	memcpy(mac, read, ETH_ALEN);
	return 0;
}

static int read_word(struct request *r, const char *key, const char *value)
{
	struct frame *f = &r->frame;

	if (!strcmp(key, "to"))
		return read_mac(value, f->eth.h_dest);
	if (!strcmp(key, "source"))
		return read_endpoint(value, &f->ip.saddr, &f->tcp.source);
	if (!strcmp(key, "target"))
		return read_endpoint(value, &f->ip.daddr, &f->tcp.dest);
	if (!strcmp(key, "sources"))
		r->sources = strtoul(value, NULL, 10);
	else if (!strcmp(key, "packets"))
		r->packets = strtoul(value, NULL, 10);
	else if (!strcmp(key, "first"))
		r->first = strtoull(value, NULL, 10);
	else if (!strcmp(key, "cpu"))
		r->cpu = strtoul(value, NULL, 10);
	else if (!strcmp(key, "pps"))
		r->pps = strtoul(value, NULL, 10);
	else if (!strcmp(key, "flags"))
		frame_flags(f, strtoul(value, NULL, 16));
	else if (!strcmp(key, "seq"))
		f->tcp.seq = htonl(strtoul(value, NULL, 10));
	else if (!strcmp(key, "ack"))
		f->tcp.ack_seq = htonl(strtoul(value, NULL, 10));
	else
		return -EINVAL;
	return 0;
}

static int read_request(struct request *r, int count, char **words)
{
	*r = (struct request){.packets = 1};
	frame_defaults(&r->frame);
	for (int i = 0; i < count; i++) {
		char *value = strchr(words[i], '=');

		if (value)
			*value++ = '\0';
		if (!value || read_word(r, words[i], value))
			return fail(EINVAL, words[i]);
	}
	if (r->sources & (r->sources - 1) || r->sources > 1u << 24)
		return fail(EINVAL, "sources");
	frame_checksums(&r->frame);
	return 0;
}

/* sources: NULL leaves the constants as they are. */
static struct bpf_object *load(const char *path, const unsigned int *sources)
{
	struct bpf_object *obj = bpf_object__open_file(path, NULL);
	struct bpf_map *map;

	if (!obj)
		return NULL;
	bpf_object__for_each_map (map, obj)
		if (sources && strstr(bpf_map__name(map), ".rodata"))
			bpf_map__set_initial_value(map, sources, sizeof(*sources));
	if (bpf_object__load(obj)) {
		bpf_object__close(obj);
		return NULL;
	}
	return obj;
}

static int program_fd(struct bpf_object *obj, const char *name)
{
	return bpf_program__fd(bpf_object__find_program_by_name(obj, name));
}

static int map_fd(struct bpf_object *obj, const char *name)
{
	return bpf_map__fd(bpf_object__find_map_by_name(obj, name));
}

/* The watch stays attached until the process ends. */
static int watch(struct bpf_object *obj)
{
	static const char *const names[] = {"path_entered", "path_left"};

	for (size_t i = 0; i < 2; i++)
		if (!bpf_program__attach(bpf_object__find_program_by_name(obj, names[i])))
			return -errno;
	return 0;
}

static struct path_watch watched(struct bpf_object *obj, unsigned int cpu)
{
	static struct path_watch all[CPUS_MAX];
	__u32 zero = 0;

	if (libbpf_num_possible_cpus() > CPUS_MAX || cpu >= CPUS_MAX ||
	    bpf_map_lookup_elem(map_fd(obj, "path_watched"), &zero, all))
		return (struct path_watch){0};
	return all[cpu];
}

static __u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (__u64)ts.tv_sec * 1000000000u + (__u64)ts.tv_nsec;
}

static int run_frames(struct bpf_object *obj, struct path_plan *plan, unsigned int ifindex,
		      unsigned int packets)
{
	struct xdp_md ctx = {.data_end = sizeof(plan->frame), .ingress_ifindex = ifindex};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = plan->frame,
		    .data_size_in = sizeof(plan->frame), .ctx_in = &ctx, .ctx_size_in = sizeof(ctx),
		    .repeat = (int)packets, .flags = BPF_F_TEST_XDP_LIVE_FRAMES,
		    .batch_size = BATCH);

	return bpf_prog_test_run_opts(program_fd(obj, "path_send"), &opts);
}

/* What is due every PACE_NS. Who was held up makes up for PACE_BEHIND_NS of it at most. */
static int run_paced(struct bpf_object *obj, const struct request *r, struct path_plan *plan,
		     unsigned int ifindex)
{
	__u64 began = now_ns(), due;
	unsigned int sent = 0, count;
	int err = 0;

	while (!err && sent < r->packets) {
		due = (now_ns() - began) * r->pps / 1000000000u;
		if (due > sent + (__u64)r->pps * PACE_BEHIND_NS / 1000000000u) {
			began += PACE_BEHIND_NS;
			continue;
		}
		if (due < sent + BATCH) {
			nanosleep(&(struct timespec){.tv_nsec = PACE_NS}, NULL);
			continue;
		}
		count = due < r->packets ? (unsigned int)due - sent : r->packets - sent;
		err = run_frames(obj, plan, ifindex, count);
		sent += count;
	}
	return err;
}

static int run(struct bpf_object *obj, struct request *r, unsigned int ifindex)
{
	struct path_plan plan = {.next = r->first};
	__u32 zero = 0;

	memcpy(plan.frame, &r->frame.eth, sizeof(plan.frame));
	if (bpf_map_update_elem(map_fd(obj, "path_planned"), &zero, &plan, BPF_ANY))
		return -errno;
	return r->pps ? run_paced(obj, r, &plan, ifindex)
		      : run_frames(obj, &plan, ifindex, r->packets);
}

/* The frame leaves with the device's own MAC. */
static int own_mac(const char *dev, __u8 *mac)
{
	struct ifreq ask = {0};
	int err, fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	snprintf(ask.ifr_name, sizeof(ask.ifr_name), "%s", dev);
	err = ioctl(fd, SIOCGIFHWADDR, &ask) ? -errno : 0;
	close(fd);
	if (!err)
		memcpy(mac, ask.ifr_hwaddr.sa_data, ETH_ALEN);
	return err;
}

static double per(__u64 ns, __u64 packets)
{
	return packets ? (double)ns / (double)packets : 0;
}

static int burst(struct bpf_object *obj, struct request *r, const char *dev)
{
	struct path_watch seen;
	cpu_set_t set;
	int err;

	CPU_ZERO(&set);
	CPU_SET(r->cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		return fail(errno, "cannot pin the sender");
	err = own_mac(dev, r->frame.eth.h_source);
	if (err)
		return fail(err, dev);
	err = watch(obj);
	if (err)
		return fail(err, "cannot attach to the softirq tracepoints");
	err = run(obj, r, if_nametoindex(dev));
	if (err)
		return fail(err, "cannot send live frames (the device needs an XDP program)");
	seen = watched(obj, r->cpu);
	printf("{\"packets\": %llu, \"receive_ns\": %.2f, \"send_ns\": %.2f, \"softirqs\": %llu}\n",
	       seen.received, per(seen.receive_ns, seen.received),
	       per(seen.send_ns, seen.send_count), seen.softirqs);
	return 0;
}

static int cmd_attach(const char *object, const char *dev, const char *name)
{
	struct bpf_object *obj = load(object, NULL);
	struct bpf_program *program = obj ? bpf_object__find_program_by_name(obj, name) : NULL;

	if (!program)
		return fail(errno, object);
	if (!bpf_program__attach_xdp(program, (int)if_nametoindex(dev)))
		return fail(errno, dev);
	puts("ready");
	fflush(stdout);
	pause();
	return 0;
}

static int cmd_send(const char *object, const char *dev, int count, char **words)
{
	struct bpf_object *obj;
	struct request request;
	int err;

	if (read_request(&request, count, words))
		return -1;
	obj = load(object, &request.sources);
	if (!obj)
		return fail(errno, object);
	err = burst(obj, &request, dev);
	bpf_object__close(obj);
	return err;
}

int main(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[2], "attach"))
		return cmd_attach(argv[1], argv[3], argv[4]) ? 1 : 0;
	if (argc > 4 && !strcmp(argv[2], "send"))
		return cmd_send(argv[1], argv[3], argc - 4, argv + 4) ? 1 : 0;
	fprintf(stderr, "usage: path_flood OBJECT attach DEV PROGRAM | send DEV key=value...\n");
	return 2;
}
