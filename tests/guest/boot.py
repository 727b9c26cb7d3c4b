#!/usr/bin/env python3
"""boot.py - Debian's kernel boots, is typed into, and ends as it should.

    boot.py         from initramfs on one engine, from a disk on the other
    boot.py --all   every engine, number of CPUs, interrupt controller, firmware and disk
    boot.py --one ENGINE CPUS    that boot alone, from initramfs
    boot.py --firmware           what firmware does, on the default engine
    boot.py --slow ENGINE CPUS   the same with a guest whose time goes slowly: for sanitisers
    boot.py --cpu MODEL          a CPU of that model, from initramfs
    boot.py --arch arm64 ...     that of a guest for arm64; else riscv64
"""

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile

from uboot import uboot_devices, uboot_linux
from uefi import uefi_grub, uefi_kernel, uefi_shell
from vm import GUEST, Machine, Skip, Tap, asset, check, linux_args


TIME_BASE = (10 * 1000 * 1000).to_bytes(4, "big")
TIME_BASE_SLOW = (500 * 1000 * 1000).to_bytes(4, "big")


def boot_shell(engine, cpus=1, extra=(), terminal=False):
    """To the shell, some work there, and out of it: power off, status 0."""
    args = linux_args() + ["--engine", engine, "--cpus", str(cpus), *extra]
    with Machine(args, terminal=terminal) as m:
        m.expect("vm-init: ready (%s, %d cpus)" % (GUEST.uname, cpus))
        m.expect("vm# ")
        check(m.shell("uname -m").strip() == GUEST.uname, "uname does not say " + GUEST.uname)
        printed = m.shell("seq 1 2000 | sha256sum")
        check(printed.split()[0] == seq_sum(2000), "wrong sum of a text: %s" % printed)
        if cpus > 1:
            each_cpu(m, cpus)
        interrupts_counted(m)
        m.type("exit\n")
        m.expect("reboot: Power down")
        m.finish(0)


def boot_slow(engine, cpus):
    """Under a sanitiser, CPUs that share a few of the host's need longer for a timer interrupt than
    until the next one, and get no further. So the guest is told of a time base 50 times as
    fast as it is: its timers take 50 times as long."""
    with Machine(linux_args() + ["--cpus", str(cpus)]) as m:
        m.expect("vm# ")
        tree = base64.b64decode(m.shell("base64 /sys/firmware/fdt"))
    check(tree.count(TIME_BASE) == 1, "the device tree does not say the time base once")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "slow.dtb")
        with open(path, "wb") as file:
            file.write(tree.replace(TIME_BASE, TIME_BASE_SLOW))
        boot_shell(engine, cpus, ["--dtb", path])


def seq_sum(last):
    text = "".join("%d\n" % i for i in range(1, last + 1))
    return hashlib.sha256(text.encode()).hexdigest()


def each_cpu(m, cpus):
    """Every CPU takes timer interrupts and can be scheduled on."""
    m.shell("for i in $(seq 1 %d); do seq 1 20000 | sha256sum & done; wait" % (2 * cpus))
    lines = [line.split() for line in m.shell("cat /proc/stat").splitlines()]
    busy = [line[0] for line in lines if line and line[0].startswith("cpu")
            and line[0] != "cpu" and int(line[1]) + int(line[3]) + int(line[4]) > 0]
    check(len(busy) == cpus, "only these CPUs did anything: %s" % busy)


def interrupts_counted(m):
    """The console is driven by interrupts, not by polling."""
    text = m.shell("cat /proc/interrupts")
    check(GUEST.console_irq in text, "the console has no interrupt:\n" + text)
    row = [line for line in text.splitlines() if GUEST.console_irq in line][0].split()
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


def reset_reads_again():
    """Files are not kept in memory: a reset reads them anew, and says when one is gone."""
    with tempfile.TemporaryDirectory() as folder:
        initrd = shutil.copy(asset("initrd.cpio"), folder)
        args = linux_args()
        args[args.index("--initrd") + 1] = initrd
        with Machine(args) as m:
            m.expect("vm# ")
            os.unlink(initrd)
            m.type("reboot -f\n")
            text = m.finish(1)
            check("the initrd cannot be read" in text and initrd in text, "stderr: " + text)


