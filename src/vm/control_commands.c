/*
 * control_commands.c - what a client may ask of a machine.
 *
 * They run in a callback of the machine's loop, with its devices' lock held.
 */
#include "vm/control_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int control_answer(json_t *value, json_t **ret, struct err *err)
{
    *ret = value;
    return value ? 0 : err_set(err, ENOMEM, "there is no memory for the answer");
}

/* --- the protocol itself --- */

static int qmp_capabilities(struct control_session *s, const json_t *args, json_t **ret,
                            struct err *err)
{
    s->negotiated = true;
    return 0;
}

static int query_commands(struct control_session *s, const json_t *args, json_t **ret,
                          struct err *err)
{
    json_t *all = json_array();

    for (const struct control_command *c = control_commands; c->name; c++)
        json_array_append_new(all, json_pack("{s:s}", "name", c->name));
    return control_answer(all, ret, err);
}

static int query_qmp_schema(struct control_session *s, const json_t *args, json_t **ret,
                            struct err *err)
{
    return control_answer(control_schema(), ret, err);
}

json_t *control_version(void)
{
    int part[3] = { 0 };

    sscanf(VM_VERSION, "%d.%d.%d", &part[0], &part[1], &part[2]);
    return json_pack("{s:{s:i, s:i, s:i}, s:s}", "qemu", "major", part[0], "minor", part[1],
                     "micro", part[2], "package", "vm " VM_VERSION);
}

static int query_version(struct control_session *s, const json_t *args, json_t **ret,
                         struct err *err)
{
    return control_answer(control_version(), ret, err);
}

/* --- the machine --- */

static int query_status(struct control_session *s, const json_t *args, json_t **ret,
                        struct err *err)
{
    bool running = !s->vm->stopped;

    return control_answer(
        json_pack("{s:b, s:s}", "running", running, "status", running ? "running" : "paused"), ret,
        err);
}

static int query_name(struct control_session *s, const json_t *args, json_t **ret, struct err *err)
{
    const char *name = s->vm->cfg->name;

    return control_answer(name ? json_pack("{s:s}", "name", name) : json_object(), ret, err);
}

/* No guest is told one: QEMU answers so for a machine without. */
static int query_uuid(struct control_session *s, const json_t *args, json_t **ret, struct err *err)
{
    return control_answer(json_pack("{s:s}", "UUID", "00000000-0000-0000-0000-000000000000"), ret,
                          err);
}

/* QEMU's name of the guest's architecture. */
static const char *target_name(const struct control_session *s)
{
    const char *name = s->vm->cfg->m.cls->isa->name;

    return strcmp(name, "arm64") == 0 ? "aarch64" : name;
}

static int query_target(struct control_session *s, const json_t *args, json_t **ret,
                        struct err *err)
{
    return control_answer(json_pack("{s:s}", "arch", target_name(s)), ret, err);
}

/* Guests of another architecture have no use for the host's KVM. */
static int query_kvm(struct control_session *s, const json_t *args, json_t **ret, struct err *err)
{
    return control_answer(json_pack("{s:b, s:b}", "enabled", 0, "present", 0), ret, err);
}

static int query_cpus_fast(struct control_session *s, const json_t *args, json_t **ret,
                           struct err *err)
{
    struct machine *m = s->vm->machine;
    json_t *all = json_array();

    for (unsigned i = 0; i < m->cfg->cpus; i++) {
        char path[32];

        snprintf(path, sizeof path, "/machine/cpu[%u]", i);
        json_array_append_new(
            all, json_pack("{s:i, s:s, s:i, s:s}", "cpu-index", (int)i, "qom-path", path,
                           "thread-id", engine_cpu_thread(m->engine, i), "target", target_name(s)));
    }
    return control_answer(all, ret, err);
}

static int stop(struct control_session *s, const json_t *args, json_t **ret, struct err *err)
{
    if (s->vm->stopped)
        return 0;
    s->vm->held = true;
    machine_stop_request(s->vm->machine, MACHINE_STOP_HOLD);
    return CONTROL_LATER;
}

/* A stop on its way is answered first, in vm_run(). */
static int cont(struct control_session *s, const json_t *args, json_t **ret, struct err *err)
{
    s->vm->held = false;
    if (s->vm->stopped) {
        s->vm->stopped = false;
        control_tell(s->vm->control, CONTROL_RESUME, NULL);
        loop_stop(s->vm->machine->loop);
    }
    return 0;
}

static int system_powerdown(struct control_session *s, const json_t *args, json_t **ret,
                            struct err *err)
{
    struct machine *m = s->vm->machine;

    if (!m->cls->powerdown)
        return err_set(err, ENOTSUP, "machine %s has no power button", m->cls->name);
    m->cls->powerdown(m);
    control_tell(s->vm->control, CONTROL_POWERDOWN, NULL);
    return 0;
}

static int system_reset(struct control_session *s, const json_t *args, json_t **ret,
                        struct err *err)
{
    s->vm->reset_asked = true;
    machine_stop_request(s->vm->machine, MACHINE_STOP_RESET);
    return 0;
}

