"""whole.py - figures of whole machines: boot times, what an idle guest costs, several CPUs.

boot   from the start of the process, cold, to the kernel's first line, to the start of its
       first user process, and to the end of the test initramfs's init
idle   a 256 MiB guest some time after its prompt: its process's memory (PSS, so that shared
       pages of the executable count once) and its share of one host CPU
smp    row "parallel" with 1, 2 and 4 CPUs
interp guest instructions that the interpreter retires in a second of CPU time, on integer
       rows, with paging on
login  from the start of the process to the login prompt of an installed system (--login)
fio    how fast a guest's disk is: fio.py
net    how fast a guest's network is: net.py
"""

import json
import os
import subprocess
import sys
import time

import fio
import targets
from targets import BenchError

BOOT_WORDS = targets.CONSOLE_WORDS + " earlycon vmtest=shell"
MARKS = [("first line", "Linux version"), ("first process", "Run /init as init process"),
         ("prompt", "vm# ")]


class Kinds(list):
    """(name, argument-maker) of each machine; programs: (name, path) of each vm-cli."""

    def __init__(self, programs):
        super().__init__()
        self.programs = programs


def guest_kinds(opt, programs, qemu):
    """The machines that were asked for."""
    kinds = Kinds(programs if "vm" in opt.targets.split(",") else [])
    if "vm" in opt.targets.split(","):
        for name, path in programs:
            kinds.append((name, lambda words, path=path, **guest: [path, "run"] +
                          targets.vm_args(words=words, **guest) + opt.vm_args.split()))
    if "qemu" in opt.targets.split(","):
        for name, model in targets.ARCH.models.items():
            kinds.append((name, lambda words, model=model, **guest: [qemu] + model +
                          targets.qemu_args(words=words, **guest)))
    return kinds


def start(argv):
    return targets.vm.Machine(argv[1:], command=argv[:1])


def boot_once(argv, marks=tuple(MARKS)):
    """Milliseconds by wall clock and of CPU time at each mark."""
    began = time.monotonic_ns()
    times = {}
    with start(argv) as machine:
        for name, text in marks:
            machine.expect(text)
            times[name] = {"wall_ms": (time.monotonic_ns() - began) / 1e6,
                           "cpu_ms": targets.process_cpu_ns(machine.process.pid) / 1e6}
    return times


def boot(opt, kinds, place):
    """Minima over the runs, machines in turn."""
    guest = {"kernel": place.kernel, "initrd": place.plain_initrd, "disk": None,
             "memory": opt.memory, "cpus": opt.cpus}
    seen = {name: [] for name, _ in kinds}
    for _ in range(opt.runs):
        for name, argv in kinds:
            seen[name].append(boot_once(argv(BOOT_WORDS, **guest)))
    return {name: {mark: {key: min(run[mark][key] for run in runs) for key in runs[0][mark]}
                   for mark, _ in MARKS} for name, runs in seen.items()}


def pss_mib(pid):
    with open("/proc/%d/smaps_rollup" % pid, encoding="ascii") as f:
        for line in f:
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    return 0.0


def idle(opt, kinds, place):
    """All guests are idle together; the second half of the time is looked at."""
    guest = {"kernel": place.kernel, "initrd": place.plain_initrd, "disk": None,
             "memory": "256M", "cpus": 1}
    machines, result = [], {}
    try:
        for name, argv in kinds:
            machines.append((name, start(argv(BOOT_WORDS, **guest))))
        for _, machine in machines:
            machine.expect("vm# ")
        time.sleep(opt.idle_seconds / 2)
        before = [targets.process_cpu_ns(m.process.pid) for _, m in machines]
        began = time.monotonic_ns()
        time.sleep(opt.idle_seconds / 2)
        span = time.monotonic_ns() - began
        for (name, machine), cpu in zip(machines, before):
            pid = machine.process.pid
            result[name] = {"pss_mib": pss_mib(pid),
                            "cpu_percent": 100 * (targets.process_cpu_ns(pid) - cpu) / span}
    finally:
        for _, machine in machines:
            machine.__exit__()
    return result


