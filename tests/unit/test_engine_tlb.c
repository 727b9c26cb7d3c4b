/* test_engine_tlb.c - one vCPU: translations found, kept, flushed and refused. */
#include "engine/core/cpu.h"
#include "one_cpu.h"
#include "test.h"

TEST(memory_paged)
{
    struct toy_machine *m = toy_machine_new(one_cpu);
    struct toy_asm a = toy_code(m, CODE);
    u64 handler = trap_handler(m, 0x800, 0x8000000);

    map_pages(m, 0x200000, 0x40000, 1, TOY_PTE_READ | TOY_PTE_WRITE);
    map_pages(m, 0x201000, 0x60000, 1, TOY_PTE_READ | TOY_PTE_WRITE);
    map_pages(m, 0x202000, 0x50000, 1, TOY_PTE_READ);
    map_pages(m, 0x204000, 0x3f000000, 1, TOY_PTE_ALL); /* nothing is there */
    *toy_word(m, 0x40ff8) = 0x1111111111111111;
    *toy_word(m, 0x60000) = 0x2222222222222222;
    set_sys(&a, TOY_SYS_TVEC, 0x800);
    paging_on(m, &a);
    toy_li(&a, 2, 0x201000);
    toy_li(&a, 3, 0x0123456789abcdef);
    toy_put(&a, TOY_LD, 4, 2, -4); /* crosses to another physical page */
    toy_put(&a, TOY_ST, 3, 2, -3);
    toy_put(&a, TOY_LD, 5, 2, -3);
    toy_li(&a, 2, 0x202000);
    toy_put(&a, TOY_ST, 3, 2, 8);  /* read-only: cause, va, epc */
    toy_put(&a, TOY_ST, 3, 2, -4); /* crosses into it: nothing is written */
    toy_put(&a, TOY_LW, 6, 2, 2);  /* misaligned */
    toy_li(&a, 2, 0x203000);
    toy_put(&a, TOY_LD, 6, 2, 0);  /* unmapped */
    toy_put(&a, TOY_LD, 6, 2, -1); /* crosses into it */
    toy_li(&a, 2, 0x204000);
    toy_put(&a, TOY_GETS, 7, 0, TOY_SYS_COUNT);
    toy_put(&a, TOY_INC, 9, 0, 0);
    toy_put(&a, TOY_LD, 6, 2, 0); /* bus; does not count */
    toy_put(&a, TOY_GETS, 8, 0, TOY_SYS_COUNT);
    stop_paged(&a);
    toy_reset(m, 0, CODE);
    toy_run(m);
    CHECK_EQ(state(m, 0)->r[4], 0x2222222211111111);
    CHECK_EQ(state(m, 0)->r[5], 0x0123456789abcdef);
    CHECK_EQ(*toy_word(m, 0x60000), 0x2222220123456789);
    CHECK_EQ(*toy_word(m, 0x60ff8), 0);
    CHECK_EQ(m->out_count, 18);
    CHECK_EQ(m->out[0], TOY_CAUSE_PAGE_WRITE);
    CHECK_EQ(m->out[1], 0x202008);
    CHECK_EQ(m->out[3], TOY_CAUSE_PAGE_WRITE);
    CHECK_EQ(m->out[4], 0x202000);
    CHECK_EQ(m->out[5], m->out[2] + 4);
    CHECK_EQ(m->out[6], TOY_CAUSE_ALIGN);
    CHECK_EQ(m->out[7], 0x202002);
    CHECK_EQ(m->out[9], TOY_CAUSE_PAGE_READ);
    CHECK_EQ(m->out[10], 0x203000);
    CHECK_EQ(m->out[12], TOY_CAUSE_PAGE_READ);
    CHECK_EQ(m->out[13], 0x203000);
    CHECK_EQ(m->out[15], TOY_CAUSE_BUS);
    CHECK_EQ(state(m, 0)->traps, 6);
    CHECK_EQ(state(m, 0)->r[8] - state(m, 0)->r[7], 2 + handler);
    toy_machine_free(m);
}

