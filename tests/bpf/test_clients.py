#!/usr/bin/env python3
"""Real clients, captured on the wire: `scepguard classify --pcap` must name exactly the requests that the
server's own log has, in their order. Captures and keys are made here and thrown away. Root; prints `ok NAME`,
`not ok NAME REASON`.
"""
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).resolve().parents[1] / "lib")]
import netlab  # noqa: E402
from corpus_classes import PROGRAM, class_of  # noqa: E402

FRONT = Path(__file__).resolve().parents[1] / "corpus/readers/front.conf"
SUBMIT = "/usr/lib/certmonger/scep-submit"
CHALLENGE = "lab-only"
CAPS, CERT, NEXT = "GetCACaps", "GetCACert", "GetNextCACert"
GET, POST = "PKIOperation-GET", "PKIOperation-POST"

URLLIB = """
import sys, urllib.request, urllib.error
def ask(operation, data=None):
    try:
        urllib.request.urlopen(f"{sys.argv[1]}?operation={operation}", data, 10).read()
    except urllib.error.HTTPError as error:
        error.read()
for operation in ("GetCACaps", "GetCACert&message=ca", "GetNextCACert&message=ca"):
    ask(operation)
ask("PKIOperation", bytes(range(256)) * 10)
"""
# Head and body in segments of their own, all on one connection.
HTTP_CLIENT = """
import sys, http.client, urllib.parse
where = urllib.parse.urlsplit(sys.argv[1])
conn = http.client.HTTPConnection(where.hostname, where.port or 80, timeout=10)
for method, operation, body in (("GET", "GetCACaps", None), ("GET", "GetNextCACert", None),
                                ("POST", "PKIOperation", bytes(2500)), ("GET", "GetCACert", None)):
    conn.request(method, f"{where.path}?operation={operation}", body)
    conn.getresponse().read()
"""
NODE = """
const http = require('http');
const url = process.argv[1];
const agent = new http.Agent({keepAlive: true, maxSockets: 1});
const ask = (method, operation, body) => new Promise((done) => {
	const request = http.request(`${url}?operation=${operation}`, {method, agent}, (answer) => {
		answer.resume();
		answer.on('end', done);
	});
	request.end(body);
});
(async () => {
	await ask('GET', 'GetCACaps&message=x');
	await ask('POST', 'PKIOperation', Buffer.alloc(2500, 7));
	await ask('GET', 'GetNextCACert');
	agent.destroy();
	await (await fetch(`${url}?operation=GetCACert`, {headers: {connection: 'close'}})).arrayBuffer();
})();
"""
PHP = """
$quiet = stream_context_create(['http' => ['ignore_errors' => true]]);
$post = stream_context_create(['http' => ['ignore_errors' => true, 'method' => 'POST',
    'content' => str_repeat('x', 2500), 'header' => 'Content-Type: application/octet-stream']]);
foreach (['GetCACaps', 'GetCACert', 'GetNextCACert'] as $operation)
    file_get_contents("$argv[1]?operation=$operation", false, $quiet);
file_get_contents("$argv[1]?operation=PKIOperation", false, $post);
"""
PERL = """
use HTTP::Tiny;
my $http = HTTP::Tiny->new(timeout => 10);
$http->get("$ARGV[0]?operation=$_") for qw(GetCACaps GetCACert GetNextCACert);
$http->post("$ARGV[0]?operation=PKIOperation", {content => 'x' x 2500});
"""
# A line at a time, as one types into telnet.
BY_HAND = """
exec 3<> "/dev/tcp/$1/80"
printf 'GET /scep?operation=GetNext' >&3; sleep 0.1
printf 'CACert HTTP/1.1\\r\\n' >&3; sleep 0.1
printf 'Host: ca\\r\\nConnection: close\\r\\n' >&3; sleep 0.1
printf '\\r\\n' >&3
cat <&3 > /dev/null
exec 3<> "/dev/tcp/$1/80"
printf '%s\\n' 'GET /scep?operation=GetCACaps HTTP/1.0' '' >&3
cat <&3 > /dev/null
"""


