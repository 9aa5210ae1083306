// SPDX-License-Identifier: GPL-2.0-only
/* `explain ADDRESS`: who it is, what it asked, what would happen to it now and why, what to change. */
#include <string.h>

#include "doc.h"
#include "human.h"
#include "render.h"

#define WIDTH_MAX    100
#define EVENTS_SHOWN 5
#define HELD_SHOWN   5

struct explain {
	const json_t *doc;
	const struct sg_style *style;
	bool observe, intercept; /* the mode in force */
	double now;
	int width;
	struct sg_lines *lines;
};

static void say_limits(const struct explain *e, const json_t *policy)
{
	const char *rate = sg_doc_text(policy, "rate");
	const unsigned long long open = sg_doc_count(policy, "connections");
	char limits[160], at_once[SG_HUMAN_TEXT], burst[SG_HUMAN_TEXT];

	if (*rate)
		snprintf(limits, sizeof(limits), "new connections at %s, %s of them at once", rate,
			 sg_human_count(sg_doc_count(policy, "burst"), burst));
	else
		snprintf(limits, sizeof(limits), "new connections at any rate");
	sg_lines_wrap(e->lines, e->width, "", "It may make %s, and have %s open (%s).", limits,
		      open ? sg_human_count(open, at_once) : "any number",
		      sg_doc_known(policy, "prefix") ? sg_doc_text(policy, "prefix")
						     : "sources.default");
}

static void say_who(const struct explain *e)
{
	const json_t *policy = sg_doc_at(e->doc, "policy");
	const char *address = sg_doc_text(e->doc, "address"),
		   *action = sg_doc_text(policy, "action");
	const char *source = sg_doc_text(e->doc, "source");
	const char *host = strrchr(source, '/');
	const bool alone = !host || !strcmp(host, "/32") || !strcmp(host, "/128");

	if (alone)
		sg_lines_add(e->lines, "%s%s%s is a source of its own.",
			     sg_paint(e->style, SG_PAINT_STRONG), address,
			     sg_paint(e->style, SG_PAINT_OFF));
	else
		sg_lines_wrap(e->lines, e->width, "", "%s%s%s counts as one source with all of %s.",
			      sg_paint(e->style, SG_PAINT_STRONG), address,
			      sg_paint(e->style, SG_PAINT_OFF), source);
	if (!strcmp(action, "deny"))
		sg_lines_wrap(e->lines, e->width, "", "The prefix %s denies it.",
			      sg_doc_text(policy, "prefix"));
	else if (!strcmp(action, "exempt"))
		sg_lines_wrap(
			e->lines, e->width, "",
			"The prefix %s exempts it from limits per source; the CA's budget still counts.",
			sg_doc_text(policy, "prefix"));
	else
		say_limits(e, policy);
}

/* "GetNextCACert 38 times, GetCACert 2 times" */
static const char *list_counts(const json_t *counts, const char *none, char *buf, size_t size)
{
	const char *key;
	json_t *count;

	buf[0] = '\0';
	json_object_foreach ((json_t *)(uintptr_t)counts, key, count) {
		const size_t used = strlen(buf);
		char n[SG_HUMAN_TEXT];

		if (json_integer_value(count) > 0)
			snprintf(buf + used, size - used, "%s%s %s", used ? ", " : "", key,
				 sg_human_count((unsigned long long)json_integer_value(count), n));
	}
	return *buf ? buf : none;
}

/* Why it competes as less than what it asks for (intercept). */
static void say_faults(const struct explain *e, const json_t *source)
{
	if (!e->intercept)
		return;
	if (sg_doc_true(source, "left_unfinished"))
		sg_lines_wrap(
			e->lines, e->width, "  ",
			"%sIt left a request unfinished%s, and kept a place at the CA for it: it comes "
			"last until something useful that it asks is answered.",
			sg_paint(e->style, SG_PAINT_WARN), sg_paint(e->style, SG_PAINT_OFF));
	if (sg_doc_true(source, "broke_word"))
		sg_lines_wrap(
			e->lines, e->width, "  ",
			"%sIt began a PKIOperation that was none%s: half of one is not believed from it "
			"any more.",
			sg_paint(e->style, SG_PAINT_WARN), sg_paint(e->style, SG_PAINT_OFF));
}

static void say_past(const struct explain *e, const json_t *service)
{
	const json_t *source = sg_doc_at(service, "source");
	char requests[256], answers[128], first[SG_HUMAN_TEXT], last[SG_HUMAN_TEXT];
	char admitted[SG_HUMAN_TEXT], open[SG_HUMAN_TEXT];

	if (!sg_doc_true(service, "known")) {
		sg_lines_wrap(e->lines, e->width, "  ",
			      "It is not known here: no connection of it was let through lately.");
		return;
	}
	sg_lines_wrap(e->lines, e->width, "  ",
		      "First seen %s, last seen %s; let through %s times; %s open now.",
		      sg_human_ago(e->now, sg_doc_real(source, "first_seen_time"), first),
		      sg_human_ago(e->now, sg_doc_real(source, "last_seen_time"), last),
		      sg_human_count(sg_doc_count(source, "admitted"), admitted),
		      sg_human_count(sg_doc_count(source, "connections"), open));
	sg_lines_wrap(
		e->lines, e->width, "  ", "Asked: %s. Answered: %s.",
		list_counts(sg_doc_at(source, "requests"), "nothing", requests, sizeof(requests)),
		list_counts(sg_doc_at(source, "answers"), "nothing", answers, sizeof(answers)));
	say_faults(e, source);
}

