/*
 * linux_image.c - the header of Linux's Image files; what else can be started from.
 *
 * Linux, Documentation/arch/arm64/booting.rst and Documentation/arch/riscv/boot-image-header.rst,
 * which took it over. An image that is also an EFI application (Debian's) begins with "MZ" and is
 * the same otherwise.
 */
#include "machine/boot/boot.h"

#include "base/bits.h"
#include "base/checked.h"
#include <elf.h>
#include <errno.h>
#include <string.h>

enum { TEXT_OFFSET = 8, IMAGE_SIZE = 16, FLAGS = 24, MAGIC = 56, HEADER_SIZE = 64 };
/* PE/COFF, "COFF File Header" and "Section Table". */
enum {
    PE_OFFSET = 60,
    PE_SECTIONS = 6,
    PE_OPTIONAL_SIZE = 20,
    PE_HEADER = 24,
    PE_SECTION_SIZE = 40,
    PE_RAW_SIZE = 16,
    PE_RAW_AT = 20,
    PE_FAR = 4096
}; /* a place beyond this is no PE header's */
enum { FLAG_BIG_ENDIAN = 1 };

/* No kernel is that large; what claims to be is damaged. */
#define IMAGE_MAX (4 * GIB)

bool boot_is_uboot(const u8 *data, size_t size)
{
    return memmem(data, size, "U-Boot 2", 8) != NULL;
}

const struct boot_image_kind boot_riscv_image = {
    .who = "a riscv",
    .magic = "RSC\x05",
    .elf_machine = EM_RISCV,
    .example = "/boot/vmlinux-*-riscv64 or arch/riscv/boot/Image",
};

const struct boot_image_kind boot_arm64_image = {
    .who = "an arm64",
    .magic = "ARM\x64",
    .elf_machine = EM_AARCH64,
    .offset_unsized = 0x80000, /* before Linux 3.17 */
    .example = "/boot/vmlinuz-*-arm64 or arch/arm64/boot/Image",
};

/* Where the last section of an EFI image ends in its file; 0 when it is no such image. The
 * header's own size counts zeroed memory too and cannot tell a file that was cut. */
static u64 pe_file_size(const u8 *data, size_t size)
{
    u64 pe = le32_get(data + PE_OFFSET), table, end = 0;
    unsigned sections;

    if (memcmp(data, "MZ", 2) != 0 || pe == 0 || pe > PE_FAR)
        return 0;
    if (!checked_range(pe, PE_HEADER, size))
        return pe + PE_HEADER; /* cut before its second header */
    if (memcmp(data + pe, "PE\0", 4) != 0)
        return 0;
    sections = le16_get(data + pe + PE_SECTIONS);
    table = pe + PE_HEADER + le16_get(data + pe + PE_OPTIONAL_SIZE);
    for (unsigned i = 0; i < sections; i++) {
        u64 at = table + i * (u64)PE_SECTION_SIZE, raw_end;

        if (!checked_range(at, PE_SECTION_SIZE, size))
            return UINT64_MAX;
        raw_end = (u64)le32_get(data + at + PE_RAW_SIZE) + le32_get(data + at + PE_RAW_AT);
        end = end < raw_end ? raw_end : end;
    }
    return end;
}

int boot_image_check(const u8 *data, size_t size, const char *path,
                     const struct boot_image_kind *kind, struct boot_image *out, struct err *err)
{
    if (size < HEADER_SIZE || memcmp(data + MAGIC, kind->magic, 4) != 0)
        return err_set(err, EINVAL,
                       "%s is not %s Linux kernel (Image file) nor an ELF program: give "
                       "Debian's %s",
                       path, kind->who, kind->example);
    if (le32_get(data + FLAGS) & FLAG_BIG_ENDIAN)
        return err_set(err, EINVAL, "%s is a big-endian kernel, which no machine here runs", path);
    out->image_size = le64_get(data + IMAGE_SIZE);
    out->text_offset = out->image_size ? le64_get(data + TEXT_OFFSET) : kind->offset_unsized;
    if (out->text_offset > GIB || out->image_size > IMAGE_MAX || (out->text_offset & 4095))
        return err_set(err, EINVAL,
                       "%s has a damaged kernel header: text offset %#llx, image size %#llx", path,
                       (unsigned long long)out->text_offset, (unsigned long long)out->image_size);
    if (pe_file_size(data, size) > size)
        return err_set(err, EINVAL,
                       "%s is a truncated kernel: the file has %zu bytes and should "
                       "have more; copy it again",
                       path, size);
    if (out->image_size < size)
        out->image_size = size;
    return 0;
}
