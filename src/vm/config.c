/*
 * config.c - configurations: keys, their values, and what becomes of them.
 *
 * One table: the command line, the man page and the completions read it through
 * vm_config_keys(); parsing goes by the function in the same row.
 */
#include "vm/vm_private.h"

#include "vm/credentials.h"
#include "vm/parse.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int set_fn(struct vm_config *c, const char *key, char *value, struct err *err);

/* Keys whose value is kept as text: an offset in struct vm_config each. */
static const struct {
    const char *key;
    size_t offset;
} texts[] = {
    { "kernel", offsetof(struct vm_config, m.kernel) },
    { "initrd", offsetof(struct vm_config, m.initrd) },
    { "append", offsetof(struct vm_config, m.append) },
    { "firmware", offsetof(struct vm_config, m.firmware) },
    { "firmware-vars", offsetof(struct vm_config, m.firmware_vars) },
    { "dtb", offsetof(struct vm_config, m.dtb) },
    { "user-data", offsetof(struct vm_config, user_data) },
    { "name", offsetof(struct vm_config, name) }, /* no key of a user's */
};

static int set_text(struct vm_config *c, const char *key, char *value, struct err *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        if (strcmp(texts[i].key, key) == 0)
            *(const char **)((char *)c + texts[i].offset) = value;
    if (strcmp(key, "append") != 0 && !*value)
        return err_set(err, EINVAL, "--%s: the file name is empty", key);
    return 0;
}

static int set_memory(struct vm_config *c, const char *key, char *value, struct err *err)
{
    const struct machine_class *cls = c->m.cls;

    if (!parse_size(value, &c->m.memory))
        return err_set(err, EINVAL,
                       "--memory %s is not a size: give a number with K, M, G or T, "
                       "such as 1G",
                       value);
    if (c->m.memory < cls->ram_min || c->m.memory > cls->ram_max || c->m.memory % MEM_PAGE_SIZE)
        return err_set(err, EINVAL,
                       "--memory %s: machine %s takes %lluM to %lluG, in steps of "
                       "4K",
                       value, cls->name, (unsigned long long)(cls->ram_min / MIB),
                       (unsigned long long)(cls->ram_max / GIB));
    return 0;
}

static int set_cpus(struct vm_config *c, const char *key, char *value, struct err *err)
{
    u64 n;

    if (!parse_number(value, &n) || n < 1 || n > c->m.cls->max_cpus)
        return err_set(err, EINVAL, "--cpus %s: machine %s takes 1 to %u", value, c->m.cls->name,
                       c->m.cls->max_cpus);
    c->m.cpus = (unsigned)n;
    return 0;
}

int config_set_bus(const char *bus, const char *key, const char **out, struct err *err)
{
    static const char *const buses[] = { "pcie", "mmio", NULL };

    return config_set_choice(buses, key, bus, out, err);
}

static int disk_option(struct machine_disk *disk, char *option, struct err *err)
{
    static const char *const formats[] = { "raw", "qcow2", NULL };
    const char *v;

    if ((v = parse_option(option, "format")))
        return config_set_choice(formats, "--disk format", v, &disk->format, err);
    if ((v = parse_option(option, "bus")))
        return config_set_bus(v, "--disk bus", &disk->bus, err);
    if ((v = parse_option(option, "readonly")) && parse_bool(v, &disk->read_only))
        return 0;
    return err_set(err, EINVAL,
                   "--disk has no option '%s': there are format=raw|qcow2, "
                   "readonly=on|off, bus=pcie|mmio",
                   option);
}

static int set_disk(struct vm_config *c, const char *key, char *value, struct err *err)
{
    struct machine_disk disk = { .path = parse_field(&value) };
    char *option;

    if (!disk.path || !*disk.path)
        return err_set(err, EINVAL, "--disk: the file name is empty");
    while ((option = parse_field(&value))) {
        int rc = disk_option(&disk, option, err);

        if (rc < 0)
            return rc;
    }
    if (c->m.disk_count == MACHINE_MAX_DISKS)
        return err_set(err, E2BIG, "--disk %s: a machine takes at most %d disks", disk.path,
                       MACHINE_MAX_DISKS);
    c->m.disks[c->m.disk_count++] = disk;
    return 0;
}

