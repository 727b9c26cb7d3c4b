/*
 * decodegen - makes a guest's decoder and tables from its *.decode files.
 *
 *     decodegen DIR INPUT.decode...
 *
 * Writes into DIR, GUEST being the name that the files declare: GUEST_decode.gen.c,
 * GUEST_args.gen.h, GUEST_ops.gen.c, GUEST_ops.gen.h, GUEST_semgen.gen.c, GUEST_lines.gen.c.
 */
#include "decodegen.h"

#include <errno.h>
#include <string.h>

static void emit_file(const char *dir, const char *suffix, void (*emit)(FILE *))
{
    char path[1024];
    FILE *out;

    if (snprintf(path, sizeof path, "%s/%s_%s", dir, guest.name, suffix) >= (int)sizeof path)
        fail(dir, 0, "the path is too long");
    out = fopen(path, "w");
    if (!out)
        fail(path, 0, "cannot be written: %s", strerror(errno));
    emit(out);
    if (ferror(out) || fclose(out))
        fail(path, 0, "cannot be written: %s", strerror(errno));
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: decodegen DIR INPUT.decode...\n");
        return 2;
    }
    for (int i = 2; i < argc; i++)
        parse_file(argv[i]);
    check_guest();
    emit_file(argv[1], "decode.gen.c", emit_decoder);
    emit_file(argv[1], "args.gen.h", emit_header);
    emit_file(argv[1], "ops.gen.c", emit_ops);
    emit_file(argv[1], "ops.gen.h", emit_count);
    emit_file(argv[1], "semgen.gen.c", emit_semgen);
    emit_file(argv[1], "lines.gen.c", emit_lines);
    printf("decodegen: %s: %u lines, %u handlers\n", guest.name, guest.line_count, guest.row_count);
    return 0;
}
