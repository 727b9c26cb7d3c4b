"""fio.py - how fast a guest's disk is: Debian's fio in it, on a virtio-blk disk of its own.

The disk's image lies in memory, so that what is timed is the virtual machine and no medium; fio
goes past the guest's page cache. Rows are NAME-DEPTH: sequential transfers of 128 KiB and random
ones of 4 KiB, with 16 requests under way and with one. All machines are started once and take
turns.

MiB/s   by fio's own clock, the most and the least of the runs
CPU us  of the whole virtual machine for one request, the least; fio's start is subtracted, and
        where that is most of it the runs are too short to tell
"""

import contextlib
import os

import targets
from targets import BenchError

WORDS = targets.CONSOLE_WORDS + " quiet loglevel=2 vmtest=shell"
DISK_MIB = 192
# Name: (KiB of a request, requests of a run).
TRANSFERS = {"read": (128, 4096), "write": (128, 4096), "randread": (4, 16384),
             "randwrite": (4, 16384)}
DEPTHS = (16, 1)
# Places in fio's terse format, version 3: of what was read, and of what was written.
TERSE, BANDWIDTH = "3;fio-", {"read": 6, "write": 47}


def make_disk(path):
    """Not of zeroes, which hosts and guests know short ways for."""
    with open(path, "wb") as f:
        for _ in range(DISK_MIB):
            f.write(os.urandom(1 << 20))


def bandwidth(name, printed):
    """MiB a second, of what fio printed."""
    fields = printed[printed.find(TERSE):].split(";")
    if TERSE not in printed or fields[4] != "0":
        raise BenchError("fio failed: " + printed)
    return int(fields[BANDWIDTH["read" if "read" in name else "write"]]) / 1024


class Guest:
    """A machine with fio at its prompt. A context manager."""

    def __init__(self, argv):
        self.machine = targets.vm.Machine(argv[1:], command=argv[:1])
        self.start_up = None  # nanoseconds of CPU time of a run that does nothing

    def __enter__(self):
        self.machine.expect("vm# ")
        self.machine.shell("mount -o ro /dev/vda /mnt && mount -o bind /dev /mnt/dev && "
                           "mount -t proc proc /mnt/proc && mount -t tmpfs tmpfs /mnt/tmp")
        self.start_up = min(self.run("read", 1, 1)[1] for _ in range(3))
        return self

    def __exit__(self, *exc):
        self.machine.__exit__(*exc)

    def run(self, name, depth, requests):
        """MiB a second, and nanoseconds of CPU time."""
        kib = TRANSFERS[name][0]
        cpu = targets.process_cpu_ns(self.machine.process.pid)
        printed = self.machine.shell(
            "busybox chroot /mnt /usr/bin/fio --name=row --filename=/dev/vdb --direct=1 "
            "--norandommap --rw=%s --bs=%dk --iodepth=%d --ioengine=%s --size=%dm --io_size=%dk "
            "--output-format=terse --terse-version=3" %
            (name, kib, depth, "libaio" if depth > 1 else "psync", DISK_MIB, kib * requests))
        cpu = targets.process_cpu_ns(self.machine.process.pid) - cpu
        return bandwidth(name, printed), cpu


def figures(guest, runs, requests):
    speeds, cpu = [speed for speed, _ in runs], min(cpu for _, cpu in runs)
    result = {"MiB/s": max(speeds), "least": min(speeds)}
    if cpu > 1.5 * guest.start_up:
        result["CPU us"] = (cpu - guest.start_up) / 1e3 / requests
    return result


def fio(opt, kinds, place):
    """The figures of whole.KINDS: machine -> row -> what was measured."""
    if not place.disk:
        raise BenchError("no Debian programs: ./dev bench makes them")
    result = {name: {} for name, _ in kinds}
    with contextlib.ExitStack() as stack:
        guests = {}
        for name, argv in kinds:
            data = os.path.join(place.folder, "fio-%s.img" % name)
            make_disk(data)
            guests[name] = stack.enter_context(Guest(argv(
                WORDS, kernel=place.kernel, initrd=place.plain_initrd, disk=place.disk, data=data,
                memory=opt.memory, cpus=opt.cpus)))
        for depth in DEPTHS:
            for row, (_, requests) in TRANSFERS.items():
                requests = opt.reps or requests
                runs = {name: [] for name in guests}
                for _ in range(opt.runs):
                    for name, guest in guests.items():
                        runs[name].append(guest.run(row, depth, requests))
                for name, guest in guests.items():
                    result[name]["%s-%d" % (row, depth)] = figures(guest, runs[name], requests)
    return result
