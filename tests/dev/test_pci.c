/*
 * test_pci.c - configuration space, BARs wherever a guest puts them, bus mastering, INTx and
 * MSI-X, save and load; with entropy sources as the functions.
 */
#include "base/bits.h"
#include "dev/pci/pci.h"
#include "test.h"
#include "virtio_driver_pci.h"

#define HOLE (FAKE_WINDOW_AT + 0x800000)

static struct fake_host h;
static struct vdrv v;

static void begin(void)
{
    fake_host_init(&h);
    vdrv_open(&v, &h, "rng", vdrv_ways[2], NULL, 0);
}

static void end(void)
{
    vdrv_close(&v);
    fake_host_fini(&h);
}

static void bar_put(gpa_t at)
{
    vdrv_pci_config_set(&v, PCI_BAR0, (u32)at, 4);
    vdrv_pci_config_set(&v, PCI_BAR0 + 4, at >> 32, 4);
}

/* Does the function's BAR answer there? (Its queue count says so.) */
static bool answers(gpa_t at)
{
    u64 x = 0;

    return mem_map_io_read(h.map, at + 18, 2, &x) && x == 1;
}

static bool request(u32 *len)
{
    struct vdrv_buf b = { vdrv_alloc(&v, 64), 64, true };

    return vdrv_request(&v, 0, &b, 1, false, len);
}

TEST(a_function_is_found_and_absent_ones_are_not)
{
    u64 x = 0;

    begin();
    CHECK_EQ(vdrv_pci_config(&v, PCI_VENDOR, 4), 0x10441af4);
    CHECK_EQ(vdrv_pci_config(&v, PCI_CLASS, 2), 0xff00);
    CHECK(vdrv_pci_config(&v, PCI_STATUS, 2) & PCI_STATUS_CAPABILITIES);
    CHECK_EQ(vdrv_pci_config(&v, PCI_HEADER_TYPE, 1), 0);
    CHECK(mem_map_io_read(h.map, FAKE_ECAM_AT, 4, &x));
    CHECK_EQ(x, 0xffffffff);
    CHECK(mem_map_io_write(h.map, FAKE_ECAM_AT, 4, 0));
    vdrv_pci_config_set(&v, PCI_VENDOR, 0, 4); /* read-only */
    vdrv_pci_config_set(&v, PCI_CAPABILITIES, 0, 1);
    CHECK_EQ(vdrv_pci_config(&v, PCI_VENDOR, 4), 0x10441af4);
    CHECK(vdrv_pci_cap(&v, PCI_CAP_MSIX, 0));
    CHECK_EQ(vdrv_pci_config(&v, 0x100, 4), 0);
    end();
}

TEST(a_bar_tells_its_size_and_moves)
{
    gpa_t first;

    begin();
    first = vdrv_pci_config(&v, PCI_BAR0, 4) & ~15ull;
    CHECK(answers(first));
    vdrv_pci_config_set(&v, PCI_COMMAND, 0, 2);
    CHECK(!answers(first));
    vdrv_pci_config_set(&v, PCI_BAR0, ~0u, 4);
    vdrv_pci_config_set(&v, PCI_BAR0 + 4, ~0u, 4);
    CHECK_EQ(vdrv_pci_config(&v, PCI_BAR0, 4), 0xffff8004);
    CHECK_EQ(vdrv_pci_config(&v, PCI_BAR0 + 4, 4), 0xffffffff);
    vdrv_pci_config_set(&v, PCI_BAR0 + 8, ~0u, 4);
    CHECK_EQ(vdrv_pci_config(&v, PCI_BAR0 + 8, 4), 0);
    bar_put(HOLE);
    CHECK(!answers(HOLE));
    vdrv_pci_config_set(&v, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
    CHECK(answers(HOLE));
    bar_put(first); /* while it decodes */
    CHECK(answers(first));
    CHECK(!answers(HOLE));
    end();
}

TEST(a_bar_put_on_rubbish_is_nowhere)
{
    const u64 bad[] = { 0,
                        FAKE_RAM_AT,
                        FAKE_ECAM_AT,
                        ~0ull << 15,
                        FAKE_WINDOW_AT - 0x8000,
                        FAKE_WINDOW_AT + FAKE_WINDOW_SIZE,
                        0x7fffffffffff8000,
                        0x100000000 };

    begin();
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        u64 before = v.d->guest_errors, x = 0;

        bar_put(bad[i]);
        CHECK(!answers(bad[i]));
        CHECK(v.d->guest_errors > before);
        CHECK(mem_map_io_read(h.map, FAKE_ECAM_AT + 8 * 0x1000, 2, &x) && x == 0x1af4);
    }
    bar_put(HOLE);
    CHECK(answers(HOLE));
    end();
}

