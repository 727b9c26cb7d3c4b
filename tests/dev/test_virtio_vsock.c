/*
 * test_virtio_vsock.c - sockets between guest and host, through both rings on both transports; the
 * test is the guest's driver and the host's programs.
 */
#include "base/bits.h"
#include "dev/virtio/virtio_vsock.h"
#include "test.h"
#include "virtio_driver.h"

enum { CID = 3, RING = 64, RX_SIZE = 512, GUEST_ROOM = 4096 };
enum { ROOM_AT = FAKE_RAM_SIZE / 2 }; /* buffers, behind the rings */

static struct fake_host h;
static struct vdrv v;
static gpa_t rx_at[RING]; /* of the receive buffer with this id */
static u8 mass[VSOCK_BUFFER];

static void each_way(void (*body)(void))
{
    for (unsigned i = 0; i < ARRAY_SIZE(vdrv_ways); i++) {
        int before = test_failed_checks;

        fake_host_init(&h);
        h.vsock.listens = true;
        vdrv_open(&v, &h, "vsock", vdrv_ways[i], NULL, 0);
        CHECK(vdrv_up(&v, 1ull << VIRTIO_F_EVENT_IDX, VSOCK_QUEUES, 0));
        body();
        vdrv_close(&v);
        fake_host_fini(&h);
        if (test_failed_checks != before)
            printf("# that was %s\n", vdrv_ways[i].name);
    }
}

/* --- the guest --- */

/* Memory is used over and over: nothing is kept for longer than a case's step. */
static gpa_t scratch(u32 len)
{
    if (v.free + len > FAKE_RAM_AT + FAKE_RAM_SIZE)
        v.free = FAKE_RAM_AT + ROOM_AT;
    return vdrv_alloc(&v, len);
}

static void give_buffers_of(unsigned count, u32 size)
{
    for (unsigned i = 0; i < count; i++) {
        struct vdrv_buf b = { scratch(size), size, true };

        rx_at[vdrv_add(&v, VSOCK_RX, &b, 1, false)] = b.at;
    }
    vdrv_kick(&v, VSOCK_RX);
    fake_settle(&h);
}

static void give_buffers(unsigned count)
{
    give_buffers_of(count, RX_SIZE);
}

struct packet {
    u64 src_cid, dst_cid;
    u32 src_port, dst_port, len;
    u16 type, op;
    u32 flags, buf_alloc, fwd_cnt;
    u8 data[RX_SIZE];
};

/* The next packet that the device has sent; op 0: there is none. */
static struct packet packet(void)
{
    struct packet p = { 0 };
    const u8 *at;
    u32 len;
    u16 id;

    if (!vdrv_get(&v, VSOCK_RX, &id, &len))
        return p;
    at = vdrv_host(&v, rx_at[id]);
    p = (struct packet){ le64_get(at),
                         le64_get(at + 8),
                         le32_get(at + 16),
                         le32_get(at + 20),
                         le32_get(at + 24),
                         le16_get(at + 28),
                         le16_get(at + 30),
                         le32_get(at + 32),
                         le32_get(at + 36),
                         le32_get(at + 40),
                         { 0 } };
    CHECK_EQ(len, 44 + p.len);
    memcpy(p.data, at + 44, p.len);
    return p;
}

/* A packet of the guest: mostly sound, so that a case changes what it is about. */
static struct packet to_host(u16 op, u32 guest_port, u32 host_port)
{
    return (struct packet){ .src_cid = CID,
                            .dst_cid = 2,
                            .src_port = guest_port,
                            .dst_port = host_port,
                            .type = 1,
                            .op = op,
                            .buf_alloc = GUEST_ROOM };
}

