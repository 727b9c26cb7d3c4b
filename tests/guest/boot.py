#!/usr/bin/env python3
"""boot.py - Debian's riscv64 kernel boots, is typed into, and ends as it should.

    boot.py         one boot an engine, and what distinguishes the exit statuses
    boot.py --all   every engine, number of harts, interrupt controller, firmware and disk
"""

import hashlib
import os
import shutil
import sys
import tempfile
import zlib

from vm import Machine, Skip, Tap, asset, check, linux_args, run_cli

ENGINES = ("interp", "base", "auto")


def boot_shell(engine, cpus=1, extra=(), firmware=(), terminal=False):
    """To the shell, some work there, and out of it: power off, status 0."""
    args = linux_args() + ["--engine", engine, "--cpus", str(cpus), *extra, *firmware]
    with Machine(args, terminal=terminal) as m:
        m.expect("vm-init: ready (riscv64, %d cpus)" % cpus)
        m.expect("vm# ")
        check(m.shell("uname -m").strip() == "riscv64", "uname does not say riscv64")
        printed = m.shell("seq 1 2000 | sha256sum")
        check(printed.split()[0] == seq_sum(2000), "wrong sum of a text: %s" % printed)
        if cpus > 1:
            each_cpu(m, cpus)
        interrupts_counted(m)
        m.type("exit\n")
        m.expect("reboot: Power down")
        m.finish(0)


def seq_sum(last):
    text = "".join("%d\n" % i for i in range(1, last + 1))
    return hashlib.sha256(text.encode()).hexdigest()


def each_cpu(m, cpus):
    """Every hart takes timer interrupts and can be scheduled on."""
    m.shell("for i in $(seq 1 %d); do seq 1 20000 | sha256sum & done; wait" % (2 * cpus))
    lines = [line.split() for line in m.shell("cat /proc/stat").splitlines()]
    busy = [line[0] for line in lines if line and line[0].startswith("cpu")
            and line[0] != "cpu" and int(line[1]) + int(line[3]) + int(line[4]) > 0]
    check(len(busy) == cpus, "only these harts did anything: %s" % busy)


def interrupts_counted(m):
    """The console is driven by interrupts, not by polling."""
    text = m.shell("cat /proc/interrupts")
    check("ttyS0" in text, "the console has no interrupt:\n" + text)
    row = [line for line in text.splitlines() if "ttyS0" in line][0].split()
    count = sum(int(word) for word in row[1:] if word.isdigit())
    check(count > 0, "the console's interrupt never came:\n" + text)


def ends_with(words, status, extra=(), engine="auto"):
    with Machine(linux_args(words) + ["--engine", engine, *extra]) as m:
        return m.finish(status)


def reset_exits():
    ends_with("vmtest=reboot", 3, ["--on-reset", "exit"])


def reset_restarts():
    """The default: the same machine boots again."""
    with Machine(linux_args("vmtest=reboot")) as m:
        for _ in range(2):
            m.expect("Run /init as init process")
            m.expect("vm-init: ready")
        m.stop()
        m.finish(1)


def quit_key():
    """Ctrl-A x in the terminal ends the machine: not the guest's own end, status 1."""
    with Machine(linux_args(), terminal=True) as m:
        m.expect("vm# ")
        m.type("\x01x")
        text = m.finish(1)
        check("ended from outside" in text, "stderr does not say why: " + text)


def disk_args(scratch, bus, extra=""):
    """A copy of the ext4 root as a disk; skips where the machine has no such disk yet."""
    _, _, err = run_cli(["--kernel", asset("Image"), "--memory", "32M", "--disk",
                         "/dev/null,bus=" + bus])
    if "in this build" in err:
        raise Skip(err.strip())
    path = os.path.join(scratch, "root.ext4")
    shutil.copyfile(asset("root.ext4"), path)
    return path, ["--disk", "%s,bus=%s%s" % (path, bus, extra)]


def boot_disk(engine, bus, cpus=1, machine="plic"):
    """The ext4 root: data intact, written to, found again at the second boot."""
    with tempfile.TemporaryDirectory() as scratch:
        _, disk = disk_args(scratch, bus)
        args = disk + ["--engine", engine, "--cpus", str(cpus),
                       "--machine", "riscv-virt,irqchip=" + machine]
        for boot in (1, 2):
            with Machine(linux_args("vmtest=root vmtest2=poweroff") + args) as m:
                m.expect("vm-root: data is intact")
                m.expect("vm-root: ready (boot %d)" % boot)
                m.expect("reboot: Power down")
                m.finish(0)


