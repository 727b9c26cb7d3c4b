/*
 * decode.c - makes a block: copies guest bytes, decodes them until something ends it.
 *
 * A block ends after an instruction with ISA_INSN_ENDS, before one with ISA_INSN_ALONE or
 * one that crosses the page, at the page's end, and after 64. A long block goes on behind a
 * forward branch and where a direct jump leads to, within the page, unless it has been there.
 * An instruction that crosses a page is a block of its own and carries both pages. Bytes are
 * copied once and decoded from the copy; code_insert() compares the copy with memory when
 * stores are being watched.
 */
#include "engine/core/check.h"
#include "engine/core/cpu_private.h"

#include "base/bits.h"
#include "base/bug.h"
#include "base/log.h"
#include "engine/interp/interp.h"
#include "host/clock.h"
#include <inttypes.h>
#include <stdlib.h>

enum { WINDOW = 64, BUFFER = EBLOCK_MAX_BYTES + ISA_INSN_MAX_BYTES };

/* A block being made. Offsets count from its start. */
struct making {
    struct cpu *c;
    gva_t pc;
    u64 key;
    const u8 *host, *host2;
    s32 page_from, page_to; /* of its page */
    s32 at;                 /* the next instruction */
    s32 window_at;          /* what the window holds: */
    unsigned window_len;
    u8 window[WINDOW];
    unsigned bytes; /* decoded, in buf */
    unsigned count;
    u8 buf[BUFFER];
    struct einsn insn[EBLOCK_MAX_INSNS];
};

/* Guest memory may change under us: byte by byte is as good as any. */
static void copy_guest(u8 *to, const u8 *from, unsigned n)
{
    unsigned i = 0;

    for (; i < n && (uintptr_t)(from + i) % 8; i++)
        to[i] = __atomic_load_n(from + i, __ATOMIC_RELAXED);
    for (; i + 8 <= n; i += 8)
        le64_put(to + i, __atomic_load_n((const u64 *)(const void *)(from + i), __ATOMIC_RELAXED));
    for (; i < n; i++)
        to[i] = __atomic_load_n(from + i, __ATOMIC_RELAXED);
}

/* The bytes at m->at: at least ISA_INSN_MAX_BYTES of them, or the page's rest. */
static const u8 *next_bytes(struct making *m, unsigned *avail)
{
    unsigned left = (unsigned)(m->page_to - m->at);
    unsigned skip = (unsigned)(m->at - m->window_at);

    if (m->at < m->window_at || skip > m->window_len ||
        (m->window_len - skip < ISA_INSN_MAX_BYTES && m->window_len - skip < left)) {
        m->window_at = m->at;
        m->window_len = left < WINDOW ? left : WINDOW;
        copy_guest(m->window, m->host + m->at, m->window_len);
        skip = 0;
    }
    *avail = m->window_len - skip;
    return m->window + skip;
}

static void insn_add(struct making *m, const struct isa_insn *in, const u8 *bytes)
{
    struct einsn *e = &m->insn[m->count];

    BUG_ON(in->len == 0 || in->len > ISA_INSN_MAX_BYTES);
    e->in = *in;
    e->in.offset = (s16)m->at;
    e->in.index = (u8)m->count;
    e->run = m->c->e.engine->cfg.handlers[in->op];
    memcpy(m->buf + m->bytes, bytes, in->len);
    m->bytes += in->len;
    m->at += in->len;
    m->count++;
}

/* The first instruction goes on in the next page. False: a fetch fault is pending. */
static bool first_crosses(struct making *m)
{
    const struct isa *isa = m->c->e.v.isa;
    struct isa_insn in = { 0 };
    struct mem_ref ref;
    unsigned left = (unsigned)m->page_to;
    u8 bytes[2 * ISA_INSN_MAX_BYTES];

    if (mmu_resolve(m->c, m->pc + left, isa->insn_align, ISA_FETCH, m->c->mode->place, &ref))
        return false;
    m->host2 = ref.host;
    copy_guest(bytes, m->host, left);
    copy_guest(bytes + left, ref.host, ISA_INSN_MAX_BYTES);
    BUG_ON(isa->decode(bytes, left + ISA_INSN_MAX_BYTES, m->key, &in) != ISA_DECODE_OK);
    if (m->c->check)
        in.flags |= check_insn_flags(m->c->check, &in);
    insn_add(m, &in, bytes);
    return true;
}

