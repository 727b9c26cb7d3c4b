/*
 * fields.c - riscv's decode side in C: constants of FLI, the probe of cache-block
 * management, the disassembler's entry.
 */
#include "isa/riscv/fields.h"

#include "isa/lines.h"
#include "isa/riscv/decode.h"
#include "isa/riscv/helpers.h"

/* Single precision; entry 1 is the smallest normal number of whichever format. */
static const u32 fli_s[32] = {
    0xbf800000, 0x00800000, 0x37800000, 0x38000000, 0x3b800000, 0x3c000000, 0x3d800000, 0x3e000000,
    0x3e800000, 0x3ea00000, 0x3ec00000, 0x3ee00000, 0x3f000000, 0x3f200000, 0x3f400000, 0x3f600000,
    0x3f800000, 0x3fa00000, 0x3fc00000, 0x3fe00000, 0x40000000, 0x40200000, 0x40400000, 0x40800000,
    0x41000000, 0x41800000, 0x43000000, 0x43800000, 0x47000000, 0x47800000, 0x7f800000, 0x7fc00000,
};

s64 rv_fli_s(u32 w)
{
    return (s64)(0xffffffff00000000ull | fli_s[w >> 15 & 31]);
}

s64 rv_fli_d(u32 w)
{
    unsigned i = w >> 15 & 31;
    u64 v = fli_s[i];
    u64 exponent = v >> 23 & 0xff;

    if (i == 1)
        exponent = 1;
    else
        exponent = exponent == 0xff ? 0x7ff : exponent - 127 + 1023;
    return (s64)(v >> 31 << 63 | exponent << 52 | (v & 0x7fffff) << 29);
}

/* A fault is reported as a store's ("Base Cache Management Operation ISA", faults). */
u64 rv_do_cbo_probe(struct vcpu *c, u64 va, u64 b, u64 d)
{
    if (c->env->probe(c, va, 1, ISA_READ, IR_MMU_DATA) == 0)
        return 0;
    if (c->fault.cause == RV_LOAD_PAGE)
        c->fault.cause = RV_STORE_PAGE;
    else if (c->fault.cause == RV_LOAD_ACCESS)
        c->fault.cause = RV_STORE_ACCESS;
    return 0;
}

int riscv_disassemble(const struct isa_insn *in, gva_t pc, char *buf, size_t size)
{
    return isa_lines_text(&riscv_lines, in, pc, buf, size);
}
