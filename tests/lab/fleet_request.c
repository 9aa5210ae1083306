// SPDX-License-Identifier: GPL-2.0-only
/* Requests as IOS sends them: HTTP/1.0, one a connection, a PKIOperation by GET with the
 * base64 in lines of 64 columns, their ends written %0A.
 */
#include <stdio.h>
#include <string.h>

#include "fleet.h"

#define CGI               "/cgi-bin/pkiclient.exe"
#define AGENT             "User-Agent: Mozilla/4.0 (compatible; MSIE 5.0; Cisco PKI)\r\n"
#define BASE64_CHARACTERS 3276 /* of an IOS-XE PKCSReq, RSA-2048: 2455 bytes of CMS */
#define POST_BYTES        2500

static const char host[] = "Host: ca.branch.example\r\n\r\n";

/* What base64 of a CMS message looks like; the same bytes every time, "MII" at the start. */
static size_t escaped_message(char *out)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint64_t random = 0x5ce9;
	size_t n = 0;

	for (int i = 0; i < BASE64_CHARACTERS; i++) {
		char c = i < 3 ? "MII"[i] : alphabet[fleet_random(&random) >> 58];

		if (i >= BASE64_CHARACTERS - 2)
			c = '=';
		if (c == '+' || c == '=')
			n += (size_t)sprintf(out + n, "%%%02X", c);
		else
			out[n++] = c;
		if (i % 64 == 63 || i == BASE64_CHARACTERS - 1)
			n += (size_t)sprintf(out + n, "%%0A");
	}
	return n;
}

static size_t pki_operation_get(char *buffer)
{
	size_t n = (size_t)sprintf(buffer, "GET " CGI "?operation=PKIOperation&message=");

	n += escaped_message(buffer + n);
	/* IOS sends no User-Agent with this one. */
	return n + (size_t)sprintf(buffer + n, " HTTP/1.0\r\n%s", host);
}

static size_t pki_operation_post(char *buffer)
{
	size_t n = (size_t)sprintf(buffer,
				   "POST " CGI "?operation=PKIOperation HTTP/1.0\r\n"
				   "Content-Type: application/x-pki-message\r\n"
				   "Content-Length: %d\r\n%s",
				   POST_BYTES, host);

	memset(buffer + n, 0x30, POST_BYTES);
	return n + POST_BYTES;
}

/* The trustpoint's name: one for all, or one of `names` by the router's number. */
static size_t plain_get(const struct fleet *fleet, const struct fleet_client *client,
			const char *operation, char *buffer)
{
	char number[16] = "";

	if (fleet->options.names > 1)
		snprintf(number, sizeof(number), "-%u", client->index % fleet->options.names);
	return (size_t)snprintf(buffer, FLEET_REQUEST_MAX,
				"GET " CGI "?operation=%s&message=%s%s HTTP/1.0\r\n" AGENT "%s",
				operation, fleet->options.message, number, host);
}

/* Four kinds: a line cut short, a line and half a head, a head and half a body, half a line of
 * several segments.
 */
static size_t half_a_request(const struct fleet *fleet, const struct fleet_client *client,
			     char *buffer)
{
	switch (client->index % fleet->options.slow_kinds) {
	case 0:
		return plain_get(fleet, client, "GetNextCACert", buffer) / 4;
	case 1:
		return plain_get(fleet, client, "GetNextCACert", buffer) / 2;
	case 2:
		return pki_operation_post(buffer) / 2;
	default:
		return pki_operation_get(buffer) / 2;
	}
}

size_t fleet_request_build(const struct fleet *fleet, const struct fleet_client *client,
			   char *buffer)
{
	static const char *const steps[] = {"GetCACert", "GetCACaps"};

	switch (client->role) {
	case ROLE_STORM:
		return plain_get(fleet, client, "GetNextCACert", buffer);
	case ROLE_SLOW:
		return half_a_request(fleet, client, buffer);
	case ROLE_SILENT:
		return 0;
	case ROLE_TRICKLE:
		return pki_operation_post(buffer);
	default:
		break;
	}
	if (client->step < FLEET_ENROLMENT_STEPS - 1)
		return plain_get(fleet, client, steps[client->step], buffer);
	return client->post ? pki_operation_post(buffer) : pki_operation_get(buffer);
}
