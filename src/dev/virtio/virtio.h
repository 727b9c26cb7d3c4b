/*
 * virtio.h - the part of a virtio device that is the same on every transport and for
 * every device type (virtio 1.2, chapters 2 and 3).
 *
 * A device type is a `struct virtio_type`; a transport (virtio_mmio.h, virtio_pci.h) makes
 * device classes of it: class.inc, included at the end of a type's file, defines
 * NAME_mmio_class "virtio-NAME-mmio" and NAME_pci_class "virtio-NAME-pci". A board that is
 * told bus=mmio or bus=pcie asks virtio_class_find().
 *
 * Only modern drivers are served (VIRTIO_F_VERSION_1).
 */
#ifndef DEV_VIRTIO_VIRTIO_H
#define DEV_VIRTIO_VIRTIO_H

#include "dev/virtio/queue.h"

enum { VIRTIO_QUEUES_MAX = 17, VIRTIO_CONFIG_MAX = 0x100 };

enum virtio_id {
    VIRTIO_ID_NET = 1,
    VIRTIO_ID_BLOCK = 2,
    VIRTIO_ID_CONSOLE = 3,
    VIRTIO_ID_RNG = 4,
    VIRTIO_ID_BALLOON = 5,
    VIRTIO_ID_INPUT = 18,
    VIRTIO_ID_VSOCK = 19
};

/* Device status (2.1). */
enum {
    VIRTIO_ACKNOWLEDGE = 1,
    VIRTIO_DRIVER = 2,
    VIRTIO_DRIVER_OK = 4,
    VIRTIO_FEATURES_OK = 8,
    VIRTIO_NEEDS_RESET = 64,
    VIRTIO_FAILED = 128
};

/* Feature bits that belong to no type (chapter 6), by number. */
enum {
    VIRTIO_F_INDIRECT_DESC = 28,
    VIRTIO_F_EVENT_IDX = 29,
    VIRTIO_F_VERSION_1 = 32,
    VIRTIO_F_RING_PACKED = 34
};

enum { VIRTIO_ISR_QUEUE = 1, VIRTIO_ISR_CONFIG = 2 };

#define VIRTIO_STATE(F, A, N)                                                                      \
    F(u8, status, ZERO, "device status")                                                           \
    F(u8, isr, ZERO, "interrupt causes: 1 used buffer, 2 configuration")                           \
    F(u32, device_features_sel, ZERO, "word of the device's features that is shown")               \
    F(u32, driver_features_sel, ZERO, "word of the driver's features that is written")             \
    F(u64, driver_features, ZERO, "accepted by the driver")                                        \
    F(u32, queue_sel, ZERO, "queue that the queue registers mean")                                 \
    F(u8, config_generation, ZERO, "changes of the configuration since the reset")
STATE_STRUCT(virtio, VIRTIO_STATE);
extern const struct state_list virtio_state_list;

/* Facts and callbacks of a device type; those without "always" may be NULL. */
struct virtio_type {
    enum virtio_id id;
    u32 pci_class;   /* 24 bits: class, subclass, interface */
    u32 config_size; /* bytes, <= VIRTIO_CONFIG_MAX; changes are told, see below */
    u16 queue_size;  /* at most, and after reset */
    unsigned (*queue_count)(const struct virtio *v); /* always; fixed after init */
    u64 (*features)(const struct virtio *v);
    void (*config)(const struct virtio *v, u8 *out); /* fills config_size zeroed bytes */
    void (*config_write)(struct virtio *v, u32 off, u32 value, unsigned size);
    int (*init)(struct virtio *v, struct err *err);
    void (*fini)(struct virtio *v);
    void (*drain)(struct virtio *v);              /* waits for requests in flight */
    void (*reset)(struct virtio *v);              /* forgets what is in no state list */
    void (*notify)(struct virtio *v, unsigned n); /* always: queue n may have requests */
    /* Is a notification of queue n to be served by the loop, not in the driver's access? */
    bool (*later)(struct virtio *v, unsigned n);
    void (*update)(struct virtio *v); /* its outputs other than interrupts */
    bool (*idle)(struct virtio *v);
    int (*check)(const struct virtio *v, struct err *err); /* of the type's own state, loaded */
    /* An input line of the device (dev_class.irq_in); its file defines VIRTIO_LINE. */
    void (*line)(struct virtio *v, unsigned input, bool level);
};

