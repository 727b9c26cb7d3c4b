/*
 * isa.c - the riscv64 architecture as an engine sees it: one table.
 */
#include "isa/riscv/isa.h"

#include "base/bits.h"
#include "isa/riscv/csr.h"
#include "isa/riscv/decode.h"
#include "isa/riscv/mmu.h"
#include "isa/riscv/trap.h"
#include "riscv_ops.gen.h"
#include <errno.h>

#define STATE_ROW_T struct rv_state
STATE_LIST(rv, RV_STATE, 1);
#undef STATE_ROW_T

_Static_assert(offsetof(struct rv_state, fflags) == offsetof(struct rv_state, frm) + 1,
               "frm and fflags are the struct fp_env");

/* gdb's numbers: 0..31 x, 32 pc, 33..64 f, 65 + n CSR n. */
enum { REG_PC = 32, REG_F0 = 33, REG_CSR0 = 65, REG_CSR_END = REG_CSR0 + 4096 };

#define XREG(n, name) { name, n, 8, offsetof(struct rv_state, x[n]) }
#define FREG(n, name) { name, REG_F0 + n, 8, offsetof(struct rv_state, f[n]) }
static const struct isa_reg regs[] = {
    XREG(0, "zero"),  XREG(1, "ra"),    XREG(2, "sp"),
    XREG(3, "gp"),    XREG(4, "tp"),    XREG(5, "t0"),
    XREG(6, "t1"),    XREG(7, "t2"),    XREG(8, "fp"),
    XREG(9, "s1"),    XREG(10, "a0"),   XREG(11, "a1"),
    XREG(12, "a2"),   XREG(13, "a3"),   XREG(14, "a4"),
    XREG(15, "a5"),   XREG(16, "a6"),   XREG(17, "a7"),
    XREG(18, "s2"),   XREG(19, "s3"),   XREG(20, "s4"),
    XREG(21, "s5"),   XREG(22, "s6"),   XREG(23, "s7"),
    XREG(24, "s8"),   XREG(25, "s9"),   XREG(26, "s10"),
    XREG(27, "s11"),  XREG(28, "t3"),   XREG(29, "t4"),
    XREG(30, "t5"),   XREG(31, "t6"),   { "pc", REG_PC, 8, offsetof(struct rv_state, pc) },
    FREG(0, "ft0"),   FREG(1, "ft1"),   FREG(2, "ft2"),
    FREG(3, "ft3"),   FREG(4, "ft4"),   FREG(5, "ft5"),
    FREG(6, "ft6"),   FREG(7, "ft7"),   FREG(8, "fs0"),
    FREG(9, "fs1"),   FREG(10, "fa0"),  FREG(11, "fa1"),
    FREG(12, "fa2"),  FREG(13, "fa3"),  FREG(14, "fa4"),
    FREG(15, "fa5"),  FREG(16, "fa6"),  FREG(17, "fa7"),
    FREG(18, "fs2"),  FREG(19, "fs3"),  FREG(20, "fs4"),
    FREG(21, "fs5"),  FREG(22, "fs6"),  FREG(23, "fs7"),
    FREG(24, "fs8"),  FREG(25, "fs9"),  FREG(26, "fs10"),
    FREG(27, "fs11"), FREG(28, "ft8"),  FREG(29, "ft9"),
    FREG(30, "ft10"), FREG(31, "ft11"),
};

/* The lines of mip that come from outside, by bit number. */
static const char *const irq_lines[] = { "", "ssi", "", "msi", "", "sti",  "",  "mti",
                                         "", "sei", "", "mei", "", "lcof", NULL };

/* The same bytes mean the same in every mode: what a mode forbids is checked when the
 * instruction runs. */
static u64 block_key(const struct vcpu *c)
{
    return 0;
}

/* What boot firmware has done when it hands over to a supervisor: everything that S-mode
 * can take is delegated, all memory is open to it, its timer and counters are on. */
