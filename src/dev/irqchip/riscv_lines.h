/*
 * riscv_lines.h - interrupt lines of a RISC-V hart, as its devices number them: the bit
 * positions in mip (Privileged Architecture, "Machine Interrupt Registers").
 */
#ifndef DEV_IRQCHIP_RISCV_LINES_H
#define DEV_IRQCHIP_RISCV_LINES_H

enum { RISCV_LINE_MSI = 3, RISCV_LINE_MTI = 7, RISCV_LINE_SEI = 9, RISCV_LINE_MEI = 11 };

#endif
