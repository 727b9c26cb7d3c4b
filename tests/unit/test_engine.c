/* test_engine.c - one vCPU: instructions, counting, devices, traps, changed code. */
#include "base/bits.h"
#include "engine/core/cpu.h"
#include "host/clock.h"
#include "one_cpu.h"
#include "test.h"
#include <errno.h>

TEST(configuration)
{
    struct engine_config cfg = {
        .isa = &toy_isa, .handlers = toy_handlers, .cpus = 0, .deterministic = true
    };
    struct engine_host host = { 0 };
    struct engine *e = NULL;
    struct err err = { 0 };

    cfg.map = mem_map_new("none");
    CHECK_EQ(engine_new(&cfg, &host, &e, &err), -EINVAL);
    CHECK_HAS(err.text, "0 CPUs");
    cfg.cpus = 257;
    CHECK_EQ(engine_new(&cfg, &host, &e, &err), -EINVAL);
    cfg.cpus = 256;
    CHECK_EQ(engine_new(&cfg, &host, &e, &err), 0);
    CHECK(!engine_free(e));
    CHECK(!engine_free(NULL));
    mem_map_free(cfg.map);
}

TEST(loop_and_count)
{
    struct toy_machine *m = toy_machine_new(one_cpu);
    struct toy_asm a = toy_code(m, CODE);
    u8 *top;
    u64 before;

    toy_li(&a, 2, 1000);
    before = (u64)(a.at - a.start - CODE) / 4;
    toy_put(&a, TOY_XOR, 3, 3, 3);
    toy_put(&a, TOY_XOR, 4, 4, 4);
    top = a.at;
    toy_put(&a, TOY_INC, 4, 0, 0);
    toy_put(&a, TOY_ADD, 3, 3, 4);
    toy_put(&a, TOY_GETS, 5, 0, TOY_SYS_COUNT);
    toy_branch(&a, TOY_BNE, 4, 2, top);
    toy_put(&a, TOY_GETS, 6, 0, TOY_SYS_COUNT);
    toy_li(&a, 7, TOY_DEV);
    toy_put(&a, TOY_INC, 8, 0, 0);
    toy_put(&a, TOY_LD, 8, 7, TOY_DEV_COUNT); /* a device reads the count: exact too */
    toy_put(&a, TOY_GETS, 9, 0, TOY_SYS_COUNT);
    toy_stop(&a);
    toy_reset(m, 0, CODE);
    toy_run(m);
    CHECK_EQ(state(m, 0)->r[3], 500500);
    CHECK_EQ(state(m, 0)->r[5], before + 2 + 999 * 4 + 2);
    CHECK_EQ(state(m, 0)->r[6], before + 2 + 1000 * 4);
    CHECK_EQ(state(m, 0)->r[9], state(m, 0)->r[8] + 1);
    CHECK_EQ(stats(m).insns, engine_insns(m->engine, 0));
    CHECK(stats(m).blocks_decoded < 10);
    toy_machine_free(m);
}

