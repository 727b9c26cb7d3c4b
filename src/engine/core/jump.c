/*
 * jump.c - from the pc slot to a block: jump caches, modes, safe points.
 *
 * A jump cache holds what was found under one isa key through one fetch bank. Its entries
 * are right as long as no translation of that bank is flushed; the guest has to flush
 * after it changed one, and we do when the memory map changes. So a hit needs no look
 * at the TLB. The last few modes keep theirs, so that a system call costs none of it.
 * After a flush ecpu.far still tells which block there was: it is compared with what the
 * address leads to now, which is cheaper than the table of all blocks.
 */
#include "engine/core/cpu_private.h"

#include "base/bits.h"
#include "base/bug.h"

/* An entry is empty when its tag belongs elsewhere: 0 to entry 0, so that one has another. */
static void entry_clear(struct jump_cache *j, unsigned i, unsigned shift)
{
    j->entry[i] = (struct jump_entry){ .pc = i ? 0 : 1ull << shift };
    j->block[i] = NULL;
}

void jump_cache_init(struct jump_cache *j, unsigned shift)
{
    entry_clear(j, 0, shift);
}

void jump_cache_clear(struct jump_cache *j, unsigned shift)
{
    memset(j, 0, sizeof *j);
    jump_cache_init(j, shift);
}

/* None of the mode's entries in ecpu.far is good from now on. */
static void mode_leave_far(struct cpu *c, struct jump_mode *m)
{
    m->when = ++c->far_clock;
    if (m == c->mode)
        c->e.far_when = m->when;
}

static void mode_clear_line(struct cpu *c, struct jump_mode *m, unsigned line)
{
    for (unsigned i = line * JUMP_LINE; i < (line + 1) * JUMP_LINE; i++)
        entry_clear(&m->cache, i, c->e.jump_shift);
}

static void mode_empty(struct cpu *c, struct jump_mode *m)
{
    if (!m->used)
        return;
    mode_leave_far(c, m);
    for (unsigned i = 0; i < ARRAY_SIZE(m->lines); i++)
        for (; m->lines[i]; m->lines[i] &= m->lines[i] - 1)
            mode_clear_line(c, m, i * 64 + (unsigned)__builtin_ctzll(m->lines[i]));
    memset(m->pages, 0, sizeof m->pages);
    m->used = false;
}

/* Blocks may be freed from now on. */
void cpu_jumps_empty(struct cpu *c)
{
    c->far_safe = c->far_clock + 1;
    for (unsigned i = 0; i < JUMP_MODES; i++) {
        mode_empty(c, &c->modes[i]);
        mode_leave_far(c, &c->modes[i]);
    }
}

static void mode_flush_page(struct cpu *c, struct jump_mode *m, gva_t page)
{
    unsigned bit = (unsigned)(page >> MEM_PAGE_SHIFT) & (JUMP_PAGE_BITS - 1);
    unsigned slots = MEM_PAGE_SIZE >> c->e.jump_shift;
    unsigned first = jump_index(page, c->e.jump_shift);

    if (!(m->pages[bit / 64] >> bit % 64 & 1))
        return;
    mode_leave_far(c, m);
    if (slots > JUMP_CACHE_ENTRIES)
        slots = JUMP_CACHE_ENTRIES;
    for (unsigned i = 0; i < slots; i++) {
        unsigned at = (first + i) & (JUMP_CACHE_ENTRIES - 1);

        if ((m->cache.entry[at].pc ^ page) < MEM_PAGE_SIZE)
            entry_clear(&m->cache, at, c->e.jump_shift);
    }
}

void cpu_jumps_flush(struct cpu *c, gva_t va, unsigned place, bool whole)
{
    for (unsigned i = 0; i < JUMP_MODES; i++) {
        struct jump_mode *m = &c->modes[i];

        if (!m->valid || m->place != place)
            continue;
        if (whole)
            mode_empty(c, m);
        else
            mode_flush_page(c, m, va & ~(gva_t)(MEM_PAGE_SIZE - 1));
    }
}

void cpu_mode_update(struct cpu *c)
{
    struct vcpu *v = &c->e.v;
    u64 key = v->isa->block_key(v);
    unsigned place = c->context.place[v->isa->fetch_bank(v)];
    struct jump_mode *m = c->mode, *oldest = &c->modes[0];

    if (m->valid && m->key == key && m->place == place)
        return;
    mmu_place_use(c, place);
    for (unsigned i = 0; i < JUMP_MODES; i++) {
        m = &c->modes[i];
        if (m->valid && m->key == key && m->place == place)
            break;
        if (!m->valid || m->last_use < oldest->last_use)
            oldest = m;
    }
    if (!m->valid || m->key != key || m->place != place) {
        m = oldest;
        mode_empty(c, m);
        mode_leave_far(c, m);
        m->key = key;
        m->place = place;
        m->valid = true;
    }
    m->last_use = ++c->mode_clock;
    c->mode = m;
    c->e.jumps = &m->cache;
    c->e.far_when = m->when;
}

