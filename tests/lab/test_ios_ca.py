#!/usr/bin/env python3
"""Self-test of the lab's CA: a referee that is wrong proves nothing.

Every limit at n and n + 1, both readings of the window, the three counting rules, half-open
connections, what attempts during a block do, the IOS answers, IPv6; and the CA's own worst
windows against a plain recount of its log.  Compressed time; about 25 s in all.
"""

import signal
import socket
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

import netlab  # noqa: E402
from lab_actors import IosCa, build_actors  # noqa: E402

PATH = "/cgi-bin/pkiclient.exe"
LAB = None


def setUpModule():
    global LAB
    netlab.need_root()
    build_actors()
    LAB = netlab.two_armed("iosca", ca_gate=True)
    LAB.__enter__()


def tearDownModule():
    LAB.close()


def get(operation, message="BRANCH", version="1.0"):
    return f"GET {PATH}?operation={operation}&message={message} HTTP/{version}\r\n" \
           "Host: 192.168.105.3\r\n\r\n".encode()


def read_all(sock):
    data = b""
    while True:
        piece = sock.recv(65536)
        if not piece:
            return data
        data += piece


class CaCase(unittest.TestCase):
    """One CA per test; `connect` is one fast attempt, None if the CA is silent."""

    def start(self, **options):
        self.ca = IosCa(LAB, **options)
        self.addCleanup(self.end)
        self.open = []
        self.addCleanup(lambda: [sock.close() for sock in self.open])

    def end(self):
        if self.ca:
            self.ca.process.kill()
            self.ca.process.wait()
            self.ca.process.stdout.close()

    def summary(self):
        ca, self.ca = self.ca, None
        result = ca.stop()
        ca.process.stdout.close()
        self.events = ca.events()
        return result

    def connect(self, timeout=0.25, source="10.65.0.1", keep=True):
        try:
            sock = LAB.clients.connect(LAB.ca4, 80, source, timeout)
        except (TimeoutError, ConnectionRefusedError):
            return None
        if keep:
            sock.settimeout(2.0)
            self.open.append(sock)
            return sock
        sock.close()
        return sock

    def ask(self, data, address=None, source="10.65.0.1"):
        sock = LAB.clients.connect(address or LAB.ca4, 80, source, 2.0)
        try:
            sock.sendall(data)
            return read_all(sock)
        finally:
            sock.close()

    def raw_syns(self, count, isn=1000, source="198.18.0.1", port=2000):
        """SYNs by hand: nobody answers the SYN-ACK."""
        sock = LAB.clients.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        for i in range(count):
            sock.sendto(make_tcp(source, LAB.ca4, port + i, 80, isn, 0, 0x02), (LAB.ca4, 0))
        sock.close()


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(int.from_bytes(data[i:i + 2], "big") for i in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return (~total & 0xffff).to_bytes(2, "big")


def make_tcp(src, dst, sport, dport, seq, ack, flags):
    """An IPv4 packet with a bare TCP header; the kernel fills in the IP checksum."""
    addresses = socket.inet_aton(src) + socket.inet_aton(dst)
    tcp = sport.to_bytes(2, "big") + dport.to_bytes(2, "big") + seq.to_bytes(4, "big") + \
        ack.to_bytes(4, "big") + bytes([0x50, flags]) + b"\x10\0" + b"\0\0\0\0"
    check = checksum(addresses + b"\0\6" + len(tcp).to_bytes(2, "big") + tcp)
    ip = b"\x45\0" + (20 + len(tcp)).to_bytes(2, "big") + b"\0\1\0\0\x40\x06\0\0" + addresses
    return ip + tcp[:16] + check + tcp[18:]


class Answers(CaCase):
    def test_refusal_is_what_ios_sends(self):
        self.start()
        answer = self.ask(get("GetNextCACert"))
        head, body = answer.split(b"\r\n\r\n", 1)
        self.assertEqual(body, b"404 Not Found\r\n")
        lines = head.split(b"\r\n")
        self.assertEqual(lines[0], b"HTTP/1.1 404 Not Found")
        self.assertEqual([line.split(b":")[0] for line in lines[1:]],
                         [b"Date", b"Server", b"Accept-Ranges"])
        self.assertEqual(len(answer), 118)

    def test_operations_and_shadow(self):
        self.start()
        message = "MII" + "A" * 3000
        for request, head in (
                (get("GetCACaps"), b"text/plain"), (get("GetCACert"), b"application/x-x509-ca-cert"),
                (get("PKIOperation", message), b"application/x-pki-message")):
            self.assertRegex(self.ask(request), b"^HTTP/1.1 200 OK(?s:.)*Content-Type: " + head)
        post = f"POST {PATH}?operation=PKIOperation HTTP/1.1\r\nContent-Length: 2500\r\n\r\n"
        self.assertIn(b"x-pki-message", self.ask(post.encode() + b"x" * 2500, source="10.65.0.2"))
        self.assertTrue(self.ask(get("PKIOperation", "")).startswith(b"HTTP/1.1 400"))
        self.assertTrue(self.ask(b"GET / HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 401"))
        self.ask(get("GetNextCACert"))
        self.ca.signal(signal.SIGUSR1)
        time.sleep(0.1)
        self.assertIn(b"application/x-x509-next-ca-cert", self.ask(get("GetNextCACert")))
        end = self.summary()
        self.assertEqual(end["pkioperations_completed"], 2)
        self.assertEqual(end["enrolments"], {"10.65.0.1": 1, "10.65.0.2": 1})
        self.assertEqual(end["spent_on_404"], 1)
        self.assertEqual(end["requests"]["GetNextCACert"], {"200": 1, "other": 1})
        self.assertEqual(end["connections"], dict.fromkeys(
            ("offered", "syn", "handshake", "accept"), 8))
        self.assertEqual(sum(e["event"] == "close" for e in self.events), 8)

    def test_whom_a_proxy_names(self):
        forwarded = get("GetCACert").replace(b"\r\n\r\n", b"\r\nx-forwarded-for: 10.64.0.9\r\n\r\n")
        for trust, client in ((True, "10.64.0.9"), (False, "10.65.0.1")):
            self.start(trust_forwarded=trust)
            self.ask(forwarded)
            self.summary()
            asked = [(e["client"], e.get("proxy")) for e in self.events if e["event"] == "request"]
            self.assertEqual(asked, [(client, "10.65.0.1" if trust else None)])

    def test_ipv6_and_second_port(self):
        self.start(port=[80, 8080])
        self.assertIn(b"404", self.ask(get("GetNextCACert"), LAB.ca6, "fd00:64:0:9::1"))
        sock = LAB.clients.connect(LAB.ca4, 8080)
        sock.close()
        end = self.summary()
        self.assertEqual(end["connections"]["syn"], 2)
        self.assertIn("fd00:64:0:9::1", [e.get("client") for e in self.events])


class Window(CaCase):
    def test_n_pass_and_one_more_trips(self):
        for rule in ("syn", "handshake", "accept"):
            with self.subTest(rule=rule):
                self.start(connections=5, window=3, block=0.6, count=rule)
                for _ in range(5):
                    self.assertTrue(self.connect(keep=False))
                    time.sleep(0.02)
                # Counting later than the SYN, the CA has already let the sixth one in.
                self.assertEqual(self.connect(keep=False) is None, rule == "syn")
                time.sleep(0.05)
                self.assertIsNone(self.connect(keep=False))
                end = self.summary()
                self.assertEqual(end["deaf_episodes"], 1)
                self.assertEqual(end["worst_window"][rule], 5 if rule == "syn" else 6)
                self.assertEqual(end["counted_by"], rule)

    def test_n_in_a_window_never_trips(self):
        self.start(connections=5, window=0.5, block=1)
        for _ in range(3):
            for _ in range(5):
                self.assertTrue(self.connect(keep=False))
            time.sleep(0.52)
        end = self.summary()
        self.assertEqual((end["deaf_episodes"], end["worst_window"]["syn"]), (0, 5))

    def test_block_lasts_and_ends(self):
        self.start(connections=2, window=5, block=0.7, after_block="clear")
        for _ in range(3):
            self.connect(keep=False)
        time.sleep(0.55)
        self.assertTrue(self.connect(keep=False))
        end = self.summary()
        self.assertAlmostEqual(end["deaf_s"], 0.7, delta=0.001)
        self.assertGreaterEqual(end["dropped_while_deaf"], 1)

    def test_keep_trips_again(self):
        self.start(connections=2, window=5, block=0.3)
        for _ in range(3):
            self.connect(keep=False)
        time.sleep(0.2)
        self.assertIsNone(self.connect(keep=False))
        self.assertEqual(self.summary()["deaf_episodes"], 2)

    def test_fixed_pieces_let_twice_n_through_where_sliding_trips(self):
        for reading, episodes in (("fixed", 0), ("sliding", 1)):
            with self.subTest(reading=reading):
                self.start(connections=4, window=1, block=0.3, reading=reading)
                self.connect(keep=False)  # the first piece begins here
                time.sleep(0.8)
                for _ in range(3):
                    self.connect(keep=False)
                time.sleep(0.25)
                for _ in range(4):
                    self.connect(timeout=0.1, keep=False)
                self.assertEqual(self.summary()["deaf_episodes"], episodes)

    def test_fixed_trips_too(self):
        self.start(connections=4, window=2, block=0.3, reading="fixed")
        for _ in range(5):
            self.connect(keep=False)
        self.assertEqual(self.summary()["deaf_episodes"], 1)

    def test_established_go_on_while_deaf(self):
        self.start(connections=2, window=5, block=5)
        sock = self.connect()
        self.connect()
        self.assertIsNone(self.connect())
        sock.sendall(get("GetCACaps"))
        self.assertIn(b"200 OK", read_all(sock))

    def test_retransmitted_syn_is_not_new(self):
        self.start(connections=3, window=5, block=1)
        for _ in range(6):
            self.raw_syns(1, isn=77)
            time.sleep(0.02)
        end = self.summary()
        self.assertEqual((end["connections"]["offered"], end["connections"]["syn"]), (1, 1))
        self.assertEqual(end["deaf_episodes"], 0)

    def test_same_ports_new_sequence_number_is_new(self):
        self.start(connections=30, window=5)
        for isn in (77, 88, 99):
            self.raw_syns(1, isn=isn)
            time.sleep(0.02)
        self.assertEqual(self.summary()["connections"]["offered"], 3)


class DuringBlock(CaCase):
    def block_with_attempts(self, what):
        """Trip, then three attempts over 0.45 s; deaf seconds when 0.4 s more have passed."""
        self.start(connections=2, window=10, block=0.5, during_block=what,
                   after_block="clear")
        for i in range(3):
            self.raw_syns(1, port=3000 + i)
            time.sleep(0.01)
        for i in range(3):
            time.sleep(0.14)
            self.raw_syns(1, port=4000 + i)
        time.sleep(0.9 - 0.42)
        return self.summary()

    def test_ignore(self):
        self.assertAlmostEqual(self.block_with_attempts("ignore")["deaf_s"], 0.5, delta=0.01)

    def test_restart(self):
        self.assertAlmostEqual(self.block_with_attempts("restart")["deaf_s"], 0.92, delta=0.06)

    def test_extend(self):
        end = self.block_with_attempts("extend")
        self.assertGreater(end["deaf_s"], 0.85)
        self.assertEqual(end["deaf_episodes"], 1)


class Slots(CaCase):
    def test_limit_at_n_and_after_close(self):
        self.start(max_connections=4)
        for _ in range(4):
            self.assertTrue(self.connect())
        self.assertIsNone(self.connect())
        sock = self.open[0]
        sock.sendall(get("GetCACaps"))
        read_all(sock)
        sock.close()
        time.sleep(0.05)
        self.assertTrue(self.connect())
        end = self.summary()
        self.assertEqual(end["peak_open"], 4)
        self.assertGreaterEqual(end["queue_full"], 1)
        self.assertEqual(end["deaf_episodes"], 0)

    def test_half_open_counts_and_expires(self):
        self.start(max_connections=4, half_open=0.5)
        self.raw_syns(4)
        time.sleep(0.05)
        self.assertIsNone(self.connect(timeout=0.2))
        time.sleep(0.4)
        self.assertTrue(self.connect())
        self.assertEqual(self.summary()["peak_half_open"], 4)

    def test_rst_frees_only_in_sequence(self):
        self.start(max_connections=1, half_open=30)
        self.raw_syns(1, isn=1000)
        raw = LAB.clients.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        raw.sendto(make_tcp("198.18.0.1", LAB.ca4, 2000, 80, 1002, 0, 0x04), (LAB.ca4, 0))
        self.assertIsNone(self.connect(timeout=0.2))
        raw.sendto(make_tcp("198.18.0.1", LAB.ca4, 2000, 80, 1001, 0, 0x04), (LAB.ca4, 0))
        raw.close()
        time.sleep(0.05)
        self.assertTrue(self.connect())

    def test_idle_timeout_frees(self):
        self.start(max_connections=1, idle=0.3, fin_wait=0.3)
        self.assertTrue(self.connect())
        self.assertIsNone(self.connect(timeout=0.1))
        time.sleep(0.8)
        self.assertTrue(self.connect())


class Pause(CaCase):
    def test_everything_at_once_afterwards(self):
        self.start(pause_at=0, pause_for=0.5, count="accept", connections=10, window=5)
        time.sleep(0.05)
        socks = [self.connect() for _ in range(5)]
        for sock in socks:
            sock.sendall(get("GetCACaps"))
        for sock in socks:
            self.assertIn(b"200 OK", read_all(sock))
        self.summary()
        times = [e["t"] for e in self.events if e["event"] == "accept"]
        self.assertEqual(len(times), 5)
        self.assertGreaterEqual(times[0], 0.5)
        self.assertLess(times[-1] - times[0], 0.05)


    def test_a_box_that_stands_still_answers_no_syn_and_then_all(self):
        self.start(pause_at=0, pause_for=0.5, pause_box=True, connections=10, window=5)
        time.sleep(0.05)
        began = time.monotonic()
        for i in range(5):
            self.raw_syns(1, port=3000 + i)
        self.assertTrue(self.connect(timeout=2))
        self.assertGreater(time.monotonic() - began, 0.3)
        self.summary()
        times = [e["t"] for e in self.events if e["event"] == "syn"]
        self.assertEqual(len(times), 6)
        self.assertGreaterEqual(times[0], 0.5)
        self.assertLess(times[-1] - times[0], 0.05)


class Recount(CaCase):
    def test_worst_windows_equal_a_plain_recount(self):
        self.start(connections=1000, window=0.2)
        for i in range(60):
            self.ask(get("GetCACert"))
            time.sleep(0.001 * (i * 7 % 13))
        end = self.summary()
        for rule in ("syn", "handshake", "accept"):
            times = [e["t"] for e in self.events if e["event"] == rule]
            plain = max(sum(1 for t in times if 0 <= last - t < 0.2 - 1e-9) for last in times)
            self.assertAlmostEqual(end["worst_window"][rule], plain, delta=0)
        self.assertEqual(end["peak_open"], 1)


if __name__ == "__main__":
    unittest.main()
