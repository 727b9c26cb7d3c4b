#!/usr/bin/env python3
"""jumps.py - calls by register between functions whose addresses meet in the jump cache: they are found
behind it, and what was found there is not run once its bytes have changed.
"""

import sys

from tiny import FENCE_I, JUMP_HERE, POWER_OFF, RA, T0, T1, T2, T3, T4, addi, auipc, bne, jalr, lui
from tiny import sw, translated
from vm import Tap, check

ROUNDS = 1 << 18
FIRST, SPAN = 0x4000, 0x8000  # of the functions: the jump cache covers 32 KiB of code
NEW = addi(T3, T3, 2)


def calls():
    """ROUNDS times both functions."""
    return [lui(T0, ROUNDS >> 12), jalr(RA, T1), jalr(RA, T2), addi(T0, T0, -1), bne(T0, 0, -12)]


def guest():
    """Counts in T3, by 1 and by 1; then the first function is changed, and counts by 2."""
    code = [auipc(T1, FIRST >> 12), auipc(T2, FIRST + SPAN >> 12), addi(T2, T2, -4), addi(T3, 0, 0)]
    code += calls()
    code += [lui(T4, (NEW + 0x800 >> 12) & 0xfffff), addi(T4, T4, NEW & 0xfff), sw(T4, T1), FENCE_I]
    code += calls()
    code += [lui(T4, 5 * ROUNDS >> 12), bne(T3, T4, 4 * len(POWER_OFF) + 4)] + POWER_OFF
    code += [JUMP_HERE]  # a wrong sum never ends
    function = [addi(T3, T3, 1), jalr(0, RA)]
    fill = [addi(0, 0, 0)]
    code += fill * (FIRST // 4 - len(code)) + function
    return code + fill * ((FIRST + SPAN) // 4 - len(code)) + function


def found():
    # The CPU translates: how often it looks meanwhile is not left to the host's scheduler.
    rows = translated(guest(), "--no-opt", "background")
    check(rows["insns"] > 16 * ROUNDS, "%d instructions" % rows["insns"])
    check(rows["exits_jump"] < ROUNDS / 10, "%d looks for %d calls" %
          (rows["exits_jump"], 4 * ROUNDS))


def main():
    tap = Tap()
    tap.case("functions that meet are found, and found to have changed", found)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
