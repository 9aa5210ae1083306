/* SPDX-License-Identifier: GPL-2.0-only */
/* The daemon: loads or takes over the guard, and runs the control loop until it is told to stop. */
#ifndef SG_DAEMON_DAEMON_H
#define SG_DAEMON_DAEMON_H

/* Run in the foreground with the configuration at @config_path until SIGTERM or SIGINT, which leave
 * the data plane running; SIGHUP reads the file again. Says what is wrong on stderr. Returns 0, or
 * a negative errno when it could not start or go on: -EINVAL the configuration is wrong,
 * -EADDRINUSE another daemon runs this instance.
 */
int sg_daemon_run(const char *config_path);

#endif
