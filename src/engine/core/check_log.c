/*
 * check_log.c - keeps the memory accesses of a block, and repeats them.
 */
#include "engine/core/check_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kinds[] = { "load",
                                     "store",
                                     "probe",
                                     "read-modify-write",
                                     "compare-and-swap",
                                     "load-reserved",
                                     "store-conditional",
                                     "reservation drop" };

static u128 value_of(const void *v, unsigned size)
{
    u128 x = 0;

    memcpy(&x, v, size);
    return x;
}

/* --- keeping --- */

static int keep(struct cpu *c, struct access a, int r)
{
    struct check *k = c->check;

    a.failed = r != 0;
    if (r)
        a.fault = c->e.v.fault;
    if (k->mode != CHECK_KEEP)
        return r;
    if (k->count == k->room) {
        struct access *log = realloc(k->log, (k->room * 2 + 16) * sizeof *log);

        if (!log) {
            snprintf(k->why, sizeof k->why, "no memory for the list of accesses");
            return r;
        }
        k->log = log;
        k->room = k->room * 2 + 16;
    }
    k->log[k->count++] = a;
    return r;
}

/* --- repeating --- */

static void differs(struct check *k, const struct access *want, const struct access *got)
{
    if (k->why[0])
        return;
    if (!want)
        snprintf(k->why, sizeof k->why, "a %s of %u bytes at %#" PRIx64 " too many",
                 kinds[got->kind], got->size, got->va);
    else
        snprintf(k->why, sizeof k->why,
                 "a %s of %u bytes of %#" PRIx64 " at %#" PRIx64 ", expected a %s of %u bytes "
                 "of %#" PRIx64 " at %#" PRIx64,
                 kinds[got->kind], got->size, (u64)got->value, got->va, kinds[want->kind],
                 want->size, (u64)want->value, want->va);
}

/* The next access of the list if it is like *got; else NULL, with a fault pending so that
 * the block is left. */
static const struct access *repeat(struct cpu *c, const struct access *got)
{
    struct check *k = c->check;
    const struct access *want = k->next < k->count ? &k->log[k->next] : NULL;
    bool same = want && want->kind == got->kind && want->va == got->va && want->size == got->size &&
                want->len == got->len &&
                (got->kind == ACCESS_RMW ? want->operand == got->operand && want->rmw == got->rmw
                                         : want->value == got->value) &&
                (got->kind != ACCESS_CAS || want->expected == got->expected);

    if (!same) {
        differs(k, want, got);
        vcpu_raise(&c->e.v, 0, 0);
        return NULL;
    }
    k->next++;
    if (want->failed)
        c->e.v.fault = want->fault;
    return want;
}

/* Result of a repeated access that gives a value. */
static int repeat_value(struct cpu *c, const struct access *got, void *out)
{
    const struct access *want = repeat(c, got);

    if (!want || want->failed)
        return 1;
    memcpy(out, &want->old, got->size);
    return 0;
}

static bool repeating(const struct cpu *c)
{
    return c->check->mode == CHECK_REPEAT;
}

int check_load(struct cpu *c, gva_t va, void *out, unsigned size, struct ir_mem how)
{
    struct access a = { .kind = ACCESS_LOAD, .va = va, .size = size };
    int r;

    if (repeating(c))
        return repeat_value(c, &a, out);
    r = mmu_load(c, va, out, size, how);
    if (!r)
        a.old = value_of(out, size);
    return keep(c, a, r);
}

int check_store(struct cpu *c, gva_t va, const void *v, unsigned size, struct ir_mem how)
{
    struct access a = { .kind = ACCESS_STORE, .va = va, .size = size, .value = value_of(v, size) };
    const struct access *want;

    if (!repeating(c))
        return keep(c, a, mmu_store(c, va, v, size, how));
    want = repeat(c, &a);
    return !want || want->failed;
}

int check_probe(struct cpu *c, gva_t va, u64 len, struct ir_mem how)
{
    struct access a = { .kind = ACCESS_PROBE, .va = va, .len = len };
    const struct access *want;

    if (!repeating(c))
        return keep(c, a, mmu_probe(c, va, len, how));
    want = repeat(c, &a);
    return !want || want->failed;
}

int check_rmw(struct cpu *c, gva_t va, enum ir_rmw f, const void *operand, void *out, unsigned size,
              struct ir_mem how)
{
    struct access a = {
        .kind = ACCESS_RMW, .va = va, .size = size, .rmw = (u8)f, .operand = value_of(operand, size)
    };
    int r;