static int set_net(struct vm_config *c, const char *key, char *value, struct err *err)
{
    return config_set_net(c, value, err);
}

static int set_vsock(struct vm_config *c, const char *key, char *value, struct err *err)
{
    return config_set_vsock(c, value, err);
}

static int set_console(struct vm_config *c, const char *key, char *value, struct err *err)
{
    if (strcmp(value, "stdio") != 0 && strcmp(value, "pty") != 0 && strcmp(value, "none") != 0 &&
        (strncmp(value, "unix:", 5) != 0 || !value[5]))
        return err_set(err, EINVAL, "--console %s is unknown: give stdio, pty, unix:PATH or none",
                       value);
    c->m.console = value;
    return 0;
}

static int set_virtio_console(struct vm_config *c, const char *key, char *value, struct err *err)
{
    char *where = parse_field(&value), *option;

    if (!where || (strcmp(where, "pty") != 0 && (strncmp(where, "unix:", 5) != 0 || !where[5])))
        return err_set(err, EINVAL, "--virtio-console %s is unknown: give pty or unix:PATH",
                       where ? where : "");
    c->m.virtio_console = where;
    while ((option = parse_field(&value))) {
        const char *bus = parse_option(option, "bus");

        if (!bus)
            return err_set(err, EINVAL,
                           "--virtio-console has no option '%s': there is bus=pcie|mmio", option);
        int rc = config_set_bus(bus, "--virtio-console bus", &c->m.virtio_console_bus, err);

        if (rc < 0)
            return rc;
    }
    return 0;
}

static int set_engine(struct vm_config *c, const char *key, char *value, struct err *err)
{
    static const char *const names[] = { "auto", "interp", "base", NULL };
    static const enum engine_tier tiers[] = { ENGINE_AUTO, ENGINE_INTERP, ENGINE_BASE };

    for (unsigned i = 0; names[i]; i++)
        if (strcmp(names[i], value) == 0) {
            c->m.tier = tiers[i];
            return 0;
        }
    return err_set(err, EINVAL, "--engine %s is unknown: give auto, interp or base", value);
}

static int set_code_cache(struct vm_config *c, const char *key, char *value, struct err *err)
{
    if (!parse_size(value, &c->m.code_cache) || c->m.code_cache < ENGINE_CODE_CACHE_MIN ||
        c->m.code_cache > ENGINE_CODE_CACHE_MAX)
        return err_set(err, EINVAL, "--code-cache %s is not a size of %lluK to %lluG", value,
                       (unsigned long long)(ENGINE_CODE_CACHE_MIN / KIB),
                       (unsigned long long)(ENGINE_CODE_CACHE_MAX / GIB));
    return 0;
}

static int set_deterministic(struct vm_config *c, const char *key, char *value, struct err *err)
{
    if (!parse_bool(value, &c->m.deterministic))
        return err_set(err, EINVAL, "--deterministic=%s: give on or off", value);
    return 0;
}

static int set_check(struct vm_config *c, const char *key, char *value, struct err *err)
{
    c->m.check_eval = strcmp(value, "eval") == 0;
    c->m.check_interp = !c->m.check_eval || c->m.tier != ENGINE_INTERP;
    if (!c->m.check_eval && strcmp(value, "interp") != 0)
        return err_set(err, EINVAL, "--check %s is unknown: give interp or eval", value);
    return 0;
}

static int set_perf(struct vm_config *c, const char *key, char *value, struct err *err)
{
    if (strcmp(value, "map") == 0)
        c->m.perf = ENGINE_PERF_MAP;
    else if (strcmp(value, "jitdump") == 0)
        c->m.perf = ENGINE_PERF_JITDUMP;
    else
        return err_set(err, EINVAL, "--perf %s is unknown: give map or jitdump", value);
    return 0;
}

#define OPT_NAME(id, name) name,
#define OPT_WORD(id, name) " " name
#define OPT_WORDS          "all" ENGINE_OPTS(OPT_WORD)
static const char *const opt_names[] = { ENGINE_OPTS(OPT_NAME) };

