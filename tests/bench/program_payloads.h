/* SPDX-License-Identifier: GPL-2.0-only */
/* What the first segments carry. */
#ifndef SG_BENCH_PROGRAM_PAYLOADS_H
#define SG_BENCH_PROGRAM_PAYLOADS_H

/* What IOS asks for the shadow certificate with: the short cut takes it. */
#define LINE                                                                                \
	"GET /cgi-bin/pkiclient.exe?operation=GetNextCACert&message=branch-ca HTTP/1.0\r\n" \
	"User-Agent: Mozilla/4.0 (compatible; MSIE 5.0; Cisco PKI)\r\n"                     \
	"Host: 192.168.105.3\r\n\r\n"

/* Of exactly so many bytes each, and a NUL; empty before payloads_build(). All are PKIOperation.
 * base64: a GET whose message is too long for the short cut.
 * escapes: absolute form, and all that can be is percent-encoded.
 * head: a POST with a short line and many header fields.
 */
extern char payload_base64_230[], payload_base64_1460[];
extern char payload_escapes_230[], payload_escapes_1460[];
extern char payload_head_230[], payload_head_1460[];

void payloads_build(void);

#endif