/* An instruction of four bytes on the last two of a page. */
TEST(code_crosses_page)
{
    struct toy_machine *m = toy_machine_new(one_cpu);
    struct toy_asm a = toy_code(m, CODE);
    u8 *call;

    trap_handler(m, 0x800, 0x8000000);
    set_sys(&a, TOY_SYS_TVEC, 0x800);
    map_pages(m, 0x200000, 0x40000, 1, TOY_PTE_EXEC);
    map_pages(m, 0x201000, 0x50000, 1, TOY_PTE_EXEC);
    map_pages(m, PT, PT, 64, TOY_PTE_READ | TOY_PTE_WRITE);
    paging_on(m, &a);
    toy_li(&a, 2, 0x200ffc);
    call = a.at;
    toy_put(&a, TOY_JALR, 3, 2, 0); /* adds 5 */
    /* the second page elsewhere: adds 9 there */
    toy_li(&a, 5, PT + 8 * 0x201);
    toy_li(&a, 6, 0x60000 | TOY_PTE_EXEC);
    toy_put(&a, TOY_ST, 6, 5, 0);
    set_sys(&a, TOY_SYS_FLUSH, 0x201000);
    toy_put(&a, TOY_JALR, 3, 2, 0);
    /* and away: a fault on the second page, epc on the first */
    toy_put(&a, TOY_XOR, 6, 6, 6);
    toy_put(&a, TOY_ST, 6, 5, 0);
    set_sys(&a, TOY_SYS_FLUSH, 0x201000);
    toy_li(&a, 3, (u64)(a.at - a.start) + 4 * 14);
    toy_put(&a, TOY_JALR, 3, 2, 0);
    stop_paged(&a);

    a = toy_code(m, 0x40ffc);
    toy_put(&a, TOY_INC, 4, 0, 0);
    toy_put(&a, TOY_ADDI, 4, 4, 5);
    memcpy(m->ram->host + 0x50000, m->ram->host + 0x41000, 2);
    a = toy_code(m, 0x50002);
    toy_put(&a, TOY_JALR, 7, 3, 0);
    a = toy_code(m, 0x60000);
    le16_put(a.at, 9);
    a.at += 2;
    toy_put(&a, TOY_JALR, 7, 3, 0);
    /* the handler goes on at epc + 4, which would be the second page: go back instead */
    a = toy_code(m, 0x800);
    toy_li(&a, 15, 0x8000000);
    toy_put(&a, TOY_GETS, 14, 0, TOY_SYS_CAUSE);
    toy_put(&a, TOY_ST, 14, 15, TOY_DEV_OUT);
    toy_put(&a, TOY_GETS, 14, 0, TOY_SYS_TVAL);
    toy_put(&a, TOY_ST, 14, 15, TOY_DEV_OUT);
    toy_put(&a, TOY_GETS, 14, 0, TOY_SYS_EPC);
    toy_put(&a, TOY_ST, 14, 15, TOY_DEV_OUT);
    toy_put(&a, TOY_SETS, 0, 3, TOY_SYS_EPC);
    toy_put(&a, TOY_ERET, 0, 0, 0);
    (void)call;
    toy_reset(m, 0, CODE);
    toy_run(m);
    CHECK_EQ(state(m, 0)->r[4], 1 + 5 + 1 + 9 + 1);
    CHECK_EQ(m->out_count, 3);
    CHECK_EQ(m->out[0], TOY_CAUSE_PAGE_FETCH);
    CHECK_EQ(m->out[1], 0x201000);
    CHECK_EQ(m->out[2], 0x200ffe);
    toy_machine_free(m);
}

/* Code that changes an instruction ahead of it, fences and runs it, many times. */
TEST(code_changes)
{
    struct toy_machine *m = toy_machine_new(one_cpu);
    struct toy_asm a = toy_code(m, CODE);
    u8 *top, *place;

    toy_li(&a, 2, 0); /* sum */
    toy_li(&a, 3, 0); /* i */
    toy_li(&a, 4, 200);
    toy_li(&a, 5, 0x50400);                   /* where the instruction is */
    toy_li(&a, 6, (u64)TOY_ADDI | 0x22 << 8); /* addi r2, r2, 0 */
    top = a.at;
    toy_put(&a, TOY_INC, 3, 0, 0);
    toy_put(&a, TOY_SHLI, 7, 3, 16);
    toy_put(&a, TOY_ADD, 7, 7, 6);
    toy_put(&a, TOY_SW, 7, 5, 0);
    toy_put(&a, TOY_SB, 7, 5, 0x200); /* data next to code */
    toy_put(&a, TOY_FENCEI, 0, 0, 0);
    toy_put(&a, TOY_JALR, 8, 5, 0);
    toy_branch(&a, TOY_BNE, 3, 4, top);
    toy_stop(&a);
    place = m->ram->host + 0x50400;
    a = (struct toy_asm){ place, m->ram->host };
    toy_put(&a, TOY_ILLEGAL, 0, 0, 0);
    toy_put(&a, TOY_JALR, 9, 8, 0);
    toy_reset(m, 0, CODE);
    toy_run(m);
    CHECK_EQ(state(m, 0)->r[2], 200 * 201 / 2);
    CHECK_EQ(stats(m).smc_invalidations, 199);
    CHECK(stats(m).blocks_decoded < 215); /* the loop itself is not made again */
    toy_machine_free(m);
}

/* Calls the function at `at`, after its first instruction was made "addi r2, r2, add" unless that
 * is 0. */
static void call_changed(struct toy_asm *a, u64 at, u64 add)
{
    toy_li(a, 5, at);
    if (add) {
        toy_li(a, 6, (u64)TOY_ADDI | 0x22 << 8 | add << 16);
        toy_put(a, TOY_SW, 6, 5, 0);
        toy_put(a, TOY_FENCEI, 0, 0, 0);
    }
    toy_put(a, TOY_JALR, 8, 5, 0);
}

