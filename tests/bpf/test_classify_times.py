#!/usr/bin/env python3
"""`scepguard classify` when time passes between the frames: the real program on a clock that the case
sets. Root; prints `not ok NAME REASON`, then the counts.
"""
import json
import os
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from corpus_cases import CAPS, NEXT  # noqa: E402
from corpus_conn import ACK, CA_ISN, FIN, SYN, Conn, total  # noqa: E402

PROGRAM = Path(__file__).resolve().parents[2] / "build/scepguard"
# What a configuration has that sets none (scepguard.yaml(5)), and what core/times.h adds, in seconds.
SYN_S, REQUEST_S, IDLE_S, LIFE_S, HALF_OPEN_S = 5, 10, 60, 180, 30
OWN, JSON_NULL = object(), object()


class Case:
    """Frames of several connections, each with its time."""

    def __init__(self):
        self.frames, self.times = [], []

    def add(self, at, conn):
        """What was sent on conn since the last call."""
        fresh = conn.frames[getattr(conn, "added", 0):]
        conn.added = len(conn.frames)
        self.frames += fresh
        self.times += [at] * len(fresh)
        return self

    def line(self, times=OWN):
        """times: None = leave them out."""
        case = {"id": "x", "packets": [f.hex() for f in self.frames]}
        if times is not None:
            case["times"] = self.times if times is OWN else None if times is JSON_NULL else times
        return json.dumps(case) + "\n"


def classify(text):
    run = subprocess.run([PROGRAM, "classify", "--jsonl"], input=text, capture_output=True, text=True,
                         timeout=60, check=True)
    return [json.loads(line) for line in run.stdout.splitlines()]


def expect(case, classes, dropped=(), **how):
    got = classify(case.line(**how))[0]
    if got.get("classes") == classes and got["dropped"] == list(dropped):
        return None
    return f"{got} instead of {classes}, {list(dropped)}"


def again(conn):
    """Another connection from the same port."""
    other = Conn(version=conn.version, isn=conn.isn + 0x20000000)
    other.port = conn.port
    return other


def reused(pause):
    """A port that is used again, `pause` after its connection's last byte; no end of it was seen."""
    first = Conn().open().send(0, CAPS)
    return Case().add(0, first).add(pause, again(first).open().send(0, NEXT))


def trickle(seconds, step=9):
    """A request line sent piece by piece, so that it ends after `seconds`."""
    conn, case = Conn().open(), Case()
    case.add(0, conn)
    for n, at in enumerate(range(0, seconds, step)):
        case.add(at, conn.send(n, CAPS[n:n + 1]))
    return case.add(seconds, conn.send(n + 1, CAPS[n + 1:]))


def idle_pings(seconds):
    """A connection that is never idle for long, and its port used again after `seconds`."""
    conn = Conn().open().send(0, CAPS)
    case = Case().add(0, conn)
    for at in range(30, seconds, 30):
        case.add(at, conn.send(len(CAPS)))
    return case.add(seconds, again(conn).open().send(0, NEXT))


def syn_data(*resends):
    """Bytes in a SYN make a connection doubtful; what came of it when its bare SYN came again."""
    conn = Conn().send(-1, CAPS, SYN)
    case = Case().add(0, conn)
    for at in resends:
        case.add(at, conn.send(-1, flags=SYN))
    return case.add(at, conn.send(0).send(0, CAPS))


def timeouts():
    both, one = ["GetCACaps", "GetNextCACert"], ["GetCACaps"]
    yield "port reused at once", expect(reused(0), one, [3])
    yield "port reused, no times", expect(reused(500), one, [3], times=None)
    yield "port reused, times null", expect(reused(500), one, [3], times=JSON_NULL)
    yield "port reused before idle", expect(reused(IDLE_S - 1), one, [3])
    yield "port reused after idle", expect(reused(IDLE_S + 1), both)
    yield "port reused after a year", expect(reused(365 * 86400), both)
    yield "line complete in time", expect(trickle(9), one)
    yield "line complete too late", expect(trickle(9 + REQUEST_S + 2, 20), ["undecided"])
    yield "trickled within life", expect(trickle(LIFE_S - 1), one)
    yield "trickled beyond life", expect(trickle(LIFE_S + 1), ["undecided"])
    yield "busy within life", expect(idle_pings(LIFE_S - 1), one, [8])
    yield "busy beyond life", expect(idle_pings(LIFE_S + 1), both)
    yield "resend", expect(syn_data(1), ["undecided"])
    yield "resend, attempt over", expect(syn_data(SYN_S + 1), one)
    yield "resends", expect(syn_data(*range(4, HALF_OPEN_S, 4)), ["undecided"])
    yield "resends, half-open too long", expect(syn_data(*range(4, HALF_OPEN_S + 4, 4)), one)


