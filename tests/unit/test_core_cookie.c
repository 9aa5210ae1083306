// SPDX-License-Identifier: GPL-2.0-only
/* The guard's SYN cookie: against vectors of an independent implementation (cookie_vectors.py), its
 * life across changes of key and wraps, and what forging one costs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <arpa/inet.h>
#include <cmocka.h>

#include "../../bpf/core/cookie.h"
#include "cookie_vectors.h"

#define ISN  0x12345678u
#define SLOT 1000000u

static const __u64 keys[2][2] = {
	{0x0123456789abcdefull, 0x02468ace13579bdfull},
	{0xfedcba9876543210ull, 0x48d159e26af37bc0ull},
};

/* Numbers for what need not be secret: a fixed sequence (Knuth's MMIX generator, upper half). */
static __u32 dice(__u64 *seed)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return *seed >> 32;
}

static struct sg_cookie_flow flow_v4(void)
{
	return (struct sg_cookie_flow){
		.client = sg_ip_from_v4(htonl(0x0a010203)),
		.ca = sg_ip_from_v4(htonl(0x0a090807)),
		.client_port = htons(49152),
		.ca_port = htons(80),
	};
}

static struct sg_cookie_flow flow_v6(void)
{
	return (struct sg_cookie_flow){
		.client = {{htonl(0x20010db8), 0, 0, htonl(0x17)}},
		.ca = {{htonl(0x20010db8), htonl(1), 0, htonl(0x80)}},
		.client_port = htons(50001),
		.ca_port = htons(80),
	};
}

/* One candidate, as the others repeat it. */
static struct sg_cookie_proof check_one(const __u64 (*with)[2], const struct sg_cookie_flow *flow,
					__u32 client_isn, __u32 slot, __u32 isn)
{
	const __u32 candidates[SG_COOKIE_CANDIDATES] = {isn, isn, isn, isn};
	struct sg_cookie_proof proof;

	memset(&proof, 0xa5, sizeof(proof));
	sg_cookie_check(with, flow, client_isn, slot, candidates, &proof);
	return proof;
}

static void assert_nothing(const struct sg_cookie_proof *proof)
{
	assert_int_equal(proof->look, SG_COOKIE_NONE);
	assert_int_equal(proof->isn, 0);
	assert_int_equal(proof->which, 0);
	assert_int_equal(proof->mss_index, 0);
	assert_false(proof->first);
}

static void test_vectors(void **state)
{
	__u64 vector_keys[2][2];

	(void)state;
	memcpy(vector_keys, cookie_vector_keys, sizeof(vector_keys));
	for (size_t i = 0; i < sizeof(cookie_vectors) / sizeof(*cookie_vectors); i++) {
		const struct cookie_vector *v = &cookie_vectors[i];
		struct sg_cookie_flow flow = {.client_port = htons(v->client_port),
					      .ca_port = htons(v->ca_port)};
		struct sg_cookie_proof proof;

		memcpy(&flow.client, v->client, 16);
		memcpy(&flow.ca, v->ca, 16);
		assert_int_equal(
			sg_cookie_make(vector_keys, &flow, v->client_isn, v->slot, v->mss_index),
			v->cookie);
		proof = check_one(vector_keys, &flow, v->client_isn, v->slot, v->cookie);
		assert_int_equal(proof.look, SG_COOKIE_GOOD);
		assert_int_equal(proof.isn, v->cookie);
		assert_int_equal(proof.mss_index, v->mss_index);
		assert_true(proof.first);
	}
}

static void test_mss(void **state)
{
	(void)state;
	assert_int_equal(sg_cookie_mss(0), 536);
	for (__u32 i = 0; i < 4; i++) {
		assert_int_equal(sg_cookie_mss_index(sg_cookie_mss(i)), i);
		assert_int_equal(sg_cookie_mss_index(sg_cookie_mss(i) - 1), i ? i - 1 : 0);
	}
	for (__u32 mss = 536; mss <= 0xffff; mss++) {
		__u32 i = sg_cookie_mss_index(mss);

		assert_true(sg_cookie_mss(i) <= mss);
		assert_true(i == 3 || sg_cookie_mss(i + 1) > mss);
	}
	assert_int_equal(sg_cookie_mss_index(0), 0);
	/* Tunnels, both families on Ethernet, IPv4 in PPPoE. */
	assert_int_equal(sg_cookie_mss(sg_cookie_mss_index(1360)), 1360);
	assert_true(sg_cookie_mss(sg_cookie_mss_index(1440)) >= 1440);
	assert_true(sg_cookie_mss(sg_cookie_mss_index(1452)) >= 1440);
	assert_true(sg_cookie_mss(sg_cookie_mss_index(1460)) >= 1440);
}

