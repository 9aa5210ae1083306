/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SG_DAEMON_PRIVILEGES_H
#define SG_DAEMON_PRIVILEGES_H

/* Give up every capability the daemon does not need once it has started, for good. It keeps:
 * CAP_BPF and CAP_PERFMON (maps, pins, and the program for a higher mode), CAP_NET_ADMIN (XDP
 * programs and links).
 * Must be called before threads are made. A kernel that lacks one of them, or a start without them,
 * is no error: the daemon keeps what it has of them. Returns 0 or a negative errno, logged.
 */
int sg_privileges_drop(void);

#endif
