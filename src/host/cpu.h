/*
 * cpu.h - what processor this program runs on.
 */
#ifndef HOST_CPU_H
#define HOST_CPU_H

#include "base/types.h"

enum host_isa { HOST_ISA_X86_64, HOST_ISA_ARM64, HOST_ISA_RISCV64 };

/* Optional features that emitters ask for; a bit is set when the processor
 * *and* the kernel offer it. */
enum host_cpu_feature {
    /* x86_64 */
    HOST_X86_SSE42 = 1 << 0,
    HOST_X86_POPCNT = 1 << 1,
    HOST_X86_CX16 = 1 << 2,
    HOST_X86_BMI1 = 1 << 3,
    HOST_X86_BMI2 = 1 << 4,
    HOST_X86_LZCNT = 1 << 5,
    HOST_X86_MOVBE = 1 << 6,
    HOST_X86_ADX = 1 << 7,
    HOST_X86_FMA = 1 << 8,
    HOST_X86_F16C = 1 << 9,
    HOST_X86_AVX = 1 << 10,
    HOST_X86_AVX2 = 1 << 11,
    HOST_X86_AVX512 = 1 << 12, /* F, BW, DQ and VL */
    HOST_X86_PCLMUL = 1 << 13,
    HOST_X86_AES = 1 << 14,
    HOST_X86_SHA = 1 << 15,
    HOST_X86_ERMS = 1 << 16,
    /* arm64 */
    HOST_ARM_LSE = 1 << 0,
    HOST_ARM_LSE2 = 1 << 1,
    HOST_ARM_RCPC = 1 << 2,
    HOST_ARM_FLAGM = 1 << 3,
    HOST_ARM_FLAGM2 = 1 << 4,
    HOST_ARM_FP16 = 1 << 5,
    HOST_ARM_CRC32 = 1 << 6,
    HOST_ARM_AES = 1 << 7,
    HOST_ARM_SHA2 = 1 << 8,
    HOST_ARM_SVE = 1 << 9,
    HOST_ARM_AFP = 1 << 10,
    /* riscv64 */
    HOST_RISCV_C = 1 << 0,
    HOST_RISCV_V = 1 << 1,
    HOST_RISCV_ZBA = 1 << 2,
    HOST_RISCV_ZBB = 1 << 3,
    HOST_RISCV_ZBS = 1 << 4,
    HOST_RISCV_ZICOND = 1 << 5,
};

struct host_cpu {
    enum host_isa isa;
    u32 features;         /* of the isa's group above */
    unsigned icache_line; /* bytes, 0 when flushing is not needed by line */
};

/* Fills *cpu by asking the processor and the kernel; cheap, no state kept. [any thread] */
void host_cpu_detect(struct host_cpu *cpu);

/* "x86_64", "arm64", "riscv64". */
const char *host_isa_name(enum host_isa isa);

#endif
