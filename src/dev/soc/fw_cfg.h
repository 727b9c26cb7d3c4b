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

#endif
