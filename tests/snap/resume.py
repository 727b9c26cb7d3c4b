#!/usr/bin/env python3
"""resume.py - a boot saved half way goes on in a fresh process as if nothing had been.

The machine that was saved must go on to its shell too: saving changes nothing. Disks are
not part of a state, so both runs get theirs read-only, but for the case about writing.

    resume.py         saved during a boot from a disk
    resume.py --all   every engine, number of CPUs, interrupt controller and disk; by text,
                      time and count; other engine; deterministic; disk busy; disk written
    resume.py --arch arm64 ...   that of a guest for arm64; else riscv64
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "guest"))

from vm import GUEST, Machine, Tap, asset, check, linux_args  # noqa: E402

ENGINES = ("interp", "base")
SUM = hashlib.md5(b"".join(b"%d\n" % i for i in range(1, 5001))).hexdigest()
MIDDLE = "console:Freeing unused kernel"
MOUNTED = "console:EXT4-fs (vda): mounted"


def root_args(disk, options=""):
    return linux_args("vmtest=root") + ["--disk", disk + options]


def power_off(m):
    m.type("exit\n")
    m.expect("reboot: Power down")
    m.finish(0)


def to_shell(m, cpus, prompt):
    if prompt == "vm# ":
        m.expect("vm-init: ready (%s, %d cpus)" % (GUEST.uname, cpus))
    else:
        m.expect("vm-root: data is intact")
    m.expect(prompt)
    printed = m.shell("seq 1 5000 | md5sum", prompt)
    check(SUM in printed, "wrong sum of a text: " + printed)
    power_off(m)


def save_and_load(at, cpus, save_args, load_args, prompt):
    with tempfile.TemporaryDirectory() as scratch:
        state = os.path.join(scratch, "state")
        with Machine(save_args + ["--save-state", "%s,at=%s" % (state, at)]) as m:
            to_shell(m, cpus, prompt)
            check("state saved to " + state in m.stderr(), "no state was saved: " + m.stderr())
        with Machine(load_args + ["--load-state", state]) as m:
            to_shell(m, cpus, prompt)
            check(b"Linux version" not in m.output, "it booted from the beginning")


def resumed(engine, at, cpus=1, extra=(), other=None):
    args = linux_args() + ["--cpus", str(cpus), *extra, "--engine"]
    save_and_load(at, cpus, args + [engine], args + [other or engine], "vm# ")


def resumed_uefi(engine):
    """The flash comes along: Linux asks UEFI for the time and its variables."""
    uefi = ["--firmware", asset("AAVMF_CODE.fd")]
    resumed(engine, MIDDLE, 2, uefi)


def wait_until_saved(m):
    while "state saved" not in m.stderr():
        check(m.process.poll() is None, "ended before it was saved: " + m.stderr())
        m.pump(0.1)


def resumed_at_a_time(engine):
    """Saved after twice the time that a boot has just taken on this host, in a shell that waits; when
    the host has become busier, still on the way there."""
    began = time.monotonic()
    args = linux_args() + ["--engine", engine]
    with Machine(args) as m:
        m.expect("vm# ")
        seconds = 2 * (time.monotonic() - began)
        power_off(m)
    with tempfile.TemporaryDirectory() as scratch:
        state = os.path.join(scratch, "state")
        with Machine(args + ["--save-state", "%s,at=seconds:%.2f" % (state, seconds)]) as m:
            m.expect("vm# ")
            wait_until_saved(m)
            power_off(m)
        with Machine(args + ["--load-state", state]) as m:
            m.type("seq 1 5000 | md5sum\n")
            m.expect(SUM)
            power_off(m)
            check(b"Linux version" not in m.output, "it booted from the beginning")


def resumed_disk(engine, bus, cpus=1, extra=()):
    """Saved when the kernel has just mounted the disk: its data must still come whole."""
    args = root_args(asset("root.ext4"), ",readonly=on,bus=" + bus) + [
        "--engine", engine, "--cpus", str(cpus), *extra]
    save_and_load(MOUNTED, cpus, args, args, "vm-root# ")


def saved_in_shell(m, command):
    """Types what leads to the save; the machine ends as soon as it has been saved."""
    m.type(command + "\n")
    wait_until_saved(m)
    m.stop(9)
    m.process.wait()


def typed_then_resumed(engine):
    """What was done in the shell before the save is there after the load."""
    with tempfile.TemporaryDirectory() as scratch:
        state = os.path.join(scratch, "state")
        args = linux_args() + ["--engine", engine]
        with Machine(args + ["--save-state", state + ",at=console:save now"]) as m:
            m.expect("vm# ")
            m.shell("seq 1 5000 >/tmp/kept; x=remembered")
            saved_in_shell(m, "echo save' 'now")
        with Machine(args + ["--load-state", state]) as m:
            m.type("\n")  # the prompt may have been printed before the save
            m.expect("vm# ")
            printed = m.shell("echo $x; wc -l /tmp/kept")
            check("remembered" in printed and "5000 /tmp/kept" in printed, "lost: " + printed)
            power_off(m)


def busy_disk(engine, bus, cpus):
    """Saved while four readers keep the disk's queue full: each ends with the right data."""
    with open(asset("root.ext4"), "rb") as file:
        want = hashlib.md5(file.read(2048 * 4096)).hexdigest()
    with tempfile.TemporaryDirectory() as scratch:
        state = os.path.join(scratch, "state")
        args = root_args(asset("root.ext4"), ",readonly=on,bus=" + bus) + [
            "--engine", engine, "--cpus", str(cpus)]
        with Machine(args + ["--save-state", state + ",at=console:save now"]) as m:
            m.expect("vm-root# ")
            m.type("reader() { dd if=/dev/vda bs=4k count=2048 iflag=direct | md5sum; }\n")
            m.expect("vm-root# ")
            # The root is read-only, /dev in memory.
            saved_in_shell(m, "for i in 1 2 3 4; do reader >/dev/sum$i & done; echo save' 'now")
        with Machine(args + ["--load-state", state]) as m:
            m.type("\n")  # the prompt may have been printed before the save
            m.expect("vm-root# ")
            printed = m.shell("wait; cat /dev/sum*", "vm-root# ")
            check(printed.count(want) == 4, "a reader got other data: " + printed)
            power_off(m)


