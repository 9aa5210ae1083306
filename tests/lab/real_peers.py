#!/usr/bin/env python3
"""Real SCEP software through the guard: micromdm's scepclient and strongSwan's pki against
micromdm's scepserver (Debian package `scep`), in real time.

    real_peers.py none observe police intercept       a few of each
    real_peers.py --storm 200 intercept               so many enrolments in a row, in a storm

What each peer can do with the other was found without a guard and is expected with one:
scepclient enrols; `pki --scepca` fetches the CA certificate; `pki --scep` 5.9.8 has its
certificate issued but cannot verify the server's reply (it wants an RSA-with-digest OID), so
there the server's store is what counts.  It also misreads the capabilities and refuses
AES: hence --cipher des3.

In the storm 3000 routers ask GetNextCACert at a path that scepserver refuses with 404, five times
the CA's capacity; every enrolment comes from an address of its own; every fourth is strongSwan's.
The guard's times are compressed by --scale, so that 200 enrolments take minutes; clients and
server know nothing of it.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

import netlab  # noqa: E402
from guard import Guard  # noqa: E402
from lab_actors import Fleet, build_actors  # noqa: E402

CHALLENGE = "lab-only"
UNVERIFIED = "unable to verify PKCS#7 container"
STORM = {"storm_sources": 3000, "storm_rate": 400}
STRONGSWAN_EVERY = 4
# Enrolments a field minute: 30 connections of the 80, for these clients do not come again after 503.
ENROL_RATE = 20
HOURS_MAX = 3  # the storm's end if nobody ends it


class Peers:
    """The server in `ca`, clients in `clients`; every method is one client's whole run."""

    def __init__(self, lab):
        self.lab = lab
        self.directory = lab.directory
        self.depot = self.directory / "depot"
        self.key = None
        self.url = f"http://{lab.ca4}/scep"
        lab.ca.run(["scepserver", "ca", "-init", "-depot", self.depot])
        with open(self.directory / "server.log", "wb") as log:
            lab.ca.popen(["scepserver", "-depot", self.depot, "-port", "80", "-challenge",
                          CHALLENGE, "-allowrenew", "0"], stdout=log, stderr=subprocess.STDOUT)
        netlab.wait_for(self._listens, 10, "scepserver listening")

    def _listens(self):
        # From the CA's own side: a look that costs nothing of the guard's budget.
        try:
            self.lab.ca.connect(self.lab.ca4, 80, timeout=1).close()
        except OSError:
            return False
        return True

    def issued(self):
        """Names of the certificates the server has issued."""
        return {path.name.split(".")[0] for path in self.depot.glob("*.*.pem")}

    def _subject(self, path):
        return netlab.call(["openssl", "x509", "-in", path, "-noout", "-subject"]).stdout.strip()

    def scepclient(self, name):
        """An enrolment by POST, three requests on one connection: (worked, what happened)."""
        own = self.directory / name  # it keeps csr.pem in its working directory
        own.mkdir()
        if self.key:
            shutil.copy(self.key, own / "router.key")
        certificate = own / "router.crt"
        done = self.lab.clients.run(
            ["scepclient", "-server-url", self.url, "-private-key", own / "router.key",
             "-certificate", certificate, "-challenge", CHALLENGE, "-cn", name],
            check=False, cwd=own)
        if done.returncode or not certificate.exists():
            return False, done.stderr.strip()[-200:]
        subject = self._subject(certificate)
        if self.key:
            shutil.rmtree(own)
        return name in self.issued() and name in subject, f"certificate received, {subject}"

    def new_key(self, name):
        """An RSA key, made by strongSwan."""
        key = self.directory / f"{name}.key"
        key.write_text(netlab.call(["pki", "--gen", "--type", "rsa", "--size", "2048",
                                    "--outform", "pem"]).stdout)
        return key

    def use_one_key(self):
        """All clients from now on; making keys is not what is tested."""
        path = self.new_key("all")
        # scepclient reads the traditional form only.
        path.write_text(netlab.call(["openssl", "rsa", "-traditional", "-in", path]).stdout)
        self.key = path

    def come_from(self, source):
        """The next clients' address."""
        self.lab.clients.ip("route", "replace", f"{self.lab.ca4}/32", "via", self.lab.client_gw4,
                            "src", source)

    def strongswan_ca(self):
        """`pki --scepca`: the CA's certificate."""
        path = self.directory / "ca.pem"
        done = self.lab.clients.run(["pki", "--scepca", "--url", self.url, "--caout", path,
                                     "--outform", "pem", "--force"], check=False)
        if done.returncode or not path.exists():
            return False, done.stderr.strip()[-200:]
        same = path.read_text().split() == (self.depot / "ca.pem").read_text().split() or \
            self._subject(path) == self._subject(self.depot / "ca.pem")
        return same, f"CA certificate received, {self._subject(path)}"

    def strongswan_enrol(self, name):
        """`pki --scep`, on the CA certificate that strongswan_ca() fetched."""
        key, ca = self.key or self.new_key(name), self.directory / "ca.pem"
        done = self.lab.clients.run(
            ["pki", "--scep", "--url", self.url, "--in", key, "--dn", f"CN={name}", "--password",
             CHALLENGE, "--cacert-enc", ca, "--cacert-sig", ca, "--cipher", "des3",
             "--outform", "pem"], check=False)
        issued = name in self.issued()
        if done.returncode == 0:
            return issued, "certificate received"
        if UNVERIFIED in done.stderr:
            return issued, ("certificate issued by the server and sent; this strongSwan cannot "
                            "verify scepserver's reply, with or without a guard")
        return False, done.stderr.strip()[-200:]


