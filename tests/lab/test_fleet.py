#!/usr/bin/env python3
"""Self-test of the fleet: what a plain server gets from its routers is what the options say."""

import json
import selectors
import socket
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

import netlab  # noqa: E402
from lab_actors import Fleet, build_actors  # noqa: E402

REFUSAL = b"HTTP/1.1 404 Not Found\r\n\r\n"
LAB = None


def setUpModule():
    global LAB
    netlab.need_root()
    build_actors()
    LAB = netlab.two_armed("fleet")
    LAB.__enter__()


def tearDownModule():
    LAB.close()


class Server:
    """Collects {(address, port): bytes}; refuses whatever ends in an empty line."""

    def __init__(self):
        self.listener = LAB.ca.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((LAB.ca4, 80))
        self.listener.listen(100)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.got = {}

    def serve(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for key, _ in self.selector.select(0.1):
                if key.fileobj is self.listener:
                    self._accept()
                else:
                    self._read(key.fileobj, key.data)

    def _accept(self):
        sock, who = self.listener.accept()
        self.got[who] = b""
        self.selector.register(sock, selectors.EVENT_READ, who)

    def _read(self, sock, who):
        data = sock.recv(65536)
        self.got[who] += data
        if not data or self.got[who].endswith(b"\r\n\r\n"):
            self.selector.unregister(sock)
            if data:
                sock.sendall(REFUSAL)
            sock.close()

    def close(self):
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()


class FleetCase(unittest.TestCase):
    def play(self, seconds, **options):
        """{(address, port): bytes}, attempts of the log, and the summary."""
        server = Server()
        self.addCleanup(server.close)
        log = LAB.directory / "fleet.jsonl"
        fleet = Fleet(LAB, LAB.ca4, minutes=seconds * 10 / 60, scale=10, log=log, **options)
        server.serve(seconds + 0.3)
        summary = fleet.finish(10)
        return server.got, [json.loads(line) for line in log.read_text().splitlines()], summary

    def test_names_are_shared_out_and_sources_differ(self):
        got, attempts, summary = self.play(2, storm_sources=30, storm_rate=90, names=3)
        names = [data.split(b"message=")[1].split()[0] for data in got.values()]
        self.assertEqual(set(names), {b"BRANCH-0", b"BRANCH-1", b"BRANCH-2"})
        self.assertEqual(len({address for address, _ in got}), 30)
        self.assertEqual({a["client"] for a in attempts}, {address for address, _ in got})
        self.assertEqual({a["outcome"] for a in attempts}, {"404"})
        self.assertEqual(summary["storm"]["status_404"], len(attempts))

    def test_slow_ones_send_half_and_wait(self):
        got, attempts, summary = self.play(2, slow_sources=4, slow_rate=60, answer_timeout=10)
        line, head, body, long = (data for _, data in sorted(dict(
            (address, data) for (address, _), data in got.items()).items()))
        self.assertNotIn(b" HTTP", line)
        self.assertTrue(b" HTTP/1.0\r\n" in head and b"\r\n\r\n" not in head)
        self.assertTrue(body.startswith(b"POST ") and b"\r\n\r\n" in body and len(body) < 1500)
        self.assertTrue(b"PKIOperation" in long and b" HTTP" not in long and len(long) > 1000)
        self.assertIn("no_answer", {a["outcome"] for a in attempts})
        self.assertGreaterEqual(min(a["ended"] - a["began"] for a in attempts
                                    if a["outcome"] == "no_answer"), 0.99)
        self.assertEqual(summary["slow"]["status_404"], 0)

    def test_enrolments_only_within_their_time(self):
        _, attempts, _ = self.play(3, enrol_rate=60, enrol_within=10, grace=0)
        first = min(a["began"] for a in attempts)
        arrivals = [a["began"] - first for a in attempts if a["try"] == 1]
        self.assertEqual(len(arrivals), 10)
        self.assertLess(max(arrivals), 1.0)


if __name__ == "__main__":
    unittest.main()