static bool post_data(const struct packet *p, const void *data, u32 len)
{
    struct vdrv_buf b[2] = { { scratch(44), 44, false }, { 0, len, false } };
    u8 *at = vdrv_host(&v, b[0].at);
    u32 used;
    u16 id;

    le64_put(at, p->src_cid), le64_put(at + 8, p->dst_cid);
    le32_put(at + 16, p->src_port), le32_put(at + 20, p->dst_port);
    le32_put(at + 24, p->len ? p->len : len);
    le16_put(at + 28, p->type), le16_put(at + 30, p->op);
    le32_put(at + 32, p->flags), le32_put(at + 36, p->buf_alloc), le32_put(at + 40, p->fwd_cnt);
    if (len) {
        b[1].at = scratch(len);
        memcpy(vdrv_host(&v, b[1].at), data, len);
    }
    vdrv_add(&v, VSOCK_TX, b, len ? 2 : 1, false);
    vdrv_kick(&v, VSOCK_TX);
    fake_settle(&h);
    return vdrv_get(&v, VSOCK_TX, &id, &used);
}

static bool post(const struct packet *p)
{
    return post_data(p, NULL, 0);
}

static bool say(u16 op, u32 guest_port, u32 host_port)
{
    struct packet p = to_host(op, guest_port, host_port);

    return post(&p);
}

static void shut(u32 guest_port, u32 host_port, u32 flags)
{
    struct packet p = to_host(VSOCK_OP_SHUTDOWN, guest_port, host_port);

    p.flags = flags;
    post(&p);
}

/* The guest connects from `port` to the host's port 1000; the program's end. */
static struct fake_stream *connected(u32 port)
{
    struct packet p;

    give_buffers(1);
    say(VSOCK_OP_REQUEST, port, 1000);
    p = packet();
    CHECK_EQ(p.op, VSOCK_OP_RESPONSE);
    CHECK_EQ(p.dst_port, port);
    return h.vsock.stream[h.vsock.count - 1];
}

/* --- programs --- */

static struct fake_stream *ask(u32 port)
{
    struct fake_stream *s;

    dev_domain_lock(h.domain);
    s = fake_vsock_ask(&h.vsock, port);
    dev_domain_unlock(h.domain);
    return s;
}

static void with(struct fake_stream *s, void (*fn)(struct fake_stream *s))
{
    dev_domain_lock(h.domain);
    fn(s);
    dev_domain_unlock(h.domain);
}

static void put(struct fake_stream *s, const void *data, size_t len)
{
    dev_domain_lock(h.domain);
    fake_stream_put(s, data, len);
    dev_domain_unlock(h.domain);
}

static void take(struct fake_stream *s, u32 len)
{
    dev_domain_lock(h.domain);
    fake_stream_take(s, len);
    dev_domain_unlock(h.domain);
}

/* --- cases --- */

static void both_ways(void)
{
    struct fake_stream *s;
    struct packet p;

    CHECK_EQ(vdrv_config(&v, 0, 8), CID);
    CHECK(vdrv_offered(&v) & 1);
    s = connected(77);
    p = to_host(VSOCK_OP_RW, 77, 1000);
    CHECK(post_data(&p, "from the guest", 14));
    CHECK_EQ(s->out_len, 14);
    CHECK(memcmp(s->out, "from the guest", 14) == 0);
    put(s, "from the host", 13);
    CHECK_EQ(packet().op, 0); /* waits for a buffer */
    give_buffers(1);
    p = packet();
    CHECK_EQ(p.op, VSOCK_OP_RW);
    CHECK_EQ(p.src_cid, 2);
    CHECK_EQ(p.dst_cid, CID);
    CHECK_EQ(p.src_port, 1000);
    CHECK_EQ(p.dst_port, 77);
    CHECK_EQ(p.type, 1);
    CHECK_EQ(p.buf_alloc, VSOCK_BUFFER);
    CHECK_EQ(p.fwd_cnt, 14);
    CHECK_EQ(p.len, 13);
    CHECK(memcmp(p.data, "from the host", 13) == 0);
    CHECK(vdrv_interrupted(&v, NULL));
}

TEST(bytes_go_both_ways)
{
    each_way(both_ways);
}

