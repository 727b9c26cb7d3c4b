/*
 * apt.c - the host's apt, with a configuration, lists and a cache of its own.
 */
#include "vm/install/apt.h"

#include "host/file.h"
#include "vm/install/tool.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEYRING "/usr/share/keyrings/debian-archive-keyring.gpg"

enum { WORDS_MAX = 200 };

/* --- what the host's apt knows --- */

static void first_line(void *arg, char *line)
{
    char **out = arg;

    if (!*out && *line)
        *out = strdup(line);
}

/* The first line that the host's own apt prints; "" when none. malloc'ed; NULL: no memory. */
static char *ask_apt(const char *const argv[])
{
    struct err err = { 0 };
    char *line = NULL;

    if (tool_run(argv, "/dev/null", first_line, &line, &err) < 0 || !line)
        return strdup("");
    return line;
}

static char *ask_site(const char *label)
{
    char filter[64];
    const char *const argv[] = {
        "apt-get",        "indextargets", "--format", "$(SITE)", "Created-By: Packages",
        "Origin: Debian", filter,         NULL
    };

    snprintf(filter, sizeof filter, "Label: %s", label);
    return ask_apt(argv);
}

/* "Acquire::http::Proxy 'URL'" as the shell form of apt-config prints it, without quotes. */
static char *ask_proxy(void)
{
    static const char *const argv[] = { "apt-config", "shell", "P", "Acquire::http::Proxy", NULL };
    char *line = ask_apt(argv), *proxy;
    size_t len = line ? strlen(line) : 0;

    if (len < 4 || strncmp(line, "P='", 3) != 0)
        return line;
    proxy = strndup(line + 3, len - 4);
    free(line);
    return proxy;
}

static bool is_plain(const char *text)
{
    for (; *text; text++)
        if (*text <= ' ' || *text > '~' || strchr("[]\"'\\;", *text))
            return false;
    return true;
}

static int take_mirror(struct apt *a, const char *given, struct err *err)
{
    a->mirror = given ? strdup(given) : ask_site("Debian");
    a->security = given ? strdup("") : ask_site("Debian-Security");
    a->proxy = ask_proxy();
    if (!a->mirror || !a->security || !a->proxy)
        return err_set_errno(err, ENOMEM, "asking apt");
    if (!*a->mirror)
        return err_set(err, ENOENT,
                       "this host's apt knows no Debian archive: run apt-get update as root, or "
                       "give --mirror URL");
    if (!is_plain(a->mirror) || !strstr(a->mirror, ":/"))
        return err_set(err, EINVAL,
                       "--mirror %s is no address: give one that begins with http:// or https://",
                       a->mirror);
    return 0;
}

/* --- the configuration --- */

static int make_folders(char *path, struct err *err)
{
    for (char *at = path + 1;; at++) {
        char c = *at;

        if (c && c != '/')
            continue;
        *at = 0;
        if (mkdir(path, 0700) && errno != EEXIST)
            return err_set_errno(err, errno, "cannot make the folder %s", path);
        *at = c;
        if (!c)
            return 0;
    }
}

/* A different mirror has a folder of its own: lists of two must not mix. */
static u32 hash(const char *text)
{
    u32 h = 2166136261u;

    for (; *text; text++)
        h = (h ^ (u8)*text) * 16777619u;
    return h;
}

static int choose_dir(struct apt *a, struct err *err)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    static const char *const below[] = { "state/lists/partial", "archives/partial" };
    int rc = 0;

    if (asprintf(&a->dir, "%s%s/vm/debian/%s-%s-%08x", cache && *cache == '/' ? cache : home,
                 cache && *cache == '/' ? "" : "/.cache", a->release, a->arch, hash(a->mirror)) < 0)
        a->dir = NULL;
    for (size_t i = 0; a->dir && rc == 0 && i < ARRAY_SIZE(below); i++) {
        char *path;

        if (asprintf(&path, "%s/%s", a->dir, below[i]) < 0)
            return err_set_errno(err, ENOMEM, "preparing apt");
        rc = make_folders(path, err);
        free(path);
    }
    if (a->dir && asprintf(&a->log, "%s/log", a->dir) < 0)
        a->log = NULL;
    if (a->dir && asprintf(&a->config, "APT_CONFIG=%s/apt.conf", a->dir) < 0)
        a->config = NULL;
    return a->config && a->log ? rc : err_set_errno(err, ENOMEM, "preparing apt");
}

static int put_file(const struct apt *a, const char *name, const char *text, struct err *err)
{
    char *path;
    int rc;

    if (asprintf(&path, "%s/%s", a->dir, name) < 0)
        return err_set_errno(err, ENOMEM, "preparing apt");
    rc = host_file_write(path, text, strlen(text), err);
    free(path);
    return rc;
}

