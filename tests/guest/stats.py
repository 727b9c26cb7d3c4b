#!/usr/bin/env python3
"""stats.py - --stats and --trace: what they say of a guest of a few instructions is true."""

import os
import platform
import sys
import tempfile

from tiny import POWER_OFF, T3, addi, counting, run, write
from vm import Skip, Tap, check, run_cli

ONCE = 100       # instructions that run once and are not worth a translation
ROUNDS = 1 << 20  # of a loop of two instructions
# What the first version promised, by whom it is of use to.
PROMISED = ["insns", "blocks", "ns_per_translated_insn", "translate_permille", "tlb_refills",
            "slow_accesses", "exits_jump", "exits_irq", "exits_fault", "exits_request",
            "evictions"]


def counted(options):
    """(what is on standard error, the numbers) of the guest's run."""
    return run(options, [addi(T3, T3, 1)] * ONCE, counting(ROUNDS), POWER_OFF)


def counts():
    _, rows = counted(["--deterministic"])
    check(not set(PROMISED) - set(rows), "missing: %s" % (set(PROMISED) - set(rows)))
    want = ONCE + 1 + 2 * ROUNDS
    check(want <= rows["insns"] <= want + 100_000, "%d instructions, not %d and the power switch's"
          % (rows["insns"], want))


def same_as_text():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "guest")
        write(path, POWER_OFF)
        status, _, said = run_cli(["--firmware", path, "--console", "none", "--memory", "128M",
                                   "--stats"])
    check(status == 0, "status %d: %s" % (status, said))
    for name in PROMISED:
        check(name in said.split(), "%s is not printed: %s" % (name, said))


def translation():
    if platform.machine() != "x86_64":
        raise Skip("this host has no base tier")
    _, rows = counted(["--engine", "auto"])  # base translates what runs once, too
    check(rows["insns_decoded"] > ONCE, "decoded: %d" % rows["insns_decoded"])
    check(0 < rows["insns_translated"] < ONCE / 2, "the loop has 2 instructions, and %d were "
          "translated" % rows["insns_translated"])
    compiled = rows["translate_ns"] - rows["decode_ns"]
    want = (rows["decode_ns"] / rows["insns_decoded"] + compiled / rows["insns_translated"])
    check(abs(rows["ns_per_translated_insn"] - want) <= 2,
          "%d ns an instruction, not %d" % (rows["ns_per_translated_insn"], want))
    check(rows["translate_permille"] == rows["translate_ns"] * 1000 // rows["run_ns"],
          "the share of translation: %s" % rows)


def interpreter_translates_nothing():
    _, rows = counted(["--engine", "interp"])
    check(rows["decode_ns"] == rows["translate_ns"] > 0, "only decoding takes time: %s" % rows)
    for name in ("blocks_base", "insns_translated", "ns_per_translated_insn"):
        check(rows[name] == 0, "%s is %d" % (name, rows[name]))


def traced():
    """What a guest of no operating system can show: code, memory's contents, the power switch."""
    wanted = {"block": "0x80000000: addi t3,t3,1", "boot": "firmware: ", "dev": "syscon-test@"}
    for kind, line in wanted.items():
        said, _ = counted(["--trace", kind])
        check("trace %s: %s" % (kind, line) in said, "--trace %s says %s" % (kind, said[:400]))
        check(all(said_line.startswith("trace %s: " % kind) for said_line in said.splitlines()),
              "--trace %s says something else, too: %s" % (kind, said[:400]))
    said, _ = counted(["--trace", ",".join(wanted)])
    check(all("trace %s: %s" % row in said for row in wanted.items()), said[:400])


def main():
    tap = Tap()
    tap.case("what was promised is there, and instructions are counted", counts)
    tap.case("the text has the same names", same_as_text)
    tap.case("translation is of what was translated", translation)
    tap.case("the interpreter translates nothing", interpreter_translates_nothing)
    tap.case("events of the kinds asked for are printed, and no others", traced)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
