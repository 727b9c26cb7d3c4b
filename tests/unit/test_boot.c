/*
 * test_boot.c - boot plans, kernel images, ELF files, compressed ones and device trees.
 */
#include "test.h"

#include "base/bits.h"
#include "machine/boot/boot.h"
#include "machine/fdt/fdt.h"
#include <elf.h>
#include <errno.h>
#include <libfdt.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#define RAM 0x80000000ull

static int add(struct boot_plan *plan, const char *what, gpa_t at, u64 span, struct err *err)
{
    return boot_plan_add(plan, &(struct boot_load){ .what = what, .at = at, .span = span }, err);
}

TEST(plan_refuses_overlap_and_outside)
{
    struct boot_plan plan;
    struct err err = { 0 };

    boot_plan_init(&plan, RAM, 64 * MIB);
    CHECK_EQ(add(&plan, "kernel", RAM + 2 * MIB, 8 * MIB, &err), 0);
    CHECK_EQ(add(&plan, "initrd", RAM + 10 * MIB - 1, MIB, &err), (u64)-EINVAL);
    CHECK_HAS(err.text, "the initrd at 0x809fffff overlaps the kernel at 0x80200000");
    CHECK_EQ(add(&plan, "initrd", RAM + 60 * MIB, 5 * MIB, &err), (u64)-EINVAL);
    CHECK_HAS(err.text, "--memory");
    CHECK_EQ(add(&plan, "initrd", RAM - 4096, 4096, &err), (u64)-EINVAL);
    CHECK_EQ(add(&plan, "initrd", RAM, UINT64_MAX, &err), (u64)-EINVAL);
    CHECK_EQ(plan.load_count, 1);
    boot_plan_fini(&plan);
}

TEST(plan_finds_room)
{
    struct boot_plan plan;
    struct err err = { 0 };

    boot_plan_init(&plan, RAM, 64 * MIB);
    CHECK_EQ(boot_plan_top(&plan, MIB, 2 * MIB, UINT64_MAX), RAM + 62 * MIB);
    CHECK_EQ(add(&plan, "a", RAM + 62 * MIB, 2 * MIB, &err), 0);
    CHECK_EQ(boot_plan_top(&plan, MIB + 1, 4096, UINT64_MAX), RAM + 62 * MIB - MIB - 4096);
    CHECK_EQ(boot_plan_top(&plan, 63 * MIB, 4096, UINT64_MAX), 0);
    CHECK_EQ(boot_plan_top(&plan, UINT64_MAX, 4096, UINT64_MAX), 0);
    CHECK_EQ(add(&plan, "b", RAM, 5, &err), 0);
    CHECK_EQ(add(&plan, "c", RAM + 5, 4096, &err), 0);
    boot_plan_fini(&plan);
    boot_plan_init(&plan, RAM, 64 * MIB);
    CHECK_EQ(add(&plan, "b", RAM, 5, &err), 0);
    CHECK_EQ(boot_plan_end(&plan, 2 * MIB), RAM + 2 * MIB);
    boot_plan_fini(&plan);
}

/* --- Image --- */

static const struct boot_image_kind *const kinds[] = { &boot_riscv_image, &boot_arm64_image };

static void image_make(const struct boot_image_kind *kind, u8 *p, u64 offset, u64 size, u64 flags)
{
    memset(p, 0, 64);
    memcpy(p, "MZ", 2);
    le64_put(p + 8, offset);
    le64_put(p + 16, size);
    le64_put(p + 24, flags);
    memcpy(p + 56, kind->magic, 4);
}

