/*
 * machine.h - a machine: CPUs, memory and devices, put together by a board.
 *
 * Life: new (everything exists, nothing loaded) → reset or load → run ⇄ stopped → free. One
 * thread controls it: the one that calls machine_run(), which also serves the devices'
 * event loop. Functions marked [any thread] may be called from elsewhere.
 */
#ifndef MACHINE_MACHINE_H
#define MACHINE_MACHINE_H

#include "backend/block/block.h"
#include "backend/chardev/chardev.h"
#include "backend/net/net.h"
#include "backend/vsock/vsock.h"
#include "base/err.h"
#include "dev/core/device.h"
#include "engine/core/engine.h"
#include "host/loop.h"
#include "machine/boot/boot.h"
#include "machine/clock.h"
#include "machine/timers.h"
#include "mem/map.h"

struct machine;

enum {
    MACHINE_MAX_DEVICES = 64,
    MACHINE_MAX_DISKS = 8,
    MACHINE_MAX_NETS = 8,
    MACHINE_MAX_FILES = 32
};

/* --- configuration: what a user may choose --- */

struct machine_disk {
    const char *path, *format; /* format NULL: raw */
    const char *bus;           /* "pcie", "mmio"; NULL: the board's first choice */
    bool read_only;
};

enum machine_net_kind { MACHINE_NET_USER, MACHINE_NET_TAP, MACHINE_NET_PASST };

struct machine_net {
    enum machine_net_kind kind;
    const char *ifname; /* TAP: the host's interface */
    const char *path;   /* passt: its socket; NULL: one is started */
    unsigned queues;    /* TAP: pairs of queues; 0: one */
    const char *bus;
    const char *mac; /* "52:54:00:12:34:56"; NULL: the card's default */
    const char *hostfwd[16];
    unsigned hostfwd_count;
};

/* Sockets between the guest and programs of the host. */
struct machine_vsock {
    const char
        *socket; /* where programs ask, see vsock_unix_new(); NULL: there is no such device */
    const char *bus;
    u32 cid; /* the guest's, 3 … 0xfffffffe */
};

/* A file that the guest's firmware and kernel find by name (fw_cfg.h). */
struct machine_file {
    const char *name; /* "opt/…" */
    const u8 *data;
    u32 size;
};

/* All strings are borrowed and outlive the machine. */
struct machine_config {
    const struct machine_class *cls;
    const char *irqchip; /* NULL: the board's default */
    const char *cpu;     /* CPU model; NULL: the board's default */
    bool virtualization; /* CPUs for hypervisors, where machine_class.virtualization says so */
    const char *kernel, *initrd, *append, *firmware, *dtb; /* NULL: none */
    const char
        *firmware_vars; /* what the firmware keeps, in a file; NULL: as long as the machine */
    u64 memory;         /* bytes; multiple of the page size */
    unsigned cpus;
    struct machine_disk disks[MACHINE_MAX_DISKS];
    unsigned disk_count;
    struct machine_net nets[MACHINE_MAX_NETS];
    unsigned net_count;
    struct machine_vsock vsock;
    struct machine_file files[MACHINE_MAX_FILES]; /* copied when the machine is made */
    unsigned file_count;
    /* Makes the host's side of a network; needed when there are nets. */
    int (*net_open)(const struct machine_net *net, struct loop *loop, struct machine_clock *clock,
                    struct net_backend **ret, struct err *err);
    const char *console; /* "stdio", "pty", "unix:PATH", "none" */
    const char
        *console_log; /* not NULL: console is the path of a server's socket, this of its log */
    const char *virtio_console; /* "pty", "unix:PATH"; NULL: there is no such device */
    const char *virtio_console_bus;
    enum engine_tier tier;
    u64 code_cache; /* bytes, see engine.h; 0: the default */
    bool deterministic, check_interp, check_eval;
    enum engine_perf perf;
    u32 opts_off; /* 1 << enum engine_opt */
    u64 blocks_first, blocks_count;
    const u64 *rng_seed; /* NULL: from the host */
};

/* --- a board --- */

