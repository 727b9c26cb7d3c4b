#!/usr/bin/env python3
"""tree.py - the device tree that a guest finds: dtc has nothing to say of it, and what it has in
common with QEMU's virt machine lies at the same addresses and has the same interrupts.

    tree.py --arch arm64    that of a guest for arm64; else riscv64
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

from vm import GUEST, Machine, Skip, Tap, asset, check, linux_args

QEMU = {"riscv64": ("qemu-system-riscv64-10", "virt"),
        "arm64": ("qemu-system-aarch64-10", "virt,gic-version=3", "-cpu", "max")}
# By the first word of `compatible`. Of QEMU's virtio windows the first is asked for: it has more.
COMMON = {"riscv64": ["sifive,plic-1.0.0", "ns16550a", "google,goldfish-rtc", "virtio,mmio",
                      "sifive,test1", "pci-host-ecam-generic"],
          "arm64": ["arm,gic-v3", "arm,gic-v3-its", "arm,armv8-timer", "arm,pl011", "arm,pl031",
                    "arm,pl061", "virtio,mmio", "pci-host-ecam-generic"]}
# The size of some differs: how many CPUs and buses there are.
FIRST_CELLS = {"reg": 2}


def dtc(path, form="dts"):
    """The tree as text, and what dtc says of it."""
    done = subprocess.run(["dtc", "-I", "dtb", "-O", form, path], check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return done.stdout.decode(), done.stderr.decode()


def nodes(text):
    """The nodes of a tree's source, each a dict of its properties; "" is the name."""
    stack, found = [], []
    for line in text.splitlines():
        line = line.strip()
        if line.endswith("{"):
            stack.append({"": line[:-1].strip()})
            found.append(stack[-1])
        elif line == "};":
            stack.pop()
        elif stack:
            name, _, value = line.rstrip(";").partition(" = ")
            stack[-1][name] = value
    return found


def cells(node, name):
    words = [int(word, 16) for word in re.findall(r"0x[0-9a-f]+", node.get(name, ""))]
    return words[:FIRST_CELLS.get(name, len(words))]


def place(text, compatible):
    """Address and interrupts of the node, the lowest of several."""
    places = [(cells(node, "reg"), cells(node, "interrupts")) for node in nodes(text)
              if re.match(r'"%s(\\0|")' % re.escape(compatible), node.get("compatible", ""))]
    check(places, "no node is " + compatible)
    return min(places)


def guest_tree(path):
    """What the guest finds, of a machine that has a device in each place."""
    with tempfile.NamedTemporaryFile() as disk:
        disk.truncate(1 << 20)
        with Machine(linux_args() + ["--cpus", "2", "--disk", disk.name + ",bus=mmio"]) as m:
            m.expect("vm# ")
            with open(path, "wb") as file:
                file.write(bytes.fromhex(m.shell("od -An -v -tx1 /sys/firmware/fdt")))
            m.type("exit\n")
            m.finish(0)


def well_formed(path):
    said = dtc(path)[1]
    check(not said, "dtc says: " + said)


def as_qemus(path, scratch):
    qemu, machine, *more = QEMU[GUEST.arch]
    theirs = os.path.join(scratch, "qemu.dtb")
    subprocess.run([asset(qemu), "-M", "%s,dumpdtb=%s" % (machine, theirs), "-smp", "2",
                    "-nodefaults", "-display", "none", *more],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    ours, theirs = dtc(path)[0], dtc(theirs)[0]
    for compatible in COMMON[GUEST.arch]:
        mine, other = place(ours, compatible), place(theirs, compatible)
        if compatible == "virtio,mmio":
            # QEMU's arm board has edges there; the device holds its line (virtio 1.2, 4.2.2).
            mine, other = ((at, irq[:2]) for at, irq in (mine, other))
        check(mine == other, "%s: %s, and QEMU has %s" % (compatible, mine, other))


def need_dtc():
    if not shutil.which("dtc"):
        raise Skip("no dtc")


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory() as scratch:
        path = os.path.join(scratch, "guest.dtb")
        tap.case("the guest's tree is read", guest_tree, path)
        tap.case("dtc is there", need_dtc)
        if shutil.which("dtc") and os.path.exists(path):
            tap.case("dtc has nothing to say", well_formed, path)
            tap.case("addresses and interrupts are QEMU's", as_qemus, path, scratch)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
