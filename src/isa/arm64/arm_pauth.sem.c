/*
 * arm_pauth.sem.c - pointer authentication: codes in pointers, put there and checked (D8.10).
 */
#include "isa/arm64/sem.h"

static ir_val key_of(struct ir_builder *s, int key, bool combined)
{
    return ir_const(s, IR_I64, (u64)(key | (combined ? ARM_KEY_COMBINED : 0)));
}

/* Authenticated in an instruction that goes on with it. */
static ir_val checked(struct ir_builder *s, ir_val pointer, ir_val modifier, int key)
{
    ir_val how = key_of(s, key, true);

    return ir_call(s, &arm_helper_pauth_check, pointer, modifier, how);
}

ARM_SEM(pac)
{
    ir_val pointer = ir_get(s, IR_I64, a->old);
    ir_val modifier = ir_get(s, IR_I64, a->rn);
    ir_val how = key_of(s, a->key, false);
    ir_val v = ir_call(s, a->auth ? &arm_helper_pauth_check : &arm_helper_pauth_sign, pointer,
                       modifier, how);

    ir_set(s, a->rd, v);
}

ARM_SEM(xpac)
{
    ir_val pointer = ir_get(s, IR_I64, a->old);
    ir_val data = ir_const(s, IR_I64, (u64)a->data);
    ir_val v = ir_call(s, &arm_helper_pauth_strip, pointer, data, IR_NOVAL);

    ir_set(s, a->rd, v);
}

ARM_SEM(pacga)
{
    ir_val x = ir_get(s, IR_I64, a->rn);
    ir_val y = ir_get(s, IR_I64, a->rm);
    ir_val v = ir_call(s, &arm_helper_pauth_generic, x, y, IR_NOVAL);

    ir_set(s, a->rd, v);
}

ARM_SEM(bra)
{
    ir_val pointer = ir_get(s, IR_I64, a->rn);
    ir_val modifier = ir_get(s, IR_I64, a->rm);
    ir_val to = checked(s, pointer, modifier, a->key);

    if (a->guard)
        arm_look_at_target(s, to, a->raw);
    if (a->kind == IR_JUMP_CALL) {
        ir_val next = ir_next_pc(s);

        ir_set(s, ARM_SLOT(x[30]), next);
    }
    ir_jump(s, to, (enum ir_jump)a->kind);
}

ARM_SEM(ereta)
{
    ir_val how = key_of(s, a->key, true);

    ir_call(s, &arm_helper_eret_checked, how, IR_NOVAL, IR_NOVAL);
}

ARM_SEM(ldra)
{
    struct ir_mem plain = { .mmu = IR_MMU_DATA, .align = IR_ALIGN_ANY };
    ir_val base = arm_base(s, a->rn, a->sp);
    ir_val zero = ir_const(s, IR_I64, 0);
    ir_val pointer = checked(s, base, zero, a->key);
    ir_val offset = ir_imm(s, IR_I64, a->imm);
    ir_val at = ir_add(s, pointer, offset);
    ir_val v = ir_load(s, IR_I64, at, plain);

    arm_set(s, a->rt, v);
    if (a->pre)
        ir_set(s, a->rn, at);
}
