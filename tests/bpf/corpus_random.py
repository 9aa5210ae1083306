"""Random scripts of segments, always the same ones: several ways to show the guard another request at once, mostly
out of slices of two lines of one length that ask for different things.
"""
import random

from corpus_cases import CAPS, CERT, NEXT, SIZE
from corpus_conn import ACK, FIN, PSH, RST, SYN, TIME, URG, Conn

SEED, SCRIPTS = 793, 900
SEGMENTS = (2, 9)


def flawed(r, conn):
    """Arguments for a segment that some receivers do not take, or not as it is."""
    return r.choice((
        {}, {}, {}, {"bad_sum": True}, {"bad_ip": True} if conn.version == 4 else {"bad_sum": True},
        {"ack": r.choice((1, 500, 70000, -1, -500, -70000))}, {"flags": 0}, {"flags": PSH},
        {"flags": ACK | URG, "urgent": r.randint(0, 9)}, {"flags": ACK | FIN}, {"flags": SYN},
        {"flags": ACK | SYN}, {"stamp": TIME + r.choice((-500, -1, 0, 1, 500))}, {"partial": True},
        {"options": r.choice((b"\x01" * 4, bytes([7, 2, 0, 0])))} if conn.version == 4 else {},
        {"offset": r.choice((4, 6, 15))}, {"longer": r.choice((-5, 5))}, {"trailer": b"GET /" * 9},
        {"fragment": r.choice((0x2000, 1))} if conn.version == 4 else {}))


def slice_of(r, conn):
    """Sends a part of a line at its place, or near it."""
    start = r.choice((0, 0, 0, r.randint(0, SIZE - 1)))
    end = r.choice((SIZE, SIZE, r.randint(start + 1, SIZE)))
    data = r.choice((CAPS, NEXT, CAPS, NEXT, CERT))[start:end]
    at = start + r.choice((0,) * 12 + (-1, 1, -20, 70000))
    conn.send(at, data, **flawed(r, conn))


def control(r, conn):
    """A segment without a line in it."""
    at = r.choice((0, 0, 1, 20, SIZE, SIZE, -1, 100, 900000))
    flags = r.choice((RST, RST | ACK, FIN | ACK, ACK, ACK, SYN))
    conn.send(-1 if flags == SYN else at, flags=flags, **r.choice(({}, {}, {"bad_sum": True}, {"ack": 999})))


def reopen(r, conn):
    """The same ports again, the sequence number far away, near or the same."""
    conn.isn = (conn.isn + r.choice((0, 1, 1000, 1 << 20, 1 << 31))) & 0xFFFFFFFF
    conn.open()


def script(r):
    conn = Conn(r.choice((4, 4, 4, 6)), isn=r.choice((0x1000, 0xFFFFFFF0, 0xFFFFFFFF, 0x7FFFFFE0)),
                stamps=r.random() < 0.4)
    conn.open(r.choice((b"",) * 9 + (CAPS[:10], NEXT)))
    for _ in range(r.randint(*SEGMENTS)):
        kind = r.random()
        if kind < 0.78:
            slice_of(r, conn)
        elif kind < 0.93:
            control(r, conn)
        elif kind < 0.96:
            reopen(r, conn)
        else:
            conn.answer(500)
    # What is still missing comes in the end, so that the server has a whole line to read.
    ending = r.choice((CAPS, NEXT, NEXT))
    conn.send(0, ending)
    if r.random() < 0.3:
        conn.answer(500).send(SIZE, r.choice((CAPS, NEXT)), ack=500)
    return conn


def random_scripts(count=SCRIPTS, seed=SEED):
    r = random.Random(seed)
    for i in range(count):
        yield f"script {i}", script(r), False
