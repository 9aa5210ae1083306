// SPDX-License-Identifier: GPL-2.0-only
/* SipHash-2-4 against vectors of an independent implementation (cookie_vectors.py); SipHash-1-3 against CPython's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "../../bpf/core/siphash.h"
#include "cookie_vectors.h"

static __u64 little_endian(const __u8 *bytes, size_t n)
{
	__u64 x = 0;

	for (size_t i = 0; i < n; i++)
		x |= (__u64)bytes[i] << 8 * i;
	return x;
}

static __u64 siphash(const __u64 key[2], const __u8 *message, size_t n)
{
	struct sg_siphash s;
	size_t done = 0;

	sg_siphash_begin(&s, key);
	for (; n - done >= 8; done += 8)
		sg_siphash_word(&s, little_endian(message + done, 8));
	return sg_siphash_end(&s, little_endian(message + done, n - done) | (__u64)n << 56);
}

static const __u64 counting_key[2] = {0x0706050403020100ull, 0x0f0e0d0c0b0a0908ull};

/* The example of the paper, appendix A: typed from there, not computed. */
static void test_paper(void **state)
{
	__u8 message[15] = {};

	(void)state;
	for (size_t i = 0; i < sizeof(message); i++)
		message[i] = i;
	assert_true(siphash(counting_key, message, 15) == 0xa129ca6149be45e5ull);
}

static void test_vectors(void **state)
{
	__u8 message[64] = {};

	(void)state;
	for (size_t n = 0; n < 64; n++) {
		message[n] = n;
		if (siphash(counting_key, message, n) != siphash_vectors[n])
			fail_msg("message of %zu bytes", n);
	}
}

/* A state is a value: what was absorbed once serves several ends. */
static void test_shared_beginning(void **state)
{
	struct sg_siphash begun, copy;
	__u8 message[16] = {};

	(void)state;
	for (size_t i = 0; i < sizeof(message); i++)
		message[i] = i;
	sg_siphash_begin(&begun, counting_key);
	sg_siphash_word(&begun, little_endian(message, 8));
	for (size_t n = 8; n < 16; n++) {
		copy = begun;
		assert_true(sg_siphash_end(&copy, little_endian(message + 8, n - 8) |
							  (__u64)n << 56) == siphash_vectors[n]);
	}
}

static __u64 siphash13(const char *message)
{
	const __u8 *bytes = (const __u8 *)message;
	static const __u64 zero_key[2];
	const size_t n = strlen(message);
	struct sg_siphash s;
	size_t done = 0;

	sg_siphash_begin(&s, zero_key);
	for (; n - done >= 8; done += 8)
		sg_siphash13_word(&s, little_endian(bytes + done, 8));
	return sg_siphash13_end(&s, little_endian(bytes + done, n - done) | (__u64)n << 56);
}

/* What `PYTHONHASHSEED=0 python3.11 -c 'print(hash(b"..."))'` says, modulo 2^64: its key is then zero. */
static void test_fewer_rounds(void **state)
{
	(void)state;
	assert_true(siphash13("a") == 0x407448d2b89b1813ull);
	assert_true(siphash13("0123456") == 0x810aaf7acf670379ull);
	assert_true(siphash13("01234567") == 0xda3dcedf84ea6cc6ull);
	assert_true(siphash13("0123456789abcdef0") == 0xf738bb4f30801228ull);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paper),
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_shared_beginning),
		cmocka_unit_test(test_fewer_rounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
