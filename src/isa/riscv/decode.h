/*
 * decode.h - what decodegen makes from riscv's *.decode files.
 */
#ifndef ISA_RISCV_DECODE_H
#define ISA_RISCV_DECODE_H

#include "isa/isa.h"
#include "isa/lines.h"

extern const struct isa_op riscv_ops[];
extern const struct isa_lines riscv_lines;

enum isa_decode riscv_decode(const u8 *bytes, unsigned avail, u64 key, struct isa_insn *in);
int riscv_disassemble(const struct isa_insn *in, gva_t pc, char *buf, size_t size);

#endif
