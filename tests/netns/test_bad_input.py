#!/usr/bin/env python3
"""Bad input: `run` ends with one clear sentence that says what to do; nothing is half attached."""

import os
import unittest

import netlab
from support import PROGRAM, Case, main


class BadInput(Case):
    """One lab, one start per case."""

    def refused(self, lab, guard, *says, wrap=()):
        """`run` fails and says all of this in one line; no link, no pin."""
        done = lab.gw.run([*wrap, PROGRAM, "run", "-c", guard.config_path], check=False, timeout=30)
        said = done.stdout + done.stderr
        self.assertEqual(done.returncode, 1, said)
        lines = [line for line in said.splitlines() if all(word in line for word in says)]
        self.assertEqual(len(lines), 1, f"{says} in one line of:\n{said}")
        self.assertLessEqual(len(said.splitlines()), 2, said)
        self.assertEqual(self.attached(lab), {})
        self.assertEqual([p for p in guard.pins() if "/links/" in p or "/maps/" in p], [])
        return said

    def begin(self):
        lab = self.lab()
        guard = self.guard(lab, start=False)
        guard.write_config()
        return lab, guard

    def edit(self, guard, old, new):
        text = guard.write_config().read_text()
        self.assertIn(old, text)
        guard.config_path.write_text(text.replace(old, new, 1))

    def test_configuration(self):
        lab, guard = self.begin()
        self.edit(guard, "mode: police", "mode: police\ncolour: red")
        self.refused(lab, guard, "scepguard.yaml:2: ", "colour")
        self.edit(guard, "window: 60s", "window: 60 parsecs")
        self.refused(lab, guard, "scepguard.yaml:", "limits.window", "60 parsecs", "60s")
        self.edit(guard, "window: 60s", "window: 60")
        self.refused(lab, guard, "limits.window", "expected")
        self.edit(guard, "mode: police", "mode: interrupt")
        self.refused(lab, guard, "interrupt")
        self.edit(guard, lab.ca4, lab.ca4 + "00")
        self.refused(lab, guard, "addresses", lab.ca4 + "00")
        guard.config_path.write_text("mode: [police\n")
        self.refused(lab, guard, "scepguard.yaml:")
        guard.config_path.unlink()
        self.refused(lab, guard, "scepguard.yaml", "No such file")

    def test_overlapping_services(self):
        lab, guard = self.begin()
        guard.config["services"].append({"name": "other", "addresses": [lab.ca4], "ports": [80]})
        guard.write_config()
        self.refused(lab, guard, "other", lab.ca4)

    def test_address_family(self):
        lab, guard = self.begin()
        guard.config["sources"] = {"prefixes": [{"prefix": "10.0.0.0/64", "deny": "true"}]}
        guard.write_config()
        self.refused(lab, guard, "10.0.0.0/64")

    def test_interface_missing(self):
        """Of two interfaces the first is there: it must be free again."""
        lab, guard = self.begin()
        guard.config["interfaces"] = ["gw0", "gw9"]
        guard.write_config()
        self.refused(lab, guard, "gw9", "does not exist", "ip -br link")

    def test_no_privilege(self):
        lab, guard = self.begin()
        os.chmod(lab.directory, 0o755)
        for place in ("run", "state"):
            path = guard.directory / place
            path.mkdir()
            os.chown(path, 65534, 65534)
        nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                  "--inh-caps=-all", "--bounding-set=-all"]
        said = self.refused(lab, guard, "root", wrap=nobody)
        self.assertRegex(said, r"CAP_BPF|root")

    def test_bpffs_missing(self):
        lab, guard = self.begin()
        guard.config["paths"]["bpffs"] = lab.directory / "plain"
        guard.write_config()
        self.refused(lab, guard, "not on a bpf file system", "mount -t bpf")
        self.assertFalse((lab.directory / "plain").exists())

    def test_another_layout(self):
        lab, guard = self.begin()
        (lab.bpffs() / "scepguard" / "v0").mkdir(parents=True)
        self.refused(lab, guard, "v0", "another layout", "detach")

    def test_metrics_address_taken(self):
        """Not worth refusing traffic's guard for: it says so and goes on, or ends and leaves nothing."""
        lab = self.lab()
        taken = lab.gw.inside(self.listen)
        self.addCleanup(taken.close)
        guard = self.guard(lab, start=False, metrics={"listen": "127.0.0.1:9834"})
        try:
            guard.start()
        except netlab.LabError:
            self.assertEqual(self.attached(lab), {})
        self.assertIn("9834", guard.log())
        self.assertLessEqual(guard.log().count("error"), 1, guard.log())

    @staticmethod
    def listen():
        import socket
        return socket.create_server(("127.0.0.1", 9834))


if __name__ == "__main__":
    main()
