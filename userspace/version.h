/* SPDX-License-Identifier: GPL-2.0-only */
/* The version as `scepguard version` and the metrics tell it. The build takes it from the file VERSION. */
#ifndef SG_VERSION_H
#define SG_VERSION_H

#ifndef SG_VERSION
#define SG_VERSION "unversioned"
#endif

#endif
