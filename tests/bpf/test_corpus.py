#!/usr/bin/env python3
"""`scepguard classify` against Linux's own TCP and an HTTP reader that shares nothing with the guard, and
against what no honest caller sends. Root; prints `ok NAME`, `not ok NAME REASON`, then the counts.
"""
import http.server
import io
import json
import os
import subprocess
import sys
import time
import urllib.parse
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import corpus_cases  # noqa: E402
import linux_tcp  # noqa: E402

TOP = Path(__file__).resolve().parents[2]
PROGRAM = TOP / "build/scepguard"
USEFUL = {"GetCACaps", "GetCACert", "GetCACertChain", "PKIOperation-GET", "PKIOperation-POST"}
QUIET = {"none", "ignored", "undecided"}
LONG_LINE = 17 << 20
# Kinds that the guard must not only not be tricked by, but get right.
DECISIVE = ("requests: target", "requests: cut", "requests: next", "insertions: bad",
            "insertions: stamps", "insertions: useful", "lower_layers: IPv4 options",
            "lower_layers: 1", "lower_layers: 2", "lower_layers: 3", "lower_layers: 4",
            "lower_layers: IPv6")
# What readers differ about is undecided on purpose (docs/decisions/0011).
DOUBTFUL = {"requests: target: in the fragment": "undecided"}
OPERATIONS = USEFUL | {"GetNextCACert"}


class Reader(http.server.BaseHTTPRequestHandler):
    """Reads one request line and head, and answers nobody."""

    def __init__(self, stream):
        self.rfile, self.wfile, self.read_well = io.BytesIO(stream), io.BytesIO(), False
        self.client_address, self.request_version = ("", 0), ""
        self.raw_requestline = self.rfile.readline(65537)
        if self.raw_requestline.endswith(b"\n"):
            self.read_well = self.parse_request()

    def log_message(self, *_):
        pass


def read_class(stream):
    """(class of the first request, whether any reading of it asks for GetNextCACert)."""
    reader = Reader(stream)
    if not reader.read_well:
        return "undecided", False
    query = urllib.parse.urlsplit(reader.path).query
    values = [v for k, v in urllib.parse.parse_qsl(query, True) if k == "operation"]
    if not values:
        return "not-SCEP", False
    if "GetNextCACert" in values:
        return "GetNextCACert", True
    value = f"PKIOperation-{reader.command}" if values[0] == "PKIOperation" else values[0]
    return value if value in OPERATIONS else "other-SCEP", False


def classify(text, *options):
    run = subprocess.run([PROGRAM, "classify", "--jsonl", *options], input=text,
                         capture_output=True, text=True, timeout=120, check=True)
    return [json.loads(line) for line in run.stdout.splitlines()]


def lines(cases):
    return "".join(json.dumps({"id": n, "packets": [f.hex() for f in c.frames]}) + "\n"
                   for n, c in cases)


def judge(name, got, stream):
    """What is wrong with a verdict; None if nothing."""
    best, asks_next = read_class(stream)
    if "error" in got:
        return got["error"]
    first = got["classes"][0]
    if first in USEFUL and first != best:
        return f"tricked: {first}, a server reads {best} in {stream[:60]}"
    if asks_next and first in USEFUL:
        return f"tricked: {first}"
    if name.startswith(DECISIVE) and first not in (best, DOUBTFUL.get(name)):
        return f"{first} instead of {best}"
    # A SYN on a connection that is open may be held back.
    if got["dropped"] and name != "insertions: second SYN":
        return f"dropped {got['dropped']} with idle limits"
    return None


def against_linux():
    stack = linux_tcp.Stack()
    cases = list(corpus_cases.all_cases())
    verdicts = {v["id"]: v for v in classify(lines(cases))}
    for name, conn in cases:
        stream = stack.delivered(conn.packets, corpus_cases.CA_ISN)
        yield name, judge(name, verdicts[name], stream)


