/*
 * sbi_private.h - what the SBI's extensions share.
 */
#ifndef MACHINE_FIRMWARE_SBI_PRIVATE_H
#define MACHINE_FIRMWARE_SBI_PRIVATE_H

#include "machine/firmware/sbi.h"

/* SBI 2.0, table 1. */
enum {
    SBI_SUCCESS = 0,
    SBI_ERR_FAILED = -1,
    SBI_ERR_NOT_SUPPORTED = -2,
    SBI_ERR_INVALID_PARAM = -3,
    SBI_ERR_DENIED = -4,
    SBI_ERR_INVALID_ADDRESS = -5,
    SBI_ERR_ALREADY_AVAILABLE = -6,
    SBI_ERR_ALREADY_STARTED = -7,
    SBI_ERR_ALREADY_STOPPED = -8,
};

/* A hart starts with a0 = its number, a1 = what the guest gave, in S-mode: isa/riscv/isa.h. */
enum { SBI_START_ARGS = 3, SBI_FROM_S = 1 };

/* One call: a0..a5 in, error and value out. */
struct sbi_args {
    u64 fid;
    u64 a[6];
    s64 error;
    u64 value;
};

static inline struct sbi_args *sbi_fail(struct sbi_args *args, s64 error)
{
    args->error = error;
    args->value = 0;
    return args;
}

/* Extensions: each handles one call. */
void sbi_ext_hsm(struct sbi *sbi, struct vcpu *c, struct sbi_args *args);
void sbi_ext_ipi(struct sbi *sbi, struct vcpu *c, struct sbi_args *args);
void sbi_ext_rfence(struct sbi *sbi, struct vcpu *c, struct sbi_args *args);
void sbi_ext_pmu(struct sbi *sbi, struct vcpu *c, struct sbi_args *args);
void sbi_ext_dbcn(struct sbi *sbi, struct vcpu *c, struct sbi_args *args);

#endif
