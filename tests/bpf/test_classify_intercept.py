#!/usr/bin/env python3
"""`scepguard classify --mode intercept`: its own words about what the front door does, packet by packet. Root; prints
`not ok NAME REASON`, then the counts.
"""
import functools
import json
import os
import random
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from corpus_cases import CAPS, CERT, NEXT, POST, SIZE  # noqa: E402
from corpus_conn import ACK, FIN, PSH, RST, SYN, Conn  # noqa: E402
from corpus_random import random_scripts  # noqa: E402
from linux_tcp import ip_packet  # noqa: E402
from test_classify_times import PROGRAM, Case, again, capture, from_ca  # noqa: E402

# Cookies: a time slot, and how many of them one is good for, the current one included; times of a configuration that
# sets none.
SLOT_S, SLOTS, IDLE_S = 32, 3, 60
CAPS_, CERT_, NEXT_, POST_ = "GetCACaps", "GetCACert", "GetNextCACert", "PKIOperation-POST"
FLAGS = 13  # in a TCP header


def classify(text):
    run = subprocess.run([PROGRAM, "classify", "--jsonl", "--mode", "intercept"], input=text, capture_output=True,
                         text=True, timeout=60, check=True)
    return [json.loads(line) for line in run.stdout.splitlines()]


def line_of(*conns, times=None, to_ca=False):
    frames = [f.hex() for conn in conns for f in conn.frames]
    return json.dumps({"id": "x", "packets": frames, "times": times, "to_ca": to_ca}) + "\n"


def expect(classes, dropped, *conns, times=None):
    """A line to classify, and what must come of it."""
    return line_of(*conns, times=times), {"classes": classes, "dropped": dropped}


def all_at_once(*groups):
    """(name, what is wrong) of each expectation, in one run."""
    rows = [(name, *row) for group in groups for name, row in group()]
    for (name, _, wanted), got in zip(rows, classify("".join(line for _, line, _ in rows)), strict=True):
        said = {key: got.get(key, got) for key in wanted}
        yield name, None if said == wanted else f"{said} instead of {wanted}"


def looks_begun():
    """A segment whose right checksum happens to be the pseudo header's sum, as one has that is only begun."""
    conn = Conn().open()
    for window in range(65536):
        segment = conn.tcp(0, CAPS, ACK, 0, window=window)
        if segment[16:18] == conn.tcp(0, CAPS, ACK, 0, window=window, partial=True)[16:18]:
            return conn.send(0, CAPS, window=window)
    raise AssertionError("no such segment")


def door():
    """What is no request of a client that has shaken hands."""
    yield "SYN", expect(["none"], [], Conn().send(-1, flags=SYN))
    yield "handshake", expect(["none"], [], Conn().open())
    yield "handshake, RST", expect(["none"], [], Conn().open().send(0, flags=RST))
    yield "handshake, FIN", expect(["none"], [], Conn().open().send(0, flags=FIN | ACK).send(1, ack=1))
    yield "no SYN", expect(["ignored"], [0, 1], Conn().send(0).send(0, CAPS))
    yield "of nobody", expect(["ignored"], [0], Conn().send(0, flags=RST | ACK))
    yield "data in the SYN", expect(["none"], [], Conn().open(CAPS))
    yield "data in the SYN, again", expect([NEXT_], [], Conn().open(CAPS).send(0, NEXT))
    yield "no method", expect(["undecided"], [2], Conn().open().send(0, b"\x16\x03\x01" + CAPS))
    yield "IP options", expect(["undecided"], [2], Conn().open().send(0, CAPS, options=b"\1" * 4))
    yield "a fragment", expect(["undecided"], [2], Conn().open().send(0, CAPS, fragment=0x2000))
    yield "without ACK", expect(["undecided"], [2], Conn().open().send(0, CAPS, flags=PSH))
    yield "another ACK", expect(["undecided"], [2], Conn().open().send(0, CAPS, ack=99))
    yield "wrong sum", expect(["none"], [2], Conn().open().send(0, CAPS, bad_sum=True))
    yield "a sum that looks begun", expect([CAPS_], [], looks_begun())
    yield "nothing else", expect(["ignored"], [], Conn().send(-1, flags=SYN, protocol=17))


