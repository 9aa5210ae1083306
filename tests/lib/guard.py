"""The guard under test: a configuration, `scepguard run` in the gateway, stop and detach.

    guard = Guard(lab, "police", time_scale=10, limits={"connections": 80, ...})
    guard.start()
    ...
    guard.stop()
"""

import json
import subprocess

from netlab_core import ROOT, LabError, stop, wait_for

PROGRAM = ROOT / "build" / "scepguard"
READY_S = 20
STATUS_ANSWERED = (0, 5)  # 5: answered, and a CA is deaf or does not answer (scepguard(8))


def _yaml(value, indent=0):
    """Nested dicts, lists and scalars as YAML (JSON scalars and flow lists are YAML)."""
    pad = "  " * indent
    lines = []
    for key, item in value.items():
        if isinstance(item, dict) and item:
            lines += [f"{pad}{key}:", _yaml(item, indent + 1)]
        elif isinstance(item, list) and item and isinstance(item[0], dict):
            lines.append(f"{pad}{key}:")
            for one in item:
                body = _yaml(one, indent + 2)
                lines.append(f"{pad}  - {body.lstrip()}")
        elif isinstance(item, list):
            lines.append(f"{pad}{key}: [{', '.join(map(str, item))}]")
        else:
            lines.append(f"{pad}{key}: {item}")
    return "\n".join(lines)


class Guard:
    """One instance, private to a lab: its paths lie in the lab's scratch directory and bpffs."""

    def __init__(self, lab, mode, time_scale=1, limits=None, service=None, **top):
        """`limits` in field units (numbers: seconds); `service` and `top` add or replace keys."""
        limits = dict(limits or {"connections": 80, "window": 60, "block": 15,
                                 "max_connections": 16})
        for key in ("window", "block"):
            limits[key] = f"{limits[key]}s"
        self.lab = lab
        self.directory = lab.directory / "guard"
        self.directory.mkdir(exist_ok=True)
        self.config_path = self.directory / "scepguard.yaml"
        self.log_path = self.directory / "log"
        self.process = None
        self.config = {
            "mode": mode, "interfaces": lab.gw_interfaces(), "time_scale": f"{time_scale:g}",
            "paths": {"runtime": self.directory / "run", "bpffs": lab.bpffs() / "scepguard",
                      "state": self.directory / "state"},
            "services": [{"name": "lab-ca", "addresses": [lab.ca4, f'"{lab.ca6}"'],
                          "ports": [80], "profile": "cisco-ios", "limits": limits,
                          **(service or {})}],
            "metrics": {"listen": '"off"'},
            **top,
        }

    def write_config(self):
        """Write self.config; its path."""
        self.config_path.write_text(_yaml(self.config) + "\n")
        return self.config_path

    def command(self, *words, check=True):
        """`scepguard WORDS -c FILE` in the gateway; CompletedProcess."""
        done = self.lab.gw.run([PROGRAM, *words, "-c", self.config_path], check=False)
        fine = STATUS_ANSWERED if words[0] == "status" else (0,)
        if check and done.returncode not in fine:
            raise LabError(f"scepguard {' '.join(words)}: exit {done.returncode}: "
                           f"{done.stderr.strip()}")
        return done

    def start(self):
        """Start the daemon and wait until `status` answers."""
        if not PROGRAM.exists():
            raise LabError(f"'{PROGRAM}' is missing: run make first")
        self.write_config()
        with open(self.log_path, "ab") as log:
            self.process = self.lab.gw.popen([PROGRAM, "run", "-c", self.config_path],
                                             stdout=log, stderr=subprocess.STDOUT)
        # Links pinned in the bpffs outlive the daemon: take them off whatever happens.
        self.lab.on_close(self._end)
        try:
            wait_for(self._is_ready, READY_S, "scepguard ready")
        except LabError as error:
            raise LabError(f"{error}; its log:\n{self.log()}") from error

    def _is_ready(self):
        if self.process.poll() is not None:
            raise LabError(f"scepguard ended with status {self.process.returncode}")
        return self.command("status", "--json", check=False).returncode in STATUS_ANSWERED

    def status(self):
        """`status --json` as a dict."""
        return json.loads(self.command("status", "--json").stdout)

    def log(self):
        """What the daemon printed so far."""
        return self.log_path.read_text(errors="replace")

    def stop(self):
        """Daemon ends, then links and maps go. LabError if either does not work."""
        process, self.process = self.process, None
        if process and process.poll() not in (None, 0):
            raise LabError(f"scepguard ended with status {process.returncode}:\n{self.log()}")
        if process and stop(process) != 0:
            raise LabError(f"scepguard ended with status {process.returncode}:\n{self.log()}")
        self.command("detach")

    def _end(self):
        if self.process:
            self.stop()
