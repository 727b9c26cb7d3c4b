/*
 * virtio_vsock_conn.c - connections of the vsock device: their beginning, credit and end
 * (virtio 1.2, 5.10.6).
 *
 * Each side ends when it likes (SHUTDOWN); when both ends of the guest's side are over and the
 * program has taken what was sent, a reset confirms it. A guest that does not confirm the program's
 * end keeps its connection, until the place is needed.
 */
#include "dev/virtio/virtio_vsock.h"
#include <stdlib.h>

/* Where the ports of programs that ask begin. */
#define FIRST_PORT 0x40000000u

enum { OVER = VSOCK_NO_RECEIVE | VSOCK_NO_SEND };

#define DUE(op) ((u8)(1u << (op)))

/* --- the table --- */

struct vsock_conn *vsock_conn_find(const struct virtio_vsock *d, u32 guest_port, u32 host_port)
{
    for (unsigned i = 0; i < d->count; i++)
        if (d->conns[i]->guest_port == guest_port && d->conns[i]->host_port == host_port)
            return d->conns[i];
    return NULL;
}

bool vsock_conns_lost(struct virtio_vsock *d)
{
    u32 *note = &d->v.queue[VSOCK_EVENT].s->note;

    if (*note & VSOCK_NOTE_CONNS && d->count == 0)
        *note = VSOCK_NOTE_LOST;
    return *note & VSOCK_NOTE_LOST;
}

/* So that a loaded device looks. */
static void note_count(struct virtio_vsock *d)
{
    struct virtq_state *s = d->v.queue[VSOCK_EVENT].s;

    s->note = (s->note & VSOCK_NOTE_LOST) | (d->count ? VSOCK_NOTE_CONNS : 0u);
    s->kicked = s->note != 0;
}

/* A place in a full table: that of one whose program has gone, when the guest has not confirmed it.
 * Its packets are answered by resets from now on. */
static void make_place(struct virtio_vsock *d)
{
    for (unsigned i = 0; i < d->count; i++)
        if (d->count == VSOCK_CONNS_MAX && d->conns[i]->host_over == OVER)
            vsock_conn_drop(d, d->conns[i]);
}

struct vsock_conn *vsock_conn_add(struct virtio_vsock *d, u32 guest_port, u32 host_port,
                                  struct vsock_stream *s)
{
    struct vsock_conn *c;

    vsock_conns_lost(d);
    make_place(d);
    c = d->count < VSOCK_CONNS_MAX ? calloc(1, sizeof *c) : NULL;
    if (!c)
        return NULL;
    c->guest_port = guest_port;
    c->host_port = host_port;
    c->stream = s;
    s->conn = c;
    c->readable = true;
    d->conns[d->count++] = c;
    note_count(d);
    return c;
}

static void stream_close(struct vsock_conn *c)
{
    vsock_close(c->stream);
    c->stream = NULL;
}

void vsock_conn_drop(struct virtio_vsock *d, struct vsock_conn *c)
{
    for (unsigned i = 0; i < d->count; i++)
        if (d->conns[i] == c)
            d->conns[i] = d->conns[--d->count];
    stream_close(c);
    free(c);
    note_count(d);
}

void vsock_conn_drop_all(struct virtio_vsock *d)
{
    while (d->count) {
        struct vsock_conn *c = d->conns[--d->count];

        stream_close(c);
        free(c);
    }
}

/* --- their state --- */

u32 vsock_conn_credit(const struct vsock_conn *c)
{
    u32 there = c->sent - c->taken; /* in the guest's buffer; a guest may say anything */

    return there < c->room ? c->room - there : 0;
}

void vsock_conn_reset(struct vsock_conn *c)
{
    stream_close(c);
    c->due = DUE(VSOCK_OP_RST);
}

/* The guest is told of the room that it has got when that is half of all (5.10.6.3). */
void vsock_conn_update(struct vsock_conn *c)
{
    struct vsock_stream *s = c->stream;

    if (!s)
        return;
    if (!c->open && s->over) { /* before the guest has answered */
        vsock_conn_reset(c);
        return;
    }
    if (s->taken - c->told >= VSOCK_BUFFER / 2)
        c->due |= DUE(VSOCK_OP_CREDIT_UPDATE);
    if (c->guest_over == OVER && s->taken == c->received)
        vsock_conn_reset(c);
}

