/*
 * decode.h - what decodegen makes from arm64's *.decode files.
 */
#ifndef ISA_ARM64_DECODE_H
#define ISA_ARM64_DECODE_H

#include "isa/isa.h"
#include "isa/lines.h"

extern const struct isa_op arm64_ops[];
extern const struct isa_lines arm64_lines;

enum isa_decode arm64_decode(const u8 *bytes, unsigned avail, u64 key, struct isa_insn *in);
int arm64_disassemble(const struct isa_insn *in, gva_t pc, char *buf, size_t size);

#endif
