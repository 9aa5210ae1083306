"""The parts netlab.py's topologies are made of: Lab, Namespace, PacketTap, processes.

Import netlab, which re-exports all of this.  `Lab` alone is for tests that want
namespaces and wires of their own shape.
"""

import ctypes
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import xdp_stub

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "lab"
NETNS_DIR = Path("/run/netns")
NAME_PREFIX = "sgl"
CLONE_NEWNET = 0x40000000
ETH_P_ALL = 0x0003

_libc = ctypes.CDLL(None, use_errno=True)


class LabError(RuntimeError):
    """Something the lab needs did not work; the text says what."""


def need_root():
    """Exit 77 (the usual 'skipped') with a sentence if namespaces cannot be made."""
    if os.geteuid() != 0:
        print("skipped: needs root for network namespaces", file=sys.stderr)
        sys.exit(77)


def wait_for(predicate, timeout, what="condition", interval=0.02):
    """Return predicate()'s first true value; raise LabError after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > deadline:
            raise LabError(f"{what}: not within {timeout} s")
        time.sleep(interval)


def call(args, check=True, timeout=60, **kwargs):
    """Run a command, text captured; LabError with its own words if it fails."""
    done = subprocess.run([str(a) for a in args], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=timeout, check=False, **kwargs)
    if check and done.returncode:
        raise LabError(f"{' '.join(map(str, args))}: exit {done.returncode}: "
                       f"{(done.stderr or done.stdout).strip()}")
    return done


class Namespace:
    """One network namespace of a Lab.  `name` is the system-wide name."""

    def __init__(self, lab, label):
        self.lab = lab
        self.label = label
        self.name = f"{NAME_PREFIX}-{os.getpid()}-{lab.prefix}-{label}"
        self.path = NETNS_DIR / self.name
        call(["ip", "netns", "add", self.name])
        try:
            self._basics()
        except BaseException:
            self.delete()
            raise

    def _basics(self):
        self.ip("link", "set", "lo", "up")
        self.sysctl({"net.ipv4.conf.all.rp_filter": 0, "net.ipv4.conf.default.rp_filter": 0,
                     "net.ipv4.conf.all.send_redirects": 0,
                     "net.ipv4.conf.default.send_redirects": 0,
                     "net.ipv4.conf.all.accept_redirects": 0,
                     "net.ipv6.conf.all.accept_dad": 0, "net.ipv6.conf.default.accept_dad": 0,
                     "net.ipv6.conf.all.accept_ra": 0, "net.ipv6.conf.default.accept_ra": 0,
                     "net.ipv6.conf.all.accept_redirects": 0})

    # -- running things -------------------------------------------------------

    def argv(self, args):
        """The command line that runs `args` in here; the pid stays the command's own."""
        return ["nsenter", f"--net={self.path}", "--"] + [str(a) for a in args]

    def run(self, args, check=True, timeout=60, **kwargs):
        """Run to the end; CompletedProcess with text output."""
        return call(self.argv(args), check=check, timeout=timeout, **kwargs)

    def popen(self, args, **kwargs):
        """Start a process in here; the lab ends it (TERM, then KILL) when it closes."""
        kwargs.setdefault("stdin", subprocess.DEVNULL)
        # Its own session: Ctrl-C reaches us alone, and we end children in order.
        process = subprocess.Popen(self.argv(args), start_new_session=True, **kwargs)
        self.lab.processes.append(process)
        return process

    def inside(self, function, *args):
        """function(*args) in a thread that has joined the namespace; result or exception.

        Sockets made there stay in the namespace for life, so they can be handed out.
        """
        box = {}

        def body():
            try:
                with open(self.path, "rb") as handle:
                    if _libc.setns(handle.fileno(), CLONE_NEWNET):
                        raise OSError(ctypes.get_errno(), "setns", str(self.path))
                box["value"] = function(*args)
            except BaseException as error:  # handed to the caller below
                box["error"] = error

        thread = threading.Thread(target=body)
        thread.start()
        thread.join()
        if "error" in box:
            raise box["error"]
        return box["value"]

    # -- settings -------------------------------------------------------------

    def ip(self, *words):
        """`ip WORDS` in here; 'ip -6' and the like work too."""
        return self.run(["ip", *words])

    def sysctl(self, values):
        """Set {dotted name: value}."""
        def write():
            for name, value in values.items():
                Path("/proc/sys", *name.split(".")).write_text(f"{value}\n")
        self.inside(write)

    def address(self, dev, *addresses):
        """Add addresses ('10.1.2.3/24', 'fd00::1/64') and set the device up."""
        for addr in addresses:
            words = ["addr", "add", addr, "dev", dev]
            if ":" in addr:
                words.append("nodad")
            self.ip(*words)
        self.ip("link", "set", dev, "up")

    def route(self, destination, *words):
        """`ip route add DESTINATION WORDS`; the family follows from the words."""
        family = "-6" if ":" in " ".join((destination, *words)) else "-4"
        self.ip(family, "route", "add", *destination.split(), *words)

    def offloads(self, dev, **features):
        """ethtool -K; e.g. offloads('c0', tx='off').  Unknown features are an error."""
        words = [w for pair in features.items() for w in pair]
        self.run(["ethtool", "-K", dev, *words])

    def end_host(self, dev, stub=True):
        """What every end of a wire needs: the stub, then offloads off (attach resets them)."""
        if stub:
            self.xdp_stub(dev)
        self.offloads(dev, tx="off", tso="off", gso="off")

    def xdp_stub(self, dev):
        """Attach the XDP_PASS stub to `dev`; it goes with the lab, or with close(its result)."""
        descriptor = self.inside(xdp_stub.attach, dev)
        self.lab.on_close(_close_quietly, descriptor)
        return descriptor

    # -- looking --------------------------------------------------------------

    def counters(self, dev):
        """The device's counters, e.g. ['rx']['packets'] (from `ip -s -j`)."""
        return json.loads(self.ip("-s", "-j", "link", "show", "dev", dev).stdout)[0]["stats64"]

    def driver_counters(self, dev):
        """`ethtool -S` as {name: number}; veth's xdp_* counters live there."""
        text = self.run(["ethtool", "-S", dev]).stdout
        return {k: int(v) for k, v in re.findall(r"^\s*(\S+): (\d+)$", text, re.M)}

    def protocol_counters(self):
        """/proc/net/snmp and netstat as {'Tcp.InSegs': n, 'TcpExt.TCPSynRetrans': n, ...}."""
        def read():
            return [Path("/proc/thread-self/net", f).read_text() for f in ("snmp", "netstat")]
        counters = {}
        for text in self.inside(read):
            lines = text.splitlines()
            for names, values in zip(lines[::2], lines[1::2]):
                proto, *keys = names.split()
                for key, value in zip(keys, values.split()[1:]):
                    counters[f"{proto.rstrip(':')}.{key}"] = int(value)
        return counters

    def mac(self, dev):
        """The device's MAC address as 'aa:bb:..'."""
        return json.loads(self.ip("-j", "link", "show", "dev", dev).stdout)[0]["address"]

    # -- sockets --------------------------------------------------------------

    def socket(self, *args):
        """socket.socket(*args) living in this namespace."""
        return self.inside(socket.socket, *args)

    def connect(self, address, port, source=None, timeout=5.0):
        """A TCP connection from here, optionally from a source address; blocking socket."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        sock = self.socket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(timeout)
            if source:
                sock.setsockopt(socket.SOL_IP, 15, 1)  # IP_FREEBIND
                sock.bind((source, 0))
            sock.connect((address, port))
        except BaseException:
            sock.close()
            raise
        return sock

    def packet_socket(self, dev, protocol=ETH_P_ALL):
        """AF_PACKET raw socket bound to `dev`: whole Ethernet frames both ways.

        A frame received twice (once leaving, once arriving) is told apart by
        PacketTap; tags the kernel stripped are not put back.
        """
        def make():
            sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(protocol))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
            sock.bind((dev, protocol))
            sock.setblocking(False)
            return sock
        return self.inside(make)

    def delete(self):
        """Remove the namespace; whatever still runs in it is ours and is killed."""
        if self.path.exists():
            _delete_namespace(self.name)


def _delete_namespace(name):
    """Kill what runs in a lab's own namespace and remove it."""
    for pid in call(["ip", "netns", "pids", name], check=False).stdout.split():
        try:
            os.kill(int(pid), signal.SIGKILL)
        except ProcessLookupError:
            pass
    call(["ip", "netns", "delete", name], check=False)


