#!/usr/bin/env python3
"""`scepguard classify` against real HTTP servers: each request goes, byte for byte, to the guard and to all
of them. The guard must never call a request more useful than any of them reads it that accepts it, nor see
fewer requests; what real clients send, all must read alike. Root; prints `ok KIND`, `not ok KIND REASON`.

usage: test_readers.py [--table] [--cautious] [KIND...]
"""
import json
import multiprocessing
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from queue import Empty

sys.path.insert(0, str(Path(__file__).parent))
import http_lines  # noqa: E402
import http_readers  # noqa: E402
from corpus_classes import PROGRAM, RANK, USEFUL, class_of  # noqa: E402
from corpus_conn import Conn  # noqa: E402

SEGMENT = 1400
SHOWN = 12


def frames_of(turns):
    """A client's packets: it acknowledges an answer before each turn but the first."""
    conn, at = Conn().open(), 0
    for turn, data in enumerate(turns):
        for start in range(0, len(data), SEGMENT):
            conn.send(at + start, data[start:start + SEGMENT], ack=500 * turn)
        at += len(data)
    return [frame.hex() for frame in conn.frames]


def guard_classes(cases, mode="police"):
    """[(id, turns)] -> {id: classes}."""
    text = "".join(json.dumps({"id": case, "packets": frames_of(turns)}) + "\n" for case, turns in cases)
    run = subprocess.run([PROGRAM, "classify", "--jsonl", "--mode", mode], input=text, capture_output=True,
                         text=True, check=True, timeout=120)
    return {got["id"]: got["classes"] for got in map(json.loads, run.stdout.splitlines())}


def readings(reader, raw, perl):
    """[(method, [class])] of the requests a server accepted: a class for each way to look for operations."""
    found = http_readers.accepted_by_go(raw) if reader.startswith("go") else http_readers.accepted(raw)
    result = []
    for method, values in found:
        operations = []
        for value in values:
            if value.startswith(b"="):
                operations.append(http_readers.decoded(value[1:]))
            elif value.startswith(b"?"):
                operations += http_readers.from_query(value[1:])
                operations += (perl or {}).get(value[1:], [])
        result.append((method, [class_of(method, o) for o in operations]))
    return result


def lower(method, guard, read):
    """Is what the server read less useful than what the guard says? Method '?': it does not tell."""
    if method == "?" and guard.startswith("PKIOperation") and read.startswith("PKIOperation"):
        return False
    return RANK[read] < RANK[guard]


def complaint(guard, requests):
    """What is wrong with the guard's classes beside what one server read; None if nothing."""
    for i, (method, classes) in enumerate(requests):
        if i >= len(guard):
            # What is sent behind an undecided request before its answer counts as one with it.
            if classes and guard[-1] != "undecided":
                return f"a request {i + 1}: {classes[0]}"
            continue
        for read in classes:
            if RANK[guard[i]] >= USEFUL and lower(method, guard[i], read):
                return f"{read}{f' in request {i + 1}' if i else ''}"
    return None


class Judge:
    """One kind's cases against all readers."""

    def __init__(self, guard, answers, perl):
        self.guard, self.answers, self.perl = guard, answers, perl
        self.counts = Counter()

    def read_by(self, reader, case):
        requests = readings(reader, self.answers[reader].get(case, b""), self.perl)
        if reader.startswith("go") and "GetCACertChain" in self.guard[case]:
            return []  # scepserver answers it as any operation it does not know
        return requests

    def invented(self, case, found):
        """A useful request beyond what every server read that accepted any: a connection that was kept for it."""
        most = max((len(requests) for requests in found.values() if requests), default=None)
        if most is None:
            return
        for i, name in enumerate(self.guard[case]):
            if i >= most and RANK[name] >= USEFUL:
                yield f"{case}: {' '.join(self.guard[case])}, but request {i + 1} no server reads"

    def wrong(self, case, known):
        """All that is wrong with one case."""
        guard = self.guard[case]
        found = {r: self.read_by(r, case) for r in self.answers}
        for reader, requests in found.items():
            self.counts[reader] += any(classes for _, classes in requests)
            reason = complaint(guard, requests)
            if reason:
                yield f"{case}: {' '.join(guard)}, but {reader} reads {reason}"
        yield from self.invented(case, found)
        self.note_caution(case, guard, found)
        if known is None:
            return
        known = known if isinstance(known, list) else [known]
        if guard[:len(known)] != known:
            yield f"{case}: {' '.join(guard)} instead of {' '.join(known)}"
        if not any(classes for requests in found.values() for _, classes in requests):
            yield f"{case}: no server accepts it"

    def note_caution(self, case, guard, found):
        """Where the guard is more careful than need be: all servers agree, and it says less."""
        first = [requests[0][1] for requests in found.values() if requests and requests[0][1]]
        classes = {c for read in first for c in read}
        if len(first) == len(found) and len(classes) == 1 and RANK[classes.pop()] > max(
                RANK[guard[0]], USEFUL - 1):
            self.counts["cautious"] += 1
            if "--cautious" in sys.argv:
                print(f"    cautious: {case}: {' '.join(guard)}, all read {' '.join(first[0][:1])}")


