"""Real HTTP servers as readers: each is started on loopback in a network namespace of this process and
says which operation it reads in a request (tests/corpus/readers). Shares nothing with the guard.
"""
import asyncio
import ctypes
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse
from pathlib import Path

HERE = Path(__file__).resolve().parent
SETTINGS = HERE.parent / "corpus/readers"
MICROHTTPD = HERE.parents[1] / "build/corpus/reader_microhttpd"
CLONE_NEWNET, PR_SET_PDEATHSIG = 0x40000000, 1
LIBC = ctypes.CDLL(None, use_errno=True)
GO, PYTHON, PHP, MHD = 8008, 8009, 8010, 8011

# Name, port, program (None: started by the reader above), its arguments.
READERS = (
    ("nginx", 8001, "nginx", ["-p", ".", "-c", SETTINGS / "nginx.conf"]),
    ("haproxy", 8002, "haproxy", ["-db", "-q", "-f", SETTINGS / "haproxy.cfg"]),
    ("haproxy lenient", 8003, None, []),
    ("apache", 8004, "apache2", ["-D", "FOREGROUND", "-f", SETTINGS / "apache.conf"]),
    ("lighttpd", 8005, "lighttpd", ["-D", "-f", SETTINGS / "lighttpd.conf"]),
    ("node", 8006, "node", [SETTINGS / "reader.js"]),
    ("node lenient", 8007, None, []),
    ("go scepserver", GO, "scepserver", ["-depot", "depot", "-port", str(GO), "-challenge", "x",
                                         "-allowrenew", "0"]),
    ("python", PYTHON, "python3", [SETTINGS / "reader.py", str(PYTHON)]),
    ("php", PHP, "php", ["-q", "-S", f"127.0.0.1:{PHP}", SETTINGS / "reader.php"]),
    ("libmicrohttpd", MHD, str(MICROHTTPD), [str(MHD)]),
)

AT_ONCE = 24
# Longest silence that is waited out before the client's FIN, and after an answer's first bytes.
SILENT_S, ANSWERED_S = 0.8, 0.12
ANSWER = re.compile(rb"HTTP/1\.[01] (\d{3})|<<(.*?)>>", re.S)
REVIVALS = 5
# Not given to this server, for it dies of them (8.2: out of memory).
FATAL = {"php": [b"Content-Length: 9999999999"]}
# What scepserver answers in place of a marker (the middle one has a body of its own at 200).
GO_ANSWERS = re.compile(rb"HTTP/1\.[01] (\d{3}) [^\r]*\r\n(.*?)\r\n\r\n(.*?)(?=HTTP/1\.|\Z)", re.S)


def end_with_parent():
    """TERM for this process when its parent ends, however that ends."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Servers:
    """All readers that are installed; `with Servers() as servers`. Changes this process's network
    namespace for good. missing: names of those that are not here."""

    def __init__(self):
        self.processes, self.ports, self.missing = {}, {}, []
        self.directory, self.died = None, {}

    def __enter__(self):
        if LIBC.unshare(CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "cannot make a network namespace")
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        self.directory = Path(tempfile.mkdtemp(prefix="sg-readers-"))
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def start(self):
        here = False
        for name, port, program, arguments in READERS:
            here = bool(shutil.which(program)) if program else here
            if not here:
                self.missing.append(name)
                continue
            self.ports[name] = port
            if program == "scepserver":
                subprocess.run(["scepserver", "ca", "-init", "-depot", "depot"], check=True,
                               cwd=self.directory, capture_output=True)
            if program:
                self.run(name, program, arguments)
        for name, port in self.ports.items():
            self.wait(name, port)

    def run(self, name, program, arguments):
        self.processes[name] = subprocess.Popen(
            [program, *arguments], cwd=self.directory, stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=end_with_parent)

    def revive(self, name, case):
        """A server that a request has killed is started again; died counts how often that was."""
        process = self.processes.get(name)
        if process and process.poll() is not None:
            self.died.setdefault(name, []).append(case)
            self.run(name, *next(r[2:] for r in READERS if r[0] == name))
        self.wait(name, self.ports[name])

    @staticmethod
    def wait(name, port):
        deadline = time.monotonic() + 15
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError as error:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"reader '{name}' does not listen on {port}") from error
                time.sleep(0.05)

    def close(self):
        for process in self.processes.values():
            process.stdin.close()
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self.directory:
            shutil.rmtree(self.directory, ignore_errors=True)

    def ask(self, cases):
        """[(id, turns)] -> {reader: {id: raw answer}}; turns are bytes sent one after the other's answer."""
        return asyncio.run(self.ask_all(cases))

    async def talk(self, name, port, case, turns):
        for _ in range(REVIVALS):
            try:
                return await talk(port, turns)
            except ConnectionError:
                await asyncio.sleep(0.1)
                self.revive(name, case)
        raise ConnectionError(f"reader '{name}' takes no connections: last asked '{case}'")

    async def ask_all(self, cases):
        answers = {name: {} for name in self.ports}

        async def one(name, port, gate, case, turns):
            async with gate:
                if any(word in data for word in FATAL.get(name, ()) for data in turns):
                    return
                answers[name][case] = await self.talk(name, port, case, turns)

        gates = {name: asyncio.Semaphore(AT_ONCE) for name in self.ports}
        await asyncio.gather(*(one(n, p, gates[n], c, t) for c, t in cases
                               for n, p in self.ports.items()))
        return answers


