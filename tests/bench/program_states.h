/* SPDX-License-Identifier: GPL-2.0-only */
/* The states rows can measure. */
#ifndef SG_BENCH_PROGRAM_STATES_H
#define SG_BENCH_PROGRAM_STATES_H

#include "program.h"

extern const struct state state_other_tcp, state_not_tcp;
extern const struct state state_source_rate, state_policies;
extern const struct state state_window;
/* One CPU only. */
extern const struct state state_admitted, state_admitted_new;
extern const struct state state_established, state_answering;
/* With row.resets. */
extern const struct state state_next, state_operation;
/* With shape.goes_on, one connection. */
extern const struct state state_next_kept;

#endif
