"""tiny.py - guests of a few instructions, for tests that need no operating system.

They are flat M-mode firmware for the riscv-virt board, which starts at its first byte.
"""

import json
import os
import platform
import struct
import tempfile

from vm import Skip, check, run_cli

START = 0x80000000
POWER = 0x100000  # the board's power switch takes 0x5555
RA, T0, T1, T2, T3, T4 = 1, 5, 6, 7, 28, 29


def addi(rd, rs, imm):
    return (imm & 0xfff) << 20 | rs << 15 | rd << 7 | 0x13


def xori(rd, rs, imm):
    return (imm & 0xfff) << 20 | rs << 15 | 4 << 12 | rd << 7 | 0x13


def lui(rd, upper):
    return upper << 12 | rd << 7 | 0x37


def auipc(rd, upper):
    return upper << 12 | rd << 7 | 0x17


def sw(value, base):
    return value << 20 | base << 15 | 2 << 12 | 0x23


def bne(one, other, offset):
    return ((offset >> 12 & 1) << 31 | (offset >> 5 & 0x3f) << 25 | other << 20 | one << 15 |
            1 << 12 | (offset >> 1 & 0xf) << 8 | (offset >> 11 & 1) << 7 | 0x63)


def jalr(rd, rs):
    return rs << 15 | rd << 7 | 0x67


FENCE_I = 0x100f
JUMP_HERE = 0x6f
POWER_OFF = [lui(T1, POWER >> 12), lui(T2, 5), addi(T2, T2, 0x555), sw(T2, T1), JUMP_HERE]


def write(path, *parts):
    with open(path, "wb") as file:
        for part in parts:
            for word in part:
                file.write(struct.pack("<I", word))


def run(options, *parts):
    """(what is on standard error, what --stats counted) of a guest's run to its power-off."""
    with tempfile.TemporaryDirectory() as folder:
        path, stats = (os.path.join(folder, name) for name in ("guest", "stats"))
        write(path, *parts)
        status, _, said = run_cli(["--firmware", path, "--console", "none", "--memory", "128M",
                                   "--stats=json:" + stats] + options)
        check(status == 0, "status %d: %s" % (status, said))
        with open(stats, encoding="ascii") as file:
            return said, json.load(file)


def translated(code, *options):
    """What --stats counted, where there is a base tier."""
    if platform.machine() != "x86_64":
        raise Skip("this host has no base tier")
    return run(list(options), code)[1]


def counting(rounds):
    """Counts down in a loop of two instructions, the first of which is LOOP."""
    return [lui(T0, rounds >> 12), addi(T0, T0, -1), bne(T0, 0, -4)]


LOOP = START + 4
