// SPDX-License-Identifier: GPL-2.0-only
/* First segments that the short cut does not take, of given lengths. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program_payloads.h"

#define SHORT 230
#define LONG  1460

char payload_base64_230[SHORT + 1], payload_base64_1460[LONG + 1];
char payload_escapes_230[SHORT + 1], payload_escapes_1460[LONG + 1];
char payload_head_230[SHORT + 1], payload_head_1460[LONG + 1];

#define LINE_END " HTTP/1.0\r\n\r\n"

/* Append text percent-encoded, as far as there is room for whole escapes. Returns the new length. */
static size_t escape(char *out, size_t at, size_t room, const char *text)
{
	for (; *text && at + 3 <= room; text++)
		at += snprintf(out + at, 4, "%%%02x", (unsigned char)*text);
	return at;
}

static void build_base64(char *out, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const size_t room = len - strlen(LINE_END);
	size_t at =
		snprintf(out, len, "GET /cgi-bin/pkiclient.exe?operation=PKIOperation&message=MII");

	for (; at < room; at++)
		out[at] = digits[at * 37 % 64];
	memcpy(out + at, LINE_END, strlen(LINE_END) + 1);
}

static void build_escapes(char *out, size_t len)
{
	const size_t room = len - strlen(LINE_END);
	size_t at = snprintf(out, len, "GET http://192.168.105.3/");

	at = escape(out, at, room, "scep");
	out[at++] = '?';
	at = escape(out, at, room, "operation");
	out[at++] = '=';
	at = escape(out, at, room, "PKIOperation");
	out[at++] = '&';
	while (at + 3 <= room)
		at = escape(out, at, room, "message");
	while (at < room)
		out[at++] = 'A';
	memcpy(out + at, LINE_END, strlen(LINE_END) + 1);
}

static void build_head(char *out, size_t len)
{
	static const char last[] = "Content-Length: 4000\r\n\r\n",
			  field[] = "X-Field: 0123456789abcdef\r\n";
	const size_t room = len - strlen(last);
	size_t at = snprintf(out, len,
			     "POST /cgi-bin/pkiclient.exe?operation=PKIOperation HTTP/1.0\r\n");

	while (at + 2 * strlen(field) <= room)
		at += snprintf(out + at, len - at, "%s", field);
	at += snprintf(out + at, len - at, "X-Rest: ");
	while (at + 2 < room)
		out[at++] = 'a';
	memcpy(out + at, "\r\n", 2);
	memcpy(out + room, last, strlen(last) + 1);
}

void payloads_build(void)
{
	build_base64(payload_base64_230, SHORT);
	build_base64(payload_base64_1460, LONG);
	build_escapes(payload_escapes_230, SHORT);
	build_escapes(payload_escapes_1460, LONG);
	build_head(payload_head_230, SHORT);
	build_head(payload_head_1460, LONG);
}
