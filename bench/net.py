#!/usr/bin/env python3
"""net.py - how fast a guest's network is: vm-cli and QEMU 10 in turn, on each kind of network.

down   64 MiB from a server of this host to the guest (busybox nc)
up     64 MiB the other way
trips  2000 round trips of one byte over one connection

Figures are minima over the runs, of wall time between the first byte and the last, and of CPU
time of the whole virtual machine; none is judged. All of it runs in a network namespace of its
own, so it needs no privileges and disturbs nothing.

    bench/net.py [--net user,tap,passt] [--runs 3] [--mib 64] [--vm PATH] [--targets vm,qemu]

`./dev bench --whole net` is the same with an optimised build; it asks for the figures by --json.
"""

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import targets
from targets import vm

MIB = 1 << 20
HOSTS = {"user": "10.0.2.2", "tap": "192.168.77.1", "passt": "192.168.78.1"}
TRIPS = 2000


def options(argv):
    p = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    p.add_argument("--net", default="user,tap,passt", help="which of user,tap,passt")
    p.add_argument("--arch", default=vm.GUEST.arch, choices=targets.ARCHES, help="of the guest")
    models = ",".join(targets.ARCH.models)
    p.add_argument("--targets", default="vm," + models, help="which of vm,%s" % models)
    p.add_argument("--runs", type=int, default=3)
    p.add_argument("--mib", type=int, default=64, help="of each transfer (64)")
    p.add_argument("--cpus", type=int, default=1, help="of the guest, and queues of tap (1)")
    p.add_argument("--vm", default=vm.vm_cli(), help="the vm-cli to time")
    p.add_argument("--json", metavar="FILE", help="where the figures go, instead of a table")
    p.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    return p.parse_args(argv)


# --- the host's side --------------------------------------------------------------------


class Peer(threading.Thread):
    """Takes one connection and does its part; seconds is the time from first to last byte."""

    def __init__(self, work, size):
        super().__init__()
        self.work, self.size, self.seconds = work, size, None
        self.listener = socket.create_server(("0.0.0.0", 0))
        self.listener.settimeout(vm.PATIENCE)
        self.port = self.listener.getsockname()[1]
        self.start()

    def run(self):
        with self.listener, self.listener.accept()[0] as connection:
            connection.settimeout(vm.PATIENCE)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            began = time.monotonic()
            getattr(self, self.work)(connection)
            self.seconds = time.monotonic() - began

    def down(self, connection):
        block = bytes(MIB)
        for _ in range(self.size // MIB):
            connection.sendall(block)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1)  # the guest has read it all and closes

    def up(self, connection):
        got = 0
        while data := connection.recv(1 << 18):
            got += len(data)
        vm.check(got == self.size, "%d bytes came, not %d" % (got, self.size))

    def trips(self, connection):
        for _ in range(TRIPS):
            connection.sendall(b"x")
            connection.recv(1)
        connection.shutdown(socket.SHUT_WR)


GUEST = {"down": "nc %s %d <>/tmp/never >/dev/null", "up": "nc %s %d </tmp/out >/dev/null",
         "trips": "nc %s %d -e cat"}


# --- guests -----------------------------------------------------------------------------


def command(opt, kind, net):
    """The command line of a guest on this kind of network."""
    guest = {"kernel": vm.asset("Image"), "initrd": vm.asset("initrd.cpio"), "disk": None,
             "memory": "512M", "cpus": opt.cpus,
             "words": targets.CONSOLE_WORDS + " vmtest=shell" + ("" if net == "tap" else " vmnet=dhcp")}
    if kind == "vm":
        words = {"tap": "tap,ifname=tap0,queues=%d" % opt.cpus}.get(net, net)
        return [opt.vm, "run"] + targets.vm_args(**guest) + ["--net", words]
    device = "virtio-net-pci,netdev=n0,romfile=" + (
        ",mq=on,vectors=%d" % (2 * opt.cpus + 2) if net == "tap" and opt.cpus > 1 else "")
    back = {"user": "user,id=n0",
            "tap": "tap,id=n0,ifname=tap0,script=no,downscript=no,vhost=off,queues=%d" % opt.cpus,
            "passt": "stream,id=n0,server=off,addr.type=unix,addr.path=" + opt.socket}[net]
    return [vm.asset(targets.ARCH.qemu + "-10")] + targets.ARCH.models[kind] + \
        targets.qemu_args(**guest) + ["-netdev", back, "-device", device]


