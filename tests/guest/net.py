#!/usr/bin/env python3
"""net.py - bulk data arrives whole, in every direction, on every kind of network.

The guest gets its address by DHCP, fetches from a server on this host, sends to another, and
is reached through a forwarded port; each time the SHA-256 sums of both ends are equal. IPv6,
a name server and a forward that is added while the guest runs; TAP with four queues and passt
in network namespaces of their own.

    net.py          4 to 8 MiB each way, on PCI Express
    net.py --all    64 MiB and more each way; user networking with each engine, bus and interrupt
                    controller, 1 and 4 harts
"""

import hashlib
import http.server
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading

from vm import GUEST, PATIENCE, Machine, Skip, Tap, TestFailed, check, linux_args

MIB = 1 << 20
GUEST_PORT = 7000


def noise(size, seed):
    return random.Random(seed).randbytes(size)


class Server:
    """Serves these bytes over HTTP. A context manager."""

    def __init__(self, data, host="127.0.0.1"):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        class Listener(http.server.ThreadingHTTPServer):
            address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

        self.server = Listener((host, 0), Handler)
        self.port = self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class Receiver(threading.Thread):
    """Takes one connection and everything it sends."""

    def __init__(self, host="127.0.0.1"):
        super().__init__()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.listener = socket.create_server((host, 0), family=family)
        self.listener.settimeout(PATIENCE)
        self.port = self.listener.getsockname()[1]
        self.sum = hashlib.sha256()
        self.size = 0
        self.start()

    def run(self):
        with self.listener:
            connection, _ = self.listener.accept()
            with connection:
                connection.settimeout(PATIENCE)
                while data := connection.recv(1 << 16):
                    self.sum.update(data)
                    self.size += len(data)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def fetched(m, size, seed, host="127.0.0.1", seen_as="10.0.2.2"):
    data = noise(size, seed)
    with Server(data, host) as server:
        printed = m.shell("wget -q -O - http://%s:%d/ | sha256sum" % (seen_as, server.port))
    check(hashlib.sha256(data).hexdigest() in printed,
          "what was fetched is not what was served: " + printed)


def sent(m, size, host="127.0.0.1", seen_as="10.0.2.2"):
    receiver = Receiver(host)
    m.shell("head -c %d /dev/urandom >/tmp/out" % size)
    printed = m.shell("sha256sum /tmp/out && nc %s %d </tmp/out && rm /tmp/out"
                      % (seen_as, receiver.port))
    receiver.join(PATIENCE)
    check(receiver.size == size and receiver.sum.hexdigest() in printed,
          "what arrived, %d bytes, is not what the guest sent: %s" % (receiver.size, printed))


def reached(m, port, size, seed, stdin="/dev/null"):
    """Through the forwarded port: the guest listens, the host connects and sends. stdin: what
    the guest sends back, nothing."""
    data = noise(size, seed)
    m.type("nc -l -p %d <>%s >/tmp/got & sleep 1; echo listen''ing\n" % (GUEST_PORT, stdin))
    m.expect("listening")
    m.expect("vm# ")
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        check(not connection.recv(1), "the guest sent something back")
    printed = m.shell("wait; wc -c /tmp/got; sha256sum /tmp/got && rm /tmp/got")
    check(hashlib.sha256(data).hexdigest() in printed,
          "what came through the forwarded port is not what was sent: " + printed)


def network(mib, engine="auto", cpus=1, bus="pcie", board=GUEST.boards[0]):
    port = free_port()
    net = "user,hostfwd=tcp:127.0.0.1:%d-:%d,bus=%s" % (port, GUEST_PORT, bus)
    args = linux_args("vmtest=shell vmnet=dhcp") + [
        "--net", net, "--engine", engine, "--cpus", str(cpus),
        "--machine", board]
    with Machine(args) as m:
        m.expect("vm-init: address 10.0.2.15")
        m.expect("vm# ")
        fetched(m, mib * MIB, mib)
        sent(m, mib * MIB)
        reached(m, port, mib * MIB, mib + 1)
        m.type("exit\n")
        m.expect("reboot: Power down")
        m.finish(0)


# --- what else user networking has ---------------------------------------------------------


class Control:
    """A machine's control socket. A context manager."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(path)
        self.lines = self.socket.makefile("r", encoding="utf-8")

    def __enter__(self):
        self.lines.readline()
        self.command("qmp_capabilities")
        return self

    def __exit__(self, *exc):
        self.lines.close()
        self.socket.close()

    def command(self, name, **arguments):
        self.socket.sendall(json.dumps({"execute": name, "arguments": arguments}).encode())
        while True:
            answer = json.loads(self.lines.readline())
            if "event" not in answer:
                check("return" in answer, "%s: %s" % (name, answer))
                return answer["return"]


def added_forward(mib):
    """A forward that is added while the guest runs, and removed again."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "control")
        with Machine(linux_args("vmtest=shell vmnet=dhcp") +
                     ["--net", "user", "--control", "unix:" + path]) as m:
            m.expect("vm-init: address")
            m.expect("vm# ")
            with Control(path) as control:
                control.command("netdev-hostfwd-add",
                                hostfwd="tcp:127.0.0.1:%d-:%d" % (port, GUEST_PORT))
                reached(m, port, mib * MIB, 5)
                control.command("netdev-hostfwd-remove", hostfwd="tcp:127.0.0.1:%d" % port)
            with socket.socket() as probe:
                check(probe.connect_ex(("127.0.0.1", port)) != 0, "a removed forward still answers")