static int write_config(const struct apt *a, struct err *err)
{
    char *text;
    int rc;

    if (asprintf(
            &text,
            "#clear APT::Architectures;\n"
            "APT::Architecture \"%s\";\nAPT::Architectures { \"%s\"; };\n"
            "APT::Install-Recommends \"false\";\nAPT::Sandbox::User \"\";\n"
            "APT::Get::Assume-Yes \"true\";\nAPT::Update::Error-Mode \"any\";\n"
            "APT::Keep-Downloaded-Packages \"true\";\n"
            "Acquire::Languages \"none\";\nAcquire::Retries \"2\";\n"
            "#clear APT::Update::Post-Invoke;\n#clear APT::Update::Post-Invoke-Success;\n"
            "#clear APT::Update::Pre-Invoke;\n#clear DPkg::Post-Invoke;\n"
            "#clear DPkg::Pre-Install-Pkgs;\n"
            "Dir::State \"%s/state\";\nDir::State::status \"%s/status\";\n"
            "Dir::Cache \"%s\";\nDir::Cache::archives \"%s/archives\";\n"
            "Dir::Etc::sourcelist \"%s/sources.list\";\nDir::Etc::sourceparts \"/dev/null\";\n"
            "Dir::Etc::preferences \"/dev/null\";\nDir::Etc::preferencesparts \"/dev/null\";\n",
            a->arch, a->arch, a->dir, a->dir, a->dir, a->dir, a->dir) < 0)
        return err_set_errno(err, ENOMEM, "preparing apt");
    rc = put_file(a, "apt.conf", text, err);
    free(text);
    if (rc == 0)
        rc = put_file(a, "status", "", err);
    if (rc < 0 ||
        asprintf(&text, "deb [signed-by=" KEYRING "] %s %s main\n", a->mirror, a->release) < 0)
        return rc < 0 ? rc : err_set_errno(err, ENOMEM, "preparing apt");
    rc = put_file(a, "sources.list", text, err);
    free(text);
    return rc;
}

int apt_init(struct apt *a, const char *release, const char *arch, const char *mirror,
             struct err *err)
{
    int rc = tool_check("apt-get", "apt (this host is no Debian: there it is at home)", err);

    a->release = release;
    a->arch = arch;
    if (rc == 0)
        rc = tool_check("dpkg-deb", "dpkg", err);
    if (rc == 0 && access(KEYRING, R_OK))
        rc = err_set(err, ENOENT,
                     "the keys of the Debian archive are missing (" KEYRING
                     "): install the Debian package debian-archive-keyring");
    if (rc == 0 && (!is_plain(release) || strchr(release, '/') || !*release))
        rc = err_set(err, EINVAL, "--release %s is no name of a Debian release", release);
    if (rc == 0)
        rc = take_mirror(a, mirror, err);
    if (rc == 0)
        rc = choose_dir(a, err);
    return rc < 0 ? rc : write_config(a, err);
}

void apt_fini(struct apt *a)
{
    free(a->mirror);
    free(a->security);
    free(a->proxy);
    free(a->dir);
    free(a->config);
    free(a->log);
}

/* --- running it --- */

static int run(const struct apt *a, const char *const *argv, void (*fn)(void *arg, char *line),
               void *arg, struct err *err)
{
    const char *all[WORDS_MAX + 16] = { "env",      a->config,
                                        "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive",
                                        "apt-get",  "-q" };
    unsigned n = 6;

    while (*argv && n < ARRAY_SIZE(all) - 1)
        all[n++] = *argv++;
    return tool_run(all, a->log, fn, arg, err);
}

/* What apt prints, and what it means; the first that fits. NULL: words of any failure. */
static const struct {
    int code;
    const char *words[9]; /* NULL-ended */
} meanings[] = {
    { ENOSPC, { "No space left", "not enough free space" } },
    { EKEYREJECTED,
      { "NO_PUBKEY", "BADSIG", "GPG error", "is not signed", "isn't signed", "not verified",
        "signatures", "Sub-process /usr/bin/sqv" } },
    { ENETUNREACH,
      { "Could not resolve", "Could not connect", "Unable to connect", "Connection",
        "Temporary failure", "timed out" } },
    { ENOENT, { "404 ", "does not have a Release file", "File not found" } },
    { ESRCH, { "Unable to locate package", "has no installation candidate" } },
    { EIO, { "E:", "W:" } },
};