    if (repeating(c))
        return repeat_value(c, &a, out);
    r = mmu_rmw(c, va, f, operand, out, size, how);
    if (!r) {
        u128 next;

        a.expected = a.old = value_of(out, size);
        next = mmu_rmw_value(f, a.old, a.operand, size);
        a.value = value_of(&next, size);
    }
    return keep(c, a, r);
}

int check_cas(struct cpu *c, gva_t va, const void *expected, const void *want, void *out,
              unsigned size, struct ir_mem how)
{
    struct access a = { .kind = ACCESS_CAS,
                        .va = va,
                        .size = size,
                        .expected = value_of(expected, size),
                        .value = value_of(want, size) };
    int r;

    if (repeating(c))
        return repeat_value(c, &a, out);
    r = mmu_cas(c, va, expected, want, out, size, how);
    if (!r)
        a.old = value_of(out, size);
    return keep(c, a, r);
}

int check_ll(struct cpu *c, gva_t va, void *out, unsigned size, struct ir_mem how)
{
    struct access a = { .kind = ACCESS_LL, .va = va, .size = size };
    int r;

    if (repeating(c))
        return repeat_value(c, &a, out);
    r = mmu_ll(c, va, out, size, how);
    if (!r)
        a.old = value_of(out, size);
    return keep(c, a, r);
}

int check_sc(struct cpu *c, gva_t va, const void *v, unsigned size, struct ir_mem how, bool *done)
{
    struct access a = { .kind = ACCESS_SC, .va = va, .size = size, .value = value_of(v, size) };
    const struct access *want;
    int r;

    if (!repeating(c)) {
        r = mmu_sc(c, va, v, size, how, done);
        a.done = *done;
        return keep(c, a, r);
    }
    want = repeat(c, &a);
    *done = want && want->done;
    return !want || want->failed;
}

void check_clrex(struct cpu *c)
{
    struct access a = { .kind = ACCESS_CLREX };

    if (repeating(c)) {
        repeat(c, &a);
        return;
    }
    mmu_clrex(c);
    keep(c, a, 0);
}

/* --- the evaluator --- */

static int eval_load(void *arg, u64 va, void *v, unsigned size, struct ir_mem how)
{
    return check_load(arg, va, v, size, how);
}

static int eval_store(void *arg, u64 va, const void *v, unsigned size, struct ir_mem how)
{
    return check_store(arg, va, v, size, how);
}

static int eval_probe(void *arg, u64 va, unsigned size, struct ir_mem how)
{
    return check_probe(arg, va, size, how);
}

/* A read-modify-write reaches us as compare-and-swaps, first with a guess. */
static int eval_rmw(struct cpu *c, const struct access *next, const void *expected,
                    const void *want, void *old, unsigned size)
{
    if (next->failed) {
        c->e.v.fault = next->fault;
        c->check->next++;
        return 1;
    }
    memcpy(old, &next->old, size);
    if (value_of(expected, size) != next->expected)
        return 0;
    c->check->next++;
    if (value_of(want, size) == next->value)
        return 0;
    differs(c->check, next,
            &(struct access){
                .kind = ACCESS_RMW, .va = next->va, .size = size, .value = value_of(want, size) });
    vcpu_raise(&c->e.v, 0, 0);
    return 1;
}

static int eval_cas(void *arg, u64 va, const void *expected, const void *want, void *old,
                    unsigned size, struct ir_mem how)
{
    struct cpu *c = arg;
    struct check *k = c->check;
    const struct access *next = k->next < k->count ? &k->log[k->next] : NULL;

    if (next && next->kind == ACCESS_RMW && next->va == va && next->size == size)
        return eval_rmw(c, next, expected, want, old, size);
    return check_cas(c, va, expected, want, old, size, how);
}

static int eval_ll(void *arg, u64 va, void *v, unsigned size, struct ir_mem how)
{
    return check_ll(arg, va, v, size, how);
}

static int eval_sc(void *arg, u64 va, const void *v, unsigned size, struct ir_mem how, bool *done)
{
    return check_sc(arg, va, v, size, how, done);
}

static void eval_clrex(void *arg)
{
    check_clrex(arg);
}

const struct ir_eval_mem check_eval_mem = { NULL,     eval_load, eval_store, eval_probe,
                                            eval_cas, eval_ll,   eval_sc,    eval_clrex };