/* Held is who comes when there is no room; not who is denied, or asks more than its own limits allow. */
static bool reason_is_own(const char *reason)
{
	static const char *const own[] = {"denied", "tiny_fragment", "source_rate",
					  "source_connections"};

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (!strcmp(own[i], reason))
			return true;
	return false;
}

static const char *name_verdict(const struct explain *e, bool admit, const char *reason)
{
	if (e->observe)
		return admit ? "A connection now is let through, and would be in police"
			     : "A connection now is let through, since the guard observes; police "
			       "would refuse it";
	if (!e->intercept)
		return admit ? "A connection now would be let through"
			     : "A connection now would be refused";
	if (admit)
		return "A request now would go on to the CA, unless it is one the CA has just refused";
	return reason_is_own(reason) ? "A request now would be refused"
				     : "A request now would have to wait for its turn";
}

/* Where there would be room, others may be there first. */
static void say_others_first(const struct explain *e, unsigned long long before)
{
	char n[SG_HUMAN_TEXT];

	sg_lines_wrap(e->lines, e->width, "  ",
		      "%sA request now would have to wait for its turn%s: %s %s before it.",
		      sg_paint(e->style, SG_PAINT_WARN), sg_paint(e->style, SG_PAINT_OFF),
		      sg_human_count(before, n), before == 1 ? "waits" : "wait");
}

static void say_now(const struct explain *e, const json_t *service)
{
	const bool admit = !strcmp(sg_doc_text(service, "now.verdict"), "admit");
	const unsigned long long before = sg_doc_count(service, "now.before");
	const char *paint = sg_paint(e->style, admit ? SG_PAINT_GOOD : SG_PAINT_WARN);
	const char *off = sg_paint(e->style, SG_PAINT_OFF);
	const char *verdict = name_verdict(e, admit, sg_doc_text(service, "now.reason"));

	if (e->intercept && admit && before)
		say_others_first(e, before);
	else
		sg_lines_wrap(e->lines, e->width, "  ", "%s%s%s: %s (%s).", paint, verdict, off,
			      sg_doc_text(service, "now.sentence"),
			      sg_doc_text(service, "now.reason"));
	sg_lines_wrap(e->lines, e->width, "  ", "It competes as %s: %s.",
		      sg_doc_text(service, "priority.name"), sg_doc_text(service, "priority.why"));
}

/* What the guard found out about the way of the CA's answers; see status_advice_intercept.c. */
static void say_bypass(const struct explain *e, const json_t *service)
{
	const double since = sg_doc_real(service, "bypass_since_time");
	const char *state = sg_doc_text(service, "bypass");
	char ago[SG_HUMAN_TEXT];

	if (since <= 0 || (strcmp(state, "tried") != 0 && strcmp(state, "found") != 0))
		return;
	sg_lines_wrap(
		e->lines, e->width, "  ",
		"%sNothing of the CA has passed here for %s%s: %s (scepguard status).",
		sg_paint(e->style, SG_PAINT_WARN), sg_human_seconds(e->now - since, ago),
		sg_paint(e->style, SG_PAINT_OFF),
		*state == 'f'
			? "its answers come past the guard, so what is told below of answers is not all"
			: "it is down, or its answers take another way");
}

/* Joined to the CA's connection by the guard, or the client's own through and through? Only where both
 * may be.
 */
static const char *describe_way(const struct explain *e, const json_t *connection)
{
	if (sg_doc_true(connection, "spliced"))
		return "; spliced";
	return e->intercept ? "; native: from before intercept" : "";
}

static void say_open(const struct explain *e, const json_t *service)
{
	const json_t *connection;
	size_t i;

	json_array_foreach (sg_doc_at(service, "open"), i, connection) {
		const char *class = sg_doc_text(connection, "class");
		char age[SG_HUMAN_TEXT];

		sg_lines_wrap(e->lines, e->width, "    ", "port %llu to %s: %s for %s%s%s%s",
			      sg_doc_count(connection, "port"), sg_doc_text(connection, "endpoint"),
			      sg_doc_text(connection, "state"),
			      sg_human_seconds(sg_doc_real(connection, "age_seconds"), age),
			      strcmp(class, "none") ? ", asked " : "",
			      strcmp(class, "none") ? class : "", describe_way(e, connection));
	}
}

/* "1,234 are before it" */
static const char *describe_order(const json_t *held, char *buf, size_t size)
{
	const unsigned long long place = sg_doc_count(held, "place");
	char n[SG_HUMAN_TEXT];

	if (sg_doc_true(held, "granted"))
		snprintf(buf, size, "it has its turn");
	else if (place <= 1)
		snprintf(buf, size, "it is next");
	else
		snprintf(buf, size, "%s %s before it", sg_human_count(place - 1, n),
			 place == 2 ? "is" : "are");
	return buf;
}

