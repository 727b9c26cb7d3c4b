#!/usr/bin/env python3
"""acpi.py - what UEFI hands on to its guest: ACPI tables that iasl takes apart without a complaint
and that Debian's kernel finds its devices by, and SMBIOS.

    acpi.py --arch arm64    of the guest that has UEFI
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

from vm import GUEST, Machine, Skip, Tap, asset, check, linux_args, skip_all

TABLES = "/sys/firmware/acpi/tables"
COMPLAINT = re.compile("ACPI[^\n]*(?:Error|Warning)[^\n]*|[^\n]*Firmware (?:Bug|Warn)[^\n]*")


def boot(board, scratch):
    """The tables, as files in scratch; what Linux made of them is looked at."""
    disks = [os.path.join(scratch, name) for name in ("one", "two")]
    for path in disks:
        with open(path, "wb") as file:
            file.truncate(1 << 20)
    args = linux_args("vmtest=shell acpi=force") + [
        "--firmware", asset("AAVMF_CODE.fd"), "--cpus", "2", "--machine", board,
        "--disk", disks[0], "--disk", disks[1] + ",bus=mmio"]
    with Machine(args) as m:
        m.expect("vm-init: ready (%s, 2 cpus)" % GUEST.uname)
        m.expect("vm# ")
        log = m.shell("dmesg | sed 's/^[^]]*] //'")  # shell() drops lines with a time
        check("ACPI: Interpreter enabled" in log, "no ACPI")
        check("vda" in m.shell("cat /proc/partitions; ls /sys/block"), "no disk")
        check("vdb" in m.shell("ls /sys/block"), "one of two disks")
        interrupts = m.shell("cat /proc/interrupts")
        check(GUEST.console_irq in interrupts,
              "the console has no interrupt:\n" + interrupts)
        check("MSI" in interrupts, "the disk has no message interrupt:\n" + interrupts)
        errors = COMPLAINT.findall(log)
        check(not errors, "the kernel complains:\n" + "\n".join(errors))
        check(m.shell("cat /sys/class/dmi/id/product_name").strip() == "arm-virt", "SMBIOS")
        for name in m.shell("cd %s; ls -d [A-Z]*" % TABLES).split():
            with open(os.path.join(scratch, name + ".dat"), "wb") as file:
                file.write(bytes.fromhex(m.shell("od -An -v -tx1 %s/%s" % (TABLES, name))))
        m.type("exit\n")
        m.expect("reboot: Power down")
        m.finish(0)


def taken_apart(scratch):
    """By iasl, and put together again without a remark that it makes by itself on what it sees."""
    if not shutil.which("iasl"):
        raise Skip("no iasl to take the tables apart: ./dev deps check installs it")
    tables = [name for name in os.listdir(scratch) if name.endswith(".dat")]
    check({"DSDT.dat", "FACP.dat", "APIC.dat", "GTDT.dat", "MCFG.dat", "SPCR.dat"} <= set(tables),
          "there are only " + " ".join(tables))
    for name in tables:
        done = subprocess.run(["iasl", "-d", name], cwd=scratch, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8")
        check(done.returncode == 0 and "rror" not in done.stdout and "nvalid" not in done.stdout,
              "iasl -d %s: %s" % (name, done.stdout))
    done = subprocess.run(["iasl", "-p", "again", "DSDT.dsl"], cwd=scratch, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8")
    check(" 0 Errors, 0 Warnings" in done.stdout, "iasl DSDT.dsl: " + done.stdout)


def main():
    if GUEST.firmware != "uefi":
        skip_all("ACPI tables are for UEFI, which this guest's board does not start")
    tap = Tap()
    for board in GUEST.boards:
        with tempfile.TemporaryDirectory() as scratch:
            tap.case("Linux by ACPI alone, " + board, boot, board, scratch)
            tap.case("iasl takes the tables apart, " + board, taken_apart, scratch)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
