/*
 * test_aplic.c - APLIC: delegation between the two domains, source modes, direct delivery,
 * messages, and an IMSIC at the other end.
 */
#include "fake_host.h"
#include "test.h"

enum { MEI = 11, SEI = 9, M = 0, S = 1 };
enum {
    DOMAINCFG = 0,
    SOURCECFG = 0,
    SETIP = 0x1c00,
    SETIPNUM = 0x1cdc,
    IN_CLRIP = 0x1d00,
    CLRIPNUM = 0x1ddc,
    SETIE = 0x1e00,
    SETIENUM = 0x1edc,
    CLRIE = 0x1f00,
    CLRIENUM = 0x1fdc,
    SETIPNUM_LE = 0x2000,
    GENMSI = 0x3000,
    TARGET = 0x3000,
    IDC = 0x4000,
    IDELIVERY = 0,
    IFORCE = 4,
    ITHRESHOLD = 8,
    TOPI = 0x18,
    CLAIMI = 0x1c,
};
enum { DELEGATE = 0x400, DETACHED = 1, EDGE1 = 4, EDGE0, LEVEL1, LEVEL0 };
enum { IE = 0x100, DM = 4 };

static struct fake_host h;
static struct device *d;

static void begin(const struct dev_setting *settings, unsigned count)
{
    fake_host_init(&h);
    d = fake_device(&h, dev_class_find("aplic"), settings, count);
}

static void end(void)
{
    fake_device_free(&h, d);
    fake_host_fini(&h);
}

static u64 get(unsigned domain, u64 off)
{
    return dev_read(d, domain, off, 4);
}

static void set(unsigned domain, u64 off, u64 v)
{
    dev_write(d, domain, off, v, 4);
}

/* Source n in the domain: its mode, its target, enabled. */
static void source(unsigned domain, unsigned n, unsigned mode, u64 target)
{
    if (domain == S)
        set(M, SOURCECFG + 4 * n, DELEGATE);
    set(domain, SOURCECFG + 4 * n, mode);
    set(domain, TARGET + 4 * n, target);
    set(domain, SETIENUM, n);
}

static void direct(unsigned domain, unsigned hart)
{
    set(domain, DOMAINCFG, IE);
    set(domain, IDC + 32 * hart + IDELIVERY, 1);
}

TEST(a_level_source_interrupts_directly)
{
    begin(NULL, 0);
    CHECK_EQ(get(S, DOMAINCFG), 0x80000000);
    source(S, 10, LEVEL1, 2 << 18 | 5);
    direct(S, 2);
    direct(S, 0);
    CHECK_EQ(get(S, DOMAINCFG), 0x80000100);
    CHECK(!h.cpu_line[2][SEI]);
    dev_irq_input(d, 10, true);
    CHECK(h.cpu_line[2][SEI] && !h.cpu_line[2][MEI] && !h.cpu_line[0][SEI]);
    CHECK_EQ(get(S, IDC + TOPI), 0);
    CHECK_EQ(get(S, IDC + 64 + TOPI), 10 << 16 | 5);
    CHECK_EQ(get(S, IDC + 64 + CLAIMI), 10 << 16 | 5);
    CHECK(h.cpu_line[2][SEI]); /* a claim does not clear a level */
    set(S, CLRIPNUM, 10);
    CHECK_EQ(get(S, SETIP), 1 << 10);
    dev_irq_input(d, 10, false);
    CHECK(!h.cpu_line[2][SEI]);
    CHECK_EQ(get(S, SETIP), 0);
    set(S, SETIPNUM, 10); /* nor does a write set it */
    CHECK_EQ(get(S, SETIP), 0);
    end();
}

TEST(an_edge_source_is_claimed)
{
    begin(NULL, 0);
    source(M, 3, EDGE1, 1 << 18 | 1);
    source(M, 4, EDGE0, 1 << 18 | 1);
    direct(M, 1);
    dev_irq_input(d, 4, true);
    CHECK(!h.cpu_line[1][MEI]);
    dev_irq_input(d, 3, true);
    dev_irq_input(d, 4, false);
    CHECK(h.cpu_line[1][MEI]);
    CHECK_EQ(get(M, IN_CLRIP), 1 << 3 | 1 << 4);
    CHECK_EQ(get(M, IDC + 32 + CLAIMI), 3 << 16 | 1);
    CHECK_EQ(get(M, IDC + 32 + CLAIMI), 4 << 16 | 1);
    CHECK_EQ(get(M, IDC + 32 + CLAIMI), 0);
    CHECK(!h.cpu_line[1][MEI]);
    dev_irq_input(d, 3, false);
    CHECK(!h.cpu_line[1][MEI]);
    dev_irq_input(d, 3, true);
    CHECK(h.cpu_line[1][MEI]);
    set(M, CLRIPNUM, 3);
    CHECK(!h.cpu_line[1][MEI]);
    end();
}