static int set_no_opt(struct vm_config *c, const char *key, char *value, struct err *err)
{
    char *name;

    while ((name = parse_field(&value))) {
        unsigned i = 0;

        while (i < ARRAY_SIZE(opt_names) && strcmp(opt_names[i], name) != 0)
            i++;
        if (i < ARRAY_SIZE(opt_names))
            c->m.opts_off |= 1u << i;
        else if (strcmp(name, "all") == 0)
            c->m.opts_off = ENGINE_OPTS_ALL;
        else
            return err_set(err, EINVAL, "--no-opt %s is unknown: there is " OPT_WORDS, name);
    }
    return 0;
}

static int set_base_blocks(struct vm_config *c, const char *key, char *value, struct err *err)
{
    char *dash = strchr(value, '-');
    u64 first, last;

    if (dash)
        *dash = '\0';
    if (!dash || !parse_number(value, &first) || !parse_number(dash + 1, &last) || first > last) {
        if (dash)
            *dash = '-';
        return err_set(err, EINVAL,
                       "--base-blocks %s is no range of blocks: give FROM-TO, such as 0-999",
                       value);
    }
    c->m.blocks_first = first;
    c->m.blocks_count = last - first + (last - first < UINT64_MAX);
    return 0;
}

static int set_on_reset(struct vm_config *c, const char *key, char *value, struct err *err)
{
    c->restart_on_reset = strcmp(value, "restart") == 0;
    if (!c->restart_on_reset && strcmp(value, "exit") != 0)
        return err_set(err, EINVAL, "--on-reset %s is unknown: give restart or exit", value);
    return 0;
}

static int set_boot(struct vm_config *c, const char *key, char *value, struct err *err)
{
    c->boot_disk = strcmp(value, "disk") == 0;
    if (!c->boot_disk && strcmp(value, "direct") != 0)
        return err_set(err, EINVAL, "--boot %s is unknown: give direct or disk", value);
    return 0;
}

static int set_credential(struct vm_config *c, const char *key, char *value, struct err *err)
{
    int rc = credential_check(value, err);

    if (rc < 0)
        return rc;
    if (c->credential_count == ARRAY_SIZE(c->credentials))
        return err_set(err, E2BIG, "--credential %.*s: a machine takes at most %zu",
                       (int)strcspn(value, "="), value, ARRAY_SIZE(c->credentials));
    c->credentials[c->credential_count++] = value;
    return 0;
}

static int set_rng_seed(struct vm_config *c, const char *key, char *value, struct err *err)
{
    if (!parse_number(value, &c->rng_seed))
        return err_set(err, EINVAL, "--rng-seed %s is not a number up to 2^64 - 1", value);
    c->has_rng_seed = true;
    return 0;
}

static int set_control(struct vm_config *c, const char *key, char *value, struct err *err)
{
    if (strncmp(value, "unix:", 5) != 0 || !value[5])
        return err_set(err, EINVAL, "--control %s is unknown: give unix:PATH", value);
    c->control = value + 5;
    return 0;
}

