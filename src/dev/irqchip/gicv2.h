/*
 * gicv2.h - how a board wires a GICv2: regions, inputs, lines of CPUs, private interrupts.
 *
 * Class "gicv2" serves the CPUs that dev_host.cpu_count() tells, at most GICV2_MAX_CPUS. Property
 * "spis" says how many shared interrupts there are, "msi-first" and "msi-count" which of them a
 * GICv2m's message frame offers, by number from the first SPI.
 *
 * Inputs (dev_irq_connect, dev_irq_input): input n is SPI n, INTID GICV2_SPI + n. Messages of
 * devices (dev_msi_input) are stores of an INTID to where region GICV2_MSI is mapped plus
 * GICV2_SETSPI.
 */
#ifndef DEV_IRQCHIP_GICV2_H
#define DEV_IRQCHIP_GICV2_H

enum { GICV2_MAX_CPUS = 8, GICV2_SPI = 32, GICV2_SETSPI = 0x40 };

/* Regions: distributor, CPU interface, and the message frame. Each CPU sees its own bank of the
 * first two, by mem_map_cpu_read() and mem_map_cpu_write(); an access of no CPU sees CPU 0's. */
enum { GICV2_DIST, GICV2_CPU, GICV2_MSI };
enum { GICV2_DIST_SIZE = 0x1000, GICV2_CPU_SIZE = 0x2000, GICV2_MSI_SIZE = 0x1000 };

/* Lines of a CPU that the controller drives, numbered as a GICv3's. */
enum { GICV2_LINE_IRQ, GICV2_LINE_FIQ };

/* A space of dev_sysreg_write, numbered as a GICv3's: number is the INTID of a PPI (16 … 31),
 * value its level. */
enum { GICV2_SPACE_PPI = 1 };

#endif
