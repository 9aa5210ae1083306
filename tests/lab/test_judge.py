#!/usr/bin/env python3
"""Self-test of judge.py and promises.py on logs of a few lines, worked out by hand."""

import unittest

import promises
from judge import Judge, judge, merged, most_in_window, percentile, spacings

WINDOW = 6.0
START = {"t": 0, "event": "start", "monotonic_s": 100.0, "window_s": WINDOW}


def syn(t, client):
    return {"t": t, "event": "syn", "client": client}


def request(t, client, operation, status=200):
    return {"t": t, "event": "request", "client": client, "operation": operation,
            "status": status}


def attempt(began, ended, client, role="enrol", outcome="200"):
    return {"began": 100.0 + began, "ended": 100.0 + ended, "client": client, "role": role,
            "outcome": outcome}


def enrolment(t, client):
    """Three requests, a second apart."""
    steps = ("GetCACert", "GetCACaps", "PKIOperation-GET")
    return [event for i, op in enumerate(steps)
            for event in (syn(t + i, client), request(t + i + 0.5, client, op))]


class Arithmetic(unittest.TestCase):
    def test_percentile_is_a_value_that_occurred(self):
        self.assertEqual(percentile(range(1, 21), 95), 19)
        self.assertEqual(percentile([7], 95), 7)
        self.assertIsNone(percentile([], 95))
        self.assertIsNone(percentile([1] * 18 + [float("inf")] * 2, 95))

    def test_window_is_half_open(self):
        self.assertEqual(most_in_window([0.0, 6.0, 11.9, 12.0], WINDOW), 2)
        self.assertEqual(most_in_window([0.0, 5.9], WINDOW), 2)

    def test_spacings_lie_within(self):
        times = [0.0, 1.0, 2.0, 9.0, 10.0]
        self.assertEqual(spacings(times, 0.0, 10.0, 2), [2.0, 8.0, 8.0])
        self.assertEqual(spacings(times, 0.5, 9.5, 2), [8.0])
        self.assertEqual(spacings(times, 0.5, 9.5, 3), [])

    def test_merged(self):
        self.assertEqual(merged([(3, 4), (0, 1), (1.05, 2)], 0.1), [[0, 2], [3, 4]])


class Enrolments(unittest.TestCase):
    def test_counted_by_the_ca_timed_from_the_first_wish(self):
        events = [START] + enrolment(1.0, "a") + [syn(2.0, "b"), request(2.1, "b", "GetCACert")]
        attempts = [attempt(0.5, 1.6, "a"), attempt(2.0, 2.2, "b"), attempt(2.3, 9.0, "b")]
        found = judge(events, attempts, 10, 77)
        self.assertEqual((found["attempted"], found["enrolled"]), (2, 1))
        self.assertIsNone(found["p95_s"])
        self.assertEqual(found["p95_of_enrolled_s"], 30.0)
        self.assertEqual(found["begun_unfinished"], 1)

    def test_a_refused_pkioperation_is_no_certificate(self):
        events = [START, request(1.0, "a", "PKIOperation-POST", 400)]
        self.assertEqual(judge(events, [attempt(0.5, 1.1, "a")], 10, 77)["enrolled"], 0)

    def test_new_before_begun(self):
        begun = [syn(1.0, "a"), request(1.1, "a", "GetCACert")]
        waits = [attempt(0.9, 1.2, "a"), attempt(2.0, 5.0, "a"), attempt(2.5, 3.2, "b")]
        # b, new, is let in while a waits from 2 to 4, or when he has hardly begun to, or after it.
        for came, overtaken in ((3.0, 1), (2.1, 0), (4.5, 0)):
            events = [START, *begun, syn(came, "b"), request(came + 0.1, "b", "GetCACert"),
                      syn(4.0, "a"), request(4.1, "a", "GetCACaps")]
            found = judge(events, waits, 10, 77)
            self.assertEqual(found["new_before_begun"], overtaken)


    def test_who_has_been_sent_away_waits_no_more(self):
        # a, begun, waits from 2 and is told 503 at 5; b, new, is let in before that.
        begun = [START, syn(1.0, "a"), request(1.1, "a", "GetCACert")]
        waits = [attempt(0.9, 1.2, "a"), attempt(2.0, 5.0, "a", outcome="other_status"),
                 attempt(2.5, 5.1, "b")]
        for came, overtaken in ((4.97, 1), (4.99, 0)):
            events = [*begun, syn(came, "b"), request(came + 0.1, "b", "GetCACert")]
            found = judge(events, waits, 10, 77)
            self.assertEqual(found["new_before_begun"], overtaken)

    def test_who_waits_for_his_first_is_not_begun(self):
        events = [START, syn(3.0, "b"), request(3.1, "b", "GetCACert"),
                  syn(4.0, "a"), request(4.1, "a", "GetCACert")]
        found = judge(events, [attempt(2.0, 4.2, "a"), attempt(2.5, 3.2, "b")], 10, 77)
        self.assertEqual(found["new_before_begun"], 0)


