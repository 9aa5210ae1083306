/* SPDX-License-Identifier: GPL-2.0-only */
/* The request-line reader as two tables: what kind of byte this is, and where each state
 * goes on it.  What a transition does besides is in http_line.h (sg_http_mark).
 */
#ifndef SG_CORE_HTTP_TABLES_H
#define SG_CORE_HTTP_TABLES_H

#include <linux/types.h>

enum sg_http_byte {
	SG_BYTE_WORD,    /* any printable character not listed below */
	SG_BYTE_SPACE,   /* 0x20 only */
	SG_BYTE_CR,      /* */
	SG_BYTE_LF,      /* */
	SG_BYTE_BAD,     /* other control bytes, DEL, everything from 0x80 on */
	SG_BYTE_SLASH,   /* / */
	SG_BYTE_QUERY,   /* ? */
	SG_BYTE_AMP,     /* & */
	SG_BYTE_EQUALS,  /* = */
	SG_BYTE_PERCENT, /* % */
	SG_BYTE_HASH,    /* # */
	SG_BYTE_SEMI,    /* ; */
	SG_BYTE_ODD,     /* + and [ : end or pad a parameter name for some readers */
};

enum sg_http_state {
	SG_HTTP_STATE_START,     /* empty lines may come first */
	SG_HTTP_STATE_START_CR,  /* CR of an empty line */
	SG_HTTP_STATE_METHOD,    /* */
	SG_HTTP_STATE_TARGET,    /* before the target's first byte */
	SG_HTTP_STATE_FORM,      /* target without a leading slash: absolute form, or odd */
	SG_HTTP_STATE_AUTHORITY, /* first byte after http:// */
	SG_HTTP_STATE_PATH,      /* rest of authority and path, up to '?' */
	SG_HTTP_STATE_NAME,      /* parameter name */
	SG_HTTP_STATE_OPERATION, /* value of operation= */
	SG_HTTP_STATE_MESSAGE,   /* first two bytes of the value of message= */
	SG_HTTP_STATE_VALUE,     /* any other value, or what follows '#' */
	SG_HTTP_STATE_VERSION,   /* from the space before it */
	SG_HTTP_STATE_CR,        /* CR that ends the line */
	SG_HTTP_STATE_DONE,      /* line read to its end; this and what follows is final */
	SG_HTTP_STATE_BAD,       /* malformed */
	SG_HTTP_STATES_          /* at most 16: a transition keeps the state in four bits */
};

/* A transition: next state, and what else to do. */
#define SG_HTTP_STATE_MASK 0x0f
#define SG_HTTP_PUSH       0x10 /* append the byte to the token */
#define SG_HTTP_MARK       0x20 /* something begins or ends here */

/* Rows of 16, so that state and kind of byte make the index by a shift. */
#define SG_HTTP_ROW_SHIFT  4
#define SG_HTTP_TABLE_MASK 0xff

static const __u8 sg_http_byte_kinds[256] = {
	[0 ... 9] = SG_BYTE_BAD,     ['\n'] = SG_BYTE_LF,       [11 ... 12] = SG_BYTE_BAD,
	['\r'] = SG_BYTE_CR,         [14 ... 31] = SG_BYTE_BAD, [' '] = SG_BYTE_SPACE,
	['#'] = SG_BYTE_HASH,        ['%'] = SG_BYTE_PERCENT,   ['&'] = SG_BYTE_AMP,
	['+'] = SG_BYTE_ODD,         ['/'] = SG_BYTE_SLASH,     [';'] = SG_BYTE_SEMI,
	['='] = SG_BYTE_EQUALS,      ['?'] = SG_BYTE_QUERY,     ['['] = SG_BYTE_ODD,
	[127 ... 255] = SG_BYTE_BAD,
};

/* clang-format off */
#define TO(state)   SG_HTTP_STATE_##state
#define PUSH(state) (SG_HTTP_STATE_##state | SG_HTTP_PUSH)
#define MARK(state) (SG_HTTP_STATE_##state | SG_HTTP_MARK)
#define BOTH(state) (SG_HTTP_STATE_##state | SG_HTTP_PUSH | SG_HTTP_MARK)
#define ROW(state, word, space, cr, lf, bad, slash, query, amp, equals, percent, hash, semi, odd) \
	CELL(state, WORD, word), CELL(state, SPACE, space), CELL(state, CR, cr),              \
	CELL(state, LF, lf), CELL(state, BAD, bad), CELL(state, SLASH, slash),                \
	CELL(state, QUERY, query), CELL(state, AMP, amp), CELL(state, EQUALS, equals),        \
	CELL(state, PERCENT, percent), CELL(state, HASH, hash), CELL(state, SEMI, semi),      \
	CELL(state, ODD, odd)