static void enter_supervisor(struct rv_state *s)
{
    s->priv = RV_S;
    s->medeleg = 1 << RV_INSN_MISALIGNED | 1 << RV_INSN_ACCESS | 1 << RV_ILLEGAL |
                 1 << RV_BREAKPOINT | 1 << RV_LOAD_MISALIGNED | 1 << RV_LOAD_ACCESS |
                 1 << RV_STORE_MISALIGNED | 1 << RV_STORE_ACCESS | 1 << RV_ECALL_U |
                 1 << RV_INSN_PAGE | 1 << RV_LOAD_PAGE | 1 << RV_STORE_PAGE;
    s->mideleg = MIP_S_ALL;
    s->mcounteren = 0xffffffff;
    s->menvcfg = ENVCFG_STCE | ENVCFG_PBMTE | ENVCFG_ADUE | ENVCFG_CBZE | ENVCFG_CBCFE |
                 1ull << 4;        /* CBIE: invalidate performs a flush */
    s->pmpaddr[0] = bits_mask(54); /* NAPOT over everything, RWX */
    s->pmpcfg[0] = 0x1f;
}

/* args: a0, a1 and, with a third that is not 0, entry in S-mode as from an SBI. */
static void reset(struct vcpu *c, gva_t entry, const u64 *args, unsigned arg_count)
{
    struct rv_state *s = rv_state(c);

    state_reset(&rv_state_list, s);
    s->priv = RV_M;
    s->pc = entry;
    s->stimecmp = UINT64_MAX;
    if (arg_count > 0)
        s->x[10] = args[0];
    if (arg_count > 1)
        s->x[11] = args[1];
    if (arg_count > 2 && args[2])
        enter_supervisor(s);
    c->fault.pending = false;
    rv_timer_update(c);
    rv_mmu_flush(c);
    rv_mmu_rebind(c);
}

static void state_changed(struct vcpu *c)
{
    rv_timer_update(c);
    rv_mmu_flush(c);
    rv_mmu_rebind(c);
}

static int reg_get(struct vcpu *c, unsigned number, u64 *out)
{
    struct rv_state *s = rv_state(c);

    if (number < REG_PC)
        *out = s->x[number];
    else if (number == REG_PC)
        *out = s->pc;
    else if (number < REG_CSR0)
        *out = s->f[number - REG_F0];
    else if (number < REG_CSR_END)
        return rv_csr_read(c, number - REG_CSR0, out) ? 0 : -ENOENT;
    else
        return -ENOENT;
    return 0;
}

static int reg_set(struct vcpu *c, unsigned number, u64 v)
{
    struct rv_state *s = rv_state(c);

    if (number == 0)
        return 0;
    if (number < REG_PC)
        s->x[number] = v;
    else if (number == REG_PC)
        s->pc = v & ~1ull;
    else if (number < REG_CSR0)
        s->f[number - REG_F0] = v;
    else if (number < REG_CSR_END)
        return rv_csr_write(c, number - REG_CSR0, v) ? 0 : -ENOENT;
    else
        return -ENOENT;
    return 0;
}

const struct isa riscv_isa = {
    .name = "riscv64",
    .state_size = sizeof(struct rv_state),
    .scratch_size = sizeof(struct rv_tables),
    .pc_offset = offsetof(struct rv_state, pc),
    .zero_bytes = sizeof(u64), /* x[0], at offset 0 */
    .fp_env_offset = offsetof(struct rv_state, frm),
    .state = &rv_state_list,
    .mmu_banks = RV_BANK_COUNT,
    .context_banks = RV_CONTEXT_BANKS,
    .insn_align = 2,
    .ops = riscv_ops,
    .op_count = RISCV_OP_COUNT,
    .regs = regs,
    .reg_count = ARRAY_SIZE(regs),
    .decode = riscv_decode,
    .disassemble = riscv_disassemble,
    .block_key = block_key,
    .fetch_bank = rv_mmu_fetch_bank,
    .translate = rv_mmu_translate,
    .memory_fault = rv_mmu_memory_fault,
    .take_exception = rv_trap_exception,
    .take_interrupt = rv_trap_interrupt,
    .wakes = rv_trap_wakes,
    .timer_expired = rv_timer_update,
    .reset = reset,
    .state_changed = state_changed,
    .reg_get = reg_get,
    .reg_set = reg_set,
    .irq_lines = irq_lines,
};
