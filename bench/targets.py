"""targets.py - what a row runs on: this machine itself, vm-cli, QEMU.

Each is started once and then answers "run NAME REPS" with a result, so that rows can
alternate between targets; while one works, the others wait at their prompts.
"""

import os
import subprocess
import sys
import time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "guest"))
import vm

GUEST = vm.GUEST


class Arch:
    """What the benchmarks must know of an architecture of guests: the cross compiler's prefix,
    QEMU's program and board, and names and words of the CPU models of QEMU that are timed."""

    def __init__(self, triplet, qemu, board, models):
        self.triplet, self.qemu, self.board, self.models = triplet, qemu, board, models


ARCHES = {
    "riscv64": Arch("riscv64-linux-gnu", "qemu-system-riscv64", "virt", {"qemu": []}),
    "arm64": Arch("aarch64-linux-gnu", "qemu-system-aarch64", "virt,gic-version=3",
                  {"qemu-a57": ["-cpu", "cortex-a57"],
                   "qemu-max": ["-cpu", "max,pauth-impdef=on"]})}
ARCH = ARCHES[GUEST.arch]
CONSOLE_WORDS = "console=" + GUEST.console
KERNEL_WORDS = CONSOLE_WORDS + " quiet loglevel=2 panic=1"


class BenchError(Exception):
    """What went wrong, in one sentence."""


def process_cpu_ns(pid):
    """CPU time that a process's threads have used, ended ones included (clock_getcpuclockid)."""
    return time.clock_gettime_ns((~pid << 3) | 2)


class Result:
    """One timed run: wall is what the target's clock says, host what this machine's says."""

    def __init__(self, wall, cpu, host, checksum):
        self.wall, self.cpu, self.host, self.checksum = wall, cpu, host, checksum


class Target:
    """A driver behind a pipe or a console. group: targets of one are shown as one, by the faster."""

    def __init__(self, name, argv, line, group=None):
        self.name, self.line, self.group = name, line, group or name
        self.machine = vm.Machine(argv[1:], command=argv[:1])

    def wait_ready(self):
        self._answer("bench-ready")

    def _answer(self, word):
        while True:
            text = self.machine.expect("\n").strip()
            at = text.find("bench-")
            words = text[at:].split() if at >= 0 else []
            if words and words[0] == word:
                return words[1:]
            if words and words[0] == "bench-error":
                raise BenchError("%s: %s" % (self.name, text[at + 12:]))

    def cpu_ns(self):
        return process_cpu_ns(self.machine.process.pid)

    def run(self, row, reps=0):
        cpu, host = self.cpu_ns(), time.monotonic_ns()
        self.machine.type("run %s %d\n" % (row, reps))
        answer = self._answer("bench-result")
        host, cpu = time.monotonic_ns() - host, self.cpu_ns() - cpu
        return self._result(row, answer, cpu, host)

    def _result(self, row, answer, cpu, host):
        if len(answer) != 4 or answer[0] != row:
            raise BenchError("%s: answer to another row: %s" % (self.name, " ".join(answer)))
        return Result(int(answer[1]), cpu, host, answer[3])

    def close(self):
        try:
            self.machine.type("quit\n")
            self.machine.process.wait(30)
        except (OSError, subprocess.TimeoutExpired):
            pass
        self.machine.__exit__()


class Native(Target):
    """The driver on this machine, in the tree of Debian programs when there is one."""

    def __init__(self, files, tree):
        driver = os.path.join(files, "driver")
        argv = [driver, "chroot", tree, files] if tree else [driver, "serve"]
        super().__init__("native", argv, " ".join(argv[:2]))

    def _result(self, row, answer, cpu, host):
        # The work is done by children too: the driver counts those.
        return super()._result(row, answer, int(answer[2]), host)


def vm_args(kernel, initrd, disk, memory, cpus, words=KERNEL_WORDS, readonly=True, data=None):
    """data: a second disk, which is written to."""
    args = [*GUEST.options, "--kernel", kernel, "--initrd", initrd, "--memory", memory,
            "--cpus", str(cpus), "--append", words + (" bench=disk" if disk and readonly else "")]
    if disk:
        args += ["--disk", disk + (",readonly=on" if readonly else "")]
    return args + (["--disk", data] if data else [])


def qemu_args(kernel, initrd, disk, memory, cpus, words=KERNEL_WORDS, readonly=True, data=None):
    args = ["-M", ARCH.board, "-accel", "tcg,thread=multi", "-smp", str(cpus), "-m", memory,
            "-nic", "none", "-display", "none", "-monitor", "none", "-serial", "stdio", "-no-reboot",
            "-kernel", kernel, "-initrd", initrd,
            "-append", words + (" bench=disk" if disk and readonly else "")]
    if disk:
        args += ["-drive", "file=%s,format=raw,if=none,id=d0,readonly=%s,file.locking=off" %
                 (disk, "on" if readonly else "off"),
                 "-device", "virtio-blk-pci,drive=d0"]
    if data:
        args += ["-drive", "file=%s,format=raw,if=none,id=d1" % data,
                 "-device", "virtio-blk-pci,drive=d1"]
    return args


def start_vm(name, program, more, **guest):
    argv = [program, "run"] + vm_args(**guest) + more
    return Target(name, argv, " ".join(["vm-cli run"] + more))


def start_qemu(program, model, **guest):
    more = ARCH.models[model]
    argv = [program] + qemu_args(**guest) + more
    line = " ".join([ARCH.qemu, "-M", ARCH.board, *more, "-accel tcg,thread=multi -smp %d -m %s" %
                     (guest["cpus"], guest["memory"])])
    return Target(model, argv, line, "qemu")