/* Order: help prints it. What later rows check against (the machine) comes first. */
static const struct vm_config_key keys[] = {
    { "arch", "ARCH", "Guest architecture.", "riscv64 arm64", "riscv64", 0 },
    { "machine", "NAME[,irqchip=CHIP][,virtualization=on|off]",
      "Board, and its interrupt controller: plic or aia of riscv-virt, gicv3 or gicv2 of arm-virt. "
      "The default is the first one of the architecture. virtualization=on of arm-virt: CPUs with "
      "EL2, for hypervisors in the guest; with gicv3.",
      "riscv-virt riscv-virt,irqchip=plic riscv-virt,irqchip=aia arm-virt arm-virt,irqchip=gicv3 "
      "arm-virt,irqchip=gicv2 arm-virt,virtualization=on",
      NULL, 0 },
    { "cpu", "MODEL",
      "CPU model: rv64 of riscv64; max, max,bti=on, neoverse-n1 or cortex-a57 of arm64.",
      "rv64 max max,bti=on neoverse-n1 cortex-a57", NULL, 0 },
    { "kernel", "FILE",
      "Linux kernel (Image of the architecture, also compressed with gzip or zstd) or ELF program.",
      "@file", NULL, 0 },
    { "initrd", "FILE", "Initial RAM disk, passed to the kernel as it is.", "@file", NULL, 0 },
    { "append", "TEXT", "The kernel's command line.", NULL, NULL, 0 },
    { "firmware", "FILE",
      "Firmware. On riscv-virt M-mode firmware (OpenSBI, U-Boot; binary or ELF) instead of the "
      "built-in SBI; on arm-virt UEFI or a boot loader (AAVMF_CODE.fd, U-Boot), which is in "
      "flash at address 0 and is told of --kernel.",
      "@file", NULL, 0 },
    { "firmware-vars", "FILE",
      "What the firmware of arm-virt keeps, UEFI's variables: a copy of AAVMF_VARS.fd, or at most "
      "64 MiB of zeroes, which the guest then changes. Without it, what is kept is lost at the "
      "end.",
      "@file", NULL, 0 },
    { "dtb", "FILE", "Device tree instead of the machine's own; /chosen is completed.", "@file",
      NULL, 0 },
    { "memory", "SIZE", "Guest memory, with K, M, G or T.", "256M 512M 1G 2G 4G", "1G", 0 },
    { "cpus", "N", "Number of CPUs.", NULL, "1", 0 },
    { "disk", "FILE[,format=raw|qcow2][,readonly=on][,bus=pcie|mmio]", "Adds a disk.", "@file",
      NULL, 1 },
    { "net",
      "user[,hostfwd=tcp:ADDR:PORT-:PORT]|tap,ifname=NAME[,queues=N]|passt[,path=SOCKET]|none",
      "Adds a network card. user: through this process, without privileges; tap: to an interface "
      "of the host; passt: through a process of that name. mac=ADDRESS and bus=pcie|mmio may "
      "follow.",
      "user tap,ifname= passt none", "none", 1 },
    { "vsock", "cid=N,socket=PATH[,bus=pcie|mmio]",
      "Adds sockets between guest and host (AF_VSOCK). A program that connects to PATH and sends "
      "'CONNECT PORT' reaches that port of the guest, whose context id is N; the guest reaches at "
      "port P of the host who listens at PATH_P.",
      "cid=3,socket=", NULL, 0 },
    { "console", "stdio|pty|unix:PATH|none",
      "Where the serial console goes. On stdio, Ctrl-A x "
      "ends the machine and Ctrl-A h lists the keys.",
      "stdio pty unix: none", "stdio", 0 },
    { "virtio-console", "pty|unix:PATH[,bus=pcie|mmio]",
      "Adds a second console, hvc0 in a Linux guest.", "pty unix:", NULL, 0 },
    { "engine", "auto|interp|base", "How guest code runs: the interpreter, or the baseline JIT.",
      "auto interp base", "auto", 0 },
    { "code-cache", "SIZE",
      "Memory for decoded and translated guest code, with K, M or G; what was not used for "
      "longest is dropped.",
      "64M 256M 512M", "512M", 0 },
    { "deterministic", NULL, "Guest time follows the instruction count: two runs are equal.",
      "on off", "off", 0 },
    { "check", "interp|eval",
      "Runs JIT and interpreter in lock step; eval: the slow reference "
      "too. The first difference stops.",
      "interp eval", NULL, 0 },
    { "perf", "map|jitdump",
      "Tells Linux's perf what translated code is: by /tmp/perf-PID.map, or by jit-PID.dump in "
      "the working directory for perf inject --jit. Symbols are guest addresses.",
      "map jitdump", NULL, 0 },
    { "no-opt", "LIST",
      "What the JIT leaves out, separated by commas, for finding out which of it is "
      "wrong: " OPT_WORDS ".",
      OPT_WORDS, NULL, 0 },
    { "base-blocks", "FROM-TO",
      "Of the blocks that the JIT is asked for, counted from 0, it translates these alone; for "
      "finding one that is wrong.",
      NULL, NULL, 0 },
    { "control", "unix:PATH", "Listens for commands there (QMP, as QEMU's tools speak it).",
      "unix:", NULL, 0 },
    { "on-reset", "restart|exit", "What a guest's reset does.", "restart exit", "restart", 0 },
    { "boot", "direct|disk",
      "What is started: the files given by --kernel or --firmware, or the newest kernel that "
      "the guest itself has installed on its first disk (Boot Loader Specification entries in "
      "an ext4 partition of the type Extended Boot Loader).",
      "direct disk", "direct", 0 },
    { "user-data", "FILE",
      "cloud-init in the guest reads this file: it is on a small disk labelled cidata behind all "
      "others (data source NoCloud).",
      "@file", NULL, 0 },
    { "credential", "NAME=VALUE|NAME=@FILE",
      "Gives the guest's systemd a credential, such as ssh.authorized_keys.root=@FILE.", NULL, NULL,
      1 },
    { "rng-seed", "N", "Seed of all randomness the machine gives to its guest.", NULL, NULL, 0 },
};
static set_fn *const setters[] = {
    config_set_arch,    config_set_machine, config_set_cpu,  set_text,          set_text,
    set_text,           set_text,           set_text,        set_text,          set_memory,
    set_cpus,           set_disk,           set_net,         set_vsock,         set_console,
    set_virtio_console, set_engine,         set_code_cache,  set_deterministic, set_check,
    set_perf,           set_no_opt,         set_base_blocks, set_control,       set_on_reset,
    set_boot,           set_text,           set_credential,  set_rng_seed,
};
_Static_assert(ARRAY_SIZE(keys) == ARRAY_SIZE(setters), "one setter a key");

