// SPDX-License-Identifier: GPL-2.0-only
/* What the CA answers, byte for byte as IOS does where that is known. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "ios_ca.h"

#define MESSAGE_BYTES_MIN 100 /* below this it is no CMS message but an empty PKIOperation */

static void http_date(char *date, size_t size)
{
	time_t now = time(NULL);
	struct tm tm;

	strftime(date, size, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &tm));
}

/* Exactly what IOS sends for a shadow certificate it does not have: no length, no type. */
static int refuse(struct ca_answer *answer, unsigned int status, const char *reason)
{
	char date[64];
	int n;

	http_date(date, sizeof(date));
	n = asprintf(&answer->text,
		     "HTTP/1.1 %u %s\r\nDate: %s\r\nServer: cisco-IOS\r\nAccept-Ranges: none\r\n"
		     "\r\n%u %s\r\n",
		     status, reason, date, status, reason);
	if (n < 0)
		return -ENOMEM;
	answer->bytes = (size_t)n;
	answer->status = status;
	return 0;
}

/* 200 with a body that looks like DER (a SEQUENCE of random bytes) unless text is given. */
static int give(struct ca_answer *answer, const char *type, const char *body, size_t body_bytes)
{
	char date[64], head[512];
	int n;

	http_date(date, sizeof(date));
	n = snprintf(head, sizeof(head),
		     "HTTP/1.1 200 OK\r\nDate: %s\r\nServer: cisco-IOS\r\nAccept-Ranges: none\r\n"
		     "Content-Type: %s\r\nContent-Length: %zu\r\n\r\n",
		     date, type, body_bytes);
	answer->status = 200;
	answer->bytes = (size_t)n + body_bytes;
	answer->text = malloc(answer->bytes);
	if (!answer->text)
		return -ENOMEM;
	memcpy(answer->text, head, (size_t)n);
	if (body) {
		memcpy(answer->text + n, body, body_bytes);
		return 0;
	}
	for (size_t i = 0; i < body_bytes; i++)
		answer->text[(size_t)n + i] = (char)random();
	memcpy(answer->text + n, "\x30\x82", 2);
	answer->text[n + 2] = (char)((body_bytes - 4) >> 8);
	answer->text[n + 3] = (char)(body_bytes - 4);
	return 0;
}

/* Body sizes are those measured with RSA-2048 (a CA certificate, a CertRep, a shadow). */
int ca_answer_build(const struct ca_question *question, bool shadow, struct ca_answer *ret)
{
	static const char caps[] = "GetNextCACert\nPOSTPKIOperation\nRenewal\nSHA-256\nSHA-1\n"
				   "DES3\nAES\n";

	switch (question->op) {
	case CA_OP_GETCACAPS:
		return give(ret, "text/plain", caps, sizeof(caps) - 1);
	case CA_OP_GETCACERT:
		return give(ret, "application/x-x509-ca-cert", NULL, 795);
	case CA_OP_GETNEXTCACERT:
		return shadow ? give(ret, "application/x-x509-next-ca-cert", NULL, 1468)
			      : refuse(ret, 404, "Not Found");
	case CA_OP_PKIOPERATION_GET:
	case CA_OP_PKIOPERATION_POST:
		if (question->message_bytes >= MESSAGE_BYTES_MIN)
			return give(ret, "application/x-pki-message", NULL, 3700);
		break;
	case CA_OP_NOT_SCEP:
		return refuse(ret, 401, "Unauthorized");
	default:
		break;
	}
	return refuse(ret, 400, "Bad Request");
}

void ca_answer_forwarded_for(const char *head, struct in6_addr *ret)
{
	static const char name[] = "X-Forwarded-For:";
	char text[INET6_ADDRSTRLEN + 8];
	const char *line = head;

	while ((line = strchr(line, '\n'))) {
		line++;
		if (strncasecmp(line, name, sizeof(name) - 1))
			continue;
		line += sizeof(name) - 1;
		line += strspn(line, " ");
		snprintf(text, sizeof(text), "%s%.*s", strchr(line, '.') ? "::ffff:" : "",
			 (int)strcspn(line, " ,\r\n"), line);
		inet_pton(AF_INET6, text, ret);
		return;
	}
}
