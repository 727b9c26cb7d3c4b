/*
 * sbi_console.c - the SBI's debug console: output to the board's console.
 *
 * RISC-V SBI 2.0, chapter 12. Input belongs to the serial line and is denied.
 */
#include "machine/firmware/sbi_private.h"

/* Bytes taken by one call; the caller comes again for the rest. */
enum { WRITE_MAX = 4096 };

static void console_write(struct sbi *sbi, struct sbi_args *args)
{
    u64 len = args->a[0], at = args->a[1];
    u8 buf[WRITE_MAX];

    if (args->a[2] != 0) { /* upper half of the address */
        sbi_fail(args, SBI_ERR_INVALID_PARAM);
        return;
    }
    if (len > sizeof buf)
        len = sizeof buf;
    if (len == 0)
        return;
    if (!mem_map_read(sbi->power.map, at, buf, len)) {
        sbi_fail(args, SBI_ERR_INVALID_PARAM);
        return;
    }
    args->value = sbi->host.console_write(sbi->host.arg, buf, len);
}

void sbi_ext_dbcn(struct sbi *sbi, struct vcpu *c, struct sbi_args *args)
{
    u8 byte = (u8)args->a[0];

    switch (args->fid) {
    case 0: console_write(sbi, args); break;
    case 1: sbi_fail(args, SBI_ERR_DENIED); break;
    case 2:
        if (sbi->host.console_write(sbi->host.arg, &byte, 1) != 1)
            sbi_fail(args, SBI_ERR_FAILED);
        break;
    default: sbi_fail(args, SBI_ERR_NOT_SUPPORTED);
    }
}
