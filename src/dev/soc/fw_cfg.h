/*
 * fw_cfg.h - what a machine puts into its firmware configuration device before it runs.
 */
#ifndef DEV_SOC_FW_CFG_H
#define DEV_SOC_FW_CFG_H

#include "dev/core/device.h"

enum { FW_CFG_FILES_MAX = 64, FW_CFG_NAME_MAX = 55 /* bytes, without the 0 */ };

/* Adds a file to a device of class "fw-cfg". The name ("opt/…", 1 to FW_CFG_NAME_MAX bytes, not
 * used before) and the bytes are copied. -ENOSPC, -ENOMEM. */
int fw_cfg_add(struct device *d, const char *name, const void *data, u32 size) MUST_CHECK;

/* Items that have a number only: a kernel that firmware may start (fw_cfg.rst). */
enum {
    FW_CFG_KERNEL_SIZE = 0x08,
    FW_CFG_INITRD_SIZE = 0x0b,
    FW_CFG_KERNEL_DATA = 0x11,
    FW_CFG_INITRD_DATA = 0x12,
    FW_CFG_CMDLINE_SIZE = 0x14,
    FW_CFG_CMDLINE_DATA = 0x15
};

/* Sets one of these, again perhaps; the bytes are copied. -ENOMEM. */
int fw_cfg_set(struct device *d, u16 key, const void *data, u32 size) MUST_CHECK;

#endif
