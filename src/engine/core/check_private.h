/*
 * check_private.h - what check.c (running and comparing) and check_log.c (the list of
 * memory accesses) share.
 */
#ifndef ENGINE_CORE_CHECK_PRIVATE_H
#define ENGINE_CORE_CHECK_PRIVATE_H

#include "engine/core/check.h"
#include "ir/build.h"
#include "ir/eval.h"

enum access_kind {
    ACCESS_LOAD,
    ACCESS_STORE,
    ACCESS_PROBE,
    ACCESS_RMW,
    ACCESS_CAS,
    ACCESS_LL,
    ACCESS_SC,
    ACCESS_CLREX
};

/* One access and what came of it. */
struct access {
    u8 kind;
    bool done; /* SC */
    bool failed;
    unsigned size;
    gva_t va;
    u64 len;            /* PROBE */
    u128 value;         /* STORE, SC: stored; RMW, CAS: stored if expected is there */
    u128 operand;       /* RMW */
    u128 expected, old; /* CAS; RMW: expected is old */
    u8 rmw;
    struct isa_fault fault; /* when it failed */
};

enum check_mode { CHECK_OFF, CHECK_KEEP, CHECK_REPEAT };

struct check {
    enum check_mode mode;
    struct access *log; /* owns */
    unsigned count, room, next;
    char why[160]; /* first difference of an access; empty: none */

    const struct isa *isa;       /* borrows (static) */
    struct ir_builder *builder;  /* owns */
    struct ir_block ir;          /* owns */
    void *before, *after;        /* owns: guest state, isa.state_size bytes */
    struct jump_cache *no_jumps; /* owns: an empty jump cache */
    u64 blocks;
};

/* The evaluator's way to memory while accesses are repeated. arg: struct cpu. */
extern const struct ir_eval_mem check_eval_mem;

#endif
