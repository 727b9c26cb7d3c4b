/*
 * toy_isa.h - a small 64-bit architecture to test engines with: sixteen registers, one
 * level of page tables, traps, a timer, LL/SC, 2- and 4-byte instructions.
 *
 * Encoding: byte 0 operation; byte 1 rd | rs1 << 4; bytes 2..3 an immediate, or rs2.
 * TOY_INC has only the first two bytes. r0 is an ordinary register.
 */
#ifndef TESTS_TOY_ISA_H
#define TESTS_TOY_ISA_H

#include "engine/core/engine.h"
#include "host/thread.h"
#include "isa/isa.h"
#include "mem/map.h"

enum toy_op {
    TOY_ILLEGAL, /* raises TOY_CAUSE_ILLEGAL */
    TOY_INC,     /* rd += 1; two bytes */
    TOY_ADDI,
    TOY_LUI, /* rd = rs1 + simm; rd = simm << 16 */
    TOY_ADD,
    TOY_SUB,
    TOY_XOR,
    TOY_AND,
    TOY_MUL,
    TOY_SHLI,
    TOY_SHRI,
    TOY_LD,
    TOY_ST, /* 8 bytes at rs1 + simm, any alignment */
    TOY_LW,
    TOY_SW, /* 4 bytes, naturally aligned */
    TOY_LB,
    TOY_SB,
    TOY_BNE,
    TOY_BEQ,
    TOY_BLTU, /* rd against rs1; target pc + 2 * simm */
    TOY_JAL,
    TOY_JALR,   /* rd = next; pc + 2 * simm; rs1 + simm */
    TOY_AMOADD, /* rd = [rs1]; [rs1] += rs2 */
    TOY_CAS16,  /* (rd, rd+1) = [rs1]; [rs1] = (rs2, rs2+1) if (rd, rd+1) was there */
    TOY_LL,
    TOY_SC,    /* rd = [rs1]; rd = 1 if [rs1] = rs2 was done */
    TOY_RELAX, /* simm: of enum isa_relax */
    TOY_CALL,
    TOY_ERET,
    TOY_WFI,
    TOY_FENCEI,
    TOY_GETS,
    TOY_SETS, /* rd = system register simm; system register simm = rs1 */
    TOY_FIRMWARE,
    TOY_OP_COUNT
};

enum toy_sys {
    TOY_SYS_TVEC,
    TOY_SYS_EPC,
    TOY_SYS_CAUSE,
    TOY_SYS_TVAL,
    TOY_SYS_IE,     /* 1: interrupts on */
    TOY_SYS_PTBASE, /* page table; setting it flushes what is not global */
    TOY_SYS_PAGING, /* 0 off, 1 on, for code and data */
    TOY_SYS_COUNT,
    TOY_SYS_TIME,
    TOY_SYS_HART,
    TOY_SYS_TIMER, /* deadline */
    TOY_SYS_FLUSH, /* writing va: flushes its page; ~0: all */
};

enum {
    TOY_CAUSE_ILLEGAL = 1,
    TOY_CAUSE_CALL,
    TOY_CAUSE_PAGE_READ,
    TOY_CAUSE_PAGE_WRITE,
    TOY_CAUSE_PAGE_FETCH,
    TOY_CAUSE_BUS,
    TOY_CAUSE_ALIGN,
    TOY_CAUSE_IRQ = 64,
};
enum { TOY_IRQ_A, TOY_IRQ_B, TOY_IRQ_TIMER = 5 };

/* A page-table entry: 8 bytes at PTBASE + 8 * (va >> 12 mod 2^16); high address bits of va
 * must be zero. With LARGE, 2 MiB from the entry of the aligned address. With NOTLB no access
 * may cross a multiple of TOY_REACH bytes in the page. */
enum { TOY_REACH = 4 };
enum {
    TOY_PTE_READ = 1,
    TOY_PTE_WRITE = 2,
    TOY_PTE_EXEC = 4,
    TOY_PTE_GLOBAL = 8,
    TOY_PTE_LARGE = 16,
    TOY_PTE_NOTLB = 32,
    TOY_PTE_ALL = 7,
};

struct toy_state {
    u64 r[16];
    u64 pc;
    u64 sys[16];
    bool timer_pending;
    u64 traps, translations;
};

static inline struct toy_state *toy_state(struct vcpu *c)
{
    return vcpu_state(c);
}

extern const struct isa toy_isa;
extern isa_handler *const toy_handlers[TOY_OP_COUNT];

/* --- an assembler --- */

struct toy_asm {
    u8 *at;
    u8 *start;
};

void toy_put(struct toy_asm *a, enum toy_op op, unsigned rd, unsigned rs1, int imm);
/* rd = v, whatever it takes (up to eight instructions). */
void toy_li(struct toy_asm *a, unsigned rd, u64 v);
/* A branch from here back or forth to `to`. */
void toy_branch(struct toy_asm *a, enum toy_op op, unsigned rd, unsigned rs1, const u8 *to);
void toy_branch_fix(u8 *from, const u8 *to);

/* --- a machine: RAM at 0, a device at TOY_DEV --- */

#define TOY_RAM_SIZE (4 * MIB)
#define TOY_DEV 0x10000000ull
enum {
    TOY_DEV_OUT = 0,    /* write: appended to out[] */
    TOY_DEV_STOP = 8,   /* write: pauses the machine */
    TOY_DEV_COUNT = 16, /* read: the accessing CPU's count of instructions, from the device */
    TOY_DEV_IRQ = 24,   /* write: cpu | line << 8 | level << 16 */
    TOY_DEV_CALL = 32,  /* write: mask of CPUs to be called */
    TOY_DEV_WAIT = 48,  /* write: waits until the word at this physical address is not 0 */
    TOY_DEV_WHO = 56,   /* read: which CPU asks; write: which CPU told n */
    TOY_DEV_CLOCK = 40, /* read: the machine's clock as a device sees it */
};

struct toy_machine {
    struct mem_map *map;
    struct mem_ram *ram;
    struct engine *engine;
    ns_t start;
    struct host_mutex lock;
    struct host_cond cond;
    unsigned paused; /* lock: times told */
    u64 out[64];
    unsigned out_count; /* atomic */
    unsigned called;    /* atomic: calls done by TOY_DEV_CALL */
    unsigned who[4];    /* by TOY_DEV_WHO */
};

/* cpus and what else *cfg wants; isa, handlers and map are filled in. TOY_TIER=auto, base or
 * background (auto, with processors to spare) in the environment overrides cfg.tier. Exits on
 * failure. */
struct toy_machine *toy_machine_new(struct engine_config cfg);
struct toy_machine *toy_machine_free(struct toy_machine *m);
struct toy_asm toy_code(struct toy_machine *m, u64 at);
/* Resets CPU i to begin at pc; r[1] = i. */
void toy_reset(struct toy_machine *m, unsigned cpu, u64 pc);
/* Runs until the guest writes to TOY_DEV_STOP (or paused otherwise). */
void toy_run(struct toy_machine *m);
/* Ends a program: stops the machine, then waits for ever. Uses r14. */
void toy_stop(struct toy_asm *a);
u64 *toy_word(struct toy_machine *m, u64 at);

#endif