class Clients:
    """One method a client: the commands it runs in `clients`; its own directory is the current one."""

    def __init__(self, lab, directory):
        self.lab, self.directory = lab, directory

    def run(self, *args):
        self.lab.clients.run(args, check=False, cwd=self.directory, timeout=40)

    def scepclient(self, url):
        self.run("scepclient", "-server-url", url, "-private-key", "key.pem", "-certificate", "cert.pem",
                 "-challenge", CHALLENGE, "-cn", "router")

    def strongswan(self, url):
        self.run("pki", "--scepca", "--url", url, "--caout", "ca.pem", "--outform", "pem", "--force")
        key = netlab.call(["pki", "--gen", "--type", "rsa", "--size", "2048", "--outform", "pem"]).stdout
        (self.directory / "key.pem").write_text(key)
        self.run("pki", "--scep", "--url", url, "--in", "key.pem", "--dn", "CN=router", "--password",
                 CHALLENGE, "--cacert-enc", "ca.pem", "--cacert-sig", "ca.pem", "--cipher", "des3")

    def certmonger(self, url):
        # It asks for a message to send: one that is signed, and no more.
        for words in (["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "own.pem",
                       "-subj", "/CN=router"],
                      ["cms", "-sign", "-in", "own.pem", "-signer", "own.pem", "-inkey", "key.pem", "-binary",
                       "-nodetach", "-outform", "PEM", "-out", "message"]):
            netlab.call(["openssl", *words], cwd=self.directory)
        for words in (["-c"], ["-C"], ["-p", "message"], ["-g", "message"]):
            self.run(SUBMIT, "-u", url, "-i", "router", "-r", self.lab.directory / "depot/ca.pem", *words)

    def curl(self, url):
        (self.directory / "body").write_bytes(bytes(range(256)) * 10)
        quiet = ["curl", "-s", "-g", "-o", "/dev/null", "-o", "/dev/null", "-o", "/dev/null"]
        self.run(*quiet, *(f"{url}?operation={o}" for o in (CAPS, NEXT, CERT)))
        self.run(*quiet, "--http1.0", f"{url}?message=ca&operation={CERT}")
        self.run(*quiet, "-H", "Expect: 100-continue", "--data-binary", "@body",
                 f"{url}?operation=PKIOperation")
        self.run(*quiet, f"{url}?operation=PKIOperation&message=MII{'A' * 3000}")

    def wget(self, url):
        for operation in (CAPS, CERT, NEXT):
            self.run("wget", "-q", "-t", "1", "-O", "/dev/null", f"{url}?operation={operation}")
        self.run("wget", "-q", "-t", "1", "-O", "/dev/null", "--post-data", "x" * 2500,
                 f"{url}?operation=PKIOperation")

    def busybox(self, url):
        for operation in (CAPS, CERT, NEXT):
            self.run("busybox", "wget", "-q", "-O", "/dev/null", f"{url}?operation={operation}")

    def python(self, url):
        self.run("python3", "-c", URLLIB, url)
        self.run("python3", "-c", HTTP_CLIENT, url)

    def node(self, url):
        self.run("node", "-e", NODE, url)

    def php(self, url):
        self.run("php", "-r", PHP, "--", url)

    def perl(self, url):
        self.run("perl", "-e", PERL, url)

    def by_hand(self, url):
        self.run("bash", "-c", BY_HAND, "bash", url.split("//")[1].split("/")[0].strip("[]"))


# Name, program it needs, port, what it has to ask for at least.
CLIENTS = (
    ("scepclient", "scepclient", 80, {CAPS, CERT, POST}),
    ("scepclient, GET", "scepclient", 81, {CAPS, CERT, GET}),
    ("strongswan", "pki", 80, {CERT, POST}),
    ("certmonger", SUBMIT, 80, {CAPS, CERT, GET}),
    ("curl", "curl", 80, {CAPS, CERT, NEXT, GET, POST}),
    ("wget", "wget", 80, {CAPS, CERT, NEXT, POST}),
    ("busybox", "busybox", 80, {CAPS, CERT, NEXT}),
    ("python", "python3", 80, {CAPS, CERT, NEXT, POST}),
    ("node", "node", 80, {CAPS, CERT, NEXT, POST}),
    ("php", "php", 80, {CAPS, CERT, NEXT, POST}),
    ("perl", "perl", 80, {CAPS, CERT, NEXT, POST}),
    ("by hand", "bash", 80, {CAPS, NEXT}),
)