def table(cases, judge):
    """Requests that the servers read differently."""
    for case, turns in cases:
        seen = {}
        for reader in judge.answers:
            requests = judge.read_by(reader, case)
            text = " + ".join("/".join(dict.fromkeys(c)) or "refused" for _, c in requests) or "silent"
            seen.setdefault(text, []).append(reader)
        if len(seen) > 1:
            print(f"{case} {turns[0][:70]!r}\n    guard: {' '.join(judge.guard[case])}")
            for text, readers in seen.items():
                print(f"    {text}: {', '.join(readers)}")


def begins(data):
    """Can the first byte begin a request? The front door lets nothing else in (bpf/ask.bpf.h)."""
    return data[:1].isalpha() and data[:1].isascii() or data[:1] in (b"\r", b"\n")


def read_alike(cases, judge):
    """What intercept makes of the requests otherwise than police. What cannot begin one it does not read at all."""
    found = guard_classes(cases, "intercept")
    for case, turns in cases:
        expected = judge.guard[case] if begins(turns[0]) else ["undecided"]
        if found[case] != expected:
            yield f"{case}: {' '.join(found[case])} in intercept instead of {' '.join(expected)}"


def ask_servers(cases, queue):
    """In a process of its own: it moves into a network namespace."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    http_readers.end_with_parent()
    with http_readers.Servers() as servers:
        queue.put((servers.ask(cases), servers.missing))
        if servers.died:
            print("servers that a request killed (started again):", servers.died, flush=True)


def wait_for(process, queue):
    """What the process put; an error when it ended without."""
    while True:
        try:
            return queue.get(timeout=1)
        except Empty:
            if not process.is_alive():
                raise RuntimeError("the process with the servers died") from None


def collect(cases):
    queue = multiprocessing.Queue()
    process = multiprocessing.Process(target=ask_servers, args=(cases, queue))
    process.start()
    guard = guard_classes(cases)
    try:
        answers, missing = wait_for(process, queue)
    finally:
        process.join(10)
        process.terminate()
    queries = {value[1:] for by_case in answers.values() for raw in by_case.values()
               for _, values in http_readers.accepted(raw) for value in values if value[:1] == b"?"}
    perl = http_readers.perl_queries(queries)
    return Judge(guard, answers, perl), missing + ([] if perl else ["CGI.pm"])


def report(cases, judge):
    """Prints a line for each kind. Returns (passed, failed)."""
    kinds = {}
    for kind, case, _, known in cases:
        kinds.setdefault(kind, []).append((case, known))
    failed = 0
    for kind, members in kinds.items():
        reasons = [reason for case, known in members for reason in judge.wrong(case, known)]
        for reason in reasons[:SHOWN]:
            print(f"    {reason}")
        name = f"{kind.replace('_', ' ')} ({len(members)} requests, {len(judge.answers)} servers)"
        print(f"not ok {name}: {len(reasons)} wrong" if reasons else f"ok {name}")
        failed += bool(reasons)
    return len(kinds) - failed, failed


def main():
    if os.geteuid():
        print("SKIPPED all: needs root\ntest-readers: 0 passed, 0 failed, 1 skipped")
        return 0
    wanted = [word for word in sys.argv[1:] if not word.startswith("-")]
    cases = [(k, f"{k}: {n}", t, c) for k, n, t, c in http_lines.all_cases() if not wanted or k in wanted]
    judge, missing = collect([(case, turns) for _, case, turns, _ in cases])
    passed, failed = report(cases, judge)
    alike = list(read_alike([(case, turns) for _, case, turns, _ in cases], judge))
    print(*(f"    {reason}" for reason in alike[:SHOWN]), sep="\n", end="\n" if alike else "")
    print(f"not ok intercept reads alike: {len(alike)} otherwise" if alike else
          f"ok intercept reads alike ({len(cases)} requests)")
    passed, failed = passed + (not alike), failed + bool(alike)
    if "--table" in sys.argv:
        table([(case, turns) for _, case, turns, _ in cases], judge)
    for name in missing:
        print(f"SKIPPED reader {name}: not installed (scripts/install-deps.sh)")
    print("requests accepted: " + ", ".join(f"{r} {judge.counts[r]}" for r in judge.answers) +
          f"; {judge.counts['cautious']} of {len(cases)} could have been called more useful")
    print(f"test-readers: {passed} passed, {failed} failed, {len(missing)} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
