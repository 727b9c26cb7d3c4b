#!/usr/bin/env python3
"""test_faults_arm64.py - what faults of accesses tell, where qemu 10 is no oracle.

It knows no alignment of SP, no alignment of device memory within a larger access, and tells of
every atomic access as of a store. So what a program logs here is compared with what the manual
(DDI 0487, B2.8.2, D1.3.5, D24.2.45) says of each of its steps.

    test_faults_arm64.py ARM64_BARE
"""

import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "guest"))

import privileged_arm64_program as pp  # noqa: E402
from riscv_tests import symbol  # noqa: E402
from system_qemu import entries  # noqa: E402
from test_privileged_arm64 import COMPILER, FIELDS, OBJCOPY, Ours  # noqa: E402
from vm import Skip, Tap, check  # noqa: E402

NORMAL, DEVICE, READ_ONLY, ABSENT = (pp.WINDOW + 4096 * n for n in range(4))
A, SA, SA0 = 1 << 1, 1 << 3, 1 << 4
ABORT, SP_ALIGN, IL = 0x25 << 26, 0x26 << 26, 1 << 25
ALIGNMENT, WNR, TRANSLATION, PERMISSION = 0x21, 1 << 6, 7, 0xf


def tables():
    """The RAM where it is, with EL0's view of it behind; pages of each kind in the window."""
    leaf = pp.DATA | 3 | pp.AF | pp.UXN | pp.PXN
    root = [0] * 512
    root[1] = pp.RAM | pp.VALID | pp.AF | pp.UXN
    root[2] = pp.RAM | pp.VALID | pp.AF | pp.AP_EL0
    root[4] = pp.TABLES + 0x2000 | 3
    middle = [pp.TABLES + 0x3000 | 3] + [0] * 511
    last = [leaf, leaf | 1 << 2, leaf | pp.AP_RO] + [0] * 509
    return {pp.TABLES: root, pp.TABLES + 0x1000: [0] * 512, pp.TABLES + 0x2000: middle,
            pp.TABLES + 0x3000: last}


def sctlr(bits):
    return "    svc #5\n" + pp.move("x2", pp.SCTLR | pp.M | bits) + "    msr sctlr_el1, x2\n    isb\n"


def at(address, code):
    return pp.move("x2", address) + "    %s\n" % code


def stack(offset, code):
    """With SP so far from where it is aligned, and put back."""
    return "    mov x3, sp\n    add sp, x3, #%d\n    %s\n    mov sp, x3\n" % (offset, code)


def data(address, fsc):
    return (ABORT | IL | fsc, address)


