/*
 * host_values_private.h - what host_values.c and host_values_state.c share.
 */
#ifndef ENGINE_BASE_HOST_VALUES_PRIVATE_H
#define ENGINE_BASE_HOST_VALUES_PRIVATE_H

#include "engine/base/host_values.h"

static inline struct x86_mem vals_slot_mem(const struct vals *a, const struct slot *s)
{
    return cpu_at(a->state_off + s->offset);
}

static inline struct x86_mem vals_spill_mem(const struct vals *a, const struct val *v)
{
    return cpu_at(a->spill_off + 8 * v->spill);
}

static inline bool vals_in_register(const struct val *v)
{
    return v->at[VALS_GPR] != X86_NO_REG || v->at[VALS_XMM] != X86_NO_REG;
}

/* Bytes that the value takes in a spill cell, and is loaded back by. */
static inline unsigned vals_cell_size(const struct val *v)
{
    return v->type == IR_I64 ? 8 : 4;
}

/* The value from its clean copy in guest state to a register. */
void vals_load_slot(struct vals *a, struct x86_out *out, enum x86_reg r, const struct val *v);

/* Makes one slot clean that holds `id` and all of it, if there is one. */
void vals_find_home(struct vals *a, u32 id);
/* No operation needs the value any more, and every slot that was set to it is clean. */
void vals_forget_value(struct vals *a, u32 id);

#endif
