/*
 * imsic.h - the system registers that an IMSIC answers, one interrupt file a space.
 *
 * The numbers below 0x100 are those that a hart's miselect or siselect selects
 * (AIA 1.0, "CSRs for external interrupts via an IMSIC"); the others are this
 * machine's own, for registers that are not selected.
 */
#ifndef DEV_IRQCHIP_IMSIC_H
#define DEV_IRQCHIP_IMSIC_H

enum { IMSIC_SPACE_M = 0, IMSIC_SPACE_S = 1 };

enum {
    IMSIC_EIDELIVERY = 0x70,
    IMSIC_EITHRESHOLD = 0x72,
    IMSIC_EIP = 0x80,     /* … 0xbe: 64 pending bits in each even one */
    IMSIC_EIE = 0xc0,     /* … 0xfe: 64 enable bits in each even one */
    IMSIC_TOPEI = 0x100,  /* mtopei, stopei; a write claims what a read would show */
    IMSIC_EXISTS = 0x101, /* reads 1, without effect */
    IMSIC_CLAIM = 0x102,  /* reads as TOPEI and claims that, in one step */
};

#endif
