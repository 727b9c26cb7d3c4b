/*
 * test_store.c - the life of a named machine as a state machine, and its store of events.
 */
#include "test.h"
#include "vm/store.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- the state machine --- */

static struct life_event event(enum life_kind kind, const char *key, const char *value)
{
    struct life_event e = { .kind = kind, .cause = strdup("test") };

    if (key)
        CHECK_EQ(settings_add(&e.fields, key, value), 0);
    return e;
}

static void apply(struct life_state *s, enum life_kind kind, const char *key, const char *value)
{
    struct life_event e = event(kind, key, value);

    e.number = s->last_number + 1;
    e.time_ms = 1000 * e.number;
    CHECK_EQ(life_apply(s, &e), 0);
    life_event_fini(&e);
}

/* A state in each stage, made of the events that lead there. */
static void reach(struct life_state *s, enum life_stage stage)
{
    if (stage == LIFE_NONE)
        return;
    apply(s, LIFE_CREATED, "name", "m");
    if (stage == LIFE_IS_INSTALLING)
        apply(s, LIFE_INSTALLING, NULL, NULL);
    if (stage == LIFE_IS_RUNNING || stage == LIFE_IS_PAUSED)
        apply(s, LIFE_STARTED, "pid", "7");
    if (stage == LIFE_IS_PAUSED)
        apply(s, LIFE_PAUSED, NULL, NULL);
    if (stage == LIFE_IS_DELETED)
        apply(s, LIFE_DELETED, NULL, NULL);
    CHECK_EQ(s->stage, stage);
}

static char outcome(int rc)
{
    switch (rc) {
    case 0: return '+';
    case -EBUSY: return 'b';
    case -ESRCH: return 's';
    case -ENOENT: return 'n';
    case -EEXIST: return 'e';
    case -EINVAL: return 'i';
    default: return '?';
    }
}

/* Every command in every stage: none, installing, stopped, running, paused, deleted. */
static const struct {
    enum life_verb verb;
    const char *outcomes, *name;
} commands[] = {
    { LIFE_CREATE, "+bebbn", "create" },
    { LIFE_INSTALL, "+bebbn", "install" },
    { LIFE_INSTALL_END, "n+ibbn", "install end" },
    { LIFE_SET, "n++++n", "set" },
    { LIFE_START, "nb+bbn", "start" },
    { LIFE_SEEN_READY, "nbs+bn", "ready" },
    { LIFE_PAUSE, "nbs+bn", "pause" },
    { LIFE_RESUME, "nbsb+n", "resume" },
    { LIFE_GUEST_RESET, "nbs++n", "reset" },
    { LIFE_ASK_POWERDOWN, "nbs+bn", "powerdown" },
    { LIFE_ASK_KILL, "nbs++n", "kill" },
    { LIFE_END, "nbs++n", "end" },
    { LIFE_FAIL, "nbs++n", "fail" },
    { LIFE_RENAME, "nb+bbn", "rename" },
    { LIFE_BE_CLONE, "nb+bbn", "be clone" },
    { LIFE_DELETE, "n++bbn", "delete" },
};

TEST(every_command_in_every_stage)
{
    CHECK_EQ(ARRAY_SIZE(commands), LIFE_VERBS);
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        const struct life_command cmd = { .verb = commands[i].verb, .cause = "c", .name = "n" };
        char got[LIFE_STAGES + 1] = "";

        for (unsigned stage = 0; stage < LIFE_STAGES; stage++) {
            struct life_state s = { 0 };
            struct life_events out = { .count = 0 };
            struct err err = { 0 };
            int rc;

            reach(&s, (enum life_stage)stage);
            rc = life_decide(&s, &cmd, &out, &err);
            got[stage] = outcome(rc);
            CHECK(rc == 0 || (out.count == 0 && err.text[0]));
            for (unsigned n = 0; n < out.count; n++)
                CHECK_EQ(life_apply(&s, &out.v[n]), 0);
            life_events_fini(&out);
            life_state_fini(&s);
        }
        if (!CHECK_STR(got, commands[i].outcomes))
            printf("# of command %s\n", commands[i].name);
    }
}

