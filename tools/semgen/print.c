/*
 * print.c - operations as C statements; one local variable a value.
 */
#include "print_private.h"
#include "ir/check.h"
#include "ir/fp.h"
#include "semgen.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void text_put(struct text *t, const char *fmt, ...)
{
    va_list ap;
    int n;

    if (t->room - t->len < 1024) {
        t->room = t->room * 2 + 4096;
        t->buf = realloc(t->buf, t->room);
        if (!t->buf)
            abort();
    }
    va_start(ap, fmt);
    n = vsnprintf(t->buf + t->len, t->room - t->len, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= t->room - t->len)
        abort(); /* a line over 1 KiB: no operation prints one */
    t->len += (size_t)n;
}

void print_line(struct printer *p, const char *fmt, ...)
{
    char buf[900];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(buf, sizeof buf, fmt, ap);
    va_end(ap);
    for (char *f = buf; p->second_env && (f = strstr(f, "F->")) != NULL; f++)
        *f = 'G'; /* both pointers: print_body */
    text_put(p->t, "%*s%s\n", (int)p->indent * 4, "", buf);
}

const char *print_type(enum ir_type t)
{
    static const char *const names[] = { "void", "u8", "u8", "u16", "u32", "u64", "u128" };

    return names[t];
}

static const char *c_signed(enum ir_type t)
{
    static const char *const names[] = { "void", "s8", "s8", "s16", "s32", "s64", "s128" };

    return names[t];
}

enum ir_type print_type_of(const struct printer *p, u32 v)
{
    return v == IR_NO_VAL ? IR_NONE : p->b->ops[v].type;
}

/* Width of the access functions: i1 is a byte. */
static unsigned access_bits(enum ir_type t)
{
    return ir_type_size(t) * 8;
}

/* --- which values are needed --- */

static bool has_effect(const struct ir_op *op)
{
    return !ir_is_pure(op->op) && op->op != IR_PC && op->op != IR_GET && op->op != IR_GETX &&
           op->op != IR_VARNEW && op->op != IR_VARGET;
}

static bool symbol_in_c(const struct ir_op *op)
{
    return op->op == IR_CONST || op->op == IR_PC || op->op == IR_GET || op->op == IR_SET ||
           op->op == IR_GETX || op->op == IR_SETX;
}

static void mark_used(struct printer *p)
{
    for (u32 i = p->b->op_count; i-- > 0;) {
        const struct ir_op *op = &p->b->ops[i];

        if (has_effect(op))
            p->used[i] = true;
        if (!p->used[i])
            continue;
        if (op->a != IR_NO_VAL)
            p->used[op->a] = true;
        if (op->b != IR_NO_VAL)
            p->used[op->b] = true;
        if (op->c != IR_NO_VAL && !symbol_in_c(op))
            p->used[op->c] = true;
    }
}

/* --- state --- */

/* "S + in->reg[k] + off" */
static const char *state_at(const struct ir_op *op, char buf[64])
{
    if (op->c == IR_NO_VAL)
        snprintf(buf, 64, "S + %" PRIu64, op->imm);
    else if (op->imm)
        snprintf(buf, 64, "S + in->reg[%" PRIu32 "] + %" PRIu64, op->c, op->imm);
    else
        snprintf(buf, 64, "S + in->reg[%" PRIu32 "]", op->c);
    return buf;
}

static void print_state(struct printer *p, u32 i, const struct ir_op *op)
{
    unsigned w = access_bits(op->type);
    char at[64];

    state_at(op, at);
    switch (op->op) {
    case IR_GET: print_line(p, "%s v%u = rt_get%u(%s);", print_type(op->type), i, w, at); break;
    case IR_SET: print_line(p, "rt_set%u(%s, v%u);", w, at, op->a); break;
    case IR_GETX:
        print_line(p, "%s v%u = rt_get%u(%s + v%u);", print_type(op->type), i, w, at, op->a);
        break;
    default: print_line(p, "rt_set%u(%s + v%u, v%u);", w, at, op->a, op->b); break;
    }
}

static void print_const(struct printer *p, u32 i, const struct ir_op *op)
{
    const char *t = print_type(op->type);

    if (op->c != IR_NO_VAL)
        print_line(p, "%s v%u = (%s)%sin->%s%s;", t, i, t, /* zero-extended to i128, as ir_const */
                   op->type == IR_I1     ? "("
                   : op->type == IR_I128 ? "(u64)"
                                         : "",
                   op->c ? "imm2" : "imm", op->type == IR_I1 ? " & 1)" : "");
    else
        print_line(p, "%s v%u = %#" PRIx64 "%s;", t, i, op->imm, op->type >= IR_I64 ? "ull" : "u");
}

