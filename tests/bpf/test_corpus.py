#!/usr/bin/env python3
"""`scepguard classify`, in police and in intercept, against Linux's own TCP and an HTTP reader that shares nothing
with the guard, and against what no honest caller sends. Root; prints `ok KIND`, `not ok KIND REASON`, then the
counts.

usage: test_corpus.py [KIND...]
"""
import functools
import json
import multiprocessing
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from queue import Empty

sys.path.insert(0, str(Path(__file__).parent))
import corpus_cases  # noqa: E402
import corpus_intercept  # noqa: E402
import corpus_layers  # noqa: E402
import corpus_random  # noqa: E402
import corpus_rest  # noqa: E402
import linux_tcp  # noqa: E402
from corpus_classes import PROGRAM  # noqa: E402
from corpus_conn import CA_ISN, Conn, number_ports  # noqa: E402
from corpus_judge import classify, classify_capture, lines, requests_of, tricked  # noqa: E402

TOP = Path(__file__).resolve().parents[2]
SKIPPED = "SKIPPED "  # in place of what is wrong: not looked at, for the reason behind it
LONG_LINE = 17 << 20
# The public cases in which one class is best, and in how many of them it must be given: one that is always undecided
# is never tricked.
DECISIVE_MIN, DECISIVE = 166, 178
SHOWN = 12
# SYNs on a connection that is open, and packets that hide their TCP header (docs/decisions/0008), may be held
# back: Linux does not get them either.
MAY_HOLD = ("flags", "port_reuse", "random_scripts", "fragments: tiny", "ipv6_chains: eight")


def judge(kind, name, got, streams, decisive):
    """What is wrong with a verdict; None if nothing."""
    if "error" in got:
        return got["error"]
    wrong = tricked(got["classes"], streams)
    if wrong:
        return wrong
    read = [c for stream in streams for c in requests_of(stream)]
    if decisive and got["classes"] != (read or ["none"]):
        return f"{' '.join(got['classes'])} instead of {' '.join(read) or 'none'}"
    if got["dropped"] and not f"{kind}: {name}".startswith(MAY_HOLD):
        return f"dropped {got['dropped']} with idle limits"
    return None


def capture_of(stack, steps, held):
    """Frames of both sides of the case just run, the client's with the tags they had."""
    sent = [step for step in steps if not isinstance(step, int)]
    heads = [step[0][:max(len(step[0]) - len(step[1]), 0)] for i, step in enumerate(sent) if i not in held]
    for packet, clients in stack.trace:
        head = b"\2\0\0\0\0\2\2\0\0\0\0\1" + (b"\x08\0" if packet[:1] < b"\x60" else b"\x86\xdd")
        yield (heads.pop(0) if clients else head) + packet
    stack.trace.clear()


def reopened(conn):
    """Is there a SYN in mid-connection? Who sees the client's side alone cannot know whether the server took it."""
    sent = [step[1][step[2] + 13:step[2] + 14] for step in conn.steps if not isinstance(step, int) and
            step[2] is not None]
    return b"\2" in sent[3:]


ALL_KINDS = corpus_cases.KINDS + corpus_layers.KINDS + corpus_rest.KINDS + (
    corpus_random.random_scripts, corpus_cases.hops_left)


def cases_of(kind):
    """The same ports each time, whatever other kinds there are: on them depends what a cookie looks like."""
    number_ports(1024 + 1500 * ALL_KINDS.index(kind))
    return list(kind())


def one_kind(stack, kind):
    """What is wrong in one kind, seen from the client's side alone and from both."""
    cases = cases_of(kind)
    verdicts = classify(lines((name, conn) for name, conn, _ in cases))
    frames, runs, wrong, direct = [], [], [], []
    for (name, conn, decisive), got in zip(cases, verdicts, strict=True):
        held = got.get("dropped", ())
        streams = stack.delivered(conn.steps, CA_ISN, held)
        direct.append(streams)
        first = len(frames)
        frames += capture_of(stack, conn.steps, held)
        runs.append((f"{name}, from both sides", conn.port, decisive, streams, range(first, len(frames))))
        if reopened(conn):
            continue
        if reason := judge(kind.__name__, name, got, streams, decisive):
            wrong.append(f"{name}: {reason}")
    found, dropped = classify_capture(frames)
    for name, port, decisive, streams, own in runs:
        held = [i - own.start for i in dropped if i in own]
        got = {"classes": found.get(port, ["none"]), "dropped": held}
        # What the guard holds back from here Linux has seen: nothing follows from that.
        if held and f"{kind.__name__}: {name}".startswith(MAY_HOLD):
            continue
        if reason := judge(kind.__name__, name, got, streams, decisive):
            wrong.append(f"{name}: {reason}")
    return len(cases), wrong + corpus_intercept.wrong(stack, kind.__name__, cases, direct)