VM_API const struct vm_config_key *vm_config_keys(unsigned *ret_count)
{
    *ret_count = ARRAY_SIZE(keys);
    return keys;
}

int err_to_public(const struct err *err, struct vm_err *out)
{
    out->code = err->code;
    memcpy(out->text, err->text, sizeof out->text);
    return -err->code;
}
_Static_assert(sizeof(struct err) == sizeof(struct vm_err), "one sentence, one size");

/* Keeps a copy of a string as long as the configuration lives. */
static char *own(struct vm_config *c, const char *text)
{
    char **more = reallocarray(c->owned, c->owned_count + 1, sizeof *more);
    char *copy = more ? strdup(text) : NULL;

    if (more)
        c->owned = more;
    if (copy)
        c->owned[c->owned_count++] = copy;
    return copy;
}

int config_set(struct vm_config *c, const char *key, const char *value, struct err *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        char *copy;

        if (strcmp(keys[i].name, key) != 0)
            continue;
        if (!value && keys[i].arg)
            return err_set(err, EINVAL, "--%s needs a value: %s", key, keys[i].arg);
        copy = own(c, value ? value : "on");
        return copy ? setters[i](c, key, copy, err) : err_set_errno(err, ENOMEM, "--%s", key);
    }
    return err_set(err, EINVAL, "'%s' is no key of a configuration", key);
}

int config_set_name(struct vm_config *c, const char *name, struct err *err)
{
    c->name = own(c, name);
    return c->name ? 0 : err_set_errno(err, ENOMEM, "the machine's name");
}

int config_set_console_server(struct vm_config *c, const char *console, const char *log,
                              struct err *err)
{
    c->m.console = own(c, console);
    c->m.console_log = own(c, log);
    if (c->m.console && c->m.console_log)
        return 0;
    return err_set_errno(err, ENOMEM, "the console");
}

int config_set_vsock_server(struct vm_config *c, const char *socket, const char *credential,
                            struct err *err)
{
    c->m.vsock = (struct machine_vsock){ .socket = own(c, socket), .cid = 3 };
    if (!c->m.vsock.socket)
        return err_set_errno(err, ENOMEM, "the guest's vsock");
    return config_set(c, "credential", credential, err);
}

VM_API struct vm_config *vm_config_new(void)
{
    struct vm_config *c = calloc(1, sizeof *c);
    struct err err = { 0 };

    if (!c)
        return NULL;
    c->m.net_open = config_net_open;
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        if (keys[i].initial && config_set(c, keys[i].name, keys[i].initial, &err) < 0)
            return vm_config_free(c);
    c->arch_named = false;
    return c;
}

VM_API struct vm_config *vm_config_free(struct vm_config *c)
{
    for (unsigned i = 0; c && i < c->owned_count; i++)
        free(c->owned[i]);
    if (c)
        free(c->owned);
    free(c);
    return NULL;
}

VM_API int vm_config_set(struct vm_config *c, const char *key, const char *value,
                         struct vm_err *err)
{
    struct err e = { 0 };

    return config_set(c, key, value, &e) < 0 ? err_to_public(&e, err) : 0;
}