static void print_pc(struct printer *p, u32 i, const struct ir_op *op)
{
    print_line(p, "u64 v%u = %s(c, in) + (u64)%" PRId64 "ll;", i,
               op->c == 1 ? "rt_next_pc" : "rt_pc", (s64)op->imm);
}

/* --- arithmetic: the text column of ops.def --- */

static void expand(const struct printer *p, const struct ir_op *op, char *out, size_t size)
{
    enum ir_type ta = print_type_of(p, op->a);
    size_t n = 0;

    for (const char *f = ir_op_infos[op->op].text; *f; f++) {
        char *to = out + n;
        size_t room = size - n;

        if (*f != '$') {
            snprintf(to, room, "%c", *f);
            n++;
            continue;
        }
        switch (*++f) {
        case 'a': snprintf(to, room, "v%u", op->a); break;
        case 'b': snprintf(to, room, "v%u", op->b); break;
        case 'c': snprintf(to, room, "v%u", op->c); break;
        case 't': snprintf(to, room, "%s", print_type(op->type)); break;
        case 's': snprintf(to, room, "%s", c_signed(op->type)); break;
        case 'S': snprintf(to, room, "%s", c_signed(ta)); break;
        case 'w': snprintf(to, room, "%u", ir_type_bits(op->type)); break;
        case 'W': snprintf(to, room, "%u", ir_type_bits(ta)); break;
        default:
            fprintf(stderr, "semgen: ops.def: %s: unknown $%c\n", ir_op_infos[op->op].name, *f);
            exit(1);
        }
        n += strlen(to);
    }
}

static void print_arithmetic(struct printer *p, u32 i, const struct ir_op *op)
{
    char text[300] = "";

    if (op->op == IR_DEPOSIT)
        snprintf(text, sizeof text, "(%s)rt_deposit(v%u, v%u, %" PRIu64 ", %" PRIu64 ")",
                 print_type(op->type), op->a, op->b, op->imm, op->imm2);
    else
        expand(p, op, text, sizeof text);
    print_line(p, "%s v%u = %s;", print_type(op->type), i, text);
}

/* --- memory --- */

static const char *how_text(const struct ir_op *op, char buf[64])
{
    snprintf(buf, 64, "(struct ir_mem){ %u, %u, %u, %u }", op->mem.mmu, op->mem.align,
             op->mem.order, op->mem.access);
    return buf;
}