/* Several blocks of one page change one by one: the middle one, the oldest, the newest. */
TEST(code_changes_in_any_order)
{
    static const u64 at[] = { 0x50400, 0x50500, 0x50600 };
    struct toy_machine *m = toy_machine_new(one_cpu);
    struct toy_asm a = toy_code(m, CODE);

    toy_li(&a, 2, 0); /* sum */
    for (unsigned i = 0; i < 3; i++)
        call_changed(&a, at[i], 0);
    call_changed(&a, at[1], 10);
    call_changed(&a, at[0], 100);
    call_changed(&a, at[2], 1000);
    toy_stop(&a);
    for (unsigned i = 0; i < 3; i++) {
        a = toy_code(m, at[i]);
        toy_put(&a, TOY_ADDI, 2, 2, 1);
        toy_put(&a, TOY_JALR, 9, 8, 0);
    }
    toy_reset(m, 0, CODE);
    toy_run(m);
    CHECK_EQ(state(m, 0)->r[2], 3 + 10 + 100 + 1000);
    CHECK_EQ(stats(m).smc_invalidations, 3);
    toy_machine_free(m);
}

/* The one block of a page is replaced by a longer one; stores there are still noticed. */
TEST(code_grows_alone)
{
    struct toy_machine *m = toy_machine_new(one_cpu);
    struct toy_asm a = toy_code(m, CODE);
    u8 *top;

    toy_li(&a, 2, 0); /* sum */
    toy_li(&a, 3, 0);
    toy_li(&a, 4, 10);
    toy_li(&a, 5, 0x60400);
    top = a.at;
    toy_put(&a, TOY_INC, 3, 0, 0);
    toy_put(&a, TOY_JALR, 8, 5, 0);
    toy_branch(&a, TOY_BNE, 3, 4, top);
    toy_li(&a, 6, (u64)TOY_ADDI | 0x22 << 8 | 100 << 16); /* addi r2, r2, 100 */
    toy_put(&a, TOY_SW, 6, 5, 0);
    toy_put(&a, TOY_FENCEI, 0, 0, 0);
    toy_put(&a, TOY_JALR, 8, 5, 0);
    toy_stop(&a);
    a = toy_code(m, 0x60400);
    toy_put(&a, TOY_ADDI, 2, 2, 1);
    toy_branch(&a, TOY_BEQ, 4, 4, m->ram->host + 0x61000); /* always */
    toy_put(&a, TOY_ADDI, 2, 2, 1000);
    toy_put(&a, TOY_JALR, 9, 8, 0);
    a = toy_code(m, 0x61000);
    toy_put(&a, TOY_JALR, 9, 8, 0);
    toy_reset(m, 0, CODE);
    toy_run(m);
    CHECK_EQ(state(m, 0)->r[2], 10 + 100);
    toy_machine_free(m);
}

/* A device writes code by DMA. */
TEST(code_by_dma)
{
    struct toy_machine *m = toy_machine_new(one_cpu);
    struct toy_asm a = toy_code(m, CODE);
    const u8 add7[4] = { TOY_ADDI, 0x22, 7, 0 };

    toy_put(&a, TOY_ADDI, 2, 2, 1);
    toy_stop(&a);
    toy_reset(m, 0, CODE);
    toy_run(m);
    CHECK_EQ(state(m, 0)->r[2], 1);
    CHECK(mem_map_write(m->map, CODE, add7, 4));
    toy_reset(m, 0, CODE);
    toy_run(m);
    CHECK_EQ(state(m, 0)->r[2], 7);
    toy_machine_free(m);
}

/* More code than the cache may hold, round and round. */
TEST(eviction)
{
    struct engine_config cfg = one_cpu;
    struct toy_machine *m;
    struct toy_asm a;
    u64 most = 0;

    cfg.code_cache_bytes = 256 * KIB;
    m = toy_machine_new(cfg);
    a = toy_code(m, CODE);
    toy_li(&a, 3, 0x200000); /* 12,000 blocks of two instructions */
    toy_put(&a, TOY_INC, 5, 0, 0);
    toy_put(&a, TOY_JALR, 4, 3, 0);
    a = toy_code(m, 0x200000);
    for (unsigned i = 0; i < 12000; i++) {
        toy_put(&a, TOY_ADDI, 2, 2, 1);
        toy_put(&a, TOY_JAL, 4, 0, 2);
    }
    toy_li(&a, 3, CODE);
    toy_li(&a, 6, 5);
    toy_put(&a, TOY_ADD, 7, 7, 6);
    toy_branch(&a, TOY_BEQ, 5, 6, a.at + 8);
    toy_put(&a, TOY_JALR, 4, 3, 0);
    toy_stop(&a);
    toy_reset(m, 0, CODE);
    toy_run(m);
    most = stats(m).code_bytes;
    CHECK(toy_tier_counts.most_bytes <= 512 * KIB); /* host code, the dead one's too */
    CHECK_EQ(state(m, 0)->r[2], 60000);
    CHECK(most > 0 && most <= 256 * KIB);
    CHECK(stats(m).evictions > 40000);
    toy_machine_free(m);
}

