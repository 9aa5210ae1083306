#!/usr/bin/env python3
"""Into intercept and out of it: no client may notice; what it needs is asked for first; when the CA's answers
come past the guard it gives way."""

import itertools
import json
import threading
import time

import netlab
from intercept_case import InterceptCase
from streams import Got, answer_to, dial, exchange, get, read_all
from support import main, nft, wait_for

CLIENTS = 8
# Cookies are good for 2.4 to 3.2 s; the longest answers take as long as that.
FAST = 30
TIMES = {"timeouts": {"life": "180s", "idle": "180s"}}
DROPS_INVALID = """
table inet judge {
	chain forward {
		type filter hook forward priority 0; policy accept;
		ct state invalid drop
	}
	chain own {
		type filter hook input priority 0; policy accept;
		ct state established accept
	}
}
"""


class Traffic:
    """Clients that ask one after the other, quickly and slowly, while the `with` lasts."""

    def __init__(self, case, lab):
        self.case, self.lab = case, lab
        self.done, self.results = threading.Event(), []
        self.threads = [threading.Thread(target=self._ask, args=(n,)) for n in range(CLIENTS)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, kind, *_):
        self.done.set()
        for thread in self.threads:
            thread.join(30)
        if not kind:
            self._judge()

    def _ask(self, number):
        address = (self.lab.ca4, self.lab.ca6)[number % 2]
        for n in itertools.count(number):
            if self.done.is_set():
                return
            request = get("GetCACert", message=f"c{number}-{n}", size=500 * (n % 40 + 1),
                          take=(0, 0.3, 1.5)[n % 3])
            got = exchange(self.lab.clients, address, request, pieces=(None, 60)[n % 2])
            self.results.append((request, got))

    def _judge(self):
        for request, got in self.results:
            self.case.assertIsNone(got.error, got)
            self.case.assertEqual(got.answer, answer_to(request), got)
        self.case.assertGreater(len(self.results), 4 * CLIENTS)


class Modes(InterceptCase):
    """A guard at 30 times the pace."""

    def steps(self, guard):
        """Pins of programs that can intercept."""
        return [pin for pin in guard.pins() if "/sg_steps" in pin]

    def mode(self, guard, *words):
        guard.command("mode", *words)

    def wait_until_left(self, guard):
        guard.wait(lambda s: not self.steps(guard), "the program for a lower mode", 25)

    def count(self, guard, counter):
        return guard.fresh()["services"][0]["counters"][counter]

    def stand(self, mode="police", topology=netlab.TwoArmed):
        lab = self.place(topology)
        server = self.server(lab)
        return lab, server, self.intercept(lab, mode, scale=FAST, service=TIMES)