def ipv6(mib):
    """The guest configures itself by router advertisement; fec0::2 is this host's ::1."""
    with Machine(linux_args("vmtest=shell vmnet=dhcp") + ["--net", "user"]) as m:
        m.expect("vm-init: address")
        m.expect("vm# ")
        m.shell("for i in $(seq 100); do ip -6 addr show dev eth0 | grep -v tentative | "
                "grep -q fec0 && break; usleep 200000; done; ip -6 addr show dev eth0")
        m.shell("ping -c 3 10.0.2.2 && ping -6 -c 3 fec0::2")
        fetched(m, mib * MIB, 6, "::1", "[fec0::2]")
        sent(m, mib * MIB, "::1", "fec0::2")


# --- in namespaces: the rest of this file runs as this program again, inside one ------------

INSIDE = {}


def inside(function):
    """Marks what runs in a network (and mount) namespace of its own."""
    INSIDE[function.__name__] = function
    return function


def in_namespace(name, mib):
    """Root of the namespace is whoever runs the test."""
    if not shutil.which("unshare") or not shutil.which("ip"):
        raise Skip("no unshare or no ip here")
    enter = ["unshare", "--user", "--map-root-user", "--net", "--mount"]
    if subprocess.run(enter + ["ip", "link", "set", "lo", "up"], check=False,
                      stderr=subprocess.DEVNULL).returncode:
        raise Skip("namespaces are not allowed here")
    done = subprocess.run(enter + [sys.executable, os.path.abspath(__file__), "--inside", name,
                                   str(mib), *GUEST.options], stdout=subprocess.PIPE, check=False,
                          timeout=2 * PATIENCE, encoding="utf-8")
    check(done.returncode == 0, done.stdout)
    if done.stdout.startswith("skip: "):
        raise Skip(done.stdout[6:].strip())


def run_inside(name, mib):
    try:
        ip("link set lo up")
        INSIDE[name](mib)
    except Skip as reason:
        print("skip: %s" % reason)
    except TestFailed as why:
        print(why)
        return 1
    return 0


def ip(words):
    subprocess.run(["ip"] + words.split(), check=True)


@inside
def tap(mib):
    """Four queues and four streams at once, each with its sum, and one back."""
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        raise Skip("no /dev/net/tun here")
    ip("tuntap add dev tap7 mode tap multi_queue")
    ip("addr add 192.168.77.1/24 dev tap7")
    ip("link set tap7 up")
    part = mib * MIB // 4
    data = [noise(part, n) for n in range(4)]
    servers = [Server(body, "192.168.77.1") for body in data]
    with Machine(linux_args("vmtest=shell") +
                 ["--cpus", "4", "--net", "tap,ifname=tap7,queues=4"]) as m:
        m.expect("vm# ")
        m.shell("ip addr add 192.168.77.2/24 dev eth0; ip link set eth0 up")
        check("rx-3" in m.shell("ls /sys/class/net/eth0/queues"), "there are no four queues")
        m.shell("ping -c 3 192.168.77.1")
        with servers[0], servers[1], servers[2], servers[3]:
            m.shell("for port in %s; do wget -q -O /tmp/$port http://192.168.77.1:$port/ & done; "
                    "wait" % " ".join(str(server.port) for server in servers))
            printed = m.shell("sha256sum %s" % " ".join("/tmp/%d" % s.port for s in servers))
        for body in data:
            check(hashlib.sha256(body).hexdigest() in printed, "a stream came changed: " + printed)
        m.shell("rm /tmp/*")
        sent(m, mib * MIB, "192.168.77.1", "192.168.77.1")


@inside
def tap_deleted(mib):
    """The interface goes while the guest runs, which is said once and ends nothing else."""
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        raise Skip("no /dev/net/tun here")
    ip("tuntap add dev tap7 mode tap multi_queue")
    ip("addr add 192.168.77.1/24 dev tap7")
    ip("link set tap7 up")
    with Machine(linux_args("vmtest=shell") +
                 ["--cpus", "2", "--net", "tap,ifname=tap7,queues=2"]) as m:
        m.expect("vm# ")
        m.shell("ip addr add 192.168.77.2/24 dev eth0; ip link set eth0 up")
        m.shell("ping -c 1 192.168.77.1")
        ip("link del tap7")
        m.shell("ping -c 1 -W 1 192.168.77.1; echo still here")
        m.type("exit\n")
        printed = m.finish(0)
        check(printed.count("'tap7' was deleted") == 1, "of the deleted interface: " + printed)


