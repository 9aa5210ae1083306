#!/usr/bin/env python3
"""What an operator does to a guard, and what must come of it.

A start that fails leaves nothing behind, or what was there as it was; `detach` ends the daemon too;
whoever asks right after a reload gets figures; a name that comes back finds its own limits.
Run as root: tests/ops/test_operations.py
"""

import json
import os
import shutil
import signal
import socket
import sys
import time
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent / "lib")]

import guard as guard_lib  # noqa: E402
import netlab  # noqa: E402
from netlab import wait_for  # noqa: E402

METRICS = "127.0.0.1:9834"


class Guard(guard_lib.Guard):
    """One whose daemon may end in the middle."""

    def run(self):
        """`run` that is expected to fail; its stderr."""
        self.write_config()
        done = self.lab.gw.run([guard_lib.PROGRAM, "run", "-c", self.config_path], check=False)
        if done.returncode == 0:
            raise AssertionError("the daemon started, and ended well")
        return done.stderr

    def kill(self):
        """SIGKILL: the data plane goes on alone."""
        self.process.kill()
        self.process.wait()
        self.process = None

    def pinned(self):
        """What `status --json` says of the pins while no daemon runs; None without any."""
        return json.loads(self.command("status", "--json", check=False).stdout)["pinned"]

    def links(self):
        """Names of the pinned links."""
        path = self.lab.bpffs() / "scepguard" / "v4" / "links"
        return sorted(p.name for p in path.iterdir()) if path.exists() else []


