/*
 * test_store_machines.c - named machines through include/vm/machines.h: names, folders,
 * processes that race and that are killed. The guest is one instruction that jumps to itself.
 */
#include "test.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vm/disk.h>
#include <vm/machines.h>

static char scratch[] = "/tmp/vm-test-mach-XXXXXX";
static char spin[64]; /* firmware: j . */

static void write_bytes(const char *file, const void *data, size_t len)
{
    int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    CHECK(fd >= 0 && write(fd, data, len) == (ssize_t)len);
    close(fd);
}

static void begin(void)
{
    static const u8 jump[4096] = { 0x6f, 0, 0, 0 };
    char path[64];

    strcpy(scratch + sizeof scratch - 7, "XXXXXX");
    CHECK(mkdtemp(scratch) != NULL);
    snprintf(path, sizeof path, "%s/data", scratch);
    setenv("XDG_DATA_HOME", path, 1);
    snprintf(path, sizeof path, "%s/run", scratch);
    CHECK_EQ(mkdir(path, 0700), 0);
    setenv("XDG_RUNTIME_DIR", path, 1);
    snprintf(spin, sizeof spin, "%s/spin", scratch);
    write_bytes(spin, jump, sizeof jump);
}

/* What a failed case left running must not outlive it. */
static void kill_all(void)
{
    struct vm_machine *m = NULL;
    struct vm_err err;
    char **names = NULL;

    if (vm_machines_list(&names, &err) < 0)
        return;
    for (char **name = names; *name; name++)
        if (vm_machine_open(*name, &m, &err) == 0) {
            CHECK_EQ(vm_machine_kill(m, "test", &err), -ESRCH);
            vm_machine_free(m);
        }
    free(names);
}

static void end(void)
{
    char command[96];

    kill_all();

    snprintf(command, sizeof command, "rm -rf %s", scratch);
    CHECK_EQ(system(command), 0);
}

static bool told(int rc, const struct vm_err *err)
{
    if (rc < 0)
        printf("# %s\n", err->text);
    return rc == 0;
}

static int make(const char *name, struct vm_machine **ret, struct vm_err *err)
{
    const struct vm_setting settings[] = {
        { "firmware", spin }, { "memory", "32M" }, { "net", "none" }, { "engine", "interp" }
    };

    return vm_machine_create(name, settings, ARRAY_SIZE(settings), 0, "test", ret, err);
}

static enum vm_machine_state state_of(struct vm_machine *m)
{
    struct vm_machine_info info;
    struct vm_err err;

    CHECK(told(vm_machine_info(m, &info, &err), &err));
    return info.state;
}

static unsigned entries(const char *path)
{
    DIR *dir = opendir(path);
    unsigned count = 0;

    while (dir && readdir(dir))
        count++;
    if (dir)
        closedir(dir);
    return count < 2 ? 0 : count - 2;
}

static unsigned machine_folders(void)
{
    char path[96];

    snprintf(path, sizeof path, "%s/data/vm/machines", scratch);
    return entries(path);
}

/* --- names --- */

TEST(hostile_names)
{
    static const char *const bad[] = {
        "",    ".",    "..",       "../x",     "a/b", "/etc", "-x",     ".hidden",
        "a b", "a\nb", "a\x1b[2J", "\xc3\xa4", "a:b", "a@b",  "x\x7fy", "*",
    };
    static const char *const good[] = { "a", "0", "Debian-13.riscv64_test", "x.y" };
    char name[VM_MACHINE_NAME_MAX + 2];
    struct vm_machine *m = NULL;
    struct vm_err err;

    begin();
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        CHECK_EQ(vm_machine_name_check(bad[i], &err), -EINVAL);
        CHECK(!strpbrk(err.text, "\n\x1b\x7f"));
        CHECK_EQ(vm_machine_open(bad[i], &m, &err), -EINVAL);
        CHECK_EQ(make(bad[i], &m, &err), -EINVAL);
    }
    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        CHECK_EQ(vm_machine_name_check(good[i], &err), 0);
    memset(name, 'n', sizeof name);
    name[VM_MACHINE_NAME_MAX + 1] = 0;
    CHECK_EQ(vm_machine_name_check(name, &err), -EINVAL);
    name[VM_MACHINE_NAME_MAX] = 0;
    CHECK_EQ(vm_machine_name_check(name, &err), 0);
    CHECK(machine_folders() == 0);
    end();
}