/* Page-table changes take effect at the flush, not before and not for others. */
TEST(tlb_flush)
{
    struct toy_machine *m = toy_machine_new(one_cpu);
    struct toy_asm a = toy_code(m, CODE);
    struct vcpu *v = engine_cpu(m->engine, 0);
    u64 flushes;

    map_pages(m, 0x200000, 0x40000, 2, TOY_PTE_READ);
    map_pages(m, 0x220000, 0x50000, 1, TOY_PTE_READ | TOY_PTE_GLOBAL);
    *toy_word(m, 0x40000) = 1;
    *toy_word(m, 0x41000) = 2;
    *toy_word(m, 0x60000) = 3;
    *toy_word(m, 0x50000) = 4;
    map_pages(m, PT, PT, 64, TOY_PTE_READ | TOY_PTE_WRITE);
    paging_on(m, &a);
    toy_li(&a, 2, 0x200000);
    toy_li(&a, 3, PT + 8 * 0x200);
    toy_li(&a, 4, 0x60000 | TOY_PTE_READ);
    toy_put(&a, TOY_LD, 5, 2, 0); /* 1 */
    toy_put(&a, TOY_ST, 4, 3, 0); /* remap 0x200000 */
    toy_put(&a, TOY_LD, 6, 2, 0); /* still 1 */
    toy_put(&a, TOY_ADDI, 7, 2, 0x1000);
    toy_put(&a, TOY_SETS, 0, 7, TOY_SYS_FLUSH);
    toy_put(&a, TOY_LD, 7, 2, 0); /* another page was flushed: still 1 */
    toy_put(&a, TOY_SETS, 0, 2, TOY_SYS_FLUSH);
    toy_put(&a, TOY_LD, 8, 2, 0); /* 3 */
    toy_li(&a, 2, 0x220000);
    toy_put(&a, TOY_LD, 9, 2, 0); /* 4 */
    toy_put(&a, TOY_ST, 4, 3, 8 * 0x20);
    set_sys(&a, TOY_SYS_PTBASE, PT); /* flushes what is not global */
    toy_put(&a, TOY_LD, 10, 2, 0);   /* still 4 */
    set_sys(&a, TOY_SYS_FLUSH, UINT64_MAX);
    toy_put(&a, TOY_LD, 11, 2, 0); /* 3 */
    stop_paged(&a);
    toy_reset(m, 0, CODE);
    flushes = v->tlb_flushes;
    toy_run(m);
    CHECK(v->tlb_flushes >= flushes + 4); /* by which an isa knows */
    flushes = v->tlb_flushes;
    v->env->tlb_flush_context(v, 12345, ISA_FLUSH_PAGE, 0); /* which it never ran in */
    CHECK_EQ(v->tlb_flushes, flushes + 1);
    CHECK_EQ(state(m, 0)->r[5], 1);
    CHECK_EQ(state(m, 0)->r[6], 1);
    CHECK_EQ(state(m, 0)->r[7], 1);
    CHECK_EQ(state(m, 0)->r[8], 3);
    CHECK_EQ(state(m, 0)->r[9], 4);
    CHECK_EQ(state(m, 0)->r[10], 4);
    CHECK_EQ(state(m, 0)->r[11], 3);
    toy_machine_free(m);
}

/* One page of a large leaf is flushed: all of it goes, and nothing else. */
TEST(tlb_large)
{
    struct toy_machine *m = toy_machine_new(one_cpu);
    struct toy_asm a = toy_code(m, CODE);
    u64 i;

    *toy_word(m, PT + 8 * 0x400) = 0x200000 | TOY_PTE_LARGE | TOY_PTE_READ;
    for (i = 0; i < 4; i++)
        *toy_word(m, 0x200000 + 0x10000 * i) = 100 + i;
    map_pages(m, PT, PT, 64, TOY_PTE_READ | TOY_PTE_WRITE);
    paging_on(m, &a);
    toy_li(&a, 2, 0x400000);
    toy_li(&a, 3, 0x410000);
    toy_li(&a, 4, PT + 8 * 0x400);
    toy_put(&a, TOY_LD, 5, 2, 0);
    toy_put(&a, TOY_LD, 6, 3, 0);                /* 101 */
    toy_li(&a, 7, TOY_PTE_LARGE | TOY_PTE_READ); /* now physical 0 */
    toy_put(&a, TOY_ST, 7, 4, 0);
    toy_put(&a, TOY_LD, 7, 3, 0);         /* still 101 */
    set_sys(&a, TOY_SYS_FLUSH, 0x5ff000); /* the leaf's last page */
    toy_put(&a, TOY_LD, 8, 3, 0);         /* what is at 0x10000 */
    stop_paged(&a);
    *toy_word(m, 0x10000) = 77;
    toy_reset(m, 0, CODE);
    toy_run(m);
    CHECK_EQ(state(m, 0)->r[5], 100);
    CHECK_EQ(state(m, 0)->r[6], 101);
    CHECK_EQ(state(m, 0)->r[7], 101);
    CHECK_EQ(state(m, 0)->r[8], 77);
    toy_machine_free(m);
}

