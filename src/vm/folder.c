/*
 * folder.c - paths, locks and whole trees.
 */
#include "vm/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vm/machines.h>

static bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* The name is shown with what a terminal might obey replaced. */
int folder_name_check(const char *name, struct err *err)
{
    size_t len = strnlen(name, VM_MACHINE_NAME_MAX + 1), i;
    char shown[VM_MACHINE_NAME_MAX + 1] = "";

    for (i = 0; i < len && (is_letter_or_digit(name[i]) || (i && strchr("-_.", name[i]))); i++)
        ;
    if (len && len <= VM_MACHINE_NAME_MAX && i == len)
        return 0;
    for (i = 0; i < len && i < VM_MACHINE_NAME_MAX; i++)
        shown[i] = name[i] >= ' ' && name[i] < 0x7f ? name[i] : '?';
    return err_set(err, EINVAL,
                   "'%s' is no name of a machine: give 1 to %d letters, digits, '-', '_' and "
                   "'.', the first a letter or digit",
                   shown, VM_MACHINE_NAME_MAX);
}

/* --- paths --- */

/* An absolute path from the environment, as the XDG specification wants; NULL. */
static const char *xdg(const char *variable)
{
    const char *path = getenv(variable);

    return path && path[0] == '/' ? path : NULL;
}

static const char *home(void)
{
    const char *path = xdg("HOME");
    struct passwd *pw = path ? NULL : getpwuid(getuid());

    return path ? path : pw ? pw->pw_dir : NULL;
}

/* mkdir -p; folders made are this user's alone. */
static int make_folders(const char *path, struct err *err)
{
    char *copy = strdup(path), *slash;
    int rc = 0;

    if (!copy)
        return err_set_errno(err, ENOMEM, "making %s", path);
    for (slash = copy + 1; rc == 0 && slash; *slash++ = '/') {
        slash = strchr(slash, '/');
        if (slash)
            *slash = 0;
        if (mkdir(copy, 0700) && errno != EEXIST)
            rc = err_set_errno(err, errno, "cannot make the folder %s", copy);
        if (!slash)
            break;
    }
    free(copy);
    return rc;
}

int folder_root(char **ret, struct err *err)
{
    const char *data = xdg("XDG_DATA_HOME"), *base = data ? data : home();
    int rc;

    if (!base)
        return err_set(err, ENOENT, "there is no home directory for machines: set HOME");
    if (asprintf(ret, "%s%s/vm/machines", base, data ? "" : "/.local/share") < 0)
        return err_set_errno(err, ENOMEM, "looking for machines");
    rc = make_folders(*ret, err);
    if (rc < 0) {
        free(*ret);
        *ret = NULL;
    }
    return rc;
}

static char *join(const char *folder, const char *name)
{
    char *path;

    return folder && asprintf(&path, "%s/%s", folder, name) >= 0 ? path : NULL;
}

/* Where all machines have their sockets. */
static char *runtime_root(void)
{
    const char *runtime = xdg("XDG_RUNTIME_DIR");
    char *path;

    if (runtime)
        return join(runtime, "vm");
    return asprintf(&path, "/tmp/vm-%u", getuid()) >= 0 ? path : NULL;
}

int folder_paths_init(struct folder_paths *p, const char *root, const char *name, struct err *err)
{
    char *runtime = runtime_root();

    p->folder = join(root, name);
    p->store = join(p->folder, "store.db");
    p->lock = join(p->folder, "run.lock");
    p->console_log = join(p->folder, "console.log");
    p->vm_log = join(p->folder, "vm.log");
    p->ssh = join(p->folder, "ssh");
    p->ssh_key = join(p->ssh, "id_ed25519");
    p->known_hosts = join(p->ssh, "known_hosts");
    p->runtime = join(runtime, name);
    p->control = join(p->runtime, "control");
    p->console = join(p->runtime, "console");
    p->vsock = join(p->runtime, "vsock");
    p->status = join(p->runtime, "status");
    free(runtime);
    if (p->store && p->lock && p->console_log && p->vm_log && p->ssh_key && p->known_hosts &&
        p->control && p->console && p->vsock && p->status)
        return 0;
    folder_paths_fini(p);
    return err_set_errno(err, ENOMEM, "machine %s", name);
}