async def listen_to(reader, silent_s):
    """(bytes until the answer pauses, did the connection end)."""
    got = b""
    while True:
        try:
            piece = await asyncio.wait_for(reader.read(65536), ANSWERED_S if got else silent_s)
        except asyncio.TimeoutError:
            return got, False
        except OSError:
            return got, True
        if not piece:
            return got, True
        got += piece


async def talk(port, turns):
    """All that the server says."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    got, ended = b"", False
    try:
        for turn in turns:
            writer.write(turn)
            await writer.drain()
            piece, ended = await listen_to(reader, SILENT_S)
            got += piece
            if ended:
                break
        if not ended:
            writer.write_eof()
            got += (await listen_to(reader, ANSWERED_S))[0]
    except OSError:
        pass
    finally:
        writer.transport.abort()
    return got


def decoded(text):
    return urllib.parse.unquote_to_bytes(text).decode("latin-1")


def ends(values):
    return [values[0], values[-1]] if values else [""]


def from_query(query):
    """Operations that Python's reader of queries finds, the first and the last."""
    return ends([v for k, v in urllib.parse.parse_qsl(query.decode("latin-1"), True,
                                                      encoding="latin-1") if k == "operation"])


def perl_queries(queries):
    """{query: the operations CGI.pm finds}; None without it."""
    queries = sorted(queries)
    run = subprocess.run(["perl", SETTINGS / "reader.pl"], capture_output=True, text=True, check=False,
                         input="".join(q.hex() + "\n" for q in queries))
    lines = run.stdout.splitlines()
    if run.returncode or len(lines) != len(queries):
        return None
    return {q: [bytes.fromhex(w[1:]).decode("latin-1") for w in line.split()]
            for q, line in zip(queries, lines, strict=True)}


def accepted(raw):
    """[(method, [value or b'?' query])] of a server's answers in order; no values: it refused that one."""
    found, refused = [], False
    for match in ANSWER.finditer(raw):
        if match[1]:
            if refused:
                found.append(("", []))
            refused = match[1] >= b"400"
            continue
        if refused and b"404" not in raw[:match.start()].rsplit(b"HTTP/", 1)[-1][:8]:
            continue
        refused = False
        method, *values = match[2].split(b"|")
        if values and values[0][:1] == b"?":
            values = [b"|".join(values)]
        # nginx and HAProxy do not decode names: then what stands behind them reads the query.
        elif len(values) > 1 and values[1][:1] == b"?":
            values = values[:1] if values[0] != b"=" else [b"|".join(values[1:])]
        found.append((method.decode("latin-1"), values))
    return found + [("", [])] * refused


def accepted_by_go(raw):
    """The same from scepserver's answers; it takes the first operation."""
    found = []
    for status, head, body in GO_ANSWERS.findall(raw):
        value = []
        if status == b"200":
            value = [b"=GetCACert" if b"x-x509" in head else b"=GetCACaps"]
            if b"pki-message" in head:
                value = [b"=PKIOperation"]
        elif b"not implemented" in body:
            value = [b"=none it knows"]  # GetNextCACert among them
        elif b"ber2der" in body or b"pkcs7" in body or b"asn1" in body:
            value = [b"=PKIOperation"]
        found.append(("?", value))
    return found
