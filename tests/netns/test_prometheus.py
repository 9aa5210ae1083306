#!/usr/bin/env python3
"""The real Prometheus scrapes the guard; what its API then says equals `status --json`."""

import json
import re
import shutil
import subprocess
import unittest
import urllib.error
import urllib.parse
import urllib.request

import netlab
from support import CA_CAPS, CA_CERT, NEXT_CA, Case, attempt, get, main, wait_for

LISTEN, PROMETHEUS = "127.0.0.1:9834", "127.0.0.1:9090"
CONFIG = """
global: {scrape_interval: 1s, evaluation_interval: 1s}
scrape_configs:
  - job_name: scepguard
    static_configs: [{targets: ["%s"]}]
"""


def tool(name):
    """A program of the prometheus package, or a skip that says so."""
    path = shutil.which(name)
    if not path:
        raise unittest.SkipTest(f"{name} is not installed (apt install prometheus)")
    return path


def fetch(space, url):
    """Body of a GET from inside a namespace."""
    def inside():
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.read().decode()
    return space.inside(inside)


# Counters that are told by a family with a label.
FAMILIES, LABELS = {}, {}
for _family, _label, _members in (
        ("cookies", "result", {"cookies_sent": "sent", "cookies_proven": "proven",
                               "cookies_refused": "refused", "cookies_old": "old"}),
        ("edge_answers", "answer", {"edge_as_ca": "as_ca", "edge_status": "status",
                                    "edge_busy": "busy"}),
        ("question_changes", "change", {"learned": "learned", "unlearned": "unlearned"})):
    for _counter, _value in _members.items():
        FAMILIES[_counter] = f'scepguard_{_family}_total{{{_label}="{_value}"}}'
        LABELS[_counter] = (_value,)
UNTOLD = ("later_segments",)  # they come again


