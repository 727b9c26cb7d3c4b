/*
 * disk.c - `vm-cli disk`: disk images without a machine.
 */
#include "command.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <vm/disk.h>

#define FORMAT_ROW(what)                                                                           \
    { .name = "format", .arg = "raw|qcow2", .values = "raw qcow2",                                 \
      .doc = "Format of the " what "; without it: qcow2 for names that end in .qcow2, else "       \
             "raw." }
#define JSON_ROW     { .name = "json", .doc = "Prints the result as JSON." }
#define PROGRESS_ROW { .name = "quiet", .doc = "Shows no progress." }

static const struct option disk_create_options[] = {
    FORMAT_ROW("image"),
    { .name = "backing",
      .arg = "FILE",
      .values = "@file",
      .doc = "qcow2: an image that shows where nothing is written; relative to the new one." },
    { .name = "backing-format",
      .arg = "raw|qcow2",
      .values = "raw qcow2",
      .doc = "Its format; needed unless its name ends in .qcow2." },
    { .name = "cluster-size",
      .arg = "SIZE",
      .values = "4K 64K 2M",
      .doc = "qcow2: unit of allocation, 512 to 2M; usually 64K." },
    { .name = NULL },
};

static const struct option disk_convert_options[] = {
    { .name = "from",
      .arg = "raw|qcow2",
      .values = "raw qcow2",
      .doc = "Format of the source; without it: by its name, as for --format." },
    FORMAT_ROW("new image"),
    { .name = "compress",
      .arg = "zlib|zstd",
      .arg_optional = true,
      .values = "zlib zstd",
      .doc = "qcow2: compresses each cluster that becomes smaller by it." },
    { .name = "cluster-size",
      .arg = "SIZE",
      .values = "4K 64K 2M",
      .doc = "qcow2: unit of allocation, 512 to 2M; usually 64K." },
    PROGRESS_ROW,
    { .name = NULL },
};

static const struct option disk_resize_options[] = {
    FORMAT_ROW("image"),
    { .name = "shrink", .doc = "Allows a smaller size; what is cut off is lost." },
    { .name = NULL },
};

static const struct option disk_info_options[] = { FORMAT_ROW("image"),
                                                   JSON_ROW,
                                                   { .name = NULL } };

static const struct option disk_check_options[] = {
    FORMAT_ROW("image"),
    { .name = "repair", .doc = "Makes reference counts and flags right." },
    JSON_ROW,
    { .name = NULL },
};

static const struct option disk_commit_options[] = {
    FORMAT_ROW("overlay"),
    PROGRESS_ROW,
    { .name = NULL },
};

/* --- common --- */

static int too_far(struct vm_err *err, const char *name, const char *text)
{
    snprintf(err->text, sizeof err->text, "--%s %s: too small or too large", name, text);
    return -1;
}

/* 1, and *out is set, when the option was given; 0 when not; -1 when it is no size. */
static int size_option(const struct command_line *line, const char *name, uint32_t *out,
                       struct vm_err *err)
{
    const char *text = line_value(line, name);
    uint64_t size;

    if (!text)
        return 0;
    if (vm_disk_parse_size(text, &size, err) < 0)
        return -1;
    if (size == 0 || size > UINT32_MAX)
        return too_far(err, name, text);
    *out = (uint32_t)size;
    return 1;
}

static int usage(const struct vm_err *err)
{
    say("%s", err->text);
    return STATUS_USAGE;
}

/* On a terminal one line that is overwritten, by whole percents. */
static int show_progress(uint64_t done, uint64_t total, void *arg)
{
    int *shown = arg, percent = total ? (int)((double)done * 100 / (double)total) : 100;

    if (percent != *shown)
        fprintf(stderr, "\r%3d%%%s", percent, done == total ? "\n" : "");
    *shown = percent;
    return 0;
}

static vm_disk_progress_fn *progress_for(const struct command_line *line)
{
    return !line_has(line, "quiet") && isatty(STDERR_FILENO) ? show_progress : NULL;
}

/* --- JSON --- */