def run(mode):
    """All peers in one mode: [(who, worked, what happened)], and the guard's status text."""
    with netlab.two_armed(f"peers{mode}") as lab:
        peers = Peers(lab)
        guard = None
        if mode != "none":
            guard = Guard(lab, mode)
            guard.start()
        results = [(f"scepclient {i}", *peers.scepclient(f"router-{i}")) for i in (1, 2)]
        results.append(("pki --scepca", *peers.strongswan_ca()))
        # Without the CA certificate there is nothing to enrol with.
        results.append(("pki --scep", *peers.strongswan_enrol("router-3")) if results[-1][1]
                       else ("pki --scep", False, "not tried: no CA certificate"))
        text = guard.command("status").stdout if guard else ""
        if guard:
            guard.stop()
        return results, text


class Row:
    """Enrolments one after the other: how many worked, how long they took, what failed."""

    def __init__(self):
        self.seconds = []
        self.failed = []

    def enrol(self, name, client):
        """One more, by this method of Peers."""
        began = time.monotonic()
        worked, what = client(name)
        self.seconds.append(time.monotonic() - began)
        if not worked:
            self.failed.append(f"{name}: {what}")

    def result(self, who):
        """As run() gives them."""
        count = len(self.seconds)
        longest = max(self.seconds, default=0.0)
        what = f"{count - len(self.failed)} of {count} enrolled, the slowest in {longest:.1f} s"
        return who, not self.failed and count > 0, "; ".join([what] + self.failed[:5])


def in_a_row(peers, count, scale):
    """`count` enrolments, every one from its own address, at the pace of ENROL_RATE."""
    rows = {"scepclient": Row(), "pki --scep": Row()}
    began = time.monotonic()
    for i in range(count):
        time.sleep(max(0.0, began + i * 60 / ENROL_RATE / scale - time.monotonic()))
        peers.come_from(f"10.65.{i // 250}.{i % 250 + 1}")
        if i % STRONGSWAN_EVERY:
            rows["scepclient"].enrol(f"router-{i}", peers.scepclient)
        else:
            rows["pki --scep"].enrol(f"router-{i}", peers.strongswan_enrol)
    return [rows["scepclient"].result(f"scepclient {len(rows['scepclient'].seconds)}"),
            rows["pki --scep"].result("pki --scep")]


def storm_answered(log):
    """Share of the storm's asks that were answered 404, from its own log."""
    attempts = [json.loads(line) for line in log.read_text().splitlines()]
    ends = [a["outcome"] for a in attempts if a["outcome"] != "unfinished"]
    share = ends.count("404") / len(ends) if ends else 0.0
    return f"{len(ends)} asks of the storm, {share:.1%} answered 404"


def run_in_storm(mode, count, scale):
    """Enrolments in a row while a storm blows: as run()."""
    with netlab.two_armed(f"peersstorm{mode}") as lab:
        peers = Peers(lab)
        peers.use_one_key()
        guard = None
        if mode != "none":
            guard = Guard(lab, mode, scale)
            guard.start()
        log = lab.directory / "fleet.jsonl"
        fleet = Fleet(lab, lab.ca4, log=log, minutes=HOURS_MAX * 60 * scale, scale=scale, **STORM)
        peers.come_from("10.65.255.1")
        results = [("pki --scepca", *peers.strongswan_ca())]
        if results[0][1]:
            results += in_a_row(peers, count, scale)
        fleet.process.terminate()
        fleet.finish(30)
        print(f"  {mode}: {storm_answered(log)}", flush=True)
        text = guard.command("status").stdout if guard else ""
        if guard:
            guard.stop()
        return results, text


def print_results(mode, results):
    """One line per client."""
    for who, worked, what in results:
        print(f"  {mode:9} {who:14} {'ok    ' if worked else 'FAILED'} {what}", flush=True)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("modes", nargs="*", default=["none", "observe", "police"])
    parser.add_argument("--storm", type=int, metavar="COUNT",
                        help="COUNT enrolments in a row while a storm blows")
    parser.add_argument("--scale", type=float, default=10,
                        help="compression of the guard's times in the storm (10)")
    return parser.parse_args()


def main():
    options = parse()
    netlab.need_root()
    build_actors()
    failed = 0
    for mode in options.modes:
        results, _ = run_in_storm(mode, options.storm, options.scale) if options.storm else \
            run(mode)
        print_results(mode, results)
        failed += sum(not worked for _, worked, _ in results)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