static void or_fault(struct printer *p, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The access, then "return RUN_FAULT" if it raised. */
static void or_fault(struct printer *p, const char *fmt, ...)
{
    char call[300];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(call, sizeof call, fmt, ap);
    va_end(ap);
    print_line(p, "if (unlikely(%s))", call);
    print_line(p, "    return RUN_FAULT;");
}

/* A load or store: fast half, and what to do when it says no. */
static void print_plain_access(struct printer *p, u32 i, const struct ir_op *op)
{
    bool load = op->op == IR_LD;
    unsigned size = ir_type_size(op->type);
    char how[64], slow[200];

    how_text(op, how);
    if (load)
        print_line(p, "%s v%u UNUSED;", print_type(op->type), i);
    snprintf(slow, sizeof slow, "cpu_%s_slow(c, in, v%u, &v%u, %u, %s)", load ? "load" : "store",
             op->a, load ? i : op->b, size, how);
    if (p->twins) {
        print_line(p, "if (slow) {");
        print_line(p, "    if (%s)", slow);
        print_line(p, "        return RUN_FAULT;");
        print_line(p, "} else if (!rt_%s%u(c, v%u, %sv%u, %s))", load ? "load" : "store", size * 8,
                   op->a, load ? "&" : "", load ? i : op->b, how);
        print_line(p, "    return s_%s(c, in);", p->name);
        return;
    }
    print_line(p, "if (!rt_%s%u(c, v%u, %sv%u, %s) &&", load ? "load" : "store", size * 8, op->a,
               load ? "&" : "", load ? i : op->b, how);
    print_line(p, "    %s)", slow);
    print_line(p, "    return RUN_FAULT;");
}

static void print_memory(struct printer *p, u32 i, const struct ir_op *op)
{
    enum ir_type t = op->op == IR_SC ? print_type_of(p, op->b) : op->type;
    unsigned size = ir_type_size(t);
    char how[64];

    if (op->op == IR_LD || op->op == IR_ST) {
        print_plain_access(p, i, op);
        return;
    }
    how_text(op, how);
    if (op->op != IR_PROBE)
        print_line(p, "%s v%u UNUSED;", op->op == IR_SC ? "bool" : print_type(op->type), i);
    switch (op->op) {
    case IR_PROBE:
        or_fault(p, "cpu_probe(c, in, v%u, %" PRIu64 ", %s)", op->a, op->imm2, how);
        break;
    case IR_RMW:
        or_fault(p, "cpu_rmw(c, in, v%u, (enum ir_rmw)%" PRIu64 ", &v%u, &v%u, %u, %s)", op->a,
                 op->imm2, op->b, i, size, how);
        break;
    case IR_CAS:
        or_fault(p, "cpu_cas(c, in, v%u, &v%u, &v%u, &v%u, %u, %s)", op->a, op->b, op->c, i, size,
                 how);
        break;
    case IR_LL: or_fault(p, "cpu_ll(c, in, v%u, &v%u, %u, %s)", op->a, i, size, how); break;
    default:
        or_fault(p, "cpu_sc(c, in, v%u, &v%u, %u, %s, &v%u)", op->a, op->b, size, how, i);
        break;
    }
}

/* --- control --- */

static void open_brace(struct printer *p, const char *text)
{
    print_line(p, "%s {", text);
    p->indent++;
}

static void close_brace(struct printer *p)
{
    p->indent--;
    print_line(p, "}");
}

static void print_control(struct printer *p, u32 i, const struct ir_op *op)
{
    char text[80];

    switch (op->op) {
    case IR_IF:
        snprintf(text, sizeof text, "if (v%u)", op->a);
        open_brace(p, text);
        break;
    case IR_ELSE:
        p->indent--;
        open_brace(p, "} else");
        break;
    case IR_LOOP: open_brace(p, "for (;;)"); break;
    case IR_VLOOP:
        snprintf(text, sizeof text, "for (u64 v%u = v%u; v%u < v%u; v%u++)", i, op->a, i, op->b, i);
        open_brace(p, text);
        break;
    case IR_BREAKIF:
        print_line(p, "if (v%u)", op->a);
        print_line(p, "    break;");
        break;
    default: /* ENDIF, ENDLOOP, ENDVLOOP */ close_brace(p); break;
    }
}

static void print_call(struct printer *p, u32 i, const struct ir_op *op)
{
    u32 effects = op->helper->effects;
    char arg[3][16];
    const u32 v[3] = { op->a, op->b, op->c };

    for (int k = 0; k < 3; k++) {
        if (v[k] == IR_NO_VAL)
            snprintf(arg[k], sizeof arg[k], "0");
        else
            snprintf(arg[k], sizeof arg[k], "v%u", v[k]);
    }
    if (effects & (IRH_COUNT | IRH_RAISES))
        print_line(p, "c->insn_index = in->index;");
    print_line(p, "u64 v%u UNUSED = %s(c, %s, %s, %s);", i, op->helper->name, arg[0], arg[1],
               arg[2]);
    if (effects & IRH_RAISES)
        or_fault(p, "c->fault.pending");
}

static void set_pc(struct printer *p, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void set_pc(struct printer *p, const char *fmt, ...)
{
    char value[100];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(value, sizeof value, fmt, ap);
    va_end(ap);
    print_line(p, "rt_set64(S + %" PRIu32 ", %s);", semgen_pc_offset, value);
}

static void print_exit(struct printer *p, const struct ir_op *op)
{
    switch (op->op) {
    case IR_RAISE:
        print_line(p, "return rt_raise(c, in, %" PRIu64 ", v%u);", op->imm, op->a);
        break;
    case IR_RAISEIF:
        print_line(p, "if (unlikely(v%u))", op->a);
        print_line(p, "    return rt_raise(c, in, %" PRIu64 ", v%u);", op->imm, op->b);
        break;
    case IR_JUMP:
        set_pc(p, "v%u", op->a);
        print_line(p, "return RUN_JUMP;");
        break;
    case IR_JUMPIF:
        print_line(p, "if (!v%u)", op->a);
        print_line(p, "    return RUN_NEXT;");
        set_pc(p, "v%u", op->b);
        print_line(p, "return RUN_JUMP;");
        break;
    default: /* ENDBLOCK */
        if (!op->imm)
            set_pc(p, "rt_next_pc(c, in)");
        print_line(p, "return RUN_LOOKUP;");
        break;
    }
}

static void print_op(struct printer *p, u32 i)
{
    const struct ir_op *op = &p->b->ops[i];

    switch (op->op) {
    case IR_INSN:
    case IR_COMMIT: break;
    case IR_CONST: print_const(p, i, op); break;
    case IR_PC: print_pc(p, i, op); break;
    case IR_GET:
    case IR_SET:
    case IR_GETX:
    case IR_SETX: print_state(p, i, op); break;
    case IR_VARNEW:
    case IR_VARGET: print_line(p, "%s v%u UNUSED = v%u;", print_type(op->type), i, op->a); break;
    case IR_VARSET: print_line(p, "v%u = v%u;", op->a, op->b); break;
    case IR_CLREX: print_line(p, "cpu_clrex(c);"); break;
    case IR_FENCE: print_line(p, "rt_fence(%" PRIu64 ");", op->imm); break;
    case IR_CALL: print_call(p, i, op); break;
    case IR_RAISE:
    case IR_RAISEIF:
    case IR_JUMP:
    case IR_JUMPIF:
    case IR_ENDBLOCK: print_exit(p, op); break;
    default:
        if (ir_op_infos[op->op].effects & IRE_CTRL)
            print_control(p, i, op);
        else if (op->op >= IR_LD && op->op <= IR_SC)
            print_memory(p, i, op);
        else if (op->op >= IR_FADD && op->op <= IR_FCLASS)
            print_fp(p, i, op);
        else
            print_arithmetic(p, i, op);
    }
}

static bool uses_fp(const struct ir_block *b, unsigned env)
{
    for (u32 i = 0; i < b->op_count; i++)
        if (ir_op_infos[b->ops[i].op].effects & IRE_FP && b->ops[i].fp.env == env)
            return true;
    return false;
}

static bool ends_with_exit(const struct ir_block *b)
{
    return ir_op_infos[b->ops[b->op_count - 1].op].effects & IRE_EXIT;
}

/* True when exactly one operation touches guest memory, it is a plain load or store, and
 * nothing before it has an effect, so that the handler may start over there. */
static bool can_start_over(const struct ir_block *b)
{
    unsigned accesses = 0;

    for (u32 i = 0; i < b->op_count; i++) {
        const struct ir_op *op = &b->ops[i];

        if (op->op == IR_LD || op->op == IR_ST)
            accesses++;
        else if (accesses == 0 && has_effect(op) && op->op != IR_INSN && op->op != IR_RAISEIF)
            return false;
    }
    return accesses == 1;
}

static void print_body(struct printer *p)
{
    const struct ir_block *b = p->b;

    text_put(p->t, "{\n");
    print_line(p, "u8 *S UNUSED = vcpu_state(c);");
    if (uses_fp(b, 0))
        print_line(p, "struct fp_env *F = (struct fp_env *)(S + %" PRIu32 ");",
                   semgen_fp_env_offset);
    if (uses_fp(b, 1))
        print_line(p, "struct fp_env *G = (struct fp_env *)(S + %" PRIu32 ") + 1;",
                   semgen_fp_env_offset);
    for (u32 i = 0; i < b->op_count; i++)
        if (p->used[i])
            print_op(p, i);
    if (!ends_with_exit(b))
        print_line(p, "return RUN_NEXT;");
    text_put(p->t, "}\n");
}

static void print_twins(struct printer *p)
{
    const char *args = "(struct vcpu *c, const struct isa_insn *in";

    text_put(p->t, "\nRT_TWIN s_%s%s);\n", p->name, args);
    text_put(p->t, "RT_BODY b_%s%s, bool slow)\n", p->name, args);
    print_body(p);
    text_put(p->t, "RT_TWIN s_%s%s)\n{\n    return b_%s(c, in, true);\n}\n", p->name, args,
             p->name);
    text_put(p->t, "int %s_h_%s%s)\n{\n    return b_%s(c, in, false);\n}\n", semgen_prefix, p->name,
             args, p->name);
}

void print_handler(struct text *t, const struct ir_block *b, const char *name)
{
    struct printer p = { .t = t, .b = b, .name = name, .indent = 1 };

    p.used = calloc(b->op_count, sizeof(bool));
    if (!p.used)
        abort();
    mark_used(&p);
    p.twins = can_start_over(b);
    if (p.twins) {
        print_twins(&p);
    } else {
        text_put(t, "\nint %s_h_%s(struct vcpu *c, const struct isa_insn *in)\n", semgen_prefix,
                 name);
        print_body(&p);
    }
    free(p.used);
}
