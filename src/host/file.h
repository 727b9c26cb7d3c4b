/*
 * file.h - whole files: read with a limit, replaced at once or not at all.
 */
#ifndef HOST_FILE_H
#define HOST_FILE_H

#include "base/err.h"
#include "base/types.h"

/* Reads a regular file of 1..limit bytes (an empty one is an error) into memory
 * that the caller frees; one more byte, 0, follows the data. -EFBIG over the limit. */
int host_file_read(const char *path, size_t limit, u8 **ret_data, size_t *ret_size,
                   struct err *err) MUST_CHECK;

/* Replaces path's content: after any failure, a full disk or a crash included,
 * path holds either its old content or all of the new. */
int host_file_write(const char *path, const void *data, size_t size, struct err *err) MUST_CHECK;

/* The same in pieces, for what does not fit in memory twice. */
struct host_file_out;

int host_file_out_new(const char *path, struct host_file_out **ret_out, struct err *err) MUST_CHECK;
int host_file_out_write(struct host_file_out *out, const void *data, size_t size,
                        struct err *err) MUST_CHECK;

/* Makes the new content path's; frees `out` in any case. */
int host_file_out_commit(struct host_file_out *out, struct err *err) MUST_CHECK;

/* Gives up: path stays as it was. NULL is fine. */
void host_file_out_free(struct host_file_out *out);

#endif
