/*
 * control_session.c - one client's conversation: greeting, negotiation, commands, answers.
 */
#include "vm/control_private.h"

#include "base/bug.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- output --- */

static int out_add(const char *data, size_t len, void *arg)
{
    struct control_session *s = arg;

    if (s->out_room - s->out_len < len) {
        size_t room = 2 * (s->out_len + len);
        char *more = s->out_len + len <= CONTROL_OUT_MAX ? realloc(s->out, room) : NULL;

        if (!more)
            return -1;
        s->out = more;
        s->out_room = room;
    }
    memcpy(s->out + s->out_len, data, len);
    s->out_len += len;
    return 0;
}

void control_session_send(struct control_session *s, json_t *message)
{
    size_t before;

    if (s->out_sent) {
        s->out_len -= s->out_sent;
        memmove(s->out, s->out + s->out_sent, s->out_len);
        s->out_sent = 0;
    }
    before = s->out_len;
    if (!message || json_dump_callback(message, out_add, s, JSON_COMPACT | JSON_ENCODE_ANY) < 0 ||
        out_add("\r\n", 2, s) < 0) {
        s->out_len = before;
        s->broken = true;
    }
    json_decref(message);
}

/* An answer: "return" or "error", and the id as the client gave it. Takes `value`. */
static void answer(struct control_session *s, const char *kind, json_t *value, json_t *id)
{
    json_t *m = json_pack("{s:o}", kind, value);

    if (m && id)
        json_object_set(m, "id", id);
    control_session_send(s, m);
}

static const char *error_class(int code)
{
    switch (code) {
    case ENOSYS: return "CommandNotFound";
    case ENODEV: return "DeviceNotFound";
    default: return "GenericError";
    }
}

/* A sentence that quotes what a client sent may be cut within a character. */
static json_t *error_text(const char *text)
{
    json_t *j = json_string(text);

    return j ? j : json_string("the command cannot be carried out");
}

static void answer_error(struct control_session *s, const struct err *err, json_t *id)
{
    answer(s, "error",
           json_pack("{s:s, s:o}", "class", error_class(err->code), "desc", error_text(err->text)),
           id);
}

void control_session_stopped(struct control_session *s)
{
    if (!s->waits)
        return;
    s->waits = false;
    answer(s, "return", json_object(), s->wait_id);
    json_decref(s->wait_id);
    s->wait_id = NULL;
}

/* --- commands --- */

static int check_members(const json_t *request, struct err *err)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)request, key,
                        value) if (strcmp(key, "execute") != 0 && strcmp(key, "arguments") != 0 &&
                                   strcmp(key, "id") !=
                                       0) return err_set(err, EINVAL,
                                                         "a command has no member '%.80s'", key);
    if (!json_is_string(json_object_get(request, "execute")))
        return err_set(err, EINVAL, "a command is an object with the string member 'execute'");
    value = json_object_get(request, "arguments");
    if (value && !json_is_object(value))
        return err_set(err, EINVAL, "a command's member 'arguments' is an object");
    return 0;
}

/* The command to run, with its arguments checked. */
static int find(const struct control_session *s, const json_t *request,
                const struct control_command **ret, struct err *err)
{
    const char *name = json_string_value(json_object_get(request, "execute"));
    bool negotiates = strcmp(name, "qmp_capabilities") == 0;

    *ret = control_command_find(name);
    if (!s->negotiated && !negotiates)
        return err_set(err, ENOSYS,
                       "'%.80s' comes too early: the first command is qmp_capabilities", name);
    if (s->negotiated && negotiates)
        return err_set(err, ENOSYS, "the capabilities have been negotiated already");
    if (!*ret)
        return err_set(err, ENOSYS, "the command '%.80s' is unknown; query-commands lists all",
                       name);
    return control_args_check((*ret)->args, json_object_get(request, "arguments"), err);
}

static void run_request(struct control_session *s, const json_t *request)
{
    json_t *none = json_object(), *args = json_object_get(request, "arguments");
    json_t *id = json_object_get(request, "id"), *ret = NULL;
    const struct control_command *cmd = NULL;
    struct err err = { 0 };
    int rc;

    if ((rc = check_members(request, &err)) == 0 && (rc = find(s, request, &cmd, &err)) == 0)
        rc = cmd->run(s, args ? args : none, &ret, &err);
    if (rc < 0) {
        answer_error(s, &err, id);
    } else if (rc == CONTROL_LATER) {
        s->waits = true;
        s->wait_id = json_incref(id);
    } else {
        answer(s, "return", cmd->ret ? ret : json_object(), id);
    }
    json_decref(none);
}

static void run_frame(struct control_session *s, const char *data, size_t len)
{
    json_error_t why;
    json_t *request = json_loadb(data, len, JSON_REJECT_DUPLICATES, &why);
    struct err err = { 0 };

    if (request) {
        run_request(s, request);
    } else {
        err_set(&err, EINVAL, "the JSON text is wrong at byte %d: %.160s", why.position, why.text);
        answer_error(s, &err, NULL);
    }
    json_decref(request);
}

static void refuse_frame(struct control_session *s, enum control_frame_kind kind)
{
    struct err err = { 0 };

    if (kind == FRAME_GARBAGE)
        err_set(&err, EINVAL, "a command is a JSON object; this is none");
    else
        err_set(&err, EINVAL, "a command has at most %d bytes and %d nested brackets",
                CONTROL_MESSAGE_MAX, CONTROL_DEPTH_MAX);
    answer_error(s, &err, NULL);
    s->broken |= kind == FRAME_BROKEN;
}

bool control_session_hungry(const struct control_session *s)
{
    return !s->waits && !s->broken && s->out_len - s->out_sent < CONTROL_OUT_SOFT;
}

void control_session_run(struct control_session *s)
{
    while (control_session_hungry(s)) {
        const char *data;
        size_t len;
        enum control_frame_kind kind = control_frame_next(&s->in, &data, &len);

        if (kind == FRAME_NONE)
            return;
        if (kind == FRAME_OBJECT)
            run_frame(s, data, len);
        else
            refuse_frame(s, kind);
    }
}

void control_session_input(struct control_session *s, const char *data, size_t len)
{
    if (s->broken)
        return;
    if (control_frame_add(&s->in, data, len) < 0)
        s->broken = true;
    control_session_run(s);
}

/* --- life --- */

void control_session_init(struct control_session *s, struct vm *vm)
{
    *s = (struct control_session){ .vm = vm };
    control_session_send(
        s, json_pack("{s:{s:o, s:[]}}", "QMP", "version", control_version(), "capabilities"));
}

void control_session_fini(struct control_session *s)
{
    control_frame_fini(&s->in);
    json_decref(s->wait_id);
    free(s->out);
}
