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

static bool is_gzip(const u8 *p, size_t size)
{
    return size > 18 && p[0] == 0x1f && p[1] == 0x8b;
}

/* Other compressions, by their first bytes, for the sentence. */
static const char *compression_name(const u8 *p, size_t size)
{
    static const struct {
        const char *name, *magic;
        size_t len;
    } known[] = { { "xz",
                    "\xfd"
                    "7zXZ",
                    5 },
                  { "zstd", "\x28\xb5\x2f\xfd", 4 },
                  { "bzip2", "BZh", 3 },
                  { "lz4", "\x02\x21\x4c\x18", 4 },
                  { "lzop", "\x89LZO", 4 } };

    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (size >= known[i].len && memcmp(p, known[i].magic, known[i].len) == 0)
            return known[i].name;
    return NULL;
}

static bool is_zboot(const u8 *p, size_t size)
{
    return size > ZBOOT_HEADER && memcmp(p, "MZ", 2) == 0 &&
           memcmp(p + ZBOOT_MAGIC, "zimg", 4) == 0;
}

static int unpack_stream(struct boot_file *file, const char *what, const u8 *in, size_t size,
                         u64 limit, struct err *err)
{
    u8 *out;
    size_t out_size;
    int rc = boot_gunzip(in, size, limit, &out, &out_size);

    if (rc == -EFBIG)
        return err_set(err, EFBIG, "the %s %s unpacks to more than %llu MiB", what, file->path,
                       (unsigned long long)(limit / MIB));
    if (rc == -ENOMEM)
        return err_set_errno(err, ENOMEM, "unpacking the %s %s", what, file->path);
    if (rc == -ENOTSUP)
        return err_set(err, ENOTSUP,
                       "the %s %s is gzip'd and this build has no zlib: unpack it "
                       "first",
                       what, file->path);
    if (rc < 0)
        return err_set(err, EINVAL, "the %s %s is a damaged or truncated gzip file", what,
                       file->path);
    free(file->data);
    file->data = out;
    file->size = out_size;
    return 0;
}

static int unpack_file(struct boot_file *file, const char *what, u64 limit, struct err *err)
{
    const u8 *in = file->data;
    size_t size = file->size;
    const char *method;

    if (is_zboot(in, size)) {
        u32 at = le32_get(in + ZBOOT_OFFSET), len = le32_get(in + ZBOOT_SIZE);

        if (!checked_range(at, len, size))
            return err_set(err, EINVAL, "the %s %s is a truncated EFI zboot image", what,
                           file->path);
        in += at;
        size = len;
    }
    if (is_gzip(in, size))
        return unpack_stream(file, what, in, size, limit, err);
    method = compression_name(in, size);
    if (method)
        return err_set(err, EINVAL,
                       "the %s %s is compressed with %s, only gzip is unpacked here: "
                       "unpack it first",
                       what, file->path, method);
    return 0;
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
