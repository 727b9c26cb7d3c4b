/*
 * host_lower_mem.c - loads, stores and fences.
 */
#include "engine/base/host_lower_ops.h"

#include <string.h>

/* --- memory --- */

struct lo_where lo_where_of(struct low *l, const struct ir_op *op)
{
    struct lo_where w = { .offset = 0 };
    u32 base = op->a;

    if (!lo_is_plain_access(op) || !lo_is_address(l, op->a, &base, &w.offset))
        base = op->a;
    w.base = vals_use(&l->a, base);
    return w;
}

/* Like lo_tlb_probe(); bank: a register with the TLB's. */
static u8 *probe(struct low *l, enum x86_reg bank, enum x86_reg base, s32 from, s32 to,
                 enum isa_access access, enum x86_reg page, u32 low_mask)
{
    s32 table = (s32)(access * sizeof(struct tlb_entry) * TLB_ENTRIES);
    u8 *miss;

    if (from)
        x86_lea(l->o, 8, RDX, x86_at(base, from));
    else
        x86_mov_rr(l->o, 4, RDX, base);
    x86_lea(l->o, 8, RCX, x86_at(base, to - 1)); /* the last byte's page is compared */
    x86_shift_ri(l->o, SH_SHR, 4, RDX, TLB_PAGE_SHIFT - TLB_ENTRY_SHIFT);
    x86_alu_ri(l->o, ALU_AND, 4, RDX, (TLB_ENTRIES - 1) << TLB_ENTRY_SHIFT);
    x86_alu_ri(l->o, ALU_AND, 8, RCX, -(1 << TLB_PAGE_SHIFT) | (s32)low_mask);
    x86_alu_rm(l->o, ALU_CMP, 8, RCX, x86_at_index(bank, RDX, table));
    miss = x86_jcc(l->o, CC_NE);
    x86_load_zx(l->o, 8, page, x86_at_index(bank, RDX, table + 8));
    return miss;
}

u8 *lo_tlb_probe(struct low *l, enum x86_reg base, s32 from, s32 to, enum isa_access access,
                 enum x86_reg page, u32 low_mask)
{
    return probe(l, REG_TLB, base, from, to, access, page, low_mask);
}

/* The bytes that are checked at once: [base + from, base + to). */
struct span {
    enum x86_reg base;
    s32 from, to;
    enum isa_access access;
};

static struct span span_of(struct low *l, const struct ir_op *op, const struct lo_where *w)
{
    const struct lower_access *access = l->job->room->access;
    const struct lower_access *a = &access[op - l->job->ir->ops];
    s32 root = w->offset - access[op->a].offset; /* from w->base */

    return (struct span){ w->base, root + a->low, root + a->high,
                          op->op == IR_LD ? ISA_READ : ISA_WRITE };
}

/* In the cold part: rdx = host minus guest address of the span's page, or 0. */
static void ask_page(struct low *l, const struct span *s)
{
    struct x86_out *cold = &l->cold;

    x86_lea(cold, 8, RCX, x86_at(s->base, s->from));
    x86_mov_ri(cold, RDX, (u32)(s->to - s->from));
    x86_mov_ri(cold, RAX, s->access);
    lo_fix(l, x86_call(cold), FIX_ABSOLUTE, (uintptr_t)l->job->thunks->page[vals_any_xmm(&l->a)]);
}

/* The first of several accesses: one check for the bytes of all. The cold part asks for the page
 * and comes back when there is one; else it goes on with the slow path. */
static void check_group(struct low *l, const struct span *s, enum x86_reg held)
{
    lo_fix_cold(l, lo_tlb_probe(l, s->base, s->from, s->to, s->access, held, 0));
    ask_page(l, s);
    x86_mov_rr(&l->cold, 8, held, RDX);
    x86_test_rr(&l->cold, 8, held, held);
    lo_fix(l, x86_jcc(&l->cold, CC_NE), FIX_HOT, (u64)(l->hot.at - l->hot_start));
}

/* --- addresses that grow: host_plan_stream.c --- */

#define BOUND(n) LO_CPU(tier_stream[n].bound)
#define PAGE(n)  LO_CPU(tier_stream[n].page)

/* In the cold part: looks the page up and notes it and what `base` has to be below; not where
 * bytes, bound or the next addresses wrap at the end of the address space. Returns the jump when it
 * is not found. */
