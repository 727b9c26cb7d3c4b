/*
 * life.h - the life of a named machine as a state machine: commands are checked against the
 * present state and yield events; the state is the fold of all events.
 *
 * Nothing here touches a file, a clock or a process: the store keeps events, the callers
 * bring about what they say.
 */
#ifndef VM_LIFE_H
#define VM_LIFE_H

#include "base/err.h"
#include "vm/settings.h"

enum life_kind {
#define EVENT(name, text, doc) LIFE_##name,
#include "vm/life.def"
#undef EVENT
    LIFE_KINDS
};

/* "disk attached", and its doc. */
const char *life_kind_text(enum life_kind kind);
const char *life_kind_doc(enum life_kind kind);
/* False: a kind this version does not know. */
bool life_kind_find(const char *text, enum life_kind *ret) MUST_CHECK;

struct life_event {
    s64 number;  /* given by the store, from 1 */
    s64 time_ms; /* since 1970, host's clock */
    enum life_kind kind;
    char *cause;            /* owns; who or what */
    struct settings fields; /* owns */
};

void life_event_fini(struct life_event *e);

/* What one command yields. */
enum { LIFE_EVENTS_MAX = 40 };
struct life_events {
    struct life_event v[LIFE_EVENTS_MAX]; /* owns */
    unsigned count;
};

void life_events_fini(struct life_events *list);

/* --- state --- */

enum life_stage {
    LIFE_NONE, /* no event yet */
    LIFE_IS_INSTALLING,
    LIFE_IS_STOPPED,
    LIFE_IS_RUNNING,
    LIFE_IS_PAUSED,
    LIFE_IS_DELETED,
    LIFE_STAGES
};

/* Zeroed: before the first event. */
struct life_state {
    enum life_stage stage;
    s64 last_number; /* of the last event folded */
    char name[VM_MACHINE_NAME_MAX + 1];
    bool ready, powerdown_asked;
    char *kill_cause; /* owns; NULL: nobody wants it killed */
    s64 created_ms, started_ms, stopped_ms;
    char *last_stop; /* owns; NULL: never ran */
    bool last_stop_failed;
    struct settings settings; /* owns */
    struct settings run;      /* owns; fields of the last start: "pid", "ssh-port", … */
};

void life_state_fini(struct life_state *s);

/* Folds one more event. -ENOMEM leaves *s unusable but for life_state_fini(). */
int life_apply(struct life_state *s, const struct life_event *e) MUST_CHECK;

/* --- commands --- */

enum life_verb {
    LIFE_CREATE,      /* fields: settings; the cause; `name` */
    LIFE_INSTALL,     /* the same, and it is being installed */
    LIFE_INSTALL_END, /* */
    LIFE_SET,         /* fields: settings, value NULL: default */
    LIFE_START,       /* fields: of the run */
    LIFE_SEEN_READY,  /* fields: how */
    LIFE_PAUSE,
    LIFE_RESUME,
    LIFE_GUEST_RESET,
    LIFE_ASK_POWERDOWN,
    LIFE_ASK_KILL,
    LIFE_END,      /* cause: a sentence; the run ended as it should */
    LIFE_FAIL,     /* cause: a sentence; the run ended otherwise */
    LIFE_RENAME,   /* name */
    LIFE_BE_CLONE, /* name; in the copy of another's store */
    LIFE_DELETE,
    LIFE_VERBS
};

struct life_command {
    enum life_verb verb;
    const char *cause;
    const char *name;                /* CREATE, INSTALL, RENAME, BE_CLONE */
    const struct vm_setting *fields; /* borrows */
    unsigned field_count;
};

/* May the command be given now? Refused as by life_decide(). */
int life_check(const struct life_state *s, enum life_verb verb, struct err *err) MUST_CHECK;

/* What `cmd` would make happen in state *s: events without number and time in *out, which
 * the caller finishes in any case. Refused: -EBUSY, -ESRCH, -EEXIST, -ENOENT with a sentence
 * that says what to do; -ENOMEM. */
int life_decide(const struct life_state *s, const struct life_command *cmd, struct life_events *out,
                struct err *err) MUST_CHECK;

#endif
