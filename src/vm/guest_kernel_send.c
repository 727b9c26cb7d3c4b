/*
 * guest_kernel_send.c - the child that reads a guest's /boot: every byte it sees is hostile.
 */
#include "vm/guest_kernel.h"

#include "vm/ext_io.h"
#include "vm/gpt.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ENTRIES_MAX = 100, ENTRY_MAX = 16 << 10, PIECE = 64 << 10 };

struct boot {
    ext2_filsys fs; /* owns */
    int out;
    struct boot_entry best;
    bool found;
    char pattern[BOOT_ENTRY_WORD]; /* of loader.conf; "": none */
    unsigned seen;
    struct err *err;
};

/* --- files --- */

static int file_open(struct boot *b, const char *path, u64 max, ext2_file_t *ret, u64 *ret_size)
{
    struct ext2_inode inode;
    ext2_ino_t ino;
    errcode_t rc = ext2fs_namei_follow(b->fs, EXT2_ROOT_INO, EXT2_ROOT_INO, path, &ino);

    if (rc == 0)
        rc = ext2fs_read_inode(b->fs, ino, &inode);
    if (rc)
        return err_set(b->err, ENOENT, "its %s cannot be read (%s)", path, error_message(rc));
    *ret_size = EXT2_I_SIZE(&inode);
    if (!LINUX_S_ISREG(inode.i_mode) || *ret_size == 0)
        return err_set(b->err, EINVAL, "its %s is empty or no file", path);
    if (*ret_size > max)
        return err_set(b->err, EFBIG, "its %s has more than %llu MiB", path,
                       (unsigned long long)(max / MIB));
    rc = ext2fs_file_open2(b->fs, ino, &inode, 0, ret);
    return rc ? ext_io_failed(b->err, rc, path) : 0;
}

static int file_piece(struct boot *b, ext2_file_t file, const char *path, void *data, size_t want)
{
    unsigned got = 0;
    errcode_t rc = ext2fs_file_read(file, data, (unsigned)want, &got);

    if (rc == 0 && got == want)
        return 0;
    return err_set(b->err, EIO, "its %s cannot be read (%s)", path,
                   rc ? error_message(rc) : "it ends early");
}

/* A small text in memory of the caller's: ENTRY_MAX bytes. */
static int file_text(struct boot *b, const char *path, char *text, size_t *ret_size)
{
    ext2_file_t file;
    u64 size;
    int rc = file_open(b, path, ENTRY_MAX, &file, &size);

    if (rc < 0)
        return rc;
    rc = file_piece(b, file, path, text, size);
    ext2fs_file_close(file);
    *ret_size = size;
    return rc;
}

/* --- choosing --- */

static void consider(struct boot *b, const struct boot_entry *e)
{
    bool is_default = b->pattern[0] && boot_entry_matches(e, b->pattern);
    bool best_default = b->found && b->pattern[0] && boot_entry_matches(&b->best, b->pattern);

    if (b->found && (best_default > is_default ||
                     (best_default == is_default && boot_entry_compare(&b->best, e) <= 0)))
        return;
    b->best = *e;
    b->found = true;
}

static int visit(struct ext2_dir_entry *dirent, int offset, int blocksize, char *buf, void *arg)
{
    struct boot *b = arg;
    int len = ext2fs_dirent_name_len(dirent);
    char name[EXT2_NAME_LEN + 1], path[EXT2_NAME_LEN + 32] = "/loader/entries/";
    static char text[ENTRY_MAX]; /* the child's own */
    struct boot_entry e;
    size_t size;

    if (b->seen == ENTRIES_MAX)
        return DIRENT_ABORT;
    if (len < 6 || len > EXT2_NAME_LEN || memcmp(dirent->name + len - 5, ".conf", 5) != 0)
        return 0;
    b->seen++;
    memcpy(name, dirent->name, (size_t)len);
    name[len] = 0;
    strcat(path, name);
    if (file_text(b, path, text, &size) == 0 && boot_entry_parse(name, text, size, &e))
        consider(b, &e);
    return 0;
}

static int choose(struct boot *b)
{
    static char text[ENTRY_MAX];
    ext2_ino_t dir;
    size_t size;

    if (file_text(b, "/loader/loader.conf", text, &size) == 0 &&
        !boot_default_parse(text, size, b->pattern, sizeof b->pattern))
        b->pattern[0] = 0;
    if (ext2fs_namei(b->fs, EXT2_ROOT_INO, EXT2_ROOT_INO, "/loader/entries", &dir) == 0)
        ext2fs_dir_iterate(b->fs, dir, 0, NULL, visit, b);
    if (b->found)
        return 0;
    return err_set(b->err, ENOENT, "its boot partition has no usable entry in /loader/entries");
}

/* --- sending --- */

static int send_bytes(int out, const void *data, size_t len)
{
    while (len) {
        ssize_t n = write(out, data, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -EPIPE;
        data = (const char *)data + n;
        len -= (size_t)n;
    }
    return 0;
}

/* After the reply nothing can be told any more: a read that fails ends it early. */
static int send_file(struct boot *b, ext2_file_t file, const char *path, u64 size)
{
    static char data[PIECE];
    int rc = 0;

    while (rc == 0 && size) {
        size_t len = size < sizeof data ? size : sizeof data;

        rc = file_piece(b, file, path, data, len);
        if (rc == 0)
            rc = send_bytes(b->out, data, len);
        size -= len;
    }
    return rc;
}

static int send_all(struct boot *b)
{
    struct guest_kernel_reply reply = { 0 };
    ext2_file_t kernel, initrd = NULL;
    int rc = file_open(b, b->best.kernel, GUEST_KERNEL_MAX, &kernel, &reply.kernel_size);

    if (rc < 0)
        return rc;
    if (b->best.initrd[0])
        rc = file_open(b, b->best.initrd, GUEST_KERNEL_MAX, &initrd, &reply.initrd_size);
    if (rc == 0) {
        memcpy(reply.title, b->best.id, sizeof reply.title);
        memcpy(reply.options, b->best.options, sizeof reply.options);
        if (send_bytes(b->out, &reply, sizeof reply) == 0 &&
            send_file(b, kernel, b->best.kernel, reply.kernel_size) == 0 && initrd)
            (void)send_file(b, initrd, b->best.initrd, reply.initrd_size);
    }
    ext2fs_file_close(kernel);
    if (initrd)
        ext2fs_file_close(initrd);
    return rc;
}

static int read_and_send(struct blk_node *disk, struct boot *b)
{
    struct gpt_part part = { 0 };
    int rc = gpt_find(disk, GPT_TYPE_XBOOTLDR, &part, b->err);

    if (rc == 0)
        rc = ext_io_open(disk, part.start, part.size, false, &b->fs, b->err);
    if (rc < 0)
        return rc;
    rc = choose(b);
    if (rc == 0)
        rc = send_all(b);
    ext2fs_free(b->fs);
    return rc;
}

void guest_kernel_send(struct blk_node *disk, int out)
{
    struct err err = { 0 };
    struct boot b = { .out = out, .err = &err };
    struct guest_kernel_reply reply = { 0 };

    if (read_and_send(disk, &b) == 0)
        return;
    for (size_t i = 0; err.text[i] && i < sizeof reply.options - 1; i++)
        reply.options[i] = err.text[i] < ' ' || err.text[i] > '~' ? '?' : err.text[i];
    (void)send_bytes(out, &reply, sizeof reply);
}
