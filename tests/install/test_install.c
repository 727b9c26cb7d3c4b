/*
 * test_install.c - the parts of an installation that take no guest: disks judged by Debian's own
 * tools, boot entries, the child that reads a guest's disk, package archives.
 */
#include "disk.h"
#include "test.h"

#include "host/confine.h"
#include "vm/guest_kernel.h"
#include "vm/gpt.h"
#include "vm/install/deb.h"
#include "vm/install/initrd.h"
#include "vm/install/tar.h"
#include "vm/install/tool.h"
#include <vm/disk.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char scratch[] = "/tmp/vm-test-install.XXXXXX";
static char disk[64];

static void keep_line(void *arg, char *line)
{
    char *out = arg;

    if (strlen(out) + strlen(line) + 2 < 4096) {
        strcat(out, line);
        strcat(out, "\n");
    }
}

/* Runs a shell command; its output, static. */
static const char *shell(int *status, const char *command)
{
    static char out[4096];
    const char *const argv[] = { "sh", "-c", command, NULL };
    struct err err = { 0 };

    out[0] = 0;
    *status = tool_run(argv, "/dev/null", keep_line, out, &err);
    return out;
}

static const char *shell_ok(const char *fmt, const char *a)
{
    char command[512];
    const char *out;
    int status;

    snprintf(command, sizeof command, fmt, a);
    out = shell(&status, command);
    CHECK_EQ(status, 0);
    return out;
}

static bool have(const char *program)
{
    struct err err = { 0 };

    return tool_check(program, "", &err) == 0;
}

#define PATH_WORDS "PATH=$PATH:/usr/sbin:/sbin; "
#define CUT        "dd if=%s bs=1M skip=5 count=6 status=none of=root.part; "

/* A disk with all kinds of files; -1: skipped. */
static int full_disk(void)
{
    const struct tree_meta dir = { .mode = 0755 }, file = { 04750, 70000, 42, 1700000000 };
    int fd = disk_make(disk, "has_journal,metadata_csum,64bit");
    struct err err = { 0 };
    char name[64], *big = calloc(1, 1 * MIB);
    struct tree *t;

    if (fd < 0) {
        free(big);
        return -1;
    }
    t = disk_tree(fd);
    memset(big, 'x', 1 * MIB);
    CHECK_EQ(tree_dir(t, "/usr", &dir, &err), 0);
    CHECK_EQ(tree_dir(t, "/usr/bin", &dir, &err), 0);
    CHECK_EQ(tree_symlink(t, "/bin", "usr/bin", &err), 0);
    CHECK_EQ(tree_file(t, "/bin/su", &file, big, 1 * MIB, &err), 0);
    CHECK_EQ(tree_hardlink(t, "/usr/bin/su2", "/usr/bin/su", &err), 0);
    CHECK_EQ(tree_file(t, "/usr/bin/su", &file, "", 0, &err), -EEXIST);
    CHECK_EQ(tree_dir(t, "/bin", &dir, &err), 0);
    CHECK_EQ(tree_symlink(t, "/usr/long",
                          "/a/target/that/is/longer/than/the/sixty/bytes/an/inode/has/room/for/it",
                          &err),
             0);
    CHECK_EQ(tree_text(t, "/etc/deep/er/file", 0600, "text\n", &err), 0);
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof name, "/usr/bin/a-program-with-a-long-name-%d", i);
        CHECK_EQ(tree_file(t, name, &dir, name, strlen(name), &err), 0);
    }
    disk_put_kernel(t, "6.12.9");
    CHECK_EQ(tree_close(t, &err), 0);
    free(big);
    return fd;
}

