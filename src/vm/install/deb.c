/*
 * deb.c - one package after the other into the image, and dpkg's database (deb(5),
 * deb-triggers(5), and the files below /var/lib/dpkg as dpkg 1.17 and later have them).
 */
#include "vm/install/deb.h"

#include "vm/install/tar.h"
#include "vm/install/tool.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DPKG "/var/lib/dpkg"

/* One package while it is unpacked. */
struct deb {
    struct deb_unpack *u;
    const char *path;                     /* of the .deb */
    char *control, *conffiles, *triggers; /* own; texts; NULL: none */
    FILE *list;                           /* borrows; paths of its data */
    char name[256];                       /* as its files in info/ begin: "libc6:riscv64" */
    char version[128];
};

/* --- control fields --- */

/* The value of a field on a line of its own, cut to size; "" when there is none. */
static void field(const char *control, const char *name, char *out, size_t size)
{
    size_t len = strlen(name);

    out[0] = 0;
    for (const char *at = control; at; at = strchr(at, '\n')) {
        at += *at == '\n';
        if (strncmp(at, name, len) == 0 && at[len] == ':') {
            at += len + 1;
            at += strspn(at, " \t");
            snprintf(out, size, "%.*s", (int)strcspn(at, "\n"), at);
            return;
        }
    }
}

static int take_names(struct deb *d, struct err *err)
{
    char package[128], arch[32], multi[32];

    if (!d->control)
        return err_set(err, EINVAL, "it has no control file");
    field(d->control, "Package", package, sizeof package);
    field(d->control, "Version", d->version, sizeof d->version);
    field(d->control, "Architecture", arch, sizeof arch);
    field(d->control, "Multi-Arch", multi, sizeof multi);
    if (!package[0] || !d->version[0])
        return err_set(err, EINVAL, "its control file lacks a name or a version");
    snprintf(d->name, sizeof d->name, "%s%s%s", package, strcmp(multi, "same") == 0 ? ":" : "",
             strcmp(multi, "same") == 0 ? arch : "");
    return 0;
}

/* The next line of a text, cut out; NULL at the end. */
static char *next_line(char **rest)
{
    return strsep(rest, "\n");
}

/* "install ok unpacked": the control file with two fields of dpkg's. */
static int add_status(struct deb *d, struct err *err)
{
    FILE *out = d->u->status;
    char *copy = strdup(d->conffiles ? d->conffiles : ""), *rest = copy, *line;
    size_t first = strcspn(d->control, "\n");
    bool any = false;

    if (!copy)
        return err_set_errno(err, ENOMEM, "unpacking packages");
    fprintf(out, "%.*s\nStatus: install ok unpacked\n", (int)first, d->control);
    fputs(d->control + first + (d->control[first] == '\n'), out);
    while ((line = next_line(&rest)))
        if (*line == '/') {
            fprintf(out, "%s %s newconffile\n", any ? "" : "Conffiles:\n", line);
            any = true;
        }
    fputc('\n', out);
    fprintf(d->u->packages, "%s %s\n", d->name, d->version);
    free(copy);
    return 0;
}

static int add_trigger(struct deb_unpack *u, const char *name, const char *package, bool noawait)
{
    struct deb_trigger *more = reallocarray(u->triggers, u->trigger_count + 1, sizeof *more);
    struct deb_trigger *t;

    if (!more)
        return -ENOMEM;
    u->triggers = more;
    t = &more[u->trigger_count];
    t->name = strdup(name);
    if (asprintf(&t->package, "%s%s", package, noawait ? "/noawait" : "") < 0)
        t->package = NULL;
    u->trigger_count++;
    return t->name && t->package ? 0 : -ENOMEM;
}

static int add_triggers(struct deb *d, struct err *err)
{
    char *copy = strdup(d->triggers ? d->triggers : ""), *rest = copy, *line;
    int rc = copy ? 0 : -ENOMEM;

    while (rc == 0 && (line = next_line(&rest))) {
        char word[64], name[1024];

        if (sscanf(line, "%63s %1023s", word, name) == 2 && strncmp(word, "interest", 8) == 0)
            rc = add_trigger(d->u, name, d->name, strstr(word, "noawait") != NULL);
    }
    free(copy);
    return rc < 0 ? err_set_errno(err, ENOMEM, "unpacking packages") : 0;
}

/* --- the two archives in a .deb --- */

typedef int entry_fn(struct deb *d, struct tar_entry *e, struct err *err);

static int each_entry(struct deb *d, int in, entry_fn *fn, struct err *err)
{
    struct tar_entry *e = malloc(sizeof *e);
    struct tar *t = tar_new(in);
    int rc = e && t ? 1 : err_set_errno(err, ENOMEM, "unpacking packages");

    while (rc > 0) {
        rc = tar_next(t, e, err);
        if (rc > 0) {
            int done = fn(d, e, err);

            rc = done < 0 ? done : 1;
        }
    }
    tar_free(t);
    free(e);
    return rc;
}

