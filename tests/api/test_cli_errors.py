#!/usr/bin/env python3
"""test_cli_errors.py - what a person reads when something is missing, malformed or full.

    test_cli_errors.py VM-CLI

Each case: arguments, exit status, and words that the one line on standard error must
have. No guest code runs.
"""
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
import tempfile


def image(size):
    """A riscv Image that claims `size` bytes of memory."""
    return struct.pack("<IIQQQIIQQII", 0x6f, 0, 0x200000, size, 0, 2, 0, 0, 0, 0x05435352, 0)


def elf(machine, paddr=0x80000000, size=4):
    """A one-segment ELF program: `j .`."""
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 2, machine, 1, paddr, 64, 0,
                         0, 64, 56, 1, 64, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 120, paddr, paddr, size, size, 4)
    return header + segment + struct.pack("<I", 0x6f)


def qcow2():
    """The header of a qcow2 image whose tables are missing."""
    return struct.pack(">IIQIIQIIQQIIQQQQII", 0x514649fb, 3, 0, 0, 16, 1 << 20, 0, 1, 3 << 16, 1 << 16,
                       1, 0, 0, 0, 0, 0, 4, 104) + bytes(512)


def files(folder):
    """Writes the inputs; returns their paths by name."""
    contents = {"text": b"hello\n" * 100, "huge": image(1 << 30), "empty": b"", "loop": elf(243),
                "arm": elf(183), "nowhere": elf(243, 0x1000), "cut": elf(243, size=4000),
                "gzip": b"\x1f\x8b\x08" + b"\0" * 40, "zstd": b"\x28\xb5\x2f\xfd" + b"\0" * 40,
                "xz": b"\xfd7zXZ" + b"\0" * 40,
                "qcow2": qcow2(), "bigdtb": b"\xd0\x0d\xfe\xed" + b"\xff" * 60}
    paths = {}
    for name, data in contents.items():
        paths[name] = os.path.join(folder, name)
        with open(paths[name], "wb") as out:
            out.write(data)
    paths["sparse"] = os.path.join(folder, "sparse")
    with open(paths["sparse"], "wb") as out:
        out.truncate(100 << 20)
    return paths


