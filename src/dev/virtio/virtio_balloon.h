/*
 * virtio_balloon.h - what a machine asks of its balloon while it runs. d is a device of class
 * virtio-balloon-mmio or -pci, and its domain's lock is held.
 */
#ifndef DEV_VIRTIO_VIRTIO_BALLOON_H
#define DEV_VIRTIO_VIRTIO_BALLOON_H

#include "dev/core/device.h"

/* The guest is asked to give `bytes` back (in whole pages of 4 KiB; up to 16 TiB), no more and
 * no less; when it has is its own affair. The request is the host's: a loaded state has it not. */
void virtio_balloon_ask(struct device *d, u64 bytes);

/* How many bytes the guest says that it has given. */
u64 virtio_balloon_given(struct device *d);

#endif
