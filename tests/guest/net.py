#!/usr/bin/env python3
"""net.py - bulk data through the user-mode network arrives whole, in every direction.

The guest gets its address by DHCP, fetches from a server on this host's loopback (10.0.2.2
to the guest), sends to another, and is reached through a forwarded port; each time the
SHA-256 sums of both ends are equal.

    net.py          8 MiB each way, on PCI Express
    net.py --all    128 MiB each way: each engine, bus and interrupt controller, 1 and 4 harts
"""

import hashlib
import http.server
import os
import random
import socket
import sys
import threading

from vm import PATIENCE, Machine, Tap, check, linux_args

MIB = 1 << 20
GUEST_PORT = 7000


def noise(size, seed):
    return random.Random(seed).randbytes(size)


class Server:
    """Serves these bytes over HTTP on the loopback. A context manager."""

    def __init__(self, data):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
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
    """Takes one connection on the loopback and everything it sends."""

    def __init__(self):
        super().__init__()
        self.listener = socket.create_server(("127.0.0.1", 0))
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


def fetched(m, size, seed):
    data = noise(size, seed)
    with Server(data) as server:
        printed = m.shell("wget -q -O - http://10.0.2.2:%d/ | sha256sum" % server.port)
    check(hashlib.sha256(data).hexdigest() in printed,
          "what was fetched is not what was served: " + printed)


def sent(m, size):
    receiver = Receiver()
    m.shell("head -c %d /dev/urandom >/tmp/out" % size)
    printed = m.shell("sha256sum /tmp/out && nc 10.0.2.2 %d </tmp/out && rm /tmp/out"
                      % receiver.port)
    receiver.join(PATIENCE)
    check(receiver.size == size and receiver.sum.hexdigest() in printed,
          "what arrived, %d bytes, is not what the guest sent: %s" % (receiver.size, printed))


def reached(m, port, size, seed):
    """Through the forwarded port: the guest listens, the host connects and sends."""
    data = noise(size, seed)
    m.type("nc -l -p %d </dev/null >/tmp/got & sleep 1; echo listen''ing\n" % GUEST_PORT)
    m.expect("listening")
    m.expect("vm# ")
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        check(not connection.recv(1), "the guest sent something back")
    printed = m.shell("wait; wc -c /tmp/got; sha256sum /tmp/got && rm /tmp/got")
    check(hashlib.sha256(data).hexdigest() in printed,
          "what came through the forwarded port is not what was sent: " + printed)


def network(mib, engine="auto", cpus=1, bus="pcie", chip="plic"):
    port = free_port()
    net = "user,hostfwd=tcp:127.0.0.1:%d-:%d,bus=%s" % (port, GUEST_PORT, bus)
    args = linux_args("vmtest=shell vmnet=dhcp") + [
        "--net", net, "--engine", engine, "--cpus", str(cpus),
        "--machine", "riscv-virt,irqchip=" + chip]
    with Machine(args) as m:
        m.expect("vm-init: address 10.0.2.15")
        m.expect("vm# ")
        fetched(m, mib * MIB, mib)
        sent(m, mib * MIB)
        reached(m, port, mib * MIB, mib + 1)
        m.type("exit\n")
        m.expect("reboot: Power down")
        m.finish(0)


def matrix(tap):
    for engine in ("interp", "base"):
        for cpus in (1, 4):
            for chip in ("plic", "aia"):
                for bus in ("mmio", "pcie"):
                    tap.case("128 MiB, %s, %d harts, %s, %s" % (engine, cpus, chip, bus),
                             network, 128, engine, cpus, bus, chip)


def main():
    tap = Tap()
    if "--all" in sys.argv[1:] or os.environ.get("VM_SOAK"):
        matrix(tap)
    else:
        tap.case("8 MiB fetched, sent and received", network, 8)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