def order():
    """What comes before the first segment comes again behind it."""
    conn = Conn().open().send(20, CAPS[20:])
    yield "later, never the first", expect(["undecided"], [2], conn)
    yield "later, then the first", expect([CAPS_], [], conn.send(0, CAPS[:20]))
    conn = Conn().open()
    for at in range(SIZE // 5 * 5, -1, -5):
        conn.send(at, CAPS[at:at + 5])
    yield "backwards", expect([CAPS_], [], conn)
    conn = Conn().open().send(0, POST[:60]).send(0, POST[:60]).send(60, POST[60:])
    yield "the first twice", expect([POST_], [], conn)
    conn = Conn(isn=0xFFFFFFE0).open().send(9, CAPS[9:], bad_sum=True).send(9, CAPS[9:]).send(0, CAPS[:9])
    yield "a wrong sum is not sent again", expect([CAPS_], [2], conn)


def requests():
    conn = Conn().open().send(0, CAPS)
    for turn, data in enumerate((CERT, NEXT, CERT), 1):
        conn.send(turn * SIZE, data, ack=300 * turn)
    yield "kept alive", expect([CAPS_, CERT_, NEXT_, CERT_], [], conn)
    yield "pipelined", expect([CAPS_, "undecided"], [], Conn().open().send(0, CAPS + CERT))
    conn = Conn(6).open().send(0, POST).send(len(POST), flags=FIN | ACK)
    yield "closed, port again", expect([POST_, CAPS_], [], conn, port_again(conn).open().send(0, CAPS))
    conn = Conn().open().send(0, POST)
    yield "not closed, port again", expect([POST_, CAPS_], [], conn, port_again(conn).open().send(0, CAPS))
    # What the CA could not have said is not acknowledged by any client.
    conn = Conn().open().send(0, CAPS[:20]).send(20, CAPS[20:], ack=9)
    yield "an answer to half a line", expect(["undecided"], [3], conn)
    # Nobody waits for the answer to another's question.
    yield "many ask the same", expect([NEXT_] * 5, [], *(Conn().open().send(0, NEXT) for _ in range(5)))
    many = [Conn().open().send(0, CAPS) for _ in range(3000)]
    yield "3000 connections", expect([CAPS_] * 3000, [], *many)


def port_again(conn):
    other = again(conn)
    other.version = conn.version
    return other


def cookies():
    """How long a client may take for its first segment."""
    for late, classes, dropped in ((0, [CAPS_], []), (SLOT_S * (SLOTS - 1), [CAPS_], []),
                                   (SLOT_S * SLOTS, ["undecided"], [2]), (SLOT_S * 9, ["undecided"], [2])):
        yield f"request after {late} s", expect(classes, dropped, Conn().open().send(0, CAPS), times=[0, 0, late])
    conn = Conn().send(-1, flags=SYN).open().send(0, CAPS)
    yield "SYN again, much later", expect([CAPS_], [], conn, times=[0, SLOT_S * 8, SLOT_S * 8, SLOT_S * 8 + 1])
    first = Conn().open().send(0, CAPS)
    case = Case().add(0, first).add(IDLE_S + 1, port_again(first).open().send(0, NEXT))
    yield "port again after idle", (case.line(), {"classes": [CAPS_, NEXT_], "dropped": []})


def tcp_of(text):
    packet, at = ip_packet(bytes.fromhex(text))
    return packet[at:]


def to_the_ca():
    """What goes on: the guard's SYN, the first segment with its ACK, then what the client sent, bit by bit."""
    for version in (4, 6):
        for tags in ([], [0x8100], [0x88A8, 0x8100]):
            conn = Conn(version, tags=tags).open().send(0, POST[:70]).send(70, POST[70:], flags=ACK | PSH)
            conn.send(len(POST), ack=40).send(len(POST), flags=FIN | ACK, ack=40)
            got = classify(line_of(conn, to_ca=True))[0]
            seen = [(i, tcp_of(text)) for i, text in got["to_ca"]]
            wrong = None
            if [i for i, _ in seen] != [2, 2, 3, 4, 5] or got["dropped"]:
                wrong = f"frames {[i for i, _ in seen]}, dropped {got['dropped']}"
            elif [tcp[FLAGS] for _, tcp in seen[:2]] != [SYN, ACK | PSH] or seen[1][1][20:] != POST[:70]:
                wrong = f"begins with {seen[0][1].hex()}, {seen[1][1].hex()}"
            elif [text for _, text in got["to_ca"][2:]] != [f.hex() for f in conn.frames[3:]]:
                wrong = "later segments differ from what was sent"
            yield f"to the CA over IPv{version}, {len(tags)} tags", wrong
    plain = json.dumps({"id": 1, "packets": [f.hex() for f in conn.frames], "to_ca": False})
    yield "not asked for", None if "to_ca" not in classify(plain + "\n")[0] else "to_ca"


def captures():
    """The CA's own frames: its numbers are the ones the client's are moved by; what it says is not made up."""
    conn = from_ca(Conn().send(-1, flags=SYN), SYN | ACK).send(0).send(0, CAPS)
    from_ca(conn, ACK | PSH, b"HTTP/1.0 404 No\r\n\r\n", ack=SIZE, seq=1).send(SIZE, NEXT, ack=19)
    case = Case().add(1000, conn)
    got = capture(case, "--mode", "intercept")
    yield "capture: answered", None if got["classes"] == [CAPS_, NEXT_] and not got["dropped"] else f"{got}"
    conn = from_ca(Conn().send(-1, flags=SYN), SYN | ACK).send(0).send(0, CAPS).send(SIZE, NEXT, ack=19)
    got = capture(Case().add(1000, conn), "--mode", "intercept")
    yield "capture: not answered", None if got["classes"] == [CAPS_] and got["dropped"] == [4] else f"{got}"
    case = Case()
    for _ in range(3):
        conn = from_ca(Conn().send(-1, flags=SYN), SYN | ACK).send(0).send(0, NEXT)
        case.add(1000, from_ca(conn, ACK | PSH, b"HTTP/1.0 404 No\r\n\r\n", ack=SIZE, seq=1).send(SIZE, ack=19))
    got = capture(case, "--mode", "intercept")
    yield "capture: refused and asked again", None if got["classes"] == [NEXT_] * 3 and not got["dropped"] else f"{got}"
    conn = from_ca(Conn().send(-1, flags=SYN), RST | ACK)
    got = capture(Case().add(1000, conn), "--mode", "intercept")
    yield "capture: refused", None if got["classes"] == ["none"] and not got["dropped"] else f"{got}"
    conn = from_ca(Conn(), ACK | PSH, b"HTTP/1.0 200 OK\r\n\r\n", seq=1).send(0, CAPS, ack=19)
    got = capture(Case().add(1000, conn), "--mode", "intercept")
    yield "capture: in mid-life, the CA first", None if got["classes"] == [CAPS_] and not got["dropped"] else f"{got}"
    conn = Conn().send(0, CAPS, ack=19)
    got = capture(Case().add(1000, from_ca(conn, ACK | PSH, b"HTTP/1.0 200", ack=SIZE, seq=20)), "--mode", "intercept")
    yield "capture: in mid-life", None if got["dropped"] == [0] else f"{got}"
    conn = Conn().open().send(0, CAPS)
    got = capture(Case().add(1000, conn), "--mode", "intercept")
    yield "capture: one side", None if got["classes"] == [CAPS_] and not got["dropped"] else f"{got}"


def emptied():
    """One case leaves nothing to the next: the same verdicts in any order, and one at a time."""
    cases = [json.dumps({"id": n, "packets": [f.hex() for f in conn.frames], "to_ca": True}) + "\n"
             for n, (_, conn, _) in enumerate(random_scripts(300, 77))]
    alone = {n: classify(cases[n])[0] for n in range(0, len(cases), 30)}
    shuffled = random.Random(5).sample(cases, len(cases)) * 2
    found = {}
    for got in classify("".join(cases + shuffled)):
        found.setdefault(got["id"], []).append(got)
    differ = [n for n, all_of in found.items() if any(one != all_of[0] for one in all_of)]
    differ += [n for n, one in alone.items() if one != found[n][0]]
    yield "the same in any order", f"cases {differ[:9]}" if differ or len(found) != len(cases) else None


def command_line():
    for words, status in ((["--mode", "observe"], 2), (["--mode", ""], 2), (["--mode"], 2), (["--mode", "police"], 0),
                          (["--mode", "intercept"], 0)):
        run = subprocess.run([PROGRAM, "classify", "--jsonl", *words], input="", capture_output=True, text=True,
                             timeout=60, check=False)
        good = run.returncode == status and (bool(run.stderr) == bool(status))
        yield f"classify {' '.join(words)}", None if good else f"status {run.returncode}, {run.stderr}"


def main():
    if os.geteuid():
        print("SKIPPED all: needs root")
        print("test-classify-intercept: 0 passed, 0 failed, 1 skipped")
        return 0
    passed = failed = 0
    wanted = functools.partial(all_at_once, door, order, requests, cookies)
    for group in (wanted, to_the_ca, captures, emptied, command_line):
        for name, wrong in group():
            passed, failed = passed + (not wrong), failed + bool(wrong)
            if wrong:
                print(f"not ok {name}: {wrong[:600]}")
    print(f"test-classify-intercept: {passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
