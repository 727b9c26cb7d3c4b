/*
 * linux_riscv.c - the header of Linux's riscv Image.
 *
 * Linux, Documentation/arch/riscv/boot-image-header.rst. An image that is also an EFI
 * application (Debian's) begins with "MZ" and is the same otherwise.
 */
#include "machine/boot/boot.h"

#include "base/bits.h"
#include <errno.h>
#include <string.h>

enum { TEXT_OFFSET = 8, IMAGE_SIZE = 16, FLAGS = 24, VERSION = 32, MAGIC = 48, MAGIC2 = 56,
       HEADER_SIZE = 64 };
enum { FLAG_BIG_ENDIAN = 1 };

/* No kernel is that large; what claims to be is damaged. */
#define IMAGE_MAX (4 * GIB)

static bool is_image(const u8 *data, size_t size)
{
    return size >= HEADER_SIZE && memcmp(data + MAGIC2, "RSC\x05", 4) == 0;
}

int boot_rv_image_check(const u8 *data, size_t size, const char *path, struct boot_rv_image *out,
                        struct err *err)
{
    if (!is_image(data, size))
        return err_set(err, EINVAL, "%s is not a riscv Linux kernel (Image file) nor an ELF "
                       "program: give Debian's /boot/vmlinux-*-riscv64 or arch/riscv/boot/Image",
                       path);
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