class PacketTap:
    """Collects frames *arriving* at (namespace, device); send() puts frames on the wire."""

    def __init__(self, namespace, dev):
        self.sock = namespace.packet_socket(dev)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, frame):
        """One whole Ethernet frame out of the device."""
        self.sock.send(frame)

    def receive(self, timeout, match=None, count=1):
        """Up to `count` arriving frames for which match(frame) holds, within `timeout` s."""
        frames = []
        deadline = time.monotonic() + timeout
        while len(frames) < count:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.sock], [], [], left)[0]:
                break
            frame, where = self.sock.recvfrom(65535)
            if where[2] != socket.PACKET_OUTGOING and (match is None or match(frame)):
                frames.append(frame)
        return frames


class Lab:
    """Owner of namespaces, processes, scratch directory and bpffs; a context manager."""

    def __init__(self, prefix):
        self.prefix = re.sub(r"[^a-z0-9]", "", prefix.lower())[:12] or "lab"
        self.namespaces = {}
        self.processes = []
        self.directory = None
        self._bpffs = None
        self._mounted = False
        self._undo = []
        self._signals = {}

    def __enter__(self):
        sweep()
        self._catch_signals()
        try:
            self.directory = Path(tempfile.mkdtemp(prefix=f"{NAME_PREFIX}-{os.getpid()}-"))
            self.build()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def build(self):
        """Topologies make their wires here."""

    def _catch_signals(self):
        """TERM, HUP and INT unwind the stack, so that every `with` does its part."""
        if threading.current_thread() is not threading.main_thread():
            return

        def unwind(number, _frame):
            raise SystemExit(128 + number)

        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            self._signals[number] = signal.signal(number, unwind)

    def on_close(self, function, *args):
        """Call function(*args) at the end, last registered first, before processes end."""
        self._undo.append((function, args))

    def namespace(self, label):
        """Make a namespace."""
        made = Namespace(self, label)
        self.namespaces[label] = made
        return made

    def veth(self, one, other, mtu=1500):
        """A wire between (namespace, device) and (namespace, device), both ends up."""
        (ns_a, dev_a), (ns_b, dev_b) = one, other
        call(["ip", "link", "add", dev_a, "mtu", mtu, "netns", ns_a.name, "type", "veth",
              "peer", "name", dev_b, "mtu", mtu, "netns", ns_b.name])
        ns_a.ip("link", "set", dev_a, "up")
        ns_b.ip("link", "set", dev_b, "up")

    def bpffs(self):
        """A directory on a bpffs, this lab's own: /sys/fs/bpf's if mounted, else a private mount."""
        if self._bpffs:
            return self._bpffs
        common = Path("/sys/fs/bpf")
        if call(["stat", "-f", "-c", "%T", common]).stdout.strip() == "bpf_fs":
            self._bpffs = common / self.directory.name
            self._bpffs.mkdir()
        else:
            self._bpffs = self.directory / "bpffs"
            self._bpffs.mkdir()
            call(["mount", "-t", "bpf", "bpffs", self._bpffs])
            self._mounted = True
        return self._bpffs

    def close(self):
        """Take everything back; goes on after errors, safe to call twice, deaf to signals."""
        main = threading.current_thread() is threading.main_thread()
        if main:
            for number in self._signals:
                signal.signal(number, signal.SIG_IGN)
        while self._undo:
            function, args = self._undo.pop()
            _attempt(function, *args)
        stop_all(self.processes)
        self.processes.clear()
        for made in self.namespaces.values():
            _attempt(made.delete)
        self.namespaces.clear()
        self._remove_directories()
        if main:
            for number, former in self._signals.items():
                signal.signal(number, former)
        self._signals = {}

    def _remove_directories(self):
        if self._bpffs:
            # rmtree would follow into nothing else: a bpffs holds pins only.
            _attempt(call, ["umount", self._bpffs] if self._mounted
                     else ["rm", "-rf", "--one-file-system", self._bpffs])
            self._bpffs = None
        if self.directory:
            _attempt(call, ["rm", "-rf", "--one-file-system", self.directory])
            self.directory = None


