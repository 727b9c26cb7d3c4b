/*
 * decode.c - makes a block: copies guest bytes, decodes them until something ends it.
 *
 * A block ends after an instruction with ISA_INSN_ENDS, before one with ISA_INSN_ALONE or
 * one that crosses the page, at the page's end, and after 64. An instruction that crosses
 * a page is a block of its own and carries both pages. Bytes are copied once and decoded
 * from the copy; code_insert() compares the copy with memory when stores are being watched.
 */
#include "engine/core/check.h"
#include "engine/core/cpu_private.h"

#include "base/bits.h"
#include "base/bug.h"
#include "engine/interp/interp.h"
#include "host/clock.h"
#include <stdlib.h>

enum { CHUNK = 64, BUFFER = EBLOCK_MAX_BYTES + CHUNK };

/* A block being made. */
struct making {
    struct cpu *c;
    gva_t pc;
    u64 key;
    const u8 *host, *host2;
    unsigned page_left; /* bytes from host to its page's end */
    unsigned have;      /* bytes copied */
    unsigned bytes;     /* decoded */
    unsigned count;
    u8 buf[BUFFER];
    struct einsn insn[EBLOCK_MAX_INSNS + 1];
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

/* Has at least ISA_INSN_MAX_BYTES from m->bytes on, or the page's rest. */
static unsigned available(struct making *m)
{
    if (m->have < m->bytes + ISA_INSN_MAX_BYTES && m->have < m->page_left) {
        unsigned n = m->page_left - m->have;

        if (n > CHUNK)
            n = CHUNK;
        copy_guest(m->buf + m->have, m->host + m->have, n);
        m->have += n;
    }
    return m->have - m->bytes;
}

static void insn_add(struct making *m, const struct isa_insn *in)
{
    struct einsn *e = &m->insn[m->count];

    BUG_ON(in->len == 0 || in->len > ISA_INSN_MAX_BYTES);
    e->in = *in;
    e->in.offset = (u16)m->bytes;
    e->in.index = (u8)m->count;
    e->run = m->c->e.engine->cfg.handlers[in->op];
    m->bytes += in->len;
    m->count++;
}

/* The first instruction goes on in the next page. False: a fetch fault is pending. */
static bool first_crosses(struct making *m)
{
    const struct isa *isa = m->c->e.v.isa;
    struct isa_insn in = { 0 };
    struct mem_ref ref;
    unsigned n = ISA_INSN_MAX_BYTES;

    if (mmu_resolve(m->c, m->pc + m->page_left, ISA_FETCH, m->c->mode->bank, &ref))
        return false;
    m->host2 = ref.host;
    copy_guest(m->buf + m->page_left, ref.host, n);
    BUG_ON(isa->decode(m->buf, m->page_left + n, m->key, &in) != ISA_DECODE_OK);
    if (m->c->check)
        in.flags |= check_insn_flags(m->c->check, &in);
    insn_add(m, &in);
    return true;
}

static bool making_insns(struct making *m, unsigned max)
{
    const struct isa *isa = m->c->e.v.isa;

    while (m->count < max) {
        struct isa_insn in = { 0 };
        unsigned avail = available(m);

        if (avail == 0)
            break;
        if (isa->decode(m->buf + m->bytes, avail, m->key, &in) == ISA_DECODE_MORE) {
            BUG_ON(avail >= ISA_INSN_MAX_BYTES);
            return m->count > 0 || first_crosses(m);
        }
        if (m->c->check)
            in.flags |= check_insn_flags(m->c->check, &in);
        if (in.flags & ISA_INSN_ALONE && m->count > 0)
            break;
        insn_add(m, &in);
        if (in.flags & ISA_INSN_ENDS)
            break;
    }
    return true;
}

static struct eblock *making_finish(const struct making *m, u32 flags)
{
    size_t insns = (m->count + 1u) * sizeof m->insn[0];
    size_t size = sizeof(struct eblock) + insns + m->bytes;
    struct eblock *b = malloc(size);
    struct einsn *end;
    u8 *bytes;

    if (!b)
        return NULL;
    *b = (struct eblock){ .insn_count = (u16)m->count,
                          .host = m->host,
                          .host2 = m->host2,
                          .key = m->key,
                          .byte_count = m->bytes,
                          .flags = flags,
                          .alloc_bytes = (u32)size };
    memcpy(b->insn, m->insn, insns);
    end = &b->insn[m->count];
    *end = (struct einsn){ .run = interp_block_end };
    end->in.offset = (u16)m->bytes;
    end->in.index = (u8)m->count;
    bytes = (u8 *)b + sizeof(struct eblock) + insns;
    memcpy(bytes, m->buf, m->bytes);
    b->bytes = bytes;
    return b;
}

struct eblock *code_decode(struct cpu *c, gva_t pc, const u8 *host, u64 key, bool single)
{
    struct making m = { .c = c, .pc = pc, .key = key, .host = host };
    ns_t start = host_clock_monotonic();
    struct eblock *b;
    struct mem_ref ref;

    m.page_left = MEM_PAGE_SIZE - (unsigned)(pc & (MEM_PAGE_SIZE - 1));
    if (!making_insns(&m, single ? 1 : EBLOCK_MAX_INSNS))
        return NULL;
    /* Rules differ within the page: the last byte must be allowed too. */
    if (single && !m.host2 && mmu_resolve(c, pc + m.bytes - 1, ISA_FETCH, c->mode->bank, &ref))
        return NULL;
    b = making_finish(&m, (m.host2 ? EBLOCK_TWO_PAGES : 0u) | (single ? EBLOCK_SINGLE : 0u));
    BUG_ON(!b); /* the cache is bounded: the host has no memory for anything */
    STAT_ADD(c->blocks, 1);
    STAT_ADD(c->insns, m.count);
    STAT_ADD(c->translate_ns, host_clock_monotonic() - start);
    return code_insert(c, b);
}