class Changes(Modes):
    """Under way all the time: requests of nothing and of seconds, in one piece and in many."""

    def test_by_command(self):
        lab, _, guard = self.stand()
        with Traffic(self, lab):
            self.mode(guard, "intercept")
            guard.wait(lambda s: s["services"][0]["counters"]["spliced"] > CLIENTS, "splices")
            self.mode(guard, "police")
            self.assertTrue(self.steps(guard))  # what was begun is finished first
            self.wait_until_left(guard)
            self.mode(guard, "intercept")
            guard.fresh()
            self.mode(guard, "observe")
            self.wait_until_left(guard)
        self.assertEqual(guard.status()["mode"], "observe")
        events = json.loads(guard.command("events", "-n", "30", "--json").stdout)["events"]
        self.assertEqual([e["state"] for e in events if e["event"] == "mode"],
                         ["intercept", "police", "intercept", "observe"])  # whatever the clients did in between

    def test_daemon_killed(self):
        """In intercept, and while it is left: the next one goes on with it."""
        lab, _, guard = self.stand("intercept")
        with Traffic(self, lab):
            guard.wait(lambda s: s["services"][0]["counters"]["spliced"] > CLIENTS, "splices")
            before = self.steps(guard)
            guard.kill()
            guard.start()
            self.assertEqual((len(before), len(self.steps(guard))), (1, 1))
            self.assertNotEqual(self.steps(guard), before)  # another load, and none of the old one left
            self.mode(guard, "police")
            guard.fresh()
            guard.kill()
            guard.start()
            self.idle(lab, 0.8)
            self.assertTrue(self.steps(guard))
            self.wait_until_left(guard)
        self.assertEqual(guard.status()["mode"], "police")

    def test_trials(self):
        """Both ways; the first one ends while no daemon runs."""
        lab, _, guard = self.stand()
        with Traffic(self, lab):
            until = self.on_trial(guard, "intercept", 60)
            guard.wait(lambda s: s["services"][0]["counters"]["spliced"] > 0, "splices")
            guard.kill()
            # No longer: what intercept began is over soon, too, and the next daemon must find some of it.
            self.idle(lab, max(0, until - time.time()) + 0.1)
            guard.start()
            self.assertEqual(guard.status()["mode"], "police")
            self.assertTrue(self.steps(guard))
            self.wait_until_left(guard)
            self.mode(guard, "intercept")
            self.on_trial(guard, "police", 45)
            guard.wait(lambda s: s["mode"] == "intercept", "trial over")
            self.assertTrue(self.steps(guard))

    def on_trial(self, guard, mode, seconds):
        """The mode for that long, counted from when it is in force; when its trial ends (Unix time)."""
        now_in = json.loads(guard.command("mode", mode, "--confirm-within", f"{seconds}s", "--json").stdout)
        self.assertEqual(now_in["mode"], mode)
        self.assertGreater(now_in["mode_until_time"] - time.time(), seconds / FAST - 0.2)
        return now_in["mode_until_time"]

    def idle(self, lab, seconds):
        """Time passes; the clients go on."""
        lab.gw.run(["sleep", str(seconds)])

    def test_by_file(self):
        """Changed while the daemon runs, and while it does not."""
        lab, _, guard = self.stand()
        with Traffic(self, lab):
            guard.reload_good(mode="intercept")
            guard.wait(lambda s: s["services"][0]["counters"]["spliced"] > 0, "splices")
            guard.kill()
            guard.config["mode"] = "police"
            guard.start()
            self.assertEqual(guard.status()["mode"], "police")
            self.assertTrue(self.steps(guard))
            self.wait_until_left(guard)
            guard.kill()
            guard.config["mode"] = "intercept"
            guard.start()
            guard.wait(lambda s: s["mode"] == "intercept", "intercept")
            guard.reload_good(mode="observe")
            self.wait_until_left(guard)


class Leaving(Modes):
    """What is left behind is waited for, and not for ever."""

    def begun(self, lab, request):
        """A connection whose answer is under way."""
        sock = dial(lab.clients, lab.ca4)
        self.addCleanup(sock.close)
        sock.sendall(request)
        return sock

    def test_open_connection_is_waited_for(self):
        lab, server, guard = self.stand("intercept")
        request = get("GetCACert", size=3000, gate="now")
        sock = self.begun(lab, request)
        guard.wait(lambda s: s["services"][0]["counters"]["spliced"] == 1, "the splice")
        self.mode(guard, "police")
        # Longer than any cookie is good: only the connection is left.
        lab.gw.run(["sleep", "4"])
        self.assertTrue(self.steps(guard))
        server.open("now")
        got = read_all(sock, Got())
        self.assertEqual((got.error, got.answer), (None, answer_to(request)))
        self.wait_until_left(guard)

    def test_silent_connection_is_ended_in_observe(self):
        """Observe ends no connection but those that intercept began."""
        lab, server, guard = self.stand("intercept")
        sock = self.begun(lab, get("GetCACert", gate="never"))
        guard.wait(lambda s: s["services"][0]["counters"]["spliced"] == 1, "the splice")
        self.mode(guard, "observe")
        self.wait_until_left(guard)
        self.assertEqual(read_all(sock, Got()).error, "ConnectionResetError")
        self.assertEqual(wait_for(lambda: server.connections[0].ended, 5, "its end at the CA"), "reset")


