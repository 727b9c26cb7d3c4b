/*
 * life.c - events and the state they add up to.
 */
#include "vm/life.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *text, *doc;
} kinds[] = {
#define EVENT(name, text, doc) { text, doc },
#include "vm/life.def"
#undef EVENT
};

const char *life_kind_text(enum life_kind kind)
{
    return kinds[kind].text;
}

const char *life_kind_doc(enum life_kind kind)
{
    return kinds[kind].doc;
}

bool life_kind_find(const char *text, enum life_kind *ret)
{
    for (unsigned i = 0; i < LIFE_KINDS; i++)
        if (strcmp(kinds[i].text, text) == 0) {
            *ret = (enum life_kind)i;
            return true;
        }
    return false;
}

void life_event_fini(struct life_event *e)
{
    free(e->cause);
    settings_fini(&e->fields);
    *e = (struct life_event){ 0 };
}

void life_events_fini(struct life_events *list)
{
    for (unsigned i = 0; i < list->count; i++)
        life_event_fini(&list->v[i]);
    list->count = 0;
}

void life_state_fini(struct life_state *s)
{
    free(s->kill_cause);
    free(s->last_stop);
    settings_fini(&s->settings);
    settings_fini(&s->run);
    *s = (struct life_state){ 0 };
}

/* --- the fold --- */

static int replace(char **text, const char *with)
{
    char *copy = with ? strdup(with) : NULL;

    if (with && !copy)
        return -ENOMEM;
    free(*text);
    *text = copy;
    return 0;
}

static void take_name(struct life_state *s, const struct life_event *e)
{
    const char *name = settings_get(&e->fields, "name");

    if (name)
        snprintf(s->name, sizeof s->name, "%s", name);
}

/* Each key in the event replaces its rows; an empty value only removes them. */
static int configure(struct life_state *s, const struct life_event *e)
{
    for (unsigned i = 0; i < e->fields.count; i++)
        settings_remove(&s->settings, e->fields.rows[i].key, NULL);
    for (unsigned i = 0; i < e->fields.count; i++) {
        const struct vm_setting *row = &e->fields.rows[i];

        if (*row->value && settings_add(&s->settings, row->key, row->value) < 0)
            return -ENOMEM;
    }
    return 0;
}

static int start(struct life_state *s, const struct life_event *e)
{
    s->stage = LIFE_IS_RUNNING;
    s->started_ms = e->time_ms;
    s->ready = s->powerdown_asked = false;
    replace(&s->kill_cause, NULL);
    settings_fini(&s->run);
    return settings_add_all(&s->run, &e->fields);
}

static int stop(struct life_state *s, const struct life_event *e)
{
    s->stage = LIFE_IS_STOPPED;
    s->stopped_ms = e->time_ms;
    s->ready = s->powerdown_asked = false;
    s->last_stop_failed = e->kind == LIFE_FAILED;
    replace(&s->kill_cause, NULL);
    return replace(&s->last_stop, e->cause);
}

static int create(struct life_state *s, const struct life_event *e)
{
    s->stage = LIFE_IS_STOPPED;
    s->created_ms = e->time_ms;
    s->started_ms = s->stopped_ms = 0;
    take_name(s, e);
    settings_fini(&s->run);
    return replace(&s->last_stop, NULL);
}

static int disk(struct life_state *s, const struct life_event *e)
{
    const char *value = settings_get(&e->fields, "disk");

    if (value && e->kind == LIFE_DISK_DETACHED)
        settings_remove(&s->settings, "disk", value);
    else if (value)
        return settings_add(&s->settings, "disk", value);
    return 0;
}

int life_apply(struct life_state *s, const struct life_event *e)
{
    s->last_number = e->number;
    switch (e->kind) {
    case LIFE_CREATED:
    case LIFE_CLONED: return create(s, e);
    case LIFE_INSTALLING: s->stage = LIFE_IS_INSTALLING; break;
    case LIFE_INSTALLED: s->stage = LIFE_IS_STOPPED; break;
    case LIFE_CONFIGURED: return configure(s, e);
    case LIFE_DISK_ATTACHED:
    case LIFE_DISK_DETACHED: return disk(s, e);
    case LIFE_STARTED: return start(s, e);
    case LIFE_READY: s->ready = true; break;
    case LIFE_PAUSED: s->stage = LIFE_IS_PAUSED; break;
    case LIFE_RESUMED: s->stage = LIFE_IS_RUNNING; break;
    case LIFE_RESET: s->ready = false; break;
    case LIFE_POWERDOWN: s->powerdown_asked = true; break;
    case LIFE_KILL: return replace(&s->kill_cause, e->cause);
    case LIFE_STOPPED:
    case LIFE_FAILED: return stop(s, e);
    case LIFE_RENAMED: take_name(s, e); break;
    case LIFE_DELETED: s->stage = LIFE_IS_DELETED; break;
    case LIFE_KINDS: break;
    }
    return 0;
}
