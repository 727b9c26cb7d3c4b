#!/usr/bin/env python3
"""determinism.py - with --deterministic two runs are the same run.

A boot is stopped at an instruction count and its whole state saved: memory, CPUs, devices
and clock. Two runs, the two engines, and a run that was itself saved and loaded half way
(a race of 4 harts, too) must give equal states and the same console output.

    determinism.py          up to 60 million instructions
    determinism.py --all    through the whole boot, with 1 and with 4 harts
"""

import os
import re
import struct
import subprocess
import sys
import tempfile

from state_file import StateFile
from vm import GUEST, PATIENCE, Tap, TestFailed, check, linux_args, vm_cli

# Guest counter = instructions of this process + offset: only the sum is the guest's.
RAM = 0x80000000
COUNTER_OFFSET = re.compile(r"(cpu\d+\.(mcycle|minstret)_offset|riscv-virt\.insns):")


def run_to(insns, state, args):
    """Runs to the instruction count; returns (console so far, state)."""
    argv = [vm_cli(), "run", "--deterministic", "--save-state", "%s,at=insns:%d" % (state, insns)]
    with tempfile.TemporaryFile() as console:
        process = subprocess.Popen(argv + args, stdin=subprocess.DEVNULL, stdout=console,
                                   stderr=subprocess.PIPE)
        said = b""
        try:
            for line in process.stderr:
                said += line
                if b"state saved" in line:
                    break
            else:
                raise TestFailed("ended with status %d before instruction %d: %s" % (
                    process.wait(PATIENCE), insns, said.decode()))
        finally:
            process.kill()
            process.wait()
            process.stderr.close()
        console.seek(0)
        return console.read(), StateFile(state)


def same(name, one, other):
    # The machine goes on after it was saved until it is killed: more output may follow.
    length = min(len(one[0]), len(other[0]))
    check(one[0][:length] == other[0][:length], "%s: the consoles differ" % name)
    found = one[1].differences(other[1])
    check(not found, "%s: the states differ:\n%s" % (name, "\n".join(found[:20])))


def args_for(cpus, engine):
    return linux_args("vmtest=poweroff") + ["--cpus", str(cpus), "--engine", engine]


def equal_runs(insns, cpus, one, other):
    with tempfile.TemporaryDirectory() as scratch:
        ends = [run_to(insns, os.path.join(scratch, "state%d" % i), args_for(cpus, engine))
                for i, engine in enumerate((one, other))]
        check(ends[0][1].lists["clock"]["now_ns"] >= insns, "the clock did not follow the count")
        same("%s and %s" % (one, other), *ends)


def resumed_equals_uninterrupted(insns, args):
    with tempfile.TemporaryDirectory() as scratch:
        paths = [os.path.join(scratch, name) for name in ("whole", "half", "resumed")]
        whole = run_to(insns, paths[0], args)
        run_to(insns // 2, paths[1], args)
        # Instructions count anew in the new process; the guest's counters do not.
        resumed = run_to(insns - insns // 2, paths[2], args + ["--load-state", paths[1]])
        found = [line for line in whole[1].differences(resumed[1])
                 if not COUNTER_OFFSET.match(line)]
        check(not found, "after a save and a load half way the state differs:\n%s" %
              "\n".join(found[:20]))


# Each hart takes a number and writes its own into the log at that place, for ever.
RACE = [0xf1402573,   # csrr a0, mhartid
        0x00100597,   # auipc a1, 0x100
        0x00100293,   # 1: li t0, 1
        0x0055a32f,   # amoadd.w t1, t0, (a1)
        0x03031313,   # slli t1, t1, 48
        0x02d35313,   # srli t1, t1, 45
        0x00b30333,   # add t1, t1, a1
        0x00a30423,   # sb a0, 8(t1)
        0xfe9ff06f]   # j 1b


def race_resumed(insns, engine):
    """The log of a race shows the turns: a save within one must not end it."""
    with tempfile.TemporaryDirectory() as scratch:
        path, code = os.path.join(scratch, "race"), struct.pack("<9I", *RACE)
        with open(path, "wb") as out:
            out.write(struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 2, 243, 1, RAM, 64,
                                  0, 0, 64, 56, 1, 64, 0, 0) +
                      struct.pack("<IIQQQQQQ", 1, 5, 120, RAM, RAM, len(code), len(code), 4) + code)
        resumed_equals_uninterrupted(insns, ["--firmware", path, "--memory", "64M", "--console", "none",
                                             "--cpus", "4", "--engine", engine])


def seed_matters(insns):
    """What the comparison can see: another seed gives another state."""
    with tempfile.TemporaryDirectory() as scratch:
        ends = [run_to(insns, os.path.join(scratch, seed), args_for(1, "auto") +
                       ["--rng-seed", seed]) for seed in ("1", "2")]
        check(ends[0][1].differences(ends[1][1]), "two seeds gave the same machine")


def main():
    tap = Tap()
    everything = "--all" in sys.argv[1:] or os.environ.get("VM_SOAK")
    insns = 1_500_000_000 if everything else 60_000_000
    tap.case("two runs of base are equal", equal_runs, insns, 1, "base", "base")
    tap.case("interp and base are equal", equal_runs, insns, 1, "interp", "base")
    tap.case("saved and loaded half way, base", resumed_equals_uninterrupted, insns,
             args_for(1, "base"))
    for insns_of_race in (1_234_567, 2_345_679) if GUEST.firmware == "opensbi" else ():
        for engine in ("interp", "base"):
            tap.case("4 harts race: saved and loaded half way of %d, %s" % (insns_of_race, engine),
                     race_resumed, insns_of_race, engine)
    tap.case("another seed is another machine", seed_matters, 60_000_000)
    if everything:
        tap.case("saved and loaded half way, interp", resumed_equals_uninterrupted, insns,
                 args_for(1, "interp"))
        insns = 450_000_000  # of each; four are sooner at the end of the boot
        tap.case("4 CPUs: interp and base are equal", equal_runs, insns, 4, "interp", "base")
        tap.case("4 CPUs: saved and loaded half way", resumed_equals_uninterrupted, insns,
                 args_for(4, "base"))
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
