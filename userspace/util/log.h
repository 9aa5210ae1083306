/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages of a process to the person who runs it: stderr, one line each. Under systemd
 * ($JOURNAL_STREAM set) each line carries the priority prefix of sd-daemon(3).
 */
#ifndef SG_UTIL_LOG_H
#define SG_UTIL_LOG_H

#include <stdio.h>

enum sg_log_level {
	SG_LOG_ERROR,
	SG_LOG_WARNING,
	SG_LOG_INFO,
	SG_LOG_DEBUG,
	SG_LOG_LEVEL_MAX_,
};

/* Sets what is shown: @level and everything more severe. The default is SG_LOG_INFO. */
void sg_log_set_level(enum sg_log_level level);
enum sg_log_level sg_log_level(void);

/* Sends messages to @out instead of stderr (tests); NULL = stderr again. Borrowed. */
void sg_log_set_stream(FILE *out);

/* The name as written in the configuration ("error" ... "debug"). */
const char *sg_log_level_name(enum sg_log_level level);

/* Writes one line; a final newline is added. Control characters inside, which a remote party
 * may have put there, are shown as '?', so that nobody can forge a second line.
 */
void sg_log(enum sg_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Logs an error with the reason behind @err (a negative errno; 0 adds no reason) and returns
 * @err: log-and-return is one statement.
 */
int sg_log_err(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The same for a message that says the reason itself: nothing is added. */
int sg_log_refusal(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define sg_log_warning(...) sg_log(SG_LOG_WARNING, __VA_ARGS__)
#define sg_log_info(...)    sg_log(SG_LOG_INFO, __VA_ARGS__)
#define sg_log_debug(...)   sg_log(SG_LOG_DEBUG, __VA_ARGS__)

#endif
