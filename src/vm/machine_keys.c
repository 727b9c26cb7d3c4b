/*
 * machine_keys.c - settings that only named machines have, and what a configuration becomes
 * of all of them.
 */
#include "vm/machines_private.h"

#include "host/clock.h"
#include "vm/credentials.h"
#include "vm/parse.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct vm_config_key keys[] = {
    { "ssh-user", "USER", "The guest's user whom vm-cli ssh and cp log in as.", NULL, "root", 0 },
    { "ssh-port", "auto|none|PORT",
      "Port of 127.0.0.1 that is forwarded to the guest's ssh server; auto: one that is free when "
      "the machine starts.",
      "auto none", "auto", 0 },
    { "ready-text", "TEXT",
      "What the guest prints on its console when it is up; where there is a forward to its ssh "
      "server, that server's answer counts instead.",
      NULL, "login:", 0 },
    { "mac", "ADDRESS", "Address of the first network card; it is made up once and then kept.",
      NULL, NULL, 0 },
};

VM_API const struct vm_config_key *vm_machine_keys(unsigned *ret_count)
{
    *ret_count = ARRAY_SIZE(keys);
    return keys;
}

static const struct vm_config_key *find(const struct vm_config_key *list, unsigned count,
                                        const char *key)
{
    for (unsigned i = 0; i < count; i++)
        if (strcmp(list[i].name, key) == 0)
            return &list[i];
    return NULL;
}

static const struct vm_config_key *config_key(const char *key)
{
    unsigned count;
    const struct vm_config_key *list = vm_config_keys(&count);

    return find(list, count, key);
}

/* --- file names --- */

bool machine_key_is_file(const char *key)
{
    const struct vm_config_key *row = config_key(key);

    return row && row->values && strcmp(row->values, "@file") == 0;
}

/* A disk's file name ends at the first comma; a comma in it is written twice. */
static char *escape(const char *key, const char *path)
{
    bool commas = strcmp(key, "disk") == 0;
    char *out = malloc(2 * strlen(path) + 1), *at = out;

    for (; out && *path; path++) {
        if (commas && *path == ',')
            *at++ = ',';
        *at++ = *path;
    }
    if (out)
        *at = 0;
    return out;
}

static char *below(const char *folder, const char *key, const char *value)
{
    char *path = escape(key, folder), *out = NULL;

    if (path && asprintf(&out, "%s/%s", path, value) < 0)
        out = NULL;
    free(path);
    return out;
}

char *machine_value_show(const char *folder, const char *key, const char *value)
{
    if (!machine_key_is_file(key) || value[0] == '/' || !*value)
        return strdup(value);
    return below(folder, key, value);
}

/* NAME=@FILE with the file's name in full. */
static char *credential_store(const char *value)
{
    const char *path = credential_file(value);
    char *here = NULL, *out = NULL;

    if (!path || path[0] == '/')
        return strdup(value);
    here = getcwd(NULL, 0);
    if (here && asprintf(&out, "%.*s%s/%s", (int)(path - value), value, here, path) < 0)
        out = NULL;
    free(here);
    return out;
}

char *machine_value_store(const char *folder, const char *key, const char *value)
{
    char *full = NULL, *here = NULL, *inside = NULL, *out = NULL;
    size_t len;

    if (strcmp(key, "credential") == 0)
        return credential_store(value);
    if (!machine_key_is_file(key) || !*value)
        return strdup(value);
    if (value[0] == '/') {
        full = strdup(value);
    } else {
        here = getcwd(NULL, 0);
        full = here ? below(here, key, value) : NULL;
    }
    inside = escape(key, folder);
    len = inside ? strlen(inside) : 0;
    if (full && inside) {
        bool own = strncmp(full, inside, len) == 0 && full[len] == '/' && full[len + 1];

        out = strdup(own ? full + len + 1 : full);
    }
    free(here);
    free(inside);
    free(full);
    return out;
}