TEST(disk_is_sound)
{
    int fd = full_disk();

    if (fd < 0)
        TEST_SKIP("no mke2fs here");
    close(fd);
    shell_ok(PATH_WORDS CUT "e2fsck -fn root.part", disk);
    shell_ok(PATH_WORDS "dd if=%s bs=1M skip=1 count=4 status=none of=boot.part; "
                        "e2fsck -fn boot.part",
             disk);
    CHECK_HAS(shell_ok(PATH_WORDS "debugfs -R 'stat /usr/bin/su' root.part", disk), "04750");
    CHECK_HAS(shell_ok(PATH_WORDS "debugfs -R 'stat /usr/bin/su' root.part", disk),
              "User: 70000   Group:    42");
    CHECK_HAS(shell_ok(PATH_WORDS "debugfs -R 'stat /usr/bin/su' root.part", disk), "Links: 2");
    CHECK_STR(shell_ok(PATH_WORDS "debugfs -R 'cat /etc/deep/er/file' root.part", disk), "text\n");
    CHECK_HAS(shell_ok(PATH_WORDS "debugfs -R 'ls /usr/bin' root.part | grep -o name-299", disk),
              "name-299");
    if (have("sfdisk")) {
        CHECK_HAS(shell_ok(PATH_WORDS "sfdisk --verify %s 2>&1", disk), "No errors");
        CHECK_HAS(shell_ok(PATH_WORDS "sfdisk --dump %s 2>&1", disk),
                  "BC13C2FF-59E6-4262-A352-B275FD6F7172");
    }
}

/* gpt_find() on the first `size` bytes of an open file. */
static int find_part(int fd, u64 size, const char *type, struct gpt_part *ret, struct err *err)
{
    struct blk_node *n;
    struct blk_file *f;
    int rc;

    CHECK_EQ(blk_file_from_fd(dup(fd), &f, err), 0);
    CHECK_EQ(blk_raw_open(f, "disk", BLK_OPEN_READ_ONLY, &n, err), 0);
    n->size = size;
    rc = gpt_find(n, type, ret, err);
    CHECK_EQ(blk_node_free(n), 0);
    return rc;
}

TEST(partition_table_of_a_stranger)
{
    struct gpt_part part;
    struct err err = { 0 };
    u8 junk[512] = "EFI PART";
    int fd = full_disk();

    if (fd < 0)
        TEST_SKIP("no mke2fs here");
    CHECK_EQ(find_part(fd, DISK_SIZE, GPT_TYPE_XBOOTLDR, &part, &err), 0);
    CHECK_EQ(part.start, DISK_BOOT);
    CHECK_EQ(part.size, DISK_BOOT_SIZE);
    CHECK_EQ(pwrite(fd, junk, sizeof junk, 512), sizeof junk);
    CHECK_EQ(find_part(fd, DISK_SIZE, GPT_TYPE_XBOOTLDR, &part, &err), 0); /* the second copy */
    CHECK_EQ(find_part(fd, DISK_SIZE - 512, GPT_TYPE_XBOOTLDR, &part, &err), -EINVAL);
    CHECK_HAS(err.text, "no partition table");
    CHECK_EQ(find_part(fd, 0, GPT_TYPE_XBOOTLDR, &part, &err), -EINVAL);
    CHECK_EQ(find_part(fd, DISK_SIZE, "00000000-1111-4222-8333-444444444444", &part, &err),
             -ENOENT);
    close(fd);
}

/* --- boot entries --- */

TEST(versions)
{
    static const char *const rising[] = { "6.1~rc1", "6.1",    "6.1-2",   "6.1.3",
                                          "6.2",     "6.12.9", "6.12.10", "6.12.117+deb13-riscv64",
                                          "7.0" };

    for (unsigned i = 0; i < ARRAY_SIZE(rising); i++)
        for (unsigned k = 0; k < ARRAY_SIZE(rising); k++) {
            int got = boot_version_compare(rising[i], rising[k]);

            if ((got > 0) - (got < 0) != (i > k) - (i < k))
                (void)TEST_FAIL_("%s against %s: %d", rising[i], rising[k], got);
        }
    CHECK_EQ(boot_version_compare("007", "7"), 0);
}

static bool parse(const char *text, struct boot_entry *e)
{
    return boot_entry_parse("a.conf", text, strlen(text), e);
}

