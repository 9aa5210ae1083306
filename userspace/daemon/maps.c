// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "maps.h"

int sg_maps_walk_open(struct sg_maps_walk *w, int fd, size_t key_size, size_t value_size)
{
	int err;

	*w = (struct sg_maps_walk){.key_size = key_size, .value_size = value_size};
	w->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	err = w->fd < 0 ? -errno : 0;
	w->keys = calloc(SG_MAPS_BATCH, key_size);
	w->values = calloc(SG_MAPS_BATCH, value_size);
	if (!err && (!w->keys || !w->values))
		err = -ENOMEM;
	if (err)
		sg_maps_walk_close(w);
	return err;
}

void sg_maps_walk_close(struct sg_maps_walk *w)
{
	free(w->keys);
	free(w->values);
	w->keys = NULL;
	w->values = NULL;
	if (w->fd > 0)
		close(w->fd);
	w->fd = -1;
}

int sg_maps_walk_next(struct sg_maps_walk *w, bool *end)
{
	__u32 next = 0, count = SG_MAPS_BATCH;
	int err;

	*end = false;
	err = bpf_map_lookup_batch(w->fd, w->begun ? &w->cursor : NULL, &next, w->keys, w->values,
				   &count, NULL);
	if (err && errno != ENOENT)
		return -errno;
	if (err) {
		w->begun = false;
		*end = true;
		return count;
	}
	w->begun = true;
	w->cursor = next;
	return count;
}

int sg_maps_sum(int fd, __u32 index, __u64 *sum, size_t size, __u64 *scratch)
{
	int cpus = sg_maps_cpus();
	size_t words = size / sizeof(*sum);

	if (bpf_map_lookup_elem(fd, &index, scratch))
		return -errno;
	memset(sum, 0, size);
	for (int cpu = 0; cpu < cpus; cpu++)
		for (size_t i = 0; i < words; i++)
			sum[i] += scratch[cpu * words + i];
	return 0;
}

int sg_maps_cpus(void)
{
	static int cpus;

	if (!cpus)
		cpus = libbpf_num_possible_cpus();
	return cpus > 0 ? cpus : 1;
}
