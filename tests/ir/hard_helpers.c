/*
 * hard_helpers.c - rows of the helpers that hard instructions call; semgen links it, too.
 */
#include "hard_sem.h"

u64 hard_far_return(struct vcpu *c, u64 rip, u64 cs, u64 unused);
u64 hard_vle64ff(struct vcpu *c, u64 base, u64 vd, u64 unused);

IR_HELPER(hard_helper_far_return, hard_far_return,
          IRH_RAISES | IRH_READS | IRH_WRITES | IRH_SETS_PC);
IR_HELPER(hard_helper_vle64ff, hard_vle64ff, IRH_RAISES | IRH_READS | IRH_WRITES | IRH_MEM);
