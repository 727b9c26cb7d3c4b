/*
 * gicv3.h - how a board wires a GICv3: regions, inputs, system registers, CPU lines.
 *
 * Class "gicv3" serves the CPUs that dev_host.cpu_count() tells, at most GICV3_MAX_CPUS;
 * property "spis" says how many shared interrupts there are. CPU i has the affinity
 * 0.0.(i / 16).(i % 16). GICD_CTLR.DS and ARE are fixed at 1.
 *
 * Inputs (dev_irq_connect, dev_irq_input): input n is SPI n, INTID GICV3_SPI + n. Messages of
 * devices (dev_msi_input) are stores of an INTID to GICD_SETSPI_NSR, the address where region
 * GICV3_DIST is mapped plus GICV3_SETSPI; and with property "its" set, stores of an EventID to
 * GITS_TRANSLATER, region GICV3_ITS plus GICV3_TRANSLATER, whose DeviceID is the requester.
 */
#ifndef DEV_IRQCHIP_GICV3_H
#define DEV_IRQCHIP_GICV3_H

enum { GICV3_MAX_CPUS = 64, GICV3_SPI = 32, GICV3_SETSPI = 0x40 };

/* Regions. Redistributors lie one behind the other, CPU 0's first. The ITS's is to be mapped with
 * property "its" only. */
enum { GICV3_DIST, GICV3_REDIST, GICV3_ITS };
enum { GICV3_DIST_SIZE = 0x10000, GICV3_REDIST_STEP = 0x20000 /* a CPU */ };
enum { GICV3_ITS_SIZE = 0x20000, GICV3_TRANSLATER = 0x10040 };

/* Lines of a CPU that the controller drives: group 1 and group 0, and those of the virtual CPU
 * interface. */
enum { GICV3_LINE_IRQ, GICV3_LINE_FIQ, GICV3_LINE_VIRQ = 3, GICV3_LINE_VFIQ };
/* INTID of the PPI by which the virtual CPU interface calls its hypervisor. */
enum { GICV3_PPI_MAINTENANCE = 25 };

/* Spaces of dev_sysreg_read and dev_sysreg_write, with CPU indices. */
enum {
    GICV3_SPACE_CPU,     /* the CPU interface; number 0 reads 1, without effect */
    GICV3_SPACE_PPI,     /* written only: number is the INTID of a PPI (16 … 31), value its level */
    GICV3_SPACE_VIRTUAL, /* the virtual CPU interface: ICV_*, by the numbers of ICC_* */
};

/* Numbers in GICV3_SPACE_CPU: op0:op1:CRn:CRm:op2 as in MRS and MSR, 16 bits. */
#define GICV3_ICC(crn, crm, op2) (3u << 14 | (crn) << 7 | (crm) << 3 | (op2))

enum {
    ICC_PMR = GICV3_ICC(4u, 6u, 0u),
    ICC_IAR0 = GICV3_ICC(12u, 8u, 0u),
    ICC_EOIR0 = GICV3_ICC(12u, 8u, 1u),
    ICC_HPPIR0 = GICV3_ICC(12u, 8u, 2u),
    ICC_BPR0 = GICV3_ICC(12u, 8u, 3u),
    ICC_AP0R0 = GICV3_ICC(12u, 8u, 4u),
    ICC_AP1R0 = GICV3_ICC(12u, 9u, 0u),
    ICC_DIR = GICV3_ICC(12u, 11u, 1u),
    ICC_RPR = GICV3_ICC(12u, 11u, 3u),
    ICC_SGI1R = GICV3_ICC(12u, 11u, 5u),
    ICC_ASGI1R = GICV3_ICC(12u, 11u, 6u),
    ICC_SGI0R = GICV3_ICC(12u, 11u, 7u),
    ICC_IAR1 = GICV3_ICC(12u, 12u, 0u),
    ICC_EOIR1 = GICV3_ICC(12u, 12u, 1u),
    ICC_HPPIR1 = GICV3_ICC(12u, 12u, 2u),
    ICC_BPR1 = GICV3_ICC(12u, 12u, 3u),
    ICC_CTLR = GICV3_ICC(12u, 12u, 4u),
    ICC_SRE = GICV3_ICC(12u, 12u, 5u),
    ICC_IGRPEN0 = GICV3_ICC(12u, 12u, 6u),
    ICC_IGRPEN1 = GICV3_ICC(12u, 12u, 7u),
};

/* EL2's, in the same space: what a hypervisor sees of the virtual CPU interface. */
#define GICV3_ICH(crm, op2) (3u << 14 | 4u << 11 | 12u << 7 | (crm) << 3 | (op2))
enum { GICV3_LIST_REGISTERS = 4 };

enum {
    ICH_AP0R0 = GICV3_ICH(8u, 0u),
    ICH_AP1R0 = GICV3_ICH(9u, 0u),
    ICC_SRE_EL2 = GICV3_ICH(9u, 5u),
    ICH_HCR = GICV3_ICH(11u, 0u),
    ICH_VTR = GICV3_ICH(11u, 1u),
    ICH_MISR = GICV3_ICH(11u, 2u),
    ICH_EISR = GICV3_ICH(11u, 3u),
    ICH_ELRSR = GICV3_ICH(11u, 5u),
    ICH_VMCR = GICV3_ICH(11u, 7u),
    ICH_LR0 = GICV3_ICH(12u, 0u),
};

#endif