def quit_key():
    """Ctrl-A x in the terminal ends the machine: not the guest's own end, status 1."""
    with Machine(linux_args(), terminal=True) as m:
        m.expect("vm# ")
        m.type("\x01x")
        text = m.finish(1)
        check("ended from outside" in text, "stderr does not say why: " + text)


def disk_copy(scratch, bus, extra=""):
    """A copy of the ext4 root, and the options that make it the first disk."""
    path = os.path.join(scratch, "root.ext4")
    shutil.copyfile(asset("root.ext4"), path)
    return path, ["--disk", "%s,bus=%s%s" % (path, bus, extra)]


def boot_root(args, boot, work):
    """One boot from the disk to a shell, this work there, and power off."""
    with Machine(linux_args("vmtest=root") + args) as m:
        m.expect("vm-root: data is intact")
        m.expect("vm-root: ready (boot %d)" % boot)
        m.expect("vm-root# ")
        printed = m.shell(work, "vm-root# ")
        m.type("exit\n")
        m.expect("reboot: Power down")
        m.finish(0)
        return printed


def boot_disk(bus, engine, cpus=1, extra=()):
    """The ext4 root: data intact; what is written to it is there at the second boot."""
    with tempfile.TemporaryDirectory() as scratch:
        args = disk_copy(scratch, bus)[1] + ["--engine", engine, "--cpus", str(cpus), *extra]
        boot_root(args, 1, "head -c 1000001 /dev/urandom >/new; sha256sum /new >/sum")
        printed = boot_root(args, 2, "sha256sum -c /sum; cat /proc/interrupts")
        check("/new: OK" in printed, "the file written at the first boot is damaged: " + printed)
        check("virtio" in printed, "the disk has no interrupt: " + printed)


def boot_disk_opensbi(bus, engine, cpus=1, extra=()):
    with tempfile.TemporaryDirectory() as scratch:
        boot_root(disk_copy(scratch, bus)[1] + ["--engine", engine, "--cpus", str(cpus), *extra,
                                                "--firmware", asset("fw_dynamic.bin")], 1, "true")


def boot_disk_readonly(bus):
    """A read-only disk is not written, whatever the guest wants."""
    with tempfile.TemporaryDirectory() as scratch:
        path, disk = disk_copy(scratch, bus, ",readonly=on")
        with open(path, "rb") as file:
            before = file.read()
        boot_root(disk, 1, "! touch /new && ! dd if=/dev/zero of=/dev/vda count=1")
        with open(path, "rb") as file:
            check(file.read() == before, "the read-only disk was changed")


def boot_opensbi(kind, engine, cpus=1, extra=()):
    args = linux_args() + ["--engine", engine, "--cpus", str(cpus), "--firmware", asset(kind),
                           *extra]
    with Machine(args) as m:
        m.expect("OpenSBI v")
        m.expect("vm-init: ready (%s, %d cpus)" % (GUEST.uname, cpus))
        m.expect("vm# ")
        if cpus > 1:
            each_cpu(m, cpus)
        m.type("exit\n")
        m.expect("reboot: Power down")
        m.finish(0)


def given_tree():
    """A board's own device tree, changed by its user, is what the guest then sees."""
    if not shutil.which("fdtput"):
        raise Skip("no fdtput")
    with tempfile.TemporaryDirectory() as scratch:
        path = os.path.join(scratch, "board.dtb")
        with Machine(linux_args()) as m:
            m.expect("vm# ")
            with open(path, "wb") as file:
                file.write(bytes.fromhex(m.shell("od -An -v -tx1 /sys/firmware/fdt")))
        subprocess.run(["fdtput", "-t", "s", path, "/", "model", "its user's"], check=True)
        with Machine(linux_args("vmtest=shell vmtree=given") + ["--dtb", path]) as m:
            m.expect("vm# ")
            seen = m.shell("cat /proc/device-tree/model /proc/cmdline")
            check("its user's" in seen and "vmtree=given" in seen, "the guest sees: " + seen)
            m.type("exit\n")
            m.finish(0)


