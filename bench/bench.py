#!/usr/bin/env python3
"""bench.py - native, vm-cli and QEMU 10 side by side on the rows of bench/guest.

All targets are started once and wait at their prompts; each row then runs on them in turn,
several times over, and the minimum of each counts. Checksums must agree. Started by
`./dev bench`, which makes the files it needs.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import guestfiles
import install
import report
import targets
import whole
from targets import BenchError

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
KINDS = dict(whole.KINDS, install=install.install)
CLASSES = ["int", "fp", "mem", "os", "prog"]
QUICK = ["alu", "fib", "vm", "qsort", "lz", "matmul", "nbody", "chase", "copy", "syscall", "fault",
         "fork", "pipe", "patch", "python3", "sqlite3", "gzip", "sh"]


def options(argv):
    p = argparse.ArgumentParser(prog="./dev bench", description=__doc__.split("\n\n")[0],
                                epilog="Figures are minima over the runs; none is judged.")
    p.add_argument("--arch", default=targets.GUEST.arch, choices=targets.ARCHES,
                   help="of the guests (%s)" % targets.GUEST.arch)
    p.add_argument("--rows", help="only these rows: a,b,c")
    p.add_argument("--class", dest="classes", help="only these classes: %s" % ",".join(CLASSES))
    p.add_argument("--runs", type=int, help="timed runs of a row on each target (5; --quick: 3)")
    p.add_argument("--quick", action="store_true", help="a selection of rows, a minute or two")
    p.add_argument("--list", action="store_true", help="list the rows")
    p.add_argument("--vm", action="append", metavar="[NAME=]PATH",
                   help="a vm-cli to time; several may be given, to compare builds")
    p.add_argument("--vm-args", default="", metavar="WORDS", help="more options for vm-cli run")
    p.add_argument("--targets", default="native,vm,qemu", help="which of native,vm,qemu")
    p.add_argument("--memory", default="1G", help="of each guest (1G)")
    p.add_argument("--cpus", type=int, default=1, help="of each guest (1)")
    p.add_argument("--reps", type=int, default=0, help="work of a row instead of its own count")
    p.add_argument("--whole", metavar="KINDS", help="figures of whole machines instead of rows: "
                   "%s" % ",".join(KINDS))
    p.add_argument("--idle-seconds", type=float, default=60, help="of --whole idle (60)")
    p.add_argument("--login", metavar="KERNEL,INITRD,DISK,ROOT", help="of --whole login: an "
                   "installed system's raw disk, what boots it, and its root device")
    p.add_argument("--out", help="where results.json, table.md and plot.svg go")
    return p.parse_args(argv)


# --- files ------------------------------------------------------------------------------


def assets(arch):
    """What ./dev assets and ./dev bench have made: name -> path."""
    listing = subprocess.run([os.path.join(TOP, "dev"), "assets", "--arch", arch, "--print"],
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False,
                             encoding="utf-8")
    return dict(line.split("=", 1) for line in listing.stdout.splitlines() if "=" in line)


def cache_dir():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.environ.get("VM_DEV_CACHE") or os.path.join(base, "vm-dev")


def need(files, name):
    if name not in files:
        raise BenchError("no %s: ./dev bench makes it" % name)
    return files[name]


class Workplace:
    """The files of one run, in memory: this and no disk is what guests read."""

    def __init__(self, files, with_disk):
        room = "/dev/shm" if os.path.isdir("/dev/shm") else None
        self.folder = tempfile.mkdtemp(prefix="vm-bench-", dir=room)
        made = os.path.join(cache_dir(), "bench-files", targets.GUEST.arch)
        guestfiles.prepare(made)
        self.native = shutil.copytree(os.path.join(made, "native"), self._path("native"))
        self.kernel = shutil.copy(need(files, "Image"), self._path("Image"))
        self.initrd = self._path("initrd")
        guestfiles.make_initramfs(need(files, "initrd.cpio"), os.path.join(made, "guest"),
                                  self.initrd)
        self.plain_initrd = shutil.copy(need(files, "initrd.cpio"), self._path("initrd.cpio"))
        self.disk = self.tree = None
        if with_disk:
            self.tree = need(files, "bench-native")
            self.disk = self._path("root.ext4")
            subprocess.run(["cp", "--sparse=always", need(files, "bench-root.ext4"), self.disk],
                           check=True)

    def _path(self, name):
        return os.path.join(self.folder, name)

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)


# --- rows -------------------------------------------------------------------------------


def all_rows(place):
    """(name, class) of every row, as the driver lists them."""
    listing = subprocess.run([os.path.join(place.native, "driver"), "list"],
                             stdout=subprocess.PIPE, check=True, encoding="utf-8").stdout
    return [tuple(line.split()) for line in listing.splitlines()]


def wanted_rows(rows, opt):
    by_name = dict(rows)
    if opt.rows:
        names = opt.rows.split(",")
        for name in names:
            if name not in by_name:
                raise BenchError("no row \"%s\": --list shows them" % name)
        return [(name, by_name[name]) for name in names]
    classes = (opt.classes or ",".join(CLASSES)).split(",")
    chosen = [r for r in rows if r[1] in classes and (not opt.quick or r[0] in QUICK)]
    if not chosen:
        raise BenchError("no row of class \"%s\"" % opt.classes)
    return chosen


# --- running ----------------------------------------------------------------------------


def vm_programs(opt):
    """(name, path) of each vm-cli."""
    programs = []
    for text in opt.vm or [os.path.join(TOP, "build-release", "bin", "vm-cli")]:
        name, _, path = text.rpartition("=")
        name = name or ("vm" if not programs else "vm%d" % (len(programs) + 1))
        if not os.access(path, os.X_OK):
            raise BenchError("no program %s" % path)
        programs.append((name, path))
    return programs


def start_targets(opt, files, place):
    """Starts what was asked for and waits for the prompts; on a fault, none is left."""
    started = []
    guest = {"kernel": place.kernel, "initrd": place.initrd, "disk": place.disk,
             "memory": opt.memory, "cpus": opt.cpus}
    kinds = opt.targets.split(",")
    try:
        if "native" in kinds:
            started.append(targets.Native(place.native, place.tree))
        if "vm" in kinds:
            for name, path in vm_programs(opt):
                started.append(targets.start_vm(name, path, opt.vm_args.split(), **guest))
        if "qemu" in kinds:
            for model in targets.ARCH.models:
                started.append(targets.start_qemu(need(files, targets.ARCH.qemu + "-10"), model,
                                                  **guest))
        for target in started:
            target.wait_ready()
    except BaseException:
        for target in started:
            target.close()
        raise
    return started


def row_figures(results):
    """The first run apart, the least of the others."""
    timed = results[1:]
    return {"wall_ns": min(r.wall for r in timed), "cpu_ns": min(r.cpu for r in timed),
            "host_ns": min(r.host for r in timed), "first_ns": results[0].wall,
            "first_cpu_ns": results[0].cpu, "walls_ns": [r.wall for r in timed]}


def run_row(name, kind, running, runs, reps):
    """All runs of a row, targets in turn, as the record that goes into results.json."""
    record = {"row": name, "class": kind, "targets": {}}
    seen = {t.name: [] for t in running}
    for turn in range(runs + 1):  # the first warms caches and translations; kept as "first"
        for target in running[turn % len(running):] + running[:turn % len(running)]:
            seen[target.name].append(target.run(name, reps))
    for target in running:
        figures = dict(row_figures(seen[target.name]), target=target.name)
        best = record["targets"].setdefault(target.group, figures)
        if figures["wall_ns"] < best["wall_ns"]:
            record["targets"][target.group] = figures
        if target.name != target.group:
            record.setdefault("members", {})[target.name] = figures
    sums = {r.checksum for results in seen.values() for r in results}
    record["checksum"] = sums.pop() if len(sums) == 1 else None
    if sums:
        record["checksums"] = {label: sorted({r.checksum for r in results})
                               for label, results in seen.items()}
    return record


def description(opt):
    """What every results.json begins with."""
    return {"arch": opt.arch, "runs": opt.runs, "cpus": opt.cpus, "memory": opt.memory,
            "host": report.host_description(),
            "compilers": {k: guestfiles.compiler_version(k) for k in guestfiles.COMPILERS},
            "flags": " ".join(guestfiles.FLAGS), "rows": []}


def run_whole(opt, files, place):
    """The figures of whole machines that were asked for."""
    qemu = need(files, targets.ARCH.qemu + "-10") if "qemu" in opt.targets.split(",") else None
    kinds = whole.guest_kinds(opt, vm_programs(opt), qemu)
    result = description(opt)
    for kind in opt.whole.split(","):
        if kind not in KINDS:
            raise BenchError("no figures \"%s\": %s" % (kind, ", ".join(KINDS)))
        result[kind] = KINDS[kind](opt, kinds, place)
        whole.show(kind, result[kind])
    return result


def run_rows(opt, files, place, rows):
    running = start_targets(opt, files, place)
    lines = {}
    for t in running:
        lines[t.group] = lines[t.group] + "; or " + t.line if t.group in lines else t.line
    result = dict(description(opt), targets=lines)
    try:
        printer = report.Printer(list(result["targets"]))
        printer.head(result)
        for name, kind in rows:
            record = run_row(name, kind, running, opt.runs, opt.reps)
            result["rows"].append(record)
            printer.row(record)
    finally:
        for target in running:
            target.close()
    printer.means(result)
    return result


def main(argv):
    opt = options(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("bench: ended by a signal"))
    opt.runs = opt.runs or (3 if opt.quick else 5)
    files = assets(opt.arch)
    programs = "bench-root.ext4" in files and "bench-native" in files
    place = Workplace(files, programs)
    try:
        rows = all_rows(place)
        if opt.list:
            for name, kind in rows:
                print("%-10s %s" % (name, kind))
            return 0
        if opt.whole:
            result = run_whole(opt, files, place)
        else:
            chosen = wanted_rows(rows, opt)
            if not programs and any(kind in ("prog", "smp") for _, kind in chosen):
                raise BenchError("no Debian programs: ./dev bench makes them")
            result = run_rows(opt, files, place, chosen)
            if not (opt.rows or opt.classes or opt.quick):
                opt.whole = "interp"
                result.update(interp=run_whole(opt, files, place)["interp"])
    finally:
        place.close()
    if opt.out:
        report.write(result, opt.out)
    return 0 if all(r["checksum"] for r in result["rows"]) else 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (BenchError, targets.vm.TestFailed, OSError, subprocess.SubprocessError) as why:
        print("bench: %s" % why, file=sys.stderr)
        sys.exit(1)