/* What a command yields, folded in. */
static void command(struct life_state *s, enum life_verb verb, const char *cause,
                    const struct vm_setting *fields, unsigned count)
{
    const struct life_command cmd = {
        .verb = verb, .cause = cause, .name = "m", .fields = fields, .field_count = count
    };
    struct life_events out = { .count = 0 };
    struct err err = { 0 };

    if (!CHECK_EQ(life_decide(s, &cmd, &out, &err), 0))
        printf("# %s\n", err.text);
    for (unsigned i = 0; i < out.count; i++)
        CHECK_EQ(life_apply(s, &out.v[i]), 0);
    life_events_fini(&out);
}

TEST(settings_follow_their_events)
{
    struct life_state s = { 0 };
    const struct vm_setting first[] = {
        { "memory", "1G" }, { "disk", "a" }, { "disk", "b" }, { "net", "user" }
    };
    const struct vm_setting second[] = { { "memory", NULL }, { "disk", "a" }, { "disk", "c" } };
    const struct vm_setting third[] = { { "disk", NULL }, { "cpus", "2" } };

    command(&s, LIFE_CREATE, "test", first, ARRAY_SIZE(first));
    CHECK_EQ(s.settings.count, 4);
    command(&s, LIFE_SET, "test", second, ARRAY_SIZE(second));
    CHECK(settings_get(&s.settings, "memory") == NULL);
    CHECK(settings_has(&s.settings, "disk", "a") && settings_has(&s.settings, "disk", "c"));
    CHECK(!settings_has(&s.settings, "disk", "b"));
    CHECK_STR(settings_get(&s.settings, "net"), "user");
    command(&s, LIFE_SET, "test", third, ARRAY_SIZE(third));
    CHECK(settings_get(&s.settings, "disk") == NULL);
    CHECK_STR(settings_get(&s.settings, "cpus"), "2");
    life_state_fini(&s);
}

/* A disk that stays is not taken out and put in again. */
TEST(disks_change_from_the_first_difference)
{
    const struct vm_setting first[] = { { "disk", "a" }, { "disk", "b" }, { "disk", "c" } };
    const struct vm_setting next[] = { { "disk", "a" }, { "disk", "c" }, { "disk", "b" } };
    const struct life_command set = { .verb = LIFE_SET, .fields = next, .field_count = 3 };
    struct life_state s = { 0 };
    struct life_events out = { .count = 0 };
    struct err err = { 0 };

    command(&s, LIFE_CREATE, "test", first, 3);
    CHECK_EQ(life_decide(&s, &set, &out, &err), 0);
    CHECK_EQ(out.count, 4);
    CHECK(out.v[0].kind == LIFE_DISK_DETACHED && out.v[2].kind == LIFE_DISK_ATTACHED);
    for (unsigned i = 0; i < out.count; i++)
        CHECK_EQ(life_apply(&s, &out.v[i]), 0);
    CHECK_STR(s.settings.rows[0].value, "a");
    CHECK_STR(s.settings.rows[1].value, "c");
    CHECK_STR(s.settings.rows[2].value, "b");
    life_events_fini(&out);
    life_state_fini(&s);
}

TEST(why_it_ended)
{
    struct life_state s = { 0 };

    command(&s, LIFE_CREATE, "test", NULL, 0);
    command(&s, LIFE_START, "test", NULL, 0);
    command(&s, LIFE_FAIL, "its process died", NULL, 0);
    CHECK(s.last_stop_failed);
    CHECK_STR(s.last_stop, "its process died");
    command(&s, LIFE_START, "test", NULL, 0);
    command(&s, LIFE_ASK_KILL, "somebody", NULL, 0);
    command(&s, LIFE_FAIL, "its process died", NULL, 0);
    CHECK(!s.last_stop_failed);
    CHECK_STR(s.last_stop, "it was killed");
    command(&s, LIFE_START, "test", NULL, 0);
    command(&s, LIFE_FAIL, "again", NULL, 0);
    CHECK(s.last_stop_failed);
    life_state_fini(&s);
}

/* --- the store --- */

static char folder[] = "/tmp/vm-test-store-XXXXXX";
static char path[64];

static void begin(void)
{
    strcpy(folder + sizeof folder - 7, "XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/store.db", folder);
}

static void end(void)
{
    static const char *const names[] = { "store.db", "store.db-wal", "store.db-shm",
                                         "copy.db",  "copy.db-wal",  "copy.db-shm" };
    char file[128];

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        snprintf(file, sizeof file, "%s/%s", folder, names[i]);
        unlink(file);
    }
    CHECK_EQ(rmdir(folder), 0);
}