struct virtio_transport {
    /* Tells the driver: of used buffers in queue n, or n < 0 of the configuration. */
    void (*interrupt)(struct virtio *v, int n);
    void (*deferred)(struct device *d); /* for dev_defer(): calls virtio_serve_kicked() */
};

/* Where the class's state struct has the parts. */
struct virtio_parts {
    struct virtio_state *core;
    struct virtq_state *queues;
    unsigned queue_room;
    void *own; /* what only this type has; NULL: nothing. Zero after reset */
    size_t own_size;
};

struct virtio {
    struct device *dev; /* borrows: what this is a part of */
    const struct virtio_type *type;
    const struct virtio_transport *transport;
    struct virtio_state *s; /* borrows: in the device's state */
    void *own;              /* likewise: the type's part of it, own_size bytes */
    size_t own_size;
    struct virtq queue[VIRTIO_QUEUES_MAX];
    unsigned queue_count, queue_room;
    u64 offered;              /* features */
    bool packed;              /* property: offer packed rings */
    bool deferred;            /* a deferred call is on its way */
    struct virtq_chain chain; /* the request being looked at */
    struct {
        u64 addr;
        u32 len;
        u16 a, b;
    } table[VIRTQ_CHAIN_MAX]; /* indirect descriptors */
};

/* "blk" and pci=false: class virtio-blk-mmio. NULL when there is no such type. */
const struct dev_class *virtio_class_find(const char *type, bool pci);

/* --- for device types --- */

static inline bool virtio_has(const struct virtio *v, unsigned feature)
{
    return v->s->driver_features >> feature & 1;
}
/* The driver is ready and the ring enabled and sound: requests may be taken. */
bool virtio_queue_active(const struct virtio *v, unsigned n);
/* The next request of queue n, in v->chain, until the queue is empty or this callback has
 * done enough (then notify() is called again later); NULL. */
struct virtq_chain *virtio_next(struct virtio *v, unsigned n);
/* The same without the bound, for what the host drives (it takes one at a time). */
struct virtq_chain *virtio_take(struct virtio *v, unsigned n);
/* Looks at the next request without taking it. */
struct virtq_chain *virtio_peek(struct virtio *v, unsigned n);
/* Lets the type look at queue n as if it had been notified. */
void virtio_serve(struct virtio *v, unsigned n);
/* Gives one request back. Outside notify(), virtio_signal() follows. */
void virtio_done(struct virtio *v, const struct virtq_ticket *ticket, u32 written);
void virtio_signal(struct virtio *v, unsigned n);
/* Puts the request taken last back to its queue, which virtio_serve() is to look at again when the
 * host can go on. In a state saved meanwhile the queue counts as notified: loaded, it goes on. */
void virtio_postpone(struct virtio *v, const struct virtq_ticket *ticket);
/* The driver broke the protocol: the device stops and asks to be reset (2.1.2). */
void virtio_error(struct virtio *v, const char *why);

/* What type->config() fills in is not what it was (2.5): tells the driver. */
void virtio_config_changed(struct virtio *v);

/* --- for transports --- */

int virtio_init(struct virtio *v, struct device *d, const struct virtio_type *type,
                const struct virtio_transport *transport, const struct virtio_parts *parts,
                struct err *err) MUST_CHECK;
void virtio_fini(struct virtio *v);
void virtio_reset(struct virtio *v);
int virtio_check(struct virtio *v, struct err *err);
void virtio_loaded(struct virtio *v);
void virtio_update(struct virtio *v);
bool virtio_idle(struct virtio *v);
void virtio_serve_kicked(struct virtio *v);

u32 virtio_device_features(const struct virtio *v);
u32 virtio_driver_features(const struct virtio *v);
void virtio_driver_features_set(struct virtio *v, u32 word);
void virtio_status_set(struct virtio *v, u8 status);
/* The selected queue; NULL when there is none of that number. */
struct virtq *virtio_queue_selected(struct virtio *v);
void virtio_queue_size_set(struct virtio *v, u32 size);
/* Half 0 or 1 of one of the three addresses (a member of the state) of the selected queue. */
void virtio_queue_address_set(struct virtio *v, u64 *address, unsigned half, u32 word);
void virtio_queue_ready_set(struct virtio *v, bool ready);
void virtio_kick(struct virtio *v, u64 n);
u64 virtio_config_read(struct virtio *v, u64 off, unsigned size);
void virtio_config_write(struct virtio *v, u64 off, u64 value, unsigned size);

#endif