/* --- folders --- */

TEST(made_changed_renamed_deleted)
{
    const struct vm_setting more[] = { { "cpus", "2" }, { "memory", NULL } };
    const struct vm_setting wrong[] = { { "cpus", "many" } };
    struct vm_machine *m = NULL, *other = NULL;
    struct vm_machine_info info;
    struct vm_err err;
    char **names = NULL;

    begin();
    CHECK(told(make("one", &m, &err), &err));
    CHECK_EQ(make("one", &other, &err), -EEXIST);
    CHECK_EQ(vm_machine_set(m, wrong, 1, "test", &err), -EINVAL);
    CHECK(told(vm_machine_set(m, more, 2, "test", &err), &err));
    CHECK(told(vm_machine_rename(m, "two", "test", &err), &err));
    CHECK_EQ(vm_machine_open("one", &other, &err), -ENOENT);
    vm_machine_free(m);
    CHECK(told(vm_machine_open("two", &m, &err), &err));
    CHECK(told(vm_machine_info(m, &info, &err), &err));
    CHECK_STR(info.name, "two");
    CHECK_EQ(info.state, VM_MACHINE_STOPPED);
    for (unsigned i = 0; i < info.setting_count; i++)
        CHECK(strcmp(info.settings[i].key, "memory") != 0);
    CHECK(told(vm_machines_list(&names, &err), &err));
    CHECK_STR(names[0], "two");
    CHECK(names[1] == NULL);
    free(names);
    CHECK(told(vm_machine_delete(m, "test", &err), &err));
    vm_machine_free(m);
    CHECK_EQ(machine_folders(), 0);
    end();
}

static int last_name(void *arg, const struct vm_machine_event *event)
{
    for (unsigned i = 0; i < event->field_count; i++)
        if (strcmp(event->fields[i].key, "name") == 0)
            snprintf(arg, VM_MACHINE_NAME_MAX + 1, "%s", event->fields[i].value);
    return 0;
}

/* As after a rename that was interrupted: the folder's name counts, and is written down. */
TEST(a_renamed_folder_is_a_renamed_machine)
{
    struct vm_machine *m = NULL;
    char from[96], to[96], name[VM_MACHINE_NAME_MAX + 1] = "";
    struct vm_err err;

    begin();
    CHECK(told(make("one", &m, &err), &err));
    vm_machine_free(m);
    snprintf(from, sizeof from, "%s/data/vm/machines/one", scratch);
    snprintf(to, sizeof to, "%s/data/vm/machines/two", scratch);
    CHECK_EQ(rename(from, to), 0);
    CHECK(told(vm_machine_open("two", &m, &err), &err));
    CHECK(told(vm_machine_history(m, last_name, name, &err), &err));
    CHECK_STR(name, "two");
    vm_machine_free(m);
    end();
}

TEST(a_refused_setting_leaves_no_machine)
{
    const struct vm_setting wrong[] = { { "memory", "lots" } };
    const struct vm_setting console[] = { { "console", "stdio" } };
    struct vm_machine *m = NULL;
    struct vm_err err;

    begin();
    CHECK_EQ(vm_machine_create("x", wrong, 1, 0, "test", &m, &err), -EINVAL);
    CHECK_EQ(vm_machine_create("x", console, 1, 0, "test", &m, &err), -EINVAL);
    CHECK_HAS(err.text, "console");
    CHECK_EQ(machine_folders(), 0);
    end();
}

/* Both kinds of disk: one in the folder, which the machine's name may change under, and one
 * elsewhere, which a clone gets a copy of. */
