/*
 * backends.c - the host's side of disks, networks and vsock: opened before the device that uses
 * them, closed after it.
 */
#include "machine/private.h"

#include "base/bug.h"

int machine_open_disk(struct machine *m, const struct machine_disk *disk, struct blk_image **ret,
                      struct err *err)
{
    const struct blk_options options = { .format = disk->format, .read_only = disk->read_only };
    int rc = blk_image_open(disk->path, &options, m->loop, ret, err);

    if (rc < 0)
        return err_wrap(err, "--disk %s", disk->path);
    BUG_ON(m->image_count == MACHINE_MAX_DISKS);
    m->images[m->image_count++] = *ret;
    return 0;
}

int machine_open_firmware_vars(struct machine *m, struct blk_image **ret, struct err *err)
{
    const struct blk_options options = { .format = "raw" };
    int rc = blk_image_open(m->cfg->firmware_vars, &options, m->loop, ret, err);

    if (rc < 0)
        return err_wrap(err, "--firmware-vars %s", m->cfg->firmware_vars);
    m->firmware_vars = *ret;
    return 0;
}

int machine_open_net(struct machine *m, const struct machine_net *net, struct net_backend **ret,
                     struct err *err)
{
    static const char *const kinds[] = { "user", "tap", "passt" };
    int rc = m->cfg->net_open(net, m->loop, &m->clock, ret, err);

    if (rc < 0)
        return err_wrap(err, "--net %s", kinds[net->kind]);
    BUG_ON(m->net_count == MACHINE_MAX_NETS);
    m->nets[m->net_count++] = *ret;
    return 0;
}

int machine_open_vsock(struct machine *m, struct vsock_backend **ret, struct err *err)
{
    int rc = vsock_unix_new(m->cfg->vsock.socket, m->loop, ret, err);

    if (rc < 0)
        return err_wrap(err, "--vsock");
    m->vsock = *ret;
    return 0;
}

void machine_close_backends(struct machine *m)
{
    vsock_backend_free(m->vsock);
    m->vsock = NULL;
    for (unsigned i = 0; i < m->net_count; i++)
        net_backend_free(m->nets[i]);
    for (unsigned i = 0; i < m->image_count; i++)
        blk_image_free(m->images[i]);
    blk_image_free(m->firmware_vars);
    m->firmware_vars = NULL;
    m->net_count = m->image_count = 0;
}