static void program_asks(void)
{
    struct fake_stream *s = ask(22), *t;
    struct packet p, q;

    give_buffers(3);
    p = packet();
    CHECK_EQ(p.op, VSOCK_OP_REQUEST);
    CHECK_EQ(p.dst_port, 22);
    CHECK(!s->accepted);
    put(s, "early", 5); /* before the guest has answered */
    CHECK_EQ(packet().op, 0);
    say(VSOCK_OP_RESPONSE, 22, p.src_port);
    CHECK(s->accepted);
    CHECK_EQ(s->port, p.src_port);
    q = packet();
    CHECK_EQ(q.op, VSOCK_OP_RW);
    CHECK_EQ(q.len, 5);
    t = ask(22); /* another, which the guest has no server for any more */
    q = packet();
    CHECK_EQ(q.op, VSOCK_OP_REQUEST);
    CHECK(q.src_port != p.src_port);
    CHECK_EQ(h.vsock.count, 2);
    say(VSOCK_OP_RST, 22, q.src_port);
    CHECK_EQ(h.vsock.count, 1);
    CHECK(h.vsock.stream[0] == s && t != s);
    vdrv_status_set(&v, 0);
    CHECK_EQ(h.vsock.count, 0);
    CHECK(!ask(22)); /* there is no driver */
}

TEST(a_program_asks_for_a_port_of_the_guest)
{
    each_way(program_asks);
}

/* What the device sends to a packet that fits nothing; 0: nothing. */
static u16 answer(struct packet p)
{
    u16 op;

    give_buffers(1);
    CHECK(post(&p));
    op = packet().op;
    if (!op) { /* the buffer is still there */
        vdrv_up(&v, 0, VSOCK_QUEUES, 0);
        v.free = FAKE_RAM_AT + ROOM_AT;
    }
    return op;
}

static void refusing(void)
{
    struct packet p = to_host(VSOCK_OP_RW, 1, 2);

    CHECK_EQ(answer(p), VSOCK_OP_RST); /* of no connection */
    p.op = VSOCK_OP_RST;
    CHECK_EQ(answer(p), 0);
    p.op = 99;
    CHECK_EQ(answer(p), VSOCK_OP_RST);
    p = to_host(VSOCK_OP_REQUEST, 1, 2);
    p.type = 2; /* SEQPACKET */
    CHECK_EQ(answer(p), VSOCK_OP_RST);
    p = to_host(VSOCK_OP_REQUEST, 1, 2);
    p.dst_cid = 5;
    CHECK_EQ(answer(p), VSOCK_OP_RST);
    p = to_host(VSOCK_OP_REQUEST, 1, 2);
    p.src_cid = 4; /* somebody else's name */
    CHECK_EQ(answer(p), 0);
    p = to_host(VSOCK_OP_REQUEST, 1, 2);
    p.len = 1; /* and it is not there */
    CHECK_EQ(answer(p), 0);
    h.vsock.listens = false;
    CHECK_EQ(answer(to_host(VSOCK_OP_REQUEST, 1, 2)), VSOCK_OP_RST);
    CHECK_EQ(h.vsock.count, 0);
    CHECK(!(vdrv_status(&v) & VIRTIO_NEEDS_RESET));
}

TEST(what_fits_no_connection_is_reset)
{
    each_way(refusing);
}

static void waiting_refusal(void)
{
    struct packet p = to_host(VSOCK_OP_RW, 1, 2);
    u32 len;
    u16 id;

    CHECK(!post(&p)); /* no buffer for the answer: the packet waits */
    CHECK(!post(&p));
    give_buffers(1);
    CHECK(vdrv_get(&v, VSOCK_TX, &id, &len));
    CHECK(!vdrv_get(&v, VSOCK_TX, &id, &len));
    CHECK_EQ(packet().op, VSOCK_OP_RST);
    give_buffers(1);
    CHECK(vdrv_get(&v, VSOCK_TX, &id, &len));
    CHECK_EQ(packet().op, VSOCK_OP_RST);
}

TEST(a_packet_waits_while_its_answer_has_no_buffer)
{
    each_way(waiting_refusal);
}

