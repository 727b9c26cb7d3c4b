/*
 * stdio.c - standard input and output, with an escape key on terminals.
 *
 * On a terminal, input is read whether the guest has room or not, so that the
 * escape key always works; what the guest cannot take waits in a small buffer and
 * is dropped beyond it, as a serial line would.
 */
#include "backend/chardev/stream.h"
#include "host/signal.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ESCAPE    0x01 /* Ctrl-A */
#define TYPED_MAX 4096

struct stdio {
    struct stream s;
    void (*escape)(void *arg, int key);
    void *escape_arg;
    bool raw;     /* the terminal is ours to restore */
    bool escaped; /* the last key was Ctrl-A */
    int own_out;  /* owns; standard output opened anew, or -1 */
    u8 typed[TYPED_MAX];
    size_t typed_len;
};

static const char help[] = "\r\n"
                           "Ctrl-A x       end the machine\r\n"
                           "Ctrl-A c       the program's own prompt\r\n"
                           "Ctrl-A h       this list\r\n"
                           "Ctrl-A Ctrl-A  send Ctrl-A to the guest\r\n";

static void keep(struct stdio *io, u8 byte)
{
    if (io->typed_len < TYPED_MAX)
        io->typed[io->typed_len++] = byte;
}

static void escape_key(struct stdio *io, u8 key)
{
    switch (key) {
    case ESCAPE: keep(io, ESCAPE); break;
    case 'h': stream_write(&io->s.cd, (const u8 *)help, sizeof help - 1); break;
    case 'x':
    case 'c':
        if (io->escape)
            io->escape(io->escape_arg, key);
        break;
    }
}

static void hand_over(struct stream *s)
{
    struct stdio *io = container_of(s, struct stdio, s);

    while (io->typed_len && s->cd.room) {
        u8 data[TYPED_MAX];
        size_t len = io->typed_len < s->cd.room ? io->typed_len : s->cd.room;

        memcpy(data, io->typed, len);
        io->typed_len -= len;
        memmove(io->typed, io->typed + len, io->typed_len);
        stream_deliver(s, data, len);
    }
}

static void typed(struct stream *s, const u8 *data, size_t len)
{
    struct stdio *io = container_of(s, struct stdio, s);

    for (size_t i = 0; i < len; i++) {
        if (io->escaped) {
            io->escaped = false;
            escape_key(io, data[i]);
        } else if (data[i] == ESCAPE) {
            io->escaped = true;
        } else {
            keep(io, data[i]);
        }
    }
    hand_over(s);
}

static void stdio_free(struct chardev *cd)
{
    struct stdio *io = container_of(cd, struct stdio, s.cd);

    stream_fini(&io->s);
    if (io->raw)
        host_term_restore();
    if (io->own_out >= 0)
        close(io->own_out);
    free(io);
}

static const struct chardev_ops stdio_ops = {
    .name = "stdio",
    .write = stream_write,
    .set_room = stream_set_room,
    .free = stdio_free,
};

/* Non-blocking belongs to the open file, which the shell shares: a terminal or
 * pipe is opened anew instead. Whatever cannot be stays as it is. */
static int open_out(void)
{
    struct stat st;

    if (fstat(STDOUT_FILENO, &st) || !(S_ISCHR(st.st_mode) || S_ISFIFO(st.st_mode)))
        return -1;
    return open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

int chardev_stdio_new(struct loop *loop, void (*escape)(void *arg, int key), void *arg,
                      struct chardev **ret_cd, struct err *err)
{
    struct stdio *io = calloc(1, sizeof *io);
    bool tty = isatty(STDIN_FILENO);
    int ret;

    if (!io)
        return err_set(err, ENOMEM, "no memory for a character device");
    io->s.cd.ops = &stdio_ops;
    io->escape = escape;
    io->escape_arg = arg;
    io->s.ended = stream_end_input;
    if (tty) {
        io->s.input = typed;
        io->s.kicked = hand_over;
    }
    io->own_out = open_out();
    ret = stream_init(&io->s, loop, err);
    if (ret == 0 && tty) {
        ret = host_term_raw(STDIN_FILENO, err);
        io->raw = ret == 0;
    }
    if (ret == 0)
        ret = stream_attach(&io->s, STDIN_FILENO, io->own_out >= 0 ? io->own_out : STDOUT_FILENO,
                            err);
    if (ret) {
        stdio_free(&io->s.cd);
        return ret;
    }
    *ret_cd = &io->s.cd;
    return 0;
}
