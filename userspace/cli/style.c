// SPDX-License-Identifier: GPL-2.0-only
#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "style.h"

#define WIDTH_DEFAULT 80
#define WIDTH_MIN     40
#define WIDTH_MAX     400
#define CELLS_MAX     20

static int detect_width(int fd)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size = {0};
	int width = columns ? atoi(columns) : 0;

	if (width <= 0 && ioctl(fd, TIOCGWINSZ, &size) == 0)
		width = size.ws_col;
	if (width <= 0)
		width = WIDTH_DEFAULT;
	if (width < WIDTH_MIN)
		return WIDTH_MIN;
	return width > WIDTH_MAX ? WIDTH_MAX : width;
}

struct sg_style sg_style_detect(FILE *out)
{
	const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
	const bool tty = isatty(fileno(out));
	struct sg_style style = {0};

	style.width = detect_width(fileno(out));
	style.bars = tty;
	style.color = tty && !(no_color && *no_color) && term && *term && strcmp(term, "dumb") != 0;
	style.utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	return style;
}

const char *sg_paint(const struct sg_style *style, enum sg_paint paint)
{
	static const char *const codes[] = {
		[SG_PAINT_OFF] = "\033[0m",   [SG_PAINT_STRONG] = "\033[1m",
		[SG_PAINT_GOOD] = "\033[32m", [SG_PAINT_WARN] = "\033[33m",
		[SG_PAINT_BAD] = "\033[31m",  [SG_PAINT_DIM] = "\033[2m",
	};

	return style->color ? codes[paint] : "";
}

const char *sg_bar(const struct sg_style *style, double used, double limit, int cells,
		   char buf[static SG_BAR_TEXT])
{
	double share = limit > 0 ? used / limit : 0;
	int full;

	buf[0] = '\0';
	if (!style->bars)
		return buf;
	if (cells > CELLS_MAX)
		cells = CELLS_MAX;
	full = share >= 1 ? cells : (int)(share * cells);
	if (full == 0 && used > 0)
		full = 1; /* little is not nothing */
	for (int i = 0; i < cells; i++) {
		const char *cell = style->utf8 ? (i < full ? "█" : "░") : (i < full ? "#" : ".");

		strcat(buf, cell);
	}
	return buf;
}
