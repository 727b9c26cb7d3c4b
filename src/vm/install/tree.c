/*
 * tree.c - writes files into ext4 file systems by libext2fs.
 */
#include "vm/install/tree.h"

#include "vm/ext_io.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tree {
    struct blk_node *disk;  /* owns */
    ext2_filsys root, boot; /* owns */
};

/* Where an entry is to be: its file system, its folder, and its name in it. */
struct place {
    ext2_filsys fs;
    ext2_ino_t dir;
    const char *name; /* in the path */
};

static int failed(struct err *err, errcode_t rc, const char *path)
{
    return ext_io_failed(err, rc, path);
}

/* --- paths --- */

static ext2_filsys fs_of(struct tree *t, const char **path)
{
    if (strncmp(*path, "/boot/", 6) != 0)
        return t->root;
    *path += 5;
    return t->boot;
}

static int find_place(struct tree *t, const char *path, struct place *p, struct err *err)
{
    const char *in = path;
    char dir[4096];
    errcode_t rc;

    p->fs = fs_of(t, &in);
    p->name = strrchr(in, '/') + 1;
    p->dir = EXT2_ROOT_INO;
    if (p->name == in + 1)
        return 0;
    snprintf(dir, sizeof dir, "%.*s", (int)(p->name - in - 1), in);
    rc = ext2fs_namei_follow(p->fs, EXT2_ROOT_INO, EXT2_ROOT_INO, dir, &p->dir);
    return rc ? failed(err, rc, path) : 0;
}

/* Adds a name to a folder, which grows as needed. */
static errcode_t add_name(const struct place *p, ext2_ino_t ino, int type)
{
    errcode_t rc = ext2fs_link(p->fs, p->dir, p->name, ino, type);

    if (rc != EXT2_ET_DIR_NO_SPACE)
        return rc;
    rc = ext2fs_expand_dir(p->fs, p->dir);
    return rc ? rc : ext2fs_link(p->fs, p->dir, p->name, ino, type);
}

static bool exists(const struct place *p)
{
    ext2_ino_t ino;

    return ext2fs_lookup(p->fs, p->dir, p->name, (int)strlen(p->name), NULL, &ino) == 0;
}

static int refuse(struct err *err, const char *path)
{
    return err_set(err, EEXIST, "%s is there already", path);
}

/* --- inodes --- */

static void set_meta(struct ext2_inode *inode, u32 type, const struct tree_meta *m)
{
    u32 time = m->mtime < 0 ? 0 : (u32)m->mtime;

    inode->i_mode = (u16)(type | (m->mode & 07777));
    inode->i_uid = (u16)m->uid;
    ext2fs_set_i_uid_high(*inode, (u16)(m->uid >> 16));
    inode->i_gid = (u16)m->gid;
    ext2fs_set_i_gid_high(*inode, (u16)(m->gid >> 16));
    inode->i_atime = inode->i_ctime = inode->i_mtime = time;
}

static errcode_t make_dir(const struct place *p, ext2_ino_t *ino)
{
    errcode_t rc = ext2fs_new_inode(p->fs, p->dir, LINUX_S_IFDIR | 0755, NULL, ino);

    if (rc == 0)
        rc = ext2fs_mkdir(p->fs, p->dir, *ino, p->name);
    if (rc != EXT2_ET_DIR_NO_SPACE)
        return rc;
    rc = ext2fs_expand_dir(p->fs, p->dir);
    return rc ? rc : ext2fs_mkdir(p->fs, p->dir, *ino, p->name);
}

int tree_dir(struct tree *t, const char *path, const struct tree_meta *m, struct err *err)
{
    struct ext2_inode inode;
    struct place p;
    ext2_ino_t ino = EXT2_ROOT_INO;
    errcode_t code = 0;
    int rc = find_place(t, path, &p, err);

    if (rc < 0)
        return rc;
    if (*p.name) {
        if (exists(&p))
            return 0;
        code = make_dir(&p, &ino);
    }
    if (code == 0)
        code = ext2fs_read_inode(p.fs, ino, &inode);
    if (code == 0) {
        set_meta(&inode, LINUX_S_IFDIR, m);
        code = ext2fs_write_inode(p.fs, ino, &inode);
    }
    return code ? failed(err, code, path) : 0;
}

static errcode_t write_data(ext2_filsys fs, ext2_ino_t ino, const char *data, u64 size)
{
    ext2_file_t file;
    errcode_t rc = ext2fs_file_open(fs, ino, EXT2_FILE_WRITE, &file), end;

    if (rc)
        return rc;
    while (rc == 0 && size) {
        unsigned done = 0, len = size < 16 * MIB ? (unsigned)size : 16 << 20;

        rc = ext2fs_file_write(file, data, len, &done);
        data += done;
        size -= done;
    }
    end = ext2fs_file_close(file);
    return rc ? rc : end;
}

/* An inode with an empty extent tree. */
static errcode_t new_file(const struct place *p, const struct tree_meta *m, ext2_ino_t *ino)
{
    struct ext2_inode inode = { .i_links_count = 1, .i_flags = EXT4_EXTENTS_FL };
    ext2_extent_handle_t extents;
    errcode_t rc = ext2fs_new_inode(p->fs, p->dir, LINUX_S_IFREG, NULL, ino);

    if (rc == 0)
        rc = add_name(p, *ino, EXT2_FT_REG_FILE);
    if (rc)
        return rc;
    ext2fs_inode_alloc_stats2(p->fs, *ino, 1, 0);
    set_meta(&inode, LINUX_S_IFREG, m);
    rc = ext2fs_extent_open2(p->fs, *ino, &inode, &extents);
    if (rc)
        return rc;
    ext2fs_extent_free(extents);
    return ext2fs_write_new_inode(p->fs, *ino, &inode);
}