def cases(p, folder):
    """(name, arguments, status, words)"""
    kernel = ["--kernel", p["loop"]]
    return [
        ("no command", None, 2, ["no command"]),
        ("nothing to boot", [], 1, ["nothing to boot", "--kernel"]),
        ("unknown option", ["--colour", "red"], 2, ["--colour", "--help"]),
        ("not an option", ["disk.img"], 2, ["disk.img"]),
        ("value missing", ["--memory"], 2, ["--memory", "SIZE"]),
        ("kernel missing", ["--kernel", folder + "/none"], 1, ["kernel", folder + "/none"]),
        ("kernel is a folder", ["--kernel", folder], 1, ["kernel", "directory"]),
        ("kernel empty", ["--kernel", p["empty"]], 1, [p["empty"], "empty"]),
        ("kernel is text", ["--kernel", p["text"]], 1, [p["text"], "Image"]),
        ("kernel for arm64", ["--kernel", p["arm"]], 1, [p["arm"], "another architecture"]),
        ("kernel outside memory", ["--kernel", p["nowhere"]], 1, [p["nowhere"], "0x1000"]),
        ("kernel cut", ["--kernel", p["cut"]], 1, [p["cut"], "truncated"]),
        ("kernel gzip damaged", ["--kernel", p["gzip"]], 1, [p["gzip"], "gzip"]),
        ("kernel zstd damaged", ["--kernel", p["zstd"]], 1, [p["zstd"], "zstd"]),
        ("kernel xz", ["--kernel", p["xz"]], 1, [p["xz"], "xz", "unpack"]),
        ("kernel larger than memory", ["--kernel", p["huge"], "--memory", "64M"], 1,
         ["kernel", "--memory"]),
        ("initrd larger than memory", kernel + ["--initrd", p["sparse"], "--memory", "64M"], 1,
         ["initrd", p["sparse"]]),
        ("initrd missing", kernel + ["--initrd", folder + "/none"], 1, ["initrd"]),
        ("firmware missing", ["--firmware", folder + "/none"], 1, ["firmware"]),
        ("dtb is text", kernel + ["--dtb", p["text"]], 1, [p["text"], "device tree"]),
        ("dtb damaged", kernel + ["--dtb", p["bigdtb"]], 1, [p["bigdtb"], "device tree"]),
        ("memory no number", ["--memory", "lots"], 2, ["lots", "1G"]),
        ("memory zero", ["--memory", "0"], 2, ["--memory 0", "32M"]),
        ("memory too large", ["--memory", "9000G"], 2, ["9000G", "256G"]),
        ("memory overflows", ["--memory", "99999999999999999T"], 2, ["99999999999999999T"]),
        ("cpus zero", ["--cpus", "0"], 2, ["--cpus 0", "1 to 64"]),
        ("cpus many", ["--cpus", "65"], 2, ["--cpus 65"]),
        ("machine unknown", ["--machine", "toaster"], 2, ["toaster", "riscv-virt"]),
        ("irqchip unknown", ["--machine", "riscv-virt,irqchip=gic"], 2, ["gic", "plic"]),
        ("GICv2 for hypervisors", kernel + ["--machine", "arm-virt,irqchip=gicv2,virtualization=on"],
         1, ["virtualization=on", "gicv3"]),
        ("arch unknown", ["--arch", "vax"], 2, ["vax", "riscv64"]),
        ("board of another arch", ["--arch", "arm64", "--machine", "riscv-virt"], 2,
         ["riscv-virt", "riscv64", "arm64"]),
        ("arch of another board", ["--machine", "riscv-virt", "--arch", "arm64"], 2,
         ["riscv-virt", "riscv64", "arm64"]),
        ("cpu of another board", ["--cpu", "rv64", "--arch", "arm64"], 1, ["rv64", "max"]),
        ("cpu unknown", ["--cpu", "z80"], 2, ["z80", "rv64"]),
        ("kernel for riscv64", ["--arch", "arm64", "--kernel", p["loop"]], 1,
         [p["loop"], "another architecture"]),
        ("kernel is text, arm64", ["--arch", "arm64", "--kernel", p["text"]], 1,
         [p["text"], "arm64", "Image"]),
        ("firmware for arm-virt", ["--machine", "arm-virt", "--firmware", p["loop"]], 1,
         [p["loop"], "ELF", "u-boot.bin"]),
        ("disk missing", kernel + ["--disk", folder + "/none"], 1, ["--disk" , folder + "/none"]),
        ("disk qcow2 by name", kernel + ["--disk", folder + "/a.qcow2"], 1,
         [folder + "/a.qcow2", "format=qcow2"]),
        ("disk no qcow2", kernel + ["--disk", p["text"] + ",format=qcow2"], 1,
         [p["text"], "no qcow2 image"]),
        ("disk qcow2 cut off", kernel + ["--disk", p["qcow2"] + ",format=qcow2"], 1,
         [p["qcow2"], "cut off"]),
        ("disk qcow2 not said", kernel + ["--disk", p["qcow2"]], 1,
         [p["qcow2"], "format=qcow2", "format=raw"]),
        ("disk option unknown", ["--disk", p["text"] + ",colour=red"], 2, ["colour=red"]),
        ("forward malformed", ["--net", "user,hostfwd=tcp:x"], 2, ["tcp:x"]),
        ("net unknown", ["--net", "toaster"], 2, ["toaster", "user, tap, passt or none"]),
        ("net option of another kind", ["--net", "user,ifname=tap0"], 2,
         ["ifname=tap0", "hostfwd="]),
        ("tap without a name", ["--net", "tap"], 2, ["ifname=NAME"]),
        ("tap with many queues", ["--net", "tap,ifname=t,queues=9"], 2, ["queues=9", "1 to 8"]),
        ("tap absent", kernel + ["--net", "tap,ifname=no-such-if"], 1,
         ["no interface 'no-such-if'", "ip tuntap add"]),
        ("tap that is none", kernel + ["--net", "tap,ifname=lo"], 1, ["'lo'"]),
        ("second console on a thing unknown", ["--virtio-console", "stdio"], 2,
         ["--virtio-console stdio", "pty or unix:PATH"]),
        ("second console's option unknown", ["--virtio-console", "pty,port=5"], 2,
         ["'port=5'", "bus=pcie|mmio"]),
        ("vsock without a socket", ["--vsock", "cid=3"], 2, ["--vsock needs socket=PATH"]),
        ("vsock of a reserved address", ["--vsock", "cid=2,socket=x"], 2,
         ["cid=2", "3 to 4294967294"]),
        ("vsock address malformed", ["--vsock", "cid=three,socket=x"], 2, ["cid=three"]),
        ("vsock option unknown", ["--vsock", "port=5"], 2, ["'port=5'", "cid=N, socket=PATH"]),
        ("vsock path too long", ["--vsock", "socket=/" + "x" * 96], 2, ["1 to 96 bytes"]),
        ("vsock path empty", ["--vsock", "socket="], 2, ["1 to 96 bytes"]),
        ("vsock folder absent", kernel + ["--vsock", "socket=" + folder + "/none/v"], 1,
         ["--vsock", folder + "/none/v"]),
        ("passt socket absent", kernel + ["--net", "passt,path=" + folder + "/none"], 1,
         [folder + "/none"]),
        ("passt forwards of a running one", ["--net", "passt,path=x,hostfwd=tcp::1-:2"], 2,
         ["path=x", "forwards of its own"]),
        ("console unknown", ["--console", "teapot"], 2, ["teapot", "stdio"]),
        ("console socket", kernel + ["--console", "unix:" + folder + "/no/where"], 1,
         [folder + "/no/where"]),
        ("state missing", ["--load-state", folder + "/none"], 1, ["state", folder + "/none"]),
        ("state is text", ["--load-state", p["text"]], 1, [p["text"], "state file"]),
        ("save without when", ["--save-state", "x"], 2, ["at="]),
        ("save at nonsense", ["--save-state", "x,at=noon"], 2, ["noon"]),
        ("trace unknown", ["--trace", "gossip"], 2, ["gossip"]),
    ]


