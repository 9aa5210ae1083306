// SPDX-License-Identifier: GPL-2.0-only
/* libFuzzer target: two requests, behind a byte of flags and one of the first one's length, -> the hashes of their
 * questions (bpf/core/question.h). Crashes when one is learnable and a reader that splits lines says otherwise, when two
 * that ask the same have two hashes, or one when they do not, and when what lies behind a request matters.
 */
#include <stdint.h>
#include <stdlib.h>

#include "../../bpf/abi/scepguard_abi.h"
#include "../../bpf/core/question.h"
#include "../lib/naive_question.h"

#define PATH_ONLY 1

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static void require(bool right, const char *what)
{
	if (right)
		return;
	fprintf(stderr, "fuzz_question: %s\n", what);
	abort();
}

static __u64 hash_of(const char *bytes, size_t len, __u32 end, bool path_only, int garbage)
{
	static const __u64 key[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
	struct sg_question_text text;

	memset(&text, garbage, sizeof(text));
	memcpy(text.bytes, bytes, len < sizeof(text) ? len : sizeof(text));
	return sg_question_hash(&text, (__u32)len, 4, end, path_only, key);
}

/* The target ends as the reader of the line says. */
static __u32 target_end(const char *bytes, size_t len)
{
	size_t end = 4;

	while (end < len && bytes[end] != ' ' && bytes[end] != '\r' && bytes[end] != '\n')
		end++;
	return (__u32)end;
}

/* Returns the hash; 0, or what is asked is in *q. */
static __u64 check(struct naive_question *q, const char *bytes, size_t len, bool path_only)
{
	__u32 end = target_end(bytes, len);
	__u64 hash = hash_of(bytes, len, end, path_only, 0);
	bool right = naive_question(q, bytes, len, end, path_only);

	require(hash == hash_of(bytes, len, end, path_only, '\r'), "what lies behind matters");
	require(hash == hash_of(bytes, len, end, path_only, 'a'), "what lies behind matters");
	require(!hash || right, "learnable, and should not be");
	/* The guard begins up to seven bytes before the target's end. */
	require(hash || !right || naive_steps(bytes, len, 4) > NAIVE_STEPS,
		"not learnable, and should be");
	return hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	static struct naive_question first, second;
	const char *bytes = (const char *)input + 2;
	__u64 a, b;
	size_t cut;

	if (size < 2)
		return 0;
	size -= 2;
	cut = input[1] < size ? input[1] : size;
	a = check(&first, bytes, cut, input[0] & PATH_ONLY);
	b = check(&second, bytes + cut, size - cut, input[0] & PATH_ONLY);
	if (a && b)
		require((a == b) == !strcmp(first.asks, second.asks), "same hash, or not");
	return 0;
}