def smp(opt, kinds, place):
    """Seconds of row "parallel" by number of CPUs; one machine at a time works."""
    started, result = [], {}
    try:
        for name, argv in kinds:
            for cpus in (1, 2, 4):
                line = argv(targets.KERNEL_WORDS, kernel=place.kernel, initrd=place.initrd,
                            disk=place.disk, memory=opt.memory, cpus=cpus)
                started.append((name, cpus, targets.Target("%s-%d" % (name, cpus), line, "")))
        for _, _, target in started:
            target.wait_ready()
        times = {}
        for turn in range(opt.runs + 1):  # the first warms up
            for name, cpus, target in started:
                run = target.run("parallel", opt.reps)
                if turn:
                    times.setdefault((name, cpus), []).append(run.wall / 1e6)
        for (name, cpus), walls in times.items():
            result.setdefault(name, {})["%d CPUs" % cpus] = {"wall_ms": min(walls)}
    finally:
        for _, _, target in started:
            target.close()
    return result


INTERP_ROWS = ["alu", "queens", "crc", "sha"]


def interp_rows(place, path, opt, rows):
    """Instructions and nanoseconds of CPU time of a machine that does these rows and ends."""
    stats = os.path.join(place.folder, "stats.json")
    target = targets.start_vm("interp", path, ["--engine", "interp", "--stats=json:" + stats],
                              kernel=place.kernel, initrd=place.initrd, disk=None,
                              memory=opt.memory, cpus=1)
    try:
        target.wait_ready()
        cpu = sum(target.run(row, opt.reps).cpu for row in rows)
    finally:
        target.close()
    with open(stats, encoding="utf-8") as f:
        return json.load(f)["insns"], cpu


def interp_speed(name, insns, idle_insns, cpu):
    """Million instructions a second. Two boots differ, by timer interrupts: rows that are short
    beside a boot tell nothing."""
    if insns - idle_insns < idle_insns // 8:
        raise BenchError("%s: the rows retire %d instructions, too few beside the boot's %d; "
                         "give more --reps" % (name, insns - idle_insns, idle_insns))
    return (insns - idle_insns) * 1e3 / cpu


def interp(opt, kinds, place):
    """Two machines a run: the one that does nothing tells what is the boot's and the end's."""
    result = {}
    for name, path in kinds.programs:
        speeds = []
        for _ in range(opt.runs):
            idle_insns, _ = interp_rows(place, path, opt, [])
            insns, cpu = interp_rows(place, path, opt, INTERP_ROWS)
            speeds.append(interp_speed(name, insns, idle_insns, cpu))
        result[name] = {"million insns/s": max(speeds)}
    return result


def login(opt, kinds, place):
    """Each boot is from a fresh copy of the disk in memory, which the guest may write to."""
    parts = (opt.login or "").split(",")
    if len(parts) != 4:
        raise BenchError("--whole login needs --login KERNEL,INITRD,DISK,ROOT")
    kernel, initrd, disk, root = parts
    copy = os.path.join(place.folder, "login.img")
    seen = {name: [] for name, _ in kinds}
    for _ in range(opt.runs):
        for name, argv in kinds:
            subprocess.run(["cp", "--sparse=always", disk, copy], check=True)
            line = argv("%s root=%s rw" % (targets.CONSOLE_WORDS, root), kernel=kernel, initrd=initrd, disk=copy,
                        memory=opt.memory, cpus=opt.cpus, readonly=False)
            seen[name].append(boot_once(line, [("login", "login: ")])["login"])
    os.unlink(copy)
    return {name: {"login": {key: min(run[key] for run in runs) for key in runs[0]}}
            for name, runs in seen.items()}


def net(opt, kinds, place):
    """In a network namespace, and so in a process of its own."""
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "net.py")
    figures = os.path.join(place.folder, "net.json")
    names = [name for name, _ in kinds]
    if [name for name, _ in kinds.programs] not in ([], ["vm"]):
        raise BenchError("--whole net times one vm-cli")
    subprocess.run([sys.executable, program, "--targets", ",".join(names), "--runs", str(opt.runs),
                    "--cpus", str(opt.cpus), "--json", figures, "--arch", opt.arch] +
                   [word for _, path in kinds.programs for word in ("--vm", path)], check=True)
    with open(figures, encoding="utf-8") as f:
        return json.load(f)


KINDS = {"boot": boot, "idle": idle, "smp": smp, "interp": interp, "login": login,
         "fio": fio.fio, "net": net}


def show(kind, result):
    """One line for each machine and figure."""
    for name, figures in result.items():
        for key, value in figures.items():
            if isinstance(value, dict):
                text = ", ".join("%s %.1f" % item for item in value.items())
            else:
                text = "%.2f" % value
            print("%-5s %-8s %-14s %s" % (kind, name, key, text), flush=True)