class Operations(unittest.TestCase):
    """Each in a lab of its own."""

    def setUp(self):
        self.lab = self.enterContext(netlab.two_armed("ops"))

    def guard(self, mode, **more):
        """A guard whose pins go at the end whatever happens."""
        guard = Guard(self.lab, mode, **more)
        self.lab.on_close(lambda: guard.command("detach", "--bpffs",
                                                self.lab.bpffs() / "scepguard", check=False))
        return guard

    def hold_metrics_port(self):
        """Somebody else listens there."""
        self.lab.gw.ip("link", "set", "lo", "up")
        holder = self.lab.gw.socket(socket.AF_INET, socket.SOCK_STREAM)
        holder.bind(("127.0.0.1", 9834))
        holder.listen()
        self.addCleanup(holder.close)

    def test_failed_start_leaves_nothing(self):
        """The last step of a start fails: no program, no pin is left."""
        self.hold_metrics_port()
        guard = self.guard("police", metrics={"listen": METRICS})
        self.assertIn(METRICS, guard.run())
        self.assertIsNone(guard.pinned())
        self.assertNotIn("xdp", self.lab.gw.run(["ip", "link"]).stdout)

    def test_failed_start_takes_nothing_over(self):
        """A start that fails over a guard without daemon leaves that one's mode and links alone."""
        guard = self.guard("police")
        guard.start()
        guard.kill()
        guard.config["mode"] = "observe"
        guard.config["interfaces"] = ["gw0", "gw1", "absent0"]
        self.assertIn("absent0", guard.run())
        self.assertEqual(guard.pinned()["mode"], "police")
        self.assertEqual(guard.links(), ["gw0", "gw1"])

    def test_foreign_program_takes_nothing_over(self):
        """Another program on one interface: named, and nothing of ours is changed."""
        guard = self.guard("police")
        guard.config["interfaces"] = ["gw0"]
        guard.start()
        guard.kill()
        self.lab.gw.end_host("gw1")
        guard.config["mode"] = "observe"
        guard.config["interfaces"] = ["gw0", "gw1"]
        self.assertRegex(guard.run(), r"'gw1' already has the XDP program '\w+' \(id \d+\)")
        self.assertEqual(guard.pinned()["mode"], "police")
        self.assertEqual(guard.links(), ["gw0"])

    def test_another_guard_is_in_the_way(self):
        """`check` names the command that takes it off; without CAP_SYS_ADMIN there is no name."""
        guard = self.guard("police")
        guard.start()
        second = self.guard("observe")
        second.config_path = second.directory / "second.yaml"
        second.config["paths"] = {"runtime": second.directory / "run2",
                                  "bpffs": self.lab.bpffs() / "second",
                                  "state": second.directory / "state2"}
        second.write_config()
        said = second.command("check", check=False).stdout
        self.assertIn("scepguard detach -c FILE", said)
        done = self.lab.gw.run(["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin",
                                guard_lib.PROGRAM, "run", "-c", second.config_path], check=False)
        self.assertRegex(done.stderr, r"has an XDP program \(id (\d+)\): `bpftool prog show id \1`")
        self.assertEqual(guard.status()["mode"], "police")
        guard.stop()

    def test_detach_ends_the_daemon(self):
        """It neither attaches again nor goes on as if it guarded."""
        guard = self.guard("police")
        guard.start()
        done = guard.command("detach")
        self.assertIn("ends by itself", done.stdout)
        wait_for(lambda: guard.process.poll() is not None, 3, "the daemon's end")
        self.assertEqual(guard.process.returncode, 0)
        self.assertIn("the guard was detached", guard.log())
        self.assertNotIn("error", guard.log())
        self.assertIsNone(guard.pinned())
        guard.process = None

    def test_lost_interface_is_no_detach(self):
        """Both interfaces gone and back: the daemon waits, and attaches again."""
        guard = self.guard("police")
        guard.start()
        for dev in ("gw0", "gw1"):
            self.lab.gw.ip("link", "del", dev)
        time.sleep(1.2)
        self.assertIsNone(guard.process.poll())
        self.lab.veth((self.lab.clients, "c0"), (self.lab.gw, "gw0"))
        self.lab.veth((self.lab.gw, "gw1"), (self.lab.ca, "ca0"))
        wait_for(lambda: all(a["present"] for a in guard.status()["attachments"]), 5,
                 "both attached again")

    def test_route_to_the_ca_moves(self):
        """The log says where the CA is since when."""
        guard = self.guard("observe")
        guard.start()
        self.lab.gw.route(f"{self.lab.ca4}/32", "via", self.lab.client4)
        wait_for(lambda: f"{self.lab.ca4} is now behind 'gw0'" in guard.log(), 3, "the move")
        self.lab.gw.ip("route", "del", f"{self.lab.ca4}/32")
        wait_for(lambda: f"{self.lab.ca4} is now behind 'gw1'" in guard.log(), 3, "the way back")
        self.assertEqual(guard.log().count("is now behind"), 2)
        guard.stop()

    def test_status_right_after_a_reload(self):
        """No zeros between the reload and the next turn of the loop."""
        guard = self.guard("observe")
        guard.start()
        for _ in range(5):
            loaded = guard.status()["config"]["loaded_time"]
            os.kill(guard.process.pid, signal.SIGHUP)
            wait_for(lambda: guard.status()["config"]["loaded_time"] != loaded, 3, "the reload")
            status = guard.status()
            self.assertTrue(status["config"]["reload_ok"])
            self.assertGreater(status["taken_time"], status["started_time"] - 60)
            self.assertEqual([s["name"] for s in status["services"]], ["lab-ca"])
            self.assertTrue(all(a["present"] for a in status["attachments"]))

    def test_intercept_is_refused_with_a_sentence(self):
        """Where the machine does not meet its needs: the log says which, and what to type."""
        guard = self.guard("observe")
        guard.start()
        self.lab.gw.sysctl({"net.ipv4.ip_forward": 0})
        self.addCleanup(self.lab.gw.sysctl, {"net.ipv4.ip_forward": 1})
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(5)
        client.connect(str(guard.config["paths"]["runtime"] / "control.sock"))
        client.sendall(b'{"command":"mode","mode":"intercept"}\n')
        answer = json.loads(client.makefile().readline())
        client.close()
        self.assertEqual(answer["error"], "cannot change to mode 'intercept': this machine is not ready for it")
        self.assertIn({"check": "forwarding", "subject": "IPv4", "level": "error",
                       "sentence": "this host does not forward packets: no client reaches the CA through it",
                       "what_to_type": "sysctl -w net.ipv4.ip_forward=1"}, answer["findings"])
        self.assertIn("do: sysctl -w net.ipv4.ip_forward=1", guard.log())
        self.assertEqual(guard.status()["mode"], "observe")

    def test_trial_that_nobody_confirms(self):
        """The log says when it is over, and what is pinned is no trial any more."""
        guard = self.guard("observe")
        guard.start()
        guard.command("mode", "police", "--confirm-within", "1s")
        self.assertEqual(guard.status()["mode"], "police")
        wait_for(lambda: "nobody confirmed mode 'police'" in guard.log(), 4, "the trial's end")
        self.assertEqual(guard.status()["mode"], "observe")
        guard.kill()
        pinned = guard.pinned()
        self.assertEqual((pinned["mode"], pinned["trial"]), ("observe", False))

    def test_refused_reload_shows_at_once(self):
        """`status` right after it, not a turn of the loop later."""
        guard = self.guard("observe")
        guard.start()
        guard.config_path.write_text("mode: observer\n")
        os.kill(guard.process.pid, signal.SIGHUP)
        wait_for(lambda: "was not taken over" in guard.log(), 3, "the refusal")
        done = self.lab.gw.run([guard_lib.PROGRAM, "status", "--json", "--runtime",
                                guard.config["paths"]["runtime"]])
        self.assertFalse(json.loads(done.stdout)["config"]["reload_ok"])
        guard.write_config()

    def test_output_that_cannot_be_written(self):
        """Also when it is longer than what is buffered: a script must not take half for all."""
        guard = self.guard("observe")
        guard.start()
        for words in ("status", "status --json", "check --json", "version"):
            options = "" if words == "version" else f"-c {guard.config_path}"
            done = self.lab.gw.run(["sh", "-c", f"{guard_lib.PROGRAM} {words} {options} "
                                    "> /dev/full"], check=False)
            self.assertEqual(done.returncode, 1, words)
            self.assertIn("cannot write the output", done.stderr, words)
        guard.stop()

    def test_perfmon_missing(self):
        """`check` knows it, `run` says it in one line, not in the verifier's hundreds."""
        guard = self.guard("police")
        guard.write_config()
        without = ["setpriv", "--bounding-set=-perfmon,-sys_admin",
                   "--inh-caps=-perfmon,-sys_admin", guard_lib.PROGRAM]
        options = ["-c", guard.config_path]
        done = self.lab.gw.run([*without, "check", *options], check=False)
        self.assertIn("CAP_PERFMON is missing", done.stdout)
        done = self.lab.gw.run([*without, "run", *options], check=False)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr[:2000])
        self.assertIn("CAP_PERFMON", done.stderr)
        self.assertIsNone(guard.pinned())

    def test_detach_with_a_broken_file(self):
        """The way without a configuration is said."""
        guard = self.guard("police")
        guard.start()
        guard.kill()
        guard.config_path.write_text("mode: polic\n")
        done = guard.command("detach", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("scepguard detach --bpffs DIR", done.stderr)
        self.lab.gw.run([guard_lib.PROGRAM, "detach", "--bpffs", self.lab.bpffs() / "scepguard"])
        guard.write_config()
        self.assertIsNone(guard.pinned())

    def test_terminal_is_safe(self):
        """What was pasted is not played back to the terminal."""
        done = self.lab.gw.run([guard_lib.PROGRAM, "explain", "\x1b[31m" + "x" * 500],
                               check=False)
        self.assertEqual(done.returncode, 2)
        self.assertNotIn("\x1b", done.stderr)
        self.assertLess(len(done.stderr), 200)

    def test_detach_touches_only_pins(self):
        """A wrong --bpffs that looks alike keeps its files."""
        wrong = self.lab.directory / "wrong"
        file = wrong / "v4" / "maps" / "precious"
        file.parent.mkdir(parents=True)
        file.write_text("data\n")
        done = self.lab.gw.run([guard_lib.PROGRAM, "detach", "--bpffs", wrong], check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("bpf file system", done.stderr)
        self.assertEqual(file.read_text(), "data\n")
        shutil.rmtree(wrong)


if __name__ == "__main__":
    if os.geteuid() != 0:
        sys.exit("tests/ops: root is needed, for namespaces of their own")
    unittest.main()
