/*
 * tool.c - child processes of an installation.
 */
#include "vm/install/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* A user's $PATH may lack the sbin folders. malloc'ed; NULL: there is none. */
static char *find_program(const char *name)
{
    const char *given = getenv("PATH");
    char *all, *rest, *dir, *found = NULL;

    if (asprintf(&all, "%s:/usr/sbin:/sbin:/usr/bin:/bin", given ? given : "") < 0)
        return NULL;
    rest = all;
    while (!found && (dir = strsep(&rest, ":"))) {
        char *path;

        if (*dir != '/' || asprintf(&path, "%s/%s", dir, name) < 0)
            continue;
        if (access(path, X_OK) == 0)
            found = path;
        else
            free(path);
    }
    free(all);
    return found;
}

int tool_check(const char *program, const char *package, struct err *err)
{
    char *path = find_program(program);

    if (!path)
        return err_set(err, ENOENT, "the program %s is missing: install the Debian package %s",
                       program, package);
    free(path);
    return 0;
}

static int spawn(const char *path, const char *const argv[], const char *log, int out, pid_t *pid)
{
    posix_spawn_file_actions_t acts;
    int rc = posix_spawn_file_actions_init(&acts);

    if (rc)
        return rc;
    posix_spawn_file_actions_addopen(&acts, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&acts, out, 1);
    posix_spawn_file_actions_addopen(&acts, 2, log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    rc = posix_spawn(pid, path, &acts, NULL, (char *const *)argv, environ);
    posix_spawn_file_actions_destroy(&acts);
    return rc;
}

int tool_start(const char *const argv[], const char *log, pid_t *ret_pid, int *ret_out,
               struct err *err)
{
    char *path = find_program(argv[0]);
    int ends[2], rc;

    if (!path)
        return err_set(err, ENOENT, "the program %s is missing", argv[0]);
    rc = pipe2(ends, O_CLOEXEC) ? errno : 0;
    if (rc == 0) {
        rc = spawn(path, argv, log, ends[1], ret_pid);
        close(ends[1]);
        if (rc)
            close(ends[0]);
    }
    *ret_out = ends[0];
    free(path);
    return rc ? err_set_errno(err, rc, "cannot start %s", argv[0]) : 0;
}

int tool_wait(pid_t pid)
{
    int status;

    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return 127;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int tool_run(const char *const argv[], const char *log, void (*fn)(void *arg, char *line),
             void *arg, struct err *err)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t len;
    FILE *in;
    pid_t pid;
    int out, rc = tool_start(argv, log, &pid, &out, err);

    if (rc < 0)
        return rc;
    in = fdopen(out, "r");
    if (!in)
        close(out);
    while (in && (len = getline(&line, &size, in)) > 0) {
        if (line[len - 1] == '\n')
            line[len - 1] = 0;
        if (fn)
            fn(arg, line);
    }
    free(line);
    if (in)
        fclose(in);
    return tool_wait(pid);
}

bool tool_said(const char *log, const char *const words[], char *out, size_t size)
{
    FILE *in = fopen(log, "re");
    char *line = NULL;
    size_t room = 0;
    bool found = false;

    while (in && !found && getline(&line, &room, in) > 0)
        for (unsigned i = 0; !found && words[i]; i++)
            found = strstr(line, words[i]) != NULL;
    if (found) {
        line[strcspn(line, "\n")] = 0;
        snprintf(out, size, "%s", line);
    }
    free(line);
    if (in)
        fclose(in);
    return found;
}
