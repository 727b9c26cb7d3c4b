#!/usr/bin/env python3
"""test_bench.py - the benchmark tool works: a tiny row, its checksum, its report. No speed."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import xml.dom.minidom

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import bench
import fio
import guestfiles
import install
import report
import targets
import whole
from targets import vm


def run_tool(folder, *words):
    return vm.run_cli(["--vm", vm.vm_cli(), "--runs", "1", "--reps", "1", "--out", folder] +
                      vm.GUEST.options + list(words), command=[sys.executable, bench.__file__])


def tiny_row():
    vm.asset("Image")
    vm.asset("initrd.cpio")
    for compiler in guestfiles.COMPILERS.values():
        if not shutil.which(compiler):
            raise vm.Skip("no %s" % compiler)
    with tempfile.TemporaryDirectory() as folder:
        status, out, err = run_tool(folder, "--targets", "native,vm", "--rows", "alu,fork,patch",
                                    "--memory", "256M")
        vm.check(status == 0, "status %d\n%s%s" % (status, out, err))
        with open(os.path.join(folder, "results.json"), encoding="utf-8") as f:
            rows = json.load(f)["rows"]
    vm.check([r["row"] for r in rows] == ["alu", "fork", "patch"], "rows: %s" % rows)
    for row in rows:
        vm.check(row["checksum"], "checksums differ: %s" % row)
        for figures in row["targets"].values():
            vm.check(0 < figures["wall_ns"] <= figures["host_ns"] * 2, "times: %s" % row)


def interpreter_speed():
    vm.asset("Image")
    vm.asset("initrd.cpio")
    with tempfile.TemporaryDirectory() as folder:
        status, out, err = run_tool(folder, "--targets", "vm", "--whole", "interp",
                                    "--reps", "1500")
        vm.check(status == 0, "status %d\n%s%s" % (status, out, err))
        with open(os.path.join(folder, "results.json"), encoding="utf-8") as f:
            figure = json.load(f)["interp"]["vm"]["million insns/s"]
    vm.check(figure > 0 and "%.2f" % figure in out, "%s, printed: %s" % (figure, out))


def rows_too_short():
    """A boot of 1000 instructions and rows of 100, lost in the difference of two boots."""
    for insns in (1100, 990):
        try:
            speed = whole.interp_speed("vm", insns, 1000, 5)
        except targets.BenchError as error:
            vm.check("give more --reps" in str(error), error)
        else:
            vm.check(False, "a speed of %s was printed" % speed)


def unknown_row():
    vm.asset("Image")
    vm.asset("initrd.cpio")
    with tempfile.TemporaryDirectory() as folder:
        status, _, err = run_tool(folder, "--rows", "alu,nosuch")
    vm.check(status == 1 and 'no row "nosuch"' in err, "status %d: %s" % (status, err))


def what_was_installed():
    """Kernel, initramfs and words are those of the disk's one boot entry."""
    tools = [shutil.which(t, path="/usr/sbin:/sbin:/usr/bin") for t in ("mke2fs", "debugfs")]
    if None in tools:
        raise vm.Skip("no e2fsprogs")
    with tempfile.TemporaryDirectory() as folder:
        disk, tree = os.path.join(folder, "disk"), os.path.join(folder, "boot")
        os.makedirs(tree + "/loader/entries")
        for name, text in (("vmlinux-7", "a kernel"), ("initrd-7", "an initramfs"),
                           ("loader/entries/7.conf", "title A system\nlinux /vmlinux-7\n"
                            "initrd /initrd-7\noptions root=x ro\n")):
            with open(os.path.join(tree, name), "w", encoding="utf-8") as f:
                f.write(text)
        with open(disk, "wb") as f:
            f.truncate(8 << 20)
        subprocess.run([tools[0], "-q", "-F", "-t", "ext4", "-d", tree, "-E",
                        "offset=%d" % install.BOOT_AT, disk, "4M"], check=True)
        kernel, initrd, words = install.installed(disk, folder)
        with open(kernel, encoding="utf-8") as k, open(initrd, encoding="utf-8") as i:
            texts = k.read(), i.read()
    vm.check((texts, words) == (("a kernel", "an initramfs"), "root=x ro"),
             "%s, %s" % (texts, words))


def fio_line():
    """A line of fio 3.39, after what a console echoes; and one of a run that failed."""
    read = ["3", "fio-3.39", "row", "0", "0", "64", "2048", "181"] + ["0"] * 39
    line = "fio --output-format=terse\n" + ";".join(read + ["512", "128"]) + "\n"
    vm.check(fio.bandwidth("randread", line) == 2, "read: %s" % line)
    vm.check(fio.bandwidth("write", line) == 0.5, "written: %s" % line)
    for bad in ("fio: no such file", line.replace("row;0;0", "row;0;5")):
        try:
            fio.bandwidth("read", bad)
        except targets.BenchError:
            continue
        vm.check(False, "taken for a result: %s" % bad)


def record(name, kind, **wall):
    figures = {n: {"wall_ns": t, "cpu_ns": t, "first_ns": t} for n, t in wall.items()}
    return {"row": name, "class": kind, "checksum": "1", "targets": figures}


def shows():
    """Means by class, the table and the plot, of figures made up."""
    rows = [record("a", "int", native=10, vm=100, qemu=200),
            record("b", "int", native=10, vm=25, qemu=200),
            record("c<", "fp", native=10, vm=100, qemu=100)]
    result = {"targets": {"native": "n", "vm": "v", "qemu": "q"}, "runs": 1, "host": "h",
              "compilers": {"native": "gcc"}, "flags": "-O2", "rows": rows}
    columns = report.Columns(list(result["targets"]))
    means = {cells[1]: cells[columns.heads().index("qemu/vm")]
             for cells in report.mean_rows(columns, rows)}
    vm.check(means == {"int": "4.00", "fp": "1.00", "all": "2.52"}, "means: %s" % means)
    vm.check("| geomean | int |" in report.markdown(result), report.markdown(result))
    plot = xml.dom.minidom.parseString(report.plot(result))
    vm.check(len(plot.getElementsByTagName("rect")) == 4, "bars: %s" % plot.toxml())


def main():
    tap = vm.Tap()
    tap.case("a tiny row on native and vm-cli", tiny_row)
    tap.case("the interpreter's speed", interpreter_speed)
    tap.case("rows too short to tell a speed", rows_too_short)
    tap.case("what fio says of itself", fio_line)
    tap.case("an unknown row is named", unknown_row)
    tap.case("what an installation has installed", what_was_installed)
    tap.case("means, table and plot", shows)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
