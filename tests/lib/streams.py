"""Byte streams through a guard: a server that keeps what it saw, and clients that keep what they got.

    with Server(lab.ca) as server:
        got = exchange(lab.clients, lab.ca4, get("GetCACert", size=5000))
        assert got.answer == answer_of("GetCACert", size=5000)
        assert server.seen_of(got.client).received == get("GetCACert", size=5000)

The same request gets the same bytes every time, so what came through a guard can be compared with what came
directly.  How a request is answered stands in its target:

    size=N      a body of N bytes
    wait=S      after S seconds
    gate=NAME   not before server.open(NAME)
    take=S      spread over S seconds
    end=reset   by a RST, after half of it;  end=never: not at all
"""

import functools
import heapq
import itertools
import random
import selectors
import socket
import struct
import threading
import time
from urllib.parse import parse_qs, urlsplit

PATH = "/cgi-bin/pkiclient.exe"
PIECE = 65536
# Of a slow answer.
PIECES = 40
REFUSAL = b"There is no next CA certificate yet.\n"
LINGER_RESET = struct.pack("ii", 1, 0)


# --- requests and answers --------------------------------------------------------------------

def get(operation, message="BRANCH", version="1.0", **how):
    """A GET of that operation as bytes."""
    words = [f"operation={operation}", f"message={message}"]
    words += [f"{k}={v}" for k, v in how.items()]
    return f"GET {PATH}?{'&'.join(words)} HTTP/{version}\r\nHost: ca\r\n\r\n".encode()


def post(length, version="1.0", **how):
    """A PKIOperation by POST with a body of that length."""
    words = ["operation=PKIOperation"] + [f"{k}={v}" for k, v in how.items()]
    return (f"POST {PATH}?{'&'.join(words)} HTTP/{version}\r\nHost: ca\r\n"
            f"Content-Length: {length}\r\n\r\n").encode() + stuff(length)


@functools.lru_cache(maxsize=32)
def stuff(length):
    """Bytes that do not repeat."""
    return random.Random(length).randbytes(length)


class Request:
    """What a server understands of the first request in `data`; None from parse() if it is not whole."""

    @classmethod
    def parse(cls, data):
        head, mark, rest = bytes(data).partition(b"\r\n\r\n")
        if not mark:
            return None
        lines = head.decode("latin-1").split("\r\n")
        made = cls()
        made.method, target, version = lines[0].split(" ")
        fields = dict(line.lower().split(": ", 1) for line in lines[1:])
        made.body = int(fields.get("content-length", 0))
        if len(rest) < made.body:
            return None
        made.length = len(head) + 4 + made.body
        made.keeps = version == "HTTP/1.1" and fields.get("connection") != "close"
        made.how = {k: v[-1] for k, v in parse_qs(urlsplit(target).query).items()}
        made.operation = made.how.get("operation", "")
        return made

    def answer(self, shadow=False):
        """The whole answer as bytes."""
        size = int(self.how.get("size", 20))
        status, kind, body = "200 OK", "application/x-x509-ca-cert", stuff(size)
        if self.operation == "GetNextCACert":
            kind = "application/x-x509-next-ca-cert"
            if not shadow:
                status, kind, body = "404 Not Found", "text/plain", REFUSAL
        head = (f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
                + ("" if self.keeps else "Connection: close\r\n") + "\r\n")
        return head.encode() + body


def answer_to(request, shadow=False):
    """What the server below says to a request in bytes."""
    return Request.parse(request).answer(shadow)


# --- the server ------------------------------------------------------------------------------

class Seen:
    """One connection as the server saw it."""

    def __init__(self, sock, peer):
        self.sock = sock
        self.client = (peer[0].removeprefix("::ffff:"), peer[1])
        self.received, self.read = bytearray(), 0
        self.requests = []          # (time, Request) as each was whole
        self.out, self.gate = bytearray(), None
        self.ended = None           # "fin" or "reset": how the client did
        self.opened = self.heard = time.monotonic()
        self.longest_silence = 0.0  # between pieces of what the client says
        self.closing = self.finished = self.shut = False


