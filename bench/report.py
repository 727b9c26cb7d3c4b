"""report.py - what bench.py shows: a line for each row, geometric means, JSON, SVG."""

import json
import math
import os
import platform

CLASS_NAMES = {"int": "integer", "fp": "floating point", "mem": "memory",
               "os": "operating system", "prog": "programs", "smp": "several CPUs"}


def host_description():
    model = platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as f:
            for line in f:
                if line.startswith("model name"):
                    model = line.split(":", 1)[1].strip()
                    break
    except OSError:
        pass
    return "%s, %d CPUs, Linux %s" % (model, os.cpu_count() or 1, platform.release())


def geomean(values):
    values = [v for v in values if v and v > 0]
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def ratio(record, above, below, key="wall_ns"):
    """time(above) / time(below): how many times faster `below` is; None without both."""
    t = record["targets"]
    if above not in t or below not in t or not t[below][key]:
        return None
    return t[above][key] / t[below][key]


def _cell(value, form="%.2f"):
    return "-" if value is None else form % value


class Columns:
    """The figures of a row: times, then ratios by wall clock and by CPU time."""

    def __init__(self, names):
        self.names = names
        self.vms = [n for n in names if n not in ("native", "qemu")]
        self.base = "qemu" if "qemu" in names else (self.vms[0] if len(self.vms) > 1 else None)
        self.compared = [n for n in self.vms if n != self.base]
        self.ratios = []
        for n in self.compared if self.base else []:
            self.ratios += [(self.base + "/" + n, self.base, n, "wall_ns"),
                            ("by CPU", self.base, n, "cpu_ns"),
                            ("first", self.base, n, "first_ns")]
        if "native" in names and self.base:
            self.ratios.append((self.base + "/native", self.base, "native", "cpu_ns"))
        if "native" in names:
            self.ratios += [(n + "/native", n, "native", "cpu_ns") for n in self.compared]

    def heads(self):
        return ["row", "class"] + [n + " ms" for n in self.names] + [r[0] for r in self.ratios]

    def cells(self, record):
        times = [_cell(record["targets"][n]["wall_ns"] / 1e6, "%.1f") for n in self.names]
        return [record["row"], record["class"]] + times + [
            _cell(ratio(record, above, below, key)) for _, above, below, key in self.ratios]

    def mean_cells(self, label, records):
        return ["geomean", label] + ["" for _ in self.names] + [
            _cell(geomean([ratio(r, above, below, key) for r in records]))
            for _, above, below, key in self.ratios]


class Printer:
    def __init__(self, names):
        self.columns = Columns(names)

    def _line(self, cells):
        print("%-10s %-5s" % tuple(cells[:2]) + "".join("%12s" % c for c in cells[2:]), flush=True)

    def head(self, result):
        for name, line in result["targets"].items():
            print("# %s: %s" % (name, line))
        print("# %s; minima of %d runs; ratios over 1: the second is faster" %
              (result["host"], result["runs"]))
        self._line(self.columns.heads())

    def row(self, record):
        self._line(self.columns.cells(record))
        if not record["checksum"]:
            print("# %s: checksums differ: %s" % (record["row"], record["checksums"]), flush=True)

    def means(self, result):
        for cells in mean_rows(self.columns, result["rows"]):
            self._line(cells)
        for line in slow_rows(self.columns, result["rows"]):
            print("# " + line, flush=True)


def mean_rows(columns, records):
    classes = [c for c in CLASS_NAMES if any(r["class"] == c for r in records)]
    rows = [columns.mean_cells(c, [r for r in records if r["class"] == c]) for c in classes]
    return rows + [columns.mean_cells("all", [r for r in records if r["class"] != "smp"])]


