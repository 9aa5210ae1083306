// SPDX-License-Identifier: GPL-2.0-only
/* BPF objects from files: constants by name, maps, programs. */
#include <bpf/btf.h>

#include "program.h"

int object_open(const char *path, struct bpf_object **ret)
{
	struct bpf_object *obj = bpf_object__open_file(path, NULL);

	if (!obj)
		return bench_error(-errno, "cannot open '%s'", path);
	*ret = obj;
	return 0;
}

/* Offset and size of a variable in a section, by the object's own description. */
static int find_variable(const struct bpf_object *obj, const char *section, const char *name,
			 __u32 *offset, __u32 *size)
{
	const struct btf *btf = bpf_object__btf(obj);
	int id = btf ? btf__find_by_name_kind(btf, section, BTF_KIND_DATASEC) : -ENOENT;
	const struct btf_type *sec;

	if (id < 0)
		return -ENOENT;
	sec = btf__type_by_id(btf, id);
	for (__u32 i = 0; i < btf_vlen(sec); i++) {
		const struct btf_var_secinfo *var = btf_var_secinfos(sec) + i;
		const struct btf_type *type = btf__type_by_id(btf, var->type);

		if (strcmp(btf__name_by_offset(btf, type->name_off), name))
			continue;
		*offset = var->offset;
		*size = var->size;
		return 0;
	}
	return -ENOENT;
}

int object_set(struct bpf_object *obj, const char *name, const void *value, size_t size)
{
	__u32 offset, have;
	struct bpf_map *map;
	size_t map_size;
	uint8_t *data;
	int err = find_variable(obj, ".rodata", name, &offset, &have);

	if (err)
		return err;
	if (have != size)
		return bench_error(-EINVAL, "constant '%s' has %u bytes, expected %zu", name, have,
				   size);
	bpf_object__for_each_map (map, obj) {
		if (!strstr(bpf_map__name(map), ".rodata"))
			continue;
		data = (uint8_t *)bpf_map__initial_value(map, &map_size);
		if (!data || offset + size > map_size)
			return -EINVAL;
		memcpy(data + offset, value, size);
		return 0;
	}
	return -ENOENT;
}

int object_map_fd(const struct bpf_object *obj, const char *name)
{
	int fd = bpf_object__find_map_fd_by_name(obj, name);

	return fd < 0 ? bench_error(-ENOENT, "the object has no map '%s'", name) : fd;
}

int object_program_fd(const struct bpf_object *obj, const char *name)
{
	const struct bpf_program *prog = bpf_object__find_program_by_name(obj, name);

	return prog ? bpf_program__fd(prog)
		    : bench_error(-ENOENT, "the object has no program '%s'", name);
}