class Server:
    """One thread for any number of connections.  `with` ends it; its error, if any, is raised there."""

    def __init__(self, space, port=80, backlog=4096):
        self.space, self.port, self.backlog = space, port, backlog
        self.connections = []       # Seen, in order of their accept
        self.open_now = self.peak = 0
        self.shadow = False
        self.gates = set()
        self.error = None
        self._due, self._count = [], itertools.count()
        self._selector = selectors.DefaultSelector()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._main, daemon=True)

    def __enter__(self):
        self.listen()
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._done.set()
        self._thread.join(10)
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()
        self._selector.close()
        if self.error:
            raise self.error

    def listen(self):
        """The socket that accepts, both families."""
        sock = self.space.socket(socket.AF_INET6, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind(("::", self.port))
        sock.listen(self.backlog)
        sock.setblocking(False)
        self._selector.register(sock, selectors.EVENT_READ, None)

    def open(self, gate):
        """Answer those that wait for it, now and later."""
        self.gates.add(gate)

    def seen_of(self, client):
        """The last connection of this (address, port), or None."""
        found = [s for s in self.connections if s.client == client]
        return found[-1] if found else None

    def requests(self):
        """(time, Seen, Request) of all connections, in order of time."""
        found = [(when, seen, request) for seen in self.connections
                 for when, request in list(seen.requests)]
        return sorted(found, key=lambda item: item[0])

    # -- the thread -----------------------------------------------------------

    def _main(self):
        try:
            while not self._done.is_set():
                for key, events in self._selector.select(self._patience()):
                    if key.data is None:
                        self._accept(key.fileobj)
                    else:
                        self._serve(key.data, events)
                self._run_due()
        except BaseException as error:
            self.error = error

    def _patience(self):
        wait = self._due[0][0] - time.monotonic() if self._due else 1
        return min(max(wait, 0), 0.02)

    def _later(self, seconds, function, *args):
        heapq.heappush(self._due, (time.monotonic() + seconds, next(self._count), function, args))

    def _run_due(self):
        while self._due and self._due[0][0] <= time.monotonic():
            _, _, function, args = heapq.heappop(self._due)
            function(*args)

    def _accept(self, listener):
        try:
            sock, peer = listener.accept()
        except OSError:  # gone already
            return
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        seen = Seen(sock, peer)
        self.connections.append(seen)
        self.open_now += 1
        self.peak = max(self.peak, self.open_now)
        self._selector.register(sock, selectors.EVENT_READ, seen)

    def _serve(self, seen, events):
        try:
            if events & selectors.EVENT_READ:
                self._read(seen)
            if events & selectors.EVENT_WRITE and seen.sock.fileno() >= 0:
                self._write(seen)
        except OSError:
            self._end(seen, "reset")

    def _read(self, seen):
        data = seen.sock.recv(PIECE)
        last, seen.heard = seen.heard, time.monotonic()
        seen.longest_silence = max(seen.longest_silence, seen.heard - last)
        if not data:
            seen.ended = "fin"
            if seen.shut or not self._owes(seen):
                self._end(seen, "fin")
            else:
                self._watch(seen, selectors.EVENT_WRITE if seen.out else 0)
            return
        seen.received += data
        while not seen.closing:
            request = Request.parse(seen.received[seen.read:])
            if not request:
                break
            seen.read += request.length
            seen.requests.append((time.monotonic(), request))
            self._answer(seen, request)

    def _owes(self, seen):
        return seen.out or seen.closing

    def _answer(self, seen, request):
        end = request.how.get("end")
        seen.closing = not request.keeps or bool(end)
        data = request.answer(self.shadow)
        if end == "never":
            return
        self._later(float(request.how.get("wait", 0)), self._begin, seen, request, data)

    def _begin(self, seen, request, data):
        gate = request.how.get("gate")
        if gate and gate not in self.gates:
            self._later(0.01, self._begin, seen, request, data)
            return
        if request.how.get("end") == "reset":
            self._say(seen, data[:len(data) // 2], False)
            self._later(0.2, self._reset, seen)
            return
        take = float(request.how.get("take", 0))
        if not take:
            self._say(seen, data, True)
            return
        size = -(-len(data) // PIECES)
        for n in range(PIECES):
            self._later(n * take / PIECES, self._say, seen, data[n * size:(n + 1) * size],
                        n == PIECES - 1)

    def _say(self, seen, data, last):
        seen.out += data
        seen.finished = last
        if seen.sock.fileno() >= 0:
            self._write(seen)

    def _write(self, seen):
        try:
            while seen.out:
                sent = seen.sock.send(seen.out[:PIECE])
                del seen.out[:sent]
        except BlockingIOError:
            self._watch(seen, selectors.EVENT_READ | selectors.EVENT_WRITE)
            return
        except OSError:
            self._end(seen, "reset")
            return
        self._watch(seen, selectors.EVENT_READ)
        if seen.closing and seen.finished and not seen.shut:
            seen.shut = True
            if seen.ended:
                self._end(seen, seen.ended)
            else:
                seen.sock.shutdown(socket.SHUT_WR)

    def _watch(self, seen, events):
        """A client that closed its half is not read any more (select would spin)."""
        if seen.ended:
            events &= ~selectors.EVENT_READ
        known = seen.sock in self._selector.get_map()
        if not events:
            if known:
                self._selector.unregister(seen.sock)
        elif known:
            self._selector.modify(seen.sock, events, seen)
        else:
            self._selector.register(seen.sock, events, seen)

    def _reset(self, seen):
        if seen.sock.fileno() >= 0:
            seen.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET)
            self._end(seen, None)

    def _end(self, seen, how):
        if seen.sock in self._selector.get_map():
            self._selector.unregister(seen.sock)
        if seen.sock.fileno() >= 0:
            self.open_now -= 1
        seen.sock.close()
        seen.ended = how or seen.ended


# --- clients ---------------------------------------------------------------------------------

class Got:
    """What a client saw: its own address, the answer so far, the error (a class name) that ended it, how long
    it took, and the longest silence once the request was out."""

    def __init__(self):
        self.client = None
        self.answer, self.error = b"", None
        self.seconds = self.longest_silence = 0.0

    def __repr__(self):
        return (f"<{self.client} {len(self.answer)} bytes {self.answer[:30]!r} error {self.error} "
                f"{self.seconds:.2f} s, silent {self.longest_silence:.2f} s>")


def dial(space, address, source=None, port=0, timeout=10.0, **options):
    """A connected socket; options: names of TCP options before connect, e.g. TCP_MAXSEG=536."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = space.socket(family, socket.SOCK_STREAM)
    try:
        sock.settimeout(timeout)
        for name, value in options.items():
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        if source or port:
            sock.setsockopt(socket.SOL_IP, 15, 1)  # IP_FREEBIND
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((source or ("::" if family == socket.AF_INET6 else "0.0.0.0"), port))
        sock.connect((address, 80))
    except BaseException:
        sock.close()
        raise
    return sock


def reset(sock):
    """Close by a RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET)
    sock.close()


def read_all(sock, got):
    """Everything until the peer's FIN, or the error, into `got`."""
    last = time.monotonic()
    parts = [got.answer]
    try:
        while True:
            part = sock.recv(PIECE)
            got.longest_silence = max(got.longest_silence, time.monotonic() - last)
            last = time.monotonic()
            if not part:
                break
            parts.append(part)
    except OSError as error:
        got.error = type(error).__name__
        got.longest_silence = max(got.longest_silence, time.monotonic() - last)
    got.answer = b"".join(parts)
    return got


def exchange(space, address, request, source=None, port=0, half_close=False, pieces=None,
             timeout=10.0, **options):
    """One request (bytes; `pieces`: cut in so long ones, each in a segment of its own), one answer up to the
    FIN.  An error is a result, not raised."""
    got, begun = Got(), time.monotonic()
    try:
        with dial(space, address, source, port, timeout, **options) as sock:
            got.client = sock.getsockname()[:2]
            if pieces:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for at in range(0, len(request), pieces or len(request)):
                sock.sendall(request[at:at + (pieces or len(request))])
            if half_close:
                sock.shutdown(socket.SHUT_WR)
            read_all(sock, got)
    except OSError as error:
        got.error = type(error).__name__
    got.seconds = time.monotonic() - begun
    return got


class Crowd:
    """Many clients at once in one thread: `jobs` are (address, request, source or None)."""

    def __init__(self, space, jobs, timeout=20.0, at_once=None):
        self.space, self.timeout = space, timeout
        self.waiting = list(enumerate(jobs))[::-1]
        self.at_once = at_once or len(jobs)
        self.results = [Got() for _ in jobs]
        self.selector = selectors.DefaultSelector()
        self.running = 0

    def run(self):
        """All of them to their end; Got in the order of the jobs."""
        return self.space.inside(self._run)

    def _run(self):
        deadline = time.monotonic() + self.timeout
        while (self.waiting or self.running) and time.monotonic() < deadline:
            while self.waiting and self.running < self.at_once:
                self._begin(*self.waiting.pop())
            for key, _ in self.selector.select(0.05):
                self._go_on(key.fileobj, key.data)
        for key in list(self.selector.get_map().values()):
            self._end(key.fileobj, key.data, "TimeoutError")
        self.selector.close()
        return self.results

    def _begin(self, index, job):
        address, request, source = job
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setblocking(False)
        if source:
            sock.setsockopt(socket.SOL_IP, 15, 1)  # IP_FREEBIND
            sock.setsockopt(socket.SOL_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
            sock.bind((source, 0))
        sock.connect_ex((address, 80))
        self.running += 1
        self.results[index].seconds = -time.monotonic()
        self.selector.register(sock, selectors.EVENT_WRITE, (index, request, []))

    def _go_on(self, sock, data):
        index, request, parts = data
        try:
            if request:
                self.results[index].client = sock.getsockname()[:2]
                sent = sock.send(request)
                rest = request[sent:]
                self.selector.modify(sock, selectors.EVENT_WRITE if rest else selectors.EVENT_READ,
                                     (index, rest, parts))
                return
            part = sock.recv(PIECE)
        except BlockingIOError:
            return
        except OSError as error:
            self._end(sock, data, type(error).__name__)
            return
        if part:
            parts.append(part)
        else:
            self._end(sock, data, None)

    def _end(self, sock, data, error):
        got = self.results[data[0]]
        got.answer, got.error = b"".join(data[2]), error
        got.seconds += time.monotonic()
        self.selector.unregister(sock)
        sock.close()
        self.running -= 1
