// SPDX-License-Identifier: GPL-2.0-only
/* Section 5: what should I do now? A list of rules over the document; each that holds says one thing
 * and what to type. The most urgent come first.
 */
#include <stdarg.h>
#include <string.h>

#include "doc.h"
#include "human.h"
#include "status.h"
#include "status_advice.h"

#define STALE_S      10 /* the loop ticks every second */
#define SHARED_MIN   5  /* a minute */
#define SHARED_SHARE 0.1
#define NOBODY_S     60
#define NEARLY_FULL  0.9

void sg_advice_say(struct sg_advice *a, const char *fmt, ...)
{
	char text[SG_LINE_MAX], number[16];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	snprintf(number, sizeof(number), "  %u. ", ++a->count);
	sg_lines_wrap(a->lines, a->width, number, "%s", text);
}

void sg_advice_type(struct sg_advice *a, const char *fmt, ...)
{
	char text[SG_LINE_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	sg_lines_add(a->lines, "       %s%s%s", sg_paint(&a->st->style, SG_PAINT_STRONG), text,
		     sg_paint(&a->st->style, SG_PAINT_OFF));
}

static void type_police(struct sg_advice *a)
{
	sg_advice_type(a, "scepguard mode police --confirm-within 10m%s", a->st->instance);
}

void sg_advice_type_check(struct sg_advice *a)
{
	const char *path = sg_doc_text(a->st->doc, "config.path");

	sg_advice_type(a, "scepguard check%s%s", *path ? " -c " : "", path);
}

/* ---- The guard itself ---- */

static void rule_stale(struct sg_advice *a)
{
	const double age = a->st->now - sg_doc_real(a->st->doc, "taken_time");
	char text[SG_HUMAN_TEXT];

	if (age < STALE_S)
		return;
	sg_advice_say(
		a,
		"These numbers are %s old: the daemon answers, but its control loop stands still. See why:",
		sg_human_seconds(age, text));
	sg_advice_type(a, "journalctl -u scepguard -n 50");
}

static void rule_detached(struct sg_advice *a)
{
	const json_t *attachment;
	size_t i;

	json_array_foreach (sg_doc_at(a->st->doc, "attachments"), i, attachment) {
		const char *name = sg_doc_text(attachment, "interface");

		if (sg_doc_true(attachment, "present"))
			continue;
		sg_advice_say(
			a,
			"%s is missing, or the guard's program is no longer on it: what comes in there is "
			"not guarded. The guard attaches by itself when the interface is back. Look:",
			name);
		sg_advice_type(a, "ip link show %s", name);
	}
}

static void rule_reload(struct sg_advice *a)
{
	if (!sg_doc_known(a->st->doc, "config.reload_ok") ||
	    sg_doc_true(a->st->doc, "config.reload_ok"))
		return;
	sg_advice_say(
		a,
		"The last reload was refused and the old configuration goes on. See what is wrong:");
	sg_advice_type_check(a);
}

static void rule_trial(struct sg_advice *a)
{
	const double until = sg_doc_real(a->st->doc, "mode_until_time");
	char left[SG_HUMAN_TEXT];

	if (until <= 0)
		return;
	sg_advice_say(a,
		      "%s is on trial: in %s the guard falls back to %s. If all is well, keep it:",
		      sg_status_mode(a->st), sg_human_seconds(until - a->st->now, left),
		      sg_doc_text(a->st->doc, "mode_then"));
	sg_advice_type(a, "scepguard mode --confirm%s", a->st->instance);
}

static void rule_tables(struct sg_advice *a)
{
	static const char *const tables[] = {"connections", "sources"};

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		const json_t *table = sg_doc_at(a->st->doc, tables[i]);
		char used[SG_HUMAN_TEXT], capacity[SG_HUMAN_TEXT];

		if (sg_doc_real(table, "used") <= NEARLY_FULL * sg_doc_real(table, "capacity"))
			continue;
		sg_advice_say(
			a,
			"The table of %s is nearly full (%s of %s). Raise tables.%s; it counts after a "
			"detach and a start.",
			tables[i], sg_human_count(sg_doc_count(table, "used"), used),
			sg_human_count(sg_doc_count(table, "capacity"), capacity), tables[i]);
	}
}

/* ---- A service ---- */

static void rule_one_sided(struct sg_advice *a, const json_t *service)
{
	/* Found out in intercept: said already, and better. */
	if (!sg_doc_true(service, "one_sided") ||
	    !strcmp(sg_doc_text(service, "intercept.bypass"), "found"))
		return;
	sg_advice_say(
		a,
		"%s: put the guard where both directions pass (README, \"Where to put it\"). Until then "
		"it counts and limits what clients send, but does not see answers, deafness or the shadow "
		"certificate.",
		sg_doc_text(service, "name"));
	sg_advice_type_check(a);
}