struct machine_class {
    const char *name, *doc;
    const struct isa *isa;
    isa_handler *const *handlers; /* the isa's interpreter */
    gpa_t ram_base;
    u64 ram_min, ram_max; /* bytes */
    unsigned max_cpus;
    const char *const *irqchips; /* first = default; NULL-ended */
    const char *const *cpus;     /* CPU models; first = default; NULL-ended */
    bool virtualization;         /* its CPUs can be ones for hypervisors */
    size_t size;                 /* of the board's struct, which begins with struct machine */

    /* Makes devices and puts them in the map; RAM, engine, loop and console exist. */
    int (*init)(struct machine *m, struct err *err);
    void (*fini)(struct machine *m);
    /* Reads the files of the configuration and fills m->plan. */
    int (*boot)(struct machine *m, struct err *err);
    /* Devices are reset and the plan is in RAM: sets the CPUs' first state. */
    void (*reset)(struct machine *m);
    /* More state than devices and CPUs have; both optional. */
    void (*save)(struct machine *m, struct state_writer *w);
    int (*load)(struct machine *m, struct state_reader *r, struct err *err);

    bool (*firmware_call)(struct machine *m, struct vcpu *c);
    int (*sysreg_read)(struct machine *m, struct vcpu *c, unsigned space, unsigned number,
                       u64 *out);
    int (*sysreg_write)(struct machine *m, struct vcpu *c, unsigned space, unsigned number, u64 v);
    bool (*msi)(struct machine *m, u32 requester, gpa_t addr, u32 data);
    /* Presses the power button, which the guest may heed; NULL: it has none. */
    void (*powerdown)(struct machine *m);
};

/* Looks a board up by name; NULL. */
const struct machine_class *machine_class_find(const char *name);
extern const struct machine_class *const machine_classes[]; /* NULL-ended */

/* --- the object --- */

/* Why machine_run() came back. Bits may come together; the first in this order counts. */
enum machine_stop {
    MACHINE_STOP_FAILED = 1 << 0, /* a restart found no kernel, lock step a difference */
    MACHINE_STOP_PANIC = 1 << 1,  /* the guest reported it */
    MACHINE_STOP_POWEROFF = 1 << 2,
    MACHINE_STOP_RESET = 1 << 3, /* the guest asked for it; machine_reset() is the caller's */
    MACHINE_STOP_QUIT = 1 << 4,  /* the person at the console, a signal */
    MACHINE_STOP_POINT = 1 << 5, /* a stop point was reached */
    MACHINE_STOP_PAUSE = 1 << 6, /* vm_request_pause() */
    MACHINE_STOP_HOLD = 1 << 7,  /* the control socket's stop */
};

/* Memory given back when the guest has become idle: trim.c. In the loop's thread. */
struct machine_trim {
    struct loop_timer *timer; /* owns; NULL: none (deterministic mode) */
    u64 insns_seen;           /* retired at the last look, by all CPUs */
    u64 insns_trimmed;        /* at the last trim */
    unsigned idle_looks;      /* that found it idle, one after the other */
    bool deep_left;           /* what came to light as unused is to be given back, too */
    bool due, deep;           /* leave the loop and do it; that */
};

struct machine {
    const struct machine_class *cls;
    const struct machine_config *cfg; /* borrows (outlives) */
    struct mem_map *map;              /* owns */
    struct mem_ram *ram;              /* owns */
    struct engine *engine;            /* owns */
    struct dev_domain *io, *irqchip;  /* own: devices; interrupt controllers */
    struct loop *loop;                /* owns: of the io domain, run by machine_run() */
    struct chardev *console;          /* owns */
    struct chardev *virtio_console;   /* owns; NULL: none */
    struct machine_clock clock;
    struct machine_timers timers;
    struct dev_host dev_host;
    struct device *devices[MACHINE_MAX_DEVICES]; /* owns */
    unsigned device_count;
    struct blk_image *images[MACHINE_MAX_DISKS]; /* owns: closed after the devices */
    unsigned image_count;
    struct blk_image *firmware_vars;            /* owns: likewise; NULL: none */
    struct net_backend *nets[MACHINE_MAX_NETS]; /* owns: likewise */
    unsigned net_count;
    struct vsock_backend *vsock; /* owns: likewise; NULL: none */
    struct boot_plan plan;       /* filled by cls->boot; empty but during a reset */
    bool ready;                  /* reset or loaded: can run */
    bool engine_started;
    struct machine_trim trim;

