/*
 * life_decide.c - which command is allowed when, and the events it yields.
 */
#include "vm/life.h"

#include "base/bug.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- what is allowed --- */

#define IN(stage) (1u << LIFE_##stage)

static const unsigned allowed[LIFE_VERBS] = {
    [LIFE_CREATE] = IN(NONE),
    [LIFE_INSTALL] = IN(NONE),
    [LIFE_INSTALL_END] = IN(IS_INSTALLING),
    [LIFE_SET] = IN(IS_INSTALLING) | IN(IS_STOPPED) | IN(IS_RUNNING) | IN(IS_PAUSED),
    [LIFE_START] = IN(IS_STOPPED),
    [LIFE_SEEN_READY] = IN(IS_RUNNING),
    [LIFE_PAUSE] = IN(IS_RUNNING),
    [LIFE_RESUME] = IN(IS_PAUSED),
    [LIFE_GUEST_RESET] = IN(IS_RUNNING) | IN(IS_PAUSED),
    [LIFE_ASK_POWERDOWN] = IN(IS_RUNNING),
    [LIFE_ASK_KILL] = IN(IS_RUNNING) | IN(IS_PAUSED),
    [LIFE_END] = IN(IS_RUNNING) | IN(IS_PAUSED),
    [LIFE_FAIL] = IN(IS_RUNNING) | IN(IS_PAUSED),
    [LIFE_RENAME] = IN(IS_STOPPED),
    [LIFE_BE_CLONE] = IN(IS_STOPPED),
    [LIFE_DELETE] = IN(IS_INSTALLING) | IN(IS_STOPPED),
};

/* Why not, by the stage the machine is in. */
static int refuse(const struct life_state *s, enum life_verb verb, struct err *err)
{
    switch (s->stage) {
    case LIFE_NONE: return err_set(err, ENOENT, "there is no machine here");
    case LIFE_IS_INSTALLING:
        return err_set(err, EBUSY,
                       "machine %s is not installed yet: let the installation go on, or delete it",
                       s->name);
    case LIFE_IS_STOPPED:
        if (verb == LIFE_CREATE || verb == LIFE_INSTALL)
            break;
        if (verb == LIFE_INSTALL_END)
            return err_set(err, EINVAL, "machine %s is installed already", s->name);
        return err_set(err, ESRCH, "machine %s does not run", s->name);
    case LIFE_IS_RUNNING:
        if (verb == LIFE_START)
            return err_set(err, EBUSY, "machine %s runs already", s->name);
        if (verb == LIFE_RESUME)
            return err_set(err, EBUSY, "machine %s is not paused", s->name);
        return err_set(err, EBUSY, "machine %s is running: stop it first", s->name);
    case LIFE_IS_PAUSED:
        if (verb == LIFE_PAUSE)
            return err_set(err, EBUSY, "machine %s is paused already", s->name);
        return err_set(err, EBUSY, "machine %s is paused: resume or kill it first", s->name);
    case LIFE_IS_DELETED: return err_set(err, ENOENT, "machine %s has been deleted", s->name);
    case LIFE_STAGES: break;
    }
    return err_set(err, EEXIST, "machine %s exists already", s->name);
}

int life_check(const struct life_state *s, enum life_verb verb, struct err *err)
{
    return allowed[verb] >> s->stage & 1 ? 0 : refuse(s, verb, err);
}

/* --- events --- */

/* A new event at the list's end; NULL: no memory. */
static struct life_event *add(struct life_events *out, enum life_kind kind, const char *cause)
{
    struct life_event *e = &out->v[out->count];

    BUG_ON(out->count == LIFE_EVENTS_MAX);
    *e = (struct life_event){ .kind = kind, .cause = strdup(cause ? cause : "") };
    if (!e->cause)
        return NULL;
    out->count++;
    return e;
}

/* An event with one field; NULL key: with none. */
static int add_one(struct life_events *out, enum life_kind kind, const char *cause, const char *key,
                   const char *value)
{
    struct life_event *e = add(out, kind, cause);

    if (!e)
        return -ENOMEM;
    return key ? settings_add(&e->fields, key, value) : 0;
}

/* An event with the command's fields. */
static int add_fields(struct life_events *out, enum life_kind kind, const struct life_command *cmd)
{
    struct life_event *e = add(out, kind, cmd->cause);
    int rc = e ? 0 : -ENOMEM;

    for (unsigned i = 0; rc == 0 && i < cmd->field_count; i++)
        rc = settings_add(&e->fields, cmd->fields[i].key, cmd->fields[i].value);
    return rc;
}

static bool is_disk(const struct vm_setting *row)
{
    return strcmp(row->key, "disk") == 0;
}

/* Row n of the disks in rows[0..count); NULL after the last. A row without value (all disks
 * out) is none. */