static int open_store(bool create, struct store **ret)
{
    struct err err = { 0 };
    int rc = store_open(path, create, ret, &err);

    if (rc < 0 && create)
        printf("# %s\n", err.text);
    return rc;
}

/* One event "configured" with n=NUMBER. */
static int put(struct store *s, s64 n)
{
    struct life_event e = { .kind = LIFE_CONFIGURED, .cause = "test" };
    struct err err = { 0 };
    int rc = settings_add_number(&e.fields, "n", n);

    if (rc == 0)
        rc = settings_add(&e.fields, "text", "some text, so that an event has a size");
    if (rc == 0)
        rc = store_begin(s, &err);
    if (rc == 0)
        rc = store_append(s, &e, &err);
    if (rc == 0)
        rc = store_commit(s, &err);
    settings_fini(&e.fields);
    return rc;
}

struct seen {
    s64 last_number, last_n;
    bool bad;
};

/* Numbers count from 1 without a gap, and every event has both fields. */
static int look(void *arg, const struct life_event *e, struct err *err)
{
    struct seen *seen = arg;

    seen->bad |= e->number != seen->last_number + 1 || e->fields.count != 2 ||
                 settings_get_number(&e->fields, "n") != e->number;
    seen->last_number = e->number;
    seen->last_n = settings_get_number(&e->fields, "n");
    return 0;
}

static s64 count_events(struct store *s)
{
    struct seen seen = { 0 };
    struct err err = { 0 };

    if (!CHECK_EQ(store_each(s, 0, look, &seen, &err), 0))
        printf("# %s\n", err.text);
    CHECK(!seen.bad);
    return seen.last_number;
}

TEST(events_come_back)
{
    struct store *s = NULL;
    struct seen seen = { .last_number = 3 };
    struct err err = { 0 };

    begin();
    CHECK_EQ(open_store(true, &s), 0);
    for (s64 n = 1; n <= 5; n++)
        CHECK_EQ(put(s, n), 0);
    s = store_close(s);
    CHECK_EQ(open_store(false, &s), 0);
    CHECK_EQ(count_events(s), 5);
    CHECK_EQ(store_each(s, 3, look, &seen, &err), 0);
    CHECK_EQ(seen.last_number, 5);
    store_close(s);
    end();
}

TEST(what_is_not_committed_never_happened)
{
    struct life_event e = { .kind = LIFE_READY, .cause = "test" };
    struct store *s = NULL;
    struct err err = { 0 };

    begin();
    CHECK_EQ(open_store(true, &s), 0);
    CHECK_EQ(put(s, 1), 0);
    CHECK_EQ(store_begin(s, &err), 0);
    CHECK_EQ(store_append(s, &e, &err), 0);
    store_rollback(s);
    CHECK_EQ(count_events(s), 1);
    CHECK_EQ(store_begin(s, &err), 0);
    CHECK_EQ(store_append(s, &e, &err), 0);
    store_close(s);
    CHECK_EQ(open_store(false, &s), 0);
    CHECK_EQ(count_events(s), 1);
    store_close(s);
    end();
}

TEST(a_copy_is_a_store)
{
    struct store *s = NULL, *copy = NULL;
    struct err err = { 0 };
    char to[96];

    begin();
    snprintf(to, sizeof to, "%s/copy.db", folder);
    CHECK_EQ(open_store(true, &s), 0);
    CHECK_EQ(put(s, 1), 0);
    CHECK_EQ(store_copy(s, to, &err), 0);
    CHECK_EQ(put(s, 2), 0);
    CHECK_EQ(store_open(to, false, &copy, &err), 0);
    CHECK_EQ(count_events(copy), 1);
    CHECK_EQ(put(copy, 2), 0);
    CHECK_EQ(put(copy, 3), 0);
    CHECK_EQ(count_events(s), 2);
    store_close(copy);
    store_close(s);
    end();
}

static void write_file(const char *text, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    CHECK(fd >= 0 && write(fd, text, len) == (ssize_t)len);
    close(fd);
}

TEST(what_is_no_store_is_refused)
{
    static const char noise[4096] = "SQLite format 3, or not";
    struct store *s = NULL;

    begin();
    CHECK_EQ(open_store(false, &s), -ENOENT);
    write_file(noise, sizeof noise);
    CHECK_EQ(open_store(false, &s), -EBADMSG);
    write_file("", 0);
    CHECK_EQ(open_store(false, &s), -EBADMSG);
    end();
}

