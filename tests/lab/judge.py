"""What the CA's own log says of a run; the fleet's log says who wanted something, and when.

Pure: lists of dicts in, figures out.  Times in the logs are wall seconds, figures are the field's.
In the CA's log a request's `client` is the router that asked, also behind a proxy (which tells
it in X-Forwarded-For, and stands in `proxy`); that of a SYN is the packet's source.
"""

import bisect
import math
from collections import defaultdict

ENROLLING = ("enrol", "rush")
PKI = ("PKIOperation-GET", "PKIOperation-POST")
SLACK_S = 0.05  # wall: what waits no longer than this does not wait
TURN_S = 2.0  # field: within this time it is chance who comes first
# Wall: from the end of a hold to the 503 at the router: a round of the guard's daemon (10 ms), and the way.
TOLD_S = 0.02


def percentile(values, percent):
    """The smallest value that `percent` of all do not exceed; None where that one is infinite."""
    if not values:
        return None
    value = sorted(values)[math.ceil(len(values) * percent / 100) - 1]
    return None if math.isinf(value) else value


def most_in_window(times, window):
    """The most of the sorted times in any span shorter than the window."""
    return max((i + 1 - bisect.bisect_right(times, t - window) for i, t in enumerate(times)),
               default=0)


def spacings(times, start, end, places):
    """How long after the one `places` before it each of the sorted times comes, both within."""
    inside = times[bisect.bisect_left(times, start):bisect.bisect_right(times, end)]
    return [later - sooner for sooner, later in zip(inside, inside[places:])]


def merged(spans, gap=0.0):
    """Overlapping (or nearly touching) spans as one."""
    joined = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1] + gap:
            joined[-1][1] = max(joined[-1][1], end)
        else:
            joined.append([start, end])
    return joined