static const char *disk_at(const struct vm_setting *rows, unsigned count, unsigned n)
{
    for (unsigned i = 0; i < count; i++)
        if (is_disk(&rows[i]) && rows[i].value && n-- == 0)
            return rows[i].value;
    return NULL;
}

/* The disks named are all there are to be, in this order: from the first difference on, the
 * old ones go and the new ones come. */
static int set_disks(const struct life_state *s, const struct life_command *cmd,
                     struct life_events *out)
{
    const struct settings *old = &s->settings;
    const char *was, *is;
    unsigned same = 0;
    int rc = 0;

    do {
        was = disk_at(old->rows, old->count, same);
        is = disk_at(cmd->fields, cmd->field_count, same);
    } while (was && is && strcmp(was, is) == 0 && ++same);
    for (unsigned n = same; rc == 0 && (was = disk_at(old->rows, old->count, n)); n++)
        rc = add_one(out, LIFE_DISK_DETACHED, cmd->cause, "disk", was);
    for (unsigned n = same; rc == 0 && (is = disk_at(cmd->fields, cmd->field_count, n)); n++)
        rc = add_one(out, LIFE_DISK_ATTACHED, cmd->cause, "disk", is);
    return rc;
}

static int set(const struct life_state *s, const struct life_command *cmd, struct life_events *out)
{
    struct life_event *e = NULL;
    bool disks = false;

    for (unsigned i = 0; i < cmd->field_count; i++) {
        const struct vm_setting *row = &cmd->fields[i];

        disks |= is_disk(row);
        if (is_disk(row))
            continue;
        if (!e)
            e = add(out, LIFE_CONFIGURED, cmd->cause);
        if (!e || settings_add(&e->fields, row->key, row->value ? row->value : "") < 0)
            return -ENOMEM;
    }
    return disks ? set_disks(s, cmd, out) : 0;
}

static int create(const struct life_state *s, const struct life_command *cmd,
                  struct life_events *out)
{
    int rc = add_one(out, LIFE_CREATED, cmd->cause, "name", cmd->name);

    if (rc == 0)
        rc = set(s, cmd, out);
    if (rc == 0 && cmd->verb == LIFE_INSTALL)
        rc = add_one(out, LIFE_INSTALLING, cmd->cause, NULL, NULL);
    return rc;
}

static int be_clone(const struct life_state *s, const struct life_command *cmd,
                    struct life_events *out)
{
    struct life_event *e = add(out, LIFE_CLONED, cmd->cause);

    if (!e || settings_add(&e->fields, "name", cmd->name) < 0 ||
        settings_add(&e->fields, "from", s->name) < 0)
        return -ENOMEM;
    return set(s, cmd, out);
}

/* However it ended: when somebody wanted it killed, that is why. */
static int end(const struct life_state *s, const struct life_command *cmd, struct life_events *out)
{
    bool failed = cmd->verb == LIFE_FAIL;

    if (s->kill_cause)
        return add_one(out, LIFE_STOPPED, "it was killed", "asked by", s->kill_cause);
    return add_fields(out, failed ? LIFE_FAILED : LIFE_STOPPED, cmd);
}

static int yield(const struct life_state *s, const struct life_command *cmd,
                 struct life_events *out)
{
    switch (cmd->verb) {
    case LIFE_CREATE:
    case LIFE_INSTALL: return create(s, cmd, out);
    case LIFE_INSTALL_END: return add_fields(out, LIFE_INSTALLED, cmd);
    case LIFE_SET: return set(s, cmd, out);
    case LIFE_START: return add_fields(out, LIFE_STARTED, cmd);
    case LIFE_SEEN_READY: return s->ready ? 0 : add_fields(out, LIFE_READY, cmd);
    case LIFE_PAUSE: return add_fields(out, LIFE_PAUSED, cmd);
    case LIFE_RESUME: return add_fields(out, LIFE_RESUMED, cmd);
    case LIFE_GUEST_RESET: return add_fields(out, LIFE_RESET, cmd);
    case LIFE_ASK_POWERDOWN: return add_fields(out, LIFE_POWERDOWN, cmd);
    case LIFE_ASK_KILL: return add_fields(out, LIFE_KILL, cmd);
    case LIFE_END:
    case LIFE_FAIL: return end(s, cmd, out);
    case LIFE_RENAME: return add_one(out, LIFE_RENAMED, cmd->cause, "name", cmd->name);
    case LIFE_BE_CLONE: return be_clone(s, cmd, out);
    case LIFE_DELETE: return add_fields(out, LIFE_DELETED, cmd);
    case LIFE_VERBS: BUG_ON(true);
    }
    return 0;
}

int life_decide(const struct life_state *s, const struct life_command *cmd, struct life_events *out,
                struct err *err)
{
    int rc = life_check(s, cmd->verb, err);

    out->count = 0;
    if (rc < 0)
        return rc;
    if (yield(s, cmd, out) < 0)
        return err_set_errno(err, ENOMEM, "machine %s", s->name);
    return 0;
}