/* From its slot to the two after it is good, then too old for three, then nothing; before its slot it
 * is nothing. Slots of a boot, of both parities, around changes of key and the wrap.
 */
static void test_life(void **state)
{
	static const __u32 made[] = {
		0,   1,    2,        3,          4,          5,          120,       121, 122,
		123, 124,  125,      126,        127,        128,        129,       250, 255,
		256, SLOT, SLOT + 1, 0xfffffffa, 0xfffffffb, 0xfffffffe, 0xffffffff};
	struct sg_cookie_flow flows[] = {flow_v4(), flow_v6()};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(made) / sizeof(*made); i++) {
		const struct sg_cookie_flow *flow = &flows[i & 1];
		__u32 slot = made[i / 2];
		__u32 isn = sg_cookie_make(keys, flow, ISN, slot, i & 3);

		for (int age = -8; age <= 16; age++) {
			struct sg_cookie_proof proof = check_one(keys, flow, ISN, slot + age, isn);

			if (age < 0 || age >= 6) {
				assert_nothing(&proof);
				continue;
			}
			assert_int_equal(proof.look, age < 3 ? SG_COOKIE_GOOD : SG_COOKIE_OLD);
			assert_int_equal(proof.isn, isn);
			assert_int_equal(proof.mss_index, i & 3);
			assert_true(proof.first);
		}
	}
}

/* A key that is renewed takes the cookies made with it, and only those. So from a key's slot 5 on the
 * idle one may be: no cookie younger than six slots is lost.
 */
static void test_renewed_key(void **state)
{
	struct sg_cookie_flow flow = flow_v4();
	__u64 renewed[2][2];

	(void)state;
	memcpy(renewed, keys, sizeof(renewed));
	renewed[0][1] ^= 1;
	for (__u32 slot = 128; slot < 256; slot++) {
		for (__u32 age = 0; age < 6; age++) {
			__u32 isn = sg_cookie_make(keys, &flow, ISN, slot - age, 0);
			__u8 look = check_one(renewed, &flow, ISN, slot, isn).look;

			if (slot < 133 && slot - age < 128)
				assert_int_equal(look, SG_COOKIE_NONE);
			else
				assert_int_not_equal(look, SG_COOKIE_NONE);
		}
	}
}

/* Change each bit of what a cookie is made of in turn. */
static void assert_bits_count(const struct sg_cookie_flow *flow)
{
	__u32 isn = sg_cookie_make(keys, flow, ISN, SLOT, 1);
	struct sg_cookie_flow other;
	struct sg_cookie_proof proof;
	__u64 wrong[2][2];

	assert_int_equal(check_one(keys, flow, ISN, SLOT, isn).look, SG_COOKIE_GOOD);
	for (size_t bit = 0; bit < 8 * sizeof(other); bit++) {
		other = *flow;
		((__u8 *)&other)[bit / 8] ^= 1 << bit % 8;
		proof = check_one(keys, &other, ISN, SLOT, isn);
		assert_nothing(&proof);
	}
	for (__u32 bit = 0; bit < 32; bit++) {
		proof = check_one(keys, flow, ISN, SLOT, isn ^ 1u << bit);
		assert_nothing(&proof);
		if (bit < 3)
			continue;
		proof = check_one(keys, flow, ISN, SLOT ^ 1u << bit, isn);
		assert_nothing(&proof);
	}
	for (__u32 bit = 0; bit < 256; bit++) {
		memcpy(wrong, keys, sizeof(wrong));
		wrong[bit / 128][bit / 64 % 2] ^= 1ull << bit % 64;
		proof = check_one(wrong, flow, ISN, SLOT, isn);
		assert_int_equal(proof.look, bit / 128 == sg_cookie_half(SLOT) ? SG_COOKIE_NONE
									       : SG_COOKIE_GOOD);
	}
}

static void test_every_bit_counts(void **state)
{
	struct sg_cookie_flow four = flow_v4(), six = flow_v6(), swapped = flow_v4();
	struct sg_cookie_proof proof;

	(void)state;
	assert_bits_count(&four);
	assert_bits_count(&six);
	/* What the CA would send back, and the same four bytes as an IPv6 address. */
	swapped.client = four.ca;
	swapped.ca = four.client;
	proof = check_one(keys, &swapped, ISN, SLOT, sg_cookie_make(keys, &four, ISN, SLOT, 1));
	assert_nothing(&proof);
	six = four;
	six.client.w[2] = six.ca.w[2] = 0;
	proof = check_one(keys, &six, ISN, SLOT, sg_cookie_make(keys, &four, ISN, SLOT, 1));
	assert_nothing(&proof);
}