/* Addresses that fight for one TLB entry: victims keep the walks away. */
TEST(tlb_victims)
{
    struct toy_machine *m = toy_machine_new(one_cpu);
    struct toy_asm a = toy_code(m, CODE);
    const u64 apart = (u64)TLB_ENTRIES << TLB_PAGE_SHIFT, first = apart + 8 * MEM_PAGE_SIZE;
    u8 *top;

    for (u64 i = 0; i < 3; i++)
        map_pages(m, first + apart * i, 0x40000 + 0x1000 * i, 1, TOY_PTE_READ);
    map_pages(m, PT, PT, 64, TOY_PTE_READ | TOY_PTE_WRITE);
    paging_on(m, &a);
    toy_li(&a, 2, first);
    toy_li(&a, 3, first + apart);
    toy_li(&a, 4, first + 2 * apart);
    toy_li(&a, 6, 1000);
    top = a.at;
    toy_put(&a, TOY_LD, 7, 2, 0);
    toy_put(&a, TOY_LD, 7, 3, 0);
    toy_put(&a, TOY_LD, 7, 4, 0);
    toy_put(&a, TOY_INC, 5, 0, 0);
    toy_branch(&a, TOY_BNE, 5, 6, top);
    /* the first is a victim now: a flush finds it there */
    toy_li(&a, 8, PT + 8 * (first >> TLB_PAGE_SHIFT));
    toy_li(&a, 9, 0x50000 | TOY_PTE_READ);
    toy_put(&a, TOY_ST, 9, 8, 0);
    toy_put(&a, TOY_SETS, 0, 2, TOY_SYS_FLUSH);
    toy_put(&a, TOY_LD, 10, 2, 0);
    stop_paged(&a);
    *toy_word(m, 0x50000) = 55;
    toy_reset(m, 0, CODE);
    toy_run(m);
    CHECK_EQ(state(m, 0)->r[10], 55);
    CHECK_EQ(state(m, 0)->r[5], 1000);
    CHECK(stats(m).tlb_refills < 20);
    CHECK(stats(m).slow_accesses > 2000);
    toy_machine_free(m);
}

/* Permissions that hold for less than a page: nothing is remembered. */
TEST(no_tlb_page)
{
    struct toy_machine *m = toy_machine_new(one_cpu);
    struct toy_asm a = toy_code(m, CODE);
    u64 before;

    map_pages(m, 0x200000, 0x40000, 1, TOY_PTE_ALL | TOY_PTE_NOTLB);
    paging_on(m, &a);
    toy_li(&a, 2, 0x200000);
    toy_put(&a, TOY_JALR, 3, 2, 0);
    stop_paged(&a);
    a = toy_code(m, 0x40000);
    for (int i = 0; i < 100; i++)
        toy_put(&a, TOY_INC, 4, 0, 0);
    toy_put(&a, TOY_JALR, 5, 3, 0);
    toy_reset(m, 0, CODE);
    before = state(m, 0)->translations;
    toy_run(m);
    CHECK_EQ(state(m, 0)->r[4], 100);
    CHECK(state(m, 0)->translations - before >= 200);
    toy_machine_free(m);
}

TEST_MAIN(TEST_CASE(memory_paged), TEST_CASE(tlb_flush), TEST_CASE(tlb_large),
          TEST_CASE(tlb_victims), TEST_CASE(no_tlb_page))
