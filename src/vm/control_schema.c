/*
 * control_schema.c - the types of commands, answers and events: checked on the way in, told
 * by query-qmp-schema. Names and members are QEMU's where QEMU has the same thing.
 */
#include "vm/control_private.h"

#include <errno.h>
#include <string.h>

/* In control_types a row is OBJECT(name, members) or ENUM(name, values). */
#define MEMBERS(...) (const struct control_member[]){ __VA_ARGS__, { 0 } }
#define VALUES(...)  (const char *const[]){ __VA_ARGS__, NULL }

const struct control_type control_types[] = {
    { "BalloonArgs", .members = MEMBERS({ "value", "int" }) },
    { "BalloonInfo", .members = MEMBERS({ "actual", "int" }) },
    { "BlockDeviceInfo", .members = MEMBERS({ "file", "str" }, { "ro", "bool" }, { "drv", "str" },
                                            { "image", "ImageInfo" }) },
    { "BlockInfo", .members = MEMBERS({ "device", "str" }, { "qdev", "str" }, { "type", "str" },
                                      { "removable", "bool" }, { "locked", "bool" },
                                      { "inserted", "BlockDeviceInfo" }) },
    { "BlockResizeArgs", .members = MEMBERS({ "device", "str" }, { "size", "int" }) },
    { "ChardevInfo",
      .members = MEMBERS({ "label", "str" }, { "filename", "str" }, { "frontend-open", "bool" }) },
    { "CommandInfo", .members = MEMBERS({ "name", "str" }) },
    { "CpuInfoFast", .members = MEMBERS({ "cpu-index", "int" }, { "qom-path", "str" },
                                        { "thread-id", "int" }, { "target", "SysEmuTarget" }) },
    { "GuestPanicAction", .values = VALUES("poweroff") },
    { "GuestPanicked", .members = MEMBERS({ "action", "GuestPanicAction" }) },
    { "HostfwdArgs", .members = MEMBERS({ "id", "str", true }, { "hostfwd", "str" }) },
    { "HumanArgs", .members = MEMBERS({ "command-line", "str" }) },
    { "ImageInfo",
      .members = MEMBERS({ "filename", "str" }, { "format", "str" }, { "virtual-size", "int" }) },
    { "KvmInfo", .members = MEMBERS({ "enabled", "bool" }, { "present", "bool" }) },
    { "MemoryInfo", .members = MEMBERS({ "base-memory", "int" }) },
    { "NameInfo", .members = MEMBERS({ "name", "str", true }) },
    { "NetdevInfo",
      .members = MEMBERS({ "id", "str" }, { "type", "str" }, { "hostfwd", "[str]" }) },
    { "ObjectPropertyInfo", .members = MEMBERS({ "name", "str" }, { "type", "str" }) },
    { "QMPCapabilitiesArgs", .members = MEMBERS({ "enable", "[QMPCapability]", true }) },
    { "QMPCapability", .values = (const char *const[]){ NULL } },
    { "QomListArgs", .members = MEMBERS({ "path", "str" }) },
    { "RunState", .values = VALUES("paused", "running") },
    { "SchemaInfo",
      .members = MEMBERS({ "name", "str" }, { "meta-type", "SchemaMetaType" },
                         { "json-type", "str", true }, { "values", "[str]", true },
                         { "members", "[SchemaInfoMember]", true }, { "element-type", "str", true },
                         { "arg-type", "str", true }, { "ret-type", "str", true }) },
    { "SchemaInfoMember",
      .members = MEMBERS({ "name", "str" }, { "type", "str", true }, { "default", "any", true }) },
    { "SchemaMetaType",
      .values = VALUES("array", "builtin", "command", "enum", "event", "object") },
    { "ShutdownCause",
      .values = VALUES("guest-panic", "guest-reset", "guest-shutdown", "host-qmp-quit",
                       "host-qmp-system-reset", "host-signal", "host-ui") },
    { "ShutdownInfo", .members = MEMBERS({ "guest", "bool" }, { "reason", "ShutdownCause" }) },
    { "StatusInfo", .members = MEMBERS({ "running", "bool" }, { "status", "RunState" }) },
    { "SysEmuTarget", .values = VALUES("aarch64", "riscv64") },
    { "TargetInfo", .members = MEMBERS({ "arch", "SysEmuTarget" }) },
    { "UuidInfo", .members = MEMBERS({ "UUID", "str" }) },
    { "VersionInfo", .members = MEMBERS({ "qemu", "VersionTriple" }, { "package", "str" }) },
    { "VersionTriple",
      .members = MEMBERS({ "major", "int" }, { "minor", "int" }, { "micro", "int" }) },
    { "q_empty", .members = (const struct control_member[]){ { 0 } } },
    { 0 },
};

const struct control_event_row control_events[] = {
    [CONTROL_GUEST_PANICKED] = { "GUEST_PANICKED", "GuestPanicked" },
    [CONTROL_POWERDOWN] = { "POWERDOWN", NULL },
    [CONTROL_RESET] = { "RESET", "ShutdownInfo" },
    [CONTROL_RESUME] = { "RESUME", NULL },
    [CONTROL_SHUTDOWN] = { "SHUTDOWN", "ShutdownInfo" },
    [CONTROL_STOP] = { "STOP", NULL },
    { 0 },
};

static const struct {
    const char *name, *json;
} builtins[] = { { "any", "value" }, { "bool", "boolean" }, { "int", "int" }, { "str", "string" } };

/* --- arguments --- */