TEST(a_clone_has_disks_of_its_own)
{
    struct vm_machine *m = NULL, *copy = NULL;
    struct vm_machine_info info;
    char inside[160], outside[64], expected[160];
    struct vm_setting disks[2] = { { "disk", inside }, { "disk", outside } };
    struct vm_err err;

    begin();
    CHECK(told(make("m", &m, &err), &err));
    snprintf(inside, sizeof inside, "%s/data/vm/machines/m/root.img", scratch);
    snprintf(outside, sizeof outside, "%s/other.img", scratch);
    write_bytes(inside, "inside", 6);
    write_bytes(outside, "outside", 7);
    CHECK(told(vm_machine_set(m, disks, 2, "test", &err), &err));
    CHECK(told(vm_machine_clone(m, "copy", "test", &copy, &err), &err));
    CHECK(told(vm_machine_info(copy, &info, &err), &err));
    for (unsigned i = 0, n = 0; i < info.setting_count; i++) {
        if (strcmp(info.settings[i].key, "disk") != 0)
            continue;
        snprintf(expected, sizeof expected, "%s/data/vm/machines/copy/%s", scratch,
                 n ? "disk1.img" : "root.img");
        CHECK_STR(info.settings[i].value, expected);
        CHECK_EQ(access(expected, R_OK), 0);
        n++;
    }
    vm_machine_free(copy);
    vm_machine_free(m);
    end();
}

/* The setting of this disk of a clone of m. */
static void clone_disk(struct vm_machine *m, const char *name, char *out, size_t size)
{
    struct vm_machine *copy = NULL;
    struct vm_machine_info info;
    struct vm_err err;

    *out = 0;
    CHECK(told(vm_machine_clone(m, name, "test", &copy, &err), &err));
    CHECK(told(vm_machine_info(copy, &info, &err), &err));
    for (unsigned i = 0; i < info.setting_count; i++)
        if (strcmp(info.settings[i].key, "disk") == 0)
            snprintf(out, size, "%.*s", (int)strcspn(info.settings[i].value, ","),
                     info.settings[i].value);
    vm_machine_free(copy);
}

/* The copy of an overlay is in another folder than what it lies over. */
TEST(a_cloned_overlay_keeps_its_backing_file)
{
    struct vm_disk_options base = { .format = "qcow2", .size = 8 << 20 };
    struct vm_disk_options over = { .format = "qcow2",
                                    .backing = "./base.qcow2",
                                    .backing_format = "qcow2" };
    char below[64], top[64], value[96], copy[160];
    struct vm_setting disk = { "disk", value };
    struct vm_machine *m = NULL;
    struct vm_disk_check check;
    struct vm_disk_info info;
    struct vm_err err;

    begin();
    snprintf(below, sizeof below, "%s/base.qcow2", scratch);
    snprintf(top, sizeof top, "%s/top.qcow2", scratch);
    snprintf(value, sizeof value, "%s,format=qcow2", top);
    CHECK(told(vm_disk_create(below, &base, &err), &err));
    CHECK(told(vm_disk_create(top, &over, &err), &err));
    CHECK(told(make("m", &m, &err), &err));
    CHECK(told(vm_machine_set(m, &disk, 1, "test", &err), &err));
    clone_disk(m, "copy", copy, sizeof copy);
    CHECK(told(vm_disk_info_get(copy, "qcow2", &info, &err), &err));
    CHECK_STR(info.backing, below);
    CHECK_EQ(info.size, 8 << 20);
    CHECK(told(vm_disk_check(copy, "qcow2", 0, &check, &err), &err));
    CHECK_EQ(check.errors + check.leaks, 0);
    CHECK(told(vm_disk_info_get(top, "qcow2", &info, &err), &err));
    CHECK_STR(info.backing, "./base.qcow2");
    vm_machine_free(m);
    end();
}

TEST(installing_ends_once)
{
    struct vm_machine *m = NULL;
    struct vm_err err;

    begin();
    CHECK(told(vm_machine_create("i", NULL, 0, VM_CREATE_INSTALLING, "test", &m, &err), &err));
    CHECK_EQ(state_of(m), VM_MACHINE_INSTALLING);
    CHECK_EQ(vm_machine_start(m, "test", &err), -EBUSY);
    CHECK(told(vm_machine_installed(m, "test", &err), &err));
    CHECK_EQ(vm_machine_installed(m, "test", &err), -EINVAL);
    CHECK_EQ(state_of(m), VM_MACHINE_STOPPED);
    vm_machine_free(m);
    end();
}

/* --- processes --- */