def measure(opt, kind, net, seen):
    """One guest, each transfer once in it."""
    line = command(opt, kind, net)
    with vm.Machine(line[1:], command=line[:1]) as m:
        m.expect("vm# ")
        if net == "tap":
            m.shell("ip addr add 192.168.77.2/24 dev eth0; ip link set eth0 up")
        m.shell("mkfifo /tmp/never; dd if=/dev/zero of=/tmp/out bs=1M count=%d 2>/dev/null; "
                "ping -c 1 -W 2 %s; true" % (opt.mib, HOSTS[net]))
        for work, text in GUEST.items():
            peer = Peer(work, opt.mib * MIB)
            cpu = targets.process_cpu_ns(m.process.pid)
            m.shell(text % (HOSTS[net], peer.port))
            cpu = (targets.process_cpu_ns(m.process.pid) - cpu) / 1e9
            peer.join()
            vm.check(peer.seconds is not None, "%s %s %s: the transfer failed" % (kind, net, work))
            seen.setdefault((work, kind), []).append((peer.seconds, cpu))


def show(opt, net, seen):
    for work in GUEST:
        cells = []
        for kind in opt.kinds:
            runs = seen[work, kind]
            cells.append("%s %6.2f s, %6.2f s CPU" % (kind, min(r[0] for r in runs),
                                                      min(r[1] for r in runs)))
        if "vm" in opt.kinds and len(opt.kinds) > 1:
            best = {kind: min(r[0] for r in seen[work, kind]) for kind in opt.kinds}
            ours = best.pop("vm")
            cells.append("%.1f times" % (min(best.values()) / ours))
        print("%-6s %-6s %s" % (net, work, " | ".join(cells)), flush=True)


def add_figures(result, net, seen):
    """What whole.py shows: machine -> row -> what was measured."""
    for (work, kind), runs in seen.items():
        result.setdefault(kind, {})["%s %s" % (net, work)] = {
            "ms": min(r[0] for r in runs) * 1e3, "most": max(r[0] for r in runs) * 1e3,
            "CPU ms": min(r[1] for r in runs) * 1e3}


def network(opt, net):
    """All runs of all targets on one kind of network; a passt for QEMU is started anew."""
    seen = {}
    for _ in range(opt.runs):
        for kind in opt.kinds:
            server = None
            if net == "passt" and kind != "vm":
                server = subprocess.Popen(["passt", "-f", "-q", "-s", opt.socket],
                                          stderr=subprocess.DEVNULL)
                time.sleep(1)
            try:
                measure(opt, kind, net, seen)
            finally:
                if server:
                    server.kill()
                    server.wait()
    return seen


def set_up(opt):
    """Interfaces of the namespace: a TAP, and one whose default route is for passt to see."""
    many = " multi_queue" if opt.cpus > 1 else ""
    for words in ["link set lo up", "tuntap add dev tap0 mode tap" + many,
                  "addr add 192.168.77.1/24 dev tap0", "link set tap0 up",
                  "tuntap add dev up0 mode tap", "addr add 192.168.78.15/24 dev up0",
                  "link set up0 up", "route add default via 192.168.78.1"]:
        subprocess.run(["ip"] + words.split(), check=True)


def main(argv):
    opt = options(argv)
    if not opt.inside:
        return subprocess.run(["unshare", "--user", "--map-root-user", "--net", sys.executable,
                               os.path.abspath(__file__), "--inside"] + argv,
                              check=False).returncode
    opt.kinds = opt.targets.split(",")
    result = {}
    set_up(opt)
    with tempfile.TemporaryDirectory() as folder:
        opt.socket = os.path.join(folder, "passt")
        for net in opt.net.split(","):
            if net == "passt" and not shutil.which("passt"):
                print("passt  is not installed")
                continue
            seen = network(opt, net)
            add_figures(result, net, seen)
            if not opt.json:
                show(opt, net, seen)
    if opt.json:
        with open(opt.json, "w", encoding="utf-8") as f:
            json.dump(result, f)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (vm.TestFailed, vm.Skip, OSError, subprocess.SubprocessError) as why:
        print("bench: %s" % why, file=sys.stderr)
        sys.exit(1)
