// SPDX-License-Identifier: GPL-2.0-only
/* Says what libmicrohttpd reads: <<METHOD|operation>>. reader_microhttpd PORT; ends with its input. */
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>

#define TEXT_MAX 4096

static enum MHD_Result answer(void *cls, struct MHD_Connection *conn, const char *url,
			      const char *method, const char *version, const char *upload,
			      size_t *upload_size, void **request)
{
	static int known;
	const char *value;
	char text[TEXT_MAX];
	struct MHD_Response *response;
	enum MHD_Result result;

	(void)cls, (void)url, (void)version, (void)upload;
	if (!*request || *upload_size) {
		*request = &known;
		*upload_size = 0;
		return MHD_YES;
	}
	value = MHD_lookup_connection_value(conn, MHD_GET_ARGUMENT_KIND, "operation");
	snprintf(text, sizeof(text), "<<%s|=%s>>", method, value ? value : "");
	response = MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_COPY);
	result = MHD_queue_response(conn, MHD_HTTP_OK, response);
	MHD_destroy_response(response);
	return result;
}

int main(int argc, char **argv)
{
	struct sockaddr_in where = {.sin_family = AF_INET};
	struct MHD_Daemon *daemon;
	char byte;

	where.sin_port = htons((unsigned short)(argc > 1 ? atoi(argv[1]) : 0));
	where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, answer, NULL,
				  MHD_OPTION_SOCK_ADDR, &where, MHD_OPTION_CONNECTION_TIMEOUT, 2u,
				  MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)131072,
				  MHD_OPTION_END);
	if (!daemon) {
		fputs("reader_microhttpd: expected a free port as first argument\n", stderr);
		return EXIT_FAILURE;
	}
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	MHD_stop_daemon(daemon);
	return EXIT_SUCCESS;
}
