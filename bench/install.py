"""install.py - an installation's second stage, and the start of what it has installed.

`vm-cli install-debian` fetches packages and writes the disk, which is not timed, until it would
start the guest that configures them. That guest then runs in each machine, on a copy of the same
disk with the same kernel and initramfs, and each starts the system that it has installed.

begun, packages, installed   from the start of the process until the guest says that it begins,
                             has configured all packages, and is complete
login                        the installed system, from the start of the process to its prompt
"""

import json
import os
import re
import subprocess
import time

import targets
from targets import BenchError, vm

HOUR = 3600
STAGE = [("begun", "vm-install: begun"), ("packages", "vm-install: settings"),
         ("installed", "vm-install: complete")]
BOOT_AT = 1 << 20  # of the first partition, /boot


def begin(program, folder):
    """The folder of a machine whose disk is written and not started yet."""
    env = dict(os.environ, XDG_DATA_HOME=os.path.join(folder, "data"),
               XDG_RUNTIME_DIR=os.path.join(folder, "run"))
    os.mkdir(env["XDG_RUNTIME_DIR"], 0o700)
    with subprocess.Popen([program, "install-debian", "--name", "box", "--json",
                           *targets.GUEST.options], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          encoding="utf-8") as process:
        for line in process.stdout:
            if json.loads(line).get("stage") == "configuring packages":
                process.kill()  # long before the guest mounts the disk; its process ends too
                return os.path.join(folder, "data", "vm", "machines", "box")
    raise BenchError("the installation ended before the guest configures packages")


def timed(argv, marks, stays):
    """Milliseconds by wall clock and of CPU time at each mark. stays: its end is not awaited."""
    began = time.monotonic_ns()
    times = {}
    with vm.Machine(argv[1:], command=argv[:1]) as machine:
        for name, text in marks:
            machine.expect(text, HOUR)
            times[name] = {"wall_ms": (time.monotonic_ns() - began) / 1e6,
                           "cpu_ms": targets.process_cpu_ns(machine.process.pid) / 1e6}
        if not stays:
            machine.finish(0)
    return times


def debugfs(disk, command):
    """The output of one command on the disk's /boot."""
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    return subprocess.run(["debugfs", "-R", command, "%s?offset=%d" % (disk, BOOT_AT)],
                          env=dict(os.environ, PATH=path), stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, check=True, encoding="utf-8").stdout


def installed(disk, folder):
    """Kernel and initramfs that the guest has installed, copied to the folder, and its words."""
    names = re.findall(r"/([^/]+\.conf)/", debugfs(disk, "ls -p /loader/entries"))
    if len(names) != 1:
        raise BenchError("the guest has installed %d boot entries" % len(names))
    entry = dict(line.split(None, 1) for line in
                 debugfs(disk, "cat /loader/entries/" + names[0]).splitlines() if " " in line)
    files = [os.path.join(folder, name) for name in ("linux", "initrd")]
    for path in files:
        debugfs(disk, "dump %s %s" % (entry[os.path.basename(path)], path))
    return files + [entry["options"]]


def install(opt, kinds, place):
    """Once in each machine, one after the other, on as many CPUs as there are."""
    if not kinds.programs:
        raise BenchError("--whole install needs the target vm")
    box = begin(kinds.programs[0][1], place.folder)
    work = os.path.join(box, "install")
    copy = os.path.join(place.folder, "install.img")
    result = {}
    for name, argv in kinds:
        subprocess.run(["cp", "--sparse=always", os.path.join(box, "disk.img"), copy], check=True)
        guest = {"disk": copy, "memory": opt.memory, "cpus": opt.cpus, "readonly": False}
        result[name] = timed(argv(targets.CONSOLE_WORDS + " quiet", kernel=os.path.join(work, "kernel"),
                                  initrd=os.path.join(work, "initrd"), **guest), STAGE, False)
        kernel, initrd, words = installed(copy, place.folder)
        result[name].update(timed(argv(words, kernel=kernel, initrd=initrd, **guest),
                                  [("login", "login: ")], True))
    os.unlink(copy)
    return result
