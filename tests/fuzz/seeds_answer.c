// SPDX-License-Identifier: GPL-2.0-only
/* Writes heads of answers as seeds for fuzz_answer. */
#include "seeds.h"

#define CONTINUE "HTTP/1.1 100 Continue\r\n\r\n"

static const char *const answers[] = {
	"HTTP/1.1 404 Not Found\r\nServer: cisco-IOS\r\nAccept-Ranges: none\r\n\r\n404 Not Found\r\n",
	"HTTP/1.1 200 OK\r\nContent-Type: application/x-x509-next-ca-cert\r\n\r\n",
	"HTTP/1.0 200 OK\r\ncontent-type:text/plain; charset=utf-8\r\nContent-Length: 25\r\n\r\n",
	"HTTP/1.1 200\n\n",
	CONTINUE "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 102 x\r\nA: b\r\n\r\nHTTP/1.1 103 y\r\n\r\nHTTP/1.0 500 z\r\n",
	"HTTP/1.1 101 Switching\r\n\r\n",
	"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\n folded\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
	"HTTP/1.1 200 OK\r\nContent-Length: 999999999999999999\r\nContent-Length : 3\r\n\r\n",
	"HTTP/2.0 200 OK\r\n",
	"\x15\x03\x01",
};

int main(int argc, char **argv)
{
	const char *directory = seed_directory(argc, argv);
	char seed[512];

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		/* The first byte is the size of the pieces. */
		int len = snprintf(seed, sizeof(seed), "%c%s", (int)i, answers[i]);

		seed_write(directory, "answer", i, seed, (size_t)len);
	}
	return EXIT_SUCCESS;
}
