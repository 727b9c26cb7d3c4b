"""faults.py - the faults that plant.py plants, one at a time, and the test that must find each.

A fault is one text of one file replaced by another; the text must be there exactly once,
so that a change of the file that moves it is noticed. test: a name of `meson test --list`.
needs: what the test skips without: "qemu10" and "kernel" are assets, "x86_64" is the host.
"""

import collections

Fault = collections.namedtuple("Fault", "name file old new test needs", defaults=[()])

FAULTS = [
    # One IR operation in each of its places: reference, interpreter, baseline JIT.
    Fault("the evaluator's XOR is OR", "src/ir/pure.c",
          "case IR_XOR: return a ^ b;", "case IR_XOR: return a | b;", "diff/riscv"),
    Fault("the interpreter's SAR is SHR", "src/ir/ops.def",
          '"($t)(($s)$a >> ($b & ($w - 1)))"', '"($t)($a >> ($b & ($w - 1)))"', "diff/riscv"),
    Fault("the base tier's SUB is ADD", "src/engine/base/host_lower_arith.c",
          "case IR_SUB: return ALU_SUB;", "case IR_SUB: return ALU_ADD;", "diff/riscv",
          ("x86_64",)),
    Fault("the base tier's signed loads extend zeroes", "src/engine/base/host_lower_mem.c",
          "(is_signed ? x86_load_sx : x86_load_zx)(l->o, size, d, at);",
          "x86_load_zx(l->o, size, d, at);", "diff/riscv", ("x86_64",)),
    Fault("the base tier accesses memory beyond what it checked", "src/engine/base/host_lower_mem.c",
          "w->offset + (natural ? 1 : (s32)size),", "w->offset + 1,", "diff/riscv", ("x86_64",)),
    Fault("a block is found where its address no longer leads", "src/engine/core/jump.c",
          "b->host != ref->host || b->key", "b->key", "unit-engine-base"),
    Fault("a flush forgets what was filled", "src/engine/core/tlb.c",
          "s->filled[access][i / TLB_LINE / 64] |= 1ull << i / TLB_LINE % 64;", "", "unit-engine"),
    Fault("a flag that is read counts as unread", "src/engine/base/host_plan_dead.c",
          "            get(d, op);", "            (void)get;", "diff/arm64_sequences", ("x86_64",)),
    Fault("the base tier's FSUB is FADD", "src/engine/base/host_lower_fp.c",
          "case IR_FSUB: return X86_FP_SUB;", "case IR_FSUB: return X86_FP_ADD;", "unit-base-fp",
          ("x86_64",)),
    Fault("constants fold a wrong MULHSU", "src/ir/pure.c",
          "case IR_MULHSU: return (u128)((s128)((u128)sa * b) >> wa);",
          "case IR_MULHSU: return (u128)(sa * sb >> wa);", "ir-calc"),

    # An instruction's meaning and its encoding: all engines agree on it, the oracle does not.
    Fault("sltu compares signed", "src/isa/riscv/rv_i.sem.c",
          "RV_SET_IF(sltu, ltu)", "RV_SET_IF(sltu, lts)", "diff/riscv", ("qemu10",)),
    Fault("a branch's offset misses a bit", "src/isa/riscv/riscv.decode",
          "field b12   s 31 7 30:25 11:8 *2 pc", "field b12   s 31 7 7 29:25 11:8 *2 pc",
          "diff/riscv", ("qemu10",)),
    Fault("rounding forgets that it was inexact", "src/ir/fp_round.c",
          "*inexact = rest != 0;", "*inexact = false;", "fp"),

    # Translation.
    Fault("both halves have the shareability of the lower", "src/isa/arm64/walk.c",
          "w->upper ? TCR_SH1 : TCR_SH0, 2", "TCR_SH0, 2", "diff/walk_arm64", ("qemu10",)),
    Fault("codes in pointers begin where addresses of 48 bits end", "src/isa/arm64/do_pauth.c",
          "least = 64u - f.address_bits;", "least = 16;", "isa/arm64_pauth"),

    # State that is declared and not restored.
    Fault("a hart's stimecmp is not loaded", "src/state/read.c",
          "memcpy(dst + f->offset, at, len);",
          'if (strcmp(f->name, "stimecmp") != 0)\n            memcpy(dst + f->offset, at, len);',
          "guest-determinism", ("kernel",)),
    Fault("the clock's offset is not loaded", "src/state/read.c",
          "memcpy(dst + f->offset, at, len);",
          'if (strcmp(f->name, "offset_ns") != 0)\n            memcpy(dst + f->offset, at, len);',
          "dev-generic"),

    # Outputs that do not follow state.
    Fault("a load does not update the device", "src/dev/core/device.c",
          "        d->cls->loaded(d);\n    call_update(d);", "        d->cls->loaded(d);",
          "dev-generic"),
    Fault("a write does not update the clock", "src/dev/timer/rtc_goldfish.c",
          "    alarm_check(r);\n    rtc_update(d);", "    alarm_check(r);",
          "dev-rtc_goldfish"),

    # An interrupt controller against its model.
    Fault("an active interrupt is taken again", "src/dev/irqchip/gic_bank.c",
          "& ~b->active & of_groups", "& of_groups", "dev-gicv3_model"),
    Fault("subpriorities preempt", "src/dev/irqchip/gic_cpu.c",
          "return priority & ~0u << (bpr + 1);", "return priority + (bpr & 0);", "dev-gicv3_model"),
    Fault("an LPI's number is taken from the guest's table unchecked",
          "src/dev/irqchip/gicv3_its_commands.c",
          "return ite && gicv3_is_lpi(g, r->intid) &&", "return ite &&", "dev-gicv3_its"),

    # What only privileged code sees.
    Fault("S-mode reaches user pages without SUM", "src/isa/riscv/mmu.c",
          "s->mstatus & MSTATUS_SUM ? RV_BANK_S_SUM : RV_BANK_S;", "RV_BANK_S_SUM;",
          "diff/privileged", ("qemu10",)),

    # A parser's missing check.
    Fault("pieces of a kernel may overlap", "src/machine/boot/plan.c",
          "other = load_at(plan, load->at, load->span);\n    if (other)",
          "other = NULL;\n    if (other)", "fuzz-kernel"),
    Fault("an ELF segment may lie outside its file", "src/machine/boot/elf.c",
          "!checked_range(p->p_offset, p->p_filesz, size) || ", "", "fuzz-kernel"),
    Fault("a device tree is not looked through", "src/machine/fdt/fdt.c",
          "rc = fdt_check_full(data, size);", "rc = 0;", "fuzz-fdt"),
    Fault("an instruction may be cut at its half", "tools/decodegen/tree.c",
          """    if (avail < len)\\n        return ISA_DECODE_MORE;\\n"
                "    if (len == 4)""", "    if (len == 4)", "fuzz-decoder"),
    Fault("a state file's parts may be longer than it", "src/state/cursor.h",
          "if (c->bad || len > left(c)) {", "if (c->bad) {", "fuzz-state"),
]