void folder_paths_fini(struct folder_paths *p)
{
    char **each[] = { &p->folder,  &p->store,   &p->lock,        &p->console_log, &p->vm_log,
                      &p->ssh,     &p->ssh_key, &p->known_hosts, &p->runtime,     &p->control,
                      &p->console, &p->vsock,   &p->status };

    for (size_t i = 0; i < ARRAY_SIZE(each); i++) {
        free(*each[i]);
        *each[i] = NULL;
    }
}

/* --- sockets --- */

/* In a folder that anybody may write to, somebody else may have been first. */
static int check_own(const char *path, struct err *err)
{
    struct stat st;

    if (lstat(path, &st))
        return err_set_errno(err, errno, "cannot look at %s", path);
    if (!S_ISDIR(st.st_mode) || st.st_uid != getuid() || st.st_mode & 077)
        return err_set(err, EPERM,
                       "%s is not a folder of this user alone: remove it, or set XDG_RUNTIME_DIR",
                       path);
    return 0;
}

int folder_runtime_make(const struct folder_paths *p, struct err *err)
{
    char *root = runtime_root();
    int rc = root ? make_folders(root, err) : err_set_errno(err, ENOMEM, "making sockets");

    if (rc == 0)
        rc = check_own(root, err);
    if (rc == 0)
        rc = make_folders(p->runtime, err);
    free(root);
    return rc;
}

/* Servers for the guest listen at "vsock_PORT"; what they have left behind would keep the folder.
 */
static void remove_ports(const struct folder_paths *p)
{
    DIR *dir = opendir(p->runtime);
    struct dirent *entry;

    while (dir && (entry = readdir(dir)))
        if (strncmp(entry->d_name, "vsock_", 6) == 0)
            unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir)
        closedir(dir);
}

void folder_runtime_remove(const struct folder_paths *p)
{
    unlink(p->control);
    unlink(p->console);
    unlink(p->vsock);
    unlink(p->status);
    remove_ports(p);
    rmdir(p->runtime);
}

/* --- trees --- */

static int remove_at(int at, const char *name, unsigned depth);

static int remove_inside(int fd, unsigned depth)
{
    DIR *dir = fdopendir(fd);
    struct dirent *entry;
    int rc = 0;

    if (!dir) {
        rc = -errno;
        close(fd);
        return rc;
    }
    while (rc == 0 && (entry = readdir(dir)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            rc = remove_at(dirfd(dir), entry->d_name, depth + 1);
    closedir(dir);
    return rc;
}

static int remove_at(int at, const char *name, unsigned depth)
{
    int fd, rc;

    if (unlinkat(at, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return -errno;
    if (depth == 64)
        return -ELOOP;
    fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    rc = fd < 0 ? -errno : remove_inside(fd, depth);
    if (rc == 0 && unlinkat(at, name, AT_REMOVEDIR) && errno != ENOENT)
        rc = -errno;
    return rc;
}

int folder_remove(const char *path, struct err *err)
{
    int rc = remove_at(AT_FDCWD, path, 0);

    return rc == 0 ? 0 : err_set_errno(err, -rc, "cannot remove %s", path);
}

/* --- locks --- */

int folder_lock(const char *path, int *ret_fd, struct err *err)
{
    struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    *ret_fd = -1;
    if (fd < 0)
        return err_set_errno(err, errno, "cannot open %s", path);
    if (fcntl(fd, F_OFD_SETLK, &whole)) {
        int code = errno;

        close(fd);
        if (code == EAGAIN || code == EACCES)
            return -EBUSY;
        return err_set_errno(err, code, "cannot lock %s", path);
    }
    *ret_fd = fd;
    return 0;
}

bool folder_is_locked(const char *path)
{
    struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    bool locked;

    if (fd < 0)
        return false;
    locked = fcntl(fd, F_OFD_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
    close(fd);
    return locked;
}