def dates():
    """The times' own zero does not matter; where they stand still nothing happens."""
    case = reused(IDLE_S + 1)
    for zero in (0, 0.75, 1.7e9 + 0.123456):
        yield f"zero at {zero}", expect(case, ["GetCACaps", "GetNextCACert"],
                                        times=[zero + t for t in case.times])
    yield "times of one moment", expect(case, ["GetCACaps"], [3], times=[7] * len(case.times))


def becomes_rst():
    """Its time is over, but nobody has looked: the SYN becomes the RST of the old connection."""
    first, other = Conn().open().send(0, CAPS), Conn()
    case = Case().add(0.3, first).add(IDLE_S + 0.3, other.send(-1, flags=SYN))
    case.add(IDLE_S + 0.8, again(first).open().send(0, NEXT))
    yield "SYN becomes RST", expect(case, ["GetCACaps"], [4])


def many():
    """More connections than the program has leases, one after the other and at once."""
    case = Case()
    conns = [Conn().open().send(0, CAPS) for _ in range(1500)]
    for n, conn in enumerate(conns):
        case.add(n, conn)
    for conn in conns[::10]:
        case.add(1600, again(conn).open().send(0, NEXT))
    yield "1500 connections in turn", expect(case, ["GetCACaps"] * 1500 + ["GetNextCACert"] * 150)
    yield "1500 connections at once", expect(case, ["GetCACaps"] * 1500, range(4500, 4950, 3),
                                             times=[0] * 4950)


def faults():
    case = Case().add(0, Conn().open().send(0, CAPS))
    bad = [([0, 1], "expected a list of 3 numbers"), ([0, 1, 2, 3], "a list of 3"), (7, "a list of 3"),
           ([0, "1", 2], "time 1: expected seconds"), ([0, -1, 2], "time 1: expected seconds"),
           ([0, 2, 1], "time 2: earlier"), ([0, 1, 1e9], "time 2: too long"), ([], "a list of 3")]
    text = "".join(case.line(times=times) + case.line() for times, _ in bad)
    text += case.line(times=None).replace('"packets"', '"times": [0, NaN, 1], "packets"')
    text += case.line(times=None).replace('"packets"', '"times": [0, 1e999, 1], "packets"')
    answers = classify(text)
    for (times, says), answer, after in zip(bad, answers[::2], answers[1::2], strict=False):
        wrong = says not in answer.get("error", "") or after.get("classes") != ["GetCACaps"]
        yield f"times {times}", f"{answer}, then {after}" if wrong else None
    for answer in answers[-2:]:
        yield "times that are no JSON", None if answer["id"] == "x" and "error" in answer else f"{answer}"


def from_ca(conn, flags, data=b"", ack=0, seq=0):
    """A frame of the CA on an IPv4 connection; ack and seq from the first byte of each side."""
    segment = struct.pack(">HHIIBBHHH", 80, conn.port, CA_ISN + seq, conn.isn + 1 + ack, 5 << 4, flags,
                          8192, 0, 0) + data
    server, client = bytes([192, 0, 2, 1]), bytes([192, 0, 2, 10])
    value = ~total(server + client + struct.pack(">HH", 6, len(segment)) + segment) & 0xFFFF
    segment = segment[:16] + struct.pack(">H", value) + segment[18:]
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(segment), 7, 0, 64, 6, 0) + server + client
    head = head[:10] + struct.pack(">H", ~total(head) & 0xFFFF) + head[12:]
    conn.steps.append((b"\2\0\0\0\0\2\2\0\0\0\0\1\x08\x00" + head + segment, head + segment, 20))
    return conn


