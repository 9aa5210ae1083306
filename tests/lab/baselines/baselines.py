"""nftables, HAProxy and nginx as an expert would set them up before exactly this CA.

The configurations lie beside this file.  `@what:field value@` in them is put in compressed by the
lab's scale, as milliseconds, seconds, a rate or a number.  Where they stand: on the gateway.
nftables filters what is forwarded.  A proxy owns the CA's address towards the clients (on the
gateway's lo), the CA has another one: no address is translated, nothing is tracked.
"""

import os
import re
import signal
import socket
import subprocess
from pathlib import Path

from netlab_core import LabError, stop, wait_for

HERE = Path(__file__).resolve().parent
BEHIND4, BEHIND6 = "192.168.105.13", "fd00:105::13"  # the CA's own address behind a proxy


class Baseline:
    """Configuration files filled in below the lab's scratch directory; see gates.NoGate."""

    ca = {}
    files = ()  # first: the configuration
    cached = False

    def __init__(self, lab, scale):
        self.lab = lab
        self.scale = scale
        self.directory = lab.directory / "baseline"
        self.directory.mkdir()
        self.process = None

    def values(self):
        """What `@name@` stands for."""
        return {"dir": str(self.directory), "ca": self.lab.ca4, "front": self.lab.ca4,
                "abns": self.directory.parent.name}

    def _scaled(self, match):
        what, value = match.group(1), float(match.group(2))
        return {"ms": f"{max(1, round(value * 1000 / self.scale))}ms",
                "whole_ms": f"{max(1, round(value * 1000 / self.scale))}",
                "sec": f"{max(1, round(value / self.scale))}" + ("s" if self.seconds else ""),
                "number": f"{value / self.scale:g}",
                "rate": f"{round(value * self.scale)}"}[what]

    seconds = True  # whether whole seconds are written with their unit

    def write(self):
        """Fill in the files; the path of the first."""
        for name in self.files:
            text = (HERE / name).read_text()
            text = re.sub(r"@(ms|whole_ms|sec|number|rate):([\d.]+)@", self._scaled, text)
            text = re.sub(r"(?m)^@cache:(.*)@\n", r"\1\n" if self.cached else "", text)
            for key, value in self.values().items():
                text = text.replace(f"@{key}@", value)
            (self.directory / name).write_text(text)
        return self.directory / self.files[0]

    def start(self):
        """Make it work."""
        raise NotImplementedError

    def kill(self):
        """SIGKILL to whatever can die."""

    def restart(self):
        """Again after kill()."""

    def status(self):
        """No baseline reports in the guard's form."""
        return None, ""

    def pids(self):
        """Its processes."""
        return []

    def stop(self):
        """End it; an error if it had ended by itself."""


class Nftables(Baseline):
    """Per-source meters, a global rate, a count of connections."""

    files = ("nftables.nft",)

    def start(self):
        # Whole seconds, 1 at least.  A SYN that stays unanswered is not a connection for long.
        timeouts = {"syn_sent": 10, "syn_recv": 10, "fin_wait": 10, "close_wait": 10,
                    "last_ack": 10, "time_wait": 1, "established": 180}
        path = self.write()
        self.lab.gw.run(["nft", "-f", path])
        self.lab.gw.sysctl({f"net.netfilter.nf_conntrack_tcp_timeout_{name}":
                            max(1, round(seconds / self.scale))
                            for name, seconds in timeouts.items()})


class Proxy(Baseline):
    """A process on the gateway that owns the CA's address."""

    ca = {"address": [BEHIND4, BEHIND6], "trust_forwarded": True}

    def values(self):
        return {**super().values(), "ca": BEHIND4}

    def command(self, path):
        """Its command line, in the foreground."""
        raise NotImplementedError

    def start(self):
        self.lab.gw.address("lo", f"{self.lab.ca4}/32")
        self.lab.gw.sysctl({"net.core.somaxconn": 4096, "net.ipv4.tcp_max_syn_backlog": 4096})
        self.path = self.write()
        self.restart()

    def restart(self):
        with open(self.directory / "log", "ab") as log:
            self.process = self.lab.gw.popen(self.command(self.path), stdout=log,
                                             stderr=subprocess.STDOUT)
        wait_for(self._listens, 10, f"{type(self).__name__} listening")

    def _listens(self):
        if self.process.poll() is not None:
            raise LabError(f"{self.process.args[-1]} ended:\n" +
                           (self.directory / "log").read_text())
        sock = self.lab.gw.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            sock.connect((self.lab.ca4, 80))
        except OSError:
            return False
        finally:
            sock.close()
        return True

    def pids(self):
        """The process and its children (nginx has workers)."""
        own = self.process.pid
        children = Path(f"/proc/{own}/task/{own}/children").read_text().split()
        return [own, *map(int, children)]

    def kill(self):
        for pid in self.pids():
            os.kill(pid, signal.SIGKILL)
        self.process.wait()
        self.process = None

    def stop(self):
        if self.process.poll() is not None:
            raise LabError(f"{type(self).__name__} ended by itself:\n" +
                           (self.directory / "log").read_text())
        stop(self.process)


class Haproxy(Proxy):
    """Reads the request; a queue with priorities; a pacer made of delays."""

    files = ("haproxy.cfg",)
    seconds = False

    def command(self, path):
        return ["haproxy", "-db", "-f", path]


class HaproxyLua(Haproxy):
    """An exact pacer."""

    files = ("haproxy-lua.cfg", "pacer.lua")


class Nginx(Proxy):
    """Cache of the answer to GetNextCACert, a delay queue, a limit of connections."""

    files = ("nginx.conf",)

    def command(self, path):
        for left in self.directory.glob("*.sock"):  # by one that was killed
            left.unlink()
        return ["nginx", "-p", self.directory, "-c", path]


class NginxCached(Nginx):
    """Repeats the CA's answers to GetCACert and GetCACaps for a minute, too."""

    cached = True


KINDS = {"nftables": Nftables, "haproxy": Haproxy, "haproxy-lua": HaproxyLua,
         "nginx": Nginx, "nginx-cached": NginxCached}