static const struct control_type *type_find(const char *name)
{
    for (const struct control_type *t = control_types; t->name; t++)
        if (strcmp(t->name, name) == 0)
            return t;
    return NULL;
}

static const char *json_name(const json_t *v)
{
    switch (json_typeof(v)) {
    case JSON_OBJECT: return "an object";
    case JSON_ARRAY: return "an array";
    case JSON_STRING: return "a string";
    case JSON_INTEGER:
    case JSON_REAL: return "a number";
    case JSON_NULL: return "null";
    default: return "true or false";
    }
}

/* Arguments are strings, whole numbers, and arrays of an enumeration; the rest of the schema is
 * answers'. */
static int enum_array_check(const char *name, const char *type, const json_t *v, struct err *err)
{
    json_t *item;
    size_t i;

    json_array_foreach(v, i, item)
    {
        const char *text = json_string_value(item);
        char element[64] = "";
        const char *const *values;

        memcpy(element, type + 1, strlen(type) - 2);
        values = type_find(element)->values;
        while (*values && (!text || strcmp(*values, text) != 0))
            values++;
        if (!*values)
            return err_set(err, EINVAL, "the argument '%s' holds '%.80s', which is no %s", name,
                           text ? text : json_name(item), element);
    }
    return 0;
}

static int value_check(const struct control_member *m, const json_t *v, struct err *err)
{
    bool array = m->type[0] == '[', number = strcmp(m->type, "int") == 0;

    if (array ? json_is_array(v) : number ? json_is_integer(v) : json_is_string(v))
        return array ? enum_array_check(m->name, m->type, v, err) : 0;
    return err_set(err, EINVAL, "the argument '%s' is %s, not %s", m->name,
                   array    ? "an array"
                   : number ? "a whole number"
                            : "a string",
                   json_name(v));
}

static const struct control_member *member_find(const struct control_type *t, const char *name)
{
    for (const struct control_member *m = t->members; m->name; m++)
        if (strcmp(m->name, name) == 0)
            return m;
    return NULL;
}

int control_args_check(const char *type, const json_t *args, struct err *err)
{
    const struct control_type *t = type_find(type ? type : "q_empty");
    const char *key;
    json_t *v;

    json_object_foreach((json_t *)(uintptr_t)args, key, v)
    {
        const struct control_member *m = member_find(t, key);
        int rc = m ? value_check(m, v, err)
                   : err_set(err, EINVAL, "the command has no argument '%.80s'", key);

        if (rc < 0)
            return rc;
    }
    for (const struct control_member *m = t->members; m->name; m++)
        if (!m->optional && !json_object_get(args, m->name))
            return err_set(err, EINVAL, "the argument '%s' is missing", m->name);
    return 0;
}

/* --- the schema as an answer --- */

static json_t *builtin_info(const char *name, const char *json)
{
    return json_pack("{s:s, s:s, s:s}", "name", name, "meta-type", "builtin", "json-type", json);
}

static json_t *enum_info(const struct control_type *t)
{
    json_t *values = json_array(), *members = json_array();

    for (const char *const *v = t->values; *v; v++) {
        json_array_append_new(values, json_string(*v));
        json_array_append_new(members, json_pack("{s:s}", "name", *v));
    }
    return json_pack("{s:s, s:s, s:o, s:o}", "name", t->name, "meta-type", "enum", "values", values,
                     "members", members);
}

static json_t *object_info(const struct control_type *t)
{
    json_t *members = json_array();

    for (const struct control_member *m = t->members; m->name; m++) {
        json_t *j = json_pack("{s:s, s:s}", "name", m->name, "type", m->type);

        if (m->optional)
            json_object_set_new(j, "default", json_null());
        json_array_append_new(members, j);
    }
    return json_pack("{s:s, s:s, s:o}", "name", t->name, "meta-type", "object", "members", members);
}

/* An array type is told once, where it is first used. */
static void array_add(json_t *all, json_t *told, const char *type)
{
    if (!type || type[0] != '[' || json_object_get(told, type))
        return;
    json_object_set_new(told, type, json_true());
    json_array_append_new(all, json_pack("{s:s, s:s, s:s%}", "name", type, "meta-type", "array",
                                         "element-type", type + 1, strlen(type) - 2));
}

static void types_add(json_t *all, json_t *told)
{
    for (size_t i = 0; i < ARRAY_SIZE(builtins); i++)
        json_array_append_new(all, builtin_info(builtins[i].name, builtins[i].json));
    for (const struct control_type *t = control_types; t->name; t++) {
        json_array_append_new(all, t->values ? enum_info(t) : object_info(t));
        for (const struct control_member *m = t->members; m && m->name; m++)
            array_add(all, told, m->type);
    }
}

json_t *control_schema(void)
{
    json_t *all = json_array(), *told = json_object();

    for (const struct control_command *c = control_commands; c->name; c++) {
        const char *args = c->args ? c->args : "q_empty", *ret = c->ret ? c->ret : "q_empty";

        json_array_append_new(all, json_pack("{s:s, s:s, s:s, s:s}", "name", c->name, "meta-type",
                                             "command", "arg-type", args, "ret-type", ret));
        array_add(all, told, ret);
    }
    for (const struct control_event_row *e = control_events; e->name; e++)
        json_array_append_new(all, json_pack("{s:s, s:s, s:s}", "name", e->name, "meta-type",
                                             "event", "arg-type", e->args ? e->args : "q_empty"));
    types_add(all, told);
    json_decref(told);
    return all;
}
