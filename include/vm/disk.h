/*
 * disk.h - making, converting and examining disk images. Public API of libvm.
 *
 * No machine is needed, and none may use the image meanwhile: images are locked. A format is
 * "raw" or "qcow2"; NULL: qcow2 for names that end in .qcow2, else raw. It is never taken
 * from the content, which a guest may have written. Calls may be made from any thread.
 */
#ifndef VM_DISK_H
#define VM_DISK_H

#include <stdint.h>
#include <vm/err.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a new image is to be. 0 and NULL: as usual. */
struct vm_disk_options {
    const char *format;
    uint64_t size;         /* bytes, rounded up to 512; 0: of the backing image */
    uint32_t cluster_size; /* qcow2: 512 to 2 MiB, a power of two; 64 KiB */
    const char *backing;   /* qcow2: shows where nothing is written; relative to the image */
    const char *backing_format;
    const char *compression; /* qcow2: "zlib" (usual) or "zstd", for compressed clusters */
};

/* Called now and then; done <= total, in bytes of the disk. Nonzero: give up. */
typedef int vm_disk_progress_fn(uint64_t done, uint64_t total, void *arg);

/* Makes an empty image in a new file. */
VM_API int vm_disk_create(const char *path, const struct vm_disk_options *options,
                          struct vm_err *err);

/* Copies a disk into a new image, without its backing images; what is zeroes takes no
 * space. compress: each cluster that becomes smaller by it (qcow2). options->size 0: of the
 * source. The new file has its name only when it is complete. progress may be NULL. */
VM_API int vm_disk_convert(const char *from, const char *from_format, const char *to,
                           const struct vm_disk_options *options, int compress,
                           vm_disk_progress_fn *progress, void *arg, struct vm_err *err);

/* Changes the size; the new part is zeroes. What is cut off is lost: only with `shrink`. */
VM_API int vm_disk_resize(const char *path, const char *format, uint64_t size, int shrink,
                          struct vm_err *err);

/* Writes what an overlay holds into the image behind it and empties the overlay. */
VM_API int vm_disk_commit(const char *path, const char *format, vm_disk_progress_fn *progress,
                          void *arg, struct vm_err *err);

struct vm_disk_info {
    char format[16];
    uint64_t size;      /* bytes of the disk */
    uint64_t allocated; /* bytes that the file takes on the host */
    int in_use;         /* somebody has it locked */
    /* qcow2: */
    uint64_t cluster_size;
    unsigned version, refcount_bits, snapshots;
    int dirty, corrupt;
    char compression[8], backing[1024], backing_format[64]; /* backing "": none */
};

/* Also of an image that a machine uses. */
VM_API int vm_disk_info_get(const char *path, const char *format, struct vm_disk_info *ret,
                            struct vm_err *err);

struct vm_disk_check {
    uint64_t errors; /* left: data may be lost */
    uint64_t leaks;  /* left: clusters that nobody uses */
    uint64_t repaired_errors, repaired_leaks;
    uint64_t clusters, allocated, compressed; /* of the disk */
    uint64_t end;                             /* bytes of the file that are in use */
};

/* Compares a qcow2 image's reference counts with its references; repair: makes them right. */
VM_API int vm_disk_check(const char *path, const char *format, int repair,
                         struct vm_disk_check *ret, struct vm_err *err);

/* "10G": a number with K, M, G or T. 0, or -EINVAL with *err filled. */
VM_API int vm_disk_parse_size(const char *text, uint64_t *ret, struct vm_err *err);

#ifdef __cplusplus
}
#endif

#endif