def capture(case, *options):
    """The case as a capture file with these time stamps, classified."""
    with tempfile.NamedTemporaryFile(suffix=".pcap") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for at, frame in zip(case.times, case.frames, strict=True):
            file.write(struct.pack("<IIII", int(at), round(at % 1 * 1e6), len(frame), len(frame)) + frame)
        file.flush()
        run = subprocess.run([PROGRAM, "classify", "--pcap", file.name, "--json", *options], timeout=60,
                             capture_output=True, text=True, check=True)
    return json.loads(run.stdout) | {"said": run.stderr}


def expect_capture(case, classes, dropped=(), says=""):
    got = capture(case)
    if got["classes"] == classes and got["dropped"] == list(dropped) and says in got["said"] and \
            bool(says) == bool(got["said"]):
        return None
    return f"{got} instead of {classes}, {list(dropped)}"


def answered(conn, delay=0):
    """A connection whose SYN the CA answers after `delay`."""
    case = Case().add(1000, conn.send(-1, flags=SYN))
    return case.add(1000 + delay, from_ca(conn, SYN | ACK)).add(1000 + delay, conn.send(0))


def captures():
    conn = Conn()
    case = answered(conn).add(1001, conn.send(0, CAPS))
    other = again(conn).send(-1, flags=SYN)
    case.add(1001 + IDLE_S + 1, from_ca(other, SYN | ACK).send(0).send(0, NEXT))
    yield "capture: port reused", expect_capture(case, ["GetCACaps", "GetNextCACert"])
    for delay, classes, dropped in ((SYN_S - 1, ["GetCACaps"], []), (SYN_S + 1, ["none"], [1])):
        conn = Conn()
        case = answered(conn, delay).add(1000 + delay, conn.send(0, CAPS))
        yield f"capture: SYN-ACK after {delay} s", expect_capture(case, classes, dropped)
    for pause, classes, dropped in ((REQUEST_S - 1, ["GetCACaps"], []), (REQUEST_S + 1, ["none"], [3])):
        conn = Conn()
        case = answered(conn).add(1000 + pause, conn.send(0, CAPS))
        yield f"capture: request after {pause} s", expect_capture(case, classes, dropped)
    conn = Conn()
    case = answered(conn).add(990, conn.send(0, CAPS)).add(4e9, conn.send(len(CAPS), flags=FIN | ACK))
    yield "capture: impossible dates", expect_capture(case, ["GetCACaps"], says="2 frames are dated")


def no_captures():
    """One reason, said once."""
    with tempfile.NamedTemporaryFile(suffix=".pcap") as file:
        file.write(b"no capture")
        file.flush()
        for path, says in ((file.name + "x", "No such file or directory"), (file.name, "")):
            run = subprocess.run([PROGRAM, "classify", "--pcap", path], timeout=60, check=False,
                                 capture_output=True, text=True)
            told = run.stderr.strip()
            good = run.returncode == 1 and told.endswith(says) and told.count(path) == 1
            yield f"capture: {says or 'no capture'}", None if good and "Invalid" not in told else told


def speed():
    case = Case()
    for n in range(4):
        conn = Conn().open().send(0, CAPS)
        case.add(40 * n, conn)
    begun = time.monotonic()
    got = classify(case.line() * 1000)
    took = time.monotonic() - begun
    yield "1000 cases", None if took < 5 and len(got) == 1000 else f"{len(got)} in {took:.1f} s"


def main():
    if os.geteuid():
        print("SKIPPED all: needs root")
        print("test-classify-times: 0 passed, 0 failed, 1 skipped")
        return 0
    passed = failed = 0
    for group in (timeouts, dates, becomes_rst, many, faults, captures, no_captures, speed):
        for name, wrong in group():
            passed, failed = passed + (not wrong), failed + bool(wrong)
            if wrong:
                print(f"not ok {name}: {wrong[:600]}")
    print(f"test-classify-times: {passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
