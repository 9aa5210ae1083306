/* SPDX-License-Identifier: GPL-2.0-only */
/* What the front program of the intercept benchmark and its harness agree on. */
#ifndef SG_BENCH_INTERCEPT_FRONT_H
#define SG_BENCH_INTERCEPT_FRONT_H

#include "program_vary.h"

/* How the frame that the last pass has left becomes the next packet. */
struct front_plan {
	struct vary vary;
	__u32 varies;
	__u32 resizes;   /* the guard changes its length */
	__u32 frame_len; /* before the guard */
	__u32 left_len;  /* behind it */
	__u32 restored;  /* bytes from the start that are written anew; 0 = none */
};

#endif