TEST(entries)
{
    static const char full[] = "# comment\ntitle A system\n\nversion\t1.2\r\nlinux   /k\n"
                               "initrd /i\ninitrd-x /no\noptions a b\n  options  c  \n";
    struct boot_entry e;
    char long_line[BOOT_ENTRY_TEXT + 32] = "linux /k\noptions ";

    CHECK(parse(full, &e));
    CHECK_STR(e.id, "a");
    CHECK_STR(e.kernel, "/k");
    CHECK_STR(e.initrd, "/i");
    CHECK_STR(e.version, "1.2");
    CHECK_STR(e.options, "a b c");
    CHECK(parse("linux /k", &e) && !e.initrd[0]);
    CHECK(!parse("title no kernel\n", &e));
    CHECK(!parse("linux relative\n", &e));
    CHECK(!parse("linux /k\noptions \x1b[2J\n", &e));
    CHECK(!parse("linux /k\ninitrd /a\ninitrd /b\n", &e)); /* two are not joined */
    memset(long_line + strlen(long_line), 'x', BOOT_ENTRY_TEXT);
    CHECK(!parse(long_line, &e));
    CHECK(!boot_entry_parse(".conf", full, strlen(full), &e));
    CHECK(!boot_entry_parse("a.txt", full, strlen(full), &e));
}

/* --- the child --- */

static void read_back(int fd, const char *want)
{
    char got[64] = "";

    CHECK(pread(fd, got, sizeof got - 1, 0) > 0);
    CHECK_STR(got, want);
}

TEST(newest_kernel_is_found)
{
    int fd = disk_make(disk, "has_journal");
    struct guest_kernel k;
    struct err err = { 0 };
    struct tree *t;

    if (fd < 0)
        TEST_SKIP("no mke2fs here");
    t = disk_tree(fd);
    disk_put_kernel(t, "6.12.9");
    disk_put_kernel(t, "6.12.117");
    disk_put_kernel(t, "6.12.20");
    CHECK_EQ(tree_close(t, &err), 0);
    CHECK_EQ(guest_kernel_read(disk, "raw", &k, &err), 0);
    CHECK_STR(k.title, "6.12.117");
    CHECK_STR(k.options, "root=LABEL=r ro quiet");
    read_back(k.kernel, "kernel 6.12.117");
    read_back(k.initrd, "initrd 6.12.117");
    guest_kernel_fini(&k);

    t = disk_tree(fd);
    CHECK_EQ(tree_text(t, "/boot/loader/loader.conf", 0644, "timeout 3\ndefault 6.12.2*\n", &err),
             0);
    CHECK_EQ(tree_close(t, &err), 0);
    CHECK_EQ(guest_kernel_read(disk, "raw", &k, &err), 0);
    CHECK_STR(k.title, "6.12.20");
    guest_kernel_fini(&k);
    close(fd);
}

#define BOOT_OUT "dd if=%s bs=1M skip=1 count=4 status=none of="
#define BOOT_IN  "bs=1M seek=1 conv=notrunc status=none of=%s if="
#define MAGIC    "\xc0\x3b\x39\x98" /* of the journal, which it must not have in a copied block */

/* debugfs's commands that put into old.part's journal what makes new.part of it. */
static void write_commands(void)
{
    FILE *old = fopen("old.part", "r"), *new = fopen("new.part", "r");
    FILE *blocks = fopen("blocks", "w"), *commands = fopen("commands", "w");
    char a[1024], b[1024];
    unsigned count = 0;

    CHECK(old && new && blocks &&commands);
    fputs("jo\njw -b ", commands);
    for (unsigned n = 0; fread(a, sizeof a, 1, old) == 1 && fread(b, sizeof b, 1, new) == 1; n++)
        if (memcmp(a, b, sizeof a) != 0) {
            fprintf(commands, "%s%u", count++ ? "," : "", n);
            fwrite(b, sizeof b, 1, blocks);
        }
    fputs(" blocks\njc\n", commands);
    CHECK(count > 4);
    fclose(old);
    fclose(new);
    fclose(blocks);
    fclose(commands);
}