static bool wants_to_send(const struct vsock_conn *c)
{
    return c->open && c->stream && c->readable && !(c->guest_over & VSOCK_NO_RECEIVE);
}

unsigned vsock_conn_next(const struct vsock_conn *c)
{
    for (unsigned op = VSOCK_OP_REQUEST; op <= VSOCK_OP_RST; op++)
        if (c->due & DUE(op))
            return op;
    if (c->due & DUE(VSOCK_OP_CREDIT_UPDATE))
        return VSOCK_OP_CREDIT_UPDATE;
    if (wants_to_send(c) && vsock_conn_credit(c))
        return VSOCK_OP_RW;
    if (c->open && c->stream && c->stream->over & ~c->host_over)
        return VSOCK_OP_SHUTDOWN;
    return wants_to_send(c) && !c->asked ? VSOCK_OP_CREDIT_REQUEST : 0;
}

/* --- from the guest --- */

static void take_data(struct vsock_conn *c, const struct vsock_header *h, const struct iovec *data,
                      unsigned count)
{
    struct vsock_stream *s = c->stream;

    if (h->len > VSOCK_BUFFER - (c->received - s->taken) || c->guest_over & VSOCK_NO_SEND ||
        !vsock_write(s, data, count)) { /* beyond its credit, or after its end */
        vsock_conn_reset(c);
        return;
    }
    c->received += h->len;
}

static void take_shutdown(struct vsock_conn *c, const struct vsock_header *h)
{
    c->guest_over |= h->flags & OVER;
    if (c->guest_over != OVER) /* else it ends as a whole, when all is taken */
        vsock_shut(c->stream, c->guest_over);
}

/* The guest's answer to a program's wish: the program is told, and the connection is open. */
static void take_response(struct vsock_conn *c)
{
    c->open = true;
    vsock_accept(c->stream, c->host_port);
}

/* The program has gone, and the guest has not confirmed that: what comes now has crossed with it.
 */
static void take_late(struct vsock_conn *c, const struct vsock_header *h)
{
    if (h->op == VSOCK_OP_SHUTDOWN)
        c->guest_over |= h->flags & OVER;
    if (c->guest_over == OVER || h->op == VSOCK_OP_REQUEST)
        vsock_conn_reset(c);
}

void vsock_conn_receive(struct virtio_vsock *d, struct vsock_conn *c, const struct vsock_header *h,
                        const struct iovec *data, unsigned count)
{
    bool answer = h->op == VSOCK_OP_RESPONSE;

    c->room = h->buf_alloc;
    c->taken = h->fwd_cnt;
    if (h->op == VSOCK_OP_RST) {
        vsock_conn_drop(d, c);
        return;
    }
    if (!c->stream) {
        take_late(c, h);
        return;
    }
    if (answer == c->open || (answer && c->due & DUE(VSOCK_OP_REQUEST))) {
        vsock_conn_reset(c);
        return;
    }
    switch (h->op) {
    case VSOCK_OP_RESPONSE: take_response(c); break;
    case VSOCK_OP_RW: take_data(c, h, data, count); break;
    case VSOCK_OP_SHUTDOWN: take_shutdown(c, h); break;
    case VSOCK_OP_CREDIT_UPDATE: break;
    case VSOCK_OP_CREDIT_REQUEST: c->due |= DUE(VSOCK_OP_CREDIT_UPDATE); break;
    default: vsock_conn_reset(c); break;
    }
    vsock_conn_update(c);
}

/* --- from the back end --- */

static u32 free_port(struct virtio_vsock *d, u32 guest_port)
{
    do
        d->next_port =
            d->next_port < FIRST_PORT || d->next_port == UINT32_MAX ? FIRST_PORT : d->next_port + 1;
    while (vsock_conn_find(d, guest_port, d->next_port));
    return d->next_port;
}

static bool requested(void *arg, struct vsock_stream *s, u32 port)
{
    struct virtio_vsock *d = arg;
    struct vsock_conn *c;

    if (!vsock_is_up(&d->v) || !(c = vsock_conn_add(d, port, free_port(d, port), s)))
        return false;
    c->due = DUE(VSOCK_OP_REQUEST);
    vsock_serve(d);
    return true;
}

static void ready(void *arg, struct vsock_stream *s)
{
    struct vsock_conn *c = s->conn;

    c->readable = true;
    vsock_conn_update(c);
    vsock_serve(arg);
}

const struct vsock_client vsock_client = { .requested = requested, .ready = ready };
