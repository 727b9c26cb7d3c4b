#!/usr/bin/env python3
"""seed.py - --user-data: what cloud-init finds is a disk that Linux and blkid read, with the very
bytes of the file, and an identity that stays with the machine."""

import os
import shutil
import subprocess
import sys
import tempfile

from machines import PROMPT, Attached, Home
from memory import cpio, module
from vm import Machine, Skip, Tap, asset, check, linux_args, run_cli

DRIVERS = ("fat", "vfat", "nls_cp437", "nls_ascii")


def linux(scratch):
    """Options for a guest that can mount FAT."""
    path = os.path.join(scratch, "initrd")
    with open(path, "wb") as out, open(asset("initrd.cpio"), "rb") as first:
        data = first.read()
        for name in DRIVERS:
            data += bytes(-len(data) % 4) + cpio(name + ".ko", module(name))
        out.write(data)
    args = linux_args()
    args[args.index("--initrd") + 1] = path
    return args


MOUNT = ("insmod /fat.ko; insmod /nls_cp437.ko; insmod /nls_ascii.ko; insmod /vfat.ko; mkdir /s; "
         "mount -t vfat -o ro /dev/%s /s")


def guest_reads_it(scratch):
    """Behind the disks that were given; every byte, over many clusters."""
    size = 300001
    for name, content in (("data", os.urandom(size)), ("disk", bytes(4096))):
        with open(os.path.join(scratch, name), "wb") as file:
            file.write(content)
    digest = subprocess.run(["sha256sum", "data"], cwd=scratch, check=True,
                            stdout=subprocess.PIPE).stdout.decode().split()[0]
    with Machine(linux(scratch) + ["--user-data", os.path.join(scratch, "data"),
                                   "--disk", os.path.join(scratch, "disk")]) as m:
        m.expect("vm# ")
        m.shell(MOUNT % "vdb")
        check(m.shell("ls /s").split() == ["meta-data", "user-data"], "not these two files")
        check(m.shell("sha256sum /s/user-data").split()[0] == digest, "other bytes")
        check("instance-id: i-" in m.shell("cat /s/meta-data"), "no identity")
        check(m.shell("cat /sys/block/vdb/ro").strip() == "1", "it can be written")
        m.type("exit\n")
        m.finish(0)


def blkid_knows_it(scratch):
    program = shutil.which("blkid", path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    if not program:
        raise Skip("blkid is not here")
    with open(os.path.join(scratch, "tiny"), "w", encoding="ascii") as file:
        file.write("#cloud-config\n")
    with Machine(linux_args() + ["--user-data", os.path.join(scratch, "tiny")]) as m:
        m.expect("vm# ")
        folder = "/proc/%d/fd" % m.process.pid
        disks = [fd for fd in os.listdir(folder)
                 if "memfd:cidata" in os.readlink(os.path.join(folder, fd))]
        with open(os.path.join(folder, disks[0]), "rb") as disk:
            with open(os.path.join(scratch, "copy"), "wb") as copy:
                copy.write(os.pread(disk.fileno(), 1 << 20, 0))
        m.type("exit\n")
        m.finish(0)
    told = subprocess.run([program, "-p", os.path.join(scratch, "copy")], check=True,
                          stdout=subprocess.PIPE).stdout.decode()
    for word in ('LABEL="cidata"', 'TYPE="vfat"', 'VERSION="FAT12"'):
        check(word in told, "blkid says: " + told)


def meta_data(home, name):
    """What a named machine's guest finds."""
    with Attached(home, "start", name, "--foreground") as console:
        console.expect(PROMPT)
        console.type(MOUNT % "vda" + "; cat /s/user-data /s/meta-data; ec''ho done\n")
        console.expect("#cloud-config")
        text = console.expect("done")
        console.type("exit\n")
        console.finish()
    return dict(line.strip().split(": ", 1) for line in text.splitlines() if ": " in line)


def identity_stays(scratch):
    """It outlives a new name and a restart; a clone has another."""
    path = os.path.join(scratch, "cloud")
    with open(path, "w", encoding="ascii") as file:
        file.write("#cloud-config\n")
    with Home() as home:
        home.cli("create", "one", *linux(scratch), "--user-data", path)
        first = meta_data(home, "one")
        check(first["local-hostname"] == "one", "the host name: %s" % first)
        home.cli("rename", "one", "two")
        second = meta_data(home, "two")
        check(second == {"instance-id": first["instance-id"], "local-hostname": "two"},
              "was %s, is %s" % (first, second))
        home.cli("clone", "two", "three")
        third = meta_data(home, "three")
        check(third["instance-id"] != first["instance-id"], "the clone says it is the same")


def refused(scratch):
    empty, large = (os.path.join(scratch, name) for name in ("empty", "large"))
    for path, size in ((empty, 0), (large, (16 << 20) + 1)):
        with open(path, "wb") as file:
            file.truncate(size)
    for path in (empty, large, os.path.join(scratch, "nowhere"), scratch):
        status, out, err = run_cli(["--kernel", "k", "--user-data", path])
        check(status == 1 and not out and len(err.splitlines()) == 1 and path in err, err)


def main():
    """Prints TAP."""
    tap = Tap()
    with tempfile.TemporaryDirectory() as scratch:
        tap.case("what is refused", refused, scratch)
        tap.case("a guest reads the disk", guest_reads_it, scratch)
        tap.case("blkid knows the disk", blkid_knows_it, scratch)
        tap.case("the identity stays with the machine", identity_stays, scratch)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