/* The kernel that is found with old.part as the boot partition. */
static void find_with_journal(const char *title, const char *text)
{
    struct guest_kernel k;
    struct err err = { 0 };

    shell_ok("dd " BOOT_IN "old.part", disk);
    CHECK_EQ(guest_kernel_read(disk, "raw", &k, &err), 0);
    CHECK_STR(k.title, title);
    read_back(k.kernel, text);
    guest_kernel_fini(&k);
}

/* A crash of the host right after the guest installed a kernel: all of it is in the journal
 * alone. debugfs writes that journal. */
static void newest_in_journal(const char *features, const char *open_words)
{
    const struct tree_meta m = { .mode = 0644 };
    int fd = disk_make(disk, features);
    struct err err = { 0 };
    struct tree *t;

    CHECK(fd >= 0);
    t = disk_tree(fd);
    disk_put_kernel(t, "6.12.9");
    CHECK_EQ(tree_close(t, &err), 0);
    shell_ok(BOOT_OUT "old.part", disk);
    t = disk_tree(fd);
    CHECK_EQ(tree_file(t, "/boot/vmlinux-7.0", &m, MAGIC " and 7.0", 12, &err), 0);
    CHECK_EQ(tree_text(t, "/boot/loader/entries/7.0.conf", 0644,
                       "title Debian\nversion 7.0\nsort-key debian\nlinux /vmlinux-7.0\n", &err),
             0);
    CHECK_EQ(tree_close(t, &err), 0);
    close(fd);
    shell_ok(BOOT_OUT "new.part", disk);
    write_commands();
    shell_ok("sed -i 's/^jo/jo %s/' commands", open_words);
    shell_ok(PATH_WORDS "cp old.part clean.part; debugfs -w -f commands %s && ! cmp -s old.part "
                        "clean.part",
             "old.part");
    find_with_journal("7.0", MAGIC " and 7.0");
    /* All of it is revoked by a second transaction. */
    shell_ok(PATH_WORDS "sed -i -e 's/-b/-r/' -e 's/ blocks$//' commands; "
                        "debugfs -w -f commands %s",
             "old.part");
    find_with_journal("6.12.9", "kernel 6.12.9");
    /* A log that leads nowhere is left alone. */
    shell_ok(PATH_WORDS "debugfs -w -R 'ssv journal_inum 9' %s", "old.part");
    find_with_journal("6.12.9", "kernel 6.12.9");
}

TEST(a_crashed_guest_s_journal_is_read)
{
    if (!have("mke2fs") || !have("debugfs"))
        TEST_SKIP("no mke2fs or debugfs here");
    newest_in_journal("has_journal,^metadata_csum,^64bit", "");
    newest_in_journal("has_journal,metadata_csum,64bit", "-c");
}

/* --- qcow2 --- */

/* Writes to an image what another has elsewhere. */
static void copy_changes(const char *from, const char *to)
{
    static u8 a[64 * KIB], b[64 * KIB];
    struct blk_node *n, *o;
    struct err err = { 0 };

    CHECK_EQ(blk_node_open(from, "raw", BLK_OPEN_READ_ONLY, 0, &o, &err), 0);
    CHECK_EQ(blk_node_open(to, "qcow2", 0, 0, &n, &err), 0);
    for (u64 at = 0; at < n->size; at += sizeof a) {
        CHECK_EQ(blk_node_read(o, at, a, sizeof a), 0);
        CHECK_EQ(blk_node_read(n, at, b, sizeof b), 0);
        if (memcmp(a, b, sizeof a) != 0)
            CHECK_EQ(blk_node_write(n, at, a, sizeof a), 0);
    }
    CHECK_EQ(blk_node_free(o) | blk_node_free(n), 0);
}

