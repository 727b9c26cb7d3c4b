/*
 * sysreg.h - system registers of a RISC-V hart that a device answers: the two
 * interrupt files of an IMSIC (AIA 1.0, chapter 3).
 *
 * Spaces and numbers of cpu_env.sysreg_read and sysreg_write. Below 0x100 a number is
 * an indirect register of the interrupt file (what miselect or siselect selects).
 */
#ifndef ISA_RISCV_SYSREG_H
#define ISA_RISCV_SYSREG_H

enum { RV_SYSREG_M_FILE = 0, RV_SYSREG_S_FILE = 1 };
enum {
    RV_SYSREG_TOPEI = 0x100,  /* mtopei, stopei; a write claims */
    RV_SYSREG_EXISTS = 0x101, /* reads 1 when the file is there, without effect */
    RV_SYSREG_CLAIM = 0x102,  /* reads as TOPEI and claims that, in one step */
};

#endif
