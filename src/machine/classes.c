/*
 * classes.c - all boards.
 */
#include "machine/machine.h"

extern const struct machine_class riscv_virt_class;

const struct machine_class *const machine_classes[] = { &riscv_virt_class, NULL };
