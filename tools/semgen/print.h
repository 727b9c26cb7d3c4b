/*
 * print.h - the C text of one handler.
 */
#ifndef TOOLS_SEMGEN_PRINT_H
#define TOOLS_SEMGEN_PRINT_H

#include "ir/ir.h"

/* Text that grows; all zero at first. Freed by its owner with free(t->buf). */
struct text {
    char *buf; /* owns; NULL while empty */
    size_t len, room;
};

void text_put(struct text *t, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Appends the function PREFIX_h_NAME, and what it needs, for a block of one instruction built
 * with symbolic operands. name may be "" when the text is only to be compared. */
void print_handler(struct text *t, const struct ir_block *b, const char *name);

#endif
