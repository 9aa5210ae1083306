#!/usr/bin/env python3
"""Long transfers through every change of mode and of daemon in intercept: none is reset, none stalls, and every
byte arrives."""

import shutil
import threading

import guard as guard_lib
import support
from intercept_case import InterceptCase
from streams import Got, answer_to, dial, exchange, get, post, read_all
from support import main, now, wait_for

# What a change may cost anybody.
STALL_S = 3.0
TIMES = {"timeouts": {"life": "300s", "idle": "300s", "request": "170s"}}
PIECES = 40


class Transfers:
    """While the `with` lasts and a little longer: downloads, uploads, dialogues, and ever new connections, in both
    families.  `seconds`: of a transfer."""

    def __init__(self, case, lab, server, seconds):
        self.case, self.lab, self.server, self.seconds = case, lab, server, seconds
        self.done, self.errors, self.fresh = threading.Event(), [], []
        self.threads = [threading.Thread(target=self._guarded, args=(body, address), daemon=True)
                        for body in (self._download, self._upload, self._talk, self._renew)
                        for address in (lab.ca4, lab.ca6)]
        self.names = []

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        # A change shall meet them in their midst.
        wait_for(lambda: len(self.names) == 6 and all(map(self.server.seen_of, self.names)), 10,
                 "transfers under way")
        return self

    def __exit__(self, kind, *_):
        self.done.set()
        for thread in self.threads:
            thread.join(self.seconds + 20)
        if kind:
            return
        self.case.assertEqual(self.errors, [])
        self.case.assertGreater(len(self.fresh), 10)
        for got, request in self.fresh:
            self.case.assertEqual((got.error, got.answer), (None, answer_to(request)), got)
        self.case.assertLess(max(got.seconds for got, _ in self.fresh), STALL_S)

    def _guarded(self, body, address):
        try:
            body(address)
        except Exception as error:
            self.errors.append(f"{body.__name__} {address}: {error!r}")

    def _dial(self, address):
        sock = dial(self.lab.clients, address, timeout=self.seconds + 10)
        self.names.append(sock.getsockname()[:2])
        return sock

    def _expect(self, condition, what):
        if not condition:
            raise AssertionError(what)

    def _download(self, address):
        """A slow answer."""
        request, got = get("GetCACert", size=200_000, take=self.seconds), Got()
        with self._dial(address) as sock:
            sock.sendall(request)
            read_all(sock, got)
        self._expect(not got.error and got.answer == answer_to(request), got)
        self._expect(got.longest_silence < STALL_S, got)

    def _upload(self, address):
        """A slow request."""
        request, got = post(20_000), Got()
        with self._dial(address) as sock:
            name, size = sock.getsockname()[:2], len(request) // PIECES + 1
            for at in range(0, len(request), size):
                sock.sendall(request[at:at + size])
                threading.Event().wait(self.seconds / PIECES)
            read_all(sock, got)
        self._expect(not got.error and got.answer == answer_to(request), got)
        seen = self.server.seen_of(name)
        self._expect(bytes(seen.received) == request, f"{name}: other bytes at the CA")
        self._expect(seen.longest_silence < STALL_S, f"{name}: {seen.longest_silence} s silent")

    def _talk(self, address):
        """One connection, many requests."""
        with self._dial(address) as sock:
            while not self.done.wait(0.2):
                request = get("GetCACert", version="1.1", size=3000)
                expected, answer, begun = answer_to(request), b"", now()
                sock.sendall(request)
                while len(answer) < len(expected):
                    part = sock.recv(65536)
                    self._expect(part, "dialogue ended")
                    answer += part
                self._expect(answer == expected, "dialogue: other bytes")
                self._expect(now() - begun < STALL_S, f"dialogue: {now() - begun} s for an answer")

    def _renew(self, address):
        """Ever new connections."""
        requests = (get("GetCACaps"), post(2000), get("GetCACert", size=9000))
        while not self.done.wait(0.1):
            request = requests[len(self.fresh) % 3]
            self.fresh.append((exchange(self.lab.clients, address, request), request))


class Through(InterceptCase):

    def stand(self, mode, **options):
        lab = self.place(**options)
        server = self.server(lab)
        return lab, server, self.intercept(lab, mode, service=TIMES)

    def pause(self, guard, seconds):
        """Let transfers go on for a while, and look that there is a daemon."""
        end = now() + seconds
        guard.wait(lambda _: now() > end, "time", seconds + 10)

    def test_modes(self):
        """Native ones when intercept is entered; spliced ones when it is left, for a moment and for good."""
        lab, server, guard = self.stand("police")
        with Transfers(self, lab, server, 9):
            guard.command("mode", "intercept")
            self.pause(guard, 0.5)
            with Transfers(self, lab, server, 6):
                guard.command("mode", "police")
                self.pause(guard, 1)
                guard.command("mode", "intercept")
                self.pause(guard, 1)
                guard.command("mode", "observe")
                self.pause(guard, 4)
        self.assertGreater(guard.service()["counters"]["spliced"], 10)
        self.assert_idle(guard)
        guard.stop()

    def test_daemons(self):
        """SIGKILL, nobody for a while, another build's daemon, SIGTERM, reloads."""
        lab, server, guard = self.stand("intercept")
        other = guard.directory / "other-build"
        shutil.copy(guard_lib.PROGRAM, other)
        with Transfers(self, lab, server, 10):
            guard.kill()
            self.assertFalse(threading.Event().wait(2))
            former, guard_lib.PROGRAM = guard_lib.PROGRAM, other
            try:
                guard.start()
            finally:
                guard_lib.PROGRAM = former
            self.pause(guard, 1)
            guard.reload_good(sources={"default": {"rate": "50000/min", "burst": "900",
                                                   "connections": "900"}})
            guard.config["services"][0]["limits"]["max_connections"] = 150
            guard.reload_good()
            self.assertEqual(guard.kill(support.signal.SIGTERM), 0)
            guard.start()
            self.pause(guard, 1)
        self.assert_idle(guard)
        guard.stop()

    def test_trial(self):
        """An unconfirmed trial ends by itself, without a daemon too; nobody notices."""
        lab, server, guard = self.stand("police")
        with Transfers(self, lab, server, 9):
            guard.command("mode", "intercept", "--confirm-within", "20s")  # 2 s here
            with Transfers(self, lab, server, 6):
                guard.kill()
                self.assertFalse(threading.Event().wait(3))
                guard.start()
                self.assertEqual(guard.status()["mode"], "police")
                guard.command("mode", "intercept", "--confirm-within", "10s")
                guard.wait(lambda s: s["mode"] == "police", "trial over")
        self.assertGreater(guard.service()["counters"]["spliced"], 10)
        self.assert_idle(guard)
        guard.stop()

    def test_started_in_the_midst(self):
        """A guard that begins in intercept, in front of transfers it has never seen: they live on."""
        lab = self.place()
        server = self.server(lab)
        guard = self.intercept(lab, service=TIMES, start=False)
        with Transfers(self, lab, server, 6):
            guard.start()
            self.pause(guard, 2)
        self.assertGreater(guard.service()["counters"]["spliced"], 10)
        guard.stop()

    def test_generic_bridged(self):
        """Left for good, where frames are bridged and the program is generic."""
        lab = self.place(support.netlab.Bridged)
        server = self.server(lab)
        guard = self.intercept(lab, service=TIMES, xdp="generic")
        self.offload(lab, False, True)
        with Transfers(self, lab, server, 5):
            guard.command("mode", "police")
            self.pause(guard, 3.5)
        self.assert_idle(guard)
        guard.stop()


if __name__ == "__main__":
    main()
