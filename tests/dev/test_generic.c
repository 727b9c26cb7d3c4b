/*
 * test_generic.c - what holds for every class in classes.def, whatever it is.
 *
 * The last cases plant faults into copies of the classes (a state member that is not
 * declared, an update that does nothing) and demand that the checks notice.
 */
#include "test.h"
#include "traffic.h"
#include <stdarg.h>

enum { SEEDS = 12, TRAFFIC = 6000 };

static void PRINTF_LIKE(1, 2) fail(const char *fmt, ...)
{
    va_list ap;

    test_failed_checks++;
    printf("# ");
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    printf("\n");
}

static void random_bytes(u64 seed, u8 *out, size_t len)
{
    u64 s = seed * 0x1234567;

    for (size_t i = 0; i < len; i++)
        out[i] = (u8)fake_random(&s);
}

static void each_class(void (*check)(const struct dev_class *cls))
{
    CHECK(dev_class_count > 0);
    for (unsigned i = 0; i < dev_class_count; i++)
        check(dev_classes[i]);
}

/* --- a class's facts --- */

static void facts(const struct dev_class *cls)
{
    const char *n = cls->name;

    CHECK(dev_class_find(n) == cls);
    if (!CHECK(cls->doc && cls->doc[0]) || !CHECK(!cls->state != !cls->unsaveable))
        printf("# of class %s\n", n);
    if (cls->irq_count || cls->irq_in)
        CHECK(cls->update);
    for (unsigned i = 0; i < cls->prop_count; i++) {
        const struct dev_prop *p = &cls->props[i];

        CHECK(p->name[0] && p->doc[0]);
        CHECK(p->type != DEV_PROP_U64 || (p->min <= p->initial && p->initial <= p->max));
    }
    for (u32 i = 0; cls->state && i < cls->state->field_count; i++)
        if (!cls->state->fields[i].doc[0])
            fail("%s: %s has no doc", n, cls->state->fields[i].name);
}

TEST(every_class_states_its_facts)
{
    for (unsigned i = 1; i < dev_class_count; i++)
        CHECK(strcmp(dev_classes[i - 1]->name, dev_classes[i]->name) < 0);
    each_class(facts);
}

/* --- save and load in the middle --- */

static char difference[256];

static const char *PRINTF_LIKE(1, 2) differ(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(difference, sizeof difference, fmt, ap);
    va_end(ap);
    return difference;
}

/* NULL when both are in the same situation. */
static const char *compare(const struct dev_class *cls, struct traffic *a, struct traffic *b)
{
    struct traffic_outputs oa, ob;
    char path[128];
    const char *at = state_diff(cls->state, dev_state(a->d), dev_state(b->d), path, sizeof path);

    if (at)
        return differ("state %s", at);
    traffic_outputs(a, &oa);
    traffic_outputs(b, &ob);
    if (memcmp(oa.irq, ob.irq, sizeof oa.irq))
        return "interrupt outputs";
    if (memcmp(oa.cpu_line, ob.cpu_line, sizeof oa.cpu_line))
        return "CPU lines";
    if (memcmp(oa.timer_at, ob.timer_at, sizeof oa.timer_at))
        return "timers";
    if (memcmp(&oa, &ob, sizeof oa))
        return "outputs";
    if (memcmp(a->h.ram->host, b->h.ram->host, FAKE_RAM_SIZE))
        return "guest memory";
    return a->seen != b->seen ? "answers" : NULL;
}

/* Uninterrupted `cls` against `faulty` (the same, or with a planted fault) that is saved
 * and loaded in the middle; NULL when nobody can tell. */
static const char *resume_differs(const struct dev_class *cls, const struct dev_class *faulty,
                                  u64 seed)
{
    static u8 bytes[TRAFFIC];
    struct traffic *a = traffic_new(cls), *b = traffic_new(faulty);
    const char *what;

    random_bytes(seed, bytes, sizeof bytes);
    traffic_run(a, bytes, sizeof bytes / 2);
    traffic_run(b, bytes, sizeof bytes / 2);
    fake_drain(&a->h, a->d);
    fake_drain(&b->h, b->d);
    traffic_save_and_load(b);
    what = compare(cls, a, b);
    if (!what) {
        traffic_run(a, bytes + sizeof bytes / 2, sizeof bytes / 2);
        traffic_run(b, bytes + sizeof bytes / 2, sizeof bytes / 2);
        what = compare(cls, a, b);
    }
    traffic_free(a);
    traffic_free(b);
    return what;
}