static void rule_deaf(struct sg_advice *a, const json_t *service)
{
	const char *name = sg_doc_text(service, "name");

	if (sg_status_serving_of(service) != SG_SERVING_DEAF)
		return;
	if (sg_status_observes(a->st)) {
		sg_advice_say(a,
			      "%s is deaf, and nobody can enrol. Keep it inside its limits:", name);
		type_police(a);
		return;
	}
	sg_advice_say(
		a,
		"%s is deaf: wait, the guard lets traffic through again as soon as it answers. If this "
		"comes back, others reach the CA past the guard, or its limits are lower than configured: lower "
		"limits.connections, or leave more headroom.",
		name);
}

static void rule_silent(struct sg_advice *a, const json_t *service)
{
	if (sg_status_serving_of(service) != SG_SERVING_SILENT)
		return;
	sg_advice_say(
		a,
		"%s does not answer at all: see whether it is up and reachable from here; on an IOS CA, whether "
		"its HTTP server runs:",
		sg_doc_text(service, "name"));
	sg_advice_type(
		a, "ping %s",
		json_string_value(json_array_get(sg_doc_at(service, "addresses"), 0))
			? json_string_value(json_array_get(sg_doc_at(service, "addresses"), 0))
			: "ADDRESS");
	sg_advice_type(a, "show ip http server status          (on the CA)");
}

/* Silence is calm only if nobody is there. */
static void rule_nobody(struct sg_advice *a, const json_t *service)
{
	if (sg_status_serving_of(service) != SG_SERVING_NEVER ||
	    a->st->now - sg_doc_real(a->st->doc, "loaded_time") < NOBODY_S)
		return;
	sg_advice_say(
		a,
		"%s: nobody has connected yet. If routers should be asking it, their packets do not pass "
		"here: compare its address and the interfaces:",
		sg_doc_text(service, "name"));
	sg_advice_type_check(a);
}

static bool was_over(const json_t *service)
{
	const unsigned long long limit = sg_doc_count(service, "mirror.window.limit");
	const unsigned long long slots = sg_doc_count(service, "mirror.slots.limit");

	return (limit && sg_doc_count(service, "mirror.window.worst") >= limit) ||
	       (slots && sg_doc_count(service, "mirror.slots.peak") >= slots) ||
	       sg_doc_count(service, "mirror.deaf.episodes") > 0;
}

static void rule_over_limit(struct sg_advice *a, const json_t *service)
{
	const unsigned long long limit = sg_doc_count(service, "mirror.window.limit");
	char n[3][SG_HUMAN_TEXT];

	if (!sg_status_observes(a->st) || !was_over(service) ||
	    sg_status_serving_of(service) == SG_SERVING_DEAF)
		return;
	sg_advice_say(
		a,
		"%s was brought to its limits (worst window %s of %s, most open %s): police would have kept "
		"it inside them. Try it; it falls back by itself:",
		sg_doc_text(service, "name"),
		sg_human_count(sg_doc_count(service, "mirror.window.worst"), n[0]),
		limit ? sg_human_count(limit, n[1]) : "any",
		sg_human_count(sg_doc_count(service, "mirror.slots.peak"), n[2]));
	type_police(a);
}

static void rule_past_guard(struct sg_advice *a, const json_t *service)
{
	const unsigned long long used = sg_doc_count(service, "mirror.window.used");
	const unsigned long long cap = sg_doc_count(service, "mirror.window.cap");
	char n[2][SG_HUMAN_TEXT];

	if (sg_status_observes(a->st) || !cap || used <= cap)
		return;
	sg_advice_say(
		a,
		"%s answered %s connections in its window, more than the %s the guard lets through. Right "
		"after a change from observe that is normal for one window; later it means that the limits "
		"were changed or state was lost.",
		sg_doc_text(service, "name"), sg_human_count(used, n[0]),
		sg_human_count(cap, n[1]));
}

/* Several routers behind one address look like one greedy source. Only enrolments matter here: who asks for
 * the next certificate all the time is to be slowed down.
 */
