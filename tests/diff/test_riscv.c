/*
 * mstatus.FS over random cases, which a user program does not see; the rest is in diff.c.
 */
#include "../isa/random.h"
#include "diff.h"
#include "isa/riscv/decode.h"
#include "isa/riscv/state.h"
#include "riscv_cases.h"
#include "test.h"

static unsigned eval_with_fs(struct riscv_case *c, unsigned fs)
{
    const struct rv_state *after;

    riscv_guest_fs = (u8)fs;
    after = diff_eval((struct case_head *)c, 0);
    riscv_guest_fs = 1;
    return after->fs;
}

/* --- mstatus.FS, which a user program does not see --- */

static bool is_float(unsigned line)
{
    static const char *const exts[] = { "f", "d", "c_d", "zfhmin", "zfa" };

    for (size_t i = 0; i < ARRAY_SIZE(exts); i++)
        if (!strcmp(riscv_lines.lines[line].ext, exts[i]))
            return true;
    return strstr(riscv_lines.lines[line].id, "/fp") != NULL;
}

/* Off: illegal, nothing happens. On: dirty when a register or a flag has changed, and for
 * everything else as it was. */
static void check_fs(unsigned line, u64 *rng)
{
    struct riscv_case first, c;
    bool changed;
    unsigned fs;

    riscv_case_make((struct case_head *)&first, line, 0, DIFF_BATCH, rng);
    c = first;
    fs = eval_with_fs(&c, 0);
    if (is_float(line) && (c.signal != 4 || fs != 0 || memcmp(c.x, first.x, sizeof c.x) ||
                           memcmp(c.f, first.f, sizeof c.f) || c.fcsr != first.fcsr))
        (void)TEST_FAIL_("%s does something while FS is off", riscv_lines.lines[line].id);
    c = first;
    fs = eval_with_fs(&c, 1);
    changed = memcmp(c.f, first.f, sizeof c.f) || c.fcsr != first.fcsr;
    if ((changed && fs != 3) || (!is_float(line) && (changed || fs != 1)))
        (void)TEST_FAIL_("%s leaves FS %u", riscv_lines.lines[line].id, fs);
}

static int floating_point_state_is_tracked(void)
{
    u64 rng = 11;
    const unsigned *usable;
    unsigned usable_count = diff_usable(&usable);

    for (unsigned i = 0; i < usable_count; i++)
        for (unsigned n = 0; n < 40; n++)
            check_fs(usable[i], &rng);
    return test_failed_checks;
}

const char *const diff_own_name = "floating_point_state_is_tracked";
int (*const diff_own)(void) = floating_point_state_is_tracked;