def second_requests():
    """The client's ACK number tells where an answer was."""
    c = corpus_cases.Conn().open()
    c.send(0, corpus_cases.CAPS).send(len(corpus_cases.CAPS), corpus_cases.NEXT, ack=500)
    got = classify(lines([("second", c)]))[0]["classes"]
    yield "second request", None if got == ["GetCACaps", "GetNextCACert"] else f"{got}"
    c = corpus_cases.Conn().open().send(0, corpus_cases.CAPS + corpus_cases.NEXT)
    got = classify(lines([("pipelined", c)]))[0]["classes"]
    yield "pipelined", None if got == ["GetCACaps", "undecided"] else f"{got}"


HOSTILE = [
    ("not JSON", "{"), ("a list", "[1, 2]"), ("no packets", '{"id": "x"}'), ("null", "null"),
    ("packets no list", '{"id": "x", "packets": "00"}'), ("a number", '{"id": "x", "packets": [1]}'),
    ("odd hex", '{"id": "x", "packets": ["abc"]}'), ("no hex", '{"id": "x", "packets": ["zz"]}'),
    ("too long", '{"id": "x", "packets": ["' + "00" * 4000 + '"]}'),
    ("far too long", '{"id": "x", "packets": ["' + "00" * 400000 + '"]}'),
    ("deep", '{"id": "x", "packets": ' + "[" * 100000 + "]" * 100000 + "}"),
    ("cut", '{"id": "x", "packets": ["00'), ("bad UTF-8", '{"id": "x", "packets": ["\udcff"]}'),
    ("NUL", '{"id": "x", "packets": ["\\u0000"]}'), ("huge", '{"id": "' + "x" * LONG_LINE + '"}'),
]


def hostile():
    good = lines([("good", corpus_cases.Conn().open().send(0, corpus_cases.CAPS))])
    text = "".join(line + "\n" + good for _, line in HOSTILE)
    run = subprocess.run([PROGRAM, "classify", "--jsonl"], capture_output=True, timeout=60,
                         input=text.encode("utf-8", "surrogateescape"), check=False)
    answers = [json.loads(line) for line in run.stdout.splitlines()]
    if run.returncode or len(answers) != 2 * len(HOSTILE):
        yield "hostile lines", f"status {run.returncode}, {len(answers)} answers"
        return
    for (name, line), answer, after in zip(HOSTILE, answers[::2], answers[1::2], strict=True):
        wrong = None
        if "error" not in answer:
            wrong = f"no error but {answer}"
        elif line.startswith('{"id": "x", ') and answer["id"] != "x":
            wrong = f"id {answer['id']}"
        elif after.get("classes") != ["GetCACaps"]:
            wrong = f"the next line came out as {after}"
        yield f"hostile: {name}", wrong
    odd = classify('{"id": 7, "packets": ["", "00", "' + "ff" * 13 + '", "' + "ff" * 14 + '", "' +
                   "ff" * 3520 + '"]}\n{"id": 8, "packets": []}\n')
    right = [v["classes"] == ["ignored"] and v["dropped"] == [] for v in odd]
    yield "hostile: odd sizes", None if right == [True, True] else f"{odd}"


def speed():
    case = lines([("x", corpus_cases.Conn().open().send(0, corpus_cases.CAPS))])
    begun = time.monotonic()
    got = classify(case * 1000)
    took = time.monotonic() - begun
    yield "1000 cases", None if took < 5 and len(got) == 1000 else f"{len(got)} in {took:.1f} s"


def public_suites():
    corpus = Path(os.environ.get("CORPUS", TOP / "../shared/corpus"))
    if not (corpus / "run.py").exists():
        print("SKIPPED public suites: no corpus (set CORPUS=)")
        return
    run = subprocess.run([sys.executable, corpus / "run.py", "--batch",
                          f"{PROGRAM} classify --jsonl"], capture_output=True, text=True, check=False)
    print("\n".join(run.stdout.splitlines()[-3:]))
    yield "public suites", None if not run.returncode else run.stdout[-600:]


def main():
    if os.geteuid():
        print("SKIPPED all: needs root")
        print("test-corpus: 0 passed, 0 failed, 1 skipped")
        return 0
    passed = failed = 0
    for group in (hostile, speed, second_requests, public_suites, against_linux):
        for name, wrong in group():
            passed, failed = passed + (not wrong), failed + bool(wrong)
            if wrong:
                print(f"not ok {name}: {wrong}")
    print(f"test-corpus: {passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
