/*
 * host_vector_sha.c - SHA-256 by the host's SHA extensions (Intel SDM volume 2B, SHA256RNDS2,
 * SHA256MSG1, SHA256MSG2), whose opcodes have no prefix 66.
 *
 * The operations have words A to D and E to H in registers of their own, lowest first; the host
 * has A, B, E, F and C, D, G, H together, each highest first.
 */
#include "engine/base/host_vector_int.h"

enum {
    RNDS2 = 0x0f38cb,
    MSG1 = 0x0f38cc,
    MSG2 = 0x0f38cd,
    SHUFPS = 0x0fc6,
    PSHUFD = 0x0f70,
    PALIGNR = 0x0f3a0f
};

/* For SHUFPS: words 1 and 0 of both, and words 3 and 2. They also put them back. */
enum { FIRST_PAIRS = 0x11, LAST_PAIRS = 0xbb };

bool vec_is_sha(unsigned op)
{
    return op >= IR_SHA256A && op <= IR_SHA256S1;
}

static void sha(struct vec_plan *p, u32 op, enum x86_xmm d, enum x86_xmm s)
{
    x86_vf_rr(p->l->o, op, 4, d, s);
}

static void pairs(struct vec_plan *p, enum x86_xmm d, enum x86_xmm s, unsigned which)
{
    x86_vf_rr_imm(p->l->o, SHUFPS, 4, d, s, which);
}

/* RNDS2 does two rounds by the sums in XMM0, after which A, B, E, F are C, D, G, H: so the register
 * of the latter takes the new ones, and the two change places. */
static enum x86_xmm rounds(struct vec_plan *p, const struct vec_node *n)
{
    enum x86_xmm abcd = vec_use(p, n->a), efgh = vec_use(p, n->b), sums = vec_use(p, n->c);
    enum x86_xmm abef = vec_temp(p), cdgh = vec_temp(p);

    vec_mov(p, abef, efgh);
    vec_mov(p, cdgh, efgh);
    pairs(p, abef, abcd, FIRST_PAIRS);
    pairs(p, cdgh, abcd, LAST_PAIRS);
    vec_mov(p, XMM0, sums);
    sha(p, RNDS2, cdgh, abef);
    x86_v_rr_imm(p->l->o, PSHUFD, XMM0, sums, 0x0e);
    sha(p, RNDS2, abef, cdgh);
    pairs(p, abef, cdgh, n->op == IR_SHA256A ? LAST_PAIRS : FIRST_PAIRS);
    vec_free(p, cdgh);
    vec_done(p, n->a);
    vec_done(p, n->b);
    vec_done(p, n->c);
    return abef;
}

static enum x86_xmm first_part(struct vec_plan *p, const struct vec_node *n)
{
    enum x86_xmm d, s;

    vec_use(p, n->a);
    s = vec_use(p, n->b);
    d = vec_take(p, n->a);
    sha(p, MSG1, d, s);
    vec_done(p, n->b);
    return d;
}

/* The host leaves words i + 1 of c:b, and adding them to a, to other instructions. */
static enum x86_xmm second_part(struct vec_plan *p, const struct vec_node *n)
{
    enum x86_xmm a = vec_use(p, n->a), b = vec_use(p, n->b), c = vec_use(p, n->c);
    enum x86_xmm d = vec_temp(p);

    vec_mov(p, d, c);
    x86_v_rr_imm(p->l->o, PALIGNR, d, b, 4);
    vec_rr(p, vec_codes[IR_ADD][2], d, a);
    sha(p, MSG2, d, c);
    vec_done(p, n->a);
    vec_done(p, n->b);
    vec_done(p, n->c);
    return d;
}

enum x86_xmm vec_sha_emit(struct vec_plan *p, const struct vec_node *n)
{
    switch (n->op) {
    case IR_SHA256S0: return first_part(p, n);
    case IR_SHA256S1: return second_part(p, n);
    default: return rounds(p, n);
    }
}
