"""`scepguard classify --mode intercept` against Linux's own TCP, which gets what the program lets through: the SYN that
it makes, the first segment with its acknowledgement, and later segments in the CA's numbers. Where intercept reads a
case otherwise than police by what it is, that is stated here, and must be so.
"""
import struct
from collections import namedtuple

from corpus_conn import CA_ISN
from corpus_judge import classify, classify_capture, lines, requests_of, tricked
from linux_tcp import checksum_moved

MODE = ("--mode", "intercept")
STORED = 1530  # longest frame that the guard keeps as a first segment (SG_FRAME_MAX)
SYN, ACK = 2, 16

# which: is it this row's case (name, Conn)? classes: None = what the server reads. dropped: indexes of frames.
Row = namedtuple("Row", "why which classes dropped")


def too_long(_, conn):
    return len(conn.frames[2]) > STORED


def not_sound(name, conn):
    """The first segment is wrong or only begun, and a good one follows at its place."""
    return conn.frames[3:] and not name.startswith(("in the middle", "of the SYN"))


def odd_ip(conn):
    """Is the third packet one with IP options or extension headers?"""
    packet = next(step for step in conn.steps[2:] if not isinstance(step, int))[1]
    return packet[:1] != b"\x45" if packet[0] >> 4 == 4 else packet[6] != 6


SUMS = Row("wrong for every receiver: it gets no further than the guard", not_sound, None, [2])
OPTIONS = "packets with IP options, extension headers and fragments to a service are dropped"
OPTIONS_ROWS = [
    Row(OPTIONS + ", so the next counts", lambda name, conn: name.endswith(", then next") and odd_ip(conn),
        ["GetNextCACert"], [2]),
    Row(OPTIONS + ", so the useful counts", lambda name, conn: name.endswith(" on next") and odd_ip(conn),
        ["GetCACaps"], [2]),
    Row(OPTIONS, lambda _, conn: odd_ip(conn), ["undecided"], [2]),
]
LONG = "a first segment longer than Ethernet's 1500 bytes is not stored, and so not admitted"
DECISIVE = {
    "bad_checksums": [SUMS],
    "odd_but_honest": [Row(LONG, lambda name, _: name == "segments of 1460, IPv6", ["undecided"], [2, 3, 4])],
    "long_segments": [SUMS, Row(LONG, too_long, ["undecided"], [2])],
    "ipv4_options": OPTIONS_ROWS,
    "ipv6_chains": OPTIONS_ROWS,
    "lying_lengths": [Row("a segment without ACK proves nothing", lambda name, _: name == "no flags at all", None,
                          [2])],
}
# Of the cases in which no class is the only right one: in how many something is dropped (None: in some), and why.
DROPPING = {
    "out_of_order": (1, "bytes from before the first are not passed on"),
    "overlaps": (1, "once in 64 times what is not the first segment passes for it: its connection cannot go on"),
    "wrong_acks": (47, "the ACK number is the proof"),
    "ipv4_options": (101, OPTIONS),
    "fragments": (85, OPTIONS),
    "ipv6_chains": (175, OPTIONS),
    "lying_lengths": (18, "of a length that lies the checksum is wrong"),
    "doubtful_heads": (18, OPTIONS + "; wrong ACK numbers are none of this connection"),
    "random_scripts": (None, "all of the above"),
}


def row_of(kind, name, conn):
    return next((row for row in DECISIVE.get(kind, ()) if row.which(name, conn)), None)


def judged(got, streams, direct, decisive, row):
    """What is wrong with a verdict; None if nothing. direct: what the server reads without a guard."""
    if "error" in got:
        return got["error"]
    reason = tricked(got["classes"], streams)
    if reason or not decisive:
        return reason
    read = [c for stream in streams for c in requests_of(stream)] or ["none"]
    if row and row.classes:
        if read != (["none"] if row.classes == ["undecided"] else row.classes):
            return f"the server reads {' '.join(read)}, expected {' '.join(row.classes)}"
        read = row.classes
    elif streams != direct:
        return f"the server reads {streams}, without a guard {direct}"
    if got["classes"] != read:
        return f"{' '.join(got['classes'])} instead of {' '.join(read)}"
    dropped = row.dropped if row else []
    return None if got["dropped"] == dropped else f"dropped {got['dropped']} instead of {dropped}"