def through_linux(kinds, routed, queue):
    """In a process of its own: what is wrong with which case of each kind."""
    stack = linux_tcp.Stack(routed)
    for kind in kinds:
        queue.put((kind.__name__, *one_kind(stack, kind)))
    queue.put(None)


def next_of(process, queue):
    while True:
        try:
            return queue.get(timeout=1)
        except Empty:
            if not process.is_alive():
                raise RuntimeError("the process with the stack died") from None


def against_linux(wanted):
    """(kind and number of cases, what is wrong) for each kind."""
    for routed, all_kinds in ((False, ALL_KINDS[:-1]), (True, ALL_KINDS[-1:])):
        some = [kind for kind in all_kinds if not wanted or kind.__name__ in wanted]
        queue = multiprocessing.Queue()
        process = multiprocessing.Process(target=through_linux, args=(some, routed, queue))
        process.start()
        while (found := next_of(process, queue)) is not None:
            name, count, wrong = found
            for reason in wrong[:SHOWN]:
                print(f"    {reason}")
            yield f"{name.replace('_', ' ')} ({count} cases, Linux TCP)", f"{len(wrong)} wrong" if wrong else None
        process.join()


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


def hostile(mode):
    good = lines([("good", Conn().open().send(0, corpus_cases.CAPS))])
    text = "".join(line + "\n" + good for _, line in HOSTILE)
    run = subprocess.run([PROGRAM, "classify", "--jsonl", "--mode", mode], capture_output=True, timeout=60,
                         input=text.encode("utf-8", "surrogateescape"), check=False)
    answers = [json.loads(line) for line in run.stdout.splitlines()]
    if run.returncode or len(answers) != 2 * len(HOSTILE):
        yield f"hostile lines, {mode}", f"status {run.returncode}, {len(answers)} answers"
        return
    for (name, line), answer, after in zip(HOSTILE, answers[::2], answers[1::2], strict=True):
        wrong = None
        if "error" not in answer:
            wrong = f"no error but {answer}"
        elif line.startswith('{"id": "x", ') and answer["id"] != "x":
            wrong = f"id {answer['id']}"
        elif after.get("classes") != ["GetCACaps"]:
            wrong = f"the next line came out as {after}"
        yield f"hostile, {mode}: {name}", wrong
    odd = classify('{"id": 7, "packets": ["", "00", "' + "ff" * 13 + '", "' + "ff" * 14 + '", "' +
                   "ff" * 3520 + '"]}\n{"id": 8, "packets": []}\n', "--mode", mode)
    right = [v["classes"] == ["ignored"] and v["dropped"] == [] for v in odd]
    yield f"hostile, {mode}: odd sizes", None if right == [True, True] else f"{odd}"


def speed(mode):
    case = lines([("x", Conn().open().send(0, corpus_cases.CAPS))])
    begun = time.monotonic()
    got = classify(case * 1000, "--mode", mode)
    took = time.monotonic() - begun
    yield f"1000 cases, {mode}, {took:.1f} s", None if took < 5 and len(got) == 1000 else f"{len(got)} in {took:.1f} s"


def public_suites(mode):
    corpus = Path(os.environ.get("CORPUS", TOP / "../shared/corpus"))
    if not (corpus / "run.py").exists():
        yield f"public suites, {mode}", SKIPPED + "no corpus beside the repository (set CORPUS=)"
        return
    run = subprocess.run([sys.executable, corpus / "run.py", "--batch",
                          f"{PROGRAM} classify --jsonl --mode {mode}"], capture_output=True, text=True, check=False)
    print("\n".join(run.stdout.splitlines()[-3:]))
    yield f"public suites, {mode}", None if not run.returncode else run.stdout[-600:]
    yield f"public suites, {mode}: decisive", indecision(run.stdout)


def indecision(text):
    """What is wrong with how often the best class was given; None if nothing."""
    found = re.search(r"best class given in (\d+) of (\d+) cases", text)
    if not found:
        return "the corpus does not say how often the best class was given"
    given, of = map(int, found.groups())
    return None if given >= DECISIVE_MIN and of >= DECISIVE else (
        f"best class in {given} of {of}, expected {DECISIVE_MIN} of {DECISIVE}")


def main():
    if os.geteuid():
        print("SKIPPED all: needs root")
        print("test-corpus: 0 passed, 0 failed, 1 skipped")
        return 0
    wanted, passed, failed, skipped = sys.argv[1:], 0, 0, 0
    groups = () if wanted else (hostile, speed, public_suites)
    both = [functools.partial(group, mode) for mode in ("police", "intercept") for group in groups]
    for name, wrong in (found for group in (*both, lambda: against_linux(wanted)) for found in group()):
        if wrong and wrong.startswith(SKIPPED):
            skipped += 1
            print(f"SKIPPED {name}: {wrong.removeprefix(SKIPPED)}", flush=True)
            continue
        passed, failed = passed + (not wrong), failed + bool(wrong)
        print(f"not ok {name}: {wrong}" if wrong else f"ok {name}", flush=True)
    print(f"test-corpus: {passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