static void guests_credit(void)
{
    struct fake_stream *s = connected(77);
    struct packet p;
    u32 got = 0;

    put(s, mass, GUEST_ROOM + 100); /* 100 more than the guest has room for */
    give_buffers(20);
    while ((p = packet()).op == VSOCK_OP_RW)
        got += p.len;
    CHECK_EQ(got, GUEST_ROOM);
    CHECK_EQ(p.op, VSOCK_OP_CREDIT_REQUEST); /* once */
    CHECK_EQ(packet().op, 0);
    p = to_host(VSOCK_OP_CREDIT_UPDATE, 77, 1000);
    p.fwd_cnt = 60;
    post(&p);
    CHECK_EQ(packet().len, 60);
    p.fwd_cnt = GUEST_ROOM;
    p.buf_alloc = 0; /* a guest that shrinks its buffer below what is in it */
    post(&p);
    CHECK_EQ(packet().op, VSOCK_OP_CREDIT_REQUEST);
    CHECK_EQ(packet().op, 0);
    p.buf_alloc = GUEST_ROOM;
    post(&p);
    CHECK_EQ(packet().len, 40);
    CHECK_EQ(packet().op, 0);
}

TEST(the_guest_gets_no_more_than_it_has_room_for)
{
    each_way(guests_credit);
}

static void hosts_credit(void)
{
    struct fake_stream *s = connected(77);
    struct packet p = to_host(VSOCK_OP_RW, 77, 1000);
    u32 half = VSOCK_BUFFER / 2;

    h.vsock.slow = true;
    give_buffers(8);
    CHECK(post_data(&p, mass, half));
    CHECK(post_data(&p, mass, half)); /* full, and nothing was read */
    CHECK_EQ(packet().op, 0);
    take(s, half - 1);
    CHECK_EQ(packet().op, 0);
    take(s, 1);
    p = packet();
    CHECK_EQ(p.op, VSOCK_OP_CREDIT_UPDATE);
    CHECK_EQ(p.fwd_cnt, half);
    say(VSOCK_OP_CREDIT_REQUEST, 77, 1000);
    CHECK_EQ(packet().op, VSOCK_OP_CREDIT_UPDATE);
    p = to_host(VSOCK_OP_RW, 77, 1000);
    CHECK(post_data(&p, mass, half + 1)); /* one byte too many: hostile */
    CHECK_EQ(packet().op, VSOCK_OP_RST);
    CHECK_EQ(h.vsock.count, 0);
    CHECK_EQ(h.vsock.closed, 1);
}

TEST(the_guest_is_held_to_its_credit)
{
    each_way(hosts_credit);
}

static void program_ends(void)
{
    struct fake_stream *s = connected(77);
    struct packet p;

    give_buffers(4);
    put(s, "last", 4);
    with(s, fake_stream_end);
    CHECK_EQ(packet().len, 4);
    p = packet();
    CHECK_EQ(p.op, VSOCK_OP_SHUTDOWN);
    CHECK_EQ(p.flags, VSOCK_NO_SEND);
    CHECK_EQ(packet().op, 0);
    p = to_host(VSOCK_OP_RW, 77, 1000); /* the other direction goes on */
    post_data(&p, "answer", 6);
    CHECK_EQ(s->out_len, 6);
    with(s, fake_stream_leave);
    p = packet();
    CHECK_EQ(p.op, VSOCK_OP_SHUTDOWN);
    CHECK_EQ(p.flags, VSOCK_NO_SEND | VSOCK_NO_RECEIVE);
    CHECK_EQ(h.vsock.count, 0);
    CHECK_EQ(packet().op, 0);
    shut(77, 1000, 3); /* the guest had bytes to read first, and closes now */
    CHECK_EQ(packet().op, VSOCK_OP_RST);
}

static void guest_ends(void)
{
    struct fake_stream *s = connected(77);
    struct packet p;

    give_buffers(4);
    shut(77, 1000, VSOCK_NO_SEND);
    CHECK_EQ(s->guest_over, VSOCK_NO_SEND);
    put(s, "answer", 6); /* the other direction goes on */
    p = packet();
    CHECK_EQ(p.op, VSOCK_OP_RW);
    CHECK_EQ(h.vsock.count, 1);
    shut(77, 1000, VSOCK_NO_RECEIVE); /* both, one after the other */
    CHECK_EQ(packet().op, VSOCK_OP_RST);
    CHECK_EQ(h.vsock.count, 0);
    s = connected(78);
    h.vsock.slow = true;
    p = to_host(VSOCK_OP_RW, 78, 1000);
    post_data(&p, "bytes", 5);
    shut(78, 1000, 3); /* closed, but the program is to have all */
    CHECK_EQ(packet().op, 0);
    CHECK_EQ(h.vsock.count, 1);
    take(s, 5);
    CHECK_EQ(packet().op, VSOCK_OP_RST);
    CHECK_EQ(h.vsock.count, 0);
    p = to_host(VSOCK_OP_RW, 78, 1000); /* nothing is left of it */
    post(&p);
    CHECK_EQ(packet().op, VSOCK_OP_RST);
}