static void json_text(const char *name, const char *text)
{
    printf("  \"%s\": \"", name);
    for (; *text; text++)
        if (*text == '"' || *text == '\\')
            printf("\\%c", *text);
        else if ((unsigned char)*text < ' ')
            printf("\\u%04x", (unsigned)*text);
        else
            putchar(*text);
    printf("\",\n");
}

static void json_number(const char *name, uint64_t value)
{
    printf("  \"%s\": %" PRIu64 ",\n", name, value);
}

static void json_bool(const char *name, int value, const char *end)
{
    printf("  \"%s\": %s%s\n", name, value ? "true" : "false", end);
}

/* --- the commands --- */

static int disk_create(const struct command_line *line)
{
    struct vm_disk_options o = { .format = line_value(line, "format"),
                                 .backing = line_value(line, "backing"),
                                 .backing_format = line_value(line, "backing-format") };
    struct vm_err err;

    if (line->operand_count > 1 && vm_disk_parse_size(line->operands[1], &o.size, &err) < 0)
        return usage(&err);
    if (size_option(line, "cluster-size", &o.cluster_size, &err) < 0)
        return usage(&err);
    return vm_disk_create(line->operands[0], &o, &err) < 0 ? failed(&err) : STATUS_OK;
}

static int disk_convert(const struct command_line *line)
{
    const char *compress = line_value(line, "compress");
    struct vm_disk_options o = { .format = line_value(line, "format"), .compression = compress };
    int shown = -1;
    struct vm_err err;

    if (size_option(line, "cluster-size", &o.cluster_size, &err) < 0)
        return usage(&err);
    if (vm_disk_convert(line->operands[0], line_value(line, "from"), line->operands[1], &o,
                        line_has(line, "compress"), progress_for(line), &shown, &err) < 0)
        return failed(&err);
    return STATUS_OK;
}

static int disk_resize(const struct command_line *line)
{
    struct vm_err err;
    uint64_t size;

    if (vm_disk_parse_size(line->operands[1], &size, &err) < 0)
        return usage(&err);
    if (vm_disk_resize(line->operands[0], line_value(line, "format"), size,
                       line_has(line, "shrink"), &err) < 0)
        return failed(&err);
    return STATUS_OK;
}

static int disk_commit(const struct command_line *line)
{
    int shown = -1;
    struct vm_err err;

    if (vm_disk_commit(line->operands[0], line_value(line, "format"), progress_for(line), &shown,
                       &err) < 0)
        return failed(&err);
    return STATUS_OK;
}

static void info_json(const char *path, const struct vm_disk_info *i)
{
    puts("{");
    json_text("filename", path);
    json_text("format", i->format);
    json_number("virtual-size", i->size);
    json_number("actual-size", i->allocated);
    if (i->version) {
        json_number("cluster-size", i->cluster_size);
        json_number("version", i->version);
        json_number("refcount-bits", i->refcount_bits);
        json_number("snapshots", i->snapshots);
        json_text("compression-type", i->compression);
        json_bool("dirty", i->dirty, ",");
        json_bool("corrupt", i->corrupt, ",");
    }
    if (i->backing[0]) {
        json_text("backing-filename", i->backing);
        json_text("backing-format", i->backing_format);
    }
    json_bool("in-use", i->in_use, "");
    puts("}");
}

static void info_text(const char *path, const struct vm_disk_info *i)
{
    printf("image:        %s\nformat:       %s\n", path, i->format);
    printf("disk:         %" PRIu64 " bytes\non the host:  %" PRIu64 " bytes\n", i->size,
           i->allocated);
    if (i->version)
        printf("qcow2:        version %u, clusters of %" PRIu64 " bytes, counts of %u bits, %s\n",
               i->version, i->cluster_size, i->refcount_bits, i->compression);
    if (i->snapshots)
        printf("snapshots:    %u\n", i->snapshots);
    if (i->backing[0])
        printf("behind it:    %s (%s)\n", i->backing, i->backing_format);
    if (i->dirty || i->corrupt)
        printf("state:        %s\n", i->corrupt ? "corrupt" : "not closed in order");
    if (i->in_use)
        puts("in use:       yes");
}

