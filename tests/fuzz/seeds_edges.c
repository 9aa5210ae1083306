// SPDX-License-Identifier: GPL-2.0-only
/* Writes refusals, and the requests they answer, as seeds for fuzz_edges. */
#include "seeds.h"

#define ASKED \
	"GET /pkiclient.exe?operation=GetNextCACert&message=ONE HTTP/1.0\r\nHost: 192.0.2.17\r\n\r\n"

static const struct {
	const char *request, *answer;
} pairs[] = {
	{ASKED,
	 "HTTP/1.1 404 Not Found\r\nServer: cisco-IOS\r\nAccept-Ranges: none\r\n\r\n404 Not Found\r\n"},
	{ASKED, "HTTP/1.0 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"},
	{ASKED, "HTTP/1.1 404\r\ncontent-length:\t9 \r\nX: \xc3\xa4\r\n\r\nNot here\n"},
	{ASKED, "HTTP/1.1 404 No\r\nContent-Length: 2\r\nContent-Length: 02\r\n\r\n??"},
	{ASKED, "HTTP/1.1 404 No\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n??"},
	{ASKED, "HTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
	{ASKED, "HTTP/1.1 404 No\r\nSet-Cookie: you=1\r\nContent-Length: 0\r\n\r\n"},
	{ASKED, "HTTP/1.1 404 No\r\nX: 1\r\n folded: 1\r\nContent-Length: 0\r\n\r\n"},
	{ASKED, "HTTP/1.1 404 No\r\nContent-Length: 21\r\n\r\nno such message=ONE \n"},
	{ASKED, "HTTP/1.1 404 No\r\nContent-Length: 22\r\n\r\nServer at 192.0.2.17 \n"},
	{ASKED, "HTTP/1.1 404 No\r\nContent-Length: 513\r\n\r\n"},
	{ASKED, "HTTP/1.1 4040 No\r\nContent-Length: 0\r\n\r\n"},
	{ASKED, "HTTP/1.1 404 No\nContent-Length: 0\n\n"},
	{ASKED, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
	{"GET /%61bcdefgh HTTP/1.1\r\n\r\n", "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"},
	{"GET /ab\r\nHost:\tx\r\n\r\n", "HTTP/1.1 404 No\r\nContent-Length: 4\r\n\r\n/abx"},
};

int main(int argc, char **argv)
{
	const char *directory = seed_directory(argc, argv);
	char seed[1024];

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		for (int how = 0; how < 4; how++) {
			/* Closed behind it or not; in pieces of 29 bytes or whole. */
			int len = snprintf(seed, sizeof(seed), "%c%s%c%s",
					   (how & 2 ? 0xfe : 14) | (how & 1), pairs[i].request,
					   '\0', pairs[i].answer);

			seed_write(directory, "edges", 4 * i + how, seed, (size_t)len);
		}
	return EXIT_SUCCESS;
}
