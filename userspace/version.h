/* SPDX-License-Identifier: GPL-2.0-only */
/* The version as `scepguard version`, the metrics and the man page tell it. A build may set another
 * one (-DSG_VERSION='"1.2-local"').
 */
#ifndef SG_VERSION_H
#define SG_VERSION_H

#ifndef SG_VERSION
#define SG_VERSION "0.1.0"
#endif

#endif
