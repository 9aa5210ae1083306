// SPDX-License-Identifier: GPL-2.0-only
/* Writes the known request lines into a directory, one file each, as seeds for fuzz_http_line. */
#include "seeds.h"
#include "../fixtures/request_lines.h"

int main(int argc, char **argv)
{
	const char *directory = seed_directory(argc, argv);
	static char seed[65536];

	for (size_t i = 0; i < SG_REQUEST_LINES; i++) {
		const struct sg_request_line *row = &sg_request_lines[i];

		if (row->len >= sizeof(seed))
			continue;
		/* The first byte is the size of the pieces. */
		seed[0] = (char)(i % 64);
		memcpy(seed + 1, row->bytes, row->len);
		seed_write(directory, "line", i, seed, row->len + 1);
	}
	return EXIT_SUCCESS;
}
