/*
 * gpio_key.c - a key on a pin: a rising input presses it, and it is held for a while.
 *
 * Guests look at a pin again some milliseconds after its edge, so that a contact that bounces
 * counts once; a press that is over by then was none.
 */
#include "dev/core/device.h"

#define KEY_STATE(F, A, N)                                                                         \
    F(flag, pressed, ZERO, "the key is down")                                                      \
    F(u64, release_at, ZERO, "when it goes up (guest time), while it is down")
STATE_STRUCT(gpio_key, KEY_STATE);

struct key {
    struct device dev;
    struct gpio_key_state s;
    u64 hold_ms;
};

static struct key *self(struct device *d)
{
    return container_of(d, struct key, dev);
}

static void key_update(struct device *d)
{
    const struct gpio_key_state *s = &self(d)->s;

    dev_irq_set(d, 0, s->pressed);
    dev_timer_set(d, 0, s->pressed ? s->release_at : DEV_TIMER_OFF);
}

static void key_irq_in(struct device *d, unsigned input, bool level)
{
    struct key *k = self(d);

    if (input != 0 || !level)
        return;
    k->s.pressed = true;
    k->s.release_at = dev_clock_ns(d) + k->hold_ms * NS_PER_MS;
    key_update(d);
}

static void key_expired(struct device *d, unsigned timer)
{
    self(d)->s.pressed = false;
    key_update(d);
}

#define STATE_ROW_T struct gpio_key_state
STATE_LIST(gpio_key, KEY_STATE, 1);
#undef STATE_ROW_T

static const struct dev_prop key_props[] = {
    { "hold", "milliseconds that a press lasts", DEV_PROP_U64, offsetof(struct key, hold_ms),
      .min = 1, .max = 10000, .initial = 100 },
};

const struct dev_class gpio_key_class = {
    .name = "gpio-key",
    .doc = "Key on a pin, such as a power button",
    .size = sizeof(struct key),
    .state_offset = offsetof(struct key, s),
    .state = &gpio_key_state_list,
    .props = key_props,
    .prop_count = ARRAY_SIZE(key_props),
    .irq_count = 1,
    .update = key_update,
    .irq_in = key_irq_in,
    .expired = key_expired,
};