static void resume(const struct dev_class *cls)
{
    for (u64 seed = 1; cls->state && seed <= SEEDS; seed++) {
        const char *what = resume_differs(cls, cls, seed);

        if (what)
            fail("%s, seed %d: %s differ after a load", cls->name, (int)seed, what);
    }
}

TEST(a_saved_and_loaded_device_goes_on_as_if_nothing_were)
{
    each_class(resume);
}

/* --- reset --- */

static void reset_twice(const struct dev_class *cls)
{
    static u8 bytes[TRAFFIC];

    for (u64 seed = 1; cls->state && seed <= SEEDS; seed++) {
        struct traffic *a = traffic_new(cls), *b = traffic_new(cls);
        const char *what;

        random_bytes(seed, bytes, sizeof bytes);
        traffic_run(a, bytes, sizeof bytes);
        traffic_run(b, bytes, sizeof bytes);
        fake_drain(&a->h, a->d);
        fake_drain(&b->h, b->d);
        dev_reset(a->d);
        dev_reset(b->d);
        dev_reset(b->d);
        what = compare(cls, a, b);
        if (what)
            fail("%s, seed %d: %s differ after a second reset", cls->name, (int)seed, what);
        traffic_free(a);
        traffic_free(b);
    }
}

TEST(reset_twice_is_reset_once)
{
    each_class(reset_twice);
}

/* --- update --- */

/* After each operation, outputs are already what update() makes of the state; NULL when so. */
static const char *update_differs(const struct dev_class *cls, u64 seed)
{
    static u8 bytes[TRAFFIC];
    struct traffic *t = traffic_new(cls);
    const struct dev_class *real = dev_class_find(cls->name);
    void *before = malloc(cls->state->size);
    const char *what = NULL;

    random_bytes(seed, bytes, sizeof bytes);
    for (size_t at = 0; !what && at < sizeof bytes; at += 20) {
        struct traffic_outputs one, two;
        char path[128];

        traffic_run(t, bytes + at, 20);
        traffic_outputs(t, &one);
        memcpy(before, dev_state(t->d), cls->state->size);
        dev_domain_lock(t->d->domain);
        if (real->update)
            real->update(t->d);
        dev_domain_unlock(t->d->domain);
        traffic_outputs(t, &two);
        if (state_diff(cls->state, before, dev_state(t->d), path, sizeof path))
            what = differ("update changed %s", path);
        else if (memcmp(&one, &two, sizeof one))
            what = "update was missing";
    }
    free(before);
    traffic_free(t);
    return what;
}

static void update_settled(const struct dev_class *cls)
{
    for (u64 seed = 1; cls->state && seed <= SEEDS; seed++) {
        const char *what = update_differs(cls, seed);

        if (what)
            fail("%s, seed %d: %s", cls->name, (int)seed, what);
    }
}

TEST(outputs_follow_from_state_at_all_times)
{
    each_class(update_settled);
}

/* --- accesses --- */

static void poke(struct traffic *t, unsigned region, u64 off)
{
    static const u64 values[] = { 0, 1, 0x80, 0xffff, 0x80000000, ~0ull, 0x123456789abcdef0 };

    for (unsigned width = 1; width <= 8; width++) {
        dev_read(t->d, region, off, width);
        for (unsigned i = 0; i < ARRAY_SIZE(values); i++)
            dev_write(t->d, region, off, values[i], width);
        fake_settle(&t->h);
        t->h.chardev.out_len = 0;
        t->h.msi_count = 0;
    }
}

static void accesses(const struct dev_class *cls)
{
    struct traffic *t = traffic_new(cls);

    for (unsigned region = 0; region < cls->region_count; region++) {
        u64 size = t->d->regions[region].size;

        for (u64 off = 0; off < 0x120; off++)
            poke(t, region, off);
        for (u64 at = 0x100; at < size; at *= 2)
            for (u64 off = at - 8; off < at + 0x24; off++)
                poke(t, region, off);
        for (u64 off = size - 9; off != size + 2; off++)
            poke(t, region, off);
        poke(t, region, UINT64_MAX - 3);
    }
    traffic_free(t);
}

TEST(any_access_is_harmless)
{
    each_class(accesses);
}

/* --- planted faults --- */

