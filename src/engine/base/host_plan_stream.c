/*
 * host_plan_stream.c - accesses whose address only grows from round to round of a loop.
 *
 * The address is a constant away from a word of guest state that the block sets to itself plus
 * a constant, or leaves alone. Once such an address was found to lie in a page, it does as long as
 * it is below the page's end. So a round compares it with one bound, and host minus guest address
 * is at a fixed place: two instructions in place of eight, none of which waits for the address.
 *
 * The bound is 0 whenever the loop is entered, and what it says holds as long as the loop is not
 * left: translations of this CPU change at a block's end only, and rounds look at requests.
 */
#include "engine/base/host_lower_ops.h"

enum { STREAM_STRIDE = 1024 /* greater ones change pages too often */ };

/* Is the value read at operation `get` what the state has at the block's start? */
static bool is_first_look(const struct ir_op *ops, u32 get)
{
    u64 from = ops[get].imm, to = from + ir_type_size(ops[get].type);

    for (u32 i = 0; i < get; i++) {
        if (ops[i].op == IR_SETX || ops[i].op == IR_CALL)
            return false;
        if (ops[i].op == IR_SET && ops[i].imm < to && from < ops[i].imm + ir_type_size(ops[i].type))
            return false;
    }
    return true;
}

/* slots: the i64 values in guest state at the block's end, by offset / 8. */
static bool is_stream(const struct low *l, const struct lower_access *access, u32 id,
                      const u32 *slots)
{
    const struct ir_op *ops = l->job->ir->ops;
    u32 root = access[ops[id].a].root, last;

    if (ops[root].op != IR_GET || ops[root].type != IR_I64 || access[root].root != root)
        return false;
    last = slots[ops[root].imm / 8];
    return last != IR_NO_VAL && access[last].root == root && access[last].offset >= 0 &&
           access[last].offset <= STREAM_STRIDE && is_first_look(ops, root);
}

void lo_stream_plan(struct low *l, const u32 *slots, unsigned slot_count)
{
    const struct ir_block *ir = l->job->ir;
    struct lower_access *access = l->job->room->access;

    for (u32 i = 0; i < ir->op_count && l->streams < TIER_STREAMS; i++) {
        u32 root;

        if (!lo_is_plain_access(&ir->ops[i]) || access[i].kind == ACCESS_NEXT)
            continue;
        root = access[ir->ops[i].a].root;
        if (ir->ops[root].imm % 8 == 0 && ir->ops[root].imm / 8 < slot_count &&
            is_stream(l, access, i, slots))
            access[i].stream = (u8)++l->streams;
    }
}