int machine_settings_show(const struct vm_machine *m, struct settings *out)
{
    const struct settings *in = &m->state.settings;

    for (unsigned i = 0; i < in->count; i++) {
        char *value = machine_value_show(m->paths.folder, in->rows[i].key, in->rows[i].value);
        int rc = value ? settings_add(out, in->rows[i].key, value) : -ENOMEM;

        free(value);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* --- keys of machines --- */

static int check_own_key(const char *key, const char *value, struct err *err)
{
    u64 port;

    if (strcmp(key, "ssh-user") == 0 && (!*value || value[0] == '-' || strpbrk(value, " \t\n@:")))
        return err_set(err, EINVAL, "--ssh-user '%s' is no name of a user", value);
    if (strcmp(key, "ssh-port") == 0 && strcmp(value, "auto") != 0 && strcmp(value, "none") != 0 &&
        (!parse_number(value, &port) || port < 1 || port > 65535))
        return err_set(err, EINVAL, "--ssh-port %s: give auto, none or a port from 1 to 65535",
                       value);
    if (strcmp(key, "ready-text") == 0 && (!*value || strlen(value) > 255))
        return err_set(err, EINVAL, "--ready-text: give 1 to 255 bytes of text");
    return 0;
}

void machine_mac_make(char out[18])
{
    u8 byte[3];

    host_random(byte, sizeof byte);
    snprintf(out, 18, "52:54:00:%02x:%02x:%02x", byte[0], byte[1], byte[2]);
}

/* --- the configuration --- */

/* The address of a machine's network n: its own, counted on from. */
static const char *net_mac(const struct vm_machine *m, unsigned n, char out[18])
{
    const char *mac = settings_get(&m->state.settings, "mac");
    unsigned last = mac ? (unsigned)strtoul(mac + strlen(mac) - 2, NULL, 16) : 0;

    if (!mac)
        return NULL;
    snprintf(out, 18, "%.15s%02x", mac, (last + n) & 0xff);
    return out;
}

/* A network's words, with the machine's address and the forward to its ssh server. */
static char *net_value(const struct vm_machine *m, const char *value, unsigned n, unsigned ssh_port)
{
    char forward[64] = "", text[18], *out;
    const char *mac = strstr(value, ",mac=") ? NULL : net_mac(m, n, text);

    if (ssh_port)
        snprintf(forward, sizeof forward, ",hostfwd=tcp:127.0.0.1:%u-:22", ssh_port);
    if (asprintf(&out, "%s%s%s%s", value, mac ? ",mac=" : "", mac ? mac : "", forward) < 0)
        return NULL;
    return out;
}

/* Does a network forward ports of the host when it is told to? */
static bool net_forwards(const char *value)
{
    return strcmp(value, "user") == 0 || strncmp(value, "user,", 5) == 0 ||
           ((strcmp(value, "passt") == 0 || strncmp(value, "passt,", 6) == 0) &&
            !strstr(value, ",path="));
}

static int set_net(const struct vm_machine *m, struct vm_config *cfg, const char *value,
                   unsigned ssh_port, struct err *err)
{
    char *full = strcmp(value, "none") == 0 ? strdup(value)
                                            : net_value(m, value, cfg->m.net_count, ssh_port);
    int rc = full ? config_set(cfg, "net", full, err) : err_set_errno(err, ENOMEM, "--net");

    free(full);
    return rc;
}

static int refuse_key(const char *key, struct err *err)
{
    return err_set(err, EINVAL,
                   "--%s is no setting of a named machine, which has its own %s: vm-cli "
                   "%s",
                   key, key,
                   strcmp(key, "console") == 0 ? "console NAME" : "show NAME tells where");
}

static int set_one(const struct vm_machine *m, struct vm_config *cfg, const struct vm_setting *row,
                   unsigned *ssh_port, struct err *err)
{
    int rc;

    if (find(keys, ARRAY_SIZE(keys), row->key))
        return check_own_key(row->key, row->value, err);
    if (strcmp(row->key, "console") == 0 || strcmp(row->key, "control") == 0 ||
        strcmp(row->key, "vsock") == 0)
        return refuse_key(row->key, err);
    if (strcmp(row->key, "net") != 0)
        return config_set(cfg, row->key, row->value, err);
    rc = set_net(m, cfg, row->value, net_forwards(row->value) ? *ssh_port : 0, err);
    if (net_forwards(row->value))
        *ssh_port = 0; /* the first network has it */
    return rc;
}

int machine_config(const struct vm_machine *m, unsigned ssh_port, struct vm_config **ret,
                   struct err *err)
{
    struct vm_config *cfg = vm_config_new();
    struct settings all = { 0 };
    int rc =
        cfg && machine_settings_show(m, &all) == 0 ? 0 : err_set_errno(err, ENOMEM, "settings");

    for (unsigned i = 0; rc == 0 && i < all.count; i++)
        rc = set_one(m, cfg, &all.rows[i], &ssh_port, err);
    if (rc == 0 && !settings_get(&all, "net"))
        rc = set_net(m, cfg, "user", ssh_port, err);
    settings_fini(&all);
    *ret = rc < 0 ? vm_config_free(cfg) : cfg;
    return rc;
}

/* --- the forward for ssh --- */

/* Is the port of 127.0.0.1 free now? 0: any that is; returned in *port. */
static bool port_is_free(unsigned *port)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_port = htons((u16)*port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    bool free_now;

    if (fd < 0)
        return false;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    free_now = bind(fd, (struct sockaddr *)&at, sizeof at) == 0 &&
               getsockname(fd, (struct sockaddr *)&at, &size) == 0;
    *port = ntohs(at.sin_port);
    close(fd);
    return free_now;
}

static bool has_forwards(const struct settings *s)
{
    bool any = false;

    for (unsigned i = 0; i < s->count; i++) {
        if (strcmp(s->rows[i].key, "net") != 0)
            continue;
        any = true;
        if (net_forwards(s->rows[i].value))
            return true;
    }
    return !any;
}

int machine_ssh_port(const struct vm_machine *m, unsigned *ret, struct err *err)
{
    const char *want = settings_get(&m->state.settings, "ssh-port");
    u64 port = 0;

    *ret = 0;
    if (!has_forwards(&m->state.settings) || (want && strcmp(want, "none") == 0))
        return 0;
    if (want && parse_number(want, &port)) {
        *ret = (unsigned)port;
        return port_is_free(ret) ? 0
                                 : err_set(err, EADDRINUSE,
                                           "port %u for ssh is in use: vm-cli set %s --ssh-port "
                                           "auto",
                                           (unsigned)port, m->name);
    }
    /* The port of last time keeps bookmarks right. */
    *ret = (unsigned)settings_get_number(&m->state.run, "ssh-port");
    if (*ret && port_is_free(ret))
        return 0;
    *ret = 0;
    if (!port_is_free(ret))
        return err_set_errno(err, EADDRNOTAVAIL, "no port of 127.0.0.1 is free for ssh");
    return 0;
}
