/*
 * control_private.h - what the files of the control socket share.
 *
 *     bytes → frame (control_frame.c) → session (control_session.c): negotiation, JSON,
 *     arguments against the schema (control_schema.c) → command (control_commands.c)
 *
 * control.c gives each client of the socket a session and carries its output away.
 */
#ifndef VM_CONTROL_PRIVATE_H
#define VM_CONTROL_PRIVATE_H

#include "vm/control.h"
#include "vm/vm_private.h"
#include <jansson.h>

enum {
    CONTROL_CLIENTS_MAX = 16,
    CONTROL_MESSAGE_MAX = 256 << 10, /* bytes of one command */
    CONTROL_DEPTH_MAX = 64,          /* of nested objects and arrays */
    CONTROL_OUT_SOFT = 64 << 10,     /* over it no further command is looked at */
    CONTROL_OUT_MAX = 1 << 20,       /* over it the client is given up: it does not read */
};

/* --- frames: where one JSON object ends and the next begins --- */

enum control_frame_kind {
    FRAME_NONE,    /* more bytes are needed */
    FRAME_OBJECT,  /* a balanced {…}, perhaps not valid inside */
    FRAME_GARBAGE, /* anything else, to the end of its line or the next '{' */
    FRAME_BROKEN   /* larger or deeper than allowed: there is no way to go on */
};

struct control_frame {
    char *data; /* owns */
    size_t len, room;
    size_t taken;   /* of the frame that was given out last; gone at the next call */
    size_t scanned; /* bytes looked at of the present frame */
    unsigned depth;
    bool in_string, escaped;
};

/* Adds received bytes; len <= 4096. -ENOMEM. */
int control_frame_add(struct control_frame *f, const char *data, size_t len) MUST_CHECK;
/* The next frame: *ret_data, valid until the next call, and its length. */
enum control_frame_kind control_frame_next(struct control_frame *f, const char **ret_data,
                                           size_t *ret_len);
void control_frame_fini(struct control_frame *f);

/* --- sessions --- */

struct control_session {
    struct vm *vm; /* borrows (outlives) */
    struct control_frame in;
    bool negotiated;
    bool waits;      /* the answer to `stop` comes when the machine has stopped */
    bool broken;     /* no further input is taken; hang up when all is sent */
    json_t *wait_id; /* owns: id of the command that waits */
    char *out;       /* owns: bytes for the client; the first out_sent are gone */
    size_t out_len, out_sent, out_room;
};

/* Greets. */
void control_session_init(struct control_session *s, struct vm *vm);
void control_session_fini(struct control_session *s);
/* Takes bytes, then runs what is complete, see control_session_run(). len <= 4096. */
void control_session_input(struct control_session *s, const char *data, size_t len);
/* Runs the commands that are complete, while none waits and the output is short. */
void control_session_run(struct control_session *s);
/* Is there a use for more input now? */
bool control_session_hungry(const struct control_session *s);
/* Sends a whole message; takes the reference. NULL (no memory): breaks the session. */
void control_session_send(struct control_session *s, json_t *message);
/* Answers the command that waits. */
void control_session_stopped(struct control_session *s);

/* --- commands and their schema --- */

struct control_member {
    const char *name;
    const char *type; /* "str", "int", "bool", "any", a type's name, or one of these in [] */
    bool optional;
};

/* An object (members) or an enumeration (values); arrays end with a NULL name. */
struct control_type {
    const char *name;
    const struct control_member *members;
    const char *const *values;
};

enum { CONTROL_LATER = 1 };

struct control_command {
    const char *name;
    const char *args; /* object type; NULL: takes none */
    const char *ret;  /* type; NULL: an empty object */
    /* args: checked against the type, never NULL. 0 and the answer in *ret (untouched for an
     * empty one), CONTROL_LATER, or a negative errno with *err filled. */
    int (*run)(struct control_session *s, const json_t *args, json_t **ret, struct err *err);
};

struct control_event_row {
    const char *name;
    const char *args; /* object type; NULL: no data */
};

extern const struct control_command control_commands[]; /* sorted; ends with a NULL name */
extern const struct control_event_row control_events[]; /* by enum control_event; likewise */
extern const struct control_type control_types[];       /* likewise */

/* For commands: takes the reference. NULL is no memory. */
int control_answer(json_t *value, json_t **ret, struct err *err) MUST_CHECK;

/* control_size.c: the table's rows for balloon, disks and memory. */
int control_balloon(struct control_session *s, const json_t *args, json_t **ret, struct err *err);
int control_query_balloon(struct control_session *s, const json_t *args, json_t **ret,
                          struct err *err);
int control_query_memory(struct control_session *s, const json_t *args, json_t **ret,
                         struct err *err);
int control_block_resize(struct control_session *s, const json_t *args, json_t **ret,
                         struct err *err);

const struct control_command *control_command_find(const char *name);
/* Are the arguments what the type says? NULL args are an empty object. */
int control_args_check(const char *type, const json_t *args, struct err *err) MUST_CHECK;
/* query-version's answer; NULL: no memory. */
json_t *control_version(void);
/* query-qmp-schema's answer; NULL: no memory. */
json_t *control_schema(void);

#endif
