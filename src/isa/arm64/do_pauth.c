/*
 * do_pauth.c - pointer authentication codes (D8.10), with FEAT_PAuth2 and FEAT_FPACCOMBINE.
 *
 * The function is of our own (IMPLEMENTATION DEFINED), as cheap as one can be whose codes tell
 * nothing about each other at a glance: two products of 128 bits.
 */
#include "isa/arm64/helpers.h"

#include "base/bits.h"
#include "isa/arm64/el2.h"
#include "isa/arm64/model.h"
#include "isa/arm64/pauth.h"
#include "isa/arm64/sysreg.h"
#include "isa/arm64/walk.h"

enum { SIGN_BIT = ARM_PAUTH_HALF_BIT, TOP_BYTE = 56, TSZ_MAX = 39 };

static u64 product(u64 a, u64 b)
{
    u128 p = (u128)a * b;

    return (u64)p ^ (u64)(p >> 64);
}

/* ComputePAC() */
static u64 code_of(const struct arm_state *s, unsigned key, u64 pointer, u64 modifier)
{
    const u64 *k = &s->pauth_key[2 * key];
    u64 first = product(pointer ^ k[0], ARM_PAUTH_FIRST ^ k[1]);

    return product(first ^ modifier ^ k[1], ARM_PAUTH_SECOND ^ k[0]);
}

/* Is the key enabled at this level? */
static bool enabled(const struct arm_state *s, unsigned key)
{
    static const u64 bits[] = { [ARM_KEY_IA] = SCTLR_ENIA,
                                [ARM_KEY_IB] = SCTLR_ENIB,
                                [ARM_KEY_DA] = SCTLR_ENDA,
                                [ARM_KEY_DB] = SCTLR_ENDB };

    return arm_sctlr(s) & bits[key];
}

/* Where codes are in a pointer of this half of the address space. */
struct place {
    u64 code; /* the bits, without bit 55 */
    u64 sign; /* the bits that are all alike in a pointer without a code */
};

/* True: the exception that EL2 traps this by is pending. */
static bool trapped(struct vcpu *c)
{
    bool traps = arm_el2_traps_pauth(arm_state(c));

    if (traps)
        vcpu_raise(c, (u32)ARM_EC_PAC | ARM_TO_EL2, 0);
    return traps;
}

/* CalculateBottomPACBit() */
static struct place place_of(const struct vcpu *c, const struct arm_regime *r, bool upper,
                             bool data)
{
    unsigned tsz, bottom, least;
    struct arm_format f;
    struct place p;

    upper &= !r->single;
    tsz = (unsigned)bits_get(r->tcr, upper ? TCR_T1SZ : TCR_T0SZ, 6);
    arm_regime_format(&f, c, r, upper);
    least = 64u - f.address_bits;
    bottom = 64 - (tsz < least ? least : tsz > TSZ_MAX ? (unsigned)TSZ_MAX : tsz);
    p.sign = ~0ull << bottom;
    if (arm_regime_ignores_top(r, upper, data))
        p.sign &= bits_mask(TOP_BYTE);
    p.code = p.sign & ~(1ull << SIGN_BIT);
    return p;
}

static u64 extended(u64 pointer, const struct place *p, bool upper)
{
    return upper ? pointer | p->sign : pointer & ~p->sign;
}

static bool is_data(unsigned key)
{
    return key >= ARM_KEY_DA;
}

/* Does a half of the regime ignore the top byte? Then it is bit 55 that says the half. */
static bool either_ignores_top(const struct arm_regime *r, bool data)
{
    return arm_regime_ignores_top(r, false, data) || arm_regime_ignores_top(r, true, data);
}

/* What code in place goes by, of pointers to code. */
static void derive_place(struct vcpu *c)
{
    struct arm_state *s = arm_state(c);
    struct arm_regime r;
    u64 lower, upper;

    arm_regime_current(s, &r);
    lower = place_of(c, &r, false, false).sign;
    upper = place_of(c, &r, true, false).sign;
    s->pauth_sign = lower;
    s->pauth_other = lower ^ upper;
    s->pauth_shift = either_ignores_top(&r, false) ? 63 - SIGN_BIT : 0;
}

