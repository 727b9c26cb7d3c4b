/*
 * classes.c - all boards.
 */
#include "machine/machine.h"

extern const struct machine_class arm_virt_class, riscv_virt_class;

/* Those of an architecture stand together; the first is its default. */
const struct machine_class *const machine_classes[] = { &riscv_virt_class, &arm_virt_class, NULL };