static u8 *stream_renew(struct low *l, unsigned n, const struct span *s)
{
    struct x86_out *cold = &l->cold;
    u8 *miss, *wraps, *near_end;

    l->o = cold;
    miss = lo_tlb_probe(l, s->base, s->from, s->to, s->access, RDX, 0);
    l->o = &l->hot;
    x86_mov_mr(cold, 8, PAGE(n), RDX);
    x86_lea(cold, 8, RCX, x86_at(s->base, s->from));
    x86_alu_ri(cold, ALU_AND, 8, RCX, -(1 << TLB_PAGE_SHIFT));
    x86_lea(cold, 8, RCX, x86_at(RCX, (1 << TLB_PAGE_SHIFT) + 1 - s->to));
    x86_alu_rr(cold, ALU_CMP, 8, s->base, RCX);
    wraps = x86_jcc(cold, CC_AE);
    x86_alu_ri(cold, ALU_CMP, 8, RCX, -(1 << TLB_PAGE_SHIFT)); /* more than a stride */
    near_end = x86_jcc(cold, CC_AE);
    x86_mov_mr(cold, 8, BOUND(n), RCX);
    x86_point(wraps, cold->at);
    x86_point(near_end, cold->at);
    lo_jmp_hot(l);
    return miss;
}

/* `page` becomes host minus guest address. In the cold part the slow path comes next. */
static void check_stream(struct low *l, unsigned n, const struct span *s, enum x86_reg page)
{
    u8 *miss;

    x86_alu_rm(l->o, ALU_CMP, 8, s->base, BOUND(n));
    lo_fix_cold(l, x86_jcc(l->o, CC_AE));
    miss = stream_renew(l, n, s);
    x86_point(miss, l->cold.at);
    if (page != RDX) { /* others rest on it */
        ask_page(l, s);
        x86_mov_mr(&l->cold, 8, PAGE(n), RDX);
        x86_mov_rr(&l->cold, 8, page, RDX);
        x86_test_rr(&l->cold, 8, page, page);
        lo_fix(l, x86_jcc(&l->cold, CC_NE), FIX_HOT, (u64)(l->hot.at - l->hot_start));
    }
    x86_load_zx(l->o, 8, page, PAGE(n));
}

void lo_check_access(struct low *l, const struct ir_op *op, const struct lo_where *w, unsigned size,
                     struct x86_mem *at)
{
    u32 id = (u32)(op - l->job->ir->ops);
    const struct lower_access *a = &l->job->room->access[id];
    enum isa_access access = op->op == IR_LD ? ISA_READ : ISA_WRITE;
    enum x86_reg held = access == ISA_READ ? REG_LOADS : REG_STORES;
    u32 *checked = &l->checked[access == ISA_WRITE];
    bool natural = op->mem.align != IR_ALIGN_ANY; /* else the slow path, which knows more */
    bool grows = a->stream && a->stream <= l->streams;
    struct span span = span_of(l, op, w);

    *at = x86_at_index(w->base, held, w->offset);
    if (a->kind == ACCESS_NEXT && *checked == a->first) {
        x86_test_rr(l->o, 8, held, held);
        lo_fix_cold(l, x86_jcc(l->o, CC_E));
    } else if (a->kind == ACCESS_FIRST) {
        *checked = id;
        if (grows)
            check_stream(l, a->stream - 1u, &span, held);
        else
            check_group(l, &span, held);
    } else if (grows) {
        *at = x86_at_index(w->base, RDX, w->offset);
        check_stream(l, a->stream - 1u, &span, RDX);
    } else {
        *at = x86_at_index(w->base, RDX, w->offset);
        if (op->mem.mmu != IR_MMU_DATA)
            x86_load_zx(l->o, 8, RAX, LO_CPU(bind[op->mem.mmu]));
        lo_fix_cold(l, probe(l, op->mem.mmu == IR_MMU_DATA ? REG_TLB : RAX, w->base, w->offset,
                             w->offset + (natural ? 1 : (s32)size), access, RDX,
                             natural ? size - 1 : 0));
    }
}

/* rcx: address, rdx: lo_site(), eax: how. */
void lo_slow_access(struct low *l, const struct ir_op *op, enum x86_reg base, s32 offset,
                    struct ir_mem how, const u8 *thunk)
{
    u32 word;

    memcpy(&word, &how, sizeof word);
    lo_write_late(l);
    x86_lea(&l->cold, 8, RCX, x86_at(base, offset));
    x86_mov_ri(&l->cold, RDX, lo_site(l, op->insn));
    if (word)
        x86_mov_ri(&l->cold, RAX, word);
    else
        x86_alu_rr(&l->cold, ALU_XOR, 4, RAX, RAX);
    lo_fix(l, x86_call(&l->cold), FIX_ABSOLUTE, (uintptr_t)thunk);
}

static void slow_path(struct low *l, const struct ir_op *op, const struct lo_where *w,
                      const u8 *thunk)
{
    lo_slow_access(l, op, w->base, w->offset, op->mem, thunk);
}

static unsigned log2_size(unsigned size)
{
    return (unsigned)__builtin_ctz(size);
}

/* The thunks of one kind: with xmm registers to keep, or without. */
static const u8 *const *keeping(struct low *l, const u8 *const thunks[2][4])
{
    return thunks[vals_any_xmm(&l->a)];
}

