#!/usr/bin/env python3
"""disks.py - qcow2 disks under a running guest: an overlay, SIGKILL, a full host disk.

With VM_SOAK=1 the guest is killed 50 times.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time

from vm import Machine, Skip, Tap, asset, check, linux_args, run_cli, vm_cli

KILLS = 50 if os.environ.get("VM_SOAK") else 1


def disk(*args):
    """vm-cli disk; its output."""
    status, out, err = run_cli(args, command=[vm_cli(), "disk"])
    check(status == 0, "vm-cli disk %s: status %d: %s%s" % (" ".join(args), status, out, err))
    return out


def sound(path):
    """No error; clusters may have leaked."""
    report = json.loads(disk("check", path, "--json"))
    check(report["corruptions"] == 0, "damaged: %s" % report)


def root_machine(path, words):
    """Boots the root file system on this qcow2 disk."""
    return Machine(linux_args("vmtest=root vmtest2=" + words) +
                   ["--cpus", "2", "--disk", path + ",format=qcow2"])


def killed_guest():
    """A guest on an overlay writes and syncs; SIGKILL; the next boot finds all that was synced."""
    top = "top.qcow2"
    base = asset("root.ext4")
    before = os.stat(base)
    synced = 0
    disk("create", top, "1G", "--backing", base, "--backing-format", "raw")
    for _ in range(KILLS):
        with root_machine(top, "shell") as m:
            m.expect("data is intact")
            m.expect("vm-root# ")
            if synced:
                m.shell("sha256sum -c -s /var/sum", "vm-root# ")
            m.shell("dd if=/dev/urandom of=/var/kept bs=64k count=10 && "
                    "sha256sum /var/kept >/var/sum && sync", "vm-root# ")
            synced += 1
            m.type("while dd if=/dev/urandom of=/var/more bs=64k count=20 conv=fsync; "
                   "do rm /var/more; done\n")
            m.expect("records out")
            time.sleep(random.random())
            m.process.kill()
            m.process.wait()
        sound(top)
    with root_machine(top, "shell") as m:
        m.expect("data is intact")
        m.expect("vm-root# ")
        m.shell("sha256sum -c -s /var/sum", "vm-root# ")
        m.type("exit\n")
        m.finish(0)
    disk("check", top, "--repair")
    after = os.stat(base)
    check((before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size),
          "the backing image was written to")


def full_host_disk():
    """An image that cannot grow: the guest sees a write error, and nothing is damaged."""
    if os.geteuid() != 0:
        raise Skip("only root mounts a small file system")
    os.mkdir("small")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2M", "tmpfs", "small"], check=True)
    try:
        path = "small/disk.qcow2"
        disk("create", path, "64M")
        with Machine(linux_args() + ["--disk", path + ",format=qcow2"]) as m:
            m.expect("vm# ")
            m.type("dd if=/dev/urandom of=/dev/vda bs=64k count=256 conv=fsync; echo end''ed $?\n")
            m.expect("ended 1")
            m.expect("vm# ")
            m.type("exit\n")
            m.finish(0)
        sound(path)
    finally:
        subprocess.run(["umount", "-l", "small"], check=True)


def main():
    """Prints TAP."""
    tap = Tap()
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        tap.case("guest killed %d times" % KILLS, killed_guest)
        tap.case("full host disk under qcow2", full_host_disk)
        os.chdir("/")
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
