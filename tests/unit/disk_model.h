/*
 * disk_model.h - random work on a disk image, and what the disk must then hold.
 */
#ifndef TESTS_UNIT_DISK_MODEL_H
#define TESTS_UNIT_DISK_MODEL_H

#include "backend/block/node.h"

struct disk_model {
    u8 *data; /* owns: what the disk holds */
    u64 size;
    u64 seed;
    bool no_discard; /* its content would be undefined */
};

u64 model_random(u64 *seed);
void model_init(struct disk_model *m, u64 size, u64 seed);
void model_fini(struct disk_model *m);

/* One random request of up to max_bytes to the node and to the model; 0 or a negative
 * errno. Contents are never repeated. */
int model_step(struct disk_model *m, struct blk_node *n, u64 max_bytes);

/* Number of 512-byte sectors that differ. */
u64 model_compare(const struct disk_model *m, struct blk_node *n);

/* A file in memory; -ENOSPC over the limit. */
#define MEMORY_FILE_MAX (64 * MIB)
struct blk_file *memory_file_new(void);
u8 *memory_file_data(struct blk_file *f, u64 *ret_size);
void memory_file_set(struct blk_file *f, const u8 *data, u64 size);

/* Runs a command of the shell without its output; its exit status. */
int run_shell(const char *fmt, ...) PRINTF_LIKE(1, 2);
bool have_qemu_img(void);

#endif
