#!/usr/bin/env python3
"""memory.py - what a guest frees goes back to the host (free-page reporting of the balloon), and
what it is asked for while it runs (QMP's balloon); a disk that grows under it.

With VM_SOAK=1 it frees 512 MB, and has 10 s to give back 80 % of them.
"""

import os
import sys
import tempfile

from initrd import initrd_with, module
from vm import MIB, PATIENCE, Machine, Tap, check, linux_args, qmp, until

SOAK = bool(os.environ.get("VM_SOAK"))
USED = 512 if SOAK else 256  # MiB that the guest uses and frees
SOON = 10 if SOAK else PATIENCE


def resident(machine):
    """MiB of the machine's process that the host holds."""
    with open("/proc/%d/statm" % machine.process.pid, encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE") // MIB


def balloon_machine(scratch, *options):
    """A machine with 1 GiB whose initramfs has the balloon's driver, which is loaded later."""
    path = os.path.join(scratch, "initrd")
    initrd_with(path, {"balloon.ko": (0o644, module("virtio_balloon"))})
    args = linux_args(memory="1G")
    args[args.index("--initrd") + 1] = path
    return Machine(args + list(options))


def given_back(scratch):
    """A file in the guest's memory is made and removed: most of it goes back by itself."""
    with balloon_machine(scratch) as m:
        m.expect("vm# ")
        m.shell("insmod /balloon.ko")
        m.shell("mkdir /m && mount -t tmpfs -o size=900m none /m")
        m.shell("dd if=/dev/zero of=/m/file bs=1M count=%d" % USED)
        full = resident(m)
        check(full >= USED, "only %d MiB are resident" % full)
        m.shell("rm /m/file")
        took = until(lambda: resident(m) <= full - USED * 8 // 10,
                     lambda: "%d MiB stay, there were %d" % (resident(m), full), SOON)
        print("# %d of %d MiB after %.1f s" % (full - resident(m), USED, took), flush=True)
        m.shell("dd if=/dev/zero of=/m/file bs=1M count=%d" % USED)  # and it can be had again
        m.type("exit\n")
        m.finish(0)


def asked_for(scratch):
    """The guest gives what it is asked for, has less then, and gets it again."""
    control = os.path.join(scratch, "control")
    actual = lambda: qmp(control, "query-balloon")["actual"] // MIB
    free = lambda m: int(m.shell("grep MemFree /proc/meminfo").split()[1]) // 1024
    with balloon_machine(scratch, "--control", "unix:" + control) as m:
        m.expect("vm# ")
        m.shell("insmod /balloon.ko")
        check(actual() == 1024, "before it is asked: %d MiB" % actual())
        before = free(m)
        for keep in (400, 1024):
            qmp(control, "balloon", value=keep * MIB)
            until(lambda: actual() == keep, lambda: "it has %d MiB, not %d" % (actual(), keep))
            # Pages that are just being reported to the host do not count as free.
            until(lambda: abs(before - free(m) - (1024 - keep)) < 100,
                  lambda: "%d MiB were free and %d are: it keeps %d" % (before, free(m), keep))
        m.type("exit\n")
        m.finish(0)


def grown_disk(scratch):
    """The guest's kernel sees a disk's new size at once, and can write at its end."""
    control, disk = (os.path.join(scratch, name) for name in ("control", "disk"))
    with open(disk, "wb") as image:
        image.truncate(MIB)
    with Machine(linux_args() + ["--control", "unix:" + control, "--disk", disk]) as m:
        m.expect("vm# ")
        check(m.shell("cat /sys/block/vda/size").strip() == "2048", "not 1 MiB at first")
        qmp(control, "block_resize", device="disk0", size=4 * MIB)
        until(lambda: m.shell("cat /sys/block/vda/size").strip() == "8192",
              lambda: "the guest's kernel sees no new size")
        m.shell("echo the end | dd of=/dev/vda bs=512 seek=8191 && sync")
        m.type("exit\n")
        m.finish(0)
    with open(disk, "rb") as image:
        check(image.read()[-512:][:7] == b"the end", "what was written there is lost")


def main():
    """Prints TAP."""
    tap = Tap()
    with tempfile.TemporaryDirectory() as scratch:
        tap.case("freed memory goes back", given_back, scratch)
        tap.case("memory that is asked for", asked_for, scratch)
        tap.case("a disk grows", grown_disk, scratch)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
