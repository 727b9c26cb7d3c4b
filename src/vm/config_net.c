/*
 * config_net.c - the words of --net: a kind, then options that not every kind has.
 */
#include "vm/vm_private.h"

#include "backend/net/slirp.h"
#include "vm/parse.h"
#include <errno.h>
#include <string.h>

enum {
    OF_USER = 1 << MACHINE_NET_USER,
    OF_TAP = 1 << MACHINE_NET_TAP,
    OF_PASST = 1 << MACHINE_NET_PASST,
    OF_ALL = OF_USER | OF_TAP | OF_PASST
};

typedef int option_fn(struct machine_net *net, const char *value, struct err *err);

static const char *const kinds[] = { "user", "tap", "passt" };

static int set_hostfwd(struct machine_net *net, const char *value, struct err *err)
{
    int rc = slirp_hostfwd_check(value, err);

    if (rc < 0)
        return err_wrap(err, "--net hostfwd=%s", value);
    if (net->hostfwd_count == ARRAY_SIZE(net->hostfwd))
        return err_set(err, E2BIG, "--net hostfwd=%s: at most %zu ports are forwarded", value,
                       ARRAY_SIZE(net->hostfwd));
    net->hostfwd[net->hostfwd_count++] = value;
    return 0;
}

static int set_ifname(struct machine_net *net, const char *value, struct err *err)
{
    net->ifname = value;
    return 0;
}

static int set_queues(struct machine_net *net, const char *value, struct err *err)
{
    u64 n;

    if (!parse_number(value, &n) || n < 1 || n > NET_QUEUES_MAX)
        return err_set(err, EINVAL, "--net tap: queues=%s: give 1 to %d", value, NET_QUEUES_MAX);
    net->queues = (unsigned)n;
    return 0;
}

static int set_path(struct machine_net *net, const char *value, struct err *err)
{
    if (!*value)
        return err_set(err, EINVAL, "--net passt: path= is empty");
    net->path = value;
    return 0;
}

static int set_mac(struct machine_net *net, const char *value, struct err *err)
{
    net->mac = value;
    return 0;
}

static int set_bus(struct machine_net *net, const char *value, struct err *err)
{
    return config_set_bus(value, "--net bus", &net->bus, err);
}

static const struct {
    const char *name, *form;
    unsigned of;
    option_fn *set;
} options[] = {
    { "ifname", "ifname=NAME", OF_TAP, set_ifname },
    { "queues", "queues=N", OF_TAP, set_queues },
    { "path", "path=SOCKET", OF_PASST, set_path },
    { "hostfwd", "hostfwd=", OF_USER | OF_PASST, set_hostfwd },
    { "mac", "mac=", OF_ALL, set_mac },
    { "bus", "bus=pcie|mmio", OF_ALL, set_bus },
};

static int unknown(const struct machine_net *net, const char *option, struct err *err)
{
    char list[128] = "";

    for (size_t i = 0; i < ARRAY_SIZE(options); i++)
        if (options[i].of >> net->kind & 1) {
            strcat(list, list[0] ? ", " : "");
            strcat(list, options[i].form);
        }
    return err_set(err, EINVAL, "--net %s has no option '%s': there are %s", kinds[net->kind],
                   option, list);
}

static int set_option(struct machine_net *net, const char *option, struct err *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
        const char *value = parse_option(option, options[i].name);

        if (value && options[i].of >> net->kind & 1)
            return options[i].set(net, value, err);
    }
    return unknown(net, option, err);
}

/* What the options say together. */
static int check(const struct machine_net *net, struct err *err)
{
    if (net->kind == MACHINE_NET_TAP && (!net->ifname || !*net->ifname))
        return err_set(err, EINVAL, "--net tap needs ifname=NAME, an interface of the host");
    if (net->path && net->hostfwd_count)
        return err_set(err, EINVAL,
                       "--net passt,path=%s: a passt that runs already has forwards of its own",
                       net->path);
    return 0;
}

int config_set_net(struct vm_config *c, char *value, struct err *err)
{
    struct machine_net net = { 0 };
    char *option, *kind = parse_field(&value);
    unsigned n = 0;
    int rc;

    if (strcmp(kind, "none") == 0 && !value)
        return 0;
    while (n < ARRAY_SIZE(kinds) && strcmp(kinds[n], kind) != 0)
        n++;
    if (n == ARRAY_SIZE(kinds))
        return err_set(err, EINVAL, "--net %s is unknown: give user, tap, passt or none", kind);
    net.kind = (enum machine_net_kind)n;
    while ((option = parse_field(&value))) {
        rc = set_option(&net, option, err);
        if (rc < 0)
            return rc;
    }
    rc = check(&net, err);
    if (rc < 0)
        return rc;
    if (c->m.net_count == MACHINE_MAX_NETS)
        return err_set(err, E2BIG, "--net: a machine takes at most %d networks", MACHINE_MAX_NETS);
    c->m.nets[c->m.net_count++] = net;
    return 0;
}
