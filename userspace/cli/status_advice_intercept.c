// SPDX-License-Identifier: GPL-2.0-only
/* Section 5, what has to do with intercept: when to try it, when it is not in force, what goes wrong in it. */
#include <string.h>

#include "doc.h"
#include "human.h"
#include "status.h"
#include "status_advice.h"

#define VAIN_MIN 5 /* a minute: below it chance has its say */

/* A service of which the guard found out so much about the way of its answers ("tried", "found"), or NULL. */
static const json_t *find_bypass(const struct sg_advice *a, const char *state)
{
	const json_t *service;
	size_t i;

	json_array_foreach (sg_doc_at(a->st->doc, "services"), i, service)
		if (!strcmp(sg_doc_text(service, "intercept.bypass"), state))
			return service;
	return NULL;
}

/* "for 12m30s", or "so far". */
static const char *how_long(const struct sg_advice *a, const json_t *service, char *buf,
			    size_t size)
{
	const double since = sg_doc_real(service, "intercept.bypass_since_time");
	char text[SG_HUMAN_TEXT];

	if (since <= 0)
		return "so far";
	snprintf(buf, size, "for %s", sg_human_seconds(a->st->now - since, text));
	return buf;
}

static void say_bypass(struct sg_advice *a, const json_t *service)
{
	char n[SG_HUMAN_TEXT], age[SG_HUMAN_TEXT + 8];

	sg_advice_say(
		a,
		"%s: its answers come past this host: none has passed here %s, while as many as %s connections "
		"at once were served. Intercept is not possible so; the guard fell back to %s, until an answer "
		"passes here. Lead the CA's way to its clients through this host: see the routes at the CA and at "
		"its gateway.",
		sg_doc_text(service, "name"), how_long(a, service, age, sizeof(age)),
		sg_human_count(sg_doc_count(service, "intercept.bypass_seen"), n),
		sg_status_mode(a->st));
}

/* The guard itself left intercept, for a time. Returns false when it did not. */
bool sg_advice_bypass(struct sg_advice *a)
{
	const json_t *tried = find_bypass(a, "tried"), *found = find_bypass(a, "found");
	char age[SG_HUMAN_TEXT + 8];

	if (sg_status_intercepts(a->st) || (!tried && !found))
		return false;
	if (found)
		say_bypass(a, found);
	else
		sg_advice_say(
			a,
			"%s was asked, and nothing of it has come %s: it is down, or its answers take another "
			"way. The guard tries %s to find out which. See whether the CA is up.",
			sg_doc_text(tried, "name"), how_long(a, tried, age, sizeof(age)),
			sg_status_mode(a->st));
	sg_advice_type_check(a);
	return true;
}

void sg_advice_not_as_configured(struct sg_advice *a)
{
	if (strcmp(sg_doc_text(a->st->doc, "config.mode"), "intercept") != 0 ||
	    sg_status_intercepts(a->st) || sg_doc_known(a->st->doc, "mode_until_time"))
		return;
	sg_advice_say(
		a,
		"The configuration says intercept, and the guard is in %s: somebody told it so, or intercept "
		"could not be entered. See why, and whether this machine is ready; then go back to it:",
		sg_status_mode(a->st));
	sg_advice_type(a, "journalctl -u scepguard -n 50");
	sg_advice_type_check(a);
	sg_advice_type(a, "scepguard mode intercept --confirm-within 10m%s", a->st->instance);
}

/* Attempts of the last minute that have to do with an enrolment, and how many of them were refused. */
static struct sg_tally tally_useful(const json_t *service)
{
	static const char *const useful[] = {"in_progress", "enrolment", "bootstrap"};
	const json_t *book = sg_doc_at(service, "verdicts_per_minute");
	struct sg_tally sum = {0};

	for (size_t i = 0; i < sizeof(useful) / sizeof(useful[0]); i++) {
		const struct sg_tally one = sg_status_tally(json_object_get(book, useful[i]));

		sum.admitted += one.admitted;
		sum.refused += one.refused;
	}
	return sum;
}

/* What of a storm is better in intercept. */
void sg_advice_try_intercept(struct sg_advice *a, const json_t *service)
{
	const struct sg_tally useful = tally_useful(service);
	char n[2][SG_HUMAN_TEXT];

	if (useful.refused)
		sg_advice_say(
			a,
			"Police keeps %s listening, but cannot tell enrolments from the storm: it refused %s of "
			"%s attempts to enrol in the last minute. Intercept reads the request before it costs a "
			"connection. See whether this machine is ready for it, and try it; it falls back by "
			"itself:",
			sg_doc_text(service, "name"), sg_human_count(useful.refused, n[0]),
			sg_human_count(useful.admitted + useful.refused, n[1]));
	else
		sg_advice_say(
			a,
			"Until then police keeps %s listening, but most places go to requests that are refused. "
			"When it begins to refuse enrolments, intercept helps, which reads the request before "
			"it costs a connection. See whether this machine is ready for it:",
			sg_doc_text(service, "name"));
	sg_advice_type_check(a);
	if (useful.refused)
		sg_advice_type(a, "scepguard mode intercept --confirm-within 10m%s",
			       a->st->instance);
}

static unsigned long long minute(const json_t *service, const char *counter)
{
	return sg_doc_count(sg_doc_at(service, "counters_per_minute"), counter);
}

static void rule_waited_in_vain(struct sg_advice *a, const json_t *service)
{
	char n[SG_HUMAN_TEXT];

	if (minute(service, "held_expired") < VAIN_MIN)
		return;
	sg_advice_say(
		a,
		"%s is asked for more than it bears: %s requests waited in vain in the last minute and were told "
		"to come back. They are served by their age when they do. If the CA bears more, raise its limits "
		"in the configuration.",
		sg_doc_text(service, "name"), sg_human_count(minute(service, "held_expired"), n));
}

static void rule_no_room_to_wait(struct sg_advice *a, const json_t *service)
{
	char n[SG_HUMAN_TEXT];

	if (!minute(service, "held_full"))
		return;
	sg_advice_say(
		a,
		"%s: %s requests of the last minute had no room to wait. If one source sends them, that is as it "
		"should be; else raise tables.held; it counts after a detach and a start.",
		sg_doc_text(service, "name"), sg_human_count(minute(service, "held_full"), n));
}

static void rule_mismatch(struct sg_advice *a, const json_t *service)
{
	char n[SG_HUMAN_TEXT];

	if (!minute(service, "mismatches"))
		return;
	sg_advice_say(
		a,
		"%s: %s connection(s) of the last minute were ended because a request came again with other "
		"bytes: somebody between the routers and this host changes them. Which ones:",
		sg_doc_text(service, "name"), sg_human_count(minute(service, "mismatches"), n));
	sg_advice_type(a, "scepguard events%s", a->st->instance);
}

static void rule_bad_checksum(struct sg_advice *a, const json_t *service)
{
	char n[SG_HUMAN_TEXT];

	if (minute(service, "bad_checksum") < VAIN_MIN)
		return;
	sg_advice_say(
		a,
		"%s: %s requests of the last minute had a wrong checksum and were not read. Look at the network "
		"card's offloads:",
		sg_doc_text(service, "name"), sg_human_count(minute(service, "bad_checksum"), n));
	sg_advice_type_check(a);
}

void sg_advice_intercept(struct sg_advice *a, const json_t *service)
{
	rule_waited_in_vain(a, service);
	rule_no_room_to_wait(a, service);
	rule_mismatch(a, service);
	rule_bad_checksum(a, service);
}
