#!/usr/bin/env python3
"""seed.py - what a guest is told before it starts. --user-data: what cloud-init finds is a disk
that Linux and blkid read, with the very bytes of the file, and an identity that stays with the
machine. --credential: what systemd finds are files of the firmware configuration."""

import os
import shutil
import subprocess
import sys
import tempfile

from initrd import initrd_with, module
from machines import PROMPT, Attached, Home
from vm import Machine, Skip, Tap, check, linux_args, run_cli

DRIVERS = ("fat", "vfat", "nls_cp437", "nls_ascii", "qemu_fw_cfg")
FILES = "/sys/firmware/qemu_fw_cfg/by_name/opt/io.systemd.credentials"


def linux(scratch):
    """Options for a guest that has these drivers."""
    path = os.path.join(scratch, "initrd")
    initrd_with(path, {name + ".ko": (0o644, module(name)) for name in DRIVERS})
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
        console.type(MOUNT % "vda" + "; cat /s/user-data /s/meta-data; echo do''ne\n")
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


def credentials(scratch):
    """Linux's driver finds each by its name, with all its bytes, and the machine's own; a named
    machine finds a file that was named from another folder."""
    secret = os.urandom(5000)
    with open(os.path.join(scratch, "secret"), "wb") as file:
        file.write(secret)
    given = ["--credential", "one=a value, with = and @", "--credential", "two=@secret"]
    with Home() as home:
        was = os.getcwd()
        os.chdir(scratch)
        home.cli("create", "box", *linux(scratch), *given, "--credential", "empty=")
        os.chdir(was)
        with Attached(home, "start", "box", "--foreground") as console:
            console.expect(PROMPT)
            console.type("insmod /qemu_fw_cfg.ko; cd %s; echo `ls`; cat one/raw; echo; "
                         "sha256sum two/raw; echo do''ne\n" % FILES)
            text = console.expect("done").replace("\r", "").splitlines()
            console.type("exit\n")
            console.finish()
    digest = subprocess.run(["sha256sum", "secret"], cwd=scratch, check=True,
                            stdout=subprocess.PIPE).stdout.decode().split()[0]
    check("empty one two vmm.notify_socket" in text and "a value, with = and @" in text and
          digest + "  two/raw" in text, "the guest found: %s" % text)


def refused(scratch):
    empty, large = (os.path.join(scratch, name) for name in ("empty", "large"))
    for path, size in ((empty, 0), (large, (16 << 20) + 1)):
        with open(path, "wb") as file:
            file.truncate(size)
    for path in (empty, large, os.path.join(scratch, "nowhere"), scratch):
        for option in (["--user-data", path], ["--credential", "a=@" + path]):
            status, out, err = run_cli(["--kernel", "k"] + option)
            check(status == 1 and not out and len(err.splitlines()) == 1 and path in err, err)
    for text in ("novalue", "=x", "a/b=x", "a:b=x", ".a=x", "n" * 29 + "=x", "a b=x"):
        status, out, err = run_cli(["--credential", text])
        check(status == 2 and not out and len(err.splitlines()) == 1 and "NAME=VALUE" in err, err)


def main():
    """Prints TAP."""
    tap = Tap()
    with tempfile.TemporaryDirectory() as scratch:
        tap.case("what is refused", refused, scratch)
        tap.case("a guest reads the disk", guest_reads_it, scratch)
        tap.case("blkid knows the disk", blkid_knows_it, scratch)
        tap.case("credentials", credentials, scratch)
        tap.case("the identity stays with the machine", identity_stays, scratch)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