class Needs(Modes):
    """Refused with the command to type, which then is all it takes."""

    def refused(self, guard):
        """What to type, as `mode` says it, and its log too."""
        done = guard.command("mode", "intercept", check=False)
        self.assertEqual(done.returncode, 1, done)
        self.assertEqual(guard.status()["mode"], "police")
        says = done.stderr.splitlines()
        self.assertRegex(says[0], "cannot change to mode 'intercept': this machine is not ready")
        commands = [line.split("do: ")[1] for line in says if line.startswith("    do: ")]
        logged = [line.split("; do: ") for line in guard.log().splitlines() if "error: intercept: " in line]
        self.assertEqual(commands, [command for _, command in logged])
        for sentence, _ in logged:
            self.assertIn(sentence.split("error: intercept: ")[1], done.stderr)
        return commands

    def assert_mended(self, lab, guard):
        for command in dict.fromkeys(self.refused(guard)):
            lab.gw.run(["sh", "-c", command])
        self.mode(guard, "intercept")
        self.assertEqual(guard.status()["mode"], "intercept")

    def test_forwarding(self):
        lab, _, guard = self.stand()
        lab.gw.sysctl({"net.ipv4.ip_forward": 0, "net.ipv6.conf.all.forwarding": 0})
        self.assert_mended(lab, guard)

    def test_conntrack(self):
        """Mended so that requests get through the rule that drops what is invalid."""
        lab, server, guard = self.stand()
        nft(lab.gw, DROPS_INVALID)
        self.assert_mended(lab, guard)
        for address in (lab.ca4, lab.ca6):
            request = get("GetCACert", size=5000)
            self.assert_served(server, self.ask(lab, address, request), request)
        self.assertEqual(self.count(guard, "spliced"), 2)

    def test_own_rules_only(self):
        """Rules for what the host itself receives meet no client."""
        lab, _, guard = self.stand()
        nft(lab.gw, DROPS_INVALID)
        lab.gw.run(["nft", "delete", "chain", "inet", "judge", "forward"])
        self.mode(guard, "intercept")

    def test_redirects(self):
        lab, _, guard = self.stand(topology=netlab.OneArmed)
        lab.gw.sysctl({"net.ipv4.conf.all.send_redirects": 1})
        self.assert_mended(lab, guard)

    def test_asks_for_the_ca(self):
        """Nobody has spoken yet since this host came up."""
        for topology in (netlab.OneArmed, netlab.Bridged):
            lab = self.lab(topology)
            for dev in lab.gw_interfaces():
                lab.gw.run(["ethtool", "-K", dev, "rxvlan", "off"])
            server = self.server(lab)
            guard = self.intercept(lab)
            request = get("GetCACert")
            self.assert_served(server, self.ask(lab, lab.ca4, request), request)
            self.assertEqual(self.count(guard, "spliced"), 1)

    def test_bridge_forgets(self):
        """An entry that grew old: the CA is still where it was."""
        lab = self.place(netlab.Bridged)
        server = self.server(lab)
        guard = self.intercept(lab)
        guard.fresh()
        lab.gw.ip("link", "set", "br0", "type", "bridge", "fdb_flush")
        guard.fresh()
        request = get("GetCACert")
        self.assert_served(server, self.ask(lab, lab.ca4, request), request)
        self.assertEqual(self.count(guard, "forged"), 0)

    def test_start(self):
        """Nothing is left of a start that is refused."""
        lab = self.place()
        lab.gw.sysctl({"net.ipv4.ip_forward": 0})
        guard = self.intercept(lab, start=False)
        with self.assertRaisesRegex(netlab.LabError, "does not forward packets"):
            guard.start()
        self.assert_gone(lab, guard)

    def test_running_guard_is_taken_over(self):
        """Better a daemon than none: what is missing is a warning then."""
        lab, _, guard = self.stand("intercept")
        guard.kill()
        lab.gw.sysctl({"net.ipv4.ip_forward": 0})
        guard.start()
        self.assertEqual(guard.status()["mode"], "intercept")
        self.assertIn("warning: intercept: IPv4: this host does not forward", guard.log())
        self.assertFalse(guard.reload(mode="intercept")["reload_ok"])

    def test_check(self):
        lab, _, guard = self.stand("observe")
        nft(lab.gw, DROPS_INVALID)

        def worst(mode):
            guard.config["mode"] = mode
            guard.write_config()
            report = json.loads(guard.command("check", "--json", check=False).stdout)
            return [f["check"] for f in report["findings"] if f["level"] == "error"]
        self.assertEqual(worst("police"), [])
        self.assertEqual(worst("intercept"), ["conntrack", "conntrack"])


