#!/usr/bin/env python3
"""Classifies the corpus' frames with the native request-line reader (no kernel, no root).

usage: classify_native.py PROGRAM < cases.jsonl > verdicts.jsonl

PROGRAM is build/corpus/classify_lines. Speaks what the corpus' runner expects of a batch command.
Takes the client's bytes in sequence order only, one class for each connection, as the guard does:
the acknowledgements in these frames never advance, so no second request begins.
"""
import json
import struct
import subprocess
import sys

ETH_VLAN = (0x8100, 0x88A8)
SYN, TCP = 0x02, 6


def tcp_of(frame):
    """(flags, sequence number, payload) of a TCP frame, None for any other."""
    at = 12
    kind, = struct.unpack_from(">H", frame, at)
    while kind in ETH_VLAN:
        at += 4
        kind, = struct.unpack_from(">H", frame, at)
    at += 2
    if kind == 0x0800 and frame[at + 9] == TCP:
        total, = struct.unpack_from(">H", frame, at + 2)
        end, at = at + total, at + (frame[at] & 15) * 4
    elif kind == 0x86DD and frame[at + 6] == TCP:
        total, = struct.unpack_from(">H", frame, at + 4)
        end, at = at + 40 + total, at + 40
    else:
        return None
    sequence, = struct.unpack_from(">I", frame, at + 4)
    return frame[at + 13], sequence, frame[at + (frame[at + 12] >> 4) * 4:end]


def in_order(packets):
    """Payloads as they arrive, without what was there before; a gap waits for its resending."""
    expected = None
    for packet in packets:
        found = tcp_of(bytes.fromhex(packet))
        if not found:
            continue
        flags, sequence, payload = found
        if flags & SYN:
            expected = (sequence + 1) & 0xFFFFFFFF
            continue
        if expected is None or not payload:
            continue
        skip = (expected - sequence) & 0xFFFFFFFF
        if skip < len(payload):
            expected = (expected + len(payload) - skip) & 0xFFFFFFFF
            yield payload[skip:]


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    cases = [json.loads(line) for line in sys.stdin]
    text = "".join(" ".join(p.hex() for p in in_order(c["packets"])) + "\n" for c in cases)
    run = subprocess.run([sys.argv[1]], input=text, capture_output=True, text=True, check=True)
    for case, label in zip(cases, run.stdout.splitlines(), strict=True):
        print(json.dumps({"id": case["id"], "classes": [label]}))


if __name__ == "__main__":
    main()
