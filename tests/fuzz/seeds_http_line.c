// SPDX-License-Identifier: GPL-2.0-only
/* Writes the known request lines into a directory, one file each, as seeds for fuzz_http_line. */
#include "seeds.h"
#include "../fixtures/request_lines.h"

#define POST "POST /scep?operation=PKIOperation HTTP/1.1\r\n"
#define GET  "GET /scep?operation=GetCACaps HTTP/1.1\r\n"

/* Lines with what may follow them. */
static const char *const heads[] = {
	POST "Content-Length: 5\r\n\r\nabcdeGET",
	POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
	POST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	POST "Content-Length: 99999999999\r\nX: y\r\n\r\n",
	POST "Content-Length:5 \nA\x01: b\n\nabcde",
	GET "Host: a\r\n folded\r\nX: \r y\r\n\r\n\r\nGET /",
	GET "Host: example.org\r\nUser-Agent: a rather long one\r\n\r\n",
	GET "\r\n" GET "\r\n",
};

/* A head longer than the short cut looks, and another request behind it. */
static void write_long_head(const char *directory)
{
	char seed[1024] = "\x7f" GET;
	size_t len = strlen(seed);

	for (int i = 0; i < 70; i++, len += 5)
		strcpy(seed + len, "a:b\r\n");
	strcpy(seed + len, "\r\n" GET "\r\n");
	seed_write(directory, "long", 0, seed, strlen(seed));
}

static void write_heads(const char *directory)
{
	char seed[512];

	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		int len = snprintf(seed, sizeof(seed), "%c%s", (int)i * 16, heads[i]);

		seed_write(directory, "head", i, seed, (size_t)len);
	}
}

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
	write_heads(directory);
	write_long_head(directory);
	return EXIT_SUCCESS;
}