/* Good and old ones among 2^22 guesses by as many senders, [step] apart from each other in one segment
 * (0: one guess each).
 */
static void guess(__u32 step, __u32 hits[3])
{
	struct sg_cookie_flow flow = flow_v4();
	__u64 seed = step + 1;

	for (__u32 i = 0; i < 1u << 22; i++) {
		__u32 isn = dice(&seed);
		__u32 candidates[] = {isn, isn ^ step, isn ^ 2 * step, isn ^ 3 * step};
		struct sg_cookie_proof proof;

		flow.client.w[3] = dice(&seed);
		sg_cookie_check(keys, &flow, ISN, SLOT + (i >> 4), candidates, &proof);
		hits[proof.look]++;
	}
}

/* A guess is good with 3 / 2^24, and too old as often: of 2^22 are 0.75 expected. With four guesses in
 * each segment 3. The bounds are exceeded less than once in 10^5.
 */
static void test_blind_guesses(void **state)
{
	__u32 one[3] = {}, four[3] = {};

	(void)state;
	guess(0, one);
	guess(1, four);
	print_message("of 4 M guesses %u good, %u old; with four in a segment %u and %u\n",
		      one[SG_COOKIE_GOOD], one[SG_COOKIE_OLD], four[SG_COOKIE_GOOD],
		      four[SG_COOKIE_OLD]);
	assert_true(one[SG_COOKIE_GOOD] <= 6 && one[SG_COOKIE_OLD] <= 6);
	assert_true(four[SG_COOKIE_GOOD] <= 12 && four[SG_COOKIE_OLD] <= 12);
}

/* All 24 bits of the MAC and all six of f vary, each half of the time, over slots and over flows: a
 * bit that did not would double what a guess is worth. Of 65536 the deviation is 128; six of them.
 */
static void test_bits_are_even(void **state)
{
	struct sg_cookie_flow flow = flow_v4();
	__u32 ones[2][32] = {};

	(void)state;
	for (__u32 i = 0; i < 65536; i++) {
		__u32 over_slots = sg_cookie_make(keys, &flow, i, i, 0);
		struct sg_cookie_flow other = flow;
		__u32 over_flows;

		other.client_port = i;
		over_flows = sg_cookie_make(keys, &other, ISN, SLOT, 0);
		for (__u32 bit = 0; bit < 32; bit++) {
			ones[0][bit] += over_slots >> bit & 1;
			ones[1][bit] += over_flows >> bit & 1;
		}
	}
	for (__u32 bit = 0; bit < 30; bit++)
		for (__u32 k = 0; k < 2; k++)
			assert_in_range(ones[k][bit], 32768 - 768, 32768 + 768);
	assert_int_equal(ones[0][30] + ones[0][31] + ones[1][30] + ones[1][31], 0);
}

/* Nothing learned in one slot helps in the next, the other one of its pair: of 16384 slots the MACs
 * (same upper bits) repeat for about 16384^2 / 2^25 = 8 pairs.
 */
static void test_slots_are_independent(void **state)
{
	static __u8 seen[(1 << 24) / 8];
	struct sg_cookie_flow flow = flow_v4();
	__u32 repeated = 0;

	(void)state;
	for (__u32 i = 0; i < 16384; i++) {
		__u32 slot = i / 128 * 256 + i % 128; /* of one key, so f is the same */
		__u32 mac = sg_cookie_make(keys, &flow, ISN, slot, 0) & 0xffffff;

		repeated += seen[mac / 8] >> mac % 8 & 1;
		seen[mac / 8] |= 1 << mac % 8;
	}
	assert_true(repeated < 30);
}

