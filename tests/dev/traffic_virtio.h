/*
 * traffic_virtio.h - traffic for virtio devices: chance alone would never negotiate one.
 */
#ifndef TESTS_DEV_TRAFFIC_VIRTIO_H
#define TESTS_DEV_TRAFFIC_VIRTIO_H

#include "fake_host.h"

/* Is it of a virtio class? */
bool traffic_virtio_is(const struct dev_class *cls);

/* Plays a driver: what bit 0 of `how` says is 0 brings the device up with small rings at the
 * beginning of RAM (1: lets them be); then puts `count` requests made of `random` into the
 * queue that bits 1 … 2 name and notifies. The other bits choose features. */
void traffic_virtio_drive(struct fake_host *h, struct device *d, u8 how, unsigned count,
                          u64 random);

/* Adds a command to the control queue of a network card, which has TRAFFIC_NET_PAIRS pairs. */
enum { TRAFFIC_NET_PAIRS = 4 };
void traffic_virtio_control(struct fake_host *h, struct device *d, u64 random);

#endif
