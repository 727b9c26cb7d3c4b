/*
 * print_private.h - what the printing of floating point shares with the rest.
 */
#ifndef TOOLS_SEMGEN_PRINT_PRIVATE_H
#define TOOLS_SEMGEN_PRINT_PRIVATE_H

#include "print.h"

struct printer {
    struct text *t;
    const struct ir_block *b;
    bool *used; /* by operation: somebody needs its value, or it has an effect */
    const char *name;
    bool twins;      /* the first effect is a load or store: see RT_BODY in runtime.h */
    bool second_env; /* the running operation uses the second fp_env */
    unsigned indent;
};

/* One line, indented. */
void print_line(struct printer *p, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The C type of values of type t. */
const char *print_type(enum ir_type t);

/* Of value v; IR_NONE for IR_NO_VAL. */
enum ir_type print_type_of(const struct printer *p, u32 v);

/* Operation i, from FADD to FCLASS. */
void print_fp(struct printer *p, u32 i, const struct ir_op *op);

#endif
