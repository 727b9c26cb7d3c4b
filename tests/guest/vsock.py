#!/usr/bin/env python3
"""vsock.py - a Linux guest's vsock sockets and programs of the host, in both directions.

The guest's program is vsock_peer.c; sums are Adler-32 on both sides.
"""

import os
import socket
import sys
import tempfile
import threading
import zlib

from initrd import initrd_with, module
from vm import GUEST, PATIENCE, Machine, Tap, check, linux_args, skip_all, until

DRIVERS = ("vsock", "vmw_vsock_virtio_transport_common", "vmw_vsock_virtio_transport")
BYTES = 3 << 20  # many times what either side's buffers hold
PEERS = 100


def numbered(count):
    """The bytes that vsock_peer sends."""
    return bytes((at * 31 + (at >> 12)) & 0xff for at in range(count))


class Guest(Machine):
    """A guest with the drivers, and the program, in its root folder."""

    def __init__(self, scratch, options=(), bus="pcie"):
        self.path = os.path.join(scratch, "vsock")
        initrd = os.path.join(scratch, "initrd")
        files = {name + ".ko": (0o644, module(name)) for name in DRIVERS}
        with open(os.environ[GUEST.vsock_peer], "rb") as program:
            files["vsock_peer"] = (0o755, program.read())
        initrd_with(initrd, files)
        args = linux_args()
        args[args.index("--initrd") + 1] = initrd
        args += ["--vsock", "cid=42,socket=%s,bus=%s" % (self.path, bus)]
        super().__init__(args + list(options))

    def load_drivers(self):
        self.expect("vm# ")
        self.shell("for m in %s; do insmod /$m.ko; done" % " ".join(DRIVERS))

    def listen(self, port):
        """A server of the host at this port."""
        server = socket.socket(socket.AF_UNIX)
        server.settimeout(PATIENCE)
        server.bind("%s_%d" % (self.path, port))
        server.listen(PEERS)
        return server

    def connect(self, port):
        """To a port of the guest: the socket behind the line OK; None: refused."""
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(PATIENCE)
        sock.connect(self.path)
        sock.sendall(b"CONNECT %d\n" % port)
        line = b""
        while not line.endswith(b"\n"):
            data = sock.recv(1)
            if not data:
                sock.close()
                return None
            line += data
        check(line.startswith(b"OK "), "the line is %r" % line)
        return sock

    def leave(self):
        self.type("exit\n")
        self.finish(0)


def read_all(sock):
    data = b""
    while True:
        more = sock.recv(1 << 16)
        if not more:
            return data
        data += more


def guest_sends(scratch, bus):
    """What the guest sends arrives whole, and the host's answer after the guest's end."""
    with Guest(scratch, bus=bus) as m:
        m.load_drivers()
        with m.listen(5000) as server:
            m.type("/vsock_peer send 5000 %d half\n" % BYTES)
            peer, _ = server.accept()
            with peer:
                peer.settimeout(PATIENCE)
                data = read_all(peer)
                peer.sendall(b"thank you")
        m.expect("sent %d bytes, sum %08x" % (BYTES, zlib.adler32(data)))
        m.expect("the host says: thank you")
        check(data == numbered(BYTES), "%d bytes came, and not those that were sent" % len(data))
        m.expect("vm# ")
        got = m.shell("/vsock_peer send 5001 1 || true")
        check("connect: Connection reset by peer" in got, "nobody listens at 5001: " + got)
        m.leave()


def host_sends(scratch, bus):
    """What a program sends arrives whole; nobody in the guest is told at once."""
    data = numbered(BYTES)
    sums = "%d bytes, sum %08x" % (BYTES, zlib.adler32(data))
    with Guest(scratch, bus=bus) as m:
        m.load_drivers()
        check(m.connect(6000) is None, "a connection to a port where nobody listens")
        m.type("/vsock_peer serve 6000 2\n")
        m.expect("listening at 6000")
        for _ in range(2):
            with m.connect(6000) as sock:
                sock.sendall(data)
                sock.shutdown(socket.SHUT_WR)
                answer = read_all(sock)
            check(answer == sums.encode() + b"\n", "the guest answers %r" % answer)
            m.expect("got " + sums)
        m.expect("vm# ")
        m.leave()


def many_at_once(scratch):
    """Each of many connections gets its own bytes."""
    lines = []

    def serve(server):
        peers = [server.accept()[0] for _ in range(PEERS)]
        for peer in peers:
            peer.settimeout(PATIENCE)
            lines.append(read_all(peer))
            peer.close()

    with Guest(scratch) as m:
        m.load_drivers()
        with m.listen(5000) as server:
            thread = threading.Thread(target=serve, args=(server,), daemon=True)
            thread.start()
            m.type("/vsock_peer many 5000 %d\n" % PEERS)
            m.expect("all lines sent")
            thread.join(PATIENCE)
        check(lines == [b"line %d\n" % at for at in range(PEERS)], "the lines: %r" % lines)
        m.leave()


def loaded(scratch):
    """A guest that was saved with a connection hears of its end, and can connect again."""
    state = os.path.join(scratch, "state")
    with Guest(scratch, ["--save-state", state + ",at=console:connected"]) as m:
        m.load_drivers()
        with m.listen(5000) as server:
            m.type("/vsock_peer hold 5000\n")
            peer, _ = server.accept()
            until(lambda: "state saved" in m.stderr(), lambda: "it was not saved: " + m.stderr())
            peer.close()
    os.unlink(os.path.join(scratch, "vsock_5000"))
    with Guest(scratch, ["--load-state", state]) as m:
        m.expect("ended with -1")
        with m.listen(5000) as server:
            m.type("/vsock_peer send 5000 1000\n")
            peer, _ = server.accept()
            with peer:
                peer.settimeout(PATIENCE)
                check(read_all(peer) == numbered(1000), "other bytes after the load")
        m.expect("sent 1000 bytes")
        m.leave()


def main():
    """Prints TAP."""
    if not os.environ.get(GUEST.vsock_peer):
        skip_all("there is no compiler for the guest's program")
    tap = Tap()
    for name, function, *args in (
            ("the guest sends, over PCI Express", guest_sends, "pcie"),
            ("the guest sends, over MMIO", guest_sends, "mmio"),
            ("the host sends", host_sends, "pcie"),
            ("many connections at once", many_at_once),
            ("a saved guest hears of the end", loaded)):
        with tempfile.TemporaryDirectory() as scratch:
            tap.case(name, function, scratch, *args)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