TEST(started_and_killed)
{
    struct vm_machine *m = NULL;
    struct vm_machine_info info;
    struct vm_err err;

    begin();
    CHECK(told(make("m", &m, &err), &err));
    CHECK_EQ(vm_machine_kill(m, "test", &err), -ESRCH);
    CHECK(told(vm_machine_start(m, "test", &err), &err));
    CHECK_EQ(state_of(m), VM_MACHINE_RUNNING);
    CHECK_EQ(vm_machine_start(m, "test", &err), -EBUSY);
    CHECK_EQ(vm_machine_delete(m, "test", &err), -EBUSY);
    CHECK_EQ(vm_machine_rename(m, "n", "test", &err), -EBUSY);
    CHECK(told(vm_machine_kill(m, "test", &err), &err));
    CHECK(told(vm_machine_info(m, &info, &err), &err));
    CHECK_EQ(info.state, VM_MACHINE_STOPPED);
    CHECK_STR(info.last_stop, "it was killed");
    CHECK(!info.last_stop_failed);
    vm_machine_free(m);
    end();
}

/* Waits until the machine is seen stopped. */
static void wait_stopped(struct vm_machine *m)
{
    for (int i = 0; i < 6000 && state_of(m) != VM_MACHINE_STOPPED; i++)
        usleep(10000);
    CHECK_EQ(state_of(m), VM_MACHINE_STOPPED);
}

static pid_t parent_of(pid_t pid)
{
    char path[64], line[512] = "", *at;
    FILE *in;

    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    in = fopen(path, "r");
    at = in && fgets(line, sizeof line, in) ? strrchr(line, ')') : NULL;
    if (in)
        fclose(in);
    return at ? (pid_t)strtol(at + 4, NULL, 10) : 0;
}

TEST(a_death_is_noticed_with_its_cause)
{
    struct vm_machine *m = NULL;
    struct vm_machine_info info;
    struct vm_err err;
    pid_t watcher;

    begin();
    CHECK(told(make("m", &m, &err), &err));
    CHECK(told(vm_machine_start(m, "test", &err), &err));
    CHECK(told(vm_machine_info(m, &info, &err), &err));
    CHECK_EQ(kill((pid_t)info.pid, SIGSEGV), 0);
    wait_stopped(m);
    CHECK(told(vm_machine_info(m, &info, &err), &err));
    CHECK(info.last_stop_failed);
    CHECK_HAS(info.last_stop, "signal 11");
    /* The one that watches is gone as well: the next look finds out. */
    CHECK(told(vm_machine_start(m, "test", &err), &err));
    CHECK(told(vm_machine_info(m, &info, &err), &err));
    watcher = parent_of((pid_t)info.pid);
    CHECK(watcher > 1);
    CHECK_EQ(kill(watcher, SIGKILL), 0);
    CHECK_EQ(state_of(m), VM_MACHINE_RUNNING);
    CHECK_EQ(kill((pid_t)info.pid, SIGKILL), 0);
    wait_stopped(m);
    CHECK(told(vm_machine_info(m, &info, &err), &err));
    CHECK(info.last_stop_failed);
    CHECK_HAS(info.last_stop, "vanished");
    CHECK(told(vm_machine_start(m, "test", &err), &err));
    CHECK(told(vm_machine_kill(m, "test", &err), &err));
    vm_machine_free(m);
    end();
}

TEST(of_two_that_start_it_one_does)
{
    enum { RACERS = 4 };
    struct vm_machine *m = NULL;
    struct vm_err err;
    unsigned won = 0, refused = 0;
    int go[2], status;
    char byte;

    begin();
    CHECK(told(make("m", &m, &err), &err));
    vm_machine_free(m);
    CHECK_EQ(pipe(go), 0);
    for (int i = 0; i < RACERS; i++)
        if (fork() == 0) {
            close(go[1]);
            if (vm_machine_open("m", &m, &err) < 0 || read(go[0], &byte, 1) != 0)
                _exit(9);
            status = vm_machine_start(m, "racer", &err);
            vm_machine_free(m);
            _exit(status == 0 ? 1 : status == -EBUSY ? 2 : 3);
        }
    close(go[0]);
    close(go[1]);
    for (int i = 0; i < RACERS; i++) {
        CHECK(wait(&status) > 0 && WIFEXITED(status));
        won += WEXITSTATUS(status) == 1;
        refused += WEXITSTATUS(status) == 2;
    }
    CHECK_EQ(won, 1);
    CHECK_EQ(refused, RACERS - 1);
    CHECK(told(vm_machine_open("m", &m, &err), &err));
    CHECK(told(vm_machine_kill(m, "test", &err), &err));
    vm_machine_free(m);
    end();
}

