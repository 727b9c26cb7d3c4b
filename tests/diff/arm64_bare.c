/*
 * arm64_bare.c - a bare program on an arm64 CPU and 64 MiB of RAM, for test_privileged_arm64.py.
 *
 *     arm64_bare PROGRAM interp|base INSNS [el2|MODEL]
 *
 * PROGRAM is loaded to the start of RAM and runs there at EL1, or at EL2, for so many instructions.
 * To standard output go X0 to X30, SP, pc and PSTATE, 8 bytes each, and the first 4 MiB of RAM.
 */
#include "base/bits.h"
#include "engine/core/engine.h"
#include "host/thread.h"
#include "isa/arm64/isa.h"
#include "isa/arm64/sysreg.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RAM      0x40000000ull
#define RAM_SIZE (64 * MIB)
enum { REGISTERS = 34, SHOWN = 4 << 20 };

static struct host_mutex lock;
static struct host_cond cond;
static bool paused;

static void on_paused(void *arg)
{
    host_mutex_lock(&lock);
    paused = true;
    host_cond_broadcast(&cond);
    host_mutex_unlock(&lock);
}

static ns_t quantum_end(void *arg, ns_t now, ns_t until)
{
    return UINT64_MAX;
}

/* el2: arg */
static int sysreg_read(void *arg, struct vcpu *c, unsigned space, unsigned number, u64 *out)
{
    if (space != ARM_SPACE_BOARD || number != ARM_BOARD_EL2)
        return -ENOENT;
    *out = arg != NULL;
    return 0;
}

static void must(int rc, const struct err *err)
{
    if (rc == 0)
        return;
    fprintf(stderr, "arm64_bare: %s\n", err->text);
    exit(1);
}

static bool load(const char *path, u8 *to)
{
    FILE *in = fopen(path, "rb");
    size_t n = in ? fread(to, 1, RAM_SIZE, in) : 0;

    return in && fclose(in) == 0 && n > 0;
}

static void show(struct vcpu *c, const struct mem_ram *ram)
{
    for (unsigned i = 0; i < REGISTERS; i++) {
        u64 v = 0;
        u8 bytes[8];

        c->isa->reg_get(c, i, &v);
        le64_put(bytes, v);
        fwrite(bytes, 1, sizeof bytes, stdout);
    }
    fwrite(ram->host, 1, SHOWN, stdout);
}

static void run(struct engine *e, u64 insns)
{
    struct err err = { 0 };

    engine_stop_at(e, insns);
    must(engine_start(e, &err), &err);
    engine_resume(e);
    host_mutex_lock(&lock);
    while (!paused)
        host_cond_wait(&cond, &lock);
    host_mutex_unlock(&lock);
    engine_pause_wait(e);
}

int main(int argc, char **argv)
{
    struct engine_host host = { .quantum_end = quantum_end,
                                .paused = on_paused,
                                .sysreg_read = sysreg_read };
    struct engine_config cfg = {
        .isa = &arm64_isa, .handlers = arm64_interp_handlers, .cpus = 1, .deterministic = true
    };
    struct err err = { 0 };
    struct mem_ram *ram;
    struct engine *e;
    bool el2 = argc == 5 && strcmp(argv[4], "el2") == 0;

    if (argc != 4 && argc != 5)
        return 2;
    if (el2)
        host.arg = &el2;
    while (argc == 5 && !el2 && strcmp(arm64_models[cfg.model], argv[4]) != 0)
        if (!arm64_models[++cfg.model])
            return 2;
    host_mutex_init(&lock);
    host_cond_init(&cond);
    cfg.map = mem_map_new("board");
    cfg.tier = strcmp(argv[2], "interp") ? ENGINE_BASE : ENGINE_INTERP;
    must(mem_ram_new("ram", RAM_SIZE, &ram, &err), &err);
    must(mem_map_add_ram(cfg.map, RAM, ram, 0, RAM_SIZE, false, &err), &err);
    if (!load(argv[1], ram->host)) {
        perror(argv[1]);
        return 1;
    }
    must(engine_new(&cfg, &host, &e, &err), &err);
    arm64_isa.reset(engine_cpu(e, 0), RAM, NULL, 0);
    run(e, strtoull(argv[3], NULL, 0));
    show(engine_cpu(e, 0), ram);
    engine_free(e);
    mem_map_free(cfg.map);
    mem_ram_free(ram);
    return 0;
}