def moved_ack(step, by):
    """The frame with another ACK number."""
    frame, packet, tcp = step
    if tcp is None or len(packet) < tcp + 18 or not packet[tcp + 13] & ACK:
        return frame
    at = len(frame) - len(packet) + tcp
    ack, = struct.unpack_from(">I", frame, at + 8)
    old, = struct.unpack_from(">H", frame, at + 16)
    now, frame = (ack + by) & 0xFFFFFFFF, bytearray(frame)
    struct.pack_into(">I", frame, at + 8, now)
    struct.pack_into(">H", frame, at + 16, checksum_moved(old, ack, now))
    return bytes(frame)


def flags_of(packet):
    """TCP flags of a plain packet; 0: it is of another protocol."""
    if packet[0] >> 4 == 4:
        return packet[33] if packet[9] == 6 else 0
    return packet[53] if packet[6] == 6 else 0


def is_syn(step):
    _, packet, tcp = step
    return tcp is not None and len(packet) > tcp + 13 and packet[tcp + 13] & (SYN | ACK | 4) == SYN


def capture_of(steps, trace):
    """A capture of the case at the client, had it spoken to this CA. The SYN-ACK, which the CA behind the guard sends
    late, follows the SYN that it is for. Yields (index or None, frame)."""
    sent = [step for step in steps if not isinstance(step, int)]
    opened, at = {}, None
    for index, packet in trace:
        if packet is None:
            at = index if is_syn(sent[index]) else at
        elif at is not None and flags_of(packet) & (SYN | ACK) == SYN | ACK:
            opened.setdefault(at, packet)
    by = 0
    for index, packet in trace:
        if packet is None:
            yield index, moved_ack(sent[index], by)
            packet = opened.get(index)
            if packet is not None:
                by = struct.unpack_from(">I", packet, 24 if packet[0] >> 4 == 4 else 44)[0] - CA_ISN
        elif flags_of(packet) & (SYN | ACK) == SYN | ACK:
            continue
        if packet is not None:
            yield None, b"\2\0\0\0\0\2\2\0\0\0\0\1" + (b"\x08\0" if packet[0] >> 4 == 4 else b"\x86\xdd") + packet


def from_both_sides(cases, traces):
    """The verdict on each case in one capture of all."""
    frames, owner = [], {}
    for n, ((_, conn, _), trace) in enumerate(zip(cases, traces, strict=True)):
        for index, frame in capture_of(conn.steps, trace):
            owner[len(frames)] = n, index
            frames.append(frame)
    found, dropped = classify_capture(frames, *MODE)
    for n, (_, conn, _) in enumerate(cases):
        yield {"classes": found.get(conn.port, ["none"]),
               "dropped": [owner[i][1] for i in dropped if owner[i][0] == n and owner[i][1] is not None]}


def ports_again(cases):
    """Cases of one port cannot be told apart in one capture."""
    ports = [conn.port for _, conn, _ in cases]
    return {port for port in ports if ports.count(port) > 1}


def wrong(stack, kind, cases, direct):
    """All that is wrong with a kind. direct: what the server reads of each case without a guard."""
    verdicts = classify(lines(((name, conn) for name, conn, _ in cases), to_ca=True), *MODE)
    streams, traces, rows, found = [], [], set(), []
    for (_, conn, _), got in zip(cases, verdicts, strict=True):
        streams.append(stack.behind_guard(conn.steps, got.get("to_ca", ())))
        traces.append([(index, packet) for index, packet, clients in stack.marked if not clients])
        stack.trace.clear()
    again = ports_again(cases)
    sides = zip(cases, verdicts, from_both_sides(cases, traces), streams, direct, strict=True)
    for (name, conn, decisive), alone, both, read, plain in sides:
        row = row_of(kind, name, conn)
        rows.add(id(row))
        for side, got in (("", alone), (", from both sides", both)):
            if side and conn.port in again:
                continue
            if reason := judged(got, read, plain, decisive, row):
                found.append(f"intercept, {name}{side}: {reason}")
    dropping = sum(got["dropped"] != [] and not case[2] for case, got in zip(cases, verdicts, strict=True))
    expected, _ = DROPPING.get(kind, (0, ""))
    if expected is not None and dropping != expected:
        found.append(f"intercept: {dropping} cases with dropped frames instead of {expected}")
    return found + [f"intercept: no case is as stated: {row.why}" for row in DECISIVE.get(kind, ())
                    if id(row) not in rows]