static void check_header(const struct boot_image_kind *kind, const char *refusal)
{
    struct boot_image image;
    struct err err = { 0 };
    u8 p[128] = { 0 };

    image_make(kind, p, 0x200000, 0x1000000, 0);
    CHECK_EQ(boot_image_check(p, sizeof p, "k", kind, &image, &err), 0);
    CHECK_EQ(image.text_offset, 0x200000);
    CHECK_EQ(image.image_size, 0x1000000);
    image_make(kind, p, 0x200000, 1, 0); /* smaller than the file: the file counts */
    CHECK_EQ(boot_image_check(p, sizeof p, "k", kind, &image, &err), 0);
    CHECK_EQ(image.image_size, sizeof p);
    CHECK_EQ(boot_image_check(p, 63, "k", kind, &image, &err), (u64)-EINVAL);
    CHECK_HAS(err.text, refusal);
    image_make(kind, p, 0x200000, 0x1000000, 1);
    CHECK_EQ(boot_image_check(p, sizeof p, "k", kind, &image, &err), (u64)-EINVAL);
    CHECK_HAS(err.text, "big-endian");
    image_make(kind, p, UINT64_MAX, 0x1000000, 0);
    CHECK_EQ(boot_image_check(p, sizeof p, "k", kind, &image, &err), (u64)-EINVAL);
    CHECK_HAS(err.text, "damaged kernel header");
}

TEST(image_header)
{
    check_header(&boot_riscv_image, "k is not a riscv Linux kernel");
    check_header(&boot_arm64_image, "k is not an arm64 Linux kernel");
}

TEST(image_of_another_architecture)
{
    struct boot_image image;
    struct err err = { 0 };
    u8 p[128] = { 0 };

    for (unsigned i = 0; i < 2; i++) {
        image_make(kinds[i], p, 0x200000, 0x1000000, 0);
        CHECK_EQ(boot_image_check(p, sizeof p, "k", kinds[!i], &image, &err), (u64)-EINVAL);
        CHECK_HAS(err.text, kinds[!i]->example);
    }
}

/* Linux's booting.rst: without a size, the kernel is from before 3.17 and lies at 0x80000. */
TEST(image_without_size)
{
    struct boot_image image;
    struct err err = { 0 };
    u8 p[128] = { 0 };

    image_make(&boot_arm64_image, p, 0, 0, 0);
    CHECK_EQ(boot_image_check(p, sizeof p, "k", &boot_arm64_image, &image, &err), 0);
    CHECK_EQ(image.text_offset, 0x80000);
    CHECK_EQ(image.image_size, sizeof p);
}

/* As Debian's kernels are: a PE header at 64 with one section up to byte 1000. */
TEST(truncated_efi_image)
{
    const struct boot_image_kind *kind = &boot_riscv_image;
    struct boot_image image;
    struct err err = { 0 };
    u8 p[1000] = { 0 };

    image_make(kind, p, 0x200000, 0x1000000, 0);
    le32_put(p + 60, 64);
    memcpy(p + 64, "PE\0", 4);
    le16_put(p + 64 + 6, 1);
    le32_put(p + 64 + 24 + 16, 900);
    le32_put(p + 64 + 24 + 20, 100);
    CHECK_EQ(boot_image_check(p, 1000, "k", kind, &image, &err), 0);
    CHECK_EQ(boot_image_check(p, 999, "k", kind, &image, &err), (u64)-EINVAL);
    CHECK_HAS(err.text, "k is a truncated kernel");
    CHECK_EQ(boot_image_check(p, 100, "k", kind, &image, &err), (u64)-EINVAL);
    CHECK_EQ(boot_image_check(p, 64, "k", kind, &image, &err), (u64)-EINVAL);
    le32_put(p + 60, UINT32_MAX); /* no PE header: only Linux's counts */
    CHECK_EQ(boot_image_check(p, 999, "k", kind, &image, &err), 0);
}

/* --- ELF --- */

static size_t elf_make(u8 *p)
{
    Elf64_Ehdr h = { .e_type = ET_EXEC,
                     .e_machine = EM_RISCV,
                     .e_entry = 0x1010,
                     .e_phoff = sizeof h,
                     .e_phentsize = sizeof(Elf64_Phdr),
                     .e_phnum = 1 };
    Elf64_Phdr ph = { .p_type = PT_LOAD,
                      .p_offset = 128,
                      .p_vaddr = 0x1000,
                      .p_paddr = RAM + 0x1000,
                      .p_filesz = 32,
                      .p_memsz = 64 };

    memcpy(h.e_ident, ELFMAG, SELFMAG);
    h.e_ident[EI_CLASS] = ELFCLASS64;
    h.e_ident[EI_DATA] = ELFDATA2LSB;
    memcpy(p, &h, sizeof h);
    memcpy(p + sizeof h, &ph, sizeof ph);
    return 160;
}

