/* toy_isa.c - see toy_isa.h. Handlers are what semgen would make, by hand. */
#include "toy_isa.h"

#include "base/bits.h"
#include "engine/core/cpu.h"
#include "host/clock.h"
#include <stdio.h>
#include <stdlib.h>

static const struct ir_mem how_any = { .mmu = IR_MMU_DATA };
static const struct ir_mem how_natural = { .mmu = IR_MMU_DATA, .align = IR_ALIGN_NATURAL };

static u64 *reg(struct vcpu *c, const struct isa_insn *in, unsigned i)
{
    return (u64 *)(void *)((char *)vcpu_state(c) + in->reg[i]);
}

static gva_t here(struct vcpu *c, const struct isa_insn *in)
{
    return ecpu_of(c)->block_pc + in->offset;
}

static int jump(struct vcpu *c, gva_t to)
{
    toy_state(c)->pc = to;
    return RUN_JUMP;
}

/* The fast path: NULL when it does not apply. */
static inline u8 *fast(struct vcpu *c, gva_t va, unsigned size, enum isa_access access)
{
    const struct tlb_entry *e = &ecpu_of(c)->bind[IR_MMU_DATA]->entry[access][va >> 12 & 1023];

    return e->tag == (va & ~(4095ull & ~(size - 1ull))) ? (u8 *)(uintptr_t)(va + e->addend) : NULL;
}

#define TOY_ALU(name, expr)                                                                        \
    static int op_##name(struct vcpu *c, const struct isa_insn *in)                                \
    {                                                                                              \
        u64 a = *reg(c, in, 1), b = *reg(c, in, 2);                                                \
        (void)a;                                                                                   \
        (void)b;                                                                                   \
        *reg(c, in, 0) = (expr);                                                                   \
        return RUN_NEXT;                                                                           \
    }
TOY_ALU(inc, *reg(c, in, 0) + 1)
TOY_ALU(addi, a + (u64)in->imm)
TOY_ALU(lui, (u64)in->imm << 16)
TOY_ALU(add, a + b)
TOY_ALU(sub, a - b)
TOY_ALU(xor, a ^ b)
TOY_ALU(and, a &b)
TOY_ALU(mul, a *b)
TOY_ALU(shli, a << (in->imm & 63))
TOY_ALU(shri, a >> (in->imm & 63))