def reduced(tap):
    tap.case("shell, interp", boot_shell, "interp")
    tap.case("ext4 root on pcie, base", boot_disk, "pcie", "base")
    tap.case("a device tree of the user's", given_tree)
    if GUEST.firmware == "uefi":
        tap.case("UEFI, GRUB and Linux from pcie", uefi_grub, "pcie", "auto", 1)


def by_linux(tap, label, *board):
    """The built-in SBI starts Linux: from initramfs and from each disk."""
    tap.case("shell, " + label, boot_shell, *board)
    for bus in ("mmio", "pcie"):
        tap.case("ext4 root on %s, %s" % (bus, label), boot_disk, bus, *board)


def by_firmware(tap, label, *board):
    """The same through OpenSBI or UEFI, and by U-Boot from its own reading of the disk."""
    if GUEST.firmware == "opensbi":
        tap.case("OpenSBI, " + label, boot_opensbi, "fw_dynamic.bin", *board)
    for bus in ("mmio", "pcie"):
        if GUEST.firmware == "opensbi":
            tap.case("OpenSBI, ext4 root on %s, %s" % (bus, label), boot_disk_opensbi, bus, *board)
        else:
            tap.case("UEFI, GRUB and Linux from %s, %s" % (bus, label), uefi_grub, bus, *board)
        tap.case("U-Boot and Linux from %s, %s" % (bus, label), uboot_linux, bus, *board)


def firmware_alone(tap, engine):
    if GUEST.firmware == "opensbi":
        tap.case("OpenSBI fw_jump, " + engine, boot_opensbi, "fw_jump.elf", engine)
    else:
        tap.case("UEFI's shell and variables, " + engine, uefi_shell, engine)
        tap.case("UEFI starts the kernel given with it, " + engine, uefi_kernel, engine)
    for bus in ("mmio", "pcie"):
        tap.case("U-Boot's devices on %s, %s" % (bus, engine), uboot_devices, bus, engine)


def matrix(tap):
    for engine in ("base", "interp"):
        for cpus in (1, 4):
            for name in GUEST.boards:
                board = (engine, cpus, ["--machine", name])
                label = "%s, %d CPUs, %s" % (engine, cpus, name)
                by_linux(tap, label, *board)
                if engine == "base" or cpus == 1 and name == GUEST.boards[0]:
                    by_firmware(tap, label, *board)
        firmware_alone(tap, engine)
    for model in GUEST.models:
        tap.case("CPU model " + model, boot_shell, "base", 2, ["--cpu", model])
    tap.case("deterministic", boot_shell, "auto", 1, ["--deterministic"])
    tap.case("deterministic, 4 CPUs", boot_shell, "auto", 4, ["--deterministic"])
    tap.case("a device tree of the user's", given_tree)
    tap.case("raw terminal", boot_shell, "auto", 1, (), True)
    tap.case("read-only disk, mmio", boot_disk_readonly, "mmio")
    tap.case("read-only disk, pcie", boot_disk_readonly, "pcie")
    tap.case("reset with --on-reset exit: status 3", reset_exits)
    tap.case("reset restarts", reset_restarts)
    tap.case("reset reads the files again", reset_reads_again)
    tap.case("Ctrl-A x: status 1", quit_key)


def main():
    tap = Tap()
    if "--one" in sys.argv[1:]:
        engine, cpus = sys.argv[sys.argv.index("--one") + 1:][:2]
        tap.case("shell, %s, %s CPUs" % (engine, cpus), boot_shell, engine, int(cpus))
    elif "--slow" in sys.argv[1:]:
        engine, cpus = sys.argv[sys.argv.index("--slow") + 1:][:2]
        tap.case("shell in slow time, %s, %s CPUs" % (engine, cpus), boot_slow, engine, int(cpus))
    elif "--firmware" in sys.argv[1:]:
        firmware_alone(tap, "auto")
        by_firmware(tap, "auto", "auto", 1, ())
    elif "--all" in sys.argv[1:] or os.environ.get("VM_SOAK"):
        matrix(tap)
    elif "--cpu" in sys.argv[1:]:
        model = sys.argv[sys.argv.index("--cpu") + 1]
        tap.case("CPU model " + model, boot_shell, "base", 2, ["--cpu", model])
    else:
        reduced(tap)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