static int disk_info(const struct command_line *line)
{
    struct vm_disk_info info;
    struct vm_err err;

    if (vm_disk_info_get(line->operands[0], line_value(line, "format"), &info, &err) < 0)
        return failed(&err);
    (line_has(line, "json") ? info_json : info_text)(line->operands[0], &info);
    return STATUS_OK;
}

static void check_json(const char *path, const struct vm_disk_check *c)
{
    puts("{");
    json_text("filename", path);
    json_number("corruptions", c->errors);
    json_number("leaks", c->leaks);
    json_number("corruptions-fixed", c->repaired_errors);
    json_number("leaks-fixed", c->repaired_leaks);
    json_number("total-clusters", c->clusters);
    json_number("allocated-clusters", c->allocated);
    json_number("compressed-clusters", c->compressed);
    printf("  \"image-end-offset\": %" PRIu64 "\n}\n", c->end);
}

static void check_text(const struct vm_disk_check *c)
{
    if (c->repaired_errors || c->repaired_leaks)
        printf("repaired: %" PRIu64 " errors, %" PRIu64 " leaked clusters\n", c->repaired_errors,
               c->repaired_leaks);
    if (c->errors)
        printf("%" PRIu64 " errors: data may be lost\n", c->errors);
    if (c->leaks)
        printf("%" PRIu64 " clusters are counted but not used: space is lost, no data\n", c->leaks);
    if (!c->errors && !c->leaks)
        puts("no errors");
    printf("%" PRIu64 " of %" PRIu64 " clusters are allocated, %" PRIu64 " compressed\n",
           c->allocated, c->clusters, c->compressed);
}

/* A damaged image is a failure for a script. */
static int disk_check(const struct command_line *line)
{
    struct vm_disk_check check;
    struct vm_err err;

    if (vm_disk_check(line->operands[0], line_value(line, "format"), line_has(line, "repair"),
                      &check, &err) < 0)
        return failed(&err);
    if (line_has(line, "json"))
        check_json(line->operands[0], &check);
    else
        check_text(&check);
    return check.errors ? STATUS_FAILED : STATUS_OK;
}

const struct command cmd_disk_create = {
    .name = "disk create",
    .operands = "FILE [SIZE]",
    .doc = "Makes an empty disk image (without SIZE: as large as --backing).",
    .options = disk_create_options,
    .operands_min = 1,
    .operands_max = 2,
    .completes = "@file",
    .run = disk_create,
};

const struct command cmd_disk_convert = {
    .name = "disk convert",
    .operands = "FROM TO",
    .doc = "Copies a disk image into a new one, with what is behind it.",
    .options = disk_convert_options,
    .operands_min = 2,
    .operands_max = 2,
    .completes = "@file",
    .run = disk_convert,
};

const struct command cmd_disk_resize = {
    .name = "disk resize",
    .operands = "FILE SIZE",
    .doc = "Changes the size of a disk image.",
    .options = disk_resize_options,
    .operands_min = 2,
    .operands_max = 2,
    .completes = "@file",
    .run = disk_resize,
};

const struct command cmd_disk_info = {
    .name = "disk info",
    .operands = "FILE",
    .doc = "Tells what a disk image is.",
    .options = disk_info_options,
    .operands_min = 1,
    .operands_max = 1,
    .completes = "@file",
    .run = disk_info,
};

const struct command cmd_disk_check = {
    .name = "disk check",
    .operands = "FILE",
    .doc = "Looks for errors in a qcow2 image, and with --repair mends them.",
    .options = disk_check_options,
    .operands_min = 1,
    .operands_max = 1,
    .completes = "@file",
    .run = disk_check,
};

const struct command cmd_disk_commit = {
    .name = "disk commit",
    .operands = "FILE",
    .doc = "Writes an overlay's content into the image behind it.",
    .options = disk_commit_options,
    .operands_min = 1,
    .operands_max = 1,
    .completes = "@file",
    .run = disk_commit,
};
