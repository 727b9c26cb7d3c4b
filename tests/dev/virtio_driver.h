/*
 * virtio_driver.h - a guest's driver, scripted by a test: finds a virtio device over MMIO or
 * PCI, negotiates, sets up split or packed rings in the fake host's RAM, adds requests and
 * takes used ones. It keeps the rules unless a test writes into its rings.
 */
#ifndef TESTS_DEV_VIRTIO_DRIVER_H
#define TESTS_DEV_VIRTIO_DRIVER_H

#include "dev/virtio/virtio.h"
#include "fake_host.h"

enum { VDRV_QUEUES = 9, VDRV_SIZE = 64 };

/* How a test reaches the device: every case runs in all four ways. */
struct vdrv_way {
    const char *name;
    bool pci, packed;
};
extern const struct vdrv_way vdrv_ways[4];

struct vdrv_buf {
    gpa_t at;
    u32 len;
    bool in; /* for the device to write */
};

struct vdrv_ring {
    u16 size;
    gpa_t desc, driver, device;
    u16 added, seen;         /* split: indices; packed: positions */
    bool add_wrap, see_wrap; /* packed */
    u16 next_free;           /* split: descriptor; packed: id */
    u16 count[VDRV_SIZE];    /* packed: descriptors of the request with this id */
    u16 kicked;              /* as `added`, at the last kick */
};

struct vdrv {
    struct fake_host *h;
    struct device *d;
    struct vdrv_way way;
    gpa_t common, notify, isr, config; /* PCI: where the structures are */
    gpa_t free;                        /* bump allocator of guest memory */
    u64 features;                      /* negotiated */
    struct vdrv_ring ring[VDRV_QUEUES];
};

/* Makes the device of class virtio-TYPE-mmio or -pci with the fake's resources and `extra`
 * settings (may be NULL with 0), and looks for it; no negotiation yet. */
void vdrv_open(struct vdrv *v, struct fake_host *h, const char *type, struct vdrv_way way,
               const struct dev_setting *extra, unsigned extra_count);
void vdrv_close(struct vdrv *v);
/* Puts a new device with the old one's saved state in its place; it has no `extra` settings. */
void vdrv_reload(struct vdrv *v);

/* Reset, features (those offered of `want`, VERSION_1 and the way's), queues, DRIVER_OK.
 * False when the device refuses. size 0: VDRV_SIZE. */
bool vdrv_up(struct vdrv *v, u64 want, unsigned queues, u16 size);
/* The parts of it. */
bool vdrv_negotiate(struct vdrv *v, u64 want);
void vdrv_queue(struct vdrv *v, unsigned n, u16 size);
/* Tells the device where a queue is; false: it does not enable it. */
bool vdrv_queue_at(struct vdrv *v, unsigned n, u16 size, gpa_t desc, gpa_t driver, gpa_t device);

/* Guest memory: 16-byte aligned, zeroed; and the host's view of an address in it. */
gpa_t vdrv_alloc(struct vdrv *v, u64 len);
void *vdrv_host(struct vdrv *v, gpa_t at);

/* Adds a request; returns its id. indirect: through a table. */
u16 vdrv_add(struct vdrv *v, unsigned n, const struct vdrv_buf *bufs, unsigned count,
             bool indirect);
/* Does the device want a notification for what was added since the last kick? */
bool vdrv_kick_wanted(struct vdrv *v, unsigned n);
void vdrv_kick(struct vdrv *v, unsigned n);
/* Takes a used request; false: there is none. */
bool vdrv_get(struct vdrv *v, unsigned n, u16 *id, u32 *len);
/* Adds, kicks, lets the host work, and takes the answer; false: none came. */
bool vdrv_request(struct vdrv *v, unsigned n, const struct vdrv_buf *bufs, unsigned count,
                  bool indirect, u32 *len);
/* Interrupt wishes: none at all; or (event index) after `more` further used requests. */
void vdrv_interrupts_off(struct vdrv *v, unsigned n);
void vdrv_interrupt_after(struct vdrv *v, unsigned n, u16 more);

/* Is the interrupt line up? Clears it (ISR). Over PCI without MSI-X: INTA. */
bool vdrv_interrupted(struct vdrv *v, u8 *isr);
u8 vdrv_status(struct vdrv *v);
void vdrv_status_set(struct vdrv *v, u8 status);
u64 vdrv_offered(struct vdrv *v);
/* How often the configuration has changed. */
u64 vdrv_generation(struct vdrv *v);
u64 vdrv_config(struct vdrv *v, u64 off, unsigned size);
void vdrv_config_set(struct vdrv *v, u64 off, u64 value, unsigned size);

#endif
