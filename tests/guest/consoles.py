#!/usr/bin/env python3
"""consoles.py - a guest whose console is a pseudo-terminal or a unix socket: another program
finds it, sees the boot, types, and the guest powers off.
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
            wait_for("no socket was made", lambda: os.path.exists(path), m)
            link = socket.socket(socket.AF_UNIX)
            while link.connect_ex(path):
                time.sleep(0.05)
            take_over(m, link.detach())
            use_shell(m)


def main():
    tap = Tap()
    tap.case("console on a pseudo-terminal", on_pty)
    tap.case("console on a unix socket", on_socket)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