class Bypass(Modes):
    """The CA's answers to the clients take another way, or do not come at all."""

    def other_way(self, lab):
        """A cable from the CA to the clients."""
        lab.veth((lab.ca, "by0"), (lab.clients, "by1"))
        for space, dev, address in ((lab.ca, "by0", "10.99.0.1/24"), (lab.clients, "by1", "10.99.0.2/24")):
            space.sysctl({"net.ipv4.conf.all.rp_filter": 0, f"net.ipv4.conf.{dev}.rp_filter": 0})
            space.ip("addr", "add", address, "dev", dev)
            space.ip("link", "set", dev, "up")

    def ask_on(self, lab, guard, mode):
        """Requests, one after the other, until the guard is in that mode."""
        def turned(_=None):
            self.ask(lab, lab.ca4, get("GetCACaps"), timeout=0.5)
            return guard.status()["mode"] == mode
        wait_for(turned, 15, f"mode {mode}", 0)

    def test_answers_come_past(self):
        lab, _, guard = self.stand("intercept")
        self.other_way(lab)
        self.assertIsNone(self.ask(lab, lab.ca4, get("GetCACaps")).error)
        lab.ca.ip("route", "add", f"{lab.client4}/32", "via", "10.99.0.2")
        self.ask_on(lab, guard, "police")
        for _ in range(2):
            # Longer than a tick of the guard's clock.
            self.assertIsNone(self.ask(lab, lab.ca4, get("GetCACaps", take=0.2)).error)
        wait_for(lambda: "no packet of the CA passes here" in guard.log(), 5, "the alarm")
        self.assert_told(lab, guard)
        lab.ca.ip("route", "del", f"{lab.client4}/32")
        self.ask_on(lab, guard, "intercept")
        self.assertIsNone(self.ask(lab, lab.ca4, get("GetCACaps")).error)

    def assert_told(self, lab, guard):
        """To whoever looks: since when, how many, what to do."""
        found = guard.fresh()["services"][0]["intercept"]
        self.assertEqual((found["bypass"], found["bypass_seen"] >= 2), ("found", True), found)
        self.assertLess(abs(time.time() - found["bypass_since_time"] - 5), 5)
        page = " ".join(guard.command("status").stdout.split())
        self.assertRegex(page, "its answers come past this host: none has passed here for .* Lead the CA's way")
        past = " ".join(guard.command("explain", lab.client4).stdout.split())
        self.assertIn("its answers come past the guard", past)

    def test_silent_ca(self):
        """Police is tried, and no alarm given; its first packet brings intercept back."""
        lab, _, guard = self.stand("intercept")
        nft(lab.ca, "table inet mute {\n\tchain out {\n\t\ttype filter hook output priority 0;\n"
            "\t\ttcp sport 80 drop\n\t}\n}\n")
        self.ask_on(lab, guard, "police")
        for _ in range(3):
            self.ask(lab, lab.ca4, get("GetCACaps"), timeout=0.5)
        lab.ca.run(["nft", "delete", "table", "inet", "mute"])
        self.ask_on(lab, guard, "intercept")
        self.assertNotIn("no packet of the CA passes here", guard.log())


if __name__ == "__main__":
    main()