def _attempt(function, *args):
    try:
        function(*args)
    except Exception as error:  # cleaning must go on
        print(f"netlab: cleaning: {error}", file=sys.stderr)


def _close_quietly(descriptor):
    try:
        os.close(descriptor)
    except OSError:  # the test closed it itself
        pass


def stop(process, timeout=5.0):
    """TERM, wait, KILL if need be; the exit status (negative: the signal)."""
    return stop_all([process], timeout)[0]


def stop_all(processes, timeout=5.0):
    """TERM to all, then wait for all, then KILL those left; exit statuses in order."""
    for process in processes:
        if process.poll() is None:
            process.terminate()
    deadline = time.monotonic() + timeout
    for process in processes:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    return [process.returncode for process in processes]


def sweep():
    """Remove namespaces and directories of labs whose process is gone (killed by SIGKILL)."""
    pattern = re.compile(rf"^{NAME_PREFIX}-(\d+)-")
    places = [NETNS_DIR, Path(tempfile.gettempdir()), Path("/sys/fs/bpf")]
    for place in places:
        for entry in (sorted(place.iterdir()) if place.is_dir() else []):
            match = pattern.match(entry.name)
            if not match or Path("/proc", match.group(1)).exists():
                continue
            if place == NETNS_DIR:
                _delete_namespace(entry.name)
                continue
            call(["umount", entry / "bpffs"], check=False)
            call(["rm", "-rf", "--one-file-system", entry], check=False)
