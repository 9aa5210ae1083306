// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "client.h"
#include "doc.h"
#include "target.h"
#include "../util/cleanup.h"
#include "../util/json.h"

#define ANSWER_TIMEOUT_S 10

struct sg_client {
	FILE *stream;
	int fd; /* of the stream */
	char *line;
	size_t room;
};

static int connect_to(const char *path, int *ret_fd)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = -1;

	if (strlen(path) >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	strcpy(sa.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof(sa)))
		return -errno;
	*ret_fd = SG_TAKE_FD(fd);
	return 0;
}

static int say_no_connection(int err, const char *path)
{
	if (err == -ENOENT || err == -ECONNREFUSED || err == -ENOTDIR)
		return -ENOENT;
	if (err == -EACCES || err == -EPERM)
		fprintf(stderr,
			"scepguard: may not speak to the guard at '%s': run this as root, or as a "
			"member of the group scepguard\n",
			path);
	else
		fprintf(stderr, "scepguard: cannot connect to '%s': %s\n", path, strerror(-err));
	return err;
}

int sg_client_open(const char *runtime, struct sg_client **ret)
{
	char path[4096];
	struct sg_client *client;
	int err, fd = -1;

	snprintf(path, sizeof(path), "%s/control.sock", runtime);
	err = connect_to(path, &fd);
	if (err)
		return say_no_connection(err, path);
	client = calloc(1, sizeof(*client));
	if (client)
		client->stream = fdopen(fd, "r+");
	if (!client || !client->stream) {
		close(fd);
		free(client);
		return -ENOMEM;
	}
	client->fd = fd;
	*ret = client;
	return 0;
}

int sg_client_send(struct sg_client *client, json_t *request)
{
	_cleanup_free_ char *text = request ? json_dumps(request, JSON_COMPACT) : NULL;
	size_t sent = 0, len;

	json_decref(request);
	if (!text) {
		fputs("scepguard: out of memory\n", stderr);
		return -ENOMEM;
	}
	len = strlen(text);
	text[len] = '\n'; /* in the place of the NUL: one line, one send */
	while (sent <= len) {
		ssize_t n = send(client->fd, text + sent, len + 1 - sent, MSG_NOSIGNAL);

		if (n < 0) {
			fprintf(stderr, "scepguard: the daemon did not take the question: %s\n",
				strerror(errno));
			return -errno;
		}
		sent += (size_t)n;
	}
	return 0;
}

int sg_client_line(struct sg_client *client, unsigned int timeout_s, const char **line)
{
	struct timeval patience = {.tv_sec = timeout_s};
	ssize_t n;

	setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	errno = 0;
	n = getline(&client->line, &client->room, client->stream);
	if (n > 0 && client->line[n - 1] == '\n') {
		client->line[n - 1] = '\0';
		*line = client->line;
		return 1;
	}
	if (errno == EAGAIN || errno == EWOULDBLOCK) {
		fprintf(stderr,
			"scepguard: the daemon did not answer within %u s: see its log, journalctl -u "
			"scepguard\n",
			timeout_s);
		return -ETIMEDOUT;
	}
	return 0; /* closed, perhaps in the middle of a line */
}

void sg_client_close(struct sg_client *client)
{
	if (!client)
		return;
	fclose(client->stream);
	free(client->line);
	free(client);
}

static void say_refusal(const json_t *answer)
{
	const char *error = sg_doc_text(answer, "error");
	const json_t *finding;
	size_t i;

	fprintf(stderr, "scepguard: %s\n", *error ? error : "the daemon refused without a reason");
	json_array_foreach (sg_doc_at(answer, "findings"), i, finding) {
		const char *type = sg_doc_text(finding, "what_to_type");

		fprintf(stderr, "  %s: %s\n", sg_doc_text(finding, "subject"),
			sg_doc_text(finding, "sentence"));
		if (*type)
			fprintf(stderr, "    do: %s\n", type);
	}
}

json_t *sg_client_read_answer(const char *line)
{
	_cleanup_json_ json_t *answer = json_loads(line, 0, NULL);

	if (!json_is_object(answer)) {
		fputs("scepguard: the daemon answered what is not JSON: are daemon and command of the "
		      "same version?\n",
		      stderr);
		return NULL;
	}
	sg_doc_make_printable(answer);
	if (!json_is_true(json_object_get(answer, "ok"))) {
		say_refusal(answer);
		return NULL;
	}
	return SG_TAKE_PTR(answer);
}

int sg_client_say_not_running(const char *runtime)
{
	fprintf(stderr,
		"scepguard: no guard runs here (nobody answers at %s/control.sock): start it with "
		"`systemctl start scepguard`, or name another with -c FILE or --runtime DIR\n",
		runtime);
	return SG_EXIT_NOT_RUNNING;
}

/* As it came; but the exit status tells whether it is an answer. */
static int print_raw(const char *line, json_t **ret)
{
	_cleanup_json_ json_t *answer = json_loads(line, 0, NULL);

	puts(line);
	if (!json_is_true(json_object_get(answer, "ok")))
		return SG_EXIT_FAILED;
	*ret = SG_TAKE_PTR(answer);
	return SG_EXIT_OK;
}

int sg_client_exchange(struct sg_client *client, const struct sg_cli_args *args, json_t *request,
		       json_t **ret)
{
	const char *line;
	int n;

	if (sg_client_send(client, request))
		return SG_EXIT_FAILED;
	n = sg_client_line(client, ANSWER_TIMEOUT_S, &line);
	if (!n)
		fputs("scepguard: the daemon closed the connection without an answer\n", stderr);
	if (n <= 0)
		return SG_EXIT_FAILED;
	if (sg_cli_given(args, SG_OPT_JSON))
		return print_raw(line, ret);
	*ret = sg_client_read_answer(line);
	return *ret ? SG_EXIT_OK : SG_EXIT_FAILED;
}

int sg_client_ask(const struct sg_cli_args *args, json_t *request, json_t **ret)
{
	_cleanup_client_ struct sg_client *client = NULL;
	struct sg_target target;
	int err;

	err = sg_target_choose(args, &target);
	if (err) {
		json_decref(request);
		return SG_EXIT_FAILED;
	}
	err = sg_client_open(target.runtime, &client);
	if (err) {
		json_decref(request);
		return err == -ENOENT ? sg_client_say_not_running(target.runtime) : SG_EXIT_FAILED;
	}
	return sg_client_exchange(client, args, request, ret);
}
