/* SPDX-License-Identifier: GPL-2.0-only */
/* Writing seeds: one file each into a directory. */
#ifndef SG_FUZZ_SEEDS_H
#define SG_FUZZ_SEEDS_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Write DIRECTORY/NAME-NUMBER. Ends the program when that fails. */
static inline void seed_write(const char *directory, const char *name, size_t number,
			      const void *bytes, size_t len)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s-%03zu", directory, name, number);
	file = fopen(path, "w");
	if (!file || fwrite(bytes, 1, len, file) != len || fclose(file)) {
		fprintf(stderr, "cannot write the seed '%s': %s\n", path, strerror(errno));
		exit(EXIT_FAILURE);
	}
}

/* The only argument of a program that writes seeds. */
static inline const char *seed_directory(int argc, char **argv)
{
	if (argc == 2)
		return argv[1];
	fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
	exit(EXIT_FAILURE);
}

#endif
