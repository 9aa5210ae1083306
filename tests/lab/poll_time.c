// SPDX-License-Identifier: GPL-2.0-only
/* poll_time OBJECT: what the kernel spends in the NAPI polls of veth devices. Prints "ready", then
 * for every line on standard input one JSON list of all sums so far; ends with its input.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "poll_time.h"

static int attach_all(struct bpf_object *object)
{
	struct bpf_program *program;

	bpf_object__for_each_program(
		program,
		object) if (!bpf_program__attach(program)) /* stays until the process ends */
		return -errno;
	return 0;
}

static void print_sums(int sums_fd)
{
	struct poll_key key, *last = NULL;
	const char *comma = "";
	struct poll_sum sum;

	putchar('[');
	while (!bpf_map_get_next_key(sums_fd, last, &key)) {
		last = &key;
		if (bpf_map_lookup_elem(sums_fd, &key, &sum))
			continue;
		printf("%s{\"netns\": %u, \"ifindex\": %u, \"pid\": %u, \"ns\": %llu, "
		       "\"packets\": %llu, \"polls\": %llu}",
		       comma, key.netns_inum, key.ifindex, key.pid, (unsigned long long)sum.ns,
		       (unsigned long long)sum.packets, (unsigned long long)sum.polls);
		comma = ", ";
	}
	puts("]");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct bpf_object *object;
	char line[64];
	int err;

	if (argc != 2) {
		fputs("usage: poll_time OBJECT\n", stderr);
		return 2;
	}
	object = bpf_object__open_file(argv[1], NULL);
	err = object ? bpf_object__load(object) : -errno;
	if (!err)
		err = attach_all(object);
	if (err) {
		fprintf(stderr, "poll_time: '%s': %s\n", argv[1], strerror(-err));
		return 1;
	}
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin))
		print_sums(bpf_object__find_map_fd_by_name(object, "poll_sums"));
	bpf_object__close(object);
	return 0;
}