static int quit(struct control_session *s, const json_t *args, json_t **ret, struct err *err)
{
    s->vm->quit_reason = "host-qmp-quit";
    machine_stop_request(s->vm->machine, MACHINE_STOP_QUIT);
    return 0;
}

/* --- disks, serial lines, networks --- */

/* The device that has slot n of those whose class begins so, in the order of their making. */
static const char *device_id(const struct machine *m, const char *prefix, unsigned n)
{
    for (unsigned i = 0; i < m->device_count; i++)
        if (strncmp(m->devices[i]->cls->name, prefix, strlen(prefix)) == 0 && n-- == 0)
            return m->devices[i]->id;
    return "";
}

/* Names may hold any bytes; JSON holds UTF-8. */
static json_t *name_json(const char *name)
{
    json_t *j = json_string(name);

    return j ? j : json_string("(its name is not UTF-8)");
}

static json_t *disk_json(const struct machine *m, unsigned n)
{
    const struct machine_disk *d = &m->cfg->disks[n];
    const char *format = d->format ? d->format : "raw";
    char name[16];

    snprintf(name, sizeof name, "disk%u", n);
    return json_pack("{s:s, s:s, s:s, s:b, s:b, s:{s:o, s:b, s:s, s:{s:o, s:s, s:I}}}", "device",
                     name, "qdev", device_id(m, "virtio-blk", n), "type", "unknown", "removable", 0,
                     "locked", 0, "inserted", "file", name_json(d->path), "ro",
                     blk_image_read_only(m->images[n]), "drv", format, "image", "filename",
                     name_json(d->path), "format", format, "virtual-size",
                     (json_int_t)(blk_image_sectors(m->images[n]) * BLK_SECTOR));
}

static int query_block(struct control_session *s, const json_t *args, json_t **ret, struct err *err)
{
    const struct machine *m = s->vm->machine;
    json_t *all = json_array();

    for (unsigned i = 0; i < m->image_count; i++)
        json_array_append_new(all, disk_json(m, i));
    return control_answer(all, ret, err);
}

static int query_chardev(struct control_session *s, const json_t *args, json_t **ret,
                         struct err *err)
{
    const struct machine *m = s->vm->machine;
    json_t *file = strcmp(m->cfg->console, "pty") == 0
                       ? json_sprintf("pty:%s", chardev_pty_path(m->console))
                       : name_json(m->cfg->console);

    return control_answer(
        json_pack("[{s:s, s:o, s:b}]", "label", "serial0", "filename", file, "frontend-open", 1),
        ret, err);
}

static int query_netdev(struct control_session *s, const json_t *args, json_t **ret,
                        struct err *err)
{
    const struct machine *m = s->vm->machine;
    json_t *all = json_array();

    for (unsigned i = 0; i < m->net_count; i++) {
        json_t *forwards = json_array();
        const char *text;

        for (unsigned n = 0; (text = net_forward(m->nets[i], n)); n++)
            json_array_append_new(forwards, json_string(text));
        json_array_append_new(all, json_pack("{s:o, s:s, s:o}", "id", json_sprintf("net%u", i),
                                             "type", m->nets[i]->ops->name, "hostfwd", forwards));
    }
    return control_answer(all, ret, err);
}

/* id NULL: the only network there is, or the first. */
static struct net_backend *net_find(const struct machine *m, const char *id, struct err *err)
{
    char name[16];

    for (unsigned i = 0; i < m->net_count; i++) {
        snprintf(name, sizeof name, "net%u", i);
        if (!id || strcmp(id, name) == 0)
            return m->nets[i];
    }
    if (id)
        err_set(err, ENODEV, "there is no network '%.80s'; query-netdev lists all", id);
    else
        err_set(err, ENODEV, "this machine has no network");
    return NULL;
}

static int hostfwd_change(const struct machine *m, const char *id, const char *text, bool add,
                          struct err *err)
{
    struct net_backend *net = net_find(m, id, err);

    if (!net)
        return -err->code;
    return add ? net_forward_add(net, text, err) : net_forward_remove(net, text, err);
}

static int hostfwd_args(struct control_session *s, const json_t *args, bool add, struct err *err)
{
    return hostfwd_change(s->vm->machine, json_string_value(json_object_get(args, "id")),
                          json_string_value(json_object_get(args, "hostfwd")), add, err);
}

static int hostfwd_add(struct control_session *s, const json_t *args, json_t **ret, struct err *err)
{
    return hostfwd_args(s, args, true, err);
}

static int hostfwd_remove(struct control_session *s, const json_t *args, json_t **ret,
                          struct err *err)
{
    return hostfwd_args(s, args, false, err);
}

/* QEMU's monitor, as far as QMP has no command of its own for the matter: hostfwd_add and
 * hostfwd_remove, "[ID] RULE". What they say goes back as text, errors too. */
