/*
 * fuzz_guest_kernel.c - a disk of a stranger's: a sound one with bytes changed. The input is a
 * list of changes, 8 bytes each: a place in the partition table, the boot partition's metadata or
 * its journal, which is not empty, and what is written there.
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

static u64 log_at[16]; /* blocks of the journal that are in use */
static unsigned log_count;
static u8 *sound; /* the first PART bytes, which every run begins with; NULL: no mke2fs */
static struct blk_node *disk;
static int image = -1, out;

/* The disk's first blocks of metadata are in the journal as well. Without debugfs: nothing is. */
static bool fill_journal(const char *path)
{
    char command[512];

    snprintf(
        command, sizeof command,
        "exec >/dev/null 2>&1; export PATH=$PATH:/usr/sbin:/sbin; f=%s; p=$f.part; command -v "
        "debugfs || exit 0; "
        "dd if=$f of=$p bs=1M skip=1 count=4 && cp $p $p.new && "
        "printf 'jo\\njw -b 0,1,2,3,4,5,6,7 -r 9,10 %%s\\njc\\n' $p.new | debugfs -w -f - $p && "
        "dd if=$p of=$f bs=1M seek=1 conv=notrunc; rm $p $p.new",
        path);
    return system(command) == 0;
}

static void find_journal(void)
{
    for (u64 at = DISK_BOOT; at < PART && log_count < ARRAY_SIZE(log_at); at += 1024)
        if (be32_get(sound + at) == 0xc03b3998)
            log_at[log_count++] = at;
}

static void make_sound(void)
{
    static char path[] = "/tmp/vm-fuzz-disk.XXXXXX";
    struct err err = { 0 };
    struct blk_file *file;
    struct tree *t;
    int fd = mkstemp(path), full;

    close(fd);
    image = memfd_create("disk", MFD_CLOEXEC);
    out = open("/dev/null", O_WRONLY | O_CLOEXEC);
    full = disk_make(path, "has_journal,^metadata_csum,extent");
    if (full < 0) {
        unlink(path);
        return;
    }
    t = disk_tree(full);
    disk_put_kernel(t, "6.12.9");
    disk_put_kernel(t, "6.12.10");
    sound = malloc(PART);
    if (tree_close(t, &err) < 0 || !fill_journal(path) || !sound ||
        pread(full, sound, PART, 0) != PART || pwrite(image, sound, PART, 0) != PART ||
        ftruncate(image, DISK_SIZE) || blk_file_from_fd(image, &file, &err) < 0 ||
        blk_raw_open(file, "fuzz", BLK_OPEN_READ_ONLY, &disk, &err) < 0)
        abort();
    find_journal();
    unlink(path);
    close(full);
}

/* Most changes hit what is read: the superblock, the first blocks of metadata, the table. */
static u64 place(u32 at)
{
    switch (at >> 30) {
    case 0: return at % 4096;
    case 1: return DISK_BOOT + 1024 + at % 2048;
    case 2: return DISK_BOOT + at % (256 << 10);
    default:
        if (at & 1 && log_count)
            return log_at[(at >> 1) % log_count] + (at >> 5) % 1020;
        return at % (PART - 4);
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
    guest_kernel_send(disk, out);
    change(data, size, false);
    return 0;
}
