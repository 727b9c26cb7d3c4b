#!/usr/bin/env python3
"""consoles.py - a guest whose console is a pseudo-terminal or a unix socket: another program
finds it, sees the boot, types, and the guest powers off. A second console works beside the first.
"""

import os
import re
import socket
import sys
import tempfile
import time

from vm import PATIENCE, Machine, Tap, check, linux_args


def wait_for(what, found, m):
    deadline = time.monotonic() + PATIENCE
    while not found():
        check(m.process.poll() is None, "%s; vm-cli ended: %s" % (what, m.stderr()))
        check(time.monotonic() < deadline, what)
        time.sleep(0.05)
    return found()


def take_over(m, fd):
    """From now on the console is this descriptor."""
    os.close(m.reader)
    os.close(m.writer)
    m.reader = m.writer = fd


def connected(path, m):
    wait_for("no socket was made", lambda: os.path.exists(path), m)
    link = socket.socket(socket.AF_UNIX)
    while link.connect_ex(path):
        time.sleep(0.05)
    return link


def use_shell(m):
    m.expect("vm# ")
    check(m.shell("expr 6 '*' 7").strip() == "42", "the guest does not answer")
    m.type("exit\n")
    m.expect("reboot: Power down")
    m.process.wait(PATIENCE)
    check(m.process.returncode == 0, "ended with status %d" % m.process.returncode)


def on_pty():
    with Machine(linux_args() + ["--console", "pty"]) as m:
        said = wait_for("no name of a terminal was said", lambda: re.search(
            r"/dev/pts/\d+\n", m.stderr()), m)
        take_over(m, os.open(said.group(0).strip(), os.O_RDWR | os.O_NOCTTY))
        use_shell(m)


def on_socket():
    with tempfile.TemporaryDirectory() as scratch:
        path = os.path.join(scratch, "console")
        with Machine(linux_args() + ["--console", "unix:" + path]) as m:
            take_over(m, connected(path, m).detach())
            use_shell(m)


def second_console(bus):
    """A shell of its own on hvc0, whose output is longer than the device's queues."""
    with tempfile.TemporaryDirectory() as scratch:
        path = os.path.join(scratch, "hvc")
        with Machine(linux_args() + ["--virtio-console", "unix:%s,bus=%s" % (path, bus)]) as m:
            m.expect("vm# ")
            with connected(path, m) as link, link.makefile("rb") as lines:
                link.settimeout(PATIENCE)
                # A shell that writes to a pipe does not edit lines.
                m.shell("(stty raw -echo; echo ready; sh 2>&1 | cat) </dev/hvc0 >/dev/hvc0 & true")
                check(lines.readline() == b"ready\n", "the guest's end was not opened")
                link.sendall(b"seq 1 30000 | sed s/^/line/; expr 6 '*' 7\n")
                printed = [lines.readline() for _ in range(30001)]
                check(printed == [b"line%d\n" % n for n in range(1, 30001)] + [b"42\n"],
                      "not what was printed: %s … %s" % (printed[:2], printed[-2:]))
            m.type("exit\n")
            m.finish(0)


def main():
    tap = Tap()
    for bus in ("pcie", "mmio"):
        tap.case("a second console, virtio on " + bus, second_console, bus)
    tap.case("console on a pseudo-terminal", on_pty)
    tap.case("console on a unix socket", on_socket)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
