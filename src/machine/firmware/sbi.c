/*
 * sbi.c - the built-in SBI: the table of extensions, BASE, TIME, SRST and legacy calls.
 *
 * RISC-V Supervisor Binary Interface Specification 2.0.
 */
#include "machine/firmware/sbi_private.h"

#include "base/bug.h"
#include "base/log.h"

enum { REG_A0 = 10, REG_A6 = 16, REG_A7 = 17, REG_STIMECMP = 65 + 0x14d };

enum {
    SPEC_VERSION = 2 << 24,
    IMPL_ID = 0x766d /* "vm": not a registered number */,
    IMPL_VERSION = 1
};

#define STATE_ROW_T struct sbi_state
STATE_LIST(sbi, SBI_STATE, 1);
#undef STATE_ROW_T

static void ext_base(struct sbi *sbi, struct vcpu *c, struct sbi_args *args);

/* Chapter 6: set_timer. The hart has Sstc, which does it all. */
static void ext_time(struct sbi *sbi, struct vcpu *c, struct sbi_args *args)
{
    if (args->fid != 0)
        sbi_fail(args, SBI_ERR_NOT_SUPPORTED);
    else if (c->isa->reg_set(c, REG_STIMECMP, args->a[0]) < 0)
        sbi_fail(args, SBI_ERR_FAILED);
}

/* Chapter 10: system_reset. The hart does not run on while the machine stops. */
static void ext_srst(struct sbi *sbi, struct vcpu *c, struct sbi_args *args)
{
    u64 type = args->a[0], reason = args->a[1];

    if (args->fid != 0) {
        sbi_fail(args, SBI_ERR_NOT_SUPPORTED);
    } else if (type > 2 || reason > 1) {
        sbi_fail(args, SBI_ERR_INVALID_PARAM);
    } else {
        c->stopped = true;
        sbi->host.request(sbi->host.arg, type == 0 ? DEV_REQUEST_POWEROFF : DEV_REQUEST_RESET);
    }
}

static const struct {
    u32 id;
    const char *name;
    void (*call)(struct sbi *sbi, struct vcpu *c, struct sbi_args *args);
} extensions[] = {
    { 0x10, "BASE", ext_base },       { 0x54494d45, "TIME", ext_time },
    { 0x735049, "IPI", sbi_ext_ipi }, { 0x52464e43, "RFENCE", sbi_ext_rfence },
    { 0x48534d, "HSM", sbi_ext_hsm }, { 0x53525354, "SRST", ext_srst },
    { 0x504d55, "PMU", sbi_ext_pmu }, { 0x4442434e, "DBCN", sbi_ext_dbcn },
};

enum { LEGACY_SET_TIMER = 0, LEGACY_PUTCHAR = 1, LEGACY_GETCHAR = 2, LEGACY_SHUTDOWN = 8 };

static bool legacy_has(u64 id)
{
    return id <= LEGACY_GETCHAR || id == LEGACY_SHUTDOWN;
}

static u64 probe(u64 id)
{
    for (size_t i = 0; i < ARRAY_SIZE(extensions); i++)
        if (extensions[i].id == id)
            return 1;
    return legacy_has(id);
}

/* Chapter 4. */
static void ext_base(struct sbi *sbi, struct vcpu *c, struct sbi_args *args)
{
    switch (args->fid) {
    case 0: args->value = SPEC_VERSION; break;
    case 1: args->value = IMPL_ID; break;
    case 2: args->value = IMPL_VERSION; break;
    case 3: args->value = probe(args->a[0]); break;
    case 4: /* mvendorid, marchid, mimpid: not a registered implementation */
    case 5:
    case 6: args->value = 0; break;
    default: sbi_fail(args, SBI_ERR_NOT_SUPPORTED);
    }
}

/* Chapter 5: only a0 is returned. */
static void legacy_call(struct sbi *sbi, struct vcpu *c, u64 id, struct sbi_args *args)
{
    u8 byte = (u8)args->a[0];

    switch (id) {
    case LEGACY_SET_TIMER:
        args->fid = 0;
        ext_time(sbi, c, args);
        break;
    case LEGACY_PUTCHAR:
        args->error = sbi->host.console_write(sbi->host.arg, &byte, 1) == 1 ? 0 : SBI_ERR_FAILED;
        break;
    case LEGACY_GETCHAR: /* input belongs to the serial line */ args->error = -1; break;
    default: c->stopped = true; sbi->host.request(sbi->host.arg, DEV_REQUEST_POWEROFF);
    }
}

static u64 get(struct vcpu *c, unsigned reg)
{
    u64 v = 0;

    BUG_ON(c->isa->reg_get(c, reg, &v) < 0);
    return v;
}

static void set(struct vcpu *c, unsigned reg, u64 v)
{
    BUG_ON(c->isa->reg_set(c, reg, v) < 0);
}

bool sbi_call(struct sbi *sbi, struct vcpu *c)
{
    struct sbi_args args = { .fid = get(c, REG_A6) };
    u64 id = get(c, REG_A7);
    const char *name = "unknown";

    for (unsigned i = 0; i < 6; i++)
        args.a[i] = get(c, REG_A0 + i);
    if (legacy_has(id)) {
        legacy_call(sbi, c, id, &args);
        set(c, REG_A0, (u64)args.error);
        return true;
    }
    args.error = SBI_ERR_NOT_SUPPORTED;
    for (size_t i = 0; i < ARRAY_SIZE(extensions); i++) {
        if (extensions[i].id != id)
            continue;
        name = extensions[i].name;
        args.error = SBI_SUCCESS;
        extensions[i].call(sbi, c, &args);
        break;
    }
    log_trace(sbi, "hart %u: %s (%#llx) function %llu: error %lld, value %#llx", c->index, name,
              (unsigned long long)id, (unsigned long long)args.fid, (long long)args.error,
              (unsigned long long)args.value);
    set(c, REG_A0, (u64)args.error);
    set(c, REG_A0 + 1, args.value);
    return true;
}

void sbi_init(struct sbi *sbi, const struct sbi_host *host, struct engine *engine,
              struct mem_map *map, unsigned harts)
{
    *sbi = (struct sbi){ .host = *host };
    cpu_power_init(&sbi->power, engine, map, harts);
}

void sbi_reset(struct sbi *sbi, gpa_t entry, u64 opaque)
{
    state_reset(&sbi_state_list, &sbi->s);
    cpu_power_reset(&sbi->power,
                    &(struct cpu_power_start){ entry, { 0, opaque, SBI_FROM_S }, SBI_START_ARGS });
}

void sbi_loaded(struct sbi *sbi)
{
    cpu_power_loaded(&sbi->power);
}
