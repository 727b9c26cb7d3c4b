/*
 * file.c - reads what is to be booted, decompressed.
 */
#include "machine/boot/boot.h"

#include "base/bits.h"
#include "base/checked.h"
#include "host/file.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* EFI zboot (Linux's drivers/firmware/efi/libstub/zboot-header.S). */
enum { ZBOOT_MAGIC = 4, ZBOOT_OFFSET = 8, ZBOOT_SIZE = 12, ZBOOT_METHOD = 24, ZBOOT_HEADER = 56 };

/* Compressions, by their first bytes. */
static const struct compression {
    const char *name, *magic;
    size_t len;
    int (*unpack)(const u8 *in, size_t in_size, u64 limit, u8 **ret_out, size_t *ret_size);
    const char *library; /* which this build may lack */
} known[] = { { "gzip", "\x1f\x8b", 2, boot_gunzip, "zlib" },
              { "zstd", "\x28\xb5\x2f\xfd", 4, boot_unzstd, "libzstd" },
              { "xz",
                "\xfd"
                "7zXZ",
                5 },
              { "bzip2", "BZh", 3 },
              { "lz4", "\x02\x21\x4c\x18", 4 },
              { "lzop", "\x89LZO", 4 } };

/* NULL: none of them. */
static const struct compression *compression_of(const u8 *p, size_t size)
{
    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (size >= known[i].len && memcmp(p, known[i].magic, known[i].len) == 0)
            return &known[i];
    return NULL;
}

static bool is_zboot(const u8 *p, size_t size)
{
    return size > ZBOOT_HEADER && memcmp(p, "MZ", 2) == 0 &&
           memcmp(p + ZBOOT_MAGIC, "zimg", 4) == 0;
}

int boot_unpack_grow(u8 **buf, size_t *room, u64 limit)
{
    size_t want = *room ? *room * 2 : 1 << 20;
    u8 *more;

    if (want > limit)
        want = limit;
    if (want == *room)
        return -EFBIG;
    more = realloc(*buf, want);
    if (!more)
        return -ENOMEM;
    *buf = more;
    *room = want;
    return 0;
}

static int unpack_stream(struct boot_file *file, const char *what, const struct compression *how,
                         const u8 *in, size_t size, u64 limit, struct err *err)
{
    u8 *out;
    size_t out_size;
    int rc = how->unpack(in, size, limit, &out, &out_size);

    if (rc == -EFBIG)
        return err_set(err, EFBIG, "the %s %s unpacks to more than %llu MiB", what, file->path,
                       (unsigned long long)(limit / MIB));
    if (rc == -ENOMEM)
        return err_set_errno(err, ENOMEM, "unpacking the %s %s", what, file->path);
    if (rc == -ENOTSUP)
        return err_set(err, ENOTSUP,
                       "the %s %s is compressed with %s and this build has no %s: unpack it "
                       "first",
                       what, file->path, how->name, how->library);
    if (rc < 0)
        return err_set(err, EINVAL, "the %s %s is a damaged or truncated %s file", what, file->path,
                       how->name);
    free(file->data);
    file->data = out;
    file->size = out_size;
    return 0;
}

static int unpack_file(struct boot_file *file, const char *what, u64 limit, struct err *err)
{
    const struct compression *how;
    const u8 *in = file->data;
    size_t size = file->size;

    if (is_zboot(in, size)) {
        u32 at = le32_get(in + ZBOOT_OFFSET), len = le32_get(in + ZBOOT_SIZE);

        if (!checked_range(at, len, size))
            return err_set(err, EINVAL, "the %s %s is a truncated EFI zboot image", what,
                           file->path);
        in += at;
        size = len;
    }
    how = compression_of(in, size);
    if (how && !how->unpack)
        return err_set(err, EINVAL,
                       "the %s %s is compressed with %s, only gzip and zstd are unpacked here: "
                       "unpack it first",
                       what, file->path, how->name);
    return how ? unpack_stream(file, what, how, in, size, limit, err) : 0;
}

int boot_file_read(struct boot_file *file, const char *what, const char *path, u64 limit,
                   bool unpack, struct err *err)
{
    int rc;

    *file = (struct boot_file){ .path = path };
    rc = host_file_read(path, limit, &file->data, &file->size, err);
    if (rc < 0)
        return err_wrap(err, "the %s cannot be read", what);
    rc = unpack ? unpack_file(file, what, limit, err) : 0;
    if (rc < 0)
        boot_file_fini(file);
    return rc;
}

void boot_file_fini(struct boot_file *file)
{
    free(file->data);
    file->data = NULL;
    file->size = 0;
}
