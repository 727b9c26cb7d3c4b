/*
 * Two machines at once in one process do what each does alone: nothing below src/vm is shared
 * (rule 5). One runs without end, and meanwhile the other lives its whole life, on each engine.
 */
#include "test.h"

#include <pthread.h>
#include <unistd.h>
#include <vm/vm.h>

/* Counts in t0 for ever and keeps it in memory: auipc t1, 1; addi t0, t0, 1; sd t0, 0(t1);
 * j -8. */
static const uint32_t guest[] = { 0x00001317, 0x00128293, 0x00533023, 0xff9ff06f };

static char folder[] = "/tmp/two_machinesXXXXXX", program[64];

static struct vm *make(const char *engine, struct vm_err *err)
{
    const struct vm_setting settings[] = {
        { "firmware", program }, { "memory", "64M" },       { "console", "none" },
        { "engine", engine },    { "deterministic", NULL }, { "rng-seed", "7" },
    };
    struct vm_config *config = vm_config_new();
    struct vm *vm = NULL;

    if (!config || vm_config_set_all(config, settings, ARRAY_SIZE(settings), err) < 0 ||
        vm_new(config, &vm, err) < 0)
        printf("# %s\n", err->text);
    vm_config_free(config);
    return vm;
}

/* A machine's state after some instructions, in a file. */
static bool live(const char *engine, const char *path)
{
    struct vm_err err = { 0, "out of memory" };
    struct vm *vm = make(engine, &err);
    enum vm_stop why = VM_STOP_QUIT;
    bool good = vm && vm_stop_at_insns(vm, 3000003, &err) == 0 && vm_run(vm, &why, &err) == 0 &&
                why == VM_STOP_POINT && vm_save(vm, path, &err) == 0;

    vm_free(vm);
    return good || TEST_FAIL_("%s: %s", engine, err.text);
}

static struct vm *endless;
static bool ended; /* atomic */
static pthread_barrier_t together;

static void *run_endless(void *arg)
{
    struct vm_err err = { 0 };
    enum vm_stop why = VM_STOP_QUIT;
    bool *good = arg;

    endless = make("auto", &err);
    pthread_barrier_wait(&together);
    *good = endless && vm_run(endless, &why, &err) == 0 && why == VM_STOP_PAUSED;
    __atomic_store_n(&ended, true, __ATOMIC_RELEASE);
    pthread_barrier_wait(&together);
    vm_free(endless);
    return NULL;
}

static bool same_files(const char *one, const char *other)
{
    FILE *a = fopen(one, "rb"), *b = fopen(other, "rb");
    bool same = a && b;
    int c = 0;

    while (same && c != EOF) {
        c = getc(a);
        same = c == getc(b);
    }
    if (a)
        fclose(a);
    if (b)
        fclose(b);
    return same;
}

static void beside_another(const char *engine)
{
    char alone[64], beside[64];
    bool paused = false;
    pthread_t thread;

    snprintf(alone, sizeof alone, "%s/alone", folder);
    snprintf(beside, sizeof beside, "%s/beside", folder);
    if (!live(engine, alone))
        return;
    ended = false;
    pthread_barrier_init(&together, NULL, 2);
    pthread_create(&thread, NULL, run_endless, &paused);
    pthread_barrier_wait(&together);
    live(engine, beside);
    /* Again and again: it may not have come to vm_run() before. */
    while (!__atomic_load_n(&ended, __ATOMIC_ACQUIRE)) {
        vm_request_pause(endless);
        usleep(1000);
    }
    pthread_barrier_wait(&together);
    pthread_join(thread, NULL);
    pthread_barrier_destroy(&together);
    CHECK(paused);
    CHECK(same_files(alone, beside));
    unlink(alone);
    unlink(beside);
}

TEST(interpreter)
{
    beside_another("interp");
}

TEST(whatever_this_host_has)
{
    beside_another("auto");
}

int main(int argc, char **argv)
{
    static const struct test_case cases[] = { TEST_CASE(interpreter),
                                              TEST_CASE(whatever_this_host_has) };
    FILE *out = NULL;
    int status;

    if (mkdtemp(folder)) {
        snprintf(program, sizeof program, "%s/guest", folder);
        out = fopen(program, "wb");
    }
    if (!out || fwrite(guest, sizeof guest, 1, out) != 1 || fclose(out)) {
        printf("Bail out! no file for the guest\n");
        return 1;
    }
    status = test_run_all(cases, ARRAY_SIZE(cases), argc, argv);
    unlink(program);
    rmdir(folder);
    return status;
}
