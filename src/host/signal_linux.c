/*
 * signal_linux.c - signals become loop callbacks; the terminal's old mode comes back.
 *
 * The handler only writes the signal's number into a pipe. When a signal ends the
 * process, the same file's second handler puts the terminal right first.
 */
#include "host/signal.h"
#include "base/bug.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

static const int asked[] = { SIGINT, SIGTERM, SIGHUP };
static const int deadly[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGQUIT, SIGTRAP, SIGSYS };

/* The process-wide state that rule 5's list names. */
static struct {
    bool started;
    int pipe[2];
    volatile sig_atomic_t waiting; /* asked-for signals not handled yet */
    struct loop_fd *watch;         /* owns */
    void (*fn)(void *arg, int sig);
    void *arg;
} dispatcher;

static struct {
    volatile sig_atomic_t raw;
    bool exit_hooked;
    int fd;
    struct termios old;
} terminal;

/* Restores the terminal and lets the signal do what it does by default; the
 * handler is reset already (SA_RESETHAND). */
static void on_deadly(int sig)
{
    host_term_restore();
    raise(sig);
}

static void on_asked(int sig)
{
    int saved = errno;
    u8 byte = (u8)sig;

    if (sig != SIGHUP && dispatcher.waiting > 0) {
        host_term_restore();
        signal(sig, SIG_DFL);
        raise(sig); /* taken when this handler returns */
    } else {
        ssize_t n = write(dispatcher.pipe[1], &byte, 1);

        (void)n; /* a full pipe holds enough signals */
        dispatcher.waiting = dispatcher.waiting + (sig != SIGHUP);
    }
    errno = saved;
}

static void on_readable(void *arg, unsigned events)
{
    u8 byte;

    while (read(dispatcher.pipe[0], &byte, 1) == 1) {
        dispatcher.fn(dispatcher.arg, byte);
        if (!dispatcher.started) /* stopped from within */
            return;
        if (byte != SIGHUP)
            dispatcher.waiting = dispatcher.waiting - 1;
    }
}

static void set_action(int sig, void (*handler)(int), int flags)
{
    struct sigaction sa = { .sa_handler = handler, .sa_flags = flags };

    sigemptyset(&sa.sa_mask);
    sigaction(sig, &sa, NULL);
}

/* Whoever set a handler before us (a sanitizer, a debugger's stub) keeps it. */
static void set_deadly(void (*from)(int), void (*to)(int))
{
    for (size_t i = 0; i < ARRAY_SIZE(deadly); i++) {
        struct sigaction now;

        if (sigaction(deadly[i], NULL, &now) == 0 && !(now.sa_flags & SA_SIGINFO) &&
            now.sa_handler == from)
            set_action(deadly[i], to, to == SIG_DFL ? 0 : SA_RESETHAND | SA_NODEFER);
    }
}

int host_signal_start(struct loop *loop, void (*fn)(void *arg, int sig), void *arg, struct err *err)
{
    int ret;

    if (dispatcher.started)
        return err_set(err, EBUSY, "signals are handled already in this process");
    if (pipe2(dispatcher.pipe, O_CLOEXEC | O_NONBLOCK))
        return err_set_errno(err, errno, "cannot make a pipe for signals");
    ret = loop_fd_new(loop, dispatcher.pipe[0], LOOP_IN, on_readable, NULL, &dispatcher.watch, err);
    if (ret) {
        close(dispatcher.pipe[0]);
        close(dispatcher.pipe[1]);
        return ret;
    }
    dispatcher.fn = fn;
    dispatcher.arg = arg;
    dispatcher.waiting = 0;
    dispatcher.started = true;
    set_action(SIGPIPE, SIG_IGN, 0);
    set_action(SIGXFSZ, SIG_IGN, 0);
    for (size_t i = 0; i < ARRAY_SIZE(asked); i++)
        set_action(asked[i], on_asked, SA_RESTART);
    return 0;
}

void host_signal_stop(void)
{
    if (!dispatcher.started)
        return;
    for (size_t i = 0; i < ARRAY_SIZE(asked); i++)
        set_action(asked[i], SIG_DFL, 0);
    dispatcher.started = false;
    loop_fd_free(dispatcher.watch);
    dispatcher.watch = NULL;
    close(dispatcher.pipe[0]);
    close(dispatcher.pipe[1]);
}

int host_term_raw(int fd, struct err *err)
{
    struct termios raw;

    if (terminal.raw)
        return err_set(err, EBUSY, "a terminal is in raw mode already in this process");
    if (tcgetattr(fd, &terminal.old))
        return err_set_errno(err, errno, "cannot read the terminal's mode");
    raw = terminal.old;
    raw.c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    raw.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
    raw.c_cflag &= ~(tcflag_t)(CSIZE | PARENB);
    raw.c_cflag |= CS8;
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    terminal.fd = fd;
    if (!terminal.exit_hooked && atexit(host_term_restore) == 0)
        terminal.exit_hooked = true;
    terminal.raw = 1; /* before the change: a signal in between restores too much, not too little */
    set_deadly(SIG_DFL, on_deadly);
    if (tcsetattr(fd, TCSANOW, &raw)) {
        int code = errno;

        host_term_restore();
        return err_set_errno(err, code, "cannot put the terminal into raw mode");
    }
    return 0;
}

void host_term_restore(void)
{
    if (!terminal.raw)
        return;
    terminal.raw = 0;
    tcsetattr(terminal.fd, TCSANOW, &terminal.old); /* async-signal-safe by POSIX */
    set_deadly(on_deadly, SIG_DFL);
}
