/*
 * fuzz_kernel.c - a kernel image, boot loader or firmware from a stranger, of any format.
 *
 * First byte: bits 0 and 1 say what the bytes after it are (kernel; firmware; a kernel under
 * a firmware; firmware and initrd at once), bits 2 to 4 the size of memory, bit 5 that the board is
 * arm-virt, not riscv-virt. Either there is one sentence, or a plan whose pieces lie in memory,
 * apart from each other.
 */
#include "machine/arm_virt.h"
#include "machine/riscv_virt.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

/* A tree of a root and nothing else, so that the machine's is not made each time. */
static const u8 tree[] = { 0xd0, 0x0d, 0xfe, 0xed, 0, 0, 0, 72, 0, 0, 0, 56, 0, 0, 0, 72, /**/
                           0,    0,    0,    40,   0, 0, 0, 17, 0, 0, 0, 16, 0, 0, 0, 0,  /**/
                           0,    0,    0,    0,    0, 0, 0, 16, 0, 0, 0, 0,  0, 0, 0, 0,  /**/
                           0,    0,    0,    0,    0, 0, 0, 0,  0, 0, 0, 1,  0, 0, 0, 0,  /**/
                           0,    0,    0,    2,    0, 0, 0, 9 };

static const u64 sizes[] = {
    4 * MIB, 8 * MIB, 16 * MIB, 64 * MIB, 256 * MIB, GIB, 2 * GIB, 64 * GIB
};

struct file {
    int fd;
    char path[32];
};

static void file_put(struct file *f, const u8 *data, size_t size)
{
    if (!f->path[0]) {
        f->fd = memfd_create("fuzz", 0);
        snprintf(f->path, sizeof f->path, "/proc/self/fd/%d", f->fd);
    }
    if (ftruncate(f->fd, 0) || pwrite(f->fd, data, size, 0) != (ssize_t)size)
        abort();
}

/* Also reads every byte that a reset would copy. */
static void check_plan(const struct boot_plan *plan)
{
    for (unsigned i = 0; i < plan->load_count; i++) {
        const struct boot_load *l = &plan->loads[i];

        if (l->size > l->span || l->at < plan->ram_base || l->span > plan->ram_size ||
            l->at - plan->ram_base > plan->ram_size - l->span)
            abort();
        for (unsigned k = 0; k < i; k++)
            if (l->at < plan->loads[k].at + plan->loads[k].span &&
                plan->loads[k].at < l->at + l->span)
                abort();
        for (u64 n = 0; n < l->size; n++)
            __asm__ volatile("" : : "r"(l->data[n])); /* is read */
    }
}

static void boot(struct machine *m, gpa_t ram, int (*board)(struct machine *m, struct err *err))
{
    static const u64 seed = 1;
    struct err err = { 0 };

    clock_init(&m->clock, &seed, true);
    boot_plan_init(&m->plan, ram, m->cfg->memory);
    if (board(m, &err) == 0)
        check_plan(&m->plan);
    else if (!err.text[0])
        abort(); /* a refusal says why */
    boot_plan_fini(&m->plan);
    clock_fini(&m->clock);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    static struct file input, firmware, dtb;
    struct machine_config cfg = { .cpus = 1 };
    struct riscv_virt riscv = { .virt.m.cfg = &cfg };
    struct arm_virt arm = { .virt.m.cfg = &cfg };
    unsigned how;

    if (size < 2)
        return 0;
    if (!dtb.path[0]) {
        file_put(&dtb, tree, sizeof tree);
        file_put(&firmware, (const u8[]){ 0x6f, 0, 0, 0 }, 4); /* j . */
    }
    file_put(&input, data + 1, size - 1);
    how = data[0] & 3;
    cfg.memory = sizes[data[0] >> 2 & 7];
    cfg.dtb = dtb.path;
    cfg.kernel = how == 0 || how == 2 ? input.path : NULL;
    cfg.firmware = how == 2 ? firmware.path : how ? input.path : NULL;
    cfg.initrd = how == 3 ? input.path : NULL;
    if (data[0] & 32)
        boot(&arm.virt.m, ARM_VIRT_RAM, arm_virt_boot);
    else
        boot(&riscv.virt.m, RISCV_VIRT_RAM, riscv_virt_boot);
    return 0;
}