TEST(interrupt_and_wfi)
{
    struct toy_machine *m = toy_machine_new(one_cpu);
    struct toy_asm a = toy_code(m, CODE);
    ns_t took, start;
    u8 *top;

    set_sys(&a, TOY_SYS_TVEC, 0x800);
    toy_li(&a, 3, 20 * NS_PER_MS);
    toy_li(&a, 7, 5);
    set_sys(&a, TOY_SYS_IE, 1);
    top = a.at;
    toy_put(&a, TOY_GETS, 2, 0, TOY_SYS_TIME);
    toy_put(&a, TOY_ADD, 2, 2, 3);
    toy_put(&a, TOY_SETS, 0, 2, TOY_SYS_TIMER);
    toy_put(&a, TOY_WFI, 0, 0, 0);
    toy_branch(&a, TOY_BNE, 6, 7, top);
    toy_stop(&a);
    a = toy_code(m, 0x800); /* the timer's interrupt: counts, disarms */
    toy_put(&a, TOY_INC, 6, 0, 0);
    toy_put(&a, TOY_GETS, 8, 0, TOY_SYS_CAUSE);
    set_sys(&a, TOY_SYS_TIMER, NS_PER_SEC * 1000000);
    toy_put(&a, TOY_ERET, 0, 0, 0);
    toy_reset(m, 0, CODE);
    start = host_clock_monotonic();
    toy_run(m);
    CHECK_EQ(state(m, 0)->r[6], 5);
    CHECK_EQ(state(m, 0)->r[8], TOY_CAUSE_IRQ + TOY_IRQ_TIMER);
    took = host_clock_monotonic() - start;
    CHECK(took >= 100 * NS_PER_MS);
    CHECK(stats(m).exits_irq == 5);
    CHECK(stats(m).run_ns < took / 10 * 9); /* it slept: one that spins runs all the time */
    toy_machine_free(m);
}

/* A timer interrupts a loop that never leaves by itself. */
TEST(timer_while_running)
{
    struct toy_machine *m = toy_machine_new(one_cpu);
    struct toy_asm a = toy_code(m, CODE);

    set_sys(&a, TOY_SYS_TVEC, 0x800);
    set_sys(&a, TOY_SYS_IE, 1);
    toy_li(&a, 7, 1000); /* rounds before, so that the loop is a block that runs */
    toy_put(&a, TOY_INC, 4, 0, 0);
    toy_branch(&a, TOY_BNE, 4, 7, a.at - 2);
    toy_put(&a, TOY_GETS, 2, 0, TOY_SYS_TIME);
    toy_li(&a, 3, 5 * NS_PER_MS);
    toy_put(&a, TOY_ADD, 3, 2, 3);
    toy_put(&a, TOY_SETS, 0, 3, TOY_SYS_TIMER);
    toy_put(&a, TOY_INC, 4, 0, 0);
    toy_branch(&a, TOY_JAL, 5, 0, a.at - 2);
    a = toy_code(m, 0x800);
    toy_put(&a, TOY_GETS, 6, 0, TOY_SYS_TIME);
    toy_stop(&a);
    toy_reset(m, 0, CODE);
    toy_run(m);
    CHECK(state(m, 0)->r[6] >= state(m, 0)->r[3]);
    CHECK(state(m, 0)->r[4] >= 1000);
    CHECK_EQ(stats(m).exits_irq, 1);
    printf("# timer was %" PRIu64 " us late\n", (state(m, 0)->r[6] - state(m, 0)->r[3]) / 1000);
    toy_machine_free(m);
}