# (code, what it logs: (ESR, FAR) of each exception, or of SVC nothing)
CASES = [
    # memory of each kind
    (sctlr(0), []),
    (at(NORMAL + 1, "ldr x1, [x2]"), []),
    (at(NORMAL + 1, "ldr q0, [x2]"), []),
    (at(DEVICE + 1, "ldr x1, [x2]"), [data(DEVICE + 1, ALIGNMENT)]),
    (at(DEVICE + 2, "str w1, [x2]"), [data(DEVICE + 2, ALIGNMENT | WNR)]),
    (at(DEVICE + 1, "ldrb w1, [x2]"), []),
    (at(DEVICE + 4, "ldp x1, x3, [x2]"), [data(DEVICE + 4, ALIGNMENT)]),
    (at(DEVICE + 4, "ldp w1, w3, [x2]"), []),
    (at(DEVICE + 1, "ld1 {v0.16b}, [x2]"), []),
    (at(DEVICE + 2, "ld1 {v0.4s}, [x2]"), [data(DEVICE + 2, ALIGNMENT)]),
    (at(DEVICE + 2, "st4 {v0.8h, v1.8h, v2.8h, v3.8h}, [x2]"), []),
    (at(DEVICE + 8, "ldr q0, [x2]"), [data(DEVICE + 8, ALIGNMENT)]),
    (at(DEVICE + 16, "str q0, [x2]"), []),
    (at(DEVICE + 4, "ldr d0, [x2]"), [data(DEVICE + 4, ALIGNMENT)]),
    (at(DEVICE + 4, "ldadd x1, x3, [x2]"), [data(DEVICE + 4, ALIGNMENT | WNR)]),
    # exclusives and ordered accesses
    (at(NORMAL + 4, "ldxr x1, [x2]"), [data(NORMAL + 4, ALIGNMENT)]),
    (at(NORMAL + 4, "stxr w3, x1, [x2]"), [data(NORMAL + 4, ALIGNMENT | WNR)]),
    (at(NORMAL + 12, "ldar x1, [x2]"), [data(NORMAL + 12, ALIGNMENT)]),
    (at(NORMAL + 12, "stlr x1, [x2]"), [data(NORMAL + 12, ALIGNMENT | WNR)]),
    (at(NORMAL + 16, "stlr x1, [x2]"), []),
    # what atomic accesses tell: a write, unless the read would have faulted
    (at(ABSENT, "ldadd x1, x3, [x2]"), [data(ABSENT, TRANSLATION)]),
    (at(ABSENT, "cas x1, x3, [x2]"), [data(ABSENT, TRANSLATION)]),
    (at(READ_ONLY, "swp x1, x3, [x2]"), [data(READ_ONLY, PERMISSION | WNR)]),
    (at(READ_ONLY, "cas w1, w3, [x2]"), [data(READ_ONLY, PERMISSION | WNR)]),
    (at(ABSENT, "stxr w3, x1, [x2]"), [data(ABSENT, TRANSLATION | WNR)]),
    # SCTLR_EL1.A: before anything else
    (sctlr(A), []),
    (at(NORMAL + 1, "ldr x1, [x2]"), [data(NORMAL + 1, ALIGNMENT)]),
    (at(NORMAL + 8, "ldr x1, [x2]"), []),
    (at(NORMAL + 2, "strh w1, [x2]"), []),
    (at(NORMAL + 1, "strh w1, [x2]"), [data(NORMAL + 1, ALIGNMENT | WNR)]),
    (at(NORMAL + 8, "str q0, [x2]"), [data(NORMAL + 8, ALIGNMENT | WNR)]),
    (at(ABSENT + 1, "ldr x1, [x2]"), [data(ABSENT + 1, ALIGNMENT)]),
    (at(ABSENT, "ldr x1, [x2]"), [data(ABSENT, TRANSLATION)]),
    (at(NORMAL + 4, "ldar x1, [x2]"), [data(NORMAL + 4, ALIGNMENT)]),
    # SP as a base
    (sctlr(0), []),
    (stack(8, "ldr x1, [sp]"), []),
    (sctlr(SA), []),
    (stack(8, "ldr x1, [sp]"), [(SP_ALIGN | IL, None)]),
    (stack(8, "str w1, [sp, #8]"), [(SP_ALIGN | IL, None)]),
    (stack(1, "ldp x1, x2, [sp], #16"), [(SP_ALIGN | IL, None)]),
    (stack(-16 & 0xff0, "ldr x1, [sp]"), []),
    (stack(4, "ld1 {v0.16b}, [sp]"), [(SP_ALIGN | IL, None)]),
    (stack(4, "ldxr x1, [sp]"), [(SP_ALIGN | IL, None)]),
    (stack(4, "prfm pldl1keep, [sp]"), []),
    (stack(0, "str x1, [sp, #-8]!\n    ldr x1, [sp], #8"), [(SP_ALIGN | IL, None)]),
    (stack(0, "ldr x1, [sp]\n    add sp, sp, #8\n    ldr x1, [sp]\n    ldr x1, [sp, #8]"),
     [(SP_ALIGN | IL, None)] * 2),
    ("    svc #0\n", []),  # EL0 has no right to where its stack is
    (stack(8, "ldr x1, [sp]"), [(0x24 << 26 | IL | 0xd, pp.DATA + 0x8008)]),
    (sctlr(SA0) + "    svc #0\n", []),
    (stack(8, "ldr x1, [sp]"), [(SP_ALIGN | IL, None)]),
    ("    svc #5\n", []),
    (stack(8, "ldr x1, [sp]"), []),
]


def program():
    begin = (pp.move("x1", 0x00ff) + "    msr mair_el1, x1\n" + pp.move("x1", 3 << 20) +
             "    msr cpacr_el1, x1\n    isb\n")
    steps = "".join(pp.move("x27", n + 1) + code for n, (code, _) in enumerate(CASES))
    return pp.harness(begin + steps, tables())


def run(bare, engine):
    with tempfile.TemporaryDirectory() as scratch:
        source, path = os.path.join(scratch, "program.S"), os.path.join(scratch, "program")
        with open(source, "w", encoding="ascii") as out:
            out.write(program())
        pp.assemble(COMPILER, OBJCOPY, source, path)
        ours = Ours(path, bare, engine)
        return entries(ours.memory(pp.LOG, ours.end - pp.LOG), len(FIELDS), pp.RECORD)


def case(bare, engine):
    found = {}
    try:
        log = run(bare, engine)
    except FileNotFoundError as error:
        raise Skip("there is no " + error.filename) from None
    for step, _, esr, _, far, *_ in log:
        if esr >> 26 != 0x15:
            found.setdefault(step, []).append((esr, far))
    for n, (code, expected) in enumerate(CASES):
        got = [(esr, far if want is None or want[1] is not None else None) for (esr, far), want in
               zip(found.get(n + 1, []), expected + [None] * 9)]
        check(got == expected, "%s gave %s, not %s" % (code.strip().replace("\n   ", ";"), [
            tuple(v if v is None else "%#x" % v for v in e) for e in got], [
            tuple(v if v is None else "%#x" % v for v in e) for e in expected]))


def main():
    tap = Tap()
    for engine in ("interp", "base"):
        tap.case("faults of accesses, %s" % engine, case, sys.argv[1], engine)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