TEST(elf_segments)
{
    struct boot_plan plan;
    struct err err = { 0 };
    u8 p[160] = { 0 };
    gpa_t entry = 0;
    size_t size = elf_make(p);

    boot_plan_init(&plan, RAM, MIB);
    CHECK_EQ(boot_elf_add(&plan, "firmware", "f", p, size, EM_RISCV, &entry, &err), 0);
    CHECK_EQ(entry, RAM + 0x1010);
    CHECK_EQ(plan.loads[0].size, 32);
    CHECK_EQ(plan.loads[0].span, 64);
    CHECK_EQ(boot_elf_add(&plan, "firmware", "f", p, size, EM_AARCH64, &entry, &err), (u64)-EINVAL);
    CHECK_HAS(err.text, "another architecture");
    for (size_t cut = 0; cut < size; cut++) { /* no length may be trusted */
        u8 *copy = malloc(cut + 1);

        boot_plan_fini(&plan);
        boot_plan_init(&plan, RAM, MIB);
        memcpy(copy, p, cut);
        CHECK_EQ(boot_elf_add(&plan, "firmware", "f", copy, cut, EM_RISCV, &entry, &err),
                 (u64)-EINVAL);
        free(copy);
    }
    boot_plan_fini(&plan);
}

/* --- files --- */

static const char *temp_file(const void *data, size_t size)
{
    static char path[] = "/tmp/test_boot.XXXXXX";
    int fd;

    strcpy(path, "/tmp/test_boot.XXXXXX");
    fd = mkstemp(path);
    CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    close(fd);
    return path;
}

