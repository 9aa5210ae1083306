// SPDX-License-Identifier: GPL-2.0-only
/* Writes the known request lines into a directory, one file each, as seeds for fuzz_http_line. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../fixtures/request_lines.h"

static int write_seed(const char *directory, size_t i)
{
	const struct sg_request_line *row = &sg_request_lines[i];
	char path[4096];
	FILE *file;
	int err;

	snprintf(path, sizeof(path), "%s/line-%03zu", directory, i);
	file = fopen(path, "w");
	if (!file)
		return -errno;
	/* The first byte is the size of the pieces. */
	err = fputc(i % 64, file) == EOF || fwrite(row->bytes, 1, row->len, file) != row->len;
	if (fclose(file) || err)
		return -EIO;
	return 0;
}

int main(int argc, char **argv)
{
	size_t i;
	int err = 0;

	if (argc != 2) {
		fputs("usage: seeds_http_line DIRECTORY\n", stderr);
		return EXIT_FAILURE;
	}
	for (i = 0; !err && i < SG_REQUEST_LINES; i++)
		err = write_seed(argv[1], i);
	if (err)
		fprintf(stderr, "cannot write seeds to '%s': %s\n", argv[1], strerror(-err));
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