TEST(atomics)
{
    struct toy_machine *m = toy_machine_new(one_cpu);
    struct toy_asm a = toy_code(m, CODE);

    trap_handler(m, 0x800, TOY_DEV);
    set_sys(&a, TOY_SYS_TVEC, 0x800);
    *toy_word(m, 0x40000) = 5;
    *toy_word(m, 0x40010) = 1;
    *toy_word(m, 0x40018) = 2;
    toy_li(&a, 2, 0x40000);
    toy_li(&a, 3, 10);
    toy_put(&a, TOY_AMOADD, 4, 2, 3); /* r4 = 5, memory 15 */
    toy_put(&a, TOY_LL, 5, 2, 0);
    toy_put(&a, TOY_SC, 6, 2, 3); /* done: 10 */
    toy_put(&a, TOY_SC, 7, 2, 3); /* no reservation */
    toy_put(&a, TOY_LL, 5, 2, 0);
    toy_put(&a, TOY_ST, 2, 2, 0); /* another value */
    toy_put(&a, TOY_SC, 8, 2, 3); /* fails */
    toy_put(&a, TOY_ADDI, 9, 2, 16);
    toy_li(&a, 10, 1);
    toy_li(&a, 11, 2);
    toy_li(&a, 12, 3);
    toy_li(&a, 13, 4);
    toy_put(&a, TOY_CAS16, 10, 9, 12); /* (1, 2) is there: becomes (3, 4) */
    toy_put(&a, TOY_ADDI, 2, 2, 4);
    toy_put(&a, TOY_AMOADD, 4, 2, 3); /* misaligned */
    toy_li(&a, 2, TOY_DEV);
    toy_put(&a, TOY_AMOADD, 4, 2, 3); /* a device */
    toy_stop(&a);
    toy_reset(m, 0, CODE);
    toy_run(m);
    CHECK_EQ(state(m, 0)->r[4], 5);
    CHECK_EQ(state(m, 0)->r[5], 10);
    CHECK_EQ(state(m, 0)->r[6], 1);
    CHECK_EQ(state(m, 0)->r[7], 0);
    CHECK_EQ(state(m, 0)->r[8], 0);
    CHECK_EQ(*toy_word(m, 0x40000), 0x40000);
    CHECK_EQ(*toy_word(m, 0x40010), 3);
    CHECK_EQ(*toy_word(m, 0x40018), 4);
    CHECK_EQ(m->out[0], TOY_CAUSE_ALIGN);
    CHECK_EQ(m->out[3], TOY_CAUSE_BUS);
    CHECK_EQ(m->out[4], TOY_DEV);
    toy_machine_free(m);
}

TEST(stop_at)
{
    struct toy_machine *m = toy_machine_new(one_cpu);
    struct toy_asm a = toy_code(m, CODE);

    for (int i = 0; i < 10; i++)
        toy_put(&a, TOY_INC, 2, 0, 0);
    toy_branch(&a, TOY_JAL, 3, 0, m->ram->host + CODE);
    toy_reset(m, 0, CODE);
    engine_stop_at(m->engine, 10007);
    toy_run(m);
    CHECK_EQ(engine_insns(m->engine, 0), 10007);
    CHECK_EQ(state(m, 0)->r[2], 10007 - 10007 / 11);
    engine_stop_at(m->engine, 10008);
    toy_run(m);
    CHECK_EQ(engine_insns(m->engine, 0), 10008);
    toy_machine_free(m);
}

/* A device region goes away and RAM comes in its place. */
TEST(map_changes)
{
    struct toy_machine *m = toy_machine_new(one_cpu);
    struct toy_asm a = toy_code(m, CODE);
    struct err err = { 0 };

    toy_li(&a, 2, 0x300000);
    toy_put(&a, TOY_LD, 3, 2, 0);
    toy_stop(&a);
    *toy_word(m, 0x300000) = 1;
    *toy_word(m, 0x3000) = 2;
    toy_reset(m, 0, CODE);
    toy_run(m);
    CHECK_EQ(state(m, 0)->r[3], 1);
    CHECK(mem_map_remove(m->map, 0));
    CHECK_EQ(mem_map_add_ram(m->map, 0, m->ram, 0, 0x300000, false, &err), 0);
    CHECK_EQ(mem_map_add_ram(m->map, 0x300000, m->ram, 0x3000, 0x1000, true, &err), 0);
    toy_reset(m, 0, CODE);
    toy_run(m);
    CHECK_EQ(state(m, 0)->r[3], 2);
    toy_machine_free(m);
}

/* Calls the code at r2 20 times. r6 is the link, r8 counts. */
static void call_20_times(struct toy_asm *a)
{
    const u8 *again;

    toy_li(a, 8, 0);
    again = a->at;
    toy_put(a, TOY_JALR, 6, 2, 0);
    toy_put(a, TOY_ADDI, 8, 8, 1);
    toy_branch(a, TOY_BNE, 8, 9, again);
}

/* Code that ran often enough to be remembered everywhere is not found any more when its address
 * leads elsewhere, after a flush of everything as after one of the page. */
TEST(code_is_mapped_elsewhere)
{
    struct toy_machine *m = toy_machine_new(one_cpu);
    struct toy_asm a = toy_code(m, 0x40000);

    toy_put(&a, TOY_ADDI, 5, 5, 1);
    toy_put(&a, TOY_JALR, 7, 6, 0);
    a = toy_code(m, 0x60000);
    toy_put(&a, TOY_ADDI, 5, 5, 100);
    toy_put(&a, TOY_JALR, 7, 6, 0);
    a = toy_code(m, CODE);
    map_pages(m, 0x230000, 0x40000, 1, TOY_PTE_EXEC);
    map_pages(m, PT, PT, 64, TOY_PTE_READ | TOY_PTE_WRITE);
    paging_on(m, &a);
    toy_li(&a, 2, 0x230000);
    toy_li(&a, 3, PT + 8 * 0x230);
    toy_li(&a, 5, 0);
    toy_li(&a, 9, 20);
    call_20_times(&a);
    toy_li(&a, 4, 0x60000 | TOY_PTE_EXEC);
    toy_put(&a, TOY_ST, 4, 3, 0);
    set_sys(&a, TOY_SYS_FLUSH, UINT64_MAX);
    call_20_times(&a);
    toy_li(&a, 4, 0x40000 | TOY_PTE_EXEC);
    toy_put(&a, TOY_ST, 4, 3, 0);
    toy_put(&a, TOY_SETS, 0, 2, TOY_SYS_FLUSH);
    call_20_times(&a);
    stop_paged(&a);
    toy_reset(m, 0, CODE);
    toy_run(m);
    CHECK_EQ(state(m, 0)->r[5], 20 + 2000 + 20);
    toy_machine_free(m);
}