class Report:
    """Counts and prints TAP lines."""

    def __init__(self, total):
        self.number = self.failed = 0
        print(f"1..{total}", flush=True)

    def line(self, name, problems):
        """One case."""
        self.number += 1
        for problem in problems:
            print(f"# {problem}")
        print(f"{'not ok' if problems else 'ok'} {self.number} - {name}", flush=True)
        self.failed += bool(problems)


def check(got, status, words):
    """What is wrong with a finished run."""
    problems = []
    lines = got.stderr.strip().splitlines()
    if got.returncode != status:
        problems.append(f"exit status {got.returncode}, expected {status}")
    if len(lines) != 1:
        problems.append(f"{len(lines)} lines on standard error, expected one: {lines[:5]}")
    problems += [f"'{word}' is not in: {got.stderr.strip()}" for word in words
                 if word not in got.stderr]
    return problems


def run(command, **more):
    """One process, its output as text."""
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False,
                          stdin=subprocess.DEVNULL, **more)


def full_disk(program, kernel, folder):
    """A save that meets a full disk (a file size limit): one sentence, the old file stays."""
    state = os.path.join(folder, "state")
    with open(state, "w", encoding="ascii") as out:
        out.write("precious")

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # writes fail instead
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    got = run([program, "run", "--kernel", kernel, "--memory", "64M", "--save-state",
               state + ",at=seconds:0"], preexec_fn=limit)
    problems = check(got, 1, [state])
    with open(state, encoding="ascii") as old:
        if old.read() != "precious":
            problems.append("the old state file was damaged")
    left = [name for name in os.listdir(folder) if name.startswith("state") and name != "state"]
    if left:
        problems.append(f"files were left behind: {left}")
    return problems


def port_taken(program, kernel):
    """A forwarded port that somebody else has."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        got = run([program, "run", "--kernel", kernel, "--memory", "64M", "--net",
                   f"user,hostfwd=tcp:127.0.0.1:{port}-:22"])
    return check(got, 1, [])


def main():
    """Prints TAP."""
    program = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        paths = files(folder)
        table = cases(paths, folder)
        report = Report(len(table) + 3)
        for name, args, status, words in table:
            command = [program] if args is None else [program, "run"] + args
            report.line(name, check(run(command), status, words))
        report.line("disk full", full_disk(program, paths["loop"], folder))
        report.line("port taken", port_taken(program, paths["loop"]))
        got = run([program, "run", "--kernel", paths["loop"], "--net", "passt"],
                  env={"PATH": folder})
        report.line("passt not installed", check(got, 1, ["passt is not installed", "path="]))
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