static void find_in(const char *path, const char *format, const char *title, const char *text)
{
    struct guest_kernel k;
    struct err err = { 0 };

    CHECK_EQ(guest_kernel_read(path, format, &k, &err), 0);
    CHECK_STR(k.title, title);
    read_back(k.kernel, text);
    guest_kernel_fini(&k);
}

static void find_none(const char *path, const char *format, const char *why)
{
    struct guest_kernel k;
    struct err err = { 0 };

    CHECK_EQ(guest_kernel_read(path, format, &k, &err), -EINVAL);
    CHECK_HAS(err.text, why);
}

/* An image, packed and plain, and an overlay that brings a newer kernel. */
TEST(qcow2_disks)
{
    const struct vm_disk_options plain = { .format = "qcow2" };
    const struct vm_disk_options overlay = { .format = "qcow2", .backing = "packed.qcow2" };
    int fd = disk_make(disk, "has_journal");
    struct vm_err verr;
    struct err err = { 0 };
    struct tree *t;
    u8 damage[8] = { 0x80, 0, 0x7f, 0, 0, 0, 0, 0 };

    if (fd < 0)
        TEST_SKIP("no mke2fs here");
    t = disk_tree(fd);
    disk_put_kernel(t, "6.12.9");
    CHECK_EQ(tree_close(t, &err), 0);
    CHECK_EQ(vm_disk_convert(disk, "raw", "plain.qcow2", &plain, 0, NULL, NULL, &verr), 0);
    CHECK_EQ(vm_disk_convert(disk, "raw", "packed.qcow2", &plain, 1, NULL, NULL, &verr), 0);
    CHECK_EQ(vm_disk_create("top.qcow2", &overlay, &verr), 0);
    find_in("plain.qcow2", "qcow2", "6.12.9", "kernel 6.12.9");
    find_in("packed.qcow2", "qcow2", "6.12.9", "kernel 6.12.9");
    find_in("top.qcow2", "qcow2", "6.12.9", "kernel 6.12.9");
    t = disk_tree(fd);
    disk_put_kernel(t, "7.0");
    CHECK_EQ(tree_close(t, &err), 0);
    close(fd);
    copy_changes(disk, "top.qcow2");
    find_in("top.qcow2", "qcow2", "7.0", "kernel 7.0");
    find_in("packed.qcow2", "qcow2", "6.12.9", "kernel 6.12.9");
    /* What a guest writes to a raw disk makes it no image with other files behind it. */
    find_none("top.qcow2", "raw", "no partition table");
    find_none(disk, "qcow2", "no qcow2 image");
    fd = open("plain.qcow2", O_RDWR | O_CLOEXEC);
    CHECK_EQ(pwrite(fd, damage, sizeof damage, 3 * 64 * KIB), sizeof damage);
    find_none("plain.qcow2", "qcow2", "no partition table");
    CHECK_EQ(ftruncate(fd, 100), 0);
    close(fd);
    find_none("plain.qcow2", "qcow2", "plain.qcow2");
}

TEST(no_kernel_is_told)
{
    static const char zeroes[4096];
    int fd = disk_make(disk, "has_journal");
    struct guest_kernel k;
    struct err err = { 0 };

    if (fd < 0)
        TEST_SKIP("no mke2fs here");
    CHECK_EQ(guest_kernel_read(disk, "raw", &k, &err), -EINVAL);
    CHECK_HAS(err.text, "no usable entry");
    CHECK_HAS(err.text, disk);
    CHECK_EQ(pwrite(fd, zeroes, sizeof zeroes, DISK_BOOT), sizeof zeroes);
    CHECK_EQ(guest_kernel_read(disk, "raw", &k, &err), -EINVAL);
    CHECK_HAS(err.text, "no ext4 file system");
    CHECK_EQ(guest_kernel_read("/nonexistent", "raw", &k, &err), -ENOENT);
    close(fd);
}