static int read_archive(struct deb *d, const char *which, entry_fn *fn, struct err *err)
{
    const char *const argv[] = { "dpkg-deb", which, d->path, NULL };
    int in, status, rc;
    char rest[4096];
    pid_t pid;

    rc = tool_start(argv, d->u->log, &pid, &in, err);
    if (rc < 0)
        return rc;
    rc = each_entry(d, in, fn, err);
    while (rc == 0 && read(in, rest, sizeof rest) > 0)
        ;
    close(in);
    status = tool_wait(pid);
    if (rc == 0 && status)
        rc = err_set(err, EIO, "dpkg-deb ended with status %d", status);
    return rc;
}

static int control_entry(struct deb *d, struct tar_entry *e, struct err *err)
{
    char **text = strcmp(e->path, "/control") == 0     ? &d->control
                  : strcmp(e->path, "/conffiles") == 0 ? &d->conffiles
                  : strcmp(e->path, "/triggers") == 0  ? &d->triggers
                                                       : NULL;

    if (e->kind != TAR_FILE || !text)
        return 0;
    free(*text);
    *text = strdup((char *)e->data);
    return *text ? 0 : err_set_errno(err, ENOMEM, "unpacking packages");
}

/* The second time, when the name is known: into info/. */
static int info_entry(struct deb *d, struct tar_entry *e, struct err *err)
{
    const struct tree_meta m = { .mode = e->mode, .mtime = e->mtime };
    char path[TAR_PATH_MAX + 512];

    if (e->kind != TAR_FILE || strcmp(e->path, "/control") == 0)
        return 0;
    snprintf(path, sizeof path, DPKG "/info/%s.%s", d->name, e->path + 1);
    return tree_file(d->u->tree, path, &m, e->data, e->size, err);
}

static bool is_conffile(const struct deb *d, const char *path)
{
    size_t len = strlen(path);

    for (const char *at = d->conffiles; at; at = strchr(at, '\n')) {
        at += *at == '\n';
        if (strncmp(at, path, len) == 0 && (at[len] == '\n' || at[len] == 0))
            return true;
    }
    return false;
}

static int data_file(struct deb *d, struct tar_entry *e, const struct tree_meta *m, struct err *err)
{
    struct deb_unpack *u = d->u;
    char path[TAR_PATH_MAX + 16];
    int rc;

    /* dpkg puts it in its place when it configures the package. */
    snprintf(path, sizeof path, "%s%s", e->path, is_conffile(d, e->path) ? ".dpkg-new" : "");
    rc = tree_file(u->tree, path, m, e->data, e->size, err);
    return rc == 0 && u->file ? u->file(u->arg, e->path, e->data, e->size, err) : rc;
}

static int put_entry(struct deb *d, struct tar_entry *e, struct err *err)
{
    const struct tree_meta m = { e->mode, e->uid, e->gid, e->mtime };

    switch (e->kind) {
    case TAR_FILE: return data_file(d, e, &m, err);
    case TAR_DIR: return tree_dir(d->u->tree, e->path, &m, err);
    case TAR_SYMLINK: return tree_symlink(d->u->tree, e->path, e->target, err);
    case TAR_HARDLINK: return tree_hardlink(d->u->tree, e->path, e->target, err);
    case TAR_OTHER: break;
    }
    return err_set(err, ENOTSUP, "it has a device file, %s", e->path);
}

/* --- one package --- */

static int data_entry(struct deb *d, struct tar_entry *e, struct err *err)
{
    fprintf(d->list, "%s\n", strcmp(e->path, "/") == 0 ? "/." : e->path);
    return put_entry(d, e, err);
}

/* The data, and the list of its paths. */
static int unpack_data(struct deb *d, struct err *err)
{
    char *text = NULL, path[512];
    size_t size;
    int rc;

    d->list = open_memstream(&text, &size);
    if (!d->list)
        return err_set_errno(err, ENOMEM, "unpacking packages");
    rc = read_archive(d, "--fsys-tarfile", data_entry, err);
    if (fclose(d->list) != 0 && rc == 0)
        rc = err_set_errno(err, ENOMEM, "unpacking packages");
    snprintf(path, sizeof path, DPKG "/info/%s.list", d->name);
    if (rc == 0)
        rc = tree_text(d->u->tree, path, 0644, text, err);
    free(text);
    return rc;
}