TEST(of_two_bars_in_one_place_the_first_function_has_it_whatever_the_order)
{
    struct vdrv w;

    begin();
    vdrv_open(&w, &h, "blk", vdrv_ways[2], NULL, 0); /* slot 2 */
    CHECK_EQ(w.d->requester, PCI_DEVFN(2, 0));
    vdrv_pci_config_set(&w, PCI_BAR0, HOLE, 4);
    bar_put(HOLE);
    CHECK(answers(HOLE));
    bar_put(HOLE + 0x8000);
    CHECK(answers(HOLE + 0x8000));
    vdrv_pci_config_set(&w, PCI_BAR0, HOLE + 0x8000, 4);
    CHECK(answers(HOLE + 0x8000));
    CHECK_EQ(vdrv_pci_config(&w, PCI_BAR0, 4), (u32)(HOLE + 0x8000) | PCI_BAR_WIDE);
    vdrv_pci_config_set(&v, PCI_COMMAND, 0, 2); /* the first leaves: the second appears */
    w.config = HOLE + 0x8000 + 0x2000;
    CHECK_EQ(vdrv_config(&w, 0, 4), FAKE_DISK_SECTORS);
    vdrv_close(&w);
    end();
}

TEST(without_bus_mastering_nothing_reaches_memory)
{
    u32 len;

    begin();
    CHECK(vdrv_up(&v, 0, 1, 0));
    vdrv_pci_config_set(&v, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
    CHECK(!request(&len));
    CHECK(vdrv_status(&v) & VIRTIO_NEEDS_RESET);
    vdrv_pci_config_set(&v, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 2);
    CHECK(vdrv_up(&v, 0, 1, 0));
    CHECK(request(&len));
    end();
}

TEST(inta_goes_to_the_line_of_its_slot)
{
    u32 len;

    begin();
    CHECK(vdrv_up(&v, 0, 1, 0));
    CHECK(request(&len));
    CHECK(!fake_irq(&h, 0) && fake_irq(&h, 1) && !fake_irq(&h, 2)); /* slot 1 */
    CHECK(vdrv_pci_config(&v, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT);
    vdrv_pci_config_set(&v, PCI_COMMAND, 6 | PCI_COMMAND_NO_INTX, 2);
    CHECK(!fake_irq(&h, 1));
    CHECK(vdrv_pci_config(&v, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT);
    vdrv_pci_config_set(&v, PCI_COMMAND, 6, 2);
    CHECK(vdrv_interrupted(&v, NULL));
    CHECK(!fake_irq(&h, 1));
    end();
}

/* --- messages --- */

static unsigned msix_control(void)
{
    return vdrv_pci_cap(&v, PCI_CAP_MSIX, 0) + 2;
}

static void table_put(unsigned vector, unsigned word, u32 x)
{
    gpa_t bar = vdrv_pci_config(&v, PCI_BAR0, 4) & ~15ull;

    CHECK(mem_map_io_write(h.map, bar + 0x4000 + 16 * vector + 4 * word, 4, x));
}

static void msix_up(void)
{
    CHECK(vdrv_up(&v, 0, 1, 0));
    table_put(1, 0, 0x28001000);
    table_put(1, 2, 0x55);
    table_put(1, 3, 0);
    CHECK(mem_map_io_write(h.map, v.common + 22, 2, 0));
    CHECK(mem_map_io_write(h.map, v.common + 26, 2, 1));
    vdrv_pci_config_set(&v, msix_control(), 0x8000, 2);
}

TEST(messages_go_where_the_table_says_and_wait_while_masked)
{
    u32 len;

    begin();
    msix_up();
    CHECK_EQ(vdrv_pci_config(&v, msix_control(), 2), 0x8001); /* two vectors */
    CHECK(request(&len));
    CHECK_EQ(h.msi_count, 1);
    CHECK_EQ(h.msi[0].addr, 0x28001000);
    CHECK_EQ(h.msi[0].data, 0x55);
    CHECK_EQ(h.msi[0].requester, PCI_DEVFN(1, 0));
    CHECK(!fake_irq(&h, 1));
    table_put(1, 3, 1);
    CHECK(request(&len));
    CHECK_EQ(h.msi_count, 1);
    table_put(1, 3, 0);
    CHECK_EQ(h.msi_count, 2);
    vdrv_pci_config_set(&v, msix_control(), 0xc000, 2); /* all masked */
    CHECK(request(&len));
    CHECK_EQ(h.msi_count, 2);
    vdrv_pci_config_set(&v, msix_control(), 0x8000, 2);
    CHECK_EQ(h.msi_count, 3);
    CHECK(mem_map_io_write(h.map, v.common + 26, 2, 7)); /* no such vector */
    CHECK(request(&len));
    CHECK_EQ(h.msi_count, 3);
    end();
}

/* --- the BAR through the configuration space --- */

static u64 access(u32 off, u32 size)
{
    unsigned cap = vdrv_pci_cap(&v, PCI_CAP_VENDOR, 5);

    vdrv_pci_config_set(&v, cap + 8, off, 4);
    vdrv_pci_config_set(&v, cap + 12, size, 4);
    return vdrv_pci_config(&v, cap + 16, 4);
}

TEST(the_access_capability_reaches_the_bar)
{
    unsigned cap;

    begin();
    cap = vdrv_pci_cap(&v, PCI_CAP_VENDOR, 5);
    CHECK_EQ(access(18, 2), 1);
    access(20, 1);
    vdrv_pci_config_set(&v, cap + 16, 3, 1);
    CHECK_EQ(vdrv_status(&v), 3);
    CHECK_EQ(access(20, 1), 3);
    access(0x7ffe, 4), access(~0u, 1), access(~0u << 2, 4), access(0, 3), access(0, 0x80000000);
    vdrv_pci_config_set(&v, cap + 4, 1, 1); /* another BAR */
    access(0, 4);
    CHECK_EQ(vdrv_status(&v), 3);
    end();
}

/* --- save and load --- */

TEST(a_loaded_function_is_where_the_saved_one_was)
{
    struct state_writer *w = state_writer_new();
    struct state_reader *r = NULL;
    struct err err = { 0 };
    u8 *bytes = NULL;
    size_t size = 0;
    u32 len;

    begin();
    msix_up();
    table_put(1, 3, 1);
    CHECK(request(&len)); /* pending */
    bar_put(HOLE);
    dev_save(v.d, w);
    dev_save(h.pci, w);
    fake_device_free(&h, v.d);
    CHECK(!answers(HOLE));
    v.d = fake_device(&h, dev_class_find("virtio-rng-pci"), NULL, 0);
    CHECK_EQ(state_writer_memory(w, &bytes, &size, &err), 0);
    CHECK_EQ(state_reader_open_memory(bytes, size, &r, &err), 0);
    CHECK_EQ(dev_load(v.d, r, &err), 0);
    CHECK_EQ(dev_load(h.pci, r, &err), 0);
    CHECK_STR(err.text, "");
    CHECK(answers(HOLE));
    CHECK(!answers(FAKE_WINDOW_AT + 0x80000));
    CHECK_EQ(h.msi_count, 0);
    table_put(1, 3, 0);
    CHECK_EQ(h.msi_count, 1);
    state_reader_free(r);
    state_writer_free(w);
    free(bytes);
    end();
}

TEST(a_full_slot_and_a_device_of_another_kind_are_refused)
{
    struct err err = { 0 };
    struct device *d = NULL;

    begin();
    CHECK_EQ(pci_host_plug(h.pci, 3, h.board, &err), -22);
    CHECK_HAS(err.text, "board");
    CHECK_EQ(dev_new(v.d->cls, "second", &h.host, h.domain, h.map, NULL, 0, &d, &err), 0);
    CHECK_EQ(pci_host_plug(h.pci, PCI_DEVFN(1, 0), d, &err), -16);
    CHECK_HAS(err.text, "second");
    CHECK_EQ(pci_host_plug(h.pci, PCI_DEVFN(1, 3), d, &err), 0);
    CHECK_EQ(vdrv_pci_config(&v, PCI_HEADER_TYPE, 1), PCI_MULTIFUNCTION);
    dev_free(d);
    end();
}

TEST_MAIN(TEST_CASE(a_function_is_found_and_absent_ones_are_not),
          TEST_CASE(a_bar_tells_its_size_and_moves), TEST_CASE(a_bar_put_on_rubbish_is_nowhere),
          TEST_CASE(of_two_bars_in_one_place_the_first_function_has_it_whatever_the_order),
          TEST_CASE(without_bus_mastering_nothing_reaches_memory),
          TEST_CASE(inta_goes_to_the_line_of_its_slot),
          TEST_CASE(messages_go_where_the_table_says_and_wait_while_masked),
          TEST_CASE(the_access_capability_reaches_the_bar),
          TEST_CASE(a_loaded_function_is_where_the_saved_one_was),
          TEST_CASE(a_full_slot_and_a_device_of_another_kind_are_refused))