def disk_written(engine, bus):
    """Written before the save and after the load; the file system is clean, both are there."""
    with tempfile.TemporaryDirectory() as scratch:
        state, disk = os.path.join(scratch, "state"), os.path.join(scratch, "root.ext4")
        shutil.copyfile(asset("root.ext4"), disk)
        args = root_args(disk, ",bus=" + bus) + ["--engine", engine]
        with Machine(args + ["--save-state", state + ",at=console:save now"]) as m:
            m.expect("vm-root# ")
            m.shell("seq 1 5000 >/before; sync", "vm-root# ")
            saved_in_shell(m, "echo save' 'now")
        with Machine(args + ["--load-state", state]) as m:
            m.type("\n")  # the prompt may have been printed before the save
            m.expect("vm-root# ")
            printed = m.shell("cp /before /after && echo 3 >/proc/sys/vm/drop_caches; "
                              "md5sum /before /after", "vm-root# ")
            check(printed.count(SUM) == 2, "other data on the disk: " + printed)
            power_off(m)
        env = dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin:/sbin")
        done = subprocess.run(["e2fsck", "-fn", disk], check=False, env=env,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        check(done.returncode == 0, "the file system: " + done.stdout.decode())


def boards(tap, engine, cpus, name):
    label = "%s, %d CPUs, %s" % (engine, cpus, name)
    board = ["--machine", name]
    tap.case("saved during boot, " + label, resumed, engine, MIDDLE, cpus, board)
    for bus in ("mmio", "pcie"):
        tap.case("saved with its disk on %s, %s" % (bus, label), resumed_disk, engine, bus, cpus,
                 board)


def matrix(tap):
    for engine, other in (ENGINES, ENGINES[::-1]):
        for cpus in (1, 4):
            for name in GUEST.boards:
                boards(tap, engine, cpus, name)
        tap.case("saved by %s, loaded by %s" % (engine, other), resumed, engine, MIDDLE, 1, (),
                 other)
        if GUEST.firmware == "uefi":
            tap.case("saved after UEFI, " + engine, resumed_uefi, engine)
        tap.case("saved at a count, " + engine, resumed, engine, "insns:700000000")
        tap.case("saved at a time, " + engine, resumed_at_a_time, engine)
        tap.case("deterministic, " + engine, resumed, engine, MIDDLE, 1, ["--deterministic"])
        tap.case("a shell's own state, " + engine, typed_then_resumed, engine)
        for bus in ("mmio", "pcie"):
            tap.case("a busy disk on %s, %s" % (bus, engine), busy_disk, engine, bus, 2)
            tap.case("a disk written on %s, %s" % (bus, engine), disk_written, engine, bus)


def main():
    tap = Tap()
    if "--all" in sys.argv[1:] or os.environ.get("VM_SOAK"):
        matrix(tap)
    else:
        tap.case("saved with its disk on pcie, base", resumed_disk, "base", "pcie")
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