TEST(inverted_and_detached_sources)
{
    begin(NULL, 0);
    source(M, 1, LEVEL0, 1);
    source(M, 2, DETACHED, 1);
    direct(M, 0);
    CHECK_EQ(get(M, SETIP), 1 << 1);
    CHECK_EQ(get(M, IN_CLRIP), 1 << 1);
    dev_irq_input(d, 1, true);
    CHECK_EQ(get(M, SETIP), 0);
    dev_irq_input(d, 2, true);
    CHECK_EQ(get(M, SETIP) | get(M, IN_CLRIP), 0);
    set(M, SETIPNUM_LE, 2);
    CHECK(h.cpu_line[0][MEI]);
    CHECK_EQ(get(M, IDC + CLAIMI), 2 << 16 | 1);
    set(M, SETIP, 1 << 2);
    CHECK(h.cpu_line[0][MEI]);
    set(M, IN_CLRIP, 1 << 2);
    CHECK(!h.cpu_line[0][MEI]);
    end();
}

TEST(priority_number_threshold_and_force)
{
    begin(NULL, 0);
    direct(M, 0);
    source(M, 20, DETACHED, 9);
    source(M, 30, DETACHED, 3);
    source(M, 40, DETACHED, 3);
    source(M, 50, DETACHED, 0x100); /* priority 0 is made 1, other bits go */
    CHECK_EQ(get(M, TARGET + 4 * 50), 1);
    set(M, SETIPNUM, 20);
    set(M, SETIPNUM, 40);
    set(M, SETIPNUM, 30);
    CHECK_EQ(get(M, IDC + TOPI), 30 << 16 | 3);
    set(M, IDC + ITHRESHOLD, 3);
    CHECK_EQ(get(M, IDC + TOPI), 0);
    CHECK(!h.cpu_line[0][MEI]);
    set(M, IDC + ITHRESHOLD, 4);
    CHECK(h.cpu_line[0][MEI]);
    CHECK_EQ(get(M, IDC + CLAIMI), 30 << 16 | 3);
    CHECK_EQ(get(M, IDC + CLAIMI), 40 << 16 | 3);
    CHECK_EQ(get(M, IDC + CLAIMI), 0);
    set(M, IDC + IFORCE, 1);
    CHECK(h.cpu_line[0][MEI]);
    CHECK_EQ(get(M, IDC + CLAIMI), 0); /* spurious: the force is over */
    CHECK(!h.cpu_line[0][MEI]);
    set(M, IDC + ITHRESHOLD, 0);
    CHECK(h.cpu_line[0][MEI]);
    set(M, DOMAINCFG, 0);
    CHECK(!h.cpu_line[0][MEI]);
    set(M, DOMAINCFG, IE);
    set(M, CLRIE, 1 << 20);
    CHECK(!h.cpu_line[0][MEI]);
    end();
}

