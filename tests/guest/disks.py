#!/usr/bin/env python3
"""disks.py - qcow2 disks under a running guest: an overlay, SIGKILL, a full host disk, a kernel
that starts from one.

With VM_SOAK=1 the guest is killed 50 times.
"""

import json
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import uuid
import zlib

from vm import GUEST, Machine, Skip, Tap, asset, check, linux_args, run_cli, vm_cli

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


def write_gpt(path, kind, first, sectors):
    """Puts the first copy of a partition table with one partition on a disk."""
    entries = (uuid.UUID(kind).bytes_le + uuid.uuid4().bytes_le +
               struct.pack("<QQQ72x", first, first + sectors - 1, 0)).ljust(128 * 128, b"\0")

    def header(crc):
        return struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, crc, 0, 1, 0, 34,
                           first + sectors, bytes(16), 2, 128, 128, zlib.crc32(entries))
    with open(path, "r+b") as image:
        image.seek(512)
        image.write(header(zlib.crc32(header(0))).ljust(512, b"\0") + entries)


def boot_disk(path):
    """A raw disk with a boot partition: the test's kernel and initramfs, and an entry for them."""
    os.makedirs("boot/loader/entries")
    shutil.copy(asset("Image"), "boot/kernel")
    shutil.copy(asset("initrd.cpio.zst"), "boot/initrd")
    with open("boot/loader/entries/one.conf", "w", encoding="utf-8") as entry:
        entry.write("linux /kernel\ninitrd /initrd\noptions console=%s vmtest=shell mark=1111\n" %
                    GUEST.console)
    with open(path, "wb") as image:
        image.truncate(50 << 20)
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-d", "boot", "-E", "offset=%d" % (1 << 20),
                    path, "48M"], check=True,
                   env=dict(os.environ, PATH=os.environ["PATH"] + ":/usr/sbin:/sbin"))
    write_gpt(path, "bc13c2ff-59e6-4262-a352-b275fd6f7172", 2048, 96 << 10)


def kernel_from_qcow2():
    """--boot disk from an overlay; after a reset, what the guest wrote to it counts, though it
    never asked for it to be durable."""
    if not any(os.path.exists(os.path.join(d, "mke2fs")) for d in ("/usr/sbin", "/sbin")):
        raise Skip("no mke2fs here")
    boot_disk("boot.raw")
    with open("boot.raw", "rb") as image:
        at = image.read().index(b"mark=1111") // 512
    disk("convert", "boot.raw", "boot.qcow2")
    os.remove("boot.raw")
    disk("create", "over.qcow2", "50M", "--backing", "boot.qcow2", "--backing-format", "qcow2")
    with Machine(GUEST.options + ["--boot", "disk", "--disk", "over.qcow2,format=qcow2",
                                  "--memory", "512M"]) as m:
        m.expect("vm# ")
        check("mark=1111" in m.shell("cat /proc/cmdline"), "another kernel was started")
        m.shell("dd if=/dev/vda bs=512 skip=%d count=1 2>/dev/null | sed s/mark=1111/mark=2222/ | "
                "dd of=/dev/vda bs=512 seek=%d count=1 oflag=direct" % (at, at))
        m.type("reboot -n -f\n")
        m.expect("vm# ")
        check("mark=2222" in m.shell("cat /proc/cmdline"), "the reset has not seen what was written")
        m.type("exit\n")
        m.finish(0)
    sound("over.qcow2")


def main():
    """Prints TAP."""
    tap = Tap()
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        tap.case("guest killed %d times" % KILLS, killed_guest)
        tap.case("full host disk under qcow2", full_host_disk)
        tap.case("kernel from a qcow2 overlay", kernel_from_qcow2)
        os.chdir("/")
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
