/*
 * fuzz_qmp.c - a control socket's client that sends anything, in pieces of any length, to a
 * machine that does not run: framing, JSON, arguments, commands.
 */
#include "vm/control_private.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static struct vm *machine(void)
{
    static struct vm *vm;
    struct vm_config *cfg;
    struct vm_err err;

    if (vm)
        return vm;
    cfg = vm_config_new();
    if (!cfg || vm_config_set(cfg, "memory", "32M", &err) < 0 ||
        vm_config_set(cfg, "console", "none", &err) < 0 || vm_new(cfg, &vm, &err) < 0)
        abort();
    vm_config_free(cfg);
    return vm;
}

/* Each line of the output is one answer that can be parsed. */
static void check_output(const struct control_session *s)
{
    const char *at = s->out, *end = s->out + s->out_len;

    while (at < end) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        json_t *j = line_end ? json_loadb(at, (size_t)(line_end - at), 0, NULL) : NULL;

        if (!json_object_get(j, "return") && !json_object_get(j, "error") &&
            !json_object_get(j, "QMP"))
            abort();
        json_decref(j);
        at = line_end + 1;
    }
}

/* The first byte says how long the pieces are. */
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    static const char hello[] = "{\"execute\":\"qmp_capabilities\"}";
    size_t piece = size && data[0] % 2 ? data[0] : 4096;
    struct control_session s;
    struct vm *vm = machine();

    control_session_init(&s, vm);
    if (size && data[0] & 2)
        control_session_input(&s, hello, sizeof hello - 1);
    for (size_t at = 1; at < size; at += piece) {
        control_session_input(&s, (const char *)data + at, size - at < piece ? size - at : piece);
        check_output(&s);
        s.out_sent = s.out_len;
        control_session_stopped(&s);
        control_session_run(&s);
    }
    control_session_fini(&s);
    vm->held = vm->stopped = vm->reset_asked = false;
    return 0;
}
