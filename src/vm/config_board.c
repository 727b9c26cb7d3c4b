/*
 * config_board.c - the keys that choose a board: arch, machine, cpu.
 */
#include "vm/vm_private.h"

#include "vm/parse.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

int config_set_choice(const char *const *list, const char *what, const char *value,
                      const char **out, struct err *err)
{
    char all[256] = "";

    for (unsigned i = 0; list[i]; i++) {
        if (strcmp(list[i], value) == 0) {
            *out = list[i];
            return 0;
        }
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", i ? ", " : "", list[i]);
    }
    return err_set(err, EINVAL, "%s '%s' is unknown: there is %s", what, value, all);
}

/* Names of the boards, or of the architectures, for a sentence: "a, b". */
static void names(const char *(*name)(const struct machine_class *cls), char *out, size_t size)
{
    out[0] = 0;
    for (unsigned i = 0; machine_classes[i]; i++)
        if (i == 0 || strcmp(name(machine_classes[i]), name(machine_classes[i - 1])) != 0)
            snprintf(out + strlen(out), size - strlen(out), "%s%s", i ? ", " : "",
                     name(machine_classes[i]));
}

static const char *name_of(const struct machine_class *cls)
{
    return cls->name;
}

static const char *arch_of(const struct machine_class *cls)
{
    return cls->isa->name;
}

/* The architecture's first board, unless one was named. */
int config_set_arch(struct vm_config *c, const char *key, char *value, struct err *err)
{
    const struct machine_class *cls = NULL;
    char all[256];

    for (unsigned i = 0; machine_classes[i] && !cls; i++)
        if (strcmp(arch_of(machine_classes[i]), value) == 0)
            cls = machine_classes[i];
    names(arch_of, all, sizeof all);
    if (!cls)
        return err_set(err, EINVAL,
                       "--arch %s: no such guest architecture in this build; there is %s", value,
                       all);
    if (c->board_named && strcmp(arch_of(c->m.cls), value) != 0)
        return err_set(err, EINVAL, "--arch %s: machine %s is one for %s", value, c->m.cls->name,
                       arch_of(c->m.cls));
    if (!c->board_named)
        c->m.cls = cls;
    c->arch_named = true;
    return 0;
}

/* One of those behind a board's name. */
static int set_machine_option(struct vm_config *c, const char *name, char *option, struct err *err)
{
    static const char *const on_off[] = { "off", "on", NULL };
    const char *chip = parse_option(option, "irqchip"), *chosen = NULL;
    const char *virtualization = parse_option(option, "virtualization");
    int rc;

    if (chip)
        return config_set_choice(c->m.cls->irqchips, "--machine irqchip", chip, &c->m.irqchip, err);
    if (!virtualization)
        return err_set(
            err, EINVAL,
            "--machine %s has no option '%s': there is irqchip= and virtualization=", name, option);
    rc = config_set_choice(on_off, "--machine virtualization", virtualization, &chosen, err);
    if (rc < 0)
        return rc;
    c->m.virtualization = chosen == on_off[1];
    if (c->m.virtualization && !c->m.cls->virtualization)
        return err_set(err, EINVAL,
                       "--machine %s,virtualization=on: its CPUs are none for hypervisors", name);
    return 0;
}

int config_set_machine(struct vm_config *c, const char *key, char *value, struct err *err)
{
    char *option, *name = parse_field(&value), all[256];
    const struct machine_class *cls = machine_class_find(name);

    names(name_of, all, sizeof all);
    if (!cls)
        return err_set(err, EINVAL, "--machine %s: no such machine; there is %s", name, all);
    if (c->arch_named && strcmp(arch_of(c->m.cls), arch_of(cls)) != 0)
        return err_set(err, EINVAL, "--machine %s is one for %s and --arch says %s", name,
                       arch_of(cls), arch_of(c->m.cls));
    c->m.cls = cls;
    c->m.irqchip = NULL;
    c->board_named = true;
    c->m.virtualization = false;
    while ((option = parse_field(&value))) {
        int rc = set_machine_option(c, name, option, err);

        if (rc < 0)
            return rc;
    }
    return 0;
}

/* A model of any board: whether it is one of this, is known when all keys are set. */
int config_set_cpu(struct vm_config *c, const char *key, char *value, struct err *err)
{
    int rc = -EINVAL;

    for (unsigned i = 0; machine_classes[i] && rc < 0; i++)
        rc = config_set_choice(machine_classes[i]->cpus, "--cpu", value, &c->m.cpu, err);
    return rc < 0 ? config_set_choice(c->m.cls->cpus, "--cpu", value, &c->m.cpu, err) : 0;
}
