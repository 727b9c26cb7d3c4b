#!/usr/bin/env python3
"""errors.py - what a user gets wrong is told in one clear sentence.

Each case: nothing on standard output, one line on standard error that begins with the
program's name and holds the offending value, status 1 (the file or the host) or 2 (the
options), and the files named are as they were.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile

from vm import Machine, Skip, Tap, TestFailed, asset, check, linux_args, run_cli, skip_all, vm_cli

UNCLEAR = re.compile(r"\b(errno|NULL|assert|BUG|0x[0-9a-f]{12,})\b")


def refused(status, words, args, **how):
    """The run ends at once with this status and one sentence holding these words."""
    got, out, err = run_cli(args, **how)
    lines = err.splitlines()
    told = "%s\nstatus %d, stdout %r, stderr:\n%s" % (" ".join(args), got, out[:200], err[:2000])
    check(got == status, "status is not %d: %s" % (status, told))
    check(not out, "it printed on standard output: " + told)
    check(len(lines) == 1, "not one line: " + told)
    check(lines[0].startswith("vm-cli: "), "does not begin with its name: " + told)
    check(not UNCLEAR.search(lines[0]), "not for a user: " + told)
    for word in words:
        check(word in lines[0], "does not name %r: %s" % (word, told))


def in_scratch(function, *args):
    with tempfile.TemporaryDirectory() as scratch:
        function(scratch, *args)


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)
    return path


# --- options ---------------------------------------------------------------------------

USAGE = [
    (["--no-such"], ["--no-such"]),
    (["kernel"], ["kernel"]),
    (["--kernel"], ["--kernel"]),
    (["--kernel", ""], ["--kernel"]),
    (["--memory", "0"], ["--memory", "0"]),
    (["--memory", "-1"], ["-1"]),
    (["--memory", "12Q"], ["12Q"]),
    (["--memory", "4097"], ["4097"]),
    (["--memory", "99999999999999999999"], ["99999999999999999999"]),
    (["--memory", "17179869184G"], ["17179869184G"]),
    (["--memory", "16T"], ["16T"]),
    (["--cpus", "0"], ["--cpus", "0"]),
    (["--cpus", "100000"], ["100000"]),
    (["--cpus", "two"], ["two"]),
    (["--arch", "vax"], ["vax", "riscv64"]),
    (["--machine", "pc"], ["pc", "riscv-virt"]),
    (["--machine", "riscv-virt,irqchip=gic"], ["gic", "plic", "aia"]),
    (["--machine", "riscv-virt,colour=red"], ["colour=red"]),
    (["--cpu", "i386"], ["i386"]),
    (["--engine", "warp"], ["warp", "interp", "base"]),
    (["--code-cache", "100K"], ["100K", "256K", "16G"]),
    (["--code-cache", "17G"], ["17G"]),
    (["--code-cache", "big"], ["big"]),
    (["--disk", ""], ["--disk"]),
    (["--disk", "x,format=qcow9"], ["qcow9", "raw"]),
    (["--disk", "x,bus=isa"], ["isa", "mmio"]),
    (["--disk", "x,readonly=perhaps"], ["readonly=perhaps"]),
    (["--net", "tap"], ["tap"]),
    (["--net", "user,hostfwd=tcp:127.0.0.1:99999-:22"], ["99999"]),
    (["--net", "user,hostfwd=nonsense"], ["nonsense"]),
    (["--console", "printer"], ["printer"]),
    (["--on-reset", "dance"], ["dance"]),
    (["--rng-seed", "dice"], ["dice"]),
    (["--save-state", "f"], ["--save-state", "at="]),
    (["--save-state", "f,at=noon"], ["at=noon"]),
    (["--save-state", "f,at=insns:12x"], ["insns:12x"]),
    (["--load-state", ""], ["--load-state"]),
    (["--stats=xml:f"], ["xml"]),
    (["--trace", "everything-and-more"], ["everything-and-more"]),
    (["--deterministic=maybe"], ["maybe"]),
]


# --- files -----------------------------------------------------------------------------


def nothing_to_boot():
    refused(1, ["--kernel"], [])


def impossible_second():
    refused(1, ["seconds"], ["--kernel", asset("Image"), "--save-state", "f,at=seconds:1e26"])


def missing(option):
    refused(1, ["/nonexistent/file"], (["--kernel", asset("Image")] if option != "--kernel"
                                       else []) + [option, "/nonexistent/file"])


def directory_as_kernel(scratch):
    refused(1, [scratch], ["--kernel", scratch])


def malformed_kernels(scratch):
    """Truncated at every interesting length, noise, empty, another architecture's."""
    with open(asset("Image"), "rb") as file:
        image = file.read(1 << 20)
    path = os.path.join(scratch, "kernel")
    bad = {"empty": b"", "one byte": b"M", "text": b"#!/bin/sh\necho hello\n" * 50,
           "header only": image[:64], "half a header": image[:40], "truncated": image,
           "ELF header alone": b"\x7fELF\x02\x01\x01" + bytes(57),
           "ELF of 4 bytes": b"\x7fELF",
           "gzip header alone": b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03",
           "gzip of noise": b"\x1f\x8b\x08\x00" + bytes(range(256)) * 64,
           "this host's own program": open(sys.executable, "rb").read(1 << 16)}
    for name, data in bad.items():
        write(path, data)
        try:
            refused(1, [path], ["--kernel", path])
        except TestFailed as why:
            raise TestFailed("%s: %s" % (name, why)) from why