TEST(a_source_is_active_in_one_domain)
{
    begin(NULL, 0);
    set(S, SOURCECFG + 4 * 7, LEVEL1); /* not delegated: nothing there */
    CHECK_EQ(get(S, SOURCECFG + 4 * 7), 0);
    source(M, 7, EDGE1, 1);
    set(M, SETIPNUM, 7);
    CHECK_EQ(get(M, SETIE), 1 << 7);
    set(M, SOURCECFG + 4 * 7, DELEGATE | 5); /* child 0 is the only one */
    CHECK_EQ(get(M, SOURCECFG + 4 * 7), DELEGATE);
    CHECK_EQ(get(M, SETIP) | get(M, SETIE) | get(M, TARGET + 28), 0);
    CHECK_EQ(get(S, SOURCECFG + 4 * 7), 0);
    source(S, 7, LEVEL1, 1);
    CHECK_EQ(get(S, SOURCECFG + 4 * 7), LEVEL1);
    set(S, SOURCECFG + 4 * 7, DELEGATE); /* a leaf cannot */
    CHECK_EQ(get(S, SOURCECFG + 4 * 7), 0);
    source(S, 7, LEVEL1, 1);
    set(M, SOURCECFG + 4 * 7, EDGE1);
    CHECK_EQ(get(S, SOURCECFG + 4 * 7) | get(S, SETIE), 0);
    set(M, SOURCECFG + 4 * 96, LEVEL1); /* there are 95 */
    set(M, SOURCECFG + 4 * 8, 3);       /* a reserved mode */
    CHECK_EQ(get(M, SOURCECFG + 4 * 96) | get(M, SOURCECFG + 4 * 8), 0);
    end();
}

static const struct dev_setting imsics[] = { { "imsic-m", "0x24000000", NULL },
                                             { "imsic-s", "0x28000000", NULL } };

TEST(messages_leave_once_an_assertion)
{
    begin(imsics, 2);
    set(S, DOMAINCFG, DM);
    CHECK_EQ(get(S, DOMAINCFG), 0x80000004);
    source(S, 5, LEVEL1, 3 << 18 | 0x812);
    CHECK_EQ(get(S, TARGET + 20), 3 << 18 | 0x12); /* bit 11 is reserved */
    dev_irq_input(d, 5, true);
    CHECK_EQ(h.msi_count, 0);
    CHECK_EQ(get(S, SETIP), 1 << 5);
    set(S, DOMAINCFG, DM | IE);
    CHECK_EQ(h.msi_count, 1);
    CHECK_EQ(h.msi[0].addr, 0x28003000);
    CHECK_EQ(h.msi[0].data, 0x12);
    CHECK_EQ(get(S, SETIP), 0);
    CHECK_EQ(get(S, IN_CLRIP), 1 << 5);
    set(S, SETIPNUM, 5); /* the handler's end: is it still asserted? */
    CHECK_EQ(h.msi_count, 2);
    dev_irq_input(d, 5, false);
    set(S, SETIPNUM, 5);
    CHECK_EQ(h.msi_count, 2);
    dev_irq_input(d, 5, true);
    CHECK_EQ(h.msi_count, 3);
    dev_irq_input(d, 5, false);
    set(S, CLRIENUM, 5);
    dev_irq_input(d, 5, true);
    CHECK_EQ(get(S, SETIP), 1 << 5);
    dev_irq_input(d, 5, false); /* a level's request goes with it */
    set(S, SETIENUM, 5);
    CHECK_EQ(h.msi_count, 3);
    CHECK_EQ(h.cpu_irq_calls, 0); /* the lines belong to the IMSICs */
    end();
}

TEST(a_change_of_delivery_looks_at_the_wires_again)
{
    begin(NULL, 0);
    set(M, DOMAINCFG, DM | IE);
    source(M, 5, LEVEL1, 0);
    dev_irq_input(d, 5, true);
    CHECK_EQ(h.msi_count, 1);
    CHECK_EQ(get(M, SETIP), 0);
    direct(M, 0);
    CHECK_EQ(get(M, SETIP), 1 << 5);
    CHECK_EQ(get(M, TARGET + 20), 1);
    CHECK(h.cpu_line[0][MEI]);
    set(M, DOMAINCFG, DM | IE);
    CHECK_EQ(h.msi_count, 2);
    CHECK(!h.cpu_line[0][MEI]);
    CHECK_EQ(get(M, TARGET + 20), 0);
    end();
}

TEST(extempore_messages)
{
    begin(imsics, 2);
    set(M, GENMSI, 1 << 18 | 9);
    CHECK_EQ(h.msi_count, 0);
    set(M, DOMAINCFG, DM);
    set(M, GENMSI, 1 << 18 | 9);
    CHECK_EQ(h.msi_count, 1);
    CHECK_EQ(h.msi[0].addr, 0x24001000);
    CHECK_EQ(h.msi[0].data, 9);
    CHECK_EQ(get(M, GENMSI), 1 << 18 | 9); /* not busy */
    CHECK_EQ(get(M, 0x1bc4), 0x80000000);  /* addresses are hardwired */
    set(M, 0x1bc0, 0x1234);
    CHECK_EQ(get(M, 0x1bc0), 0);
    end();
}