/* The client's ISN is known again by six bits; any other passes once in 64. */
static void test_first_segment(void **state)
{
	static const __u32 isns[] = {0, 1, ISN, 0x7fffffff, 0x80000000u, 0xffffffffu};
	struct sg_cookie_flow flow = flow_v4();

	(void)state;
	for (size_t i = 0; i < sizeof(isns) / sizeof(*isns); i++) {
		__u32 isn = sg_cookie_make(keys, &flow, isns[i], SLOT, 3), others = 0;
		__u32 seq = isns[i] + 1; /* 0 for the last one */

		assert_true(check_one(keys, &flow, seq - 1, SLOT, isn).first);
		assert_true(check_one(keys, &flow, seq - 1, SLOT + 5, isn).first);
		for (__u32 k = 1; k <= 8192; k++) {
			struct sg_cookie_proof proof =
				check_one(keys, &flow, isns[i] + 536 * k, SLOT, isn);

			assert_int_equal(proof.look, SG_COOKIE_GOOD);
			others += proof.first;
		}
		assert_in_range(others, 128 - 68, 128 + 68); /* six deviations */
	}
}

/* What a segment's acknowledgement stands for: ack - 1, and ack - 2 - length of three answers. */
static void candidates_of(__u32 ack, __u32 candidates[SG_COOKIE_CANDIDATES])
{
	candidates[0] = ack - 1;
	candidates[1] = ack - 2 - 70;
	candidates[2] = ack - 2 - 83;
	candidates[3] = ack - 2 - 512;
}

static void assert_each_found(const struct sg_cookie_flow *flow, __u32 slot, __u32 isn)
{
	static const __u32 behind[] = {1, 72, 85, 514};
	__u32 candidates[SG_COOKIE_CANDIDATES];
	struct sg_cookie_proof proof;

	for (__u32 which = 0; which < SG_COOKIE_CANDIDATES; which++) {
		for (__u32 age = 0; age < 7; age++) {
			candidates_of(isn + behind[which], candidates);
			assert_int_equal(candidates[which], isn);
			sg_cookie_check(keys, flow, ISN, slot + age, candidates, &proof);
			if (age == 6) {
				assert_nothing(&proof);
				continue;
			}
			assert_int_equal(proof.look, age < 3 ? SG_COOKIE_GOOD : SG_COOKIE_OLD);
			assert_int_equal(proof.which, which);
			assert_int_equal(proof.isn, isn);
			assert_true(proof.first);
		}
		candidates_of(isn + behind[which] + 1, candidates);
		sg_cookie_check(keys, flow, ISN, slot, candidates, &proof);
		assert_nothing(&proof);
	}
}

static void test_candidates(void **state)
{
	struct sg_cookie_flow flow = flow_v4();

	(void)state;
	for (__u32 i = 0; i < 200; i++)
		assert_each_found(&flow, SLOT + i,
				  sg_cookie_make(keys, &flow, ISN, SLOT + i, i & 3));
	/* Four with different upper bits. */
	for (__u32 i = 0; i < 4; i++) {
		__u32 isn = sg_cookie_make(keys, &flow, ISN, SLOT, 2);
		__u32 candidates[] = {isn ^ 1u << 31, isn ^ 1u << 27, isn ^ 1u << 25,
				      isn ^ 1u << 24};
		struct sg_cookie_proof proof;

		candidates[i] = isn;
		sg_cookie_check(keys, &flow, ISN, SLOT + 5, candidates, &proof);
		assert_int_equal(proof.look, SG_COOKIE_OLD);
		assert_int_equal(proof.which, i);
	}
}

/* Cookies so close to a multiple of 2^24 that the candidates lie on both sides of it; and, for one
 * with the upper bits 0xff, on both sides of 0.
 */
static void test_candidates_across_a_wrap(void **state)
{
	struct sg_cookie_flow flow = flow_v4();
	__u32 found = 0, around_zero = 0;

	(void)state;
	for (__u32 i = 0; i < 4000000 && (!around_zero || found < 8); i++) {
		__u32 isn;

		flow.client_port = i;
		flow.client.w[3] = i >> 16;
		isn = sg_cookie_make(keys, &flow, ISN, SLOT, 3);
		if ((isn & 0xffffff) < 0x1000000 - 512)
			continue;
		if (found >= 8 && isn >> 24 != 0xff)
			continue;
		assert_each_found(&flow, SLOT, isn);
		found++;
		around_zero += isn >> 24 == 0xff;
	}
	assert_true(found >= 8);
	assert_true(around_zero);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_mss),
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_renewed_key),
		cmocka_unit_test(test_every_bit_counts),
		cmocka_unit_test(test_blind_guesses),
		cmocka_unit_test(test_bits_are_even),
		cmocka_unit_test(test_slots_are_independent),
		cmocka_unit_test(test_first_segment),
		cmocka_unit_test(test_candidates),
		cmocka_unit_test(test_candidates_across_a_wrap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