void arm_pauth_update(struct vcpu *c)
{
    const u64 all = SCTLR_ENIA | SCTLR_ENIB | SCTLR_ENDA | SCTLR_ENDB;
    struct arm_state *s = arm_state(c);
    u64 keys = arm_sctlr(s) & all;
    bool el2 = s->el == 2 || arm_in_host(s), ranges = !el2 || s->hcr_el2 & HCR_E2H;
    u8 regime = (u8)(1 | el2 << 1 | ranges << 2);
    u64 tcr = el2 ? s->tcr_el2 : s->tcr_el1;

    s->pauth = ARM_PAUTH_BY_HELPER;
    if (!keys)
        s->pauth = ARM_PAUTH_OFF;
    else if (ranges && !arm_el2_traps_pauth(s))
        s->pauth = keys == all          ? ARM_PAUTH_IN_PLACE
                   : keys == SCTLR_ENIA ? ARM_PAUTH_ONLY_IA
                                        : ARM_PAUTH_BY_HELPER;
    if (!(s->pauth & ARM_PAUTH_IN_PLACE) || (s->pauth_regime == regime && s->pauth_tcr == tcr))
        return;
    s->pauth_regime = regime;
    s->pauth_tcr = tcr;
    derive_place(c);
}

/* AddPAC(). Which half a pointer is of, its top bit tells where no half ignores it. A single range
 * has no upper half. */
u64 arm_do_pauth_sign(struct vcpu *c, u64 pointer, u64 modifier, u64 how)
{
    const struct arm_state *s = arm_state(c);
    unsigned key = (unsigned)how & ARM_KEY_MASK;
    bool data = is_data(key);
    struct arm_regime r;
    struct place p;
    bool upper;

    if (!enabled(s, key) || trapped(c))
        return pointer;
    arm_regime_current(s, &r);
    upper = !r.single && pointer >> (either_ignores_top(&r, data) ? SIGN_BIT : 63) & 1;
    p = place_of(c, &r, upper, data);
    pointer ^= code_of(s, key, extended(pointer, &p, upper), modifier) & p.code;
    return (pointer & ~(1ull << SIGN_BIT)) | (u64)upper << SIGN_BIT;
}

/* Auth(). What is wrong is a fault at once. */
u64 arm_do_pauth_check(struct vcpu *c, u64 pointer, u64 modifier, u64 how)
{
    const struct arm_state *s = arm_state(c);
    unsigned key = (unsigned)how & ARM_KEY_MASK;
    bool upper = pointer >> SIGN_BIT & 1;
    struct arm_regime r;
    struct place p;
    u64 plain, found;

    if (!enabled(s, key) || trapped(c))
        return pointer;
    arm_regime_current(s, &r);
    p = place_of(c, &r, upper, is_data(key));
    plain = extended(pointer, &p, upper);
    found = pointer ^ (code_of(s, key, plain, modifier) & p.code);
    if (found == plain)
        return found;
    vcpu_raise(c, ARM_EC_PAC_FAIL, arm_pauth_syndrome(key));
    return 0;
}

u64 arm_do_pauth_strip(struct vcpu *c, u64 pointer, u64 data, u64 d)
{
    bool upper = pointer >> SIGN_BIT & 1;
    struct arm_regime r;
    struct place p;

    if (!arm_model(c)->has_pauth)
        return pointer;
    arm_regime_current(arm_state(c), &r);
    p = place_of(c, &r, upper, data);
    return extended(pointer, &p, upper);
}

u64 arm_do_pauth_generic(struct vcpu *c, u64 x, u64 y, u64 d)
{
    if (trapped(c))
        return 0;
    return code_of(arm_state(c), ARM_KEY_GA, x, y) & ~bits_mask(32);
}

/* ERETAA, ERETAB: the link register is what was signed, by the stack pointer. */
u64 arm_do_eret_checked(struct vcpu *c, u64 how, u64 b, u64 d)
{
    struct arm_state *s = arm_state(c);
    u64 *elr = s->el == 2 ? &s->elr_el2 : &s->elr_el1, link = *elr, to;

    if (s->el == 0) {
        vcpu_raise(c, ARM_EC_UNKNOWN, 0);
        return 0;
    }
    to = arm_do_pauth_check(c, link, s->sp, how);
    if (c->fault.pending)
        return 0;
    *elr = to;
    arm_do_eret(c, 0, 0, 0);
    *elr = link;
    return 0;
}