def boot_disk_readonly(bus):
    """A read-only disk is not written, whatever the guest wants."""
    with tempfile.TemporaryDirectory() as scratch:
        path, disk = disk_args(scratch, bus, ",readonly=on")
        before = open(path, "rb").read()
        with Machine(linux_args("vmtest=root vmtest2=poweroff") + disk) as m:
            m.expect("vm-root: ready (boot 1)")
            m.finish(0)
        check(open(path, "rb").read() == before, "the read-only disk was changed")


def opensbi(kind):
    return ["--firmware", asset(kind)]


def boot_opensbi(engine, cpus, kind, extra=()):
    args = linux_args() + ["--engine", engine, "--cpus", str(cpus), *opensbi(kind), *extra]
    with Machine(args) as m:
        m.expect("OpenSBI v")
        m.expect("vm-init: ready (riscv64, %d cpus)" % cpus)
        m.expect("vm# ")
        if cpus > 1:
            each_cpu(m, cpus)
        m.type("exit\n")
        m.expect("reboot: Power down")
        m.finish(0)


def uboot_args(scratch, bus):
    _, disk = disk_args(scratch, bus)
    return ["--firmware", asset("fw_dynamic.bin"), "--kernel", asset("u-boot.bin"),
            "--memory", "512M", *disk]


def boot_uboot(engine, bus):
    """U-Boot finds the disk with drivers that are not Linux's, and reads its ext4."""
    with tempfile.TemporaryDirectory() as scratch:
        with Machine(uboot_args(scratch, bus) + ["--engine", engine]) as m:
            m.expect("U-Boot 20")
            m.expect("Hit any key to stop autoboot")
            m.type("\n")
            m.expect("=> ")
            m.type("virtio scan; virtio info\n")
            m.expect("Type: Hard Disk")
            m.type("ext4load virtio 0 0x84000000 /data/numbers && crc32 0x84000000 $filesize\n")
            m.expect("==> ")
            crc = m.expect("\n").strip()
            check(crc == numbers_crc(), "U-Boot read other data from the disk: crc " + crc)
            m.type("poweroff\n")
            m.finish(0)


def numbers_crc():
    return "%08x" % zlib.crc32("".join("%d\n" % i for i in range(1, 1200001)).encode())


def reduced(tap):
    for engine in ENGINES[:2]:
        tap.case("shell, %s" % engine, boot_shell, engine)


def matrix(tap):
    for engine in ENGINES:
        for cpus in (1, 4):
            for chip in ("plic", "aia"):
                extra = ["--machine", "riscv-virt,irqchip=" + chip]
                label = "%s, %d harts, %s" % (engine, cpus, chip)
                tap.case("shell, " + label, boot_shell, engine, cpus, extra)
                for bus in ("mmio", "pcie"):
                    tap.case("ext4 root on %s, %s" % (bus, label), boot_disk, engine, bus, cpus,
                             chip)
                tap.case("OpenSBI fw_dynamic, " + label, boot_opensbi, engine, cpus,
                         "fw_dynamic.bin", extra)
        tap.case("OpenSBI fw_jump, %s" % engine, boot_opensbi, engine, 1, "fw_jump.elf")
        for bus in ("mmio", "pcie"):
            tap.case("U-Boot on a %s disk, %s" % (bus, engine), boot_uboot, engine, bus)
    tap.case("deterministic", boot_shell, "auto", 1, ["--deterministic"])
    tap.case("deterministic, 4 harts", boot_shell, "auto", 4, ["--deterministic"])
    tap.case("raw terminal", boot_shell, "auto", 1, (), (), True)
    tap.case("read-only disk, mmio", boot_disk_readonly, "mmio")
    tap.case("read-only disk, pcie", boot_disk_readonly, "pcie")
    tap.case("reset with --on-reset exit: status 3", reset_exits)
    tap.case("reset restarts", reset_restarts)
    tap.case("Ctrl-A x: status 1", quit_key)


def main():
    tap = Tap()
    if "--all" in sys.argv[1:] or os.environ.get("VM_SOAK"):
        matrix(tap)
    else:
        reduced(tap)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
