/*
 * control_size.c - what a client may make larger and smaller while the guest runs: its memory,
 * by the balloon, and its disks.
 */
#include "vm/control_private.h"

#include "dev/virtio/virtio_balloon.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static struct device *balloon(const struct machine *m, struct err *err)
{
    for (unsigned i = 0; i < m->device_count; i++)
        if (strncmp(m->devices[i]->cls->name, "virtio-balloon-", 15) == 0)
            return m->devices[i];
    err_set(err, ENODEV, "this machine has no balloon");
    return NULL;
}

/* value: the memory that the guest is to keep. */
int control_balloon(struct control_session *s, const json_t *args, json_t **ret, struct err *err)
{
    const struct machine *m = s->vm->machine;
    json_int_t value = json_integer_value(json_object_get(args, "value"));
    struct device *d = balloon(m, err);

    if (!d)
        return -err->code;
    if (value <= 0)
        return err_set(err, EINVAL, "a guest with %lld bytes of memory: give more than 0", value);
    virtio_balloon_ask(d, (u64)value < m->cfg->memory ? m->cfg->memory - (u64)value : 0);
    return 0;
}

int control_query_balloon(struct control_session *s, const json_t *args, json_t **ret,
                          struct err *err)
{
    const struct machine *m = s->vm->machine;
    struct device *d = balloon(m, err);
    u64 given = d ? virtio_balloon_given(d) : 0;

    if (!d)
        return -err->code;
    if (given > m->cfg->memory) /* so it says */
        given = m->cfg->memory;
    return control_answer(json_pack("{s:I}", "actual", (json_int_t)(m->cfg->memory - given)), ret,
                          err);
}

int control_query_memory(struct control_session *s, const json_t *args, json_t **ret,
                         struct err *err)
{
    return control_answer(
        json_pack("{s:I}", "base-memory", (json_int_t)s->vm->machine->cfg->memory), ret, err);
}

int control_block_resize(struct control_session *s, const json_t *args, json_t **ret,
                         struct err *err)
{
    const char *device = json_string_value(json_object_get(args, "device"));
    json_int_t size = json_integer_value(json_object_get(args, "size"));
    const struct machine *m = s->vm->machine;
    char name[16];

    for (unsigned i = 0; i < m->image_count; i++) {
        snprintf(name, sizeof name, "disk%u", i);
        if (strcmp(name, device) != 0)
            continue;
        if (size <= 0)
            return err_set(err, EINVAL, "a disk of %lld bytes: give more than 0", size);
        return blk_image_resize(m->images[i], (u64)size, err);
    }
    return err_set(err, ENODEV, "there is no disk '%.80s'; query-block lists all", device);
}