class Scraped(Case):

    def traffic(self):
        """A guard that has refused, passed and classified something, and is quiet now."""
        lab = self.lab(ca_gate=True)
        ca = self.ca(lab)
        guard = self.guard(lab, metrics={"listen": LISTEN})
        for target in (CA_CAPS, CA_CERT, NEXT_CA, NEXT_CA):
            get(lab.clients, lab.ca4, target, source="10.64.0.1")
        for _ in range(8):
            attempt(lab.clients, lab.ca4, "10.64.0.2", timeout=0.1)
        guard.wait(lambda s: s["services"][0]["mirror"]["slots"]["used"] == 0, "all ended")
        return lab, ca, guard

    def prometheus(self, lab):
        """Runs until the lab ends."""
        program = tool("prometheus")
        home = lab.directory / "prometheus"
        home.mkdir()
        (home / "prometheus.yml").write_text(CONFIG % LISTEN)
        with open(home / "log", "wb") as log:
            lab.gw.popen([program, f"--config.file={home}/prometheus.yml",
                          f"--storage.tsdb.path={home}/data",
                          f"--web.listen-address={PROMETHEUS}"], stdout=log, stderr=log)

    def query(self, lab, expression):
        """{(label values without job and instance, sorted): value}."""
        url = f"http://{PROMETHEUS}/api/v1/query?" + urllib.parse.urlencode({"query": expression})
        answer = json.loads(fetch(lab.gw, url))
        self.assertEqual(answer["status"], "success")
        skip = ("__name__", "job", "instance", "service")
        return {tuple(v for k, v in sorted(r["metric"].items()) if k not in skip):
                float(r["value"][1]) for r in answer["data"]["result"]}

    def expected(self, status):
        """{expression: what Prometheus should say} from a status."""
        service = status["services"][0]
        mirror = service["mirror"]
        window, slots = mirror["window"], mirror["slots"]
        table = {
            "scepguard_window_connections_limit": {(): window["limit"]},
            "scepguard_window_connections_cap": {(): window["cap"]},
            "scepguard_window_connections_worst": {(): window["worst"]},
            "scepguard_slots_used": {(): slots["used"]},
            "scepguard_slots_limit": {(): slots["limit"]},
            "scepguard_slots_peak": {(): slots["peak"]},
            "scepguard_ca_deaf": {(): float(mirror["deaf"]["now"])},
            "scepguard_predicted_block": {(): float(mirror["predicted_block"]["now"])},
            "scepguard_config_reload_success": {(): float(status["config"]["reload_ok"])},
            "scepguard_source_table_entries": {(): status["sources"]["used"]},
            "scepguard_source_table_capacity": {(): status["sources"]["capacity"]},
            "scepguard_connection_table_capacity": {(): status["connections"]["capacity"]},
            "scepguard_shadow_state == 1": {(service["shadow"]["state"],): 1},
            "scepguard_mode == 1": {(status["mode"],): 1},
            "scepguard_attached == 1": {(a["interface"], a["xdp"]): 1
                                        for a in status["attachments"]},
            "scepguard_answer_duration_seconds_count": {(): sum(service["latency"]["counts"])},
            "scepguard_answer_duration_seconds_sum": {(): service["latency"]["sum_seconds"]},
            "scepguard_requests_total": {(c,): n for c, n in service["requests"].items()
                                         if c != "none"},
            "scepguard_answers_total": {(c, s): n for c, by in service["answers"].items()
                                        for s, n in by.items() if c != "none"},
            # Reasons that do not depend on the priority are summed over it there.
            "sum by (reason) (scepguard_verdicts_total) > 0": {
                (r,): n for r in service["verdicts"]["other"]
                if (n := sum(by[r] for by in service["verdicts"].values()))},
            'scepguard_verdicts_total{reason="admitted"} > 0': {
                (p, "admitted", "admit"): by["admitted"]
                for p, by in service["verdicts"].items() if by["admitted"]},
        }
        for name, n in service["counters"].items():
            if name in UNTOLD:
                continue
            table[FAMILIES.get(name, f"scepguard_{name}_total")] = {LABELS.get(name, ()): n}
        return {**table, **self.expected_of_intercept(status)}

    @staticmethod
    def expected_of_intercept(status):
        """The same of what only intercept has."""
        service = status["services"][0]
        intercept = service["intercept"]
        waits = [one["longest_seconds"] for one in intercept["waiting"].values()]
        return {
            "scepguard_configured_mode == 1": {(status["config"]["mode"],): 1},
            "scepguard_splices": {(): intercept["splices"]},
            "scepguard_questions_learned": {(): intercept["questions_learned"]},
            "scepguard_held_requests": {(p,): one["requests"]
                                        for p, one in intercept["waiting"].items()},
            "scepguard_held_longest_seconds": {(): max(waits)},
            "scepguard_hold_seconds_count": {(): sum(service["waited"]["counts"])},
            "scepguard_hold_seconds_sum": {(): service["waited"]["sum_seconds"]},
        }

    def test_values(self):
        lab, ca, guard = self.traffic()
        self.prometheus(lab)

        def scraped():
            try:
                return self.query(lab, "up == 1") and self.query(lab, "scepguard_build_info")
            except (OSError, urllib.error.URLError):
                return None
        wait_for(scraped, 30, "scraped", 0.2)
        status = guard.fresh()
        # Stale values of the time before are replaced within a scrape or two.
        for expression, value in self.expected(status).items():
            def same(expression=expression, value=value):
                found = self.query(lab, expression)
                return found == value or self.close(found, value)
            try:
                wait_for(same, 6, expression, 0.2)
            except netlab.LabError:
                self.assertEqual(self.query(lab, expression), value, expression)
        guard.stop()
        ca.stop()

    @staticmethod
    def close(found, value):
        """Equal but for the last digits of a fraction."""
        return found.keys() == value.keys() and all(abs(found[k] - value[k]) < 1e-6 for k in value)

    def test_text(self):
        """promtool finds nothing to say; every label value is there from the start; no address."""
        promtool = tool("promtool")
        lab, ca, guard = self.traffic()
        text = fetch(lab.gw, f"http://{LISTEN}/metrics")
        done = subprocess.run([promtool, "check", "metrics"], input=text, text=True, check=False,
                              capture_output=True, timeout=30)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))
        series = [line for line in text.splitlines() if line and line[0] != "#"]
        self.assertLessEqual(len(series), 500)
        self.assertNotRegex(text, r"10\.64\.0|fd00:64")
        for line in series:
            self.assertRegex(line, r"^scepguard_[a-z0-9_]+(\{.*\})? [0-9.e+-]+$")
        fresh = self.lab()
        other = self.guard(fresh, metrics={"listen": LISTEN})
        other.fresh()
        names = lambda t: sorted(re.findall(r"^(scepguard_[^ ]+) ", t, re.M))  # noqa: E731
        self.assertEqual(names(fetch(fresh.gw, f"http://{LISTEN}/metrics")), names(text))
        other.stop()
        guard.stop()
        ca.stop()

    def test_alerts(self):
        """The rules in docs/ are well formed, and speak of metrics there are."""
        promtool = tool("promtool")
        rules = netlab.ROOT / "docs" / "alerts.yml"
        done = subprocess.run([promtool, "check", "rules", rules], text=True, check=False,
                              capture_output=True, timeout=30)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        lab, ca, guard = self.traffic()
        text = fetch(lab.gw, f"http://{LISTEN}/metrics")
        known = set(re.findall(r"^(scepguard_[a-z0-9_]+)", text, re.M))
        body = "\n".join(line.split("#")[0] for line in rules.read_text().splitlines())
        named = set(re.findall(r"\b(scepguard_[a-z0-9_]+)", body))
        self.assertGreater(len(named), 3)
        self.assertEqual(named - known, set())
        guard.stop()
        ca.stop()


if __name__ == "__main__":
    main()