static size_t gzip(const void *data, size_t size, u8 *out, size_t room)
{
    z_stream z = { .next_in = (Bytef *)(uintptr_t)data,
                   .avail_in = (uInt)size,
                   .next_out = out,
                   .avail_out = (uInt)room };

    CHECK(deflateInit2(&z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    CHECK(deflate(&z, Z_FINISH) == Z_STREAM_END);
    deflateEnd(&z);
    return z.total_out;
}

static size_t zstd(const void *data, size_t size, u8 *out, size_t room)
{
    size_t n = ZSTD_compress(out, room, data, size, 1);

    CHECK(!ZSTD_isError(n));
    return n;
}

static u8 plain[3 * MIB], packed[4 * MIB];

static void make_plain(void)
{
    for (size_t i = 0; i < sizeof plain; i++)
        plain[i] = (u8)(i * i >> 7);
}

/* packed[0..size) is a file that unpacks to plain; when it is cut, this is said of it. */
static void check_unpacked(size_t size, const char *cut)
{
    struct boot_file file;
    struct err err = { 0 };
    const char *path = temp_file(packed, size);

    CHECK_EQ(boot_file_read(&file, "kernel", path, 16 * MIB, true, &err), 0);
    CHECK_EQ(file.size, sizeof plain);
    CHECK(memcmp(file.data, plain, sizeof plain) == 0);
    boot_file_fini(&file);
    CHECK_EQ(boot_file_read(&file, "kernel", path, 2 * MIB, true, &err), (u64)-EFBIG);
    CHECK_HAS(err.text, "unpacks to more than 2 MiB");
    unlink(path);
    for (unsigned k = 1; k < 5; k++) {
        path = temp_file(packed, size * k / 5);
        CHECK_EQ(boot_file_read(&file, "kernel", path, 16 * MIB, true, &err), (u64)-EINVAL);
        CHECK_HAS(err.text, cut);
        unlink(path);
    }
}

TEST(compressed_files)
{
    struct boot_file file;
    struct err err = { 0 };
    const char *path;

    make_plain();
    check_unpacked(gzip(plain, sizeof plain, packed, sizeof packed), "damaged or truncated gzip");
    check_unpacked(zstd(plain, sizeof plain, packed, sizeof packed), "damaged or truncated zstd");
    path = temp_file("\x28\xb5\x2f\xfd----", 8);
    CHECK_EQ(boot_file_read(&file, "kernel", path, 16 * MIB, true, &err), (u64)-EINVAL);
    CHECK_HAS(err.text, "damaged or truncated zstd");
    unlink(path);
    path = temp_file("BZh91AY&SY", 10);
    CHECK_EQ(boot_file_read(&file, "kernel", path, 16 * MIB, true, &err), (u64)-EINVAL);
    CHECK_HAS(err.text, "compressed with bzip2, only gzip and zstd are unpacked");
    unlink(path);
    CHECK_EQ(boot_file_read(&file, "kernel", path, MIB, true, &err), (u64)-ENOENT);
    CHECK_HAS(err.text, "the kernel cannot be read");
}

/* Linux's zboot-header.S: "MZ", "zimg", where the payload is and how long. */
TEST(efi_zboot)
{
    enum { AT = 4096 };
    static u8 image[4 * MIB];
    size_t size;

    make_plain();
    size = zstd(plain, sizeof plain, image + AT, sizeof image - AT);
    memcpy(image, "MZ\0\0zimg", 8);
    le32_put(image + 8, AT);
    le32_put(image + 12, (u32)size);
    memcpy(image + 24, "zstd22", 6);
    memcpy(packed, image, AT + size + 100);
    check_unpacked(AT + size + 100, "truncated");
}

/* --- device trees --- */

static u8 *small_tree(u32 *size)
{
    struct fdt_writer f;
    struct err err = { 0 };
    u8 *blob = NULL;

    CHECK_EQ(fdt_writer_init(&f, &err), 0);
    fdt_node(&f, "%s", "");
    fdt_cells(&f, "#address-cells", 2);
    fdt_prop_strs(&f, "compatible", (const char *[]){ "a", "bc", NULL });
    fdt_node(&f, "memory@%x", 16);
    fdt_prop_reg(&f, 0x123456789ull, 4096);
    fdt_end(&f);
    fdt_end(&f);
    CHECK_EQ(fdt_writer_finish(&f, &blob, size, &err), 0);
    return blob;
}

TEST(tree_written)
{
    u32 size = 0;
    int len;
    u8 *blob = small_tree(&size);
    const u32 *reg;

    CHECK_EQ(fdt_check_full(blob, size), 0);
    CHECK(memcmp(fdt_getprop(blob, 0, "compatible", &len), "a\0bc", 5) == 0);
    reg = fdt_getprop(blob, fdt_path_offset(blob, "/memory@10"), "reg", &len);
    CHECK_EQ(len, 16);
    CHECK_EQ(fdt32_to_cpu(reg[0]), 1);
    CHECK_EQ(fdt32_to_cpu(reg[1]), 0x23456789);
    free(blob);
}

TEST(user_tree_completed)
{
    struct fdt_chosen chosen = { .bootargs = "quiet",
                                 .initrd_start = 0x90000000,
                                 .initrd_end = 0x90001000 };
    struct err err = { 0 };
    u32 size = 0, out_size = 0;
    u8 *blob = small_tree(&size), *out = NULL;
    int len;

    CHECK_EQ(fdt_user_tree(blob, size, "t.dtb", &chosen, &out, &out_size, &err), 0);
    CHECK_STR(fdt_getprop(out, fdt_path_offset(out, "/chosen"), "bootargs", &len), "quiet");
    CHECK_EQ(fdt64_ld(fdt_getprop(out, fdt_path_offset(out, "/chosen"), "linux,initrd-end", &len)),
             0x90001000);
    free(out);
    for (u32 cut = 0; cut < fdt_totalsize(blob); cut += 3) {
        u8 *copy = malloc(cut + 1);

        memcpy(copy, blob, cut);
        CHECK_EQ(fdt_user_tree(copy, cut, "t.dtb", &chosen, &out, &out_size, &err), (u64)-EINVAL);
        free(copy);
    }
    CHECK_HAS(err.text, "t.dtb is not a usable device tree blob");
    free(blob);
}

TEST_MAIN(TEST_CASE(plan_refuses_overlap_and_outside), TEST_CASE(plan_finds_room),
          TEST_CASE(image_header), TEST_CASE(image_of_another_architecture),
          TEST_CASE(image_without_size), TEST_CASE(truncated_efi_image), TEST_CASE(elf_segments),
          TEST_CASE(compressed_files), TEST_CASE(efi_zboot), TEST_CASE(tree_written),
          TEST_CASE(user_tree_completed))