static void load_fp(struct low *l, const struct ir_op *op, u32 id)
{
    unsigned size = ir_type_size(op->type);
    struct lo_where w = lo_where_of(l, op);
    enum x86_xmm d = vals_def_x(&l->a, id);
    struct x86_mem at;

    lo_check_access(l, op, &w, size, &at);
    x86_fp_load(l->o, size, d, at);
    slow_path(l, op, &w, l->job->thunks->load[1][log2_size(size)]);
    x86_fp_from_reg(&l->cold, size, d, RDX);
    lo_jmp_hot(l);
}

/* The sign extension to 64 bits that is the load's one use, which it does itself; or IR_NO_VAL. */
static u32 extension_of(struct low *l, u32 id)
{
    const struct ir_op *ops = l->job->ir->ops;
    u32 user = l->a.v[id].last_use;

    if (l->a.v[id].uses != 1 || ops[user].op != IR_SEXT || ops[user].type != IR_I64 ||
        ops[user].insn != ops[id].insn || !lower_may(l->job, ENGINE_OPT_SIGNED_LOADS))
        return IR_NO_VAL;
    return user;
}

static void load_int(struct low *l, const struct ir_op *op, u32 id)
{
    unsigned size = ir_type_size(op->type);
    struct lo_where w = lo_where_of(l, op);
    u32 extended = extension_of(l, id);
    bool is_signed = extended != IR_NO_VAL;
    /* before the probe: it may have to spill */
    enum x86_reg d = vals_def(&l->a, is_signed ? extended : id);
    struct x86_mem at;

    lo_check_access(l, op, &w, size, &at);
    (is_signed ? x86_load_sx : x86_load_zx)(l->o, size, d, at);
    slow_path(l, op, &w, keeping(l, l->job->thunks->load)[log2_size(size)]);
    if (is_signed)
        x86_mov_sx(&l->cold, size, d, RDX);
    else
        x86_mov_rr(&l->cold, 8, d, RDX);
    lo_jmp_hot(l);
}

/* A store each that the host hides, for two thirds of the code's size. */
void lo_write_early(struct low *l)
{
    if (!l->late)
        vals_flush(&l->a);
}

void low_ld(struct low *l, const struct ir_op *op, u32 id)
{
    lo_write_early(l);
    if (l->a.v[id].fp && ir_type_size(op->type) >= 4)
        load_fp(l, op, id);
    else
        load_int(l, op, id);
}

/* Of no order: instructions that have one store integers. */
static void store_fp(struct low *l, const struct ir_op *op)
{
    unsigned size = ir_type_size(op->type);
    struct lo_where w = lo_where_of(l, op);
    enum x86_xmm v = vals_use_x(&l->a, op->b);
    struct x86_mem at;

    lo_check_access(l, op, &w, size, &at);
    x86_fp_store(l->o, size, at, v);
    x86_fp_store(&l->cold, 8, LO_CPU(tier_value), v);
    slow_path(l, op, &w, l->job->thunks->store[1][log2_size(size)]);
    lo_jmp_hot(l);
}

static void store_int(struct low *l, const struct ir_op *op)
{
    unsigned size = ir_type_size(op->type);
    struct lo_where w = lo_where_of(l, op);
    enum x86_reg v = vals_use(&l->a, op->b);
    struct x86_mem at;

    lo_check_access(l, op, &w, size, &at);
    x86_mov_mr(l->o, size, at, v);
    if (op->mem.order == IR_SEQ_CST) /* before loads that are: x86 keeps the other orders */
        x86_mfence(l->o);
    x86_mov_mr(&l->cold, 8, LO_CPU(tier_value), v);
    slow_path(l, op, &w, keeping(l, l->job->thunks->store)[log2_size(size)]);
    lo_jmp_hot(l);
}

void low_st(struct low *l, const struct ir_op *op, u32 id)
{
    lo_write_early(l);
    if (vals_in_xmm(&l->a, op->b) && op->mem.order != IR_SEQ_CST)
        store_fp(l, op);
    else
        store_int(l, op);
}

/* Of one byte: nothing is left to do where the table has it. */
void low_probe(struct low *l, const struct ir_op *op, u32 id)
{
    enum x86_reg base = vals_use(&l->a, op->a);
    struct ir_mem how = op->mem;

    lo_write_early(l);
    lo_fix_cold(l, lo_tlb_probe(l, base, 0, 1, (enum isa_access)how.access, RDX, 0));
    how.access = (u8)(ATOMIC_PROBE | how.access << ATOMIC_SIZE);
    lo_slow_access(l, op, base, 0, how, l->job->thunks->atomic[vals_any_xmm(&l->a)]);
    lo_jmp_hot(l);
}

void low_fence(struct low *l, const struct ir_op *op, u32 id)
{
    if (op->imm & IR_FENCE_SL) /* the one order that x86 does not keep by itself */
        x86_mfence(l->o);
}