/* One sentence from what apt printed. */
static int explain(const struct apt *a, int status, const char *what, struct err *err)
{
    char line[300] = "";
    int code = 0;

    for (size_t i = 0; !code && i < ARRAY_SIZE(meanings); i++)
        if (tool_said(a->log, meanings[i].words, line, sizeof line))
            code = meanings[i].code;
    switch (code) {
    case ENOSPC: return err_set(err, code, "there is no space left for packages in %s", a->dir);
    case EKEYREJECTED:
        return err_set(err, code,
                       "the archive %s is not signed with the keys of Debian %s, and is not used: "
                       "give another --mirror, or update debian-archive-keyring",
                       a->mirror, a->release);
    case ENETUNREACH:
        return err_set(err, code,
                       "the mirror %s cannot be reached: check the network, or give another "
                       "--mirror (%s)",
                       a->mirror, line);
    case ENOENT:
        return err_set(err, code,
                       "the mirror %s has no Debian release '%s': give --release trixie, or "
                       "another --mirror",
                       a->mirror, a->release);
    case ESRCH: return err_set(err, ENOENT, "Debian %s for %s: %s", a->release, a->arch, line);
    default:
        return err_set(err, EIO, "%s: apt-get ended with status %d%s%s", what, status,
                       *line ? ": " : "", line);
    }
}

int apt_update(const struct apt *a, struct err *err)
{
    static const char *const argv[] = { "update", NULL };
    int rc;

    unlink(a->log);
    rc = run(a, argv, NULL, NULL, err);
    return rc > 0 ? explain(a, rc, "the package lists cannot be read", err) : rc;
}

/* --- which files --- */

struct found {
    const struct apt *a;
    char **files; /* owns */
    unsigned count;
    bool failed;
};

/* "Inst NAME (VERSION … [ARCH])" of a simulation: the file has the version's ':' as %3a. */
static void take_inst(void *arg, char *line)
{
    struct found *f = arg;
    char name[128], version[128], escaped[400] = "", arch[32], *open, *close;
    char **more;

    if (sscanf(line, "Inst %127s (%127s", name, version) != 2)
        return;
    close = strchr(line, ')');
    if (!close)
        return;
    *close = 0;
    open = strrchr(line, '[');
    close = strrchr(line, ']');
    if (!open || !close || close < open || close - open > 31)
        return;
    snprintf(arch, sizeof arch, "%.*s", (int)(close - open - 1), open + 1);
    name[strcspn(name, ":")] = 0;
    for (char *v = version, *out = escaped; *v; v++)
        out += sprintf(out, *v == ':' ? "%%3a" : "%c", *v);
    more = reallocarray(f->files, f->count + 2, sizeof *more);
    if (more)
        f->files = more;
    if (!more ||
        asprintf(&more[f->count], "%s/archives/%s_%s_%s.deb", f->a->dir, name, escaped, arch) < 0) {
        f->failed = true;
        return;
    }
    more[++f->count] = NULL;
}

struct fetching {
    apt_progress_fn *progress;
    void *arg;
};

/* "dlstatus:ITEM:PERCENT:TEXT" (apt's README.progress-reporting). */
static void take_status(void *arg, char *line)
{
    const struct fetching *f = arg;
    double percent;
    int at = 0;

    if (f->progress && sscanf(line, "dlstatus:%*d:%lf:%n", &percent, &at) == 1 && at)
        f->progress(f->arg, line + at, percent / 100);
}

static int check_files(const struct apt *a, struct found *f, struct err *err)
{
    if (f->failed)
        return err_set_errno(err, ENOMEM, "fetching packages");
    for (unsigned i = 0; i < f->count; i++)
        if (access(f->files[i], R_OK))
            return err_set(err, EIO, "apt did not fetch %s", f->files[i]);
    return f->count ? 0 : err_set(err, EIO, "apt chose no package: see %s", a->log);
}

int apt_fetch(const struct apt *a, const char *const *words, apt_progress_fn *progress, void *arg,
              char ***ret, struct err *err)
{
    const char *argv[WORDS_MAX] = { "-oAPT::Status-Fd=1", "--download-only", "install" };
    struct fetching fetching = { progress, arg };
    struct found found = { .a = a };
    unsigned n = 3;
    int rc;

    while (*words && n < WORDS_MAX - 1)
        argv[n++] = *words++;
    if (*words)
        return err_set(err, E2BIG, "at most %d packages can be named", WORDS_MAX - 40);
    unlink(a->log);
    argv[1] = "--simulate";
    rc = run(a, argv, take_inst, &found, err);
    argv[1] = "--download-only";
    if (rc == 0)
        rc = run(a, argv, take_status, &fetching, err);
    if (rc > 0)
        rc = explain(a, rc, "the packages cannot be fetched", err);
    if (rc == 0)
        rc = check_files(a, &found, err);
    if (rc < 0) {
        apt_files_free(found.files);
        found.files = NULL;
    }
    *ret = found.files;
    return rc;
}

void apt_files_free(char **files)
{
    for (unsigned i = 0; files && files[i]; i++)
        free(files[i]);
    free(files);
}
