"""What `scepguard classify` says, and what an HTTP reader that shares nothing with the guard makes of what a server
got.
"""
import http.server
import io
import json
import struct
import subprocess
import tempfile
import urllib.parse

from corpus_classes import PROGRAM, RANK, USEFUL, class_of


class Reader(http.server.BaseHTTPRequestHandler):
    """Reads one request with its body from a stream, and answers nobody."""

    def __init__(self, stream):
        self.rfile, self.wfile, self.read_well = stream, io.BytesIO(), False
        self.client_address, self.request_version, self.headers = ("", 0), "", None
        self.raw_requestline = self.rfile.readline(65537)
        if self.raw_requestline.endswith(b"\n"):
            self.read_well = self.parse_request()
        if self.read_well and self.headers:
            length = self.headers.get("Content-Length", "0")
            self.rfile.read(int(length) if length.isdigit() else 0)

    def log_message(self, *_):
        pass


def requests_of(stream):
    """Classes of the requests in a stream; of several operations the least useful counts."""
    stream, size, classes = io.BytesIO(stream), len(stream), []
    while stream.tell() < size:
        at = stream.tell()
        if stream.readline() in (b"\n", b"\r\n"):  # empty lines before a request are skipped (RFC 9112, 2.2)
            continue
        stream.seek(at)
        reader = Reader(stream)
        if not reader.read_well:
            return classes + ["undecided"] * bool(reader.raw_requestline.strip())
        query = urllib.parse.urlsplit(reader.path).query
        values = [v for k, v in urllib.parse.parse_qsl(query, True) if k == "operation"] or [""]
        classes.append(min((class_of(reader.command, v) for v in values), key=RANK.get))
    return classes


def classify(text, *options):
    run = subprocess.run([PROGRAM, "classify", "--jsonl", *options], input=text,
                         capture_output=True, text=True, timeout=120, check=True)
    return [json.loads(line) for line in run.stdout.splitlines()]


def lines(cases, **more):
    return "".join(json.dumps({"id": n, "packets": [f.hex() for f in c.frames], **more}) + "\n"
                   for n, c in cases)


def tricked(said, streams):
    """The first useful class that is more than what the server read; None if there is none."""
    read = [c for stream in streams for c in requests_of(stream)]
    at = 0
    for i, name in enumerate(said):
        if RANK[name] < USEFUL:
            continue
        if "undecided" in read[:i]:
            break  # what a server does behind a malformed request is its own affair
        # Of several connections the guard may have missed one: then the order is what counts.
        at = i if len(streams) < 2 else max(at, i)
        while len(streams) > 1 and at < len(read) and read[at] != name:
            at += 1
        if at >= len(read) or read[at] != name:
            return f"tricked: {' '.join(said)}, a server reads {' '.join(read) or 'nothing'}"
    if len([c for c in read if c != "undecided"]) > len(said) and "undecided" not in said and any(
            RANK[c] >= USEFUL for c in said):
        return f"missed one: {' '.join(said)}, a server reads {' '.join(read)}"
    return None


def run_capture(path, *options):
    return subprocess.run([PROGRAM, "classify", "--pcap", path, *options], capture_output=True, text=True,
                          timeout=60, check=True).stdout


def classify_capture(frames, *options):
    """{client's port: classes} from both sides, and the indexes of frames that would be dropped."""
    with tempfile.NamedTemporaryFile(suffix=".pcap") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for i, frame in enumerate(frames):
            file.write(struct.pack("<IIII", 1 + i // 10000, i % 10000 * 100, len(frame), len(frame)) + frame)
        file.flush()
        text = run_capture(file.name, *options)
        dropped = json.loads(run_capture(file.name, "--json", *options))["dropped"]
    found = {}
    for who, _, name in (line.rpartition(" ") for line in text.splitlines()):
        if name in RANK:
            found.setdefault(int(who.strip().rpartition(":")[2]), []).append(name)
    return found, dropped
