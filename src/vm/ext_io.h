/*
 * ext_io.h - part of a disk image as the device of libext2fs: no path is opened, nothing outside
 * the part is touched.
 */
#ifndef VM_EXT_IO_H
#define VM_EXT_IO_H

#include "backend/block/node.h"
#include <ext2fs/ext2fs.h>

/* Opens the ext2, 3 or 4 file system in bytes [start, start + size), multiples of 512 within the
 * disk, which is borrowed until ext2fs_close(). Any bytes: 0, or -EINVAL with a sentence. One that
 * is only read is seen as it will be when its journal has been replayed. */
int ext_io_open(struct blk_node *disk, u64 start, u64 size, bool writable, ext2_filsys *ret,
                struct err *err) MUST_CHECK;

/* -EIO with libext2fs's text for `code` after `what`. */
int ext_io_failed(struct err *err, errcode_t code, const char *what);

#endif