static bool has_been_at(const struct making *m, s64 at)
{
    for (unsigned i = 0; i < m->count; i++)
        if (m->insn[i].in.offset == at)
            return true;
    return false;
}

/* An instruction that ends blocks was added. Does a long one go on, and where? */
static bool goes_on(struct making *m)
{
    const struct isa_insn *in = &m->insn[m->count - 1].in;
    s64 to = in->offset + in->imm;

    if (in->flags & ISA_INSN_BRANCH)
        return in->imm > 0 && m->at < m->page_to;
    if (!(in->flags & ISA_INSN_JUMP) || to < m->page_from || to >= m->page_to || has_been_at(m, to))
        return false;
    m->at = (s32)to;
    return true;
}

static bool making_insns(struct making *m, unsigned max, bool is_long)
{
    const struct isa *isa = m->c->e.v.isa;

    while (m->count < max && m->at < m->page_to) {
        struct isa_insn in = { 0 };
        unsigned avail;
        const u8 *bytes = next_bytes(m, &avail);

        if (isa->decode(bytes, avail, m->key, &in) == ISA_DECODE_MORE) {
            BUG_ON(avail >= ISA_INSN_MAX_BYTES);
            return m->count > 0 || first_crosses(m);
        }
        if (m->c->check)
            in.flags |= check_insn_flags(m->c->check, &in);
        if (in.flags & ISA_INSN_ALONE && m->count > 0)
            break;
        insn_add(m, &in, bytes);
        if (in.flags & ISA_INSN_ENDS && !(is_long && goes_on(m)))
            break;
    }
    return true;
}

/* With the mark at the end; the rest is for the caller to fill in. */
static struct einsns *insns_new(struct engine *e, unsigned count, s32 end)
{
    struct einsns *n = insns_take(&e->code.insns, count);

    BUG_ON(!n); /* the cache is bounded: the host has no memory for anything */
    n->at[count] = (struct einsn){ .run = interp_block_end };
    n->at[count].in.offset = (s16)end;
    n->at[count].in.index = (u8)count;
    return n;
}

const struct einsn *eblock_insns(struct ecpu *e, struct eblock *b)
{
    struct engine *engine = e->engine;
    const struct einsn *there = eblock_decoded(b);
    const u8 *bytes = b->bytes, *end = bytes + b->byte_count;
    struct cpu *c = (struct cpu *)e;
    struct einsns *n;
    ns_t start;

    if (there)
        return there;
    start = host_clock_monotonic();
    n = insns_new(engine, b->insn_count, eblock_next(b));
    for (unsigned i = 0; i < b->insn_count; i++) {
        struct isa_insn in = { 0 };

        BUG_ON(engine->isa->decode(bytes, (unsigned)(end - bytes), b->key, &in) != ISA_DECODE_OK);
        BUG_ON(in.len != b->len[i]);
        in.offset = b->offset[i];
        in.index = (u8)i;
        n->at[i] = (struct einsn){ engine->cfg.handlers[in.op], in };
        bytes += in.len;
    }
    STAT_ADD(c->decoded_again, 1);
    STAT_ADD(c->insns, b->insn_count);
    there = code_insns_put(c, b, n);
    STAT_ADD(c->decode_ns, host_clock_monotonic() - start);
    return there;
}

static struct eblock *making_finish(const struct making *m, u32 flags)
{
    size_t offsets = (m->count + 1u) * sizeof(s16);
    size_t size = sizeof(struct eblock) + offsets + m->count + m->bytes;
    struct eblock *b = malloc(size);
    u8 *len, *bytes;

