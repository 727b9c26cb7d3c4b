/*
 * gpt.h - GUID partition tables (UEFI specification 2.10, chapter 5), with sectors of 512 bytes.
 */
#ifndef VM_GPT_H
#define VM_GPT_H

#include "backend/block/node.h"

struct gpt_guid {
    u8 bytes[16]; /* as on disk */
};

/* Text of 36 characters, "bc13c2ff-…". False: it is none. */
bool gpt_guid_parse(const char *text, struct gpt_guid *out) MUST_CHECK;

/* Discoverable Partitions Specification. */
#define GPT_TYPE_XBOOTLDR     "bc13c2ff-59e6-4262-a352-b275fd6f7172"
#define GPT_TYPE_ROOT_ARM64   "b921b045-1df0-41c3-af44-4c6f280d3fae"
#define GPT_TYPE_ROOT_RISCV64 "72ec70a6-cf74-40e6-bd49-4bda08e8f224"

struct gpt_part {
    u64 start, size;                /* bytes, multiples of 512 */
    const char *type, *guid, *name; /* of a partition that is written */
};

/* Writes both copies of a table of count (at most 128) partitions for a disk of `size` bytes. */
int gpt_write(int fd, u64 size, const char *disk_guid, const struct gpt_part *parts, unsigned count,
              struct err *err) MUST_CHECK;

/* Finds the first partition of this type in any bytes: checked to lie within the disk. The
 * second copy is looked at when the first is damaged. -ENOENT: there is none. */
int gpt_find(struct blk_node *disk, const char *type, struct gpt_part *ret,
             struct err *err) MUST_CHECK;

#endif
