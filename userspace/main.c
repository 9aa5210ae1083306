// SPDX-License-Identifier: GPL-2.0-only
/* Only the way in: everything else can be linked into tests. */
#include <locale.h>
#include <stdio.h>

#include "cli/cli.h"

int main(int argc, char **argv)
{
	int status;

	/* For the width of characters and the clock as people here write it; numbers stay in C. */
	setlocale(LC_CTYPE, "");
	status = sg_cli_main(argc, argv);
	/* A write that failed before the last one is known by the stream only, its reason is lost. */
	if ((fflush(stdout) == EOF || ferror(stdout)) && status == SG_EXIT_OK) {
		fputs("scepguard: cannot write the output: is the disk full?\n", stderr);
		status = SG_EXIT_FAILED;
	}
	return status;
}
