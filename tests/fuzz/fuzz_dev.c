/*
 * fuzz_dev.c - a device of any class under hostile traffic, and under a hostile state.
 *
 * First byte: the class. Second: bit 2 has programs behind a vsock, bit 0 saves and loads in the
 * middle, bit 1 starts from a state of arbitrary content, as a forged state file may bring it; the
 * device may refuse it.
 */
#include "base/bits.h"
#include "dev/traffic.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

/* The reader lets only 0 and 1 into a flag. */
static void flags_normalise(const struct state_list *list, u8 *state)
{
    for (u32 i = 0; i < list->field_count; i++) {
        const struct state_field *f = &list->fields[i];
        u8 *at = state + f->offset;

        for (u32 n = 0; n < f->count; n++)
            if (f->type == ST_nested)
                flags_normalise(f->nested, at + (size_t)n * f->nested->size);
            else if (f->type == ST_flag)
                at[n] &= 1;
    }
}

static void load_forged(struct traffic *t, const u8 *bytes, size_t len)
{
    const struct state_list *list = t->cls->state;
    struct state_writer *w = state_writer_new();
    struct state_reader *r = NULL;
    struct err err = { 0 };
    u8 *state = calloc(1, list->size), *file = NULL;
    size_t size = 0;

    for (u32 i = 0; len && i < list->size; i++)
        state[i] = bytes[i % len];
    flags_normalise(list, state);
    state_write(w, t->d->id, list, state);
    if (state_writer_memory(w, &file, &size, &err) ||
        state_reader_open_memory(file, size, &r, &err))
        abort();
    if (dev_load(t->d, r, &err) && !err.text[0])
        abort(); /* a refusal says why */
    state_reader_free(r);
    state_writer_free(w);
    free(file);
    free(state);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    const struct dev_class *cls;
    struct traffic *t;
    size_t half;

    if (size < 2)
        return 0;
    cls = dev_classes[data[0] % dev_class_count];
    t = traffic_new(cls);
    t->h.vsock.listens = data[1] & 4;
    size -= 2;
    half = size / 2;
    if (cls->state && data[1] & 2)
        load_forged(t, data + 2, size < 64 ? size : 64);
    traffic_run(t, data + 2, half);
    if (cls->state && data[1] & 1) {
        fake_drain(&t->h, t->d);
        traffic_save_and_load(t);
    }
    traffic_run(t, data + 2 + half, size - half);
    traffic_free(t);
    return 0;
}