class Judge:
    """One run's logs, on one clock, and the questions asked of them."""

    def __init__(self, ca_events, attempts, scale, cap):
        begin = ca_events[0]
        self.window = begin["window_s"]
        self.scale = scale
        self.cap = cap
        self.attempts = attempts
        self.syns = []
        self.requests = []
        self.asked = []  # GetNextCACert: when its connection began
        self.shadow = None
        self.seen = defaultdict(list)  # client: when connections of his began, at the CA
        begun = {}  # (source, port): the last SYN
        for event in ca_events:
            when = event["t"] + begin["monotonic_s"]
            if event["event"] == "syn":
                self.syns.append(when)
                self.seen[event["client"]].append(when)
                begun[event["client"], event.get("port")] = when
            elif event["event"] == "request":
                self.requests.append((when, event))
                source = event.get("proxy", event["client"]), event.get("port")
                self.seen[event["client"]].append(begun.get(source, when))
                if event["operation"] == "GetNextCACert":
                    self.asked.append(begun.get(source, when))
            elif event["event"] == "shadow":
                self.shadow = when
        self.syns.sort()
        self.asked.sort()
        for times in self.seen.values():
            times.sort()

    def field(self, wall_s, digits=2):
        """Field seconds; None stays."""
        return None if wall_s is None else round(wall_s * self.scale, digits)

    # --- enrolments ------------------------------------------------------------------------

    def _arrivals(self, roles):
        arrivals = {}
        for attempt in self.attempts:
            if attempt["role"] in roles:
                client, began = attempt["client"], attempt["began"]
                arrivals[client] = min(began, arrivals.get(client, began))
        return arrivals

    def _first_answers(self, operations, since=0.0):
        first = {}
        for when, event in self.requests:
            if event["operation"] in operations and event["status"] == 200 and when >= since:
                first.setdefault(event["client"], when)
        return first

    def enrolments(self):
        """How many of those who wanted a certificate were given one, and how long it took."""
        arrivals, given = self._arrivals(ENROLLING), self._first_answers(PKI)
        times = [given.get(client, math.inf) - arrival for client, arrival in arrivals.items()]
        enrolled = [t for t in times if not math.isinf(t)]
        return {"attempted": len(times), "enrolled": len(enrolled),
                "enrolled_share": len(enrolled) / len(times) if times else None,
                # Of all who wanted: None = 95 % never got there.
                "p95_s": self.field(percentile(times, 95)),
                "p50_of_enrolled_s": self.field(percentile(enrolled, 50)),
                "p95_of_enrolled_s": self.field(percentile(enrolled, 95)),
                **self._begun()}

    def _begun(self):
        """Enrolments begun and not finished; new ones let in before waiting begun ones."""
        begun = self._first_answers(("GetCACert",))
        given = self._first_answers(PKI)
        arrivals = self._arrivals(ENROLLING)
        turn = TURN_S / self.scale
        # Of each wait the part in which nobody new should be let in.
        waits = merged([(start + turn, end - (0 if end in self.seen[client] else TOLD_S))
                        for client, (start, end) in self._waits(ENROLLING)
                        if client in begun and begun[client] <= start
                        and end - start > turn + TOLD_S])
        starts = [start for start, _ in waits]
        overtaken = 0
        for client in arrivals:
            came = self.seen.get(client)
            place = bisect.bisect_right(starts, came[0]) - 1 if came else -1
            overtaken += place >= 0 and came[0] < waits[place][1]
        return {"begun_unfinished": sum(client in arrivals and client not in given
                                        for client in begun),
                "new_before_begun": overtaken}

    # --- who waits, and how well the window is used -----------------------------------------

    def _waits(self, roles):
        """(client, (from, to)) of each attempt: until the CA sees it, or it ends unseen."""
        for attempt in self.attempts:
            if attempt["role"] not in roles:
                continue
            times = self.seen.get(attempt["client"], [])
            place = bisect.bisect_left(times, attempt["began"])
            seen = times[place] if place < len(times) else math.inf
            yield attempt["client"], (attempt["began"], min(seen, attempt["ended"]))

    def fill(self, spans):
        """How well the window is used within the spans.

        Whoever wastes nothing lets one in a window after the one that is the guard's cap of
        places before it, steadily or in bursts: 1 is that, on the mean and at its worst.
        """
        found = [gap for span in spans for gap in spacings(self.syns, *span, self.cap)]
        if not found:
            return {"fill": None, "fill_least": None, "fill_places": 0}
        return {"fill": round(self.window * len(found) / sum(found), 3),
                "fill_least": round(self.window / max(found), 3), "fill_places": len(found)}

    def fill_while_enrolments_wait(self):
        """See fill(); a gap of SLACK_S between two who wait does not end the waiting."""
        spans = merged([span for _, span in self._waits(ENROLLING)
                        if span[1] - span[0] > SLACK_S], SLACK_S)
        return self.fill(spans)

    # --- the shadow certificate ---------------------------------------------------------------

    def storm(self):
        """Asks of the storm that were answered, and what they cost the CA while not ready."""
        ends = [a["outcome"] for a in self.attempts
                if a["role"] == "storm" and a["outcome"] != "unfinished"]
        answered = sum(outcome in ("200", "404") for outcome in ends)
        asked = [when for when in self.asked if self.shadow is None or when < self.shadow]
        span = (asked[-1] - asked[0]) if len(asked) > 1 else 0
        return {"storm_asks": len(ends), "storm_answered": answered,
                "storm_answered_share": round(answered / len(ends), 4) if ends else None,
                "storm_other_status": sum(outcome == "other_status" for outcome in ends),
                "nextca_worst_window": most_in_window(asked, self.window),
                "nextca_per_window": round(len(asked) / span * self.window, 2) if span else None}

    def flip(self):
        """From the shadow's appearance on; None in all without one."""
        if self.shadow is None:
            return {}
        wanting = self._arrivals(("storm",))
        # By what the routers got: a cache serves them without the CA.
        served = {}
        for attempt in sorted(self.attempts, key=lambda a: a["ended"]):
            if attempt["role"] == "storm" and attempt["outcome"] == "200":
                served.setdefault(attempt["client"], attempt["ended"])
        known = min(served.values(), default=None)
        last = max(served.values(), default=None)
        everybody = len(served) == len(wanting)
        return {"flip_known_s": self.field(known - self.shadow) if known else None,
                "flip_waiting": len(wanting), "flip_served": len(served),
                "flip_all_served_s": self.field(last - self.shadow) if everybody else None,
                "flip_served_twice": self._served_twice(everybody, last),
                **{f"flip_{name}": value for name, value in
                   self.fill([(known, last)] if known else []).items()}}

    def _served_twice(self, everybody, last):
        """Asks the CA answered 200 a second time while somebody still had to get his first."""
        until = last if everybody else math.inf
        served = self._first_answers(("GetNextCACert",), self.shadow)
        again = [event for when, event in self.requests
                 if event["operation"] == "GetNextCACert" and event["status"] == 200
                 and event["client"] in served and served[event["client"]] < when <= until]
        return len(again)


def judge(ca_events, attempts, scale, cap):
    """All figures of one run."""
    court = Judge(ca_events, attempts, scale, cap)
    return {**court.enrolments(), **court.fill_while_enrolments_wait(), **court.storm(),
            **court.flip()}