#define TOY_MEM(name, n, how)                                                                      \
    static int op_l##name(struct vcpu *c, const struct isa_insn *in)                               \
    {                                                                                              \
        gva_t va = *reg(c, in, 1) + (u64)in->imm;                                                  \
        u8 *p = fast(c, va, sizeof(u##n), ISA_READ);                                               \
        u##n v;                                                                                    \
                                                                                                   \
        if (likely(p != NULL))                                                                     \
            v = __atomic_load_n((u##n *)(void *)p, __ATOMIC_RELAXED);                              \
        else if (cpu_load_slow(c, in, va, &v, sizeof v, how))                                      \
            return RUN_FAULT;                                                                      \
        *reg(c, in, 0) = v;                                                                        \
        return RUN_NEXT;                                                                           \
    }                                                                                              \
    static int op_s##name(struct vcpu *c, const struct isa_insn *in)                               \
    {                                                                                              \
        gva_t va = *reg(c, in, 1) + (u64)in->imm;                                                  \
        u8 *p = fast(c, va, sizeof(u##n), ISA_WRITE);                                              \
        u##n v = (u##n)*reg(c, in, 0);                                                             \
                                                                                                   \
        if (likely(p != NULL))                                                                     \
            __atomic_store_n((u##n *)(void *)p, v, __ATOMIC_RELAXED);                              \
        else if (cpu_store_slow(c, in, va, &v, sizeof v, how))                                     \
            return RUN_FAULT;                                                                      \
        return RUN_NEXT;                                                                           \
    }
TOY_MEM(d, 64, how_any)
TOY_MEM(w, 32, how_natural)
TOY_MEM(b, 8, how_any)

#define TOY_BRANCH(name, cond)                                                                     \
    static int op_##name(struct vcpu *c, const struct isa_insn *in)                                \
    {                                                                                              \
        u64 a = *reg(c, in, 0), b = *reg(c, in, 1);                                                \
                                                                                                   \
        return jump(c, here(c, in) + ((cond) ? (u64)in->imm : in->len));                       \
    }
TOY_BRANCH(bne, a != b)
TOY_BRANCH(beq, a == b)
TOY_BRANCH(bltu, a < b)

static int op_jal(struct vcpu *c, const struct isa_insn *in)
{
    *reg(c, in, 0) = here(c, in) + in->len;
    return jump(c, here(c, in) + (u64)in->imm);
}

static int op_jalr(struct vcpu *c, const struct isa_insn *in)
{
    gva_t to = *reg(c, in, 1) + (u64)in->imm;

    *reg(c, in, 0) = here(c, in) + in->len;
    return jump(c, to & ~1ull);
}

static int op_amoadd(struct vcpu *c, const struct isa_insn *in)
{
    u64 v = *reg(c, in, 2), old;

    if (cpu_rmw(c, in, *reg(c, in, 1), IR_RMW_ADD, &v, &old, 8, how_natural))
        return RUN_FAULT;
    *reg(c, in, 0) = old;
    return RUN_NEXT;
}

static int op_cas16(struct vcpu *c, const struct isa_insn *in)
{
    u64 *rd = reg(c, in, 0), old[2];

    if (cpu_cas(c, in, *reg(c, in, 1), rd, reg(c, in, 2), old, 16, how_natural))
        return RUN_FAULT;
    rd[0] = old[0];
    rd[1] = old[1];
    return RUN_NEXT;
}

static int op_ll(struct vcpu *c, const struct isa_insn *in)
{
    u64 v;

    if (cpu_ll(c, in, *reg(c, in, 1), &v, 8, how_natural))
        return RUN_FAULT;
    *reg(c, in, 0) = v;
    return RUN_NEXT;
}

static int op_sc(struct vcpu *c, const struct isa_insn *in)
{
    u64 v = *reg(c, in, 2);
    bool done;

    if (cpu_sc(c, in, *reg(c, in, 1), &v, 8, how_natural, &done))
        return RUN_FAULT;
    *reg(c, in, 0) = done;
    return RUN_NEXT;
}

static int op_relax(struct vcpu *c, const struct isa_insn *in)
{
    c->env->relax(c, (enum isa_relax)in->imm);
    return RUN_NEXT;
}

static int raise(struct vcpu *c, const struct isa_insn *in, u32 cause)
{
    vcpu_raise(c, cause, in->raw);
    return RUN_FAULT;
}

static int op_illegal(struct vcpu *c, const struct isa_insn *in)
{
    return raise(c, in, TOY_CAUSE_ILLEGAL);
}

static int op_call(struct vcpu *c, const struct isa_insn *in)
{
    return raise(c, in, TOY_CAUSE_CALL);
}

static int after(struct vcpu *c, const struct isa_insn *in)
{
    toy_state(c)->pc = here(c, in) + in->len;
    return RUN_LOOKUP;
}

static int op_eret(struct vcpu *c, const struct isa_insn *in)
{
    struct toy_state *s = toy_state(c);

    (void)in;
    s->pc = s->sys[TOY_SYS_EPC];
    s->sys[TOY_SYS_IE] = 1;
    return RUN_LOOKUP;
}

static int op_wfi(struct vcpu *c, const struct isa_insn *in)
{
    c->waiting = true;
    return after(c, in);
}

static int op_fencei(struct vcpu *c, const struct isa_insn *in)
{
    c->env->icache_sync(c);
    return after(c, in);
}

static int op_gets(struct vcpu *c, const struct isa_insn *in)
{
    struct toy_state *s = toy_state(c);
    u64 v = s->sys[in->imm & 15];

    c->insn_index = in->index;
    if (in->imm == TOY_SYS_COUNT)
        v = c->env->insn_count(c);
    else if (in->imm == TOY_SYS_TIME)
        v = c->env->clock(c);
    else if (in->imm == TOY_SYS_HART)
        v = c->index;
    *reg(c, in, 0) = v;
    return RUN_NEXT;
}

static void toy_bind(struct vcpu *c)
{
    c->env->mmu_bind(c, IR_MMU_DATA, toy_state(c)->sys[TOY_SYS_PAGING] != 0);
    c->env->mmu_bind(c, IR_MMU_SYSTEM, 0);
}

static int op_sets(struct vcpu *c, const struct isa_insn *in)
{
    struct toy_state *s = toy_state(c);
    u64 v = *reg(c, in, 1);

    c->insn_index = in->index;
    s->sys[in->imm & 15] = v;
    if (in->imm == TOY_SYS_PTBASE)
        c->env->tlb_flush(c, ISA_FLUSH_NON_GLOBAL, 0, 2);
    else if (in->imm == TOY_SYS_PAGING)
        toy_bind(c);
    else if (in->imm == TOY_SYS_FLUSH)
        c->env->tlb_flush(c, v == UINT64_MAX ? ISA_FLUSH_ALL : ISA_FLUSH_PAGE, v, 2);
    else if (in->imm == TOY_SYS_TIMER) {
        s->timer_pending = false;
        c->env->timer_set(c, v);
    }
    return after(c, in);
}

static int op_firmware(struct vcpu *c, const struct isa_insn *in)
{
    c->insn_index = in->index;
    if (!c->env->firmware_call(c))
        return raise(c, in, TOY_CAUSE_ILLEGAL);
    return after(c, in);
}

isa_handler *const toy_handlers[TOY_OP_COUNT] = {
    op_illegal, op_inc,  op_addi, op_lui,    op_add,    op_sub,   op_xor,      op_and, op_mul,
    op_shli,    op_shri, op_ld,   op_sd,     op_lw,     op_sw,    op_lb,       op_sb,  op_bne,
    op_beq,     op_bltu, op_jal,  op_jalr,   op_amoadd, op_cas16, op_ll,       op_sc,  op_relax,
    op_call,    op_eret, op_wfi,  op_fencei, op_gets,   op_sets,  op_firmware,
};

/* --- the isa's table --- */

static enum isa_decode toy_decode(const u8 *b, unsigned avail, u64 key, struct isa_insn *in)
{
    unsigned op;

    (void)key;
    if (avail < 2)
        return ISA_DECODE_MORE;
    op = b[0] < TOY_OP_COUNT ? b[0] : TOY_ILLEGAL;
    in->len = op == TOY_INC ? 2 : 4;
    if (avail < in->len)
        return ISA_DECODE_MORE;
    in->op = (u16)op;
    in->reg[0] = (u16)(8 * (b[1] & 15));
    in->reg[1] = (u16)(8 * (b[1] >> 4));
    in->raw = (u32)(b[0] | b[1] << 8);
    if (in->len == 4) {
        in->imm = (s16)le16_get(b + 2);
        in->reg[2] = (u16)(8 * (b[2] & 15));
        in->raw = le32_get(b);
    }
    if (op == TOY_ILLEGAL || (op >= TOY_BNE && op <= TOY_JALR) ||
        (op >= TOY_CALL && op != TOY_GETS))
        in->flags = ISA_INSN_ENDS;
    if (op >= TOY_BNE && op <= TOY_JAL) { /* in halfwords */
        in->imm *= 2;
        in->flags |= op == TOY_JAL ? ISA_INSN_JUMP : ISA_INSN_BRANCH;
    }
    return ISA_DECODE_OK;
}

static u64 toy_key(const struct vcpu *c)
{
    return toy_state((struct vcpu *)(uintptr_t)c)->sys[TOY_SYS_PAGING];
}

static unsigned toy_fetch_bank(const struct vcpu *c)
{
    return toy_key(c) != 0;
}

static int toy_page_fault(enum isa_access access, gva_t va, struct isa_fault *fault)
{
    *fault = (struct isa_fault){ .cause = TOY_CAUSE_PAGE_READ + access, .value = va };
    return 1;
}

static int toy_translate(struct vcpu *c, gva_t va, unsigned size, enum isa_access access,
                         unsigned bank, struct isa_xlate *out, struct isa_fault *fault)
{
    struct toy_state *s = toy_state(c);
    u64 pte, large = 2 * MIB - 1;

    s->translations++;
    *out = (struct isa_xlate){ .gpa = va, .page_size = 1ull << 30, .perm = 7 };
    if (bank == 0)
        return 0;
    if (va >> 28 || c->env->phys_load(c, s->sys[TOY_SYS_PTBASE] + 8 * (va >> 12), 8, &pte))
        return toy_page_fault(access, va, fault);
    if (!(pte & TOY_PTE_ALL)) { /* perhaps a large one covers it */
        if (c->env->phys_load(c, s->sys[TOY_SYS_PTBASE] + 8 * ((va & ~large) >> 12), 8, &pte) ||
            !(pte & TOY_PTE_LARGE))
            return toy_page_fault(access, va, fault);
    }
    if (!(pte >> access & 1))
        return toy_page_fault(access, va, fault);
    if ((pte & TOY_PTE_NOTLB) && size > TOY_REACH - (va & (TOY_REACH - 1)))
        return toy_page_fault(access, va, fault);
    if (!(pte & TOY_PTE_LARGE))
        large = 4095;
    out->gpa = (pte & ~4095ull & ~large) | (va & large);
    out->page_size = large + 1;
    out->perm = pte & 7;
    out->global = (pte & TOY_PTE_GLOBAL) != 0;
    out->no_tlb = (pte & TOY_PTE_NOTLB) != 0;
    return 0;
}

static void toy_memory_fault(struct vcpu *c, enum isa_mem_fault kind, gva_t va,
                             enum isa_access access, struct isa_fault *fault)
{
    (void)c;
    (void)access;
    *fault = (struct isa_fault){
        .cause = kind == ISA_FAULT_BUS ? TOY_CAUSE_BUS : TOY_CAUSE_ALIGN,
        .value = va,
    };
}

static void toy_trap(struct vcpu *c, u64 cause, u64 value)
{
    struct toy_state *s = toy_state(c);

    s->sys[TOY_SYS_EPC] = s->pc;
    s->sys[TOY_SYS_CAUSE] = cause;
    s->sys[TOY_SYS_TVAL] = value;
    s->sys[TOY_SYS_IE] = 0;
    s->pc = s->sys[TOY_SYS_TVEC];
    s->traps++;
}

static void toy_take_exception(struct vcpu *c)
{
    c->fault.pending = false;
    toy_trap(c, c->fault.cause, c->fault.value);
}

static u64 toy_pending(struct vcpu *c)
{
    return __atomic_load_n(&c->irq_lines, __ATOMIC_SEQ_CST) | (u64)toy_state(c)->timer_pending
                                                                  << TOY_IRQ_TIMER;
}

static bool toy_take_interrupt(struct vcpu *c)
{
    u64 pending = toy_pending(c);

    if (!pending || !toy_state(c)->sys[TOY_SYS_IE])
        return false;
    toy_trap(c, TOY_CAUSE_IRQ + (unsigned)__builtin_ctzll(pending), 0);
    return true;
}

static bool toy_wakes(struct vcpu *c)
{
    return toy_pending(c) != 0;
}

static void toy_timer_expired(struct vcpu *c)
{
    toy_state(c)->timer_pending = true;
}

static void toy_isa_reset(struct vcpu *c, gva_t entry, const u64 *args, unsigned arg_count)
{
    struct toy_state *s = toy_state(c);

    memset(s, 0, sizeof *s);
    s->pc = entry;
    for (unsigned i = 0; i < arg_count; i++)
        s->r[1 + i] = args[i];
    toy_bind(c);
}

const struct isa toy_isa = {
    .name = "toy",
    .state_size = sizeof(struct toy_state),
    .pc_offset = offsetof(struct toy_state, pc),
    .mmu_banks = 2,
    .insn_align = 2,
    .op_count = TOY_OP_COUNT,
    .decode = toy_decode,
    .block_key = toy_key,
    .fetch_bank = toy_fetch_bank,
    .translate = toy_translate,
    .memory_fault = toy_memory_fault,
    .take_exception = toy_take_exception,
    .take_interrupt = toy_take_interrupt,
    .wakes = toy_wakes,
    .timer_expired = toy_timer_expired,
    .reset = toy_isa_reset,
};

/* --- the assembler --- */

void toy_put(struct toy_asm *a, enum toy_op op, unsigned rd, unsigned rs1, int imm)
{
    *a->at++ = (u8)op;
    *a->at++ = (u8)(rd | rs1 << 4);
    if (op == TOY_INC)
        return;
    le16_put(a->at, (u16)imm);
    a->at += 2;
}

void toy_li(struct toy_asm *a, unsigned rd, u64 v)
{
    toy_put(a, TOY_LUI, rd, 0, (s16)(v >> 48));
    for (int i = 2; i >= 0; i--) {
        u16 part = (u16)(v >> 16 * i);

        if (i < 2)
            toy_put(a, TOY_SHLI, rd, rd, 16);
        /* signed immediates: two halves of 15 bits and a bit */
        toy_put(a, TOY_ADDI, rd, rd, part >> 1);
        toy_put(a, TOY_ADDI, rd, rd, part - (part >> 1) > 0x7fff ? 0x7fff : part - (part >> 1));
        if (part - (part >> 1) > 0x7fff)
            toy_put(a, TOY_ADDI, rd, rd, 1);
    }
}

void toy_branch_fix(u8 *from, const u8 *to)
{
    le16_put(from + 2, (u16)((to - from) / 2));
}

void toy_branch(struct toy_asm *a, enum toy_op op, unsigned rd, unsigned rs1, const u8 *to)
{
    toy_put(a, op, rd, rs1, (int)((to - a->at) / 2));
}

void toy_stop(struct toy_asm *a)
{
    toy_li(a, 14, TOY_DEV);
    toy_put(a, TOY_ST, 14, 14, TOY_DEV_STOP);
    toy_put(a, TOY_WFI, 0, 0, 0);
    toy_branch(a, TOY_JAL, 14, 0, a->at - 4);
}

/* --- the machine --- */

static u64 dev_read(void *dev, u64 off, unsigned size, unsigned cpu)
{
    struct toy_machine *m = dev;

    (void)size;
    if (off == TOY_DEV_COUNT)
        return toy_isa.name ? engine_cpu(m->engine, 0)->env->insn_count(engine_cpu(m->engine, 0))
                            : 0;
    if (off == TOY_DEV_WHO)
        return cpu;
    if (off == TOY_DEV_CLOCK)
        return engine_clock(m->engine);
    return 0x1122334455667700ull + off;
}

static void dev_called(struct vcpu *c, void *arg)
{
    struct toy_machine *m = arg;

    (void)c;
    __atomic_fetch_add(&m->called, 1, __ATOMIC_SEQ_CST);
}

static void dev_write(void *dev, u64 off, u64 v, unsigned size, unsigned cpu)
{
    struct toy_machine *m = dev;

    (void)size;
    if (off == TOY_DEV_OUT)
        m->out[__atomic_fetch_add(&m->out_count, 1, __ATOMIC_SEQ_CST) % ARRAY_SIZE(m->out)] = v;
    else if (off == TOY_DEV_STOP)
        engine_pause_request(m->engine);
    else if (off == TOY_DEV_IRQ)
        engine_irq_set(m->engine, v & 0xff, v >> 8 & 0xff, v >> 16 & 1);
    else if (off == TOY_DEV_WHO)
        m->who[v % ARRAY_SIZE(m->who)] = cpu;
    else if (off == TOY_DEV_CALL)
        engine_cpu_call(m->engine, &v, dev_called, m);
    else if (off == TOY_DEV_WAIT)
        while (!__atomic_load_n(toy_word(m, v), __ATOMIC_SEQ_CST))
            ;
}

static const struct mem_io_ops dev_ops = { dev_read, dev_write, MEM_IO_ALL };

static ns_t machine_clock(void *arg)
{
    const struct toy_machine *m = arg;

    return host_clock_monotonic() - m->start;
}

static void machine_paused(void *arg)
{
    struct toy_machine *m = arg;

    host_mutex_lock(&m->lock);
    m->paused++;
    host_cond_broadcast(&m->cond);
    host_mutex_unlock(&m->lock);
}

static bool machine_firmware(void *arg, struct vcpu *c)
{
    (void)arg;
    toy_state(c)->r[2] += 1000;
    return true;
}

static void must(int rc, const struct err *err)
{
    if (rc == 0)
        return;
    printf("Bail out! %s\n", err->text);
    exit(1);
}

struct toy_machine *toy_machine_new(struct engine_config cfg)
{
    struct toy_machine *m = calloc(1, sizeof *m);
    struct engine_host host = { .arg = m,
                                .clock = machine_clock,
                                .paused = machine_paused,
                                .firmware_call = machine_firmware };
    const char *tier = getenv("TOY_TIER");
    struct err err = { 0 };

    if (tier)
        cfg.tier = strcmp(tier, "base") == 0 ? ENGINE_BASE : ENGINE_AUTO;
    if (tier && strcmp(tier, "background") == 0 && !cfg.host_cpus)
        cfg.host_cpus = 2 * cfg.cpus; /* one is always free */
    m->start = host_clock_monotonic();
    host_mutex_init(&m->lock);
    host_cond_init(&m->cond);
    m->map = mem_map_new("toy");
    must(mem_ram_new("ram", TOY_RAM_SIZE, &m->ram, &err), &err);
    must(mem_map_add_ram(m->map, 0, m->ram, 0, TOY_RAM_SIZE, false, &err), &err);
    must(mem_map_add_io(m->map, TOY_DEV, 0x100, "dev", &dev_ops, m, &err), &err);
    cfg.isa = &toy_isa;
    cfg.handlers = toy_handlers;
    cfg.map = m->map;
    must(engine_new(&cfg, &host, &m->engine, &err), &err);
    for (unsigned i = 0; i < cfg.cpus; i++) {
        toy_reset(m, i, 0);
        engine_cpu(m->engine, i)->stopped = i > 0;
    }
    must(engine_start(m->engine, &err), &err);
    return m;
}

struct toy_machine *toy_machine_free(struct toy_machine *m)
{
    if (!m)
        return NULL;
    engine_free(m->engine);
    mem_map_free(m->map);
    mem_ram_free(m->ram);
    host_cond_fini(&m->cond);
    host_mutex_fini(&m->lock);
    free(m);
    return NULL;
}

struct toy_asm toy_code(struct toy_machine *m, u64 at)
{
    return (struct toy_asm){ m->ram->host + at, m->ram->host };
}

void toy_reset(struct toy_machine *m, unsigned cpu, u64 pc)
{
    const u64 args[1] = { cpu };

    toy_isa.reset(engine_cpu(m->engine, cpu), pc, args, 1);
    engine_cpu(m->engine, cpu)->stopped = false;
    engine_cpu(m->engine, cpu)->waiting = false;
}

void toy_run(struct toy_machine *m)
{
    unsigned before = m->paused;

    engine_resume(m->engine);
    host_mutex_lock(&m->lock);
    while (m->paused == before)
        host_cond_wait(&m->cond, &m->lock);
    host_mutex_unlock(&m->lock);
    engine_pause_wait(m->engine);
}

u64 *toy_word(struct toy_machine *m, u64 at)
{
    return (u64 *)(void *)(m->ram->host + at);
}