/* Members that the traffic leaves alone, and why; the class is a part of its name. */
static const struct {
    const char *cls, *member, *why;
} quiet[] = {
    { "gicv", "asserted", "no message asserts a private interrupt; test_gicv3.c saves an SPI's" },
    { "flash-cfi", "left", "buffers are seldom begun by chance: test_flash_cfi.c saves in one" },
    { "flash-cfi", "first", "likewise" },
    { "flash-cfi", "filled", "likewise" },
    { "flash-cfi", "buffer", "likewise" },
    { "virtio-blk", "note", "a disk knows nothing of its next request" },
    { "virtio-rng", "note", "nor does a source of entropy" },
    { "virtio-balloon-pci", "note", "one register, seldom hit: test_virtio_balloon.c saves it" },
    { "virtio-vsock", "note", "connections are not saved: test_virtio_vsock.c loses some" },
    { "virtio-", "config_generation", "no traffic resizes a disk; test_virtio_blk.c does" },
};

static bool is_quiet(const struct dev_class *cls, const char *member)
{
    for (unsigned i = 0; i < ARRAY_SIZE(quiet); i++)
        if (strstr(cls->name, quiet[i].cls) && strcmp(member, quiet[i].member) == 0)
            return true;
    return false;
}

static bool fault_noticed(const struct dev_class *cls, const struct dev_class *faulty)
{
    for (u64 seed = 1; seed <= 10 * SEEDS; seed++)
        if (resume_differs(cls, faulty, seed))
            return true;
    return false;
}

/* `list` without its member `drop`, as if somebody forgot to declare it. */
static struct state_list list_without(const struct state_list *list, u32 drop,
                                      struct state_field *fields)
{
    struct state_list faulty = *list;

    faulty.fields = fields;
    faulty.field_count = 0;
    for (u32 i = 0; i < list->field_count; i++)
        if (i != drop)
            fields[faulty.field_count++] = list->fields[i];
    return faulty;
}

static void forgotten_member(const struct dev_class *cls, const struct state_list *faulty,
                             const char *member)
{
    struct dev_class c = *cls;

    c.state = faulty;
    if (faulty->field_count && !is_quiet(cls, member) && !fault_noticed(cls, &c))
        fail("%s without its member %s: not noticed", cls->name, member);
}

static void forgotten_nested(const struct dev_class *cls, u32 at)
{
    struct state_field *fields = calloc(cls->state->field_count, sizeof *fields);
    const struct state_list *nested = cls->state->fields[at].nested;
    struct state_field *inner = calloc(nested->field_count, sizeof *inner);

    memcpy(fields, cls->state->fields, cls->state->field_count * sizeof *fields);
    for (u32 drop = 0; drop < nested->field_count; drop++) {
        struct state_list outer_list = *cls->state;
        struct state_list inner_list = list_without(nested, drop, inner);

        outer_list.fields = fields;
        fields[at].nested = &inner_list;
        if (inner_list.field_count)
            forgotten_member(cls, &outer_list, nested->fields[drop].name);
    }
    free(inner);
    free(fields);
}

static void forgotten_members(const struct dev_class *cls)
{
    struct state_field *fields;

    if (!cls->state)
        return;
    fields = calloc(cls->state->field_count, sizeof *fields);
    for (u32 drop = 0; drop < cls->state->field_count; drop++) {
        struct state_list list = list_without(cls->state, drop, fields);

        forgotten_member(cls, &list, cls->state->fields[drop].name);
        if (cls->state->fields[drop].type == ST_nested)
            forgotten_nested(cls, drop);
    }
    free(fields);
}

TEST(a_forgotten_state_member_is_noticed)
{
    each_class(forgotten_members);
}

static void nothing(struct device *d)
{
    (void)d;
}

/* Devices call their update themselves after writes; the core after reset and load. */
static void forgotten_update(const struct dev_class *cls)
{
    struct dev_class faulty = *cls;

    if (!cls->update || !cls->state)
        return;
    faulty.update = nothing;
    if (!fault_noticed(cls, &faulty))
        fail("%s without its update: not noticed", cls->name);
}

TEST(a_forgotten_update_is_noticed)
{
    each_class(forgotten_update);
}

TEST_MAIN(TEST_CASE(every_class_states_its_facts),
          TEST_CASE(a_saved_and_loaded_device_goes_on_as_if_nothing_were),
          TEST_CASE(reset_twice_is_reset_once), TEST_CASE(outputs_follow_from_state_at_all_times),
          TEST_CASE(any_access_is_harmless), TEST_CASE(a_forgotten_state_member_is_noticed),
          TEST_CASE(a_forgotten_update_is_noticed))