    /* Deterministic mode: the controlling thread waits for the engine's. */
    struct host_mutex stop_lock;
    struct host_cond stopped_cond;
    bool engine_paused; /* under stop_lock */
    u32 stop;           /* atomic: MACHINE_STOP_* asked for */

    /* Stop points. */
    bool stop_insns_on;
    char *stop_text; /* owns; NULL: none. Under the io domain's lock */
    size_t stop_text_len;
    char stop_tail[256]; /* the console's last stop_text_len bytes */
};

/* Builds the machine. *ret is freed with machine_free(). */
int machine_new(const struct machine_config *cfg, struct machine **ret, struct err *err) MUST_CHECK;
struct machine *machine_free(struct machine *m);

/* Stopped: reads the boot files when that has not been done, resets everything and puts
 * them into RAM. */
int machine_reset(struct machine *m, struct err *err) MUST_CHECK;

/* Runs until something of enum machine_stop happens and returns it (0 never). Resets
 * first when nothing was loaded. Negative errno on failure. */
int machine_run(struct machine *m, struct err *err) MUST_CHECK;

/* Asks machine_run() to return `why`. [any thread] */
void machine_stop_request(struct machine *m, enum machine_stop why);

/* While machine_run() is not active: serves the devices' loop, CPUs standing still, until a
 * stop is asked for or *held is false (whoever clears it in a callback stops the loop). */
void machine_hold(struct machine *m, const bool *held);

/* One-shot stop points, to be set while stopped: MACHINE_STOP_POINT follows. text is
 * copied; NULL and UINT64_MAX switch off. */
int machine_stop_at_console(struct machine *m, const char *text, struct err *err) MUST_CHECK;
void machine_stop_at_insns(struct machine *m, u64 insns);
void machine_stop_at_time(struct machine *m, ns_t guest_time);

/* Stopped: whole state to and from a file. config: a text that must be equal in both,
 * made by the caller from what the guest can see of the configuration. */
int machine_save(struct machine *m, const char *config, const char *path,
                 struct err *err) MUST_CHECK;
int machine_load(struct machine *m, const char *config, const char *path,
                 struct err *err) MUST_CHECK;

/* --- for boards --- */

/* Makes a device of class `name`, in domain `dom`; its id is name@at. settings as for
 * dev_new(). The machine owns it. */
int machine_make_device(struct machine *m, const char *name, struct dev_domain *dom, gpa_t at,
                        const struct dev_setting *settings, unsigned setting_count,
                        struct device **ret, struct err *err) MUST_CHECK;
/* The same, and maps its region 0 at `at`. ret may be NULL. */
int machine_add_device(struct machine *m, const char *name, struct dev_domain *dom, gpa_t at,
                       const struct dev_setting *settings, unsigned setting_count,
                       struct device **ret, struct err *err) MUST_CHECK;
/* Open what a disk, network or vsock of the configuration names; the machine owns the result. */
int machine_open_disk(struct machine *m, const struct machine_disk *disk, struct blk_image **ret,
                      struct err *err) MUST_CHECK;
/* The same for what the firmware keeps. */
int machine_open_firmware_vars(struct machine *m, struct blk_image **ret,
                               struct err *err) MUST_CHECK;
int machine_open_net(struct machine *m, const struct machine_net *net, struct net_backend **ret,
                     struct err *err) MUST_CHECK;
int machine_open_vsock(struct machine *m, struct vsock_backend **ret, struct err *err) MUST_CHECK;
/* SBI's and other firmware's console output. [any thread] */
size_t machine_console_write(void *arg, const u8 *data, size_t len);
/* dev_host.request and firmware's requests. [any thread] */
void machine_request(void *arg, enum dev_request what);
void machine_random_fill(struct machine *m, void *buf, size_t len);

#endif