def malformed_dtb(scratch):
    path = os.path.join(scratch, "tree.dtb")
    for data in (b"", b"no tree", b"\xd0\x0d\xfe\xed" + bytes(36), b"\xd0\x0d\xfe\xed" * 100,
                 b"\xd0\x0d\xfe\xed\xff\xff\xff\xff" + bytes(100)):
        write(path, data)
        refused(1, [path], ["--kernel", asset("Image"), "--dtb", path])


def memory_too_small():
    refused(1, ["--memory"], ["--kernel", asset("Image"), "--initrd", asset("initrd.cpio"),
                              "--memory", "32M"])


def memory_not_there():
    """More than the host would ever give."""
    got, out, err = run_cli(linux_args("vmtest=poweroff")[:4] + ["--memory", "7T"])
    check(got in (1, 2) and len(err.splitlines()) == 1 and "7T" in err and not out,
          "status %d: %s %s" % (got, err, out[:200]))


def huge_file(scratch, option):
    """A sparse file of 64 GiB is refused, not read."""
    path = os.path.join(scratch, "huge")
    with open(path, "wb") as file:
        file.truncate(64 << 30)
    base = ["--kernel", asset("Image")] if option != "--kernel" else []
    refused(1, [path], base + [option, path])


def unreadable(scratch):
    path = write(os.path.join(scratch, "kernel"), b"x")
    os.chmod(path, 0)
    if os.access(path, os.R_OK):
        raise Skip("root reads everything")
    refused(1, [path], ["--kernel", path])


# --- disks and ports -------------------------------------------------------------------


def disk_is_directory(scratch):
    refused(1, [scratch], ["--kernel", asset("Image"), "--disk", scratch + ",bus=mmio"])


def malformed_disks(scratch):
    """A raw disk may hold anything, but not nothing."""
    path = os.path.join(scratch, "disk")
    for size in (0, 1, 511):
        write(path, b"x" * size)
        refused(1, [path], ["--kernel", asset("Image"), "--disk", path])
        check(os.path.getsize(path) == size, "the file was changed")
    os.mkfifo(path + ".fifo")
    refused(1, [path + ".fifo"], ["--kernel", asset("Image"), "--disk", path + ".fifo"])


def disk_in_use(scratch):
    """Two machines never write to one disk."""
    path = os.path.join(scratch, "disk")
    with open(path, "wb") as file:
        file.truncate(1 << 20)
    args = linux_args() + ["--disk", path + ",bus=mmio"]
    with Machine(args) as m:
        m.expect("Linux version")
        refused(1, [path], args)


# In a mount namespace of its own: a small file system on "small", filled from "before"; what
# is on it at the end goes to "after". Needs no privilege where user namespaces are allowed.
SMALL = """mount -t tmpfs -o size="$1" tmpfs small || exit 77
cp -r --sparse=always before/. small/ || exit 77
shift
"$@"
status=$?
cp -r --sparse=always small/. after/ && exit $status
"""