static void rule_shared_sources(struct sg_advice *a, const json_t *service)
{
	static const char *const useful[] = {"in_progress", "enrolment", "bootstrap"};
	const json_t *book = sg_doc_at(service, "verdicts_per_minute");
	unsigned long long refused = 0, all = 0;
	char n[2][SG_HUMAN_TEXT];

	for (size_t i = 0; i < sizeof(useful) / sizeof(useful[0]); i++) {
		const json_t *of_priority = json_object_get(book, useful[i]);
		const struct sg_tally tally = sg_status_tally(of_priority);

		refused += sg_doc_count(of_priority, "source_rate") +
			   sg_doc_count(of_priority, "source_connections");
		all += tally.admitted + tally.refused;
	}
	if (refused < SHARED_MIN || (double)refused < SHARED_SHARE * (double)all)
		return;
	sg_advice_say(
		a,
		"%s: %s of %s attempts to enrol %s refused in the last minute because their source asks too "
		"often. If several routers share an address (NAT), give it numbers of its own in "
		"sources.prefixes. Which one:",
		sg_doc_text(service, "name"), sg_human_count(refused, n[0]),
		sg_human_count(all, n[1]), sg_status_observes(a->st) ? "would have been" : "were");
	sg_advice_type(a, "scepguard sources --sort requests%s", a->st->instance);
}

/* On trial, or given way: nobody needs to be told to try it. */
static bool returns_to_intercept(const struct sg_status *st)
{
	return sg_doc_known(st->doc, "mode_until_time") &&
	       !strcmp(sg_doc_text(st->doc, "mode_then"), "intercept");
}

/* The cure is at the CA: an overlap so long that the shadow exists before the first router asks. */
static void rule_storm(struct sg_advice *a, const json_t *service)
{
	char n[SG_HUMAN_TEXT];

	if (!sg_status_is_storm(service) ||
	    !strcmp(sg_doc_text(service, "shadow.state"), "wrong_path"))
		return;
	sg_advice_say(
		a,
		"%s is asked for its next certificate %s times a minute and has none. Cure it at the CA: make "
		"the rollover overlap at least as long as the lifetime of the routers' certificates "
		"(in days; on IOS):",
		sg_doc_text(service, "name"), sg_human_count(sg_status_next_asked(service), n));
	sg_advice_type(a, "crypto pki server NAME ; shutdown ; auto-rollover DAYS ; no shutdown");
	if (sg_status_observes(a->st) && !was_over(service)) {
		sg_advice_say(
			a, "Until then, keep %s inside its limits:", sg_doc_text(service, "name"));
		type_police(a);
	} else if (!strcmp(sg_status_mode(a->st), "police") && !returns_to_intercept(a->st)) {
		sg_advice_try_intercept(a, service);
	}
}

static void rule_wrong_path(struct sg_advice *a, const json_t *service)
{
	if (strcmp(sg_doc_text(service, "shadow.state"), "wrong_path") != 0)
		return;
	sg_advice_say(
		a,
		"%s answers 404 to everything: compare `enrollment url` of the routers' trustpoints with the "
		"CA's path and name. Who asks:",
		sg_doc_text(service, "name"));
	sg_advice_type(a, "scepguard sources%s", a->st->instance);
}

static void rule_forged(struct sg_advice *a, const json_t *service)
{
	char n[SG_HUMAN_TEXT];

	if (!sg_doc_count(service, "counters.forged"))
		return;
	sg_advice_say(
		a,
		"%s packet(s) claimed to be %s, from where it is not. They changed nothing here. If the CA did "
		"move, set `behind` of its service.",
		sg_human_count(sg_doc_count(service, "counters.forged"), n),
		sg_doc_text(service, "name"));
}

static void each_service(struct sg_advice *a)
{
	static void (*const rules[])(struct sg_advice *, const json_t *) = {
		rule_deaf,       rule_silent,     rule_nobody,         rule_one_sided,
		rule_over_limit, rule_past_guard, rule_shared_sources, rule_wrong_path,
		rule_storm,      rule_forged,     sg_advice_intercept,
	};
	const json_t *service;
	size_t i;

	json_array_foreach (sg_doc_at(a->st->doc, "services"), i, service)
		for (size_t r = 0; r < sizeof(rules) / sizeof(rules[0]); r++)
			rules[r](a, service);
}

void sg_status_advice(const struct sg_status *st, int width, struct sg_lines *lines)
{
	struct sg_advice a = {.st = st, .width = width, .lines = lines};

	sg_lines_add(lines, "%sWhat to do now%s", sg_paint(&st->style, SG_PAINT_STRONG),
		     sg_paint(&st->style, SG_PAINT_OFF));
	rule_stale(&a);
	rule_detached(&a);
	if (!sg_advice_bypass(&a)) {
		rule_trial(&a);
		sg_advice_not_as_configured(&a);
	}
	each_service(&a);
	rule_reload(&a);
	rule_tables(&a);
	if (!a.count)
		sg_lines_add(lines, "  Nothing: all is calm.");
	if (sg_doc_count(st->doc, "time_scale") > 1)
		sg_lines_wrap(lines, width, "  ",
			      "(A lab: the guard's durations are divided by %llu, time_scale.)",
			      sg_doc_count(st->doc, "time_scale"));
}
