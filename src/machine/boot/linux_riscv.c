/*
 * linux_riscv.c - the header of Linux's riscv Image.
 *
 * Linux, Documentation/arch/riscv/boot-image-header.rst. An image that is also an EFI
 * application (Debian's) begins with "MZ" and is the same otherwise.
 */
#include "machine/boot/boot.h"

#include "base/bits.h"
#include "base/checked.h"
#include <errno.h>
#include <string.h>

enum { TEXT_OFFSET = 8, IMAGE_SIZE = 16, FLAGS = 24, VERSION = 32, MAGIC = 48, MAGIC2 = 56,
       PE_OFFSET = 60, HEADER_SIZE = 64 };
/* Microsoft PE format: the COFF header after the signature, then section headers. */
enum { PE_SECTIONS = 6, PE_OPTIONAL_SIZE = 20, PE_TABLE = 24, PE_SECTION_SIZE = 40,
       PE_RAW_SIZE = 16, PE_RAW_AT = 20 };
enum { FLAG_BIG_ENDIAN = 1 };

/* No kernel is that large; what claims to be is damaged. */
#define IMAGE_MAX (4 * GIB)

static bool is_image(const u8 *data, size_t size)
{
    return size >= HEADER_SIZE && memcmp(data + MAGIC2, "RSC\x05", 4) == 0;
}

/* An EFI application's section headers say how long the file must be. */
static bool is_truncated(const u8 *data, size_t size)
{
    u64 pe = le32_get(data + PE_OFFSET), table;
    unsigned sections;

    if (memcmp(data, "MZ", 2) != 0 || pe == 0)
        return false;
    if (!checked_range(pe, PE_TABLE, size))
        return true;
    sections = le16_get(data + pe + PE_SECTIONS);
    table = pe + PE_TABLE + le16_get(data + pe + PE_OPTIONAL_SIZE);
    if (!checked_range(table, (u64)sections * PE_SECTION_SIZE, size))
        return true;
    for (unsigned i = 0; i < sections; i++) {
        const u8 *s = data + table + i * PE_SECTION_SIZE;

        if (!checked_range(le32_get(s + PE_RAW_AT), le32_get(s + PE_RAW_SIZE), size))
            return true;
    }
    return false;
}

int boot_rv_image_check(const u8 *data, size_t size, const char *path, struct boot_rv_image *out,
                        struct err *err)
{
    if (!is_image(data, size))
        return err_set(err, EINVAL, "%s is not a riscv Linux kernel (Image file) nor an ELF "
                       "program: give Debian's /boot/vmlinux-*-riscv64 or arch/riscv/boot/Image",
                       path);
    if (is_truncated(data, size))
        return err_set(err, EINVAL, "%s is a truncated kernel: its header tells of more than the "
                       "%zu bytes it has; copy it again", path, size);
    if (le32_get(data + FLAGS) & FLAG_BIG_ENDIAN)
        return err_set(err, EINVAL, "%s is a big-endian kernel, which no machine here runs", path);
    out->text_offset = le64_get(data + TEXT_OFFSET);
    out->image_size = le64_get(data + IMAGE_SIZE);
    if (out->text_offset > GIB || out->image_size > IMAGE_MAX || (out->text_offset & 4095))
        return err_set(err, EINVAL,
                       "%s has a damaged kernel header: text offset %#llx, image size %#llx", path,
                       (unsigned long long)out->text_offset, (unsigned long long)out->image_size);
    if (out->image_size < size)
        out->image_size = size;
    return 0;
}
