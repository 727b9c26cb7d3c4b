/*
 * fuzz_fdt.c - a device tree from a stranger (--dtb).
 *
 * First byte: bit 0: the bytes are operations that make a tree, right in its header and
 * mostly so in its structure, instead of the tree itself; bits 1 and 2: a command line, an
 * initrd. Either there is one sentence, or a sound tree that says what was to be put in.
 */
#include "base/bits.h"
#include "machine/fdt/fdt.h"
#include <libfdt.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

enum { HEADER = 40, STRUCT_AT = 56, STRUCT_MAX = 1 << 16, ARGS_MAX = 600 };

static const char strings[] = "bootargs\0linux,initrd-start\0linux,initrd-end\0rng-seed\0reg";
static const u16 string_at[] = { 0, 9, 28, 45, 54, 56, 9999 };

struct maker {
    const u8 *at, *end;
    u8 *out;
    u32 len;
};

static u8 take(struct maker *m)
{
    return m->at < m->end ? *m->at++ : 0;
}

static void put32(struct maker *m, u32 v)
{
    fdt32_st(m->out + m->len, v);
    m->len += 4;
}

static void put_node(struct maker *m)
{
    static const char *const names[] = { "", "chosen", "chosen@0", "soc", "CHOSEN" };
    const char *name = names[take(m) % ARRAY_SIZE(names)];

    put32(m, FDT_BEGIN_NODE);
    memcpy(m->out + m->len, name, strlen(name));
    m->len += (u32)bits_align_up(strlen(name) + 1, 4);
}

static void put_prop(struct maker *m)
{
    u32 len = take(m) & 31;

    put32(m, FDT_PROP);
    put32(m, len);
    put32(m, string_at[take(m) % ARRAY_SIZE(string_at)]);
    for (u32 i = 0; i < len; i++)
        m->out[m->len + i] = take(m);
    m->len += (u32)bits_align_up(len, 4);
}

static void put_any(struct maker *m)
{
    switch (take(m) % 8) {
    case 0:
    case 1: put_node(m); break;
    case 2:
    case 3: put_prop(m); break;
    case 4:
    case 5: put32(m, FDT_END_NODE); break;
    case 6: put32(m, FDT_NOP); break;
    default: put32(m, take(m)); break;
    }
}

/* Version 17 (Devicetree Specification 0.4, section 5.2), no reserved memory. */
static void put_header(u8 *tree, u32 struct_size)
{
    const u32 fields[] = { FDT_MAGIC,
                           STRUCT_AT + struct_size + (u32)sizeof strings,
                           STRUCT_AT,
                           STRUCT_AT + struct_size,
                           HEADER,
                           17,
                           16,
                           0,
                           sizeof strings,
                           struct_size };

    for (unsigned i = 0; i < ARRAY_SIZE(fields); i++)
        fdt32_st(tree + i * 4, fields[i]);
}

static size_t make(const u8 *data, size_t size, u8 *tree)
{
    struct maker m = { data, data + size, tree + STRUCT_AT, 0 };
    bool wrapped = size && take(&m) & 1; /* in a root */

    if (wrapped) {
        put32(&m, FDT_BEGIN_NODE);
        put32(&m, 0);
    }
    while (m.at < m.end && m.len < STRUCT_MAX - 64)
        put_any(&m);
    if (wrapped)
        put32(&m, FDT_END_NODE);
    put32(&m, FDT_END);
    put_header(tree, m.len);
    memcpy(tree + STRUCT_AT + m.len, strings, sizeof strings);
    return STRUCT_AT + m.len + sizeof strings;
}

static void check_prop(const u8 *blob, int node, const char *name, const void *want, int size)
{
    int len;
    const void *got = fdt_getprop(blob, node, name, &len);

    if (!got || len != size || memcmp(got, want, (size_t)size) != 0)
        abort();
}

static void check_tree(const u8 *blob, u32 size, const struct fdt_chosen *c)
{
    int node = fdt_path_offset(blob, "/chosen");
    u8 end[8];

    if (fdt_check_full(blob, size) || fdt_totalsize(blob) != size || node < 0)
        abort();
    check_prop(blob, node, "rng-seed", c->rng_seed, sizeof c->rng_seed);
    if (c->bootargs)
        check_prop(blob, node, "bootargs", c->bootargs, (int)strlen(c->bootargs) + 1);
    if (c->initrd_start != c->initrd_end) {
        fdt64_st(end, c->initrd_end);
        check_prop(blob, node, "linux,initrd-end", end, 8);
    }
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    u8 *tree = calloc(1, size + STRUCT_AT + STRUCT_MAX + 64), *blob = NULL, *exact;
    char args[ARGS_MAX] = "";
    struct fdt_chosen chosen = { .rng_seed = { 1, 2, 3 } };
    struct err err = { 0 };
    size_t len = size ? size - 1 : 0;
    u32 blob_size;

    if (size && data[0] & 2) {
        memset(args, 'x', len < ARGS_MAX ? len : ARGS_MAX - 1);
        chosen.bootargs = args;
    }
    if (size && data[0] & 4)
        chosen.initrd_end = chosen.initrd_start + 4096;
    if (size && data[0] & 1)
        len = make(data + 1, len, tree);
    else if (len)
        memcpy(tree, data + 1, len);
    exact = malloc(len ? len : 1); /* of its exact size, for the address checker */
    memcpy(exact, tree, len);
    if (fdt_user_tree(exact, len, "tree", &chosen, &blob, &blob_size, &err) == 0)
        check_tree(blob, blob_size, &chosen);
    else if (!err.text[0] || blob)
        abort();
    free(blob);
    free(exact);
    free(tree);
    return 0;
}
