/*
 * plan.c - where things lie in RAM, without overlaps.
 */
#include "machine/boot/boot.h"

#include "base/bits.h"
#include "base/bug.h"
#include "base/checked.h"
#include "base/log.h"
#include <errno.h>
#include <stdlib.h>

void boot_plan_init(struct boot_plan *plan, gpa_t ram_base, u64 ram_size)
{
    *plan = (struct boot_plan){ .ram_base = ram_base, .ram_size = ram_size };
}

void boot_plan_fini(struct boot_plan *plan)
{
    for (unsigned i = 0; i < plan->owned_count; i++)
        free(plan->owned[i]);
    *plan = (struct boot_plan){ 0 };
}

void boot_plan_own(struct boot_plan *plan, void *memory)
{
    BUG_ON(plan->owned_count == ARRAY_SIZE(plan->owned));
    plan->owned[plan->owned_count++] = memory;
}

static bool overlaps(const struct boot_load *l, gpa_t at, u64 span)
{
    return at < l->at + l->span && l->at < at + span;
}

static const struct boot_load *load_at(const struct boot_plan *plan, gpa_t at, u64 span)
{
    for (unsigned i = 0; i < plan->load_count; i++)
        if (overlaps(&plan->loads[i], at, span))
            return &plan->loads[i];
    return NULL;
}

int boot_plan_add(struct boot_plan *plan, const struct boot_load *load, struct err *err)
{
    const struct boot_load *other;

    BUG_ON(load->size > load->span);
    if (load->at < plan->ram_base)
        return err_set(err, EINVAL,
                       "the %s is made for address %#llx, where this machine has no "
                       "memory: its memory begins at %#llx",
                       load->what, (unsigned long long)load->at,
                       (unsigned long long)plan->ram_base);
    if (!checked_range(load->at - plan->ram_base, load->span, plan->ram_size))
        return err_set(err, EINVAL,
                       "the %s needs %llu KiB at %#llx, and the machine's memory is %llu MiB at "
                       "%#llx: give more --memory",
                       load->what, (unsigned long long)((load->span + 1023) / 1024),
                       (unsigned long long)load->at, (unsigned long long)(plan->ram_size / MIB),
                       (unsigned long long)plan->ram_base);
    other = load_at(plan, load->at, load->span);
    if (other)
        return err_set(err, EINVAL, "the %s at %#llx overlaps the %s at %#llx", load->what,
                       (unsigned long long)load->at, other->what, (unsigned long long)other->at);
    if (plan->load_count == BOOT_MAX_LOADS)
        return err_set(err, E2BIG, "the %s has more than %d pieces to load", load->what,
                       BOOT_MAX_LOADS);
    plan->loads[plan->load_count++] = *load;
    log_trace(boot, "%s: %llu bytes at %#llx, up to %#llx", load->what,
              (unsigned long long)load->size, (unsigned long long)load->at,
              (unsigned long long)(load->at + load->span));
    return 0;
}

gpa_t boot_plan_top(const struct boot_plan *plan, u64 size, u64 align, gpa_t limit)
{
    gpa_t end = plan->ram_base + plan->ram_size;
    const struct boot_load *other;

    end = end < limit ? end : limit;
    for (;;) {
        gpa_t at;

        if (end < plan->ram_base || size > end - plan->ram_base)
            return 0;
        at = bits_align_down(end - size, align);
        if (at < plan->ram_base)
            return 0;
        other = load_at(plan, at, size);
        if (!other)
            return at;
        end = other->at;
    }
}

gpa_t boot_plan_end(const struct boot_plan *plan, u64 align)
{
    gpa_t end = plan->ram_base;

    for (unsigned i = 0; i < plan->load_count; i++)
        if (plan->loads[i].at + plan->loads[i].span > end)
            end = plan->loads[i].at + plan->loads[i].span;
    return bits_align_up(end, align);
}