class Server:
    """scepserver behind nginx in `ca`."""

    def __init__(self, lab):
        self.log = lab.directory / "asked.log"
        lab.ca.run(["scepserver", "ca", "-init", "-depot", "depot"], cwd=lab.directory)
        for args in (["scepserver", "-depot", "depot", "-port", "8080", "-challenge", CHALLENGE,
                      "-allowrenew", "0"], ["nginx", "-p", ".", "-c", FRONT]):
            lab.ca.popen(args, cwd=lab.directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for port in (8080, 80, 81):
            netlab.wait_for(lambda p=port: self.listens(lab, p), 10, f"server listening on {port}")

    @staticmethod
    def listens(lab, port):
        try:
            lab.ca.connect(lab.ca4, port, timeout=1).close()
        except OSError:
            return False
        return True

    def asked(self):
        """Classes of the requests so far."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [class_of(*line.split(" ", 1)) for line in lines]


class Capture:
    """tcpdump on the CA's wire; `with Capture(lab, path)`."""

    def __init__(self, lab, path):
        self.tcpdump = lab.ca.popen(
            ["tcpdump", "-i", "ca0", "-s", "0", "-U", "--immediate-mode", "-Z", "root", "-w", path, "tcp"],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def __enter__(self):
        # "listening on ca0": nothing is lost from here on.
        while "listening on" not in (line := self.tcpdump.stderr.readline()):
            if not line:
                raise netlab.LabError("tcpdump ended before it began")
        return self

    def __exit__(self, *_):
        time.sleep(0.15)
        self.tcpdump.send_signal(signal.SIGINT)
        self.tcpdump.communicate(timeout=10)


def guard_says(lab, words, text=None):
    services = [w for port in (80, 81) for a in (lab.ca4, f"[{lab.ca6}]")
                for w in ("--service", f"{a}:{port}")]
    run = subprocess.run([PROGRAM, "classify", *words, *services], capture_output=True, text=True, check=True,
                         timeout=60, input=text)
    return json.loads(run.stdout)


def clients_frames(path, mac):
    """Frames of a capture that did not come from this MAC address, in hex."""
    data, at, own = path.read_bytes(), 24, bytes.fromhex(mac.replace(":", ""))
    while at < len(data):
        size, = struct.unpack_from("<I", data, at + 8)
        frame = data[at + 16:at + 16 + size]
        if frame[6:12] != own:
            yield frame.hex()
        at += 16 + size


def one_run(lab, server, name, port, host):
    """(what is wrong with a client's run, None if nothing; what the server was asked for). The guard sees the
    capture, and then the client's frames without the CA's."""
    directory = lab.directory / f"{name}-{port}-{host.strip('[]')}".replace(" ", "")
    directory.mkdir()
    before = len(server.asked())
    path = directory / "capture.pcap"
    with Capture(lab, path):
        url = f"http://{host}{'' if port == 80 else f':{port}'}/scep"
        getattr(Clients(lab, directory), name.split(",")[0].replace(" ", "_"))(url)
    asked = server.asked()[before:]
    line = json.dumps({"id": name, "packets": list(clients_frames(path, lab.ca.mac("ca0")))})
    for mode in ("police", "intercept"):
        for side, got in (("both sides", guard_says(lab, ["--pcap", path, "--json", "--mode", mode])),
                          ("one side", guard_says(lab, ["--jsonl", "--mode", mode], line + "\n"))):
            if got["classes"] != asked:
                return f"{mode}, from {side} {got['classes']}, the server's log has {asked}", asked
            if got["dropped"]:
                return f"{mode}, from {side} dropped {got['dropped']}", asked
    return None, asked


def run_clients():
    with netlab.two_armed("clients") as lab:
        server = Server(lab)
        for name, program, port, wanted in CLIENTS:
            if not shutil.which(program):
                yield name, None, "not installed (scripts/install-deps.sh)"
                continue
            for host in (lab.ca4, f"[{lab.ca6}]"):
                wrong, asked = one_run(lab, server, name, port, host)
                if not wrong and not wanted <= set(asked):
                    wrong = f"asked only for {asked}"
                family = "IPv6" if ":" in host else "IPv4"
                yield f"live: {name} over {family}: {', '.join(asked)}", wrong, None


def main():
    if os.geteuid():
        print("SKIPPED all: needs root\ntest-clients: 0 passed, 0 failed, 1 skipped")
        return 0
    missing = [p for p in ("nginx", "scepserver", "tcpdump") if not shutil.which(p)]
    if missing:
        print(f"SKIPPED live clients: no {', '.join(missing)} (scripts/install-deps.sh)")
        print("test-clients: 0 passed, 0 failed, 1 skipped")
        return 0
    passed = failed = skipped = 0
    for name, wrong, why in run_clients():
        passed, failed, skipped = passed + (not wrong and not why), failed + bool(wrong), skipped + bool(why)
        print(f"SKIPPED client {name}: {why}" if why else f"not ok {name}: {wrong}" if wrong else f"ok {name}")
    print(f"test-clients: {passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
