/*
 * fuzz_guest_kernel.c - a disk of a stranger's: a sound one with bytes changed. The input is a
 * list of changes, 8 bytes each: a place in the partition table or the boot partition's
 * metadata, and what is written there.
 */
#include "install/disk.h"

#include "base/bits.h"
#include "vm/guest_kernel.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

enum { CHANGE = 8, PART = DISK_BOOT + DISK_BOOT_SIZE };

static u8 *sound; /* the first PART bytes, which every run begins with; NULL: no mke2fs */
static int image = -1, out;

static void make_sound(void)
{
    static char path[] = "/tmp/vm-fuzz-disk.XXXXXX";
    struct err err = { 0 };
    struct tree *t;
    int fd = mkstemp(path), disk;

    close(fd);
    image = memfd_create("disk", MFD_CLOEXEC);
    out = open("/dev/null", O_WRONLY | O_CLOEXEC);
    disk = disk_make(path, "has_journal,^metadata_csum,extent");
    unlink(path);
    if (disk < 0)
        return;
    t = disk_tree(disk);
    disk_put_kernel(t, "6.12.9");
    disk_put_kernel(t, "6.12.10");
    sound = malloc(PART);
    if (tree_close(t, &err) < 0 || !sound || pread(disk, sound, PART, 0) != PART ||
        pwrite(image, sound, PART, 0) != PART || ftruncate(image, DISK_SIZE))
        abort();
    close(disk);
}

/* Most changes hit what is read: the superblock, the first blocks of metadata, the table. */
static u64 place(u32 at)
{
    switch (at >> 30) {
    case 0: return at % 4096;
    case 1: return DISK_BOOT + 1024 + at % 2048;
    case 2: return DISK_BOOT + at % (256 << 10);
    default: return at % (PART - 4);
    }
}

/* Makes the changes, or puts back what was there. */
static void change(const u8 *data, size_t size, bool make)
{
    for (size_t at = 0; at + CHANGE <= size && at < 64 * CHANGE; at += CHANGE) {
        u64 to = place(le32_get(data + at));
        unsigned len = 1 + (data[at + 3] & 3);

        if (pwrite(image, make ? data + at + 4 : sound + to, len, (off_t)to) != (ssize_t)len)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    if (image < 0)
        make_sound();
    if (!sound)
        return 0;
    change(data, size, true);
    guest_kernel_send(image, out);
    change(data, size, false);
    return 0;
}