class SmallDisk:
    """A host file system too small for what is written to it, and how to run below it."""

    def __init__(self, scratch, size):
        for name in ("small", "before", "after"):
            os.mkdir(os.path.join(scratch, name))
        self.scratch = scratch
        self.wrapper = ["unshare", "--mount" if os.geteuid() == 0 else "-rm", "sh", "-c",
                        "cd '%s'\n%s" % (scratch, SMALL), "sh", size]
        if run_cli([], command=self.wrapper + ["true"])[0] != 0:
            raise Skip("no mount namespace may be made here")
        self.command = self.wrapper + [vm_cli(), "run"]

    def path(self, name, where="small"):
        return os.path.join(self.scratch, where, name)

    def after(self):
        """Name and content of each file on it when the program had ended."""
        found = {}
        for name in os.listdir(os.path.join(self.scratch, "after")):
            with open(self.path(name, "after"), "rb") as file:
                found[name] = file.read()
        return found


def full_host_disk(scratch, bus):
    """The file system below a disk is full: the guest sees a write error, the person one
    sentence, and what was written before is unharmed."""
    small = SmallDisk(scratch, "2M")
    size, kept = 64 << 20, bytes(range(256)) * 4096
    write(small.path("disk", "before"), kept)
    os.truncate(small.path("disk", "before"), size)
    args = linux_args() + ["--disk", "%s,bus=%s" % (small.path("disk"), bus)]
    with Machine(args, command=small.command) as m:
        m.expect("vm# ")
        m.type("dd if=/dev/zero of=/dev/vda bs=64k seek=16 count=64 conv=fsync; "
               "echo end''ed $?\n")
        m.expect("ended 1")
        m.expect("vm# ")
        m.shell("cmp -n 1048576 /dev/vda /dev/vda")
        m.type("exit\n")
        said = m.finish(0)
    check(len(said.splitlines()) == 1 and "No space left on device" in said,
          "it was not told in one sentence: " + said)
    disk = small.after()["disk"]
    check(len(disk) == size and disk[:len(kept)] == kept, "the disk's file was damaged")
    check(not disk[len(kept):].strip(b"\0"), "the disk holds what nobody wrote")


def save_to_full_disk(scratch):
    """A save that cannot be completed leaves the old file and no half of a new one."""
    small = SmallDisk(scratch, "1M")
    write(small.path("state", "before"), b"the old one")
    refused(1, [small.path("state"), "No space left on device"], linux_args() + [
        "--console", "none", "--save-state", small.path("state") + ",at=insns:20000000"],
        command=small.command)
    check(small.after() == {"state": b"the old one"},
          "not as it was before: %s" % {n: d[:64] for n, d in small.after().items()})


def stats_to_full_disk(scratch):
    """Statistics that cannot be written make the run fail, though the guest ended well."""
    small = SmallDisk(scratch, "4K")
    write(small.path("filler", "before"), b"x" * 4096)
    got, _, err = run_cli(linux_args("vmtest=poweroff") + ["--stats=json:" + small.path("s")],
                          command=small.command)
    check(got == 1 and len(err.splitlines()) == 1 and small.path("s") in err,
          "status %d: %s" % (got, err))


def save_nowhere():
    got, _, err = run_cli(linux_args() + ["--console", "none", "--save-state",
                                          "/nonexistent/state,at=insns:1000000"])
    check(got == 1 and len(err.splitlines()) == 1 and "/nonexistent/state" in err,
          "status %d: %s" % (got, err))


def port_taken():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused(1, [str(port)], ["--kernel", asset("Image"), "--net",
                                 "user,hostfwd=tcp:127.0.0.1:%d-:22" % port])


def console_socket_taken(scratch):
    path = os.path.join(scratch, "socket")
    with socket.socket(socket.AF_UNIX) as taken:
        taken.bind(path)
        taken.listen()
        refused(1, [path], ["--kernel", asset("Image"), "--console", "unix:" + path])
    check(os.path.exists(path), "somebody else's socket was removed")


def console_in_nowhere():
    refused(1, ["/nonexistent/socket"], ["--kernel", asset("Image"), "--console",
                                         "unix:/nonexistent/socket"])


# --- saved states ----------------------------------------------------------------------