static void bytes_after_the_end(void)
{
    struct packet p = to_host(VSOCK_OP_RW, 77, 1000);

    connected(77);
    give_buffers(1);
    shut(77, 1000, VSOCK_NO_SEND);
    post_data(&p, "more", 4);
    CHECK_EQ(packet().op, VSOCK_OP_RST);
    CHECK_EQ(h.vsock.count, 0);
}

TEST(each_side_ends_on_its_own)
{
    each_way(program_ends);
    each_way(guest_ends);
    each_way(bytes_after_the_end);
}

static void many(void)
{
    struct fake_stream *s[VSOCK_CONNS_MAX];
    struct packet p;

    for (u32 i = 0; i < VSOCK_CONNS_MAX; i++)
        s[i] = connected(i);
    for (u32 i = 0; i < VSOCK_CONNS_MAX; i++) {
        p = to_host(VSOCK_OP_RW, i, 1000);
        post_data(&p, &i, 4);
    }
    for (u32 i = 0; i < VSOCK_CONNS_MAX; i++)
        CHECK_EQ(le32_get(s[i]->out), i);
    for (u32 i = 0; i < 10; i++) /* no buffer yet; then all get their turn */
        put(s[i], mass, 4000);
    give_buffers(10);
    for (u32 seen = 0, i = 0; i < 10; i++) {
        p = packet();
        CHECK(!(seen >> p.dst_port & 1));
        seen |= 1u << p.dst_port;
    }
    give_buffers(1);
    p = packet();
    give_buffers(1);
    say(VSOCK_OP_REQUEST, VSOCK_CONNS_MAX, 1000); /* one too many */
    while ((p = packet()).op == VSOCK_OP_RW)
        give_buffers(1);
    CHECK_EQ(p.op, VSOCK_OP_RST);
    CHECK_EQ(p.dst_port, VSOCK_CONNS_MAX);
    CHECK_EQ(h.vsock.count, VSOCK_CONNS_MAX);
}

static void place_of_one_that_has_gone(void)
{
    struct fake_stream *s = connected(0);

    for (u32 i = 1; i < VSOCK_CONNS_MAX; i++)
        connected(i);
    give_buffers(1);
    with(s, fake_stream_leave);
    CHECK_EQ(packet().op, VSOCK_OP_SHUTDOWN); /* which this guest never confirms */
    connected(VSOCK_CONNS_MAX);
}

TEST(many_connections_take_turns_and_one_too_many_is_refused)
{
    each_way(many);
    each_way(place_of_one_that_has_gone);
}

/* --- state --- */

static u8 *saved(size_t *size)
{
    struct state_writer *w = state_writer_new();
    struct err err = { 0 };
    u8 *data = NULL;

    dev_save(v.d, w);
    CHECK_EQ(state_writer_memory(w, &data, size, &err), 0);
    state_writer_free(w);
    return data;
}

static void load(const u8 *data, size_t size)
{
    struct state_reader *r = NULL;
    struct err err = { 0 };

    CHECK_EQ(state_reader_open_memory(data, size, &r, &err), 0);
    CHECK_EQ(dev_load(v.d, r, &err), 0);
    state_reader_free(r);
}

/* The event that has come; -1: none. */
static int event(gpa_t at)
{
    u32 len;
    u16 id;

    if (!vdrv_get(&v, VSOCK_EVENT, &id, &len) || len != 4)
        return -1;
    return (int)le32_get(vdrv_host(&v, at));
}

