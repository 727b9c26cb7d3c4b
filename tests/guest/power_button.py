#!/usr/bin/env python3
"""power_button.py - system_powerdown on the control socket is a key that the guest's kernel sees.

The drivers are modules of the guest's kernel that the initramfs does not hold; the test puts
them into a second archive behind it. The guest then powers off, as a session manager would.
"""
import glob
import json
import lzma
import os
import re
import socket
import sys
import tempfile

from vm import GUEST, Machine, Skip, Tap, asset, check, linux_args

MODULES = (GUEST.button, "evdev")


def cpio_entry(name, data, mode):
    """One file of a newc archive."""
    fields = [0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0]
    head = b"070701" + b"".join(b"%08x" % field for field in fields) + name.encode() + b"\0"
    return head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4)


def archive():
    """The drivers in /button."""
    out = cpio_entry("button", b"", 0o40755)
    folder = os.path.join(os.path.dirname(asset("Image")), "kernel")
    for name in MODULES:
        found = glob.glob(f"{folder}/**/{name}.ko.xz", recursive=True)
        if not found:
            raise Skip(f"the kernel's package has no {name}.ko.xz")
        with lzma.open(found[0]) as module:
            out += cpio_entry(f"button/{name}.ko", module.read(), 0o100644)
    return out + cpio_entry("TRAILER!!!", b"", 0)


def initrd_with_button(path):
    """Writes the test's initramfs with the drivers behind it."""
    with open(asset("initrd.cpio"), "rb") as old, open(path, "wb") as new:
        data = old.read()
        new.write(data + b"\0" * (-len(data) % 4) + archive())


def command(path, *names):
    """Runs commands on the control socket."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(path)
        with sock.makefile("rw") as stream:
            stream.readline()
            for name in ("qmp_capabilities",) + names:
                stream.write(json.dumps({"execute": name}))
                stream.flush()
                answer = json.loads(stream.readline())
                while "event" in answer:
                    answer = json.loads(stream.readline())
                check(answer == {"return": {}}, f"{name}: {answer}")


def key_arrives(board):
    with tempfile.TemporaryDirectory() as folder:
        initrd, control = folder + "/initrd", folder + "/control"
        initrd_with_button(initrd)
        args = linux_args()
        args[args.index("--initrd") + 1] = initrd
        with Machine(args + ["--machine", board, "--control",
                             "unix:" + control]) as machine:
            machine.expect("vm# ")
            for name in MODULES:
                machine.shell(f"insmod /button/{name}.ko")
            listing = machine.shell("cat /proc/bus/input/devices")
            check("KEY=10000000000000 0" in listing, listing)
            machine.shell("exec 3</dev/input/event0")
            for commands in (["system_powerdown"], ["stop", "system_powerdown", "cont"]):
                command(control, *commands)
                text = machine.shell("dd bs=24 count=4 <&3 2>/dev/null | hexdump -v -e "
                                     "'24/1 \"%02x\" \"\\n\"'")
                lines = re.findall(r"\b[0-9a-f]{48}\b", text)
                check([line[32:] for line in lines] == ["0100740001000000", "0" * 16,
                                                        "0100740000000000", "0" * 16], text)
            machine.type("poweroff -f\n")
            machine.finish(0)


def main():
    tap = Tap()
    for board in GUEST.boards:
        tap.case(f"the power button, {board}", key_arrives, board)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