int tree_file(struct tree *t, const char *path, const struct tree_meta *m, const void *data,
              u64 size, struct err *err)
{
    struct place p;
    ext2_ino_t ino;
    errcode_t code;
    int rc = find_place(t, path, &p, err);

    if (rc == 0 && exists(&p))
        rc = refuse(err, path);
    if (rc < 0)
        return rc;
    code = new_file(&p, m, &ino);
    if (code == 0 && size)
        code = write_data(p.fs, ino, data, size);
    return code ? failed(err, code, path) : 0;
}

int tree_symlink(struct tree *t, const char *path, const char *target, struct err *err)
{
    struct place p;
    errcode_t code;
    int rc = find_place(t, path, &p, err);

    if (rc == 0 && exists(&p))
        rc = refuse(err, path);
    if (rc < 0)
        return rc;
    code = ext2fs_symlink(p.fs, p.dir, 0, p.name, target);
    if (code == EXT2_ET_DIR_NO_SPACE) {
        code = ext2fs_expand_dir(p.fs, p.dir);
        if (code == 0)
            code = ext2fs_symlink(p.fs, p.dir, 0, p.name, target);
    }
    return code ? failed(err, code, path) : 0;
}

int tree_hardlink(struct tree *t, const char *path, const char *target, struct err *err)
{
    struct ext2_inode inode;
    struct place p;
    ext2_ino_t ino;
    errcode_t code;
    int rc = find_place(t, path, &p, err);

    if (rc == 0 && exists(&p))
        rc = refuse(err, path);
    if (rc < 0)
        return rc;
    if (fs_of(t, &target) != p.fs)
        return err_set(err, EXDEV, "%s is a hard link into another file system", path);
    code = ext2fs_namei(p.fs, EXT2_ROOT_INO, EXT2_ROOT_INO, target, &ino);
    if (code == 0)
        code = ext2fs_read_inode(p.fs, ino, &inode);
    if (code == 0)
        code = add_name(&p, ino, EXT2_FT_REG_FILE);
    inode.i_links_count++;
    if (code == 0)
        code = ext2fs_write_inode(p.fs, ino, &inode);
    return code ? failed(err, code, path) : 0;
}

/* --- texts of ours --- */

static int make_parents(struct tree *t, const char *path, struct err *err)
{
    const struct tree_meta m = { .mode = 0755 };
    char dir[4096];
    int rc = 0;

    for (const char *at = strchr(path + 1, '/'); rc == 0 && at; at = strchr(at + 1, '/')) {
        snprintf(dir, sizeof dir, "%.*s", (int)(at - path), path);
        rc = tree_dir(t, dir, &m, err);
    }
    return rc;
}

int tree_text(struct tree *t, const char *path, u32 mode, const char *text, struct err *err)
{
    const struct tree_meta m = { .mode = mode };
    int rc = make_parents(t, path, err);

    return rc < 0 ? rc : tree_file(t, path, &m, text, strlen(text), err);
}

/* --- both file systems --- */

static int open_part(struct blk_node *disk, const struct tree_part *part, ext2_filsys *ret,
                     struct err *err)
{
    int rc = ext_io_open(disk, part->start, part->size, true, ret, err);
    errcode_t code;

    if (rc < 0)
        return rc;
    code = ext2fs_read_bitmaps(*ret);
    return code ? failed(err, code, "the new file system") : 0;
}

static int close_part(ext2_filsys fs, int rc, struct err *err)
{
    errcode_t code = fs ? ext2fs_close_free(&fs) : 0;

    return rc == 0 && code ? failed(err, code, "the new file system") : rc;
}

static int open_disk(int fd, struct blk_node **ret, struct err *err)
{
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 0), rc;
    struct blk_file *file;

    if (own < 0)
        return err_set_errno(err, errno, "writing the image");
    rc = blk_file_from_fd(own, &file, err);
    return rc < 0 ? rc : blk_raw_open(file, "the new image", 0, ret, err);
}

int tree_open(int fd, const struct tree_part *root, const struct tree_part *boot, struct tree **ret,
              struct err *err)
{
    struct tree *t = calloc(1, sizeof *t);
    int rc = t ? open_disk(fd, &t->disk, err) : err_set_errno(err, ENOMEM, "writing the image");

    if (rc == 0)
        rc = open_part(t->disk, root, &t->root, err);
    if (rc == 0)
        rc = open_part(t->disk, boot, &t->boot, err);
    if (rc < 0 && t) {
        struct err ignored = { 0 };

        ignored.code = tree_close(t, &ignored); /* *err says why already */
        return rc;
    }
    *ret = t;
    return rc;
}

int tree_close(struct tree *t, struct err *err)
{
    int rc = close_part(t->root, 0, err), end;

    rc = close_part(t->boot, rc, err);
    end = blk_node_free(t->disk);
    free(t);
    if (rc == 0 && end < 0)
        rc = err_set_errno(err, -end, "cannot write the image");
    return rc;
}