static gpa_t event_buffer(void)
{
    struct vdrv_buf b = { scratch(4), 4, true };

    le32_put(vdrv_host(&v, b.at), 99);
    vdrv_add(&v, VSOCK_EVENT, &b, 1, false);
    vdrv_kick(&v, VSOCK_EVENT);
    fake_settle(&h);
    return b.at;
}

static void lost(void)
{
    gpa_t at = event_buffer();
    size_t size;
    u8 *none = saved(&size), *one;

    load(none, size); /* nothing to tell */
    fake_settle(&h);
    CHECK_EQ(event(at), -1);
    connected(77);
    CHECK_EQ(event(at), -1);
    one = saved(&size);
    load(one, size);
    CHECK_EQ(h.vsock.count, 0); /* the program has seen the end */
    fake_settle(&h);
    CHECK_EQ(event(at), 0); /* transport reset */
    CHECK(vdrv_interrupted(&v, NULL));
    free(none);
    free(one);
}

static void told_when_there_is_a_buffer(void)
{
    size_t size;
    gpa_t at;
    u8 *one;

    connected(77);
    one = saved(&size);
    load(one, size);
    fake_settle(&h);
    connected(78); /* the driver does not know yet: this one ends as well */
    at = event_buffer();
    CHECK_EQ(event(at), 0);
    CHECK_EQ(h.vsock.count, 0);
    connected(76);
    free(one);
    one = saved(&size);
    load(one, size);
    CHECK(ask(22)); /* sooner than the loaded device has looked */
    at = event_buffer();
    CHECK_EQ(event(at), 0);
    CHECK_EQ(h.vsock.count, 0);
    at = event_buffer();
    connected(79);
    CHECK_EQ(event(at), -1); /* once */
    free(one);
}

TEST(a_loaded_device_tells_that_connections_are_lost)
{
    each_way(lost);
    each_way(told_when_there_is_a_buffer);
}

/* --- hostile guests --- */

static void short_buffers(void)
{
    struct fake_stream *s = connected(77);

    put(s, "x", 1);
    give_buffers_of(1, 44);
    CHECK(vdrv_status(&v) & VIRTIO_NEEDS_RESET);
}

static void forged_response(void)
{
    struct packet p;

    CHECK(ask(22));
    give_buffers(2);
    p = packet();
    say(VSOCK_OP_RW, 22, p.src_port); /* before its answer */
    CHECK_EQ(packet().op, VSOCK_OP_RST);
    CHECK_EQ(h.vsock.count, 0);
    connected(77);
    give_buffers(1);
    say(VSOCK_OP_RESPONSE, 77, 1000); /* to what it has asked for itself */
    CHECK_EQ(packet().op, VSOCK_OP_RST);
    CHECK_EQ(h.vsock.count, 0);
}

/* It guesses the port of a program that is about to ask. */
static void guessed_reset(void)
{
    struct packet p = to_host(VSOCK_OP_RW, 1, 2);
    struct packet q = to_host(VSOCK_OP_RST, 22, 0x40000000);

    CHECK(!post(&p)); /* waits for a buffer, and the reset behind it */
    CHECK(!post(&q));
    give_buffers(1);
    CHECK_EQ(packet().op, VSOCK_OP_RST);
    ask(22);
    fake_settle(&h);
    CHECK(!(vdrv_status(&v) & VIRTIO_NEEDS_RESET));
}

TEST(a_hostile_driver_harms_itself)
{
    each_way(short_buffers);
    each_way(forged_response);
    each_way(guessed_reset);
}

TEST_MAIN(TEST_CASE(bytes_go_both_ways), TEST_CASE(a_program_asks_for_a_port_of_the_guest),
          TEST_CASE(what_fits_no_connection_is_reset),
          TEST_CASE(a_packet_waits_while_its_answer_has_no_buffer),
          TEST_CASE(the_guest_gets_no_more_than_it_has_room_for),
          TEST_CASE(the_guest_is_held_to_its_credit), TEST_CASE(each_side_ends_on_its_own),
          TEST_CASE(many_connections_take_turns_and_one_too_many_is_refused),
          TEST_CASE(a_loaded_device_tells_that_connections_are_lost),
          TEST_CASE(a_hostile_driver_harms_itself))