static void rom_written(void *dev, u64 off, u64 v, unsigned size, unsigned cpu)
{
    *(u64 *)dev = off << 32 | v;
}

static u64 rom_read(void *dev, u64 off, unsigned size, unsigned cpu)
{
    return 3;
}

/* A CPU loads from a device's ROM and stores to the device, page by page of one region; the ROM
 * hidden, it loads from the device. */
TEST(rom_of_a_device)
{
    static const struct mem_io_ops ops = { rom_read, rom_written, MEM_IO_ALL };
    struct toy_machine *m = toy_machine_new(one_cpu);
    struct toy_asm a = toy_code(m, CODE);
    struct mem_ram *rom = NULL;
    struct err err = { 0 };
    u64 written = 0;

    CHECK_EQ(mem_ram_new("rom", 0x2000, &rom, &err), 0);
    CHECK_EQ(mem_map_add_rom(m->map, 0x20000000, rom, 0x2000, "rom", &ops, &written, &err), 0);
    rom->host[0x1008] = 1;
    toy_li(&a, 2, 0x20001000);
    toy_li(&a, 5, 2);
    toy_put(&a, TOY_LD, 3, 2, 8);
    toy_put(&a, TOY_ST, 5, 2, 8);
    toy_put(&a, TOY_LD, 4, 2, 8);
    toy_stop(&a);
    toy_reset(m, 0, CODE);
    toy_run(m);
    CHECK_EQ(state(m, 0)->r[3], 1);
    CHECK_EQ(state(m, 0)->r[4], 1);
    CHECK_EQ(written, 0x100800000002);
    mem_map_rom_show(m->map, 0x20000000, false);
    toy_reset(m, 0, CODE);
    toy_run(m);
    CHECK_EQ(state(m, 0)->r[4], 3);
    toy_machine_free(m);
    mem_ram_free(rom);
}

/* An instruction may start at multiples of insn_align only: elsewhere its fetch faults, and no
 * bytes there are looked at. */
TEST(misaligned_pc)
{
    struct toy_machine *m = toy_machine_new(one_cpu);
    struct toy_asm a = toy_code(m, 0x800);

    toy_li(&a, 15, TOY_DEV);
    toy_put(&a, TOY_GETS, 14, 0, TOY_SYS_CAUSE);
    toy_put(&a, TOY_ST, 14, 15, TOY_DEV_OUT);
    toy_put(&a, TOY_GETS, 14, 0, TOY_SYS_TVAL);
    toy_put(&a, TOY_ST, 14, 15, TOY_DEV_OUT);
    toy_put(&a, TOY_GETS, 14, 0, TOY_SYS_EPC);
    toy_put(&a, TOY_ST, 14, 15, TOY_DEV_OUT);
    toy_stop(&a);
    a = toy_code(m, CODE);
    set_sys(&a, TOY_SYS_TVEC, 0x800);
    set_sys(&a, TOY_SYS_EPC, 0x40001);
    toy_put(&a, TOY_ERET, 0, 0, 0);
    toy_reset(m, 0, CODE);
    toy_run(m);
    CHECK_EQ(m->out[0], TOY_CAUSE_ALIGN);
    CHECK_EQ(m->out[1], 0x40001);
    CHECK_EQ(m->out[2], 0x40001);
    toy_machine_free(m);
}

/* Rules finer than a page: an access is judged as a whole, of every kind, and the answer for a
 * short one is no answer for a long one. Pages split an access before. */
