#!/usr/bin/env python3
"""Promise 7, fail open: the data plane goes on without a daemon, a new daemon takes over without a
gap, a reload changes limits live or not at all, and `detach` leaves nothing."""

import json
import signal
import unittest

import netlab
from support import (IOS, PROGRAM, SCALE, Background, Case, Fleet, GuardUnderTest, attempt, get,
                     main, now, wait_for)

STORM = {"storm_rate": 800, "storm_sources": 3000, "enrol_rate": 6, "grace": 0, "scale": SCALE}
# A shorter window than IOS's: several of them have to pass.
WINDOW_S = 3
FULL = {"connections": 80, "window": f"{WINDOW_S * SCALE}s", "block": "15s", "max_connections": 16}
HALF = {**FULL, "connections": 40, "max_connections": 8}


class Daemon(Case):

    def seen(self, ca):
        """When the CA saw SYNs."""
        return [e["t"] for e in ca.events("syn")]

    def test_killed_and_restarted_in_a_storm(self):
        """SIGKILL, 6 s without daemon, a new one: never over the limit, counters go on, the program is
        replaced in place."""
        lab = self.lab(ca_gate=True)
        ca, guard = self.ca(lab), self.guard(lab)
        fleet = Fleet(lab, lab.ca4, minutes=3.5, seed=11, **STORM)
        before = guard.service(guard.wait(
            lambda s: s["services"][0]["counters"]["syn_ack"] > 60, "traffic"))
        links = self.attached(lab)
        old = guard.status()["loaded_time"]
        self.assertEqual(guard.kill(), -signal.SIGKILL)
        self.assertEqual(self.attached(lab), links)
        mark = len(self.seen(ca))
        # More than a window's worth: places must become free again without a daemon.
        wait_for(lambda: len(self.seen(ca)) > mark + 90, 15, "SYNs admitted without a daemon", 0.1)
        guard.start()
        status = guard.fresh()
        self.assertAlmostEqual(status["loaded_time"], old, places=1)
        self.assertEqual(sorted(self.attached(lab)), sorted(links))
        after = status["services"][0]
        for key in ("syn_ack", "packets_client", "handshakes", "closed"):
            self.assertGreater(after["counters"][key], before["counters"][key] + 50, key)
        self.assertGreater(after["requests"]["GetNextCACert"],
                           before["requests"]["GetNextCACert"] + 20)
        # The last window's places are known to the new daemon.
        self.assertGreater(after["mirror"]["window"]["places_used"], 40)
        fleet.finish(40)
        guard.stop()
        self.assert_gone(lab, guard)
        self.assert_budget(ca.stop())

    def test_terminated(self):
        """SIGTERM ends the daemon, not the guard: limits hold, `detach` ends those."""
        lab = self.lab(ca_gate=True)
        ca, guard = self.ca(lab), self.guard(lab)
        pins = guard.pins()
        self.assertEqual(guard.kill(signal.SIGTERM), 0)
        self.assertEqual((len(self.attached(lab)), guard.pins()), (2, pins))
        source = "10.64.0.1"
        answers = [attempt(lab.clients, lab.ca4, source, timeout=0.3) for _ in range(7)]
        self.assertEqual(answers, [200] * 6 + ["TimeoutError"])
        self.assertIn("detached", guard.command("detach").stdout)
        self.assert_gone(lab, guard)
        self.assertEqual(get(lab.clients, lab.ca4, source=source), 200)
        again = guard.command("detach", check=False)
        self.assertEqual(again.returncode, 1)
        self.assertIn("nothing is pinned", again.stderr)
        ca.stop()

    def test_detach_without_configuration(self):
        """By the directory of the pins alone; and while the daemon runs, which then ends by itself."""
        lab = self.lab()
        guard = self.guard(lab)
        self.assertEqual(len(self.attached(lab)), 2)
        bpffs = guard.config["paths"]["bpffs"]
        done = lab.gw.run([PROGRAM, "detach", "-c", guard.config_path], check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        wait_for(lambda: guard.process.poll() is not None, 10, "end of the daemon")
        self.assertEqual(guard.process.returncode, 0, guard.log())
        self.assert_gone(lab, guard)
        guard.start()
        guard.kill()
        guard.config_path.unlink()
        self.assertEqual(len(self.attached(lab)), 2)
        done = lab.gw.run([PROGRAM, "detach", "--bpffs", bpffs])
        self.assertIn("detached", done.stdout)
        self.assert_gone(lab, guard)

    def test_reload_limits(self):
        """Down counts at once; up counts when it is safe; the CA's log agrees. All under a storm."""
        lab = self.lab(ca_gate=True)
        limits = {**IOS, "window": WINDOW_S * SCALE}
        ca = self.ca(lab, limits)
        guard = self.guard(lab, limits=limits, service={"timeouts": {"life": "20s", "idle": "15s"}})
        with Background(self.keep_asking(lab)):
            wait_for(lambda: len(self.seen(ca)) > 45, 15, "more than half the window used", 0.1)
            self.change(guard, HALF)
            lowered = ca.events()[-1]["t"]
            guard.wait(lambda s: s["services"][0]["mirror"]["window"]["cap"] == 37, "cap shown")
            # One window later everything admitted under the higher limit is out of the window.
            wait_for(lambda: ca.events()[-1]["t"] > lowered + 2.2 * WINDOW_S, 20, "two windows", 0.2)
            times = [t for t in self.seen(ca) if t > lowered + 1.05 * WINDOW_S]
            self.assertLess(self.worst(times, WINDOW_S), 40)
            self.assertGreater(self.worst(times, WINDOW_S), 25)
            self.change(guard, FULL)
            guard.wait(lambda s: s["services"][0]["mirror"]["window"]["cap"] == 77, "cap shown")
            raised = ca.events()[-1]["t"]
            wait_for(lambda: self.worst([t for t in self.seen(ca) if t > raised], WINDOW_S) > 45, 16,
                     "more than the lower limit admitted", 0.2)
        guard.stop()
        self.assert_budget(ca.stop())

    def keep_asking(self, lab):
        """A storm that lasts as long as the test wants."""
        def body(done):
            fleet = Fleet(lab, lab.ca4, minutes=10, seed=12, scale=SCALE, storm_rate=3000,
                          storm_sources=6000)
            done.wait()
            fleet.process.terminate()
            fleet.process.communicate()
        return body

    def change(self, guard, limits):
        guard.config["services"][0]["limits"] = limits
        guard.reload_good()

    @staticmethod
    def worst(times, window):
        """Most of them within any window."""
        worst = first = 0
        for last, t in enumerate(times):
            while times[first] <= t - window:
                first += 1
            worst = max(worst, last - first + 1)
        return worst

    def test_reload_bad_file(self):
        """The old configuration goes on and status says so, until a good file comes."""
        lab = self.lab(ca_gate=True)
        ca, guard = self.ca(lab), self.guard(lab)
        loaded = guard.status()["config"]["loaded_time"]
        good = guard.config_path.read_text()
        for bad, says in ((good.replace("mode: police", "mode: polize"), "polize"), (good + "colour: red\n", "colour"),
                          (good.replace("[gw0, gw1]", "[gw0]"), "interfaces"),
                          (good.replace("time_scale: 10", "time_scale: 5"), "time_scale")):
            guard.config_path.write_text(bad)
            mark = len(guard.log())
            guard.send(signal.SIGHUP)
            wait_for(lambda m=mark: "\n" in guard.log()[m:], 10, "a word about the reload")
            guard.wait(lambda s: not s["config"]["reload_ok"], "status says so")
            self.assertIn(says, guard.log()[mark:])
            self.assertEqual(guard.status()["config"]["loaded_time"], loaded)
            guard.config_path.write_text(good)
            guard.send(signal.SIGHUP)
            loaded = guard.wait(lambda s: s["config"]["reload_ok"], "good again")["config"][
                "loaded_time"]
        source = "10.64.0.2"
        answers = [attempt(lab.clients, lab.ca4, source, timeout=0.3) for _ in range(7)]
        self.assertEqual(answers, [200] * 6 + ["TimeoutError"])
        guard.stop()
        ca.stop()

    def test_status_right_after_reload(self):
        """No moment in which status tells of a guard that has just begun, or that failed."""
        lab = self.lab(ca_gate=True)
        ca, guard = self.ca(lab), self.guard(lab)
        self.assertEqual(get(lab.clients, lab.ca4), 200)
        guard.wait(lambda s: s["services"][0]["answers"]["GetCACaps"]["2xx"] == 1, "counted")
        for _ in range(5):
            before = guard.fresh()
            guard.send(signal.SIGHUP)
            for _ in range(8):
                status = guard.status()
                self.assertTrue(status["config"]["reload_ok"])
                self.assertGreaterEqual(status["config"]["loaded_time"],
                                        before["config"]["loaded_time"])
                self.assertEqual(status["services"][0]["counters"]["syn_ack"], 1)
                self.assertEqual(status["services"][0]["answers"]["GetCACaps"]["2xx"], 1)
        guard.stop()
        ca.stop()

    def test_another_program(self):
        """Somebody else's XDP program: its name, what to do, nothing half attached."""
        lab = self.lab()
        lab.gw.xdp_stub("gw1")
        guard = self.guard(lab, start=False)
        guard.write_config()
        done = guard.command("run", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout + done.stderr,
                         r"'gw1' already has the XDP program 'xdp_pass_stub' \(id \d+\)")
        self.assertEqual(list(self.attached(lab)), ["gw1"])
        self.assertEqual(guard.pins(), [])

    def test_second_daemon(self):
        """The same instance twice is refused, and the first goes on."""
        lab = self.lab(ca_gate=True)
        ca, guard = self.ca(lab), self.guard(lab)
        done = guard.command("run", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("another scepguard", done.stdout + done.stderr)
        guard.fresh()
        self.assertEqual(len(self.attached(lab)), 2)
        self.assertEqual(get(lab.clients, lab.ca4), 200)
        guard.stop()
        ca.stop()

    def test_two_instances(self):
        """Two guards on one gateway, each on interfaces of its own with paths of its own: neither knows
        of the other."""
        lab = self.lab()
        for dev, name in (("gw2", "c2"), ("gw3", "ca2")):
            lab.veth((lab.gw, dev), (lab.clients if name == "c2" else lab.ca, name))
        lab.gw.address("gw3", "192.168.106.1/24")
        lab.ca.address("ca2", "192.168.106.3/24")
        server = lab.ca.popen(["python3", "-m", "http.server", "80", "--bind", "::"], stdout=-3,
                              stderr=-3)
        first = self.guard(lab)
        second = GuardUnderTest(lab, "observe", SCALE)
        second.directory = lab.directory / "second"
        second.directory.mkdir()
        second.config_path, second.log_path = (second.directory / n for n in ("conf.yaml", "log"))
        second.config["interfaces"] = ["gw2", "gw3"]
        second.config["services"][0]["addresses"] = ["192.168.106.3"]
        second.config["paths"] = {"runtime": second.directory / "run",
                                  "bpffs": lab.bpffs() / "second",
                                  "state": second.directory / "state"}
        second.start()
        self.assertEqual(sorted(self.attached(lab)), ["gw0", "gw1", "gw2", "gw3"])
        self.assertEqual((first.status()["mode"], second.status()["mode"]), ("police", "observe"))
        wait_for(lambda: attempt(lab.clients, lab.ca4) == 404, 10, "an answer")
        self.assertEqual(first.service()["counters"]["syn_ack"], 1)
        self.assertEqual(second.service()["counters"]["packets_client"], 0)
        second.stop()
        self.assertEqual(second.pins(), [])
        self.assertEqual(sorted(self.attached(lab)), ["gw0", "gw1"])
        self.assertEqual(attempt(lab.clients, lab.ca4), 404)
        first.stop()
        self.assert_gone(lab, first)
        self.assertIsNone(server.poll())


class Trial(Case):
    """`mode police --confirm-within`: the data plane itself ends it."""

    def police_now(self, lab, source):
        """Is this source, which is denied, refused?"""
        return attempt(lab.clients, lab.ca4, source, timeout=0.25) == "TimeoutError"

    def begin(self):
        lab = self.lab(ca_gate=True)
        ca = self.ca(lab)
        source = "10.64.0.3"
        guard = self.guard(lab, "observe", sources={"prefixes": [{"prefix": f"{source}/32",
                                                                 "deny": "true"}]})
        self.assertEqual(get(lab.clients, lab.ca4, source=source), 200)
        return lab, ca, guard, source

    def test_falls_back(self):
        lab, ca, guard, source = self.begin()
        begun = now()
        guard.command("mode", "police", "--confirm-within", "30s")  # 3 s here
        self.assertEqual(guard.status()["mode"], "police")
        self.assertTrue(self.police_now(lab, source))
        wait_for(lambda: not self.police_now(lab, source), 10, "observe again")
        self.assertGreater(now() - begun, 2.5)
        self.assertEqual(guard.fresh()["mode"], "observe")
        guard.stop()
        ca.stop()

    def test_falls_back_without_daemon(self):
        lab, ca, guard, source = self.begin()
        begun = now()
        guard.command("mode", "police", "--confirm-within", "30s")
        guard.kill()
        self.assertTrue(self.police_now(lab, source))
        wait_for(lambda: not self.police_now(lab, source), 10, "observe again")
        self.assertGreater(now() - begun, 2.5)
        guard.start()
        self.assertEqual(guard.status()["mode"], "observe")
        guard.stop()
        ca.stop()

    def test_confirmed(self):
        lab, ca, guard, source = self.begin()
        guard.command("mode", "police", "--confirm-within", "15s")
        guard.command("mode", "--confirm")
        end = now() + 2.5  # a trial would have been over after 1.5
        while now() < end:
            self.assertTrue(self.police_now(lab, source))
        status = guard.status()
        self.assertEqual((status["mode"], status["mode_until_time"]), ("police", None))
        guard.stop()
        self.assertEqual(json.loads(json.dumps(ca.stop()))["deaf_s"], 0)


if __name__ == "__main__":
    main()
