/*
 * flash_cfi.h - what a board puts into a NOR flash before the machine runs.
 */
#ifndef DEV_SOC_FLASH_CFI_H
#define DEV_SOC_FLASH_CFI_H

#include "dev/core/device.h"

/* The array of a device of class "flash-cfi" without a drive begins with these bytes, at most as
 * many as it has; what is equal already is left alone. The machine stands still. */
void flash_cfi_fill(struct device *d, const u8 *data, u64 size);

#endif
