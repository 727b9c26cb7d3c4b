/*
 * loop_timer_linux.c - the event loop's timers: a binary heap, its top in a timerfd.
 */
#include "base/bug.h"
#include "host/clock.h"
#include "host/loop_linux.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/timerfd.h>

#define NOT_SET UINT32_MAX /* loop_timer.at */

static void heap_put(struct loop *loop, unsigned at, struct loop_timer *t)
{
    loop->heap[at] = t;
    t->at = at;
}

static void heap_sift(struct loop *loop, unsigned at)
{
    struct loop_timer *t = loop->heap[at];

    while (at > 0 && loop->heap[(at - 1) / 2]->deadline > t->deadline) {
        heap_put(loop, at, loop->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    for (;;) {
        unsigned child = 2 * at + 1;

        if (child + 1 < loop->heap_count &&
            loop->heap[child + 1]->deadline < loop->heap[child]->deadline)
            child++;
        if (child >= loop->heap_count || loop->heap[child]->deadline >= t->deadline)
            break;
        heap_put(loop, at, loop->heap[child]);
        at = child;
    }
    heap_put(loop, at, t);
}

static void heap_remove(struct loop_timer *t)
{
    struct loop *loop = t->loop;
    unsigned at = t->at;

    if (at == NOT_SET)
        return;
    t->at = NOT_SET;
    loop->heap_count--;
    if (at == loop->heap_count)
        return;
    heap_put(loop, at, loop->heap[loop->heap_count]);
    heap_sift(loop, at);
}

/* Sets the kernel's timer to the first deadline. A later one than needed is left:
 * an early wake-up costs less than a call for every cancelled timer. */
static void arm(struct loop *loop)
{
    ns_t first = loop->heap_count ? loop->heap[0]->deadline : LOOP_TIMER_OFF;
    struct itimerspec spec = { 0 };
    int ret;

    if (first >= loop->armed)
        return;
    loop->armed = first;
    spec.it_value.tv_sec = (time_t)(first / NS_PER_SEC);
    spec.it_value.tv_nsec = (long)(first % NS_PER_SEC);
    if (first == 0)
        spec.it_value.tv_nsec = 1; /* 0 would turn it off */
    ret = timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL);
    BUG_ON(ret != 0);
}

int loop_timer_new(struct loop *loop, void (*fn)(void *arg), void *arg,
                   struct loop_timer **ret_timer, struct err *err)
{
    struct loop_timer *t = calloc(1, sizeof *t);

    if (t && loop->timer_count == loop->heap_room) {
        unsigned room = loop->heap_room ? 2 * loop->heap_room : 8;
        struct loop_timer **heap = realloc(loop->heap, room * sizeof *heap);

        if (!heap) {
            free(t);
            t = NULL;
        } else {
            loop->heap = heap;
            loop->heap_room = room;
        }
    }
    if (!t)
        return err_set(err, ENOMEM, "no memory for a timer");
    loop->timer_count++;
    *t = (struct loop_timer){
        .loop = loop, .at = NOT_SET, .fn = fn, .arg = arg, .next = loop->timers
    };
    if (t->next)
        t->next->prev = t;
    loop->timers = t;
    *ret_timer = t;
    return 0;
}

/* The longest time the kernel's timer takes without overflow; 100 years. */
#define DEADLINE_MAX (3153600000ull * NS_PER_SEC)

void loop_timer_set(struct loop_timer *t, ns_t deadline)
{
    struct loop *loop = t->loop;

    if (deadline == LOOP_TIMER_OFF) {
        heap_remove(t);
        return;
    }
    if (deadline < loop->next_round) /* set by a timer's callback */
        deadline = loop->next_round;
    t->deadline = deadline < DEADLINE_MAX ? deadline : DEADLINE_MAX;
    if (t->at == NOT_SET)
        heap_put(loop, loop->heap_count++, t);
    heap_sift(loop, t->at);
    arm(loop);
}

void loop_timer_free(struct loop_timer *t)
{
    if (!t)
        return;
    heap_remove(t);
    t->loop->timer_count--;
    if (t->prev)
        t->prev->next = t->next;
    else
        t->loop->timers = t->next;
    if (t->next)
        t->next->prev = t->prev;
    free(t);
}

/* Runs what was due when the round began: what a callback sets to the past moves
 * behind it (next_round), so that no timer can hold the loop. */
bool loop_timer_run(struct loop *loop)
{
    ns_t now;
    bool any = false;

    if (loop->armed == LOOP_TIMER_OFF)
        return false;
    now = host_clock_monotonic();
    if (loop->armed <= now) {
        loop_drain_fd(loop->timer_fd);
        loop->armed = LOOP_TIMER_OFF;
    }
    loop->next_round = now + 1;
    while (loop->heap_count && loop->heap[0]->deadline <= now) {
        struct loop_timer *t = loop->heap[0];

        heap_remove(t);
        t->fn(t->arg);
        any = true;
    }
    loop->next_round = 0;
    arm(loop);
    return any;
}