def slow_rows(columns, records):
    """A sentence for each machine that loses rows on which native shows there is room."""
    for name in columns.compared if columns.base else []:
        slow = []
        for r in records:
            ours, room = ratio(r, columns.base, name), ratio(r, columns.base, "native", "cpu_ns")
            if ours < 0.8 and (room is None or room >= 1.2):
                slow.append("%s %.2f" % (r["row"], ours))
        if slow:
            yield "%s below 0.8 of %s: %s" % (name, columns.base, ", ".join(slow))


def markdown(result):
    columns = Columns(list(result["targets"]))
    lines = ["%s: `%s`  " % item for item in result["targets"].items()]
    lines += ["%s; minima of %d runs; compilers: %s; flags: `%s`" %
              (result["host"], result["runs"], "; ".join(result["compilers"].values()),
               result["flags"]), ""]
    lines += ["| " + " | ".join(columns.heads()) + " |",
              "|" + "---|" * len(columns.heads())]
    lines += ["| " + " | ".join(columns.cells(r)) + " |" for r in result["rows"]]
    lines += ["| " + " | ".join(c) + " |" for c in mean_rows(columns, result["rows"])]
    lines += [""] + list(slow_rows(columns, result["rows"]))
    return "\n".join(lines) + "\n"


# --- the plot ---------------------------------------------------------------------------

COLOURS = {"int": "#4477aa", "fp": "#ee6677", "mem": "#228833", "os": "#ccbb44",
           "prog": "#66ccee", "smp": "#aa3377"}


def _text(x, y, text, anchor="start", size=11):
    text = text.replace("&", "&amp;").replace("<", "&lt;")
    return '<text x="%.1f" y="%.1f" text-anchor="%s" font-size="%d">%s</text>' % (
        x, y, anchor, size, text)


def plot(result):
    """Bars of base-time / our-time on a logarithmic scale, one a row; a tick where native is."""
    columns = Columns(list(result["targets"]))
    if not columns.compared or not columns.base:
        return None
    ours, base = columns.compared[0], columns.base
    bars = [(r, ratio(r, base, ours), ratio(r, base, "native", "cpu_ns")) for r in result["rows"]]
    left, width, step, top = 90, 560, 16, 40
    low, high = 0.25, max([32.0] + [2 * (n or b or 1) for _, b, n in bars])
    high = min(high, 256.0)

    def x_of(value):
        part = math.log(min(max(value, low), high) / low) / math.log(high / low)
        return left + width * part

    height = top + step * len(bars) + 24
    out = ['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" '
           'font-family="sans-serif">' % (left + width + 60, height),
           '<rect width="100%" height="100%" fill="white"/>',
           _text(left, 16, "%s time / %s time (over 1: %s is faster); black tick: native" %
                 (base, ours, ours), size=12)]
    mark = low
    while mark <= high:
        out.append('<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="%s"/>' % (
            x_of(mark), top - 6, x_of(mark), height - 18, "#444" if mark == 1 else "#ddd"))
        out.append(_text(x_of(mark), height - 5, "%g" % mark, "middle"))
        mark *= 2
    for i, (record, bar, native) in enumerate(bars):
        y = top + step * i
        out.append(_text(left - 6, y + 10, record["row"], "end"))
        if bar:
            x0, x1 = sorted((x_of(1), x_of(bar)))
            out.append('<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s"/>' % (
                x0, y, max(x1 - x0, 1), step - 5, COLOURS[record["class"]]))
            out.append(_text(x1 + 3, y + 10, "%.2f" % bar, size=9))
        if native:
            out.append('<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="black" '
                       'stroke-width="2"/>' % (x_of(native), y - 1, x_of(native), y + step - 4))
    return "\n".join(out + ["</svg>"]) + "\n"


def write(result, folder):
    """results.json, table.md and plot.svg in the folder."""
    os.makedirs(folder, exist_ok=True)
    files = {"results.json": json.dumps(result, indent=1) + "\n"}
    if result["rows"]:
        files.update({"table.md": markdown(result), "plot.svg": plot(result)})
    for name, text in files.items():
        if text:
            with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
                f.write(text)
    print("# written: %s" % folder)