int deb_unpack_one(struct deb_unpack *u, const char *path, struct err *err)
{
    struct deb d = { .u = u, .path = path };
    int rc = read_archive(&d, "--ctrl-tarfile", control_entry, err);

    if (rc == 0)
        rc = take_names(&d, err);
    if (rc == 0)
        rc = read_archive(&d, "--ctrl-tarfile", info_entry, err);
    if (rc == 0)
        rc = unpack_data(&d, err);
    if (rc == 0)
        rc = add_status(&d, err);
    if (rc == 0)
        rc = add_triggers(&d, err);
    free(d.control);
    free(d.conffiles);
    free(d.triggers);
    return rc < 0 ? err_wrap(err, "unpacking %s", path) : 0;
}

static int file_entry(struct deb *d, struct tar_entry *e, struct err *err)
{
    return e->kind == TAR_FILE ? d->u->file(d->u->arg, e->path, e->data, e->size, err) : 0;
}

int deb_each_file(const char *path, const char *log,
                  int (*fn)(void *arg, const char *path, const void *data, u64 size,
                            struct err *err),
                  void *arg, struct err *err)
{
    struct deb_unpack u = { .log = log, .file = fn, .arg = arg };
    struct deb d = { .u = &u, .path = path };
    int rc = read_archive(&d, "--fsys-tarfile", file_entry, err);

    return rc < 0 ? err_wrap(err, "unpacking %s", path) : 0;
}

/* --- the database --- */

int deb_unpack_init(struct deb_unpack *u, struct err *err)
{
    static const char *const empty[] = {
        DPKG "/available",     DPKG "/diversions",    DPKG "/statoverride",      DPKG "/lock",
        DPKG "/lock-frontend", DPKG "/triggers/Lock", DPKG "/triggers/Unincorp",
    };
    static const char *const folders[] = { DPKG "/alternatives", DPKG "/parts", DPKG "/updates" };
    const struct tree_meta m = { .mode = 0755 };
    int rc = 0;

    u->status = open_memstream(&u->status_text, &u->status_size);
    u->packages = open_memstream(&u->packages_text, &u->packages_size);
    if (!u->status || !u->packages)
        return err_set_errno(err, ENOMEM, "unpacking packages");
    for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(empty); i++)
        rc = tree_text(u->tree, empty[i], i < 3 ? 0644 : 0640, "", err);
    for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(folders); i++)
        rc = tree_dir(u->tree, folders[i], &m, err);
    return rc < 0 ? rc : tree_text(u->tree, DPKG "/info/format", 0644, "1\n", err);
}

/* Those on files are in one file; the others have one each, with a line for each package. */
static int put_triggers(struct deb_unpack *u, unsigned first, struct err *err)
{
    const char *name = u->triggers[first].name;
    bool files = name[0] == '/';
    char *text = NULL, path[1200];
    size_t size;
    FILE *out = open_memstream(&text, &size);
    int rc;

    for (unsigned i = first; out && i < u->trigger_count; i++)
        if (files && u->triggers[i].name[0] == '/')
            fprintf(out, "%s %s\n", u->triggers[i].name, u->triggers[i].package);
        else if (strcmp(u->triggers[i].name, name) == 0)
            fprintf(out, "%s\n", u->triggers[i].package);
    if (!out || fclose(out) != 0)
        return err_set_errno(err, ENOMEM, "unpacking packages");
    snprintf(path, sizeof path, DPKG "/triggers/%s", files ? "File" : name);
    rc = tree_text(u->tree, path, 0644, text, err);
    free(text);
    return rc;
}

static bool put_before(const struct deb_unpack *u, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (strcmp(u->triggers[i].name, u->triggers[n].name) == 0 ||
            (u->triggers[i].name[0] == '/' && u->triggers[n].name[0] == '/'))
            return true;
    return false;
}

int deb_unpack_end(struct deb_unpack *u, const char *list_path, struct err *err)
{
    int rc = 0;

    if (fflush(u->status) != 0 || fflush(u->packages) != 0)
        return err_set_errno(err, ENOMEM, "unpacking packages");
    for (unsigned i = 0; rc == 0 && i < u->trigger_count; i++)
        if (!put_before(u, i))
            rc = put_triggers(u, i, err);
    if (rc == 0)
        rc = tree_text(u->tree, DPKG "/status", 0644, u->status_text, err);
    return rc < 0 ? rc : tree_text(u->tree, list_path, 0644, u->packages_text, err);
}

void deb_unpack_fini(struct deb_unpack *u)
{
    if (u->status)
        fclose(u->status);
    if (u->packages)
        fclose(u->packages);
    free(u->status_text);
    free(u->packages_text);
    for (unsigned i = 0; i < u->trigger_count; i++) {
        free(u->triggers[i].name);
        free(u->triggers[i].package);
    }
    free(u->triggers);
}
