/*
 * fuzz_decoder.c - arbitrary bytes as riscv instructions: decoded one after the other, their
 * operands checked, disassembled, and built into blocks of IR that the verifier must accept.
 */
#include "base/bits.h"
#include "ir/build.h"
#include "isa/riscv/decode.h"
#include "isa/riscv/isa.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

enum { BLOCK_INSNS = 8, TEXT_SIZE = 96, LONGEST = 4 };

static struct ir_block block;
static struct ir_builder *builder;

static _Noreturn void fail(const struct isa_insn *in, const char *why)
{
    fprintf(stderr, "%08x %s: %s\n", in->raw, riscv_isa.ops[in->op].name, why);
    abort();
}

/* Checks what an engine relies on without looking again. False: it needs more bytes. */
static bool decode(const u8 *bytes, unsigned avail, struct isa_insn *in)
{
    unsigned line;

    memset(in, 0, sizeof *in);
    if (riscv_isa.decode(bytes, avail, 0, in) == ISA_DECODE_MORE) {
        if (avail >= LONGEST)
            fail(in, "four bytes are not enough for it");
        return false;
    }
    if (in->op >= riscv_isa.op_count)
        abort();
    line = riscv_lines.line_of_op[in->op];
    if (in->len > avail || in->len % riscv_isa.insn_align || in->len == 0)
        fail(in, "a wrong length");
    for (unsigned i = 0; i < ISA_INSN_REGS; i++)
        if (in->reg[i] + 8u > riscv_isa.state_size)
            fail(in, "an operand outside the state");
    if (line < riscv_lines.line_count && !isa_line_matches(&riscv_lines, line, in->raw))
        fail(in, "its own line does not match it");
    if (line == riscv_lines.line_count && in->op != riscv_isa.op_count - 1)
        fail(in, "a handler without a line");
    return true;
}

/* Whole in a large buffer, cut without harm in a small one. */
static void check_text(const struct isa_insn *in, u64 pc)
{
    char all[TEXT_SIZE], some[TEXT_SIZE];
    int len = riscv_disassemble(in, pc, all, sizeof all);
    size_t room = pc % 16 + 1;

    if (len <= 0 || len >= (int)sizeof all || strlen(all) != (size_t)len)
        fail(in, "its text has a wrong length");
    if (riscv_disassemble(in, pc, some, room) != len || strlen(some) >= room ||
        strncmp(all, some, strlen(some)) != 0)
        fail(in, "its text is cut wrongly");
}

/* Instructions of one block, from data on. Returns the bytes they take. */
static size_t run_block(const u8 *data, size_t size)
{
    struct isa_insn in = { 0 };
    size_t at = 0;
    char why[256];
    const char *wrong;

    ir_builder_begin(builder, &block);
    for (unsigned count = 0; at < size && count < BLOCK_INSNS; count++, at += in.len) {
        unsigned avail =
            (unsigned)(size - at < ISA_INSN_MAX_BYTES ? size - at : ISA_INSN_MAX_BYTES);

        if (!decode(data + at, avail, &in))
            break;
        check_text(&in, (u64)data[at] << 32 | at);
        ir_builder_insn(builder, (u32)at, in.len);
        isa_build(&riscv_isa, builder, &in);
        ir_builder_insn_end(builder);
        if (ir_builder_left(builder) != !!(in.flags & ISA_INSN_ENDS))
            fail(&in, "it leaves its block, or does not, unlike its decode line says");
        if (in.flags & ISA_INSN_ENDS) {
            at += in.len;
            break;
        }
    }
    wrong = at ? ir_verify(&block, why, sizeof why) : NULL;
    if (wrong)
        fail(&in, wrong);
    return at;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    size_t done = 1;

    if (!builder) {
        ir_block_init(&block);
        builder = ir_builder_new(false);
    }
    for (size_t at = 0; at < size && done; at += done)
        done = run_block(data + at, size - at);
    return 0;
}
