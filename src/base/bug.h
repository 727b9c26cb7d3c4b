/*
 * bug.h - we are wrong: checks of our own promises, never of a guest's input.
 */
#ifndef BASE_BUG_H
#define BASE_BUG_H

/* Prints file, line and the condition, dumps what bug_add_dump() registered
 * for this thread, and aborts the process. */
_Noreturn void bug_at(const char *file, int line, const char *what);

/* Has dump(arg) print what this thread works on (to standard error) before the
 * abort; the last registered comes first, at most 4. bug_remove_dump() undoes the
 * last bug_add_dump() of this thread. */
void bug_add_dump(void (*dump)(void *arg), void *arg);
void bug_remove_dump(void);

#define BUG_ON(cond)                                                                               \
    do {                                                                                           \
        if (__builtin_expect(!!(cond), 0))                                                         \
            bug_at(__FILE__, __LINE__, #cond);                                                     \
    } while (0)

#define BUG(what) bug_at(__FILE__, __LINE__, what)

#endif
