"""What the tests of this directory share: a case with its labs, the guard under test, the referee.

Times: SCALE divides every duration of the field (the guard's `time_scale`, the CA's limits), so
60 s last 6 s.  Nothing here sleeps to make something true: wait_for() asks until it is.
"""

import json
import os
import signal
import socket
import struct
import sys
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

import guard as guard_lib  # noqa: E402
import netlab  # noqa: E402
from lab_actors import Fleet, IosCa  # noqa: E402,F401
from netlab import LabError, PacketTap, wait_for  # noqa: E402,F401

# Another build may be put to the test, a deliberately broken one for example.
guard_lib.PROGRAM = Path(os.environ.get("SCEPGUARD", guard_lib.PROGRAM))
PROGRAM = guard_lib.PROGRAM

SCALE = 10
IOS = {"connections": 80, "window": 60, "block": 15, "max_connections": 16}
NOT_SERVING = 5  # exit status of `status`: the guard runs, the CA does not answer
NEXT_CA = "/cgi-bin/pkiclient.exe?operation=GetNextCACert&message=BRANCH"
CA_CAPS = "/cgi-bin/pkiclient.exe?operation=GetCACaps&message=BRANCH"
CA_CERT = "/cgi-bin/pkiclient.exe?operation=GetCACert&message=BRANCH"
# For tests that are not about the limits per source.
GENEROUS = {"default": {"rate": "60000/min", "burst": "1000", "connections": "1000"}}


def ca_options(limits=None, **more):
    """ios_ca's command line for limits in field units; life and idle long, unless given."""
    limits = limits or IOS
    return {"connections": limits["connections"], "max_connections": limits["max_connections"],
            "window": limits["window"] / SCALE, "block": limits["block"] / SCALE,
            "half_open": 30 / SCALE, "fin_wait": 10 / SCALE, "idle": 180 / SCALE,
            "life": 180 / SCALE, "service_ms": 100 / SCALE, **more}


class GuardUnderTest(guard_lib.Guard):
    """A guard whose daemon may be killed and started again, and whose end is checked."""

    def start(self):
        super().start()
        self.lab.on_close(self._sweep)

    def _sweep(self):
        """After a failure in the middle: no daemon, no link, no pin."""
        self.kill()
        self.command("detach", check=False)

    def _end(self):
        """Tests stop it themselves when they mean to look at the end."""

    def pid(self):
        """Of the daemon."""
        return self.process.pid

    def send(self, number):
        """To the daemon."""
        self.process.send_signal(number)

    def kill(self, number=signal.SIGKILL):
        """The daemon ends; the data plane stays."""
        process, self.process = self.process, None
        if process and process.poll() is None:
            process.send_signal(number)
            process.wait(20)
        return process.returncode if process else None

    def status(self):
        """`status --json` as a dict, whatever it says about the CA."""
        # By the socket, not the file: that may be a bad one just now.
        done = self.lab.gw.run([PROGRAM, "status", "--json", "--runtime",
                                self.config["paths"]["runtime"]], check=False)
        if done.returncode not in (0, NOT_SERVING):
            raise LabError(f"status: exit {done.returncode}: {done.stdout}{done.stderr}{self.log()}")
        return json.loads(done.stdout)

    def _is_ready(self):
        if self.process.poll() is not None:
            raise LabError(f"scepguard ended with status {self.process.returncode}")
        return self.command("status", "--json", check=False).returncode in (0, NOT_SERVING)

    def fresh(self):
        """A status taken wholly after this call: two ticks later."""
        return self.wait(lambda status, seen=[]: status["loop"]["total"] >= (
            seen or seen.append(status["loop"]["total"] + 2) or seen)[0], "two ticks")

    def wait(self, predicate, what, timeout=15):
        """The first status for which predicate(status) holds."""
        def look():
            status = self.status()
            return status if predicate(status) else None
        try:
            return wait_for(look, timeout, what, 0.05)
        except LabError as error:
            raise LabError(f"{error}; status: {json.dumps(_lean(self.status()))}") from error

    def service(self, status=None):
        """The only service of a (fresh) status."""
        return (status or self.fresh())["services"][0]

    def reload(self, **changes):
        """Write the configuration anew, SIGHUP, wait until it is read; `config` of the status."""
        before = self.status()["config"]
        self.config.update(changes)
        self.write_config()
        self.send(signal.SIGHUP)
        return self.wait(lambda s: s["config"]["loaded_time"] and s["config"] != before,
                         "reload")["config"]

    def reload_good(self, **changes):
        """The same; LabError with the daemon's words if it did not take it."""
        if not self.reload(**changes)["reload_ok"]:
            raise LabError(f"reload refused:\n{self.log()}")

    def pins(self):
        """Everything pinned for this instance."""
        return sorted(str(p) for p in Path(self.config["paths"]["bpffs"]).rglob("*"))