    if (!b)
        return NULL;
    *b = (struct eblock){ .insn_count = (u8)m->count,
                          .host = m->host,
                          .host2 = m->host2,
                          .key = m->key,
                          .byte_count = m->bytes,
                          .flags = (u8)flags,
                          .alloc_bytes = (u32)size };
    b->insns = insns_new(m->c->e.engine, m->count, m->at);
    memcpy(b->insns->at, m->insn, m->count * sizeof m->insn[0]);
    len = (u8 *)b->offset + offsets;
    for (unsigned i = 0; i < m->count; i++) {
        b->offset[i] = m->insn[i].in.offset;
        len[i] = m->insn[i].in.len;
    }
    b->offset[m->count] = (s16)m->at;
    bytes = len + m->count;
    memcpy(bytes, m->buf, m->bytes);
    b->len = len;
    b->bytes = bytes;
    return b;
}

static void trace_insns(const struct making *m)
{
    if (!log_trace_on(block))
        return;
    for (unsigned i = 0; i < m->count; i++) {
        const struct isa_insn *in = &m->insn[i].in;
        u64 pc = m->pc + (u64)(s64)in->offset;
        char text[96];

        m->c->e.v.isa->disassemble(in, pc, text, sizeof text);
        log_trace(block, "%s%#" PRIx64 ": %s", i ? "  " : "", pc, text);
    }
}

static void making_begin(struct making *m, struct cpu *c, gva_t pc, const u8 *host, u64 key)
{
    m->c = c;
    m->pc = pc;
    m->key = key;
    m->host = host;
    m->host2 = NULL;
    m->at = m->window_at = 0;
    m->window_len = m->bytes = m->count = 0;
    m->page_from = -(s32)(pc & (MEM_PAGE_SIZE - 1));
    m->page_to = m->page_from + (s32)MEM_PAGE_SIZE;
}

/* Begins with what b has. */
static void making_begin_with(struct making *m, const struct eblock *b, const struct einsn *insn)
{
    memcpy(m->insn, insn, b->insn_count * sizeof insn[0]);
    memcpy(m->buf, b->bytes, b->byte_count);
    m->count = b->insn_count;
    m->bytes = b->byte_count;
    m->at = eblock_next(b);
}

/* What was made becomes a block, as code_insert() says. */
static struct eblock *making_insert(struct making *m, u32 flags)
{
    struct cpu *c = m->c;
    struct eblock *b = making_finish(m, flags | (m->host2 ? EBLOCK_TWO_PAGES : 0u));

    BUG_ON(!b); /* the cache is bounded: the host has no memory for anything */
    STAT_ADD(c->blocks, 1);
    trace_insns(m);
    return code_insert(c, b);
}

struct eblock *code_decode(struct cpu *c, gva_t pc, const u8 *host, u64 key, u32 flags)
{
    struct making m; /* large: not cleared */
    bool single = flags & EBLOCK_SINGLE;
    ns_t start = host_clock_monotonic();
    struct eblock *b;
    struct mem_ref ref;

    making_begin(&m, c, pc, host, key);
    if (!making_insns(&m, single ? 1 : EBLOCK_MAX_INSNS, false))
        return NULL;
    /* Rules differ within the page: the last byte must be allowed too. */
    if (single && !m.host2 && mmu_resolve(c, pc + m.bytes - 1, 1, ISA_FETCH, c->mode->place, &ref))
        return NULL;
    STAT_ADD(c->insns, m.count);
    b = making_insert(&m, flags);
    STAT_ADD(c->decode_ns, host_clock_monotonic() - start);
    return b;
}

struct eblock *code_decode_on(struct cpu *c, gva_t pc, const struct eblock *b,
                              const struct einsn *insn)
{
    struct making m; /* large: not cleared */
    ns_t start = host_clock_monotonic();
    struct eblock *longer = NULL;

    making_begin(&m, c, pc, b->host, b->key);
    making_begin_with(&m, b, insn);
    if (!goes_on(&m) || !making_insns(&m, EBLOCK_MAX_INSNS, true) || m.count == b->insn_count)
        return NULL;
    STAT_ADD(c->insns, m.count - b->insn_count);
    longer = making_insert(&m, EBLOCK_LONG);
    STAT_ADD(c->decode_ns, host_clock_monotonic() - start);
    return longer;
}
