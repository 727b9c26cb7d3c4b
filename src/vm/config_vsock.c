/*
 * config_vsock.c - the words of --vsock.
 */
#include "vm/vm_private.h"

#include "vm/parse.h"
#include <errno.h>
#include <string.h>
#include <sys/un.h>

enum { CID_MIN = 3, PORT_DIGITS = 10 };
#define CID_MAX 0xfffffffeu

static int set_cid(struct machine_vsock *v, const char *value, struct err *err)
{
    u64 n;

    if (!parse_number(value, &n) || n < CID_MIN || n > CID_MAX)
        return err_set(err, EINVAL, "--vsock cid=%s: give %d to %u", value, CID_MIN, CID_MAX);
    v->cid = (u32)n;
    return 0;
}

/* A socket behind each port of the host has the port in its name. */
static int set_socket(struct machine_vsock *v, const char *value, struct err *err)
{
    if (!config_vsock_fits(value))
        return err_set(err, ENAMETOOLONG,
                       "--vsock socket=%s: give a path of 1 to %zu bytes, behind which an "
                       "underscore and a port still fit",
                       value, sizeof((struct sockaddr_un *)0)->sun_path - PORT_DIGITS - 2);
    v->socket = value;
    return 0;
}

bool config_vsock_fits(const char *path)
{
    return *path && strlen(path) + 1 + PORT_DIGITS < sizeof((struct sockaddr_un *)0)->sun_path;
}

static int set_option(struct machine_vsock *v, const char *option, struct err *err)
{
    const char *value;

    if ((value = parse_option(option, "cid")))
        return set_cid(v, value, err);
    if ((value = parse_option(option, "socket")))
        return set_socket(v, value, err);
    if ((value = parse_option(option, "bus")))
        return config_set_bus(value, "--vsock bus", &v->bus, err);
    return err_set(err, EINVAL,
                   "--vsock has no option '%s': there are cid=N, socket=PATH, bus=pcie|mmio",
                   option);
}

int config_set_vsock(struct vm_config *c, char *value, struct err *err)
{
    struct machine_vsock v = { .cid = CID_MIN };
    char *option;

    while ((option = parse_field(&value))) {
        int rc = set_option(&v, option, err);

        if (rc < 0)
            return rc;
    }
    if (!v.socket)
        return err_set(err, EINVAL, "--vsock needs socket=PATH, where programs ask for the guest");
    c->m.vsock = v;
    return 0;
}