def _lean(value):
    """Without zeros and empties: for messages."""
    if isinstance(value, dict):
        value = {k: _lean(v) for k, v in value.items()}
        return {k: v for k, v in value.items() if v not in (0, None, {}, [], "")}
    return [_lean(v) for v in value] if isinstance(value, list) else value


class Case(unittest.TestCase):
    """A test makes its labs with self.lab(), which end with it."""

    maxDiff = 2000

    def lab(self, topology=netlab.TwoArmed, **options):
        """A topology that lives as long as the test."""
        self.labs = getattr(self, "labs", 0) + 1
        name = f"{self.labs}{self.id().rsplit('.', 1)[-1].replace('test_', '')}"
        lab = topology(name, **options)
        lab.__enter__()
        self.addCleanup(lab.close)
        return lab

    def guard(self, lab, mode="police", limits=None, service=None, start=True, **top):
        """A guard in front of the lab's CA."""
        made = GuardUnderTest(lab, mode, SCALE, limits=limits or IOS, service=service, **top)
        if start:
            made.start()
        return made

    def ca(self, lab, limits=None, **more):
        """The referee."""
        return IosCa(lab, **ca_options(limits, **more))

    def attached(self, lab):
        """{interface: XDP program's name} in the gateway."""
        links = json.loads(lab.gw.run(["ip", "-j", "link"]).stdout)
        return {link["ifname"]: link["xdp"] for link in links if "xdp" in link}

    def assert_budget(self, summary, limits=None):
        """What the CA's own log says must hold in every run, spoofed or not."""
        limits = limits or IOS
        for rule in ("syn", "handshake", "accept"):
            self.assertLess(summary["worst_window"][rule], limits["connections"],
                            f"new connections in a window, counted by {rule}")
        self.assertLessEqual(summary["peak_open"], limits["max_connections"], "at once")
        self.assertEqual(summary["queue_full"], 0, "SYNs that met a full CA")
        self.assertEqual(summary["deaf_s"], 0, "seconds deaf")
        # A referee that saw nothing proves nothing.
        self.assertGreater(summary["connections"]["accept"], limits["connections"] // 8,
                           "connections accepted")

    def assert_gone(self, lab, guard):
        """No link, no pin."""
        self.assertEqual(self.attached(lab), {})
        self.assertEqual(guard.pins(), [])


def get(space, address, target=CA_CAPS, source=None, timeout=5.0, close=True):
    """One HTTP request on a fresh connection: status, or OSError. close=False: the socket too."""
    sock = space.connect(address, 80, source, timeout)
    try:
        sock.sendall(f"GET {target} HTTP/1.0\r\nHost: ca\r\n\r\n".encode())
        status = int(read_answer(sock).split(b" ", 2)[1])
    except BaseException:
        sock.close()
        raise
    if close:
        sock.close()
        return status
    return status, sock


def read_answer(sock):
    """Everything until the peer's FIN."""
    parts = []
    while True:
        part = sock.recv(65536)
        if not part:
            if not parts:
                raise ConnectionError("closed without an answer")
            return b"".join(parts)
        parts.append(part)


def learn(lab):
    """The gateway resolves the CA's addresses, so that it knows behind which port or MAC it is."""
    for address in (lab.ca4, lab.ca6):
        attempt(lab.gw, address, timeout=0.3)


def attempt(space, address, source=None, target=CA_CAPS, timeout=0.6):
    """Like get(), but an error is an answer: its class name, e.g. 'TimeoutError'."""
    try:
        return get(space, address, target, source, timeout)
    except OSError as error:
        return type(error).__name__


# --- raw TCP ---------------------------------------------------------------------------------

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


def checksum(data):
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def mac_bytes(text):
    """'aa:bb:..' as bytes."""
    return bytes.fromhex(text.replace(":", ""))


