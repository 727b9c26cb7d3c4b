/*
 * interp.c - the block runner: the loop that the interpreter lives in.
 *
 * One indirect call an instruction; a mark behind the last one ends the inner loop, so
 * that it counts nothing. Between blocks: the jump cache.
 */
#include "engine/interp/interp.h"

enum { RUN_END = 64 }; /* the mark was reached */

/* The guest's state is at a fixed offset, pc where the isa says. */
static u64 *pc_slot(struct vcpu *v)
{
    return (u64 *)(void *)((char *)vcpu_state(v) + v->isa->pc_offset);
}

int interp_block_end(struct vcpu *v, const struct isa_insn *in)
{
    *pc_slot(v) = ecpu_of(v)->block_pc + in->offset;
    return RUN_END;
}

/* Other threads may read it, for statistics. */
static void spend(struct ecpu *c, s64 retired)
{
    __atomic_store_n(&c->budget, c->budget - retired, __ATOMIC_RELAXED);
}

/* Counts an execution. True when the tier above should have the block. */
static bool tier_wants(struct eblock *b, u32 threshold)
{
    u32 runs = __atomic_load_n(&b->runs, __ATOMIC_RELAXED);

    if (runs < threshold) {
        __atomic_store_n(&b->runs, runs + 1, __ATOMIC_RELAXED);
        return eblock_host_entry(b) != NULL;
    }
    return runs != EBLOCK_DECLINED && (eblock_host_entry(b) || !eblock_queued(b));
}

/* The first `n` instructions of b, n < insn_count. */
static int run_some(struct ecpu *c, const struct eblock *b, const struct einsn *insn, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        int r = insn[i].run(&c->v, &insn[i].in);

        if (r == RUN_NEXT)
            continue;
        if (r == RUN_FAULT) {
            c->v.insn_index = i;
            spend(c, i);
        } else {
            spend(c, i + 1);
        }
        return r;
    }
    spend(c, n);
    *pc_slot(&c->v) = c->block_pc + b->offset[n];
    return RUN_JUMP;
}

int interp_run(struct ecpu *c, struct eblock *b, u32 threshold)
{
    struct vcpu *v = &c->v;
    u64 *pc = pc_slot(v);
    struct jump_cache *jumps = c->jumps;
    unsigned shift = c->jump_shift;

    for (;;) {
        const struct einsn *first = eblock_decoded(b), *p = first;
        unsigned at;
        s64 retired;
        int r;

        if (unlikely(!p)) /* host code was made meanwhile */
            return RUN_JUMP;
        c->block = b;
        c->block_pc = *pc;
        if (unlikely(c->budget < b->insn_count))
            return run_some(c, b, p, c->budget > 0 ? (unsigned)c->budget : 0);
        do {
            r = p->run(v, &p->in);
            p++;
        } while (r == RUN_NEXT);
        retired = p - first;
        if (r == RUN_END) {
            retired--;
        } else if (unlikely(r != RUN_JUMP)) {
            if (r == RUN_FAULT)
                v->insn_index = (u32)--retired;
            spend(c, retired);
            return r;
        }
        spend(c, retired);
        at = jump_index(*pc, shift);
        b = jumps->block[at];
        if (unlikely(__atomic_load_n(&v->exit_request, __ATOMIC_RELAXED)) ||
            jumps->entry[at].pc != *pc || !b || eblock_dead(b))
            return RUN_JUMP;
        if (threshold != UINT32_MAX && tier_wants(b, threshold))
            return RUN_JUMP;
    }
}
