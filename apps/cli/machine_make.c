/*
 * machine_make.c - vm-cli create, set, rename, clone, delete and prune.
 */
#include "machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The libvm keys among the options, and those that --unset names. NULL: no memory. */
static struct vm_setting *take_settings(const struct command_line *line, unsigned *ret_count)
{
    struct vm_setting *rows = calloc(line->given_count + 1, sizeof *rows);

    *ret_count = 0;
    for (unsigned i = 0; rows && i < line->given_count; i++) {
        const struct given *given = &line->given[i];

        if (given->key)
            rows[(*ret_count)++] =
                (struct vm_setting){ given->name, given->value ? given->value : "on" };
        else if (strcmp(given->name, "unset") == 0)
            rows[(*ret_count)++] = (struct vm_setting){ given->value, NULL };
    }
    return rows;
}

static int out_of_memory(void)
{
    say("out of memory");
    return STATUS_FAILED;
}

/* --- create --- */

static int create(const struct command_line *line)
{
    struct vm_machine *m = NULL;
    struct vm_err err;
    unsigned count;
    struct vm_setting *settings = take_settings(line, &count);
    int rc;

    if (!settings)
        return out_of_memory();
    rc = vm_machine_create(line->operands[0], settings, count, 0, "vm-cli create", &m, &err);
    free(settings);
    return machine_done(line, m, rc, &err);
}

static const struct option json_only[] = { OPTION_JSON, { 0 } };

const struct command cmd_create = {
    .name = "create",
    .operands = "NAME",
    .doc = "Makes a machine that has a name and keeps what it needs in a folder.",
    .details = "It is stopped at first. File names are kept as absolute ones. Unless --net says "
               "otherwise, it has a network card in user mode with a forward to its ssh server.",
    .options = json_only,
    .keys = KEYS_CONFIG | KEYS_MACHINE,
    .operands_min = 1,
    .operands_max = 1,
    .run = create,
};

/* --- set --- */

static bool is_key(const char *name)
{
    struct option option;
    bool key;

    for (unsigned n = 0; command_option(&cmd_create, n, &option, &key); n++)
        if (key && strcmp(option.name, name) == 0)
            return true;
    return false;
}

static int set(const struct command_line *line)
{
    struct vm_machine *m;
    struct vm_err err;
    unsigned count;
    struct vm_setting *settings;
    int rc, status;

    for (unsigned i = 0; i < line->given_count; i++)
        if (strcmp(line->given[i].name, "unset") == 0 && !is_key(line->given[i].value))
            return misused("--unset %s: there is no such setting", line->given[i].value);
    status = machine_open(line, &m);
    if (status != STATUS_OK)
        return status;
    settings = take_settings(line, &count);
    if (!settings) {
        vm_machine_free(m);
        return out_of_memory();
    }
    rc = vm_machine_set(m, settings, count, "vm-cli set", &err);
    free(settings);
    return machine_done(line, m, rc, &err);
}

static const struct option set_options[] = {
    { .name = "unset",
      .arg = "KEY",
      .repeats = true,
      .doc = "Goes back to the default of this setting; of disks: has none." },
    OPTION_JSON,
    { 0 },
};

const struct command cmd_set = {
    .name = "set",
    .operands = "NAME",
    .doc = "Changes settings of a machine, from its next start on.",
    .details = "An option that may be repeated replaces all that were given before: name every "
               "disk that it is to have.",
    .options = set_options,
    .keys = KEYS_CONFIG | KEYS_MACHINE,
    .operands_min = 1,
    .operands_max = 1,
    .completes = "@machine",
    .run = set,
};

/* --- rename, clone, delete --- */

static int rename_machine(const struct command_line *line)
{
    struct vm_machine *m;
    struct vm_err err;
    int status = machine_open(line, &m);

    if (status != STATUS_OK)
        return status;
    return machine_done(line, m, vm_machine_rename(m, line->operands[1], "vm-cli rename", &err),
                        &err);
}

const struct command cmd_rename = {
    .name = "rename",
    .operands = "NAME NEW-NAME",
    .doc = "Gives a stopped machine another name.",
    .options = json_only,
    .operands_min = 2,
    .operands_max = 2,
    .completes = "@machine",
    .run = rename_machine,
};

static int clone_machine(const struct command_line *line)
{
    struct vm_machine *m, *copy = NULL;
    struct vm_err err;
    int rc, status = machine_open(line, &m);

    if (status != STATUS_OK)
        return status;
    rc = vm_machine_clone(m, line->operands[1], "vm-cli clone", &copy, &err);
    vm_machine_free(m);
    return machine_done(line, copy, rc, &err);
}

const struct command cmd_clone = {
    .name = "clone",
    .operands = "NAME NEW-NAME",
    .doc = "Makes a copy of a stopped machine, disks included.",
    .details = "Blocks of its disks are shared where the file system can. The copy has its own "
               "network address; the keys for ssh are the same.",
    .options = json_only,
    .operands_min = 2,
    .operands_max = 2,
    .completes = "@machine",
    .run = clone_machine,
};

static int delete_machine(const struct command_line *line)
{
    struct vm_machine *m;
    struct vm_err err;
    int rc, status = machine_open(line, &m);

    if (status != STATUS_OK)
        return status;
    rc = vm_machine_delete(m, "vm-cli delete", &err);
    vm_machine_free(m);
    if (rc < 0)
        return machine_failed(line, &err);
    if (!line_has(line, "json"))
        return STATUS_OK;
    return print_json(json_pack("{s:s, s:s}", "name", line->operands[0], "state", "deleted"));
}

const struct command cmd_delete = {
    .name = "delete",
    .operands = "NAME",
    .doc = "Deletes a stopped machine with everything in its folder.",
    .details = "Disk images that lie elsewhere stay.",
    .options = json_only,
    .operands_min = 1,
    .operands_max = 1,
    .completes = "@machine",
    .run = delete_machine,
};

/* --- prune --- */

static void tell(void *arg, const char *sentence)
{
    json_t *removed = arg;

    if (removed)
        json_array_append_new(removed, json_string(sentence));
    else
        puts(sentence);
}

static int prune(const struct command_line *line)
{
    json_t *removed = line_has(line, "json") ? json_array() : NULL;
    struct vm_err err;

    if (vm_machines_prune(tell, removed, &err) < 0) {
        json_decref(removed);
        return machine_failed(line, &err);
    }
    return removed ? print_json(removed) : STATUS_OK;
}

const struct command cmd_prune = {
    .name = "prune",
    .doc = "Takes away what killed commands left behind.",
    .options = json_only,
    .run = prune,
};
