// SPDX-License-Identifier: GPL-2.0-only
/* Writes pairs of requests as seeds for fuzz_question. */
#include <string.h>

#include "seeds.h"

#define TARGET "GET /cgi-bin/pkiclient.exe?operation=GetNextCACert&message=a"

static const char *const pairs[][2] = {
	{TARGET " HTTP/1.0\r\nUser-Agent: x\r\nHost: 192.0.2.1\r\n\r\n",
	 TARGET " HTTP/1.1\r\nhost:192.0.2.1 \r\nAccept: */*\r\n\r\n"},
	{TARGET " HTTP/1.0\r\n\r\n", TARGET "b HTTP/1.0\r\nHost:\r\n\r\n"},
	{"GET /a HTTP/1.0\r\nHost: b\r\n\r\n", "GET /ab HTTP/1.0\r\nHost:       \r\n\r\n"},
	{"GET /a HTTP/1.0\r\nHost: b\r\nHost: b\r\n\r\n", "GET /a HTTP/1.0\r\nA: b\r\n c\r\n\r\n"},
	{"GET /a HTTP/1.0\r\nHost: b    \r\n\r\n", "GET /a HTTP/1.0\r\nHost:  b  \r\n\r\n"},
	{"GET /a HTTP/1.0\r\nA b: c\r\n\r\n", "GET /a HTTP/1.0\r\n: c\rd\r\n\r\nGET"},
};

int main(int argc, char **argv)
{
	const char *directory = seed_directory(argc, argv);
	char seed[1024];

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		int len = snprintf(seed, sizeof(seed), "%c%c%s%s", (int)(i & 1),
				   (int)strlen(pairs[i][0]), pairs[i][0], pairs[i][1]);

		seed_write(directory, "question", i, seed, (size_t)len);
	}
	return EXIT_SUCCESS;
}