static void say_held_one(const struct explain *e, const json_t *held)
{
	char waited[SG_HUMAN_TEXT], order[80], end[80] = "", text[SG_HUMAN_TEXT];

	if (!sg_doc_true(held, "granted"))
		snprintf(end, sizeof(end), "; its time is over in %s",
			 sg_human_seconds(sg_doc_real(held, "deadline_in_seconds"), text));
	sg_lines_wrap(
		e->lines, e->width, "    ", "port %llu to %s: %s has waited for %s as %s; %s%s",
		sg_doc_count(held, "port"), sg_doc_text(held, "endpoint"),
		sg_doc_text(held, "class"),
		sg_human_seconds(sg_doc_real(held, "waited_seconds"), waited),
		sg_doc_text(held, "priority"), describe_order(held, order, sizeof(order)), end);
}

/* Requests of it that wait for a turn (intercept, or on its way out), in their order. */
static void say_held(const struct explain *e, const json_t *service)
{
	const json_t *list = sg_doc_at(service, "held");
	const size_t count = json_array_size(list);
	char n[SG_HUMAN_TEXT];

	if (!count)
		return;
	sg_lines_add(e->lines, "  Waiting for a turn:");
	for (size_t i = 0; i < count && i < HELD_SHOWN; i++)
		say_held_one(e, json_array_get(list, i));
	if (count > HELD_SHOWN)
		sg_lines_add(e->lines, "    and %s more", sg_human_count(count - HELD_SHOWN, n));
}

/* What helps, by the reason of the refusal. */
static const struct {
	const char *reason, *help;
} helps[] = {
	{"denied", "Take its prefix out of sources.prefixes, or its `deny`, and reload the guard "
		   "(systemctl reload scepguard)."},
	{"source_rate",
	 "Wait; or, if several routers share this address (NAT), give it numbers of its "
	 "own in sources.prefixes and reload the guard."},
	{"source_connections",
	 "Let it end a connection; or, if several routers share this address (NAT), give it numbers of "
	 "its own in sources.prefixes and reload the guard."},
	{"slots",
	 "Nothing at this client: the CA has as many connections as it bears. See scepguard status."},
	{"slots_reserved",
	 "Nothing at this client; `reserve` of the service says how much is kept."},
	{"window",
	 "Nothing at this client: the CA has had as many connections as it bears. See scepguard "
	 "status."},
	{"window_reserved",
	 "Nothing at this client; `reserve` of the service says how much is kept."},
	{"window_unsettled", "Nothing: this settles by itself within seconds."},
	{"other_turn", "Nothing: the next place is not a lower class's."},
	{"ca_deaf", "Nothing: the guard lets traffic through again as soon as the CA answers."},
	{"tiny_fragment",
	 "Find out who cuts TCP headers into fragments on the way: no honest network "
	 "does."},
};

static void say_help(const struct explain *e, const json_t *service)
{
	const char *reason = sg_doc_text(service, "now.reason");
	const double wait = sg_doc_real(service, "rate.wait_seconds");
	char text[SG_HUMAN_TEXT];

	for (size_t i = 0; i < sizeof(helps) / sizeof(helps[0]); i++)
		if (!strcmp(helps[i].reason, reason))
			sg_lines_wrap(e->lines, e->width, "  ", "What to do: %s", helps[i].help);
	if (!strcmp(reason, "source_rate") && wait > 0)
		sg_lines_add(e->lines, "  Its rate allows the next connection in %s.",
			     sg_human_seconds(wait, text));
}

static void say_events(const struct explain *e)
{
	const json_t *events = sg_doc_at(e->doc, "requests");
	const size_t count = json_array_size(events);

	if (!count)
		return;
	sg_lines_add(e->lines, "%s", "");
	sg_lines_add(e->lines, "Lately:");
	for (size_t i = count > EVENTS_SHOWN ? count - EVENTS_SHOWN : 0; i < count; i++)
		sg_render_event(json_array_get(events, i), e->style, e->now, e->lines);
}

void sg_render_explain(const json_t *doc, const struct sg_style *style, const char *mode,
		       double now, struct sg_lines *lines)
{
	const struct explain e = {
		.doc = doc,
		.style = style,
		.observe = !strcmp(mode, "observe"),
		.intercept = !strcmp(mode, "intercept"),
		.now = now,
		.width = style->width < WIDTH_MAX ? style->width : WIDTH_MAX,
		.lines = lines,
	};
	const json_t *service;
	size_t i;

	say_who(&e);
	json_array_foreach (sg_doc_at(doc, "services"), i, service) {
		sg_lines_add(lines, "%s", "");
		sg_lines_add(lines, "%s%s%s", sg_paint(style, SG_PAINT_STRONG),
			     sg_doc_text(service, "service"), sg_paint(style, SG_PAINT_OFF));
		say_now(&e, service);
		say_help(&e, service);
		say_bypass(&e, service);
		say_past(&e, service);
		say_open(&e, service);
		say_held(&e, service);
	}
	say_events(&e);
}