void cpu_jumps_put(struct cpu *c, struct eblock *b)
{
    struct jump_mode *m = c->mode;
    gva_t pc = *c->pc;
    unsigned i = jump_index(pc, c->e.jump_shift);
    unsigned bit = (unsigned)(pc >> MEM_PAGE_SHIFT) & (JUMP_PAGE_BITS - 1);
    void *code = eblock_host_entry(b);

    if (b->flags & (EBLOCK_TWO_PAGES | EBLOCK_SINGLE))
        return;
    if (!code)
        code = c->e.engine->tier_miss;
    if (m->cache.block[i] == b && m->cache.entry[i].pc == pc && m->cache.entry[i].code == code)
        return;
    m->cache.entry[i] = (struct jump_entry){ pc, code };
    m->cache.block[i] = b;
    m->lines[i / JUMP_LINE / 64] |= 1ull << i / JUMP_LINE % 64;
    if (code != c->e.engine->tier_miss)
        c->e.far[jump_far_index(pc, c->e.jump_shift)] = (struct jump_far){ pc, m->when, code, b };
    m->pages[bit / 64] |= 1ull << bit % 64;
    m->used = true;
}

struct eblock *code_lengthen(struct cpu *c, struct eblock *b)
{
    const struct einsn *insn = eblock_decoded(b); /* NULL: host code was just made */
    struct eblock *longer;

    if (b->flags & (EBLOCK_TWO_PAGES | EBLOCK_SINGLE | EBLOCK_LONG) || !insn ||
        !(insn[b->insn_count - 1u].in.flags & (ISA_INSN_BRANCH | ISA_INSN_JUMP)))
        return b;
    longer = code_decode_on(c, *c->pc, b, insn);
    if (!longer)
        return b;
    cpu_jumps_put(c, longer);
    return longer;
}

/* The block that the far table has of pc, if that is where pc leads now. */
static struct eblock *far_block(const struct cpu *c, const struct jump_far *far, gva_t pc,
                                const struct mem_ref *ref)
{
    struct eblock *b = far->block;

    if (!b || far->pc != pc || far->when < c->far_safe || ref->no_tlb)
        return NULL;
    if (b->host != ref->host || b->key != c->mode->key || eblock_dead(b))
        return NULL;
    return b;
}

struct eblock *code_find(struct cpu *c)
{
    struct jump_mode *m = c->mode;
    gva_t pc = *c->pc;
    unsigned i = jump_index(pc, c->e.jump_shift);
    struct eblock *b = m->cache.block[i];
    const struct jump_far *far = &c->e.far[jump_far_index(pc, c->e.jump_shift)];
    struct mem_ref ref;

    if (b && m->cache.entry[i].pc == pc && !eblock_dead(b))
        return b;
    if (far->pc == pc && far->when == m->when && !eblock_dead(far->block)) {
        cpu_jumps_put(c, far->block);
        return far->block;
    }
    if (unlikely(pc & (c->e.v.isa->insn_align - 1u))) {
        mmu_fault(c, ISA_FAULT_ALIGN, pc, ISA_FETCH);
        return NULL;
    }
    if (mmu_resolve(c, pc, c->e.v.isa->insn_align, ISA_FETCH, m->place, &ref))
        return NULL;
    b = far_block(c, far, pc, &ref);
    if (!b)
        b = code_lookup(c, ref.host, m->key, ref.no_tlb ? EBLOCK_SINGLE : 0);
    if (!b && !c->e.v.fault.pending)
        b = code_decode(c, pc, ref.host, m->key, ref.no_tlb ? EBLOCK_SINGLE : 0);
    if (!b)
        return NULL;
    __atomic_store_n(&b->used, 1, __ATOMIC_RELAXED);
    cpu_jumps_put(c, b);
    return b;
}

/* --- safe points: how others learn that no block is held --- */

void cpu_safe_point_slow(struct cpu *c, u64 epoch)
{
    if (c->emptied != epoch)
        cpu_jumps_empty(c);
    c->emptied = epoch;
    c->e.block = NULL;
    c->e.link = NULL;
    __atomic_store_n(&c->quiescent, epoch, __ATOMIC_SEQ_CST);
}

void cpu_go_online(struct cpu *c)
{
    struct code_cache *cache = &c->e.engine->code;
    u64 epoch;

    /* Who began the epoch, or asked something, before it saw us here: we see that. The fence is
     * not left to the order of two atomics, which qemu-user on x86-64 does not keep. */
    do {
        epoch = __atomic_load_n(&cache->epoch, __ATOMIC_SEQ_CST);
        __atomic_store_n(&c->quiescent, epoch, __ATOMIC_RELAXED);
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
    } while (__atomic_load_n(&cache->epoch, __ATOMIC_SEQ_CST) != epoch);
    cpu_safe_point_slow(c, epoch);
    /* What was asked of a vCPU that seemed to be away comes before the first instruction. */
    if (__atomic_load_n(&c->requests, __ATOMIC_SEQ_CST))
        vcpu_kick(&c->e.v);
}

void cpu_go_offline(struct cpu *c)
{
    c->e.block = NULL;
    c->e.link = NULL;
    __atomic_store_n(&c->quiescent, 0, __ATOMIC_SEQ_CST);
}
