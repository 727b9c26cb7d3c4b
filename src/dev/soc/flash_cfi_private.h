/*
 * flash_cfi_private.h - what the files of the flash share: flash_cfi.c (commands and reads) and
 * flash_cfi_drive.c (the file behind it).
 */
#ifndef DEV_SOC_FLASH_CFI_PRIVATE_H
#define DEV_SOC_FLASH_CFI_PRIVATE_H

#include "backend/block/block.h"
#include "dev/soc/flash_cfi.h"

enum { FLASH_BUFFER_SIZE = 512 };

#define FLASH_STATE(F, A, N)                                                                       \
    F(u8, show, ZERO, "what reads give: the array, status, identity, or query data")               \
    F(u8, command, ZERO, "of several writes that has begun")                                       \
    F(u8, errors, ZERO, "error bits of the status")                                                \
    F(u32, left, ZERO, "words that the buffer still waits for")                                    \
    F(u32, first, ZERO, "where the buffer's data begins in the array")                             \
    F(u32, filled, ZERO, "bytes of the buffer from there")                                         \
    A(u8, buffer, FLASH_BUFFER_SIZE, ZERO, "what is to be programmed")
STATE_STRUCT(flash_cfi, FLASH_STATE);

struct flash_cfi {
    struct device dev;
    struct flash_cfi_state s;
    u64 size, sector;
    struct blk_image *image; /* borrows (outlives); NULL: none */
    bool read_only;
    u64 limit;             /* what lies behind it is not programmed */
    struct mem_ram *array; /* owns */
    /* What is to be written to the drive: bytes [dirty_from, dirty_to), and the request in flight.
     */
    u64 dirty_from, dirty_to;
    struct blk_request io;
    struct iovec iov;
    bool in_flight, to_flush, told;
};

static inline struct flash_cfi *flash_self(struct device *d)
{
    return container_of(d, struct flash_cfi, dev);
}

/* flash_cfi_drive.c. The array has changed there: so will the drive. */
void flash_written(struct flash_cfi *f, u64 at, u64 len);
/* At the start, before anything runs. */
int flash_drive_read(struct flash_cfi *f, struct err *err) MUST_CHECK;

#endif