static int human_monitor_command(struct control_session *s, const json_t *args, json_t **ret,
                                 struct err *err)
{
    char verb[32] = "", first[160] = "", second[160] = "", more[2] = "";
    struct err why = { 0 };
    bool add;

    sscanf(json_string_value(json_object_get(args, "command-line")), "%31s %159s %159s %1s", verb,
           first, second, more);
    add = strcmp(verb, "hostfwd_add") == 0;
    if (!add && strcmp(verb, "hostfwd_remove") != 0)
        return control_answer(json_sprintf("unknown command: '%s'\r\n", verb), ret, err);
    if (!*first || *more)
        return control_answer(json_sprintf("%s: give [ID] RULE\r\n", verb), ret, err);
    if (hostfwd_change(s->vm->machine, *second ? first : NULL, *second ? second : first, add,
                       &why) < 0)
        return control_answer(json_sprintf("%s\r\n", why.text), ret, err);
    return control_answer(json_string(add ? "" : "host forwarding rule removed\r\n"), ret, err);
}

/* --- the tree of objects: /machine/cpu[N] and /machine/peripheral/DEVICE --- */

static void child_add(json_t *all, const char *name, const char *type)
{
    json_array_append_new(
        all, json_pack("{s:s, s:o}", "name", name, "type", json_sprintf("child<%s>", type)));
}

static void machine_children(const struct machine *m, json_t *all)
{
    char name[16];

    child_add(all, "peripheral", "container");
    for (unsigned i = 0; i < m->cfg->cpus; i++) {
        snprintf(name, sizeof name, "cpu[%u]", i);
        child_add(all, name, m->cls->isa->name);
    }
}

/* False: there is no such object. */
static bool children(const struct machine *m, const char *path, json_t *all)
{
    static const char peripheral[] = "/machine/peripheral";
    size_t len = sizeof peripheral - 1;

    if (strcmp(path, "/") == 0)
        child_add(all, "machine", m->cls->name);
    else if (strcmp(path, "/machine") == 0)
        machine_children(m, all);
    else if (strcmp(path, peripheral) == 0)
        for (unsigned i = 0; i < m->device_count; i++)
            child_add(all, m->devices[i]->id, m->devices[i]->cls->name);
    else if (strncmp(path, peripheral, len) == 0 && path[len] == '/') {
        for (unsigned i = 0; i < m->device_count; i++)
            if (strcmp(path + len + 1, m->devices[i]->id) == 0)
                return true;
        return false;
    } else {
        return false;
    }
    return true;
}

static int qom_list(struct control_session *s, const json_t *args, json_t **ret, struct err *err)
{
    const char *path = json_string_value(json_object_get(args, "path"));
    json_t *all = json_array();

    if (children(s->vm->machine, path, all))
        return control_answer(all, ret, err);
    json_decref(all);
    return err_set(err, ENODEV, "there is no object '%.200s'", path);
}

/* --- the table --- */

const struct control_command control_commands[] = {
    { "balloon", "BalloonArgs", NULL, control_balloon },
    { "block_resize", "BlockResizeArgs", NULL, control_block_resize },
    { "cont", NULL, NULL, cont },
    { "human-monitor-command", "HumanArgs", "str", human_monitor_command },
    { "netdev-hostfwd-add", "HostfwdArgs", NULL, hostfwd_add },
    { "netdev-hostfwd-remove", "HostfwdArgs", NULL, hostfwd_remove },
    { "qmp_capabilities", "QMPCapabilitiesArgs", NULL, qmp_capabilities },
    { "qom-list", "QomListArgs", "[ObjectPropertyInfo]", qom_list },
    { "query-balloon", NULL, "BalloonInfo", control_query_balloon },
    { "query-block", NULL, "[BlockInfo]", query_block },
    { "query-chardev", NULL, "[ChardevInfo]", query_chardev },
    { "query-commands", NULL, "[CommandInfo]", query_commands },
    { "query-cpus-fast", NULL, "[CpuInfoFast]", query_cpus_fast },
    { "query-kvm", NULL, "KvmInfo", query_kvm },
    { "query-memory-size-summary", NULL, "MemoryInfo", control_query_memory },
    { "query-name", NULL, "NameInfo", query_name },
    { "query-netdev", NULL, "[NetdevInfo]", query_netdev },
    { "query-qmp-schema", NULL, "[SchemaInfo]", query_qmp_schema },
    { "query-status", NULL, "StatusInfo", query_status },
    { "query-target", NULL, "TargetInfo", query_target },
    { "query-uuid", NULL, "UuidInfo", query_uuid },
    { "query-version", NULL, "VersionInfo", query_version },
    { "quit", NULL, NULL, quit },
    { "stop", NULL, NULL, stop },
    { "system_powerdown", NULL, NULL, system_powerdown },
    { "system_reset", NULL, NULL, system_reset },
    { 0 },
};

const struct control_command *control_command_find(const char *name)
{
    for (const struct control_command *c = control_commands; c->name; c++)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}
