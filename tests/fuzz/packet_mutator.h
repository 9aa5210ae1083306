/* SPDX-License-Identifier: GPL-2.0-only */
/* Mutations of frames that know what a frame is: tags, options and extension headers come and go, and
 * lengths and checksums are made right again, so that what lies deep is reached.
 */
#ifndef SG_PACKET_MUTATOR_H
#define SG_PACKET_MUTATOR_H

#include <stdlib.h>
#include <string.h>

#include "strict_packet.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

static inline void frame_put16(uint8_t *at, long long value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* Where IP begins, by the tags; the frame's end if it is cut before that. */
static inline size_t frame_ip(const uint8_t *data, size_t size)
{
	size_t at = 12;

	while (at + 2 <= size &&
	       ((data[at] == 0x81 && !data[at + 1]) || (data[at] == 0x88 && data[at + 1] == 0xa8)))
		at += 4;
	return at + 2 < size ? at + 2 : size;
}

/* Room for so many zeros at a place. Returns the new size, the old one when there is none. */
static inline size_t frame_insert(uint8_t *data, size_t size, size_t max_size, size_t at, size_t n)
{
	if (at > size || size + n > max_size)
		return size;
	memmove(data + at + n, data + at, size - at);
	memset(data + at, 0, n);
	return size + n;
}

/* Lengths as the frame's end has them; version and TCP's header length at least possible. */
static inline void frame_fix_lengths(uint8_t *data, size_t size)
{
	const size_t ip = frame_ip(data, size);

	if (ip + 40 > size)
		return;
	if (data[ip - 1] == 0xdd) {
		data[ip] = 0x60 | (data[ip] & 15);
		frame_put16(data + ip + 4, (long long)(size - ip - 40));
		return;
	}
	data[ip] = 0x40 | (data[ip] % 16 < 5 ? 5 : data[ip] % 16);
	frame_put16(data + ip + 2, (long long)(size - ip));
}

/* Right checksums; or, of TCP, now and then only begun. */
static inline void frame_fix_sums(uint8_t *data, size_t size)
{
	struct strict s;
	long long sum;

	strict_read(&s, data, size);
	if (s.kind != STRICT_TCP)
		return;
	if (s.family == 4) {
		frame_put16(data + s.ip + 10, 0);
		frame_put16(data + s.ip + 10, ~strict_sum(&s, s.ip, s.tcp, 0));
	}
	frame_put16(data + s.tcp + 16, 0);
	sum = strict_pseudo(&s);
	if (rand() % 8)
		sum = ~strict_sum(&s, s.tcp, s.len, sum);
	frame_put16(data + s.tcp + 16, sum);
}

static inline size_t frame_tag(uint8_t *data, size_t size, size_t max_size)
{
	const size_t grown = size < 14 ? size : frame_insert(data, size, max_size, 12, 4);

	if (grown > size)
		frame_put16(data + 12, rand() % 3 ? 0x8100 : 0x88a8);
	return grown;
}

/* Another word of IPv4 options, or an extension header in front. */
static inline size_t frame_ip_option(uint8_t *data, size_t size, size_t max_size, size_t ip)
{
	static const uint8_t kinds[4] = {0, 43, 44, 60};
	const bool v6 = data[ip - 1] == 0xdd;
	const size_t at = ip + (v6 ? 40 : 20);
	const size_t grown = frame_insert(data, size, max_size, at, v6 ? 8 : 4);

	if (grown == size)
		return size;
	if (!v6) {
		memset(data + at, rand() % 4 ? 1 : rand(), 4);
		data[ip] += data[ip] % 16 < 15;
		return grown;
	}
	data[at] = data[ip + 6];
	data[ip + 6] = kinds[rand() % 4];
	if (data[ip + 6] == 44)
		frame_put16(data + at + 2, rand() % 3 ? rand() % 2 : rand());
	else
		frame_put16(data + at + 2, 0x0104);
	return grown;
}

/* Twelve bytes of TCP options, most with a timestamp. */
static inline size_t frame_tcp_option(uint8_t *data, size_t size, size_t max_size)
{
	static const uint8_t kinds[6] = {8, 8, 8, 19, 29, 5};
	struct strict s;
	size_t grown;

	strict_read(&s, data, size);
	if (s.kind != STRICT_TCP || data[s.tcp + 12] >> 4 > 12)
		return size;
	grown = frame_insert(data, size, max_size, (size_t)s.tcp + 20, 12);
	if (grown == size)
		return size;
	memcpy(data + s.tcp + 20, "\1\1\x8\xa", 4);
	data[s.tcp + 22] = kinds[rand() % 6];
	data[s.tcp + 24] = (uint8_t)rand();
	data[s.tcp + 12] += 3 << 4;
	return grown;
}

static inline size_t frame_mutate(uint8_t *data, size_t size, size_t max_size)
{
	const size_t ip = frame_ip(data, size);

	switch (rand() % 7) {
	case 0:
		return frame_tag(data, size, max_size);
	case 1:
		return size > 18 && ip > 14 ? (memmove(data + 12, data + 16, size - 16), size - 4)
					    : size;
	case 2:
		return ip + 40 < size ? frame_ip_option(data, size, max_size, ip) : size;
	case 3:
		return frame_tcp_option(data, size, max_size);
	case 4: /* padding behind the packet, or more of it */
		return frame_insert(data, size, max_size, size, 1 + (size_t)rand() % 40);
	case 5: /* the place of flags and offset of a fragment */
		if (ip + 40 < size && data[ip - 1] != 0xdd)
			frame_put16(data + ip + 6, rand() % 2 ? 0x2000 : rand() % 8);
		return size;
	default:
		return size > 1 ? (size_t)rand() % size + 1 : size;
	}
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	srand(seed);
	if (size && rand() % 2)
		size = frame_mutate(data, size, max_size);
	else
		size = LLVMFuzzerMutate(data, size, max_size);
	if (rand() % 4)
		frame_fix_lengths(data, size);
	if (rand() % 4)
		frame_fix_sums(data, size);
	return size;
}

#endif
