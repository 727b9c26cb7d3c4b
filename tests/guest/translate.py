#!/usr/bin/env python3
"""translate.py - CPUs that come to new code at the same time: each block is translated by several
of them, or by one while the others run it, and dropped again, round after round."""

import sys

from tiny import FENCE_I, JUMP_HERE, POWER_OFF, RA, T0, T1, T2, T3, T4, addi, auipc, bne, jalr, lui
from tiny import sw, translated
from vm import Tap, check

HARTS, ROUNDS, BLOCKS = 4, 150, 120
A0, A1, A2, A3, A4, SUM = 10, 11, 12, 13, 14, 15
BLOCK_BYTES = 16
CODE, MEET = 0x1000, 0x3000  # from the start: the blocks; where harts count themselves


def bltu(one, other, offset):
    return bne(one, other, offset) ^ 7 << 12


def xor(rd, one, other):
    return other << 20 | one << 15 | 4 << 12 | rd << 7 | 0x33


def amoadd(rd, value, base):
    return value << 20 | base << 15 | 2 << 12 | rd << 7 | 0x2f


def lw(rd, base):
    return base << 15 | 2 << 12 | rd << 7 | 0x03


def csrr(rd, csr):
    return csr << 20 | 2 << 12 | rd << 7 | 0x73


MHARTID = 0xf14


def meet():
    """All harts get here before one goes on; T0 counts how many have to."""
    return [addi(T0, T0, HARTS), addi(T1, 0, 1), amoadd(0, T1, A1), lw(T1, A1), bltu(T1, T0, -4)]


def guest():
    rewrite = [addi(T2, A0, 4), lui(T3, BLOCKS * BLOCK_BYTES + 0x800 >> 12),
               addi(T3, T3, BLOCKS * BLOCK_BYTES & 0xfff), T3 << 20 | T2 << 15 | T3 << 7 | 0x33, lui(A3, 0x100),
               lw(T1, T2), xor(T1, T1, A3), sw(T1, T2), addi(T2, T2, BLOCK_BYTES),
               bne(T2, T3, -16)]
    code = [auipc(A0, CODE >> 12), auipc(A1, MEET >> 12), addi(A1, A1, -4), csrr(A2, MHARTID),
            addi(T0, 0, 0), addi(T4, 0, ROUNDS), addi(SUM, 0, 0)]
    top = len(code)
    code += meet()
    code += [FENCE_I, jalr(RA, A0)]
    code += meet()
    code += [bne(A2, 0, 4 * len(rewrite) + 4)] + rewrite  # hart 0 alone
    code += [addi(T4, T4, -1), bne(T4, 0, 4 * (top - len(code) - 1))]
    code += [lui(T1, BLOCKS * ROUNDS + 0x800 >> 12), addi(T1, T1, BLOCKS * ROUNDS & 0xfff),
             bne(SUM, T1, 4 * len(POWER_OFF) + 8), bne(A2, 0, 4 * len(POWER_OFF) + 4)] + POWER_OFF
    code += [JUMP_HERE]  # a wrong sum never ends
    code += [addi(0, 0, 0)] * (CODE // 4 - len(code))
    # To the next block, whose first instruction counts; the second is what changes.
    code += [addi(SUM, SUM, 1), addi(A4, A4, 1), bne(0, 0, 8), bne(T0, 0, 4)] * BLOCKS
    return code + [jalr(0, RA)]


def together(engine):
    rows = translated(guest(), "--cpus", str(HARTS), "--engine", engine)
    check(rows["smc_invalidations"] > ROUNDS, "%d blocks dropped" % rows["smc_invalidations"])
    check(rows["blocks_base"] > BLOCKS, "%d blocks translated" % rows["blocks_base"])


def main():
    tap = Tap()
    for engine in ("base", "auto"):
        tap.case("%d harts come to new code together, %s" % (HARTS, engine), together, engine)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