TEST(access_size)
{
    static const u64 write[] = { 0, 1, 1, 0, 1 }; /* of the first five faults */
    struct toy_machine *m = toy_machine_new(one_cpu);
    struct toy_asm a = toy_code(m, CODE);

    trap_handler(m, 0x800, 0x8000000);
    map_pages(m, 0x200000, 0x40000, 2, TOY_PTE_ALL | TOY_PTE_NOTLB);
    *toy_word(m, 0x40008) = 0x1122334455667788;
    set_sys(&a, TOY_SYS_TVEC, 0x800);
    paging_on(m, &a);
    toy_li(&a, 2, 0x200008);
    toy_li(&a, 3, 0x201000);
    toy_put(&a, TOY_LW, 4, 2, 0);
    toy_put(&a, TOY_LW, 5, 2, 4);
    toy_put(&a, TOY_LD, 6, 2, 0);
    toy_put(&a, TOY_ST, 2, 2, 0);
    toy_put(&a, TOY_AMOADD, 7, 2, 2);
    toy_put(&a, TOY_LL, 7, 2, 0);
    toy_put(&a, TOY_SC, 7, 2, 2);
    toy_put(&a, TOY_ST, 2, 3, -4); /* 4 bytes in each page */
    toy_put(&a, TOY_ST, 2, 3, -2); /* 2, and 6 */
    stop_paged(&a);
    toy_reset(m, 0, CODE);
    toy_run(m);
    CHECK_EQ(state(m, 0)->r[4] & 0xffffffff, 0x55667788);
    CHECK_EQ(state(m, 0)->r[5] & 0xffffffff, 0x11223344);
    CHECK_EQ(*toy_word(m, 0x40008), 0x1122334455667788);
    CHECK_EQ(*toy_word(m, 0x40ff8), 0x200008ull << 32);
    CHECK_EQ(*toy_word(m, 0x41000), 0);
    if (CHECK_EQ(m->out_count, 18)) {
        for (unsigned i = 0; i < ARRAY_SIZE(write); i++) {
            CHECK_EQ(m->out[3 * i], TOY_CAUSE_PAGE_READ + write[i]);
            CHECK_EQ(m->out[3 * i + 1], 0x200008);
        }
        CHECK_EQ(m->out[15], TOY_CAUSE_PAGE_WRITE);
        CHECK_EQ(m->out[16], 0x201000);
    }
    toy_machine_free(m);
}

/* A tier above: hot blocks are translated once, linked, taken back when their bytes change
 * or the engine goes; blocks reached only from its code get there too. */
TEST(tier_life)
{
    struct engine_config cfg = one_cpu;
    struct toy_machine *m;
    struct toy_asm a;
    u8 *top;

    cfg.tier = ENGINE_AUTO;
    cfg.host_cpus = 1; /* the vCPU translates */
    m = toy_machine_new(cfg);
    a = toy_code(m, CODE);
    toy_li(&a, 3, 0);
    toy_li(&a, 4, 1000);
    toy_li(&a, 5, 0x50000);
    toy_li(&a, 6, (u64)TOY_ADDI | 0x22 << 8);
    toy_li(&a, 10, 15);
    top = a.at;
    toy_put(&a, TOY_INC, 3, 0, 0);
    toy_put(&a, TOY_JALR, 8, 5, 0);
    toy_put(&a, TOY_AND, 9, 3, 10);
    toy_branch(&a, TOY_BNE, 9, 10, a.at + 4 + 4 * 4); /* every sixteenth time */
    toy_put(&a, TOY_SHLI, 7, 3, 16);
    toy_put(&a, TOY_ADD, 7, 7, 6);
    toy_put(&a, TOY_SW, 7, 5, 0);
    toy_put(&a, TOY_FENCEI, 0, 0, 0);
    toy_branch(&a, TOY_BNE, 3, 4, top);
    toy_stop(&a);
    a = toy_code(m, 0x50000);
    toy_put(&a, TOY_ADDI, 2, 2, 0);
    toy_put(&a, TOY_JALR, 9, 8, 0);
    toy_reset(m, 0, CODE);
    toy_run(m);
    CHECK_EQ(state(m, 0)->r[2], 492039);
    CHECK(toy_tier_counts.translated >= 60 && toy_tier_counts.translated < 90);
    CHECK_EQ(stats(m).host_blocks, toy_tier_counts.translated);
    CHECK(toy_tier_counts.invalidated >= 60);
    CHECK(toy_tier_counts.linked > 0 && toy_tier_counts.followed > 500);
    CHECK(toy_tier_counts.runs < 1000);
    toy_machine_free(m);
    CHECK_EQ(toy_tier_counts.released, toy_tier_counts.translated);
    CHECK_EQ(toy_tier_counts.wrong, 0);
}

