/* SPDX-License-Identifier: GPL-2.0-only */
/* What the reader's terminal can show. Renderers get it as an argument. */
#ifndef SG_CLI_STYLE_H
#define SG_CLI_STYLE_H

#include <stdbool.h>
#include <stdio.h>

struct sg_style {
	int width;  /* columns, 40 at least */
	bool color; /* and bars: somebody looks at it */
	bool bars;
	bool utf8;
};

/* Width, colour and character set of out: no colour and no bars when it is not a terminal; NO_COLOR,
 * TERM=dumb, COLUMNS and the locale are heeded.
 */
struct sg_style sg_style_detect(FILE *out);

enum sg_paint {
	SG_PAINT_OFF,
	SG_PAINT_STRONG,
	SG_PAINT_GOOD,
	SG_PAINT_WARN,
	SG_PAINT_BAD,
	SG_PAINT_DIM
};

/* The escape sequence, or "" without colour. SG_PAINT_OFF ends the others. */
const char *sg_paint(const struct sg_style *style, enum sg_paint paint);

#define SG_BAR_TEXT 64

/* A bar of cells columns (20 at most), used/limit full; "" when bars are off. Returns buf. */
const char *sg_bar(const struct sg_style *style, double used, double limit, int cells,
		   char buf[static SG_BAR_TEXT]);

#endif
