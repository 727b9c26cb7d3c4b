#!/usr/bin/env python3
"""memory.py - what a guest frees goes back to the host (free-page reporting of the balloon)."""

import glob
import lzma
import os
import sys
import tempfile
import time

from vm import MIB, PATIENCE, Machine, Skip, Tap, asset, check, linux_args

USED = 256  # MiB that the guest uses and frees


def module(name):
    """A driver of the test kernel, unpacked."""
    pattern = os.path.join(os.path.dirname(asset("Image")),
                           "kernel/usr/lib/modules/*/kernel/**", name + ".ko.xz")
    found = glob.glob(pattern, recursive=True)
    if not found:
        raise Skip("the kernel's modules are not unpacked: ./dev assets kernel")
    with lzma.open(found[0]) as file:
        return file.read()


def cpio(name, data):
    """An archive with one file, as the kernel unpacks it over the first one."""
    def entry(path, mode, content):
        head = "070701" + "".join("%08x" % field for field in (
            1, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(path) + 1, 0))
        text = head.encode() + path.encode() + b"\0"
        text += bytes(-len(text) % 4) + content
        return text + bytes(-len(text) % 4)
    return entry(name, 0o100644, data) + entry("TRAILER!!!", 0, b"")


def resident(machine):
    """MiB of the machine's process that the host holds."""
    with open("/proc/%d/statm" % machine.process.pid, encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE") // MIB


def given_back(scratch):
    """A file in the guest's memory is made and removed: most of it goes back by itself."""
    path = os.path.join(scratch, "initrd")
    with open(path, "wb") as out, open(asset("initrd.cpio"), "rb") as first:
        data = first.read()
        out.write(data + bytes(-len(data) % 4) + cpio("balloon.ko", module("virtio_balloon")))
    args = linux_args(memory="768M")
    args[args.index("--initrd") + 1] = path
    with Machine(args) as m:
        m.expect("vm# ")
        m.shell("insmod /balloon.ko")
        m.shell("mkdir /m && mount -t tmpfs -o size=700m none /m")
        m.shell("dd if=/dev/zero of=/m/file bs=1M count=%d" % USED)
        full = resident(m)
        check(full >= USED, "only %d MiB are resident" % full)
        m.shell("rm /m/file")
        began = time.monotonic()
        while resident(m) > full - USED * 8 // 10:
            check(time.monotonic() - began < PATIENCE, "%d MiB stay, there were %d" % (
                resident(m), full))
            time.sleep(0.1)
        print("# %d of %d MiB after %.1f s" % (full - resident(m), USED,
                                               time.monotonic() - began), flush=True)
        m.shell("dd if=/dev/zero of=/m/file bs=1M count=%d" % USED)  # and it can be had again
        m.type("exit\n")
        m.finish(0)


def main():
    """Prints TAP."""
    tap = Tap()
    with tempfile.TemporaryDirectory() as scratch:
        tap.case("freed memory goes back", given_back, scratch)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
