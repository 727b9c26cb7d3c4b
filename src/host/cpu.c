/*
 * cpu.c - processor features, asked of the processor or the kernel.
 */
#include "host/cpu.h"

const char *host_isa_name(enum host_isa isa)
{
    static const char *const names[] = {
        [HOST_ISA_X86_64] = "x86_64", [HOST_ISA_ARM64] = "arm64", [HOST_ISA_RISCV64] = "riscv64"
    };

    return names[isa];
}

struct feature_bit {
    u32 feature;
    unsigned bit;
};

static u32 UNUSED pick(u64 word, const struct feature_bit *bits, size_t count)
{
    u32 features = 0;

    for (size_t i = 0; i < count; i++)
        if (word >> bits[i].bit & 1)
            features |= bits[i].feature;
    return features;
}

#if defined(__x86_64__)
#include <cpuid.h>

/* Intel SDM volume 2A, CPUID: leaf 1 ECX, leaf 7 EBX, leaf 0x80000001 ECX. */
static const struct feature_bit leaf1_ecx[] = {
    { HOST_X86_PCLMUL, 1 }, { HOST_X86_FMA, 12 },   { HOST_X86_CX16, 13 },
    { HOST_X86_SSE42, 20 }, { HOST_X86_MOVBE, 22 }, { HOST_X86_POPCNT, 23 },
    { HOST_X86_AES, 25 },   { HOST_X86_AVX, 28 },   { HOST_X86_F16C, 29 },
};
static const struct feature_bit leaf7_ebx[] = {
    { HOST_X86_BMI1, 3 }, { HOST_X86_AVX2, 5 }, { HOST_X86_BMI2, 8 },
    { HOST_X86_ERMS, 9 }, { HOST_X86_ADX, 19 }, { HOST_X86_SHA, 29 },
};
static const struct feature_bit ext1_ecx[] = { { HOST_X86_LZCNT, 5 } };

#define LEAF1_OSXSAVE (1u << 27)
#define LEAF7_AVX512  (1u << 16 | 1u << 17 | 1u << 30 | 1u << 31) /* F DQ BW VL */
#define XCR0_AVX      0x06u
#define XCR0_AVX512   0xe6u
#define NEEDS_AVX     (HOST_X86_AVX | HOST_X86_AVX2 | HOST_X86_FMA | HOST_X86_F16C)

static u32 xcr0_read(void)
{
    u32 low, high;

    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

static void detect(struct host_cpu *cpu)
{
    u32 a, b, c = 0, d, leaf1, xcr0 = 0;

    if (!__get_cpuid(1, &a, &b, &leaf1, &d))
        return;
    cpu->features = pick(leaf1, leaf1_ecx, ARRAY_SIZE(leaf1_ecx));
    if (leaf1 & LEAF1_OSXSAVE)
        xcr0 = xcr0_read();
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
        cpu->features |= pick(b, leaf7_ebx, ARRAY_SIZE(leaf7_ebx));
        if ((b & LEAF7_AVX512) == LEAF7_AVX512 && (xcr0 & XCR0_AVX512) == XCR0_AVX512)
            cpu->features |= HOST_X86_AVX512;
    }
    if ((xcr0 & XCR0_AVX) != XCR0_AVX)
        cpu->features &= ~(u32)NEEDS_AVX;
    if (__get_cpuid(0x80000001, &a, &b, &c, &d))
        cpu->features |= pick(c, ext1_ecx, ARRAY_SIZE(ext1_ecx));
}
#define THIS_ISA HOST_ISA_X86_64

#elif defined(__aarch64__)
#include <sys/auxv.h>

/* Linux, Documentation/arch/arm64/elf_hwcaps.rst. */
static const struct feature_bit hwcap[] = {
    { HOST_ARM_AES, 3 },  { HOST_ARM_SHA2, 6 },  { HOST_ARM_CRC32, 7 },
    { HOST_ARM_LSE, 8 },  { HOST_ARM_FP16, 9 },  { HOST_ARM_RCPC, 15 },
    { HOST_ARM_SVE, 22 }, { HOST_ARM_LSE2, 25 }, { HOST_ARM_FLAGM, 27 },
};
static const struct feature_bit hwcap2[] = { { HOST_ARM_FLAGM2, 7 }, { HOST_ARM_AFP, 20 } };

static void detect(struct host_cpu *cpu)
{
    u64 ctr;

    cpu->features = pick(getauxval(AT_HWCAP), hwcap, ARRAY_SIZE(hwcap)) |
                    pick(getauxval(AT_HWCAP2), hwcap2, ARRAY_SIZE(hwcap2));
    __asm__("mrs %0, ctr_el0" : "=r"(ctr)); /* IminLine: log2 of words */
    cpu->icache_line = 4u << (ctr & 15);
}
#define THIS_ISA HOST_ISA_ARM64

#elif defined(__riscv) && __riscv_xlen == 64
#include <sys/auxv.h>
#include <unistd.h>

/* Linux, Documentation/arch/riscv/hwprobe.rst: key 4, IMA_EXT_0. */
#define SYS_RISCV_HWPROBE 258
#define HWPROBE_IMA_EXT_0 4
static const struct feature_bit ima_ext_0[] = {
    { HOST_RISCV_C, 1 },   { HOST_RISCV_V, 2 },   { HOST_RISCV_ZBA, 3 },
    { HOST_RISCV_ZBB, 4 }, { HOST_RISCV_ZBS, 5 }, { HOST_RISCV_ZICOND, 35 },
};
/* AT_HWCAP has a bit for each single-letter extension. */
static const struct feature_bit hwcap[] = { { HOST_RISCV_C, 'c' - 'a' },
                                            { HOST_RISCV_V, 'v' - 'a' } };

static void detect(struct host_cpu *cpu)
{
    struct {
        s64 key;
        u64 value;
    } pair = { HWPROBE_IMA_EXT_0, 0 };

    if (syscall(SYS_RISCV_HWPROBE, &pair, 1, 0, NULL, 0) == 0 && pair.key == HWPROBE_IMA_EXT_0)
        cpu->features = pick(pair.value, ima_ext_0, ARRAY_SIZE(ima_ext_0));
    else
        cpu->features = pick(getauxval(AT_HWCAP), hwcap, ARRAY_SIZE(hwcap));
}
#define THIS_ISA          HOST_ISA_RISCV64
#endif

void host_cpu_detect(struct host_cpu *cpu)
{
    *cpu = (struct host_cpu){ .isa = THIS_ISA };
    detect(cpu);
}