class Filling(unittest.TestCase):
    def test_only_while_somebody_waits(self):
        # One SYN a second is 6 in a window; "z" waits from 0 to 10 and is never seen.
        events = [START] + [syn(i + 0.5, f"s{i}") for i in range(20)]
        found = judge(events, [attempt(0.0, 10.0, "z")], 10, 6)
        self.assertEqual((found["fill"], found["fill_least"], found["fill_places"]), (1, 1, 4))
        self.assertEqual(judge(events, [attempt(0.0, 5.0, "z")], 10, 6)["fill_places"], 0)

    def test_bursts_are_as_good_as_a_steady_flow_and_holes_are_not(self):
        def filled(times):
            events = [START] + [syn(t, "s") for t in times]
            return judge(events, [attempt(0.0, 30.0, "z")], 10, 3)["fill"]
        self.assertEqual(filled([0.1, 0.1, 0.1, 6.1, 6.1, 6.1, 12.1, 12.1, 12.1]), 1.0)
        self.assertEqual(filled([0.1, 0.1, 0.1, 8.1, 8.1, 8.1, 16.1, 16.1, 16.1]), 0.75)

    def test_waiting_ends_when_the_ca_sees_it(self):
        court = Judge([START, syn(2.0, "a")], [attempt(1.0, 9.0, "a")], 10, 6)
        self.assertEqual(list(court._waits(("enrol",))), [("a", (101.0, 102.0))])


class Shadow(unittest.TestCase):
    def logs(self):
        events = [START,
                  request(1.0, "r0", "GetNextCACert", 404),
                  request(2.0, "r1", "GetNextCACert", 404),
                  request(9.0, "r0", "GetNextCACert", 404),
                  {"t": 10.0, "event": "shadow"},
                  request(11.0, "r0", "GetNextCACert"),
                  request(12.0, "r0", "GetNextCACert"),
                  request(13.0, "r1", "GetNextCACert"),
                  request(14.0, "r1", "GetNextCACert")]
        attempts = [attempt(i, i + 0.1, f"r{i % 2}", "storm", "404" if i < 8 else "no_answer")
                    for i in range(10)]
        attempts += [attempt(10.5, 11.0, "r0", "storm"), attempt(12.5, 13.0, "r1", "storm")]
        return events, attempts + [attempt(20, 21, "r0", "storm", "unfinished")]

    def test_storm(self):
        found = judge(*self.logs(), 10, 6)
        self.assertEqual(found["storm_asks"], 12)
        self.assertEqual(found["storm_answered_share"], 0.8333)
        self.assertEqual(found["nextca_worst_window"], 2)

    def test_a_connection_counts_when_it_began(self):
        late = [START] + [{**syn(t, "r"), "port": port} for t, port in ((1.0, 7), (8.0, 8))] + \
            [{**request(9.0 + port / 10, "r", "GetNextCACert", 404), "port": port}
             for port in (7, 8)]
        self.assertEqual(judge(late, [], 10, 6)["nextca_worst_window"], 1)
        for event in late[3:]:
            event["port"] = 9  # unknown: the answer's time is all there is
        self.assertEqual(judge(late, [], 10, 6)["nextca_worst_window"], 2)

    def test_behind_a_proxy_the_connection_is_the_proxy_s(self):
        events = [START, {**syn(1.0, "p"), "port": 7},
                  {**request(9.0, "r", "GetNextCACert", 404), "port": 7, "proxy": "p"}]
        court = Judge(events, [], 10, 6)
        self.assertEqual((court.asked, court.seen["r"]), ([101.0], [101.0]))

    def test_flip(self):
        found = judge(*self.logs(), 10, 6)
        self.assertEqual(found["flip_known_s"], 10.0)
        self.assertEqual((found["flip_waiting"], found["flip_served"]), (2, 2))
        self.assertEqual(found["flip_all_served_s"], 30.0)
        # r0's second at 12, before r1 had any; r1's own second at 14 kept nobody waiting.
        self.assertEqual(found["flip_served_twice"], 1)

    def test_not_everybody(self):
        events, attempts = self.logs()
        found = judge(events, attempts + [attempt(3, 4, "r2", "storm", "404")], 10, 6)
        self.assertIsNone(found["flip_all_served_s"])
        self.assertEqual(found["flip_served_twice"], 2)


GOOD = {"scale": 10, "deaf_episodes": 0, "worst_window": 79, "queue_full": 0, "enrolled_share": 1.0,
        "nextca_worst_window": 2, "storm_answered_share": 0.99, "p95_s": 1.1,
        "attempted": 400, "fill_places": 3, "fill": 0.97, "new_before_begun": 0}


class Promises(unittest.TestCase):
    def broken(self, scenario, **changed):
        return [what for what, kept in
                promises.intercept(scenario, {**GOOD, **changed}, {"p95_s": 1.0}) if not kept]

    def test_all_kept(self):
        for scenario in ("storm5", "names5", "rush", "restart"):
            self.assertEqual(self.broken(scenario), [])
        self.assertEqual(self.broken("boxpause", new_before_begun=4), [])

    def test_each_can_break(self):
        for scenario, bad in (("storm5", {"deaf_episodes": 1}), ("storm5", {"worst_window": 80}),
                              ("storm5", {"queue_full": 1}), ("storm5", {"enrolled_share": 0.98}),
                              ("storm5", {"nextca_worst_window": 3}),
                              ("storm5", {"storm_answered_share": 0.98}),
                              ("storm5", {"p95_s": 1.21}), ("storm5", {"p95_s": None}),
                              ("restart", {"p95_s": 3.21}),
                              ("names5", {"nextca_worst_window": 49}),
                              ("rush", {"fill": 0.96}), ("rush", {"new_before_begun": 1}),
                              ("pause", {"new_before_begun": 5})):
            with self.subTest(scenario=scenario, bad=bad):
                self.assertEqual(len(self.broken(scenario, **bad)), 1)


if __name__ == "__main__":
    unittest.main()