VM_API int vm_config_set_all(struct vm_config *c, const struct vm_setting *settings, unsigned count,
                             struct vm_err *err)
{
    int rc = 0;

    for (unsigned i = 0; rc == 0 && i < count; i++)
        rc = vm_config_set(c, settings[i].key, settings[i].value, err);
    return rc;
}

/* --- copies --- */

/* The copy of `text`, which is one of c's strings or lies within one. */
static const char *moved(const struct vm_config *from, struct vm_config *to, const char *text,
                         bool *failed)
{
    char *copy = text ? own(to, text) : NULL;

    *failed |= text && !copy;
    return copy;
}

struct vm_config *config_copy(const struct vm_config *c)
{
    struct vm_config *n = malloc(sizeof *n);
    bool failed = false;

    if (!n)
        return NULL;
    *n = *c;
    n->owned = NULL;
    n->owned_count = 0;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        const char **at = (const char **)((char *)n + texts[i].offset);

        *at = moved(c, n, *at, &failed);
    }
    n->m.console = moved(c, n, n->m.console, &failed);
    n->m.console_log = moved(c, n, n->m.console_log, &failed);
    n->m.virtio_console = moved(c, n, n->m.virtio_console, &failed);
    n->m.vsock.socket = moved(c, n, n->m.vsock.socket, &failed);
    n->control = moved(c, n, n->control, &failed);
    for (unsigned i = 0; i < n->m.disk_count; i++)
        n->m.disks[i].path = moved(c, n, n->m.disks[i].path, &failed);
    for (unsigned i = 0; i < n->m.net_count; i++) {
        n->m.nets[i].mac = moved(c, n, n->m.nets[i].mac, &failed);
        n->m.nets[i].ifname = moved(c, n, n->m.nets[i].ifname, &failed);
        n->m.nets[i].path = moved(c, n, n->m.nets[i].path, &failed);
        for (unsigned k = 0; k < n->m.nets[i].hostfwd_count; k++)
            n->m.nets[i].hostfwd[k] = moved(c, n, n->m.nets[i].hostfwd[k], &failed);
    }
    for (unsigned i = 0; i < n->credential_count; i++)
        n->credentials[i] = moved(c, n, n->credentials[i], &failed);
    /* Equal runs have equal random numbers: the seed is 0 where none is given. */
    n->m.rng_seed = n->has_rng_seed || n->m.deterministic ? &n->rng_seed : NULL;
    return failed ? vm_config_free(n) : n;
}

char *config_guest_text(const struct vm_config *c)
{
    const struct machine_config *m = &c->m;
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (!out)
        return NULL;
    fprintf(out, "arch=%s\nmachine=%s,irqchip=%s\ncpu=%s\nmemory=%lluK\ncpus=%u\n",
            m->cls->isa->name, m->cls->name, m->irqchip ? m->irqchip : m->cls->irqchips[0],
            m->cpu ? m->cpu : m->cls->cpus[0], (unsigned long long)(m->memory / KIB), m->cpus);
    fprintf(out, "firmware=%s\ndeterministic=%s\n", m->firmware ? "file" : "built-in",
            m->deterministic ? "on" : "off");
    if (m->virtualization)
        fprintf(out, "virtualization=on\n");
    if (m->firmware_vars)
        fprintf(out, "firmware-vars=file\n");
    if (c->credential_count)
        fprintf(out, "credentials=on\n");
    for (unsigned i = 0; i < m->disk_count; i++)
        fprintf(out, "disk %u: readonly=%s,bus=%s\n", i, m->disks[i].read_only ? "on" : "off",
                m->disks[i].bus ? m->disks[i].bus : "default");
    for (unsigned i = 0; i < m->net_count; i++)
        fprintf(out, "net %u: queues=%u,bus=%s\n", i, m->nets[i].queues ? m->nets[i].queues : 1,
                m->nets[i].bus ? m->nets[i].bus : "default");
    if (m->vsock.socket)
        fprintf(out, "vsock: cid=%u,bus=%s\n", m->vsock.cid,
                m->vsock.bus ? m->vsock.bus : "default");
    if (m->virtio_console)
        fprintf(out, "virtio-console: bus=%s\n",
                m->virtio_console_bus ? m->virtio_console_bus : "default");
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}