/* A block with host code keeps no decoded instructions; who asks for them has them again. */
TEST(decoded_given_back)
{
    struct engine_config cfg = one_cpu;
    struct toy_machine *m;
    struct toy_asm a;
    bool all_translated;
    u64 held;
    u8 *top;

    cfg.tier = ENGINE_AUTO;
    cfg.host_cpus = 1; /* the vCPU translates */
    m = toy_machine_new(cfg);
    a = toy_code(m, CODE);
    toy_li(&a, 4, 100);
    top = a.at;
    for (unsigned i = 0; i < 40; i++)
        toy_put(&a, TOY_ADDI, 2, 2, 1);
    toy_put(&a, TOY_INC, 3, 0, 0);
    toy_branch(&a, TOY_BNE, 3, 4, top);
    toy_stop(&a);
    toy_reset(m, 0, CODE);
    toy_run(m);
    CHECK_EQ(state(m, 0)->r[2], 4000);
    CHECK_EQ(stats(m).decoded_again, stats(m).host_blocks); /* the toy tier asks once a block */
    CHECK(stats(m).decoded_again > 0);
    held = stats(m).insns_held;
    all_translated = getenv("TOY_TIER") && strcmp(getenv("TOY_TIER"), "base") == 0;
    engine_trim(m->engine, false); /* what never got host code goes too, and is decoded anew */
    CHECK_EQ(stats(m).insns_held, all_translated ? held : 42);
    toy_reset(m, 0, CODE);
    state(m, 0)->r[2] = state(m, 0)->r[3] = 0;
    toy_run(m);
    CHECK_EQ(state(m, 0)->r[2], 4000);
    toy_machine_free(m);
}

TEST(two_engines)
{
    struct toy_machine *m[2];
    struct toy_asm a;
    u8 *top;

    for (unsigned i = 0; i < 2; i++) {
        m[i] = toy_machine_new(one_cpu);
        a = toy_code(m[i], CODE);
        toy_li(&a, 3, 100000 * (i + 1));
        top = a.at;
        toy_put(&a, TOY_ADDI, 2, 2, (int)i + 1);
        toy_branch(&a, TOY_BNE, 2, 3, top);
        toy_stop(&a);
        toy_reset(m[i], 0, CODE);
    }
    engine_resume(m[0]->engine);
    toy_run(m[1]);
    engine_pause_request(m[0]->engine);
    engine_pause_wait(m[0]->engine);
    engine_resume(m[0]->engine);
    while (state(m[1], 0)->r[2] != 200000)
        ;
    toy_machine_free(m[0]);
    CHECK_EQ(state(m[1], 0)->r[2], 200000);
    toy_machine_free(m[1]);
}

/* Speed of the interpreter on integer code with paging: for a person to read. */
TEST(speed)
{
    struct toy_machine *m = toy_machine_new(one_cpu);
    struct toy_asm a = toy_code(m, CODE);
    struct engine_stats s;
    u8 *top;
    ns_t start;
    u64 insns;

    paging_on(m, &a);
    toy_li(&a, 2, 0x40000);
    toy_li(&a, 3, 0);
    toy_li(&a, 4, 3000000);
    top = a.at;
    toy_put(&a, TOY_LD, 5, 2, 0);
    toy_put(&a, TOY_ADD, 5, 5, 3);
    toy_put(&a, TOY_ST, 5, 2, 0);
    toy_put(&a, TOY_SHRI, 6, 5, 3);
    toy_put(&a, TOY_XOR, 7, 7, 6);
    toy_put(&a, TOY_BEQ, 7, 4, 4);
    toy_put(&a, TOY_INC, 3, 0, 0);
    toy_put(&a, TOY_ADD, 8, 7, 3);
    toy_put(&a, TOY_LW, 9, 2, 8);
    toy_branch(&a, TOY_BNE, 3, 4, top);
    stop_paged(&a);
    toy_reset(m, 0, CODE);
    start = host_clock_monotonic();
    toy_run(m);
    s = stats(m);
    insns = s.insns;
    printf("# %" PRIu64 " M instructions/s (%" PRIu64 " of wall time)\n", insns * 1000 / s.run_ns,
           insns * 1000 / (host_clock_monotonic() - start));
    CHECK_EQ(state(m, 0)->r[3], 3000000);
    toy_machine_free(m);
}

TEST_MAIN(TEST_CASE(configuration), TEST_CASE(loop_and_count), TEST_CASE(code_is_mapped_elsewhere),
          TEST_CASE(code_crosses_page), TEST_CASE(code_changes),
          TEST_CASE(code_changes_in_any_order), TEST_CASE(code_grows_alone), TEST_CASE(code_by_dma),
          TEST_CASE(eviction), TEST_CASE(interrupt_and_wfi), TEST_CASE(timer_while_running),
          TEST_CASE(atomics), TEST_CASE(stop_at), TEST_CASE(decoded_given_back),
          TEST_CASE(map_changes), TEST_CASE(rom_of_a_device), TEST_CASE(misaligned_pc),
          TEST_CASE(access_size), TEST_CASE(tier_life), TEST_CASE(two_engines), TEST_CASE(speed))