/* Groups of harts far apart: AIA 1.0, "Addresses and data for outgoing MSIs". */
TEST(software_may_set_the_addresses_until_it_locks_them)
{
    begin(NULL, 0);
    set(M, 0x1bc0, 0x24000);
    set(M, 0x1bc8, 0x28000);
    set(M, 0x1bcc, 1 << 20);                         /* LHXS 1 */
    set(M, 0x1bc4, 2 << 24 | 1 << 16 | 2 << 12 | 1); /* HHXS 2, HHXW 1, LHXW 2 */
    CHECK_EQ(get(S, 0x1bc0) | get(S, 0x1bcc), 0);
    set(M, DOMAINCFG, DM);
    set(S, DOMAINCFG, DM);
    set(M, GENMSI, 7u << 18 | 1);
    set(S, GENMSI, 7u << 18 | 1);
    CHECK_EQ(h.msi[0].addr, (1ull << 32 | 0x24000 | 1 << 14 | 3) << 12);
    CHECK_EQ(h.msi[1].addr, (u64)(0x28000 | 1 << 14 | 6) << 12);
    set(M, 0x1bc4, 0xffffffff);
    CHECK_EQ(get(M, 0x1bc4), 0x9f77ffff);
    set(M, 0x1bc4, 0);
    set(M, 0x1bc8, 0);
    CHECK_EQ(get(M, 0x1bc4), 0x9f77ffff);
    CHECK_EQ(get(M, 0x1bc8), 0x28000);
    dev_reset(d);
    CHECK_EQ(get(M, 0x1bc4), 0);
    end();
}

TEST(without_a_machine_domain_the_supervisor_has_all)
{
    static const struct dev_setting off = { "machine", "off", NULL };

    begin(&off, 1);
    set(M, SOURCECFG + 4, LEVEL1);
    CHECK_EQ(get(M, SOURCECFG + 4) | get(M, DOMAINCFG), 0);
    set(S, SOURCECFG + 4, LEVEL1);
    set(S, SETIENUM, 1);
    direct(S, 0);
    dev_irq_input(d, 1, true);
    CHECK(h.cpu_line[0][SEI]);
    end();
}

TEST(a_wire_reaches_a_hart_through_both)
{
    struct device *imsic;
    struct err err = { 0 };

    begin(imsics, 2);
    imsic = fake_device(&h, dev_class_find("imsic"), NULL, 0);
    h.msi_controllers[0] = imsic;
    CHECK_EQ(dev_map(imsic, 0, h.map, 0x24000000, &err), 0);
    CHECK_EQ(dev_map(imsic, 1, h.map, 0x28000000, &err), 0);
    CHECK_EQ(dev_sysreg_write(imsic, 1, 1, 0x70, 1), 0);
    CHECK_EQ(dev_sysreg_write(imsic, 1, 1, 0xc0, ~0ull), 0);
    set(S, DOMAINCFG, DM | IE);
    source(S, 11, EDGE1, 1 << 18 | 33);
    dev_irq_input(d, 11, true);
    CHECK(h.cpu_line[1][SEI]);
    CHECK_EQ(h.msi_count, 0); /* it was answered */
    CHECK_EQ(dev_sysreg_write(imsic, 1, 1, 0x100, 0), 0);
    CHECK(!h.cpu_line[1][SEI]);
    mem_map_remove(h.map, 0x24000000);
    mem_map_remove(h.map, 0x28000000);
    fake_device_free(&h, imsic);
    end();
}

TEST_MAIN(TEST_CASE(a_level_source_interrupts_directly), TEST_CASE(an_edge_source_is_claimed),
          TEST_CASE(inverted_and_detached_sources), TEST_CASE(priority_number_threshold_and_force),
          TEST_CASE(a_source_is_active_in_one_domain), TEST_CASE(messages_leave_once_an_assertion),
          TEST_CASE(a_change_of_delivery_looks_at_the_wires_again), TEST_CASE(extempore_messages),
          TEST_CASE(software_may_set_the_addresses_until_it_locks_them),
          TEST_CASE(without_a_machine_domain_the_supervisor_has_all),
          TEST_CASE(a_wire_reaches_a_hart_through_both))