def small_state(scratch):
    """A machine's state that is quick to make and to read: firmware alone."""
    path = os.path.join(scratch, "state")
    args = ["--firmware", asset("fw_jump.elf"), "--memory", "32M"]
    process = subprocess.Popen(
        [vm_cli(), "run", *args, "--console", "none", "--save-state",
         path + ",at=insns:200000"],
        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    line = process.stderr.readline()
    process.kill()
    process.wait()
    process.stderr.close()
    check(b"state saved" in line, "no state was saved: %r" % line)
    return path, args + ["--console", "none"]


def damaged_states(scratch):
    path, args = small_state(scratch)
    with open(path, "rb") as file:
        good = file.read()
    bad = os.path.join(scratch, "bad")
    step = max(1, len(good) // 24)
    for cut in [0, 1, 7, 8, 31, 32, 33, len(good) - 1, *range(40, len(good), step)]:
        write(bad, good[:cut])
        refused(1, [bad], args + ["--load-state", bad])
    for at in [0, 8, 9, 12, 16, 20, 28, 31, 32, 39, 40, 41, *range(50, len(good), step)]:
        write(bad, good[:at] + bytes([good[at] ^ 1 << at % 8]) + good[at + 1:])
        refused(1, [bad], args + ["--load-state", bad])
    write(bad, good + b"x")
    refused(1, [bad], args + ["--load-state", bad])
    with open(path, "rb") as file:
        check(file.read() == good, "the good state was changed")


def newer_state(scratch):
    """Another format version, with a right checksum: the sentence says so."""
    import struct
    import zlib
    path, args = small_state(scratch)
    with open(path, "rb") as file:
        data = bytearray(file.read())
    struct.pack_into("<I", data, 8, 99)
    struct.pack_into("<I", data, 28, zlib.crc32(bytes(data[:28])))
    write(path, bytes(data))
    refused(1, [path, "99"], args + ["--load-state", path])


def state_of_another_machine(scratch):
    path, args = small_state(scratch)
    refused(1, [path, "cpus"], args + ["--load-state", path, "--cpus", "2"])
    refused(1, [path, "memory"], ["--firmware", asset("fw_jump.elf"), "--memory", "64M",
                                  "--load-state", path])


def main():
    tap = Tap()
    for args, words in USAGE:
        tap.case("usage: %s" % " ".join(args), refused, 2, words, args)
    tap.case("nothing to boot", nothing_to_boot)
    tap.case("a save at an impossible second", impossible_second)
    for option in ("--kernel", "--initrd", "--firmware", "--dtb", "--load-state"):
        tap.case("missing file for " + option, missing, option)
    tap.case("missing disk", refused, 1, ["/nonexistent/disk"],
             ["--kernel", asset("Image"), "--disk", "/nonexistent/disk,bus=mmio"])
    for option in ("--kernel", "--firmware", "--initrd", "--dtb", "--load-state"):
        tap.case("a 64 GiB file for " + option, in_scratch, huge_file, option)
    for name, function in (("a directory as kernel", directory_as_kernel),
                           ("malformed kernels", malformed_kernels),
                           ("malformed device trees", malformed_dtb),
                           ("an unreadable file", unreadable),
                           ("a directory as disk", disk_is_directory),
                           ("a disk in use", disk_in_use),
                           ("malformed disks", malformed_disks),
                           ("a full host disk below statistics", stats_to_full_disk),
                           ("a full host disk below a saved state", save_to_full_disk),
                           ("a console socket that is taken", console_socket_taken),
                           ("damaged states", damaged_states),
                           ("a state of a newer format", newer_state),
                           ("a state of another machine", state_of_another_machine)):
        tap.case(name, in_scratch, function)
    for bus in ("mmio", "pcie"):
        tap.case("a full host disk below a disk on " + bus, in_scratch, full_host_disk, bus)
    for name, function in (("memory too small for the kernel", memory_too_small),
                           ("memory the host does not have", memory_not_there),
                           ("a state in no directory", save_nowhere),
                           ("a forwarded port that is taken", port_taken),
                           ("a console socket in no directory", console_in_nowhere)):
        tap.case(name, function)
    return tap.finish()


if __name__ == "__main__":
    try:
        asset("Image")
        asset("fw_jump.elf")
    except Skip as why:
        skip_all(why)
    sys.exit(main())