TEST(a_start_that_fails_says_why)
{
    const struct vm_setting lost[] = { { "disk", "/nonexistent/disk.img" } };
    const struct vm_setting broken[] = { { "firmware", "/nonexistent/firmware" },
                                         { "disk", NULL } };
    struct vm_machine *m = NULL;
    struct vm_err err;
    char *text = NULL;

    begin();
    CHECK(told(make("m", &m, &err), &err));
    CHECK(told(vm_machine_set(m, lost, 1, "test", &err), &err));
    CHECK(vm_machine_start(m, "test", &err) < 0);
    CHECK_HAS(err.text, "/nonexistent/disk.img");
    CHECK_EQ(state_of(m), VM_MACHINE_STOPPED);
    CHECK(told(vm_machine_set(m, broken, 2, "test", &err), &err));
    CHECK(vm_machine_start(m, "test", &err) < 0);
    CHECK_HAS(err.text, "/nonexistent/firmware");
    CHECK(told(vm_machine_explain(m, &text, &err), &err));
    CHECK_HAS(text, "/nonexistent/firmware");
    free(text);
    vm_machine_free(m);
    end();
}

/* --- killed at any moment --- */

/* Makes, changes, copies, renames and deletes for ever. */
static void work_for_ever(unsigned seed)
{
    const struct vm_setting setting[] = { { "cpus", "2" } };
    struct vm_machine *m = NULL, *copy = NULL;
    struct vm_err err;
    char name[32], next[32];

    for (unsigned n = 0;; n++) {
        snprintf(name, sizeof name, "m%u-%u", seed, n);
        snprintf(next, sizeof next, "n%u-%u", seed, n);
        if (make(name, &m, &err) < 0 || vm_machine_set(m, setting, 1, "test", &err) < 0 ||
            vm_machine_clone(m, next, "test", &copy, &err) < 0 ||
            vm_machine_delete(copy, "test", &err) < 0 ||
            vm_machine_rename(m, next, "test", &err) < 0)
            _exit(2);
        vm_machine_free(copy);
        vm_machine_free(m);
    }
}

/* Every machine in the list opens, and is what its name says; then all go. */
static void check_all(void)
{
    struct vm_machine *m = NULL;
    struct vm_machine_info info;
    struct vm_err err;
    char **names = NULL;

    CHECK(told(vm_machines_prune(NULL, NULL, &err), &err));
    CHECK(told(vm_machines_list(&names, &err), &err));
    for (char **name = names; names && *name; name++) {
        if (!CHECK(told(vm_machine_open(*name, &m, &err), &err)))
            continue;
        CHECK(told(vm_machine_info(m, &info, &err), &err));
        CHECK_STR(info.name, *name);
        CHECK_EQ(info.state, VM_MACHINE_STOPPED);
        CHECK(told(vm_machine_delete(m, "test", &err), &err));
        vm_machine_free(m);
    }
    free(names);
    CHECK_EQ(machine_folders(), 0);
}

TEST(killed_commands_leave_whole_machines)
{
    unsigned rounds = getenv("VM_SOAK") ? 1000 : 15;
    int status;

    begin();
    srand(2);
    for (unsigned i = 0; i < rounds && !test_failed_checks; i++) {
        pid_t child = fork();

        if (child == 0)
            work_for_ever(i);
        usleep(20000 + (unsigned)rand() % 80000);
        kill(child, SIGKILL);
        CHECK_EQ(waitpid(child, &status, 0), child);
        CHECK(WIFSIGNALED(status));
        check_all();
    }
    end();
}

TEST_MAIN(TEST_CASE(hostile_names), TEST_CASE(made_changed_renamed_deleted),
          TEST_CASE(a_renamed_folder_is_a_renamed_machine),
          TEST_CASE(a_refused_setting_leaves_no_machine), TEST_CASE(a_clone_has_disks_of_its_own),
          TEST_CASE(a_cloned_overlay_keeps_its_backing_file), TEST_CASE(installing_ends_once),
          TEST_CASE(started_and_killed), TEST_CASE(a_death_is_noticed_with_its_cause),
          TEST_CASE(of_two_that_start_it_one_does), TEST_CASE(a_start_that_fails_says_why),
          TEST_CASE(killed_commands_leave_whole_machines))