#define CELL(state, kind, to) [SG_HTTP_STATE_##state << SG_HTTP_ROW_SHIFT | SG_BYTE_##kind] = to

static const __u8 sg_http_transitions[SG_HTTP_TABLE_MASK + 1] = {
	/* word, space, CR, LF, bad,
	 * slash, query, amp, equals,
	 * percent, hash, semi, odd
	 */
	ROW(START,
	    PUSH(METHOD), TO(BAD), TO(START_CR), MARK(START), TO(BAD),
	    TO(BAD), TO(BAD), TO(BAD), TO(BAD),
	    TO(BAD), TO(BAD), TO(BAD), TO(BAD)),
	ROW(START_CR,
	    TO(BAD), TO(BAD), TO(BAD), MARK(START), TO(BAD),
	    TO(BAD), TO(BAD), TO(BAD), TO(BAD),
	    TO(BAD), TO(BAD), TO(BAD), TO(BAD)),
	ROW(METHOD,
	    PUSH(METHOD), MARK(TARGET), TO(BAD), TO(BAD), TO(BAD),
	    TO(BAD), TO(BAD), TO(BAD), TO(BAD),
	    TO(BAD), TO(BAD), TO(BAD), TO(BAD)),
	ROW(TARGET,
	    BOTH(FORM), MARK(TARGET), TO(BAD), TO(BAD), TO(BAD),
	    MARK(PATH), MARK(NAME), BOTH(FORM), BOTH(FORM),
	    BOTH(FORM), BOTH(FORM), BOTH(FORM), BOTH(FORM)),
	ROW(FORM,
	    PUSH(FORM), MARK(VERSION), MARK(CR), MARK(DONE), TO(BAD),
	    BOTH(FORM), MARK(NAME), PUSH(FORM), PUSH(FORM),
	    PUSH(FORM), MARK(PATH), PUSH(FORM), PUSH(FORM)),
	ROW(AUTHORITY,
	    TO(PATH), MARK(VERSION), MARK(CR), MARK(DONE), TO(BAD),
	    MARK(PATH), MARK(NAME), TO(PATH), TO(PATH),
	    TO(PATH), MARK(PATH), TO(PATH), TO(PATH)),
	ROW(PATH,
	    TO(PATH), MARK(VERSION), MARK(CR), MARK(DONE), TO(BAD),
	    TO(PATH), MARK(NAME), TO(PATH), TO(PATH),
	    TO(PATH), MARK(PATH), TO(PATH), TO(PATH)),
	ROW(NAME,
	    PUSH(NAME), MARK(VERSION), MARK(CR), MARK(DONE), TO(BAD),
	    PUSH(NAME), MARK(NAME), MARK(NAME), MARK(VALUE),
	    MARK(NAME), MARK(VALUE), MARK(NAME), MARK(NAME)),
	ROW(OPERATION,
	    PUSH(OPERATION), MARK(VERSION), MARK(CR), MARK(DONE), TO(BAD),
	    PUSH(OPERATION), MARK(NAME), MARK(NAME), PUSH(OPERATION),
	    MARK(OPERATION), MARK(VALUE), MARK(NAME), PUSH(OPERATION)),
	ROW(MESSAGE,
	    BOTH(MESSAGE), MARK(VERSION), MARK(CR), MARK(DONE), TO(BAD),
	    TO(VALUE), MARK(NAME), MARK(NAME), TO(VALUE),
	    TO(VALUE), MARK(VALUE), MARK(NAME), TO(VALUE)),
	ROW(VALUE,
	    TO(VALUE), MARK(VERSION), MARK(CR), MARK(DONE), TO(BAD),
	    TO(VALUE), MARK(NAME), MARK(NAME), TO(VALUE),
	    TO(VALUE), MARK(VALUE), MARK(NAME), TO(VALUE)),
	ROW(VERSION,
	    PUSH(VERSION), MARK(VERSION), MARK(CR), MARK(DONE), TO(BAD),
	    PUSH(VERSION), TO(BAD), TO(BAD), TO(BAD),
	    TO(BAD), TO(BAD), TO(BAD), TO(BAD)),
	ROW(CR,
	    TO(BAD), TO(BAD), TO(BAD), MARK(DONE), TO(BAD),
	    TO(BAD), TO(BAD), TO(BAD), TO(BAD),
	    TO(BAD), TO(BAD), TO(BAD), TO(BAD)),
	/* DONE and BAD have no row: nothing is read in them. */
};

#undef TO
#undef PUSH
#undef MARK
#undef BOTH
#undef ROW
#undef CELL
/* clang-format on */

#endif /* SG_CORE_HTTP_TABLES_H */