def uplink():
    """passt gives the guest the addresses of the interface that has the default route."""
    ip("tuntap add dev up7 mode tap")
    ip("addr add 192.168.78.15/24 dev up7")
    ip("link set up7 up")
    ip("route add default via 192.168.78.1")


@inside
def passt(mib):
    """The gateway's address is this host's loopback to the guest."""
    if not shutil.which("passt"):
        raise Skip("passt is not installed")
    uplink()
    port = free_port()
    with Machine(linux_args("vmtest=shell vmnet=dhcp") +
                 ["--net", "passt,hostfwd=tcp:127.0.0.1:%d-:%d" % (port, GUEST_PORT)]) as m:
        m.expect("vm-init: address 192.168.78.15")
        m.expect("vm# ")
        fetched(m, mib * MIB, 9, seen_as="192.168.78.1")
        sent(m, mib * MIB, seen_as="192.168.78.1")
        # This guest closes its own direction at the end: ROADMAP.md says what was seen else.
        m.shell("mkfifo /tmp/never")
        reached(m, port, mib * MIB, 10, "/tmp/never")


@inside
def passt_socket(mib):
    """One that runs already; when it ends, the guest goes on without a network."""
    if not shutil.which("passt"):
        raise Skip("passt is not installed")
    uplink()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "socket")
        server = subprocess.Popen(["passt", "--foreground", "--quiet", "--socket", path],
                                  stderr=subprocess.DEVNULL)
        for _ in range(200):
            if os.path.exists(path):
                break
            threading.Event().wait(0.05)
        try:
            with Machine(linux_args("vmtest=shell vmnet=dhcp") +
                         ["--net", "passt,path=" + path]) as m:
                m.expect("vm-init: address 192.168.78.15")
                m.expect("vm# ")
                fetched(m, mib * MIB, 11, seen_as="192.168.78.1")
                server.kill()
                server.wait()
                m.shell("ping -c 1 -W 1 192.168.78.1; echo still here")
                m.type("exit\n")
                check("passt has ended" in m.finish(0), "nothing was said of passt's end")
        finally:
            server.kill()
            server.wait()


class NameServer(threading.Thread):
    """Answers every question for an address (A, RFC 1035) with this one."""

    def __init__(self, address):
        super().__init__(daemon=True)
        self.answer = socket.inet_aton(address)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 53))

    def run(self):
        while True:
            query, peer = self.socket.recvfrom(512)
            end = query.index(b"\0", 12) + 5
            wanted = query[end - 4:end - 2] == b"\0\1"
            head = query[:2] + b"\x81\x80\0\1" + (b"\0\1" if wanted else b"\0\0") + b"\0\0\0\0"
            record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + self.answer if wanted else b""
            self.socket.sendto(head + query[12:end] + record, peer)


@inside
def dns(mib):
    """10.0.2.3 asks the name server that this host is told to ask."""
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as conf:
        conf.write("nameserver 127.0.0.1\n")
        conf.flush()
        subprocess.run(["mount", "--bind", conf.name, os.path.realpath("/etc/resolv.conf")],
                       check=True)
        NameServer("10.0.2.2").start()
        with Machine(linux_args("vmtest=shell vmnet=dhcp") + ["--net", "user"]) as m:
            m.expect("vm-init: address")
            m.expect("vm# ")
            printed = m.shell("busybox nslookup host.example.org")
            check("10.0.2.2" in printed.split("Name:")[-1], "the name has no address: " + printed)
            fetched(m, mib * MIB, 12, seen_as="host.example.org")


def matrix(tap):
    for engine in ("interp", "base"):
        for cpus in (1, 4):
            for board in GUEST.boards:
                for bus in ("mmio", "pcie"):
                    tap.case("128 MiB, %s, %d CPUs, %s, %s" % (engine, cpus, board, bus),
                             network, 128, engine, cpus, bus, board)


def main():
    if "--inside" in sys.argv[1:]:
        return run_inside(sys.argv[2], int(sys.argv[3]))
    tap = Tap()
    everything = "--all" in sys.argv[1:] or os.environ.get("VM_SOAK")
    mib = 64 if everything else 4
    if everything:
        matrix(tap)
    else:
        tap.case("8 MiB fetched, sent and received", network, 8)
    tap.case("%d MiB through a forward added at run time" % mib, added_forward, mib)
    tap.case("%d MiB each way over IPv6; ICMP" % mib, ipv6, mib)
    tap.case("%d MiB from a server found by name" % mib, in_namespace, "dns", mib)
    tap.case("%d MiB each way over TAP with 4 queues" % mib, in_namespace, "tap", mib)
    tap.case("a TAP interface is deleted", in_namespace, "tap_deleted", mib)
    tap.case("%d MiB each way over passt" % mib, in_namespace, "passt", mib)
    tap.case("%d MiB over a passt that runs already" % mib, in_namespace, "passt_socket", mib)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
