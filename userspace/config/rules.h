/* SPDX-License-Identifier: GPL-2.0-only */
/* What single values cannot tell: values that contradict each other. */
#ifndef SG_CONFIG_RULES_H
#define SG_CONFIG_RULES_H

#include "scope.h"

/* The rules of one service whose values could all be read. Settles what nobody wrote where it
 * depends on what somebody did (a default time-out is never longer than a written life).
 */
void sg_rules_check_service(const struct sg_config *conf, const struct sg_scope *scope);

/* The rules between services, interfaces and prefixes. @services and @prefixes are the scopes of
 * conf->services and conf->sources.prefixes, in the same order.
 */
void sg_rules_check_config(const struct sg_config *conf, const struct sg_scope *global,
			   const struct sg_scope *services, const struct sg_scope *prefixes);

#endif