def family_of(address):
    """Of an address as text."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def ip_packet(src, dst, protocol, payload, identification=0, ttl=64):
    """IPv4 or IPv6 around a payload (which has its checksum already)."""
    family = family_of(src)
    src, dst = socket.inet_pton(family, src), socket.inet_pton(family, dst)
    if family == socket.AF_INET6:
        return struct.pack("!IHBB", 6 << 28, len(payload), protocol, ttl) + src + dst + payload
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), identification, 0x4000, ttl,
                       protocol, 0, src, dst)
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def tcp_packet(src, dst, sport, dport, seq, ack, flags, payload=b"", window=65535, options=b""):
    """A whole IP packet with one TCP segment, checksums right."""
    head = struct.pack("!HHIIBBHHH", sport, dport, seq & 0xffffffff, ack & 0xffffffff,
                       (5 + len(options) // 4) << 4, flags, window, 0, 0) + options
    family = family_of(src)
    pseudo = (socket.inet_pton(family, src) + socket.inet_pton(family, dst)
              + struct.pack("!IBBBB", len(head) + len(payload), 0, 0, 0, 6))
    total = checksum(pseudo + head + payload)
    return ip_packet(src, dst, 6, head[:16] + struct.pack("!H", total) + head[18:] + payload)


class Segment:
    """A received TCP segment, or None from parse() when the frame holds none (untagged only)."""

    @classmethod
    def parse(cls, frame):
        kind = int.from_bytes(frame[12:14], "big")
        if kind == 0x0800 and frame[23] == 6:
            length = (frame[14] & 15) * 4
            family, addresses, at = socket.AF_INET, frame[26:34], 14 + length
            end = 14 + int.from_bytes(frame[16:18], "big")
        elif kind == 0x86dd and frame[20] == 6:
            family, addresses, at = socket.AF_INET6, frame[22:54], 54
            end = 54 + int.from_bytes(frame[18:20], "big")
        else:
            return None
        made = cls()
        half = len(addresses) // 2
        made.src = socket.inet_ntop(family, addresses[:half])
        made.dst = socket.inet_ntop(family, addresses[half:])
        (made.sport, made.dport, made.seq, made.ack, offset, made.flags) = struct.unpack(
            "!HHIIBB", frame[at:at + 14])
        made.payload = frame[at + (offset >> 4) * 4:end]
        return made


class RawClient:
    """A TCP client made by hand at c0: it sends exactly what it is told, and nothing else.

    Its address must be one that `clients` swallows (Topology.spoofed4, spoofed6).
    """

    def __init__(self, lab, source, sport, dport=80, ca=None, tap=None):
        self.lab = lab
        self.src, self.sport, self.dport = source, sport, dport
        self.dst = ca or (lab.ca6 if ":" in source else lab.ca4)
        self.tap = tap or PacketTap(lab.clients, "c0")
        self.mac = (mac_bytes(lab.gw.mac("gw0")), mac_bytes(lab.clients.mac("c0")))
        self.seq = int.from_bytes(os.urandom(4), "big")
        self.ack = 0

    def send(self, flags, payload=b"", seq=None, ack=None):
        """One segment; seq and ack default to where the connection is."""
        packet = tcp_packet(self.src, self.dst, self.sport, self.dport,
                            self.seq if seq is None else seq, self.ack if ack is None else ack,
                            flags, payload)
        self.tap.send(self.frame(packet))

    def frame(self, packet):
        """An IP packet as an Ethernet frame from the clients to the gateway."""
        kind = b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\x00"
        return self.mac[0] + self.mac[1] + kind + packet

    def receive(self, timeout=2.0, flags=0):
        """The next segment to us that has all of these flags, or None."""
        def ours(frame):
            seg = Segment.parse(frame)
            return (seg and (seg.src, seg.dst, seg.sport, seg.dport)
                    == (self.dst, self.src, self.dport, self.sport)
                    and seg.flags & flags == flags)
        frames = self.tap.receive(timeout, ours)
        return Segment.parse(frames[0]) if frames else None

    def syn(self, timeout=2.0):
        """SYN; the SYN-ACK, or None. Not acknowledged yet."""
        self.send(SYN, ack=0)
        answer = self.receive(timeout, SYN | ACK)
        if answer:
            self.ack = answer.seq + 1
        return answer

    def open(self, timeout=2.0):
        """A whole handshake; False if refused."""
        if not self.syn(timeout):
            return False
        self.seq += 1
        self.send(ACK)
        return True

    def say(self, payload):
        """Data in order."""
        self.send(ACK | PSH, payload)
        self.seq += len(payload)


class Background(threading.Thread):
    """function(stop_event) in a thread until the `with` ends; its error, if any, is raised there."""

    def __init__(self, function):
        super().__init__(daemon=True)
        self.function, self.done, self.error = function, threading.Event(), None

    def run(self):
        try:
            self.function(self.done)
        except BaseException as error:
            self.error = error

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.join(20)
        if self.error:
            raise self.error


def nft(space, text):
    """Load an nft script in a namespace."""
    space.run(["nft", "-f", "-"], input=text)


def now():
    """Monotonic seconds."""
    return time.monotonic()


def main():
    """For `python3 test_x.py`."""
    netlab.need_root()
    unittest.main(verbosity=2)