/* What a taken-over child would try. Bits of what it could do. */
static _Noreturn void try_all(int out)
{
    u8 done = 0;

    int keep[] = { out, 0 };

    if (host_confine(keep, ARRAY_SIZE(keep), 5, 16 * MIB) < 0)
        _exit(1);
    done |= open("/etc/passwd", O_RDONLY) >= 0 ? 1 : 0;
    done |= fork() >= 0 ? 2 : 0;
    done |= mmap(NULL, 256 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
                    MAP_FAILED
                ? 4
                : 0;
    done |= kill(getppid(), 0) == 0 ? 8 : 0;
    done |= dup(1) >= 0 ? 16 : 0;
    done |= ftruncate(0, 0) == 0 ? 32 : 0;
    done |= write(out - 1, "", 0) == 0 || write(out + 1, "", 0) == 0 ? 64 : 0;
    if (write(out, &done, 1) != 1)
        _exit(1);
    _exit(0);
}

TEST(child_has_no_power)
{
    int ends[2], image = open(disk, O_RDWR | O_CREAT | O_CLOEXEC, 0600), status;
    u8 done = 0xff;
    pid_t child;

#ifdef __SANITIZE_ADDRESS__
    TEST_SKIP("what the address sanitiser does in the child is forbidden there");
#endif
    CHECK_EQ(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        if (dup2(image, 0) < 0 || dup2(ends[1], 100) < 0 || dup2(1, 99) < 0 || dup2(1, 101) < 0)
            _exit(1);
        try_all(100);
    }
    close(ends[1]);
    CHECK_EQ(read(ends[0], &done, 1), 1);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    CHECK_EQ(done, 0);
    close(ends[0]);
    close(image);
}

/* --- archives --- */

static int tar_of(const char *command)
{
    char all[512];
    int status;

    snprintf(all, sizeof all,
             "mkdir -p t/d && echo hello >t/f && ln -sf f t/s && ln -f t/f t/h; "
             "%s",
             command);
    shell(&status, all);
    CHECK_EQ(status, 0);
    return open("t.tar", O_RDONLY | O_CLOEXEC);
}

TEST(tar_entries)
{
    struct tar_entry *e = malloc(sizeof *e);
    struct err err = { 0 };
    int fd = tar_of("long=$(printf %0150d 7); mkdir -p t/$long; echo x >t/$long/$long; "
                    "tar -C t --format=gnu --sort=name -cf t.tar ."),
        count = 0, links = 0, rc;
    struct tar *t = tar_new(fd);
    bool seen_long = false;

    while ((rc = tar_next(t, e, &err)) > 0) {
        count++;
        links += e->kind == TAR_SYMLINK || e->kind == TAR_HARDLINK;
        seen_long |= strlen(e->path) == 302 && e->size == 2 && memcmp(e->data, "x\n", 2) == 0;
        CHECK(e->path[0] == '/');
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(count, 7);
    CHECK_EQ(links, 2);
    CHECK(seen_long);
    tar_free(t);
    close(fd);
    fd = tar_of("tar -C t -P -cf t.tar ../t/f");
    t = tar_new(fd);
    CHECK_EQ(tar_next(t, e, &err), -EINVAL);
    CHECK_HAS(err.text, "leads out");
    tar_free(t);
    close(fd);
    free(e);
}

/* A package of every kind of control file, and dpkg's own view of what was unpacked. */
TEST(package_database)
{
    struct deb_unpack u = { .log = "/dev/null" };
    struct err err = { 0 };
    int fd, status;

    if (!have("dpkg-deb") || (fd = disk_make(disk, "has_journal")) < 0)
        TEST_SKIP("no dpkg-deb or mke2fs here");
    shell(&status,
          "rm -rf p && mkdir -p p/DEBIAN p/etc p/usr/share && cd p && echo conf >etc/one.conf && "
          "echo data >usr/share/one && "
          "printf 'Package: one\\nVersion: 1:2.0\\nArchitecture: riscv64\\nMulti-Arch: same\\n"
          "Maintainer: nobody <n@example.org>\\nDescription: one\\n' >DEBIAN/control && "
          "echo /etc/one.conf >DEBIAN/conffiles && "
          "printf 'interest-noawait /usr/lib/x\\ninterest one-made\\n' >DEBIAN/triggers && "
          "printf '#!/bin/sh\\n' >DEBIAN/preinst && chmod 755 DEBIAN/preinst && "
          "dpkg-deb --root-owner-group -Zgzip -b . ../one.deb");
    CHECK_EQ(status, 0);
    u.tree = disk_tree(fd);
    CHECK_EQ(tree_text(u.tree, "/etc/deep", 0644, "", &err), 0);
    CHECK_EQ(deb_unpack_init(&u, &err), 0);
    CHECK_EQ(deb_unpack_one(&u, "one.deb", &err), 0);
    CHECK_EQ(deb_unpack_one(&u, "one.deb", &err), -EEXIST);
    CHECK_HAS(err.text, "one.deb");
    CHECK_EQ(deb_unpack_end(&u, "/list", &err), 0);
    deb_unpack_fini(&u);
    CHECK_EQ(tree_close(u.tree, &err), 0);
    close(fd);
    shell_ok(PATH_WORDS CUT "rm -rf db && mkdir db && debugfs -R 'rdump /var db' root.part && "
                            "debugfs -R 'rdump /etc db' root.part",
             disk);
    CHECK_STR(shell_ok("dpkg-query --admindir=db/var/lib/dpkg -W -f "
                       "'${binary:Package} ${Version} ${Status}' one:riscv64 # %s",
                       ""),
              "one:riscv64 1:2.0 install ok unpacked\n");
    CHECK_HAS(shell_ok("dpkg-query --admindir=db/var/lib/dpkg -L one:riscv64 # %s", ""),
              "/usr/share/one\n");
    CHECK_STR(shell_ok("cat db/etc/one.conf.dpkg-new db/var/lib/dpkg/triggers/File "
                       "db/var/lib/dpkg/triggers/one-made # %s",
                       ""),
              "conf\n/usr/lib/x one:riscv64/noawait\none:riscv64\n");
    CHECK_STR(shell_ok("test -x db/var/lib/dpkg/info/one:riscv64.preinst && echo yes # %s", ""),
              "yes\n");
}

TEST(initramfs_archive)
{
    FILE *out;

    if (!have("cpio"))
        TEST_SKIP("no cpio here");
    out = fopen("x.cpio", "we");
    initrd_cpio_put(out, "dir", 0040755, "", 0);
    initrd_cpio_put(out, "dir/file", 0100644, "abc", 3);
    initrd_cpio_put(out, "link", 0120777, "dir", 3);
    initrd_cpio_put(out, "TRAILER!!!", 0, "", 0);
    fclose(out);
    CHECK_STR(shell_ok("rm -rf dir link; cpio -i --quiet <x.cpio && cat link/file # %s", ""),
              "abc\n");
}

int main(int argc, char **argv)
{
    static const struct test_case cases[] = {
        TEST_CASE(disk_is_sound),
        TEST_CASE(partition_table_of_a_stranger),
        TEST_CASE(versions),
        TEST_CASE(entries),
        TEST_CASE(newest_kernel_is_found),
        TEST_CASE(a_crashed_guest_s_journal_is_read),
        TEST_CASE(qcow2_disks),
        TEST_CASE(no_kernel_is_told),
        TEST_CASE(child_has_no_power),
        TEST_CASE(tar_entries),
        TEST_CASE(package_database),
        TEST_CASE(initramfs_archive),
    };
    const char *const clean[] = { "rm", "-rf", scratch, NULL };
    struct err err = { 0 };
    int rc;

    if (!mkdtemp(scratch) || chdir(scratch)) {
        puts("Bail out! no folder in /tmp");
        return 1;
    }
    snprintf(disk, sizeof disk, "%s/disk", scratch);
    rc = test_run_all(cases, ARRAY_SIZE(cases), argc, argv);
    return chdir("/") || tool_run(clean, "/dev/null", NULL, NULL, &err) ? 1 : rc;
}
