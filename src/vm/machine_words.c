/*
 * machine_words.c - what a guest's console tells about it.
 *
 * The guest may write anything there: what goes to a person's terminal has its control
 * characters taken out.
 */
#include "vm/machines_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TAIL = 8 * KIB, LINES_MAX = 8, SINCE_MAX = 9 * MIB };

/* Bytes of the console's log from `from` on, at most `max`, the last ones; 0-terminated. */
static char *read_log(const struct vm_machine *m, s64 from, size_t max)
{
    int fd = open(m->paths.console_log, O_RDONLY | O_CLOEXEC);
    s64 end = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
    char *text;
    ssize_t n = 0;

    if (from > end) /* the log has been turned */
        from = 0;
    if (end - from > (s64)max)
        from = end - (s64)max;
    text = malloc((size_t)(end - from) + 1);
    if (text && fd >= 0)
        n = pread(fd, text, (size_t)(end - from), from);
    if (text)
        text[n > 0 ? n : 0] = 0;
    for (ssize_t i = 0; text && i < n; i++)
        if (text[i] == 0)
            text[i] = ' ';
    if (fd >= 0)
        close(fd);
    return text;
}

static s64 run_start(const struct vm_machine *m)
{
    return settings_get_number(&m->state.run, "console-at");
}

bool machine_console_has(const struct vm_machine *m, const char *text)
{
    char *all = read_log(m, run_start(m), SINCE_MAX);
    bool has = all && strstr(all, text);

    free(all);
    return has;
}

/* --- plain text --- */

/* The end of an escape sequence that begins at `at`. */
static const char *skip_escape(const char *at)
{
    if (at[1] == '[') {
        for (at += 2; *at && (*at < '@' || *at > '~'); at++)
            ;
        return *at ? at + 1 : at;
    }
    if (at[1] == ']') {
        for (at += 2; *at && *at != 7 && *at != 27; at++)
            ;
        return *at == 7 ? at + 1 : at;
    }
    return at[1] ? at + 2 : at + 1;
}

/* Takes control characters out, in place; lines end in '\n' alone. */
static void make_plain(char *text)
{
    const char *in = text;
    char *out = text;

    while (*in) {
        if (*in == 27) {
            in = skip_escape(in);
            continue;
        }
        if ((u8)in[0] == 0xc2 && (u8)in[1] >= 0x80 && (u8)in[1] < 0xa0) { /* C1 in UTF-8 */
            in += 2;
            continue;
        }
        if (*in == '\n' || (u8)*in >= ' ')
            *out++ = *in == 127 ? ' ' : *in;
        in++;
    }
    *out = 0;
}

/* The last lines that have something in them, from the end of text; text is changed. */
static unsigned last_lines(char *text, char **lines, unsigned max)
{
    unsigned count = 0;

    while (count < max) {
        size_t len = strlen(text);

        while (len && (text[len - 1] == '\n' || text[len - 1] == ' '))
            text[--len] = 0;
        if (len == 0)
            break;
        lines[count] = strrchr(text, '\n');
        if (!lines[count]) {
            lines[count++] = text;
            break;
        }
        *lines[count]++ = 0;
        count++;
    }
    return count;
}

/* --- what it looks like --- */

/* hopeless: it will not come up by waiting. */
static const struct {
    const char *text, *meaning;
    bool hopeless;
} signs[] = {
    { "Kernel panic - not syncing", "the guest's kernel panicked", true },
    { "(initramfs)", "the guest hangs in its initramfs, at a shell for emergencies", true },
    { "You are in emergency mode", "the guest is in emergency mode, at a shell", true },
    { "login:", "the guest is at its login prompt", false },
};

static const char *meaning(const char *text)
{
    for (size_t i = 0; i < ARRAY_SIZE(signs); i++)
        if (strstr(text, signs[i].text))
            return signs[i].meaning;
    return *text ? NULL : "the guest has written nothing on its console";
}

bool machine_is_hopeless(const struct vm_machine *m)
{
    for (size_t i = 0; i < ARRAY_SIZE(signs); i++)
        if (signs[i].hopeless && machine_console_has(m, signs[i].text))
            return true;
    return false;
}

/* What its systemd waits for; "": nothing was heard, or not since it is up. */
static void read_status(const struct vm_machine *m, char text[FOLDER_STATUS_MAX + 1])
{
    int fd = m->state.ready ? -1 : open(m->paths.status, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : pread(fd, text, FOLDER_STATUS_MAX, 0);

    text[n > 0 ? n : 0] = 0;
    make_plain(text);
    if (fd >= 0)
        close(fd);
}

char *machine_last_words(const struct vm_machine *m, unsigned max, const char *mark)
{
    char status[FOLDER_STATUS_MAX + 1];
    char *text = read_log(m, run_start(m), TAIL), *lines[LINES_MAX], *out = NULL;
    const char *what, *next = "";
    unsigned count;
    size_t size;
    FILE *f = text ? open_memstream(&out, &size) : NULL;

    if (f) {
        make_plain(text);
        read_status(m, status);
        what = meaning(text);
        if (what) {
            fputs(what, f);
            next = "; ";
        }
        if (*status) {
            fprintf(f, "%sits systemd says: %s", next, status);
            next = "; ";
        }
        count = last_lines(text, lines, max < LINES_MAX ? max : LINES_MAX);
        if (count)
            fprintf(f, "%sthe last lines of its console are", next);
        while (count--)
            fprintf(f, "%s%.120s", mark, lines[count]);
        if (fclose(f) != 0) {
            free(out);
            out = NULL;
        }
    }
    free(text);
    return out;
}
