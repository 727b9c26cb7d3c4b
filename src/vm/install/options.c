/*
 * options.c - what was asked for, checked before anything is made.
 */
#include "vm/install/install.h"

#include "vm/gpt.h"
#include "vm/parse.h"
#include "vm/vm_private.h"
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct install_arch arches[] = {
    { "riscv64", "linux-image-riscv64", GPT_TYPE_ROOT_RISCV64, "ttyS0" },
    { "arm64", "linux-image-arm64", GPT_TYPE_ROOT_ARM64, "ttyAMA0" },
};

static bool is_user_name(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");

    return len > 0 && len <= 32 && name[len] == 0 && (name[0] == '_' || name[0] >= 'a') &&
           strcmp(name, "root") != 0;
}

static const char *default_user(void)
{
    const struct passwd *me = getpwuid(getuid());

    return me && is_user_name(me->pw_name) ? me->pw_name : "debian";
}

static bool is_package_name(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789+-.");

    return len > 1 && name[len] == 0 && name[0] != '-' && name[0] != '+';
}

/* A host name: letters, digits and hyphens. */
static bool is_host_name(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");

    return len > 0 && len < 64 && name[len] == 0 && name[0] != '-' && name[len - 1] != '-';
}

void install_options_fill(struct vm_install_options *o)
{
    o->arch = o->arch ? o->arch : "riscv64";
    o->release = o->release ? o->release : "trixie";
    o->disk_size = o->disk_size ? o->disk_size : "8G";
    o->memory = o->memory ? o->memory : "1G";
    o->cpus = o->cpus ? o->cpus : "2";
    o->user = o->user ? o->user : default_user();
}

/* After check_machine: the architecture is one of guests. */
static int find_arch(struct install *in, struct err *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(arches); i++)
        if (strcmp(arches[i].name, in->o.arch) == 0) {
            in->arch = &arches[i];
            return 0;
        }
    return err_set(err, EINVAL, "--arch %s: no Debian can be installed for it", in->o.arch);
}

static int check_machine(const struct vm_install_options *o, struct err *err)
{
    struct vm_config *cfg = vm_config_new();
    int rc = cfg ? config_set(cfg, "arch", o->arch, err)
                 : err_set_errno(err, ENOMEM, "checking options");

    if (rc == 0)
        rc = config_set(cfg, "memory", o->memory, err);
    if (rc == 0)
        rc = config_set(cfg, "cpus", o->cpus, err);
    vm_config_free(cfg);
    return rc;
}

int install_options_check(struct install *in, struct err *err)
{
    const struct vm_install_options *o = &in->o;
    int rc;

    if (!o->name)
        return err_set(err, EINVAL, "a name for the machine is needed");
    if (!is_host_name(o->name))
        return err_set(err, EINVAL,
                       "--name %s: the guest takes it as its host name, which has 1 to 63 "
                       "letters, digits and hyphens",
                       o->name);
    if (!parse_size(o->disk_size, &in->disk_size) || in->disk_size < 2 * GIB ||
        in->disk_size > 64 * 1024 * GIB || in->disk_size % MIB)
        return err_set(err, EINVAL, "--disk-size %s: give 2G to 64T, in steps of 1M", o->disk_size);
    if (!is_user_name(o->user))
        return err_set(err, EINVAL,
                       "--user %s is no name of a user that can be made: give small letters, "
                       "digits, - and _, not root",
                       o->user);
    for (unsigned i = 0; i < o->package_count; i++)
        if (!is_package_name(o->packages[i]))
            return err_set(err, EINVAL, "--package %s is no name of a package", o->packages[i]);
    if (o->user_data && access(o->user_data, R_OK))
        return err_set_errno(err, errno, "--user-data %s", o->user_data);
    rc = check_machine(o, err);
    return rc < 0 ? rc : find_arch(in, err);
}

char *install_recipe(const struct install *in)
{
    const struct vm_install_options *o = &in->o;
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        return NULL;
    fprintf(out, "%s %s %s %s %s\n%s\n", o->arch, o->release, o->disk_size, o->user, in->apt.mirror,
            o->ssh_key ? o->ssh_key : "");
    for (unsigned i = 0; i < o->package_count; i++)
        fprintf(out, "%s\n", o->packages[i]);
    if (o->user_data)
        fputs("with cloud-init\n", out);
    return fclose(out) == 0 ? text : NULL;
}