/* A damaged page is a sentence, not a crash. */
TEST(damage_is_told)
{
    struct store *s = NULL;
    struct err err = { 0 };
    struct seen seen = { 0 };
    char noise[4096];
    int fd, rc;

    begin();
    CHECK_EQ(open_store(true, &s), 0);
    for (s64 n = 1; n <= 200; n++)
        CHECK_EQ(put(s, n), 0);
    store_close(s);
    memset(noise, 0xa5, sizeof noise);
    fd = open(path, O_RDWR);
    for (off_t at = 4096; at < lseek(fd, 0, SEEK_END); at += 4096)
        CHECK(pwrite(fd, noise, sizeof noise, at) == sizeof noise);
    close(fd);
    rc = store_open(path, false, &s, &err);
    if (rc == 0)
        rc = store_each(s, 0, look, &seen, &err);
    CHECK_EQ(rc, -EBADMSG);
    CHECK_HAS(err.text, path);
    store_close(s);
    end();
}

/* --- killed at any moment --- */

/* The child writes events and says each number once it is committed. */
static void write_for_ever(int out)
{
    struct store *s = NULL;

    if (open_store(false, &s) < 0)
        _exit(2);
    for (s64 n = count_events(s) + 1;; n++)
        if (put(s, n) < 0 || write(out, &n, sizeof n) != sizeof n)
            _exit(3);
}

static s64 kill_writer(unsigned us)
{
    int pipe_fds[2], status;
    s64 said = 0, n;
    pid_t child;

    CHECK_EQ(pipe(pipe_fds), 0);
    child = fork();
    if (child == 0) {
        close(pipe_fds[0]);
        write_for_ever(pipe_fds[1]);
    }
    close(pipe_fds[1]);
    if (read(pipe_fds[0], &n, sizeof n) == sizeof n)
        said = n;
    usleep(us);
    kill(child, SIGKILL);
    while (read(pipe_fds[0], &n, sizeof n) == sizeof n)
        said = n;
    close(pipe_fds[0]);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return said;
}

TEST(killed_writers_lose_nothing)
{
    unsigned rounds = getenv("VM_SOAK") ? 1000 : 20;
    struct store *s = NULL;
    s64 said, there;

    begin();
    CHECK_EQ(open_store(true, &s), 0);
    store_close(s);
    srand(1);
    for (unsigned i = 0; i < rounds && !test_failed_checks; i++) {
        said = kill_writer((unsigned)rand() % 5000);
        CHECK_EQ(open_store(false, &s), 0);
        there = count_events(s);
        /* All that was said is there, and at most the one after it. */
        CHECK(there == said || there == said + 1);
        store_close(s);
    }
    end();
}

/* --- several writers --- */

TEST(writers_take_turns)
{
    enum { WRITERS = 4, EACH = 25 };
    struct life_event e = { .kind = LIFE_READY, .cause = "test" };
    struct store *s = NULL;
    struct err err = { 0 };
    int status;

    begin();
    CHECK_EQ(open_store(true, &s), 0);
    s = store_close(s);
    for (int i = 0; i < WRITERS; i++)
        if (fork() == 0) {
            int rc = store_open(path, false, &s, &err);

            for (int n = 0; rc == 0 && n < EACH; n++) {
                rc = store_begin(s, &err);
                if (rc == 0)
                    rc = store_append(s, &e, &err);
                if (rc == 0)
                    rc = store_commit(s, &err);
            }
            store_close(s);
            _exit(rc != 0);
        }
    for (int i = 0; i < WRITERS; i++)
        CHECK(wait(&status) > 0 && status == 0);
    CHECK_EQ(store_open(path, false, &s, &err), 0);
    CHECK_EQ(put(s, WRITERS * EACH + 1), 0);
    store_close(s);
    end();
}

TEST_MAIN(TEST_CASE(every_command_in_every_stage), TEST_CASE(settings_follow_their_events),
          TEST_CASE(disks_change_from_the_first_difference), TEST_CASE(why_it_ended),
          TEST_CASE(events_come_back), TEST_CASE(what_is_not_committed_never_happened),
          TEST_CASE(a_copy_is_a_store), TEST_CASE(what_is_no_store_is_refused),
          TEST_CASE(damage_is_told), TEST_CASE(killed_writers_lose_nothing),
          TEST_CASE(writers_take_turns))
