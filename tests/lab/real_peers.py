#!/usr/bin/env python3
"""Real SCEP software through the guard: micromdm's scepclient and strongSwan's pki against
micromdm's scepserver (Debian package `scep`), in real time.

    real_peers.py [none|observe|police]

What each peer can do with the other was found without a guard and is expected with one:
scepclient enrols; `pki --scepca` fetches the CA certificate; `pki --scep` 5.9.8 has its
certificate issued but cannot verify the server's reply (it wants an RSA-with-digest OID), so
there the server's store is what counts.  It also misreads the capabilities and refuses
AES: hence --cipher des3.
"""

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

import netlab  # noqa: E402
from guard import Guard  # noqa: E402

CHALLENGE = "lab-only"
UNVERIFIED = "unable to verify PKCS#7 container"


class Peers:
    """The server in `ca`, clients in `clients`; every method is one client's whole run."""

    def __init__(self, lab):
        self.lab = lab
        self.directory = lab.directory
        self.depot = self.directory / "depot"
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
        certificate = own / "router.crt"
        done = self.lab.clients.run(
            ["scepclient", "-server-url", self.url, "-private-key", own / "router.key",
             "-certificate", certificate, "-challenge", CHALLENGE, "-cn", name],
            check=False, cwd=own)
        if done.returncode or not certificate.exists():
            return False, done.stderr.strip()[-200:]
        subject = self._subject(certificate)
        return name in self.issued() and name in subject, f"certificate received, {subject}"

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
        key, ca = self.directory / f"{name}.key", self.directory / "ca.pem"
        key.write_text(netlab.call(["pki", "--gen", "--type", "rsa", "--size", "2048",
                                    "--outform", "pem"]).stdout)
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


def print_results(mode, results):
    """One line per client."""
    for who, worked, what in results:
        print(f"  {mode:8} {who:13} {'ok    ' if worked else 'FAILED'} {what}", flush=True)


def main():
    netlab.need_root()
    failed = 0
    for mode in sys.argv[1:] or ["none", "observe", "police"]:
        results, _ = run(mode)
        print_results(mode, results)
        failed += sum(not worked for _, worked, _ in results)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
