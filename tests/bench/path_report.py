"""What the benchmarks print and keep: medians with quartiles, beside what is demanded.

    row = Row("SYN flood, guard", {"ns": Spread([...]), "of XDP_DROP": Spread([...])})
    row.demand("of XDP_DROP", must=0.70, aim=0.93)
    report = Report("path", [row], {"rounds": 15})
    report.show()
    report.write("build/bench/path.json")
"""

import datetime
import json
import os
import platform
import statistics
from pathlib import Path

HEADER_END = ("must", "aim", "")


class Spread:
    """Figures of the same thing; their median counts."""

    def __init__(self, figures):
        self.figures = sorted(figures)
        self.median = statistics.median(self.figures)

    def quartiles(self):
        """25th and 75th percentile; of fewer than two figures, the figure itself."""
        if len(self.figures) < 2:
            return self.median, self.median
        low, _, high = statistics.quantiles(self.figures, n=4, method="inclusive")
        return low, high

    def __str__(self):
        if len(self.figures) < 2:
            return number(self.median)
        low, high = (number(quartile) for quartile in self.quartiles())
        median = number(self.median)
        return median if low == high == median else f"{median} ({low} to {high})"

    def as_dict(self):
        low, high = self.quartiles()
        return {"median": self.median, "quartiles": [low, high], "figures": self.figures}


def number(value):
    """Three or four digits that mean something."""
    if abs(value) >= 100 or value == int(value):
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"


class Row:
    """One line of the table: a name, figures, and perhaps what is demanded of one of them."""

    def __init__(self, name, figures):
        self.name = name
        self.figures = {key: value if isinstance(value, (Spread, str)) else Spread([value])
                        for key, value in figures.items()}
        self.demands = []

    def demand(self, figure, must=None, aim=None, least=True):
        """`figure` must reach `must` (least=False: must not exceed it)."""
        self.demands.append({"figure": figure, "must": must, "aim": aim, "least": least})
        return self

    def _reached(self, demand, wanted):
        median = self.figures[demand["figure"]].median
        return median >= wanted if demand["least"] else median <= wanted

    def missed(self):
        return [d for d in self.demands if not self._reached(d, d["must"])]

    def verdict(self):
        """must, aim, ok or MISSED, as cells; several demands are separated by a semicolon."""
        if not self.demands:
            return ["", "", ""]
        words = []
        for demand in self.demands:
            if not self._reached(demand, demand["must"]):
                words.append("MISSED")
            elif demand["aim"] is not None and not self._reached(demand, demand["aim"]):
                words.append("ok, aim missed")
            else:
                words.append("ok")

        def limits(which):
            return "; ".join(f"{'≥' if d['least'] else '≤'} {number(d[which])}"
                             if d[which] is not None else "-" for d in self.demands)
        return [limits("must"), limits("aim"), "; ".join(words)]

    def as_dict(self):
        return {"name": self.name, "demands": self.demands, "missed": bool(self.missed()),
                "figures": {key: value if isinstance(value, str) else value.as_dict()
                            for key, value in self.figures.items()}}


def cpu_model():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith(("model name", "Model")):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def mitigations():
    """What the kernel does against its CPU's weaknesses, which is most of what a call costs."""
    folder = Path("/sys/devices/system/cpu/vulnerabilities")
    found = {file.name: file.read_text().strip() for file in sorted(folder.glob("*"))}
    return {name: text for name, text in found.items() if text.startswith("Mitigation")}


class Report:
    """Rows and the conditions under which they came about."""

    def __init__(self, name, rows, conditions):
        self.name = name
        self.rows = rows
        self.conditions = {
            "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            "kernel": platform.release(), "cpu model": cpu_model(), "cpus": os.cpu_count(),
            "load before": os.getloadavg()[0], "mitigations": mitigations(), **conditions}

    def missed(self):
        return [row.name for row in self.rows if row.missed()]

    def _columns(self):
        names = []
        for row in self.rows:
            names += [name for name in row.figures if name not in names]
        return names

    def show(self):
        """A markdown table; an empty line before and after."""
        columns = self._columns()
        said = self.conditions
        print(f"\n{self.name}: {said['cpu model']}, {said['cpus']} CPUs, Linux {said['kernel']}, "
              f"{said['date']}; median (quartiles)\n")
        demanded = any(row.demands for row in self.rows)
        lines = [["", *columns, *(HEADER_END if demanded else ())]]
        for row in self.rows:
            cells = [str(row.figures.get(name, "")) for name in columns]
            lines.append([row.name, *cells, *(row.verdict() if demanded else ())])
        print("| " + " | ".join(lines[0]) + " |")
        print("|" + " --- |" * len(lines[0]))
        for line in lines[1:]:
            print("| " + " | ".join(line) + " |")
        print(flush=True)

    def write(self, path):
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"name": self.name, "conditions": self.conditions,
                                    "rows": [row.as_dict() for row in self.rows]}, indent=1) + "\n")
