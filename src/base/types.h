/*
 * types.h - scalar types with units, and the handful of macros every file uses.
 *
 * A number that is an address or a time has a type that says which. C does not
 * check that they are not mixed; a reader can.
 */
#ifndef BASE_TYPES_H
#define BASE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;
typedef unsigned __int128 u128;
typedef __int128 s128;

typedef u64 gva_t; /* guest virtual address */
typedef u64 gpa_t; /* guest physical address, as a CPU or device sends it */
typedef u64 hva_t; /* host virtual address as a number */
typedef u64 ns_t;  /* nanoseconds; of which clock, the variable's comment says */

#define KIB (1024ull)
#define MIB (1024ull * KIB)
#define GIB (1024ull * MIB)

#define NS_PER_SEC 1000000000ull
#define NS_PER_MS  1000000ull

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* The build sets PRINTF_KIND where the C library's own printf is not the standard's. */
#ifndef PRINTF_KIND
#define PRINTF_KIND printf
#endif
#define PRINTF_LIKE(fmt, args) __attribute__((format(PRINTF_KIND, fmt, args)))
#define MUST_CHECK             __attribute__((warn_unused_result))
#define UNUSED                 __attribute__((unused))

/* Marks what libvm.so exports. Everything else is hidden. */
#define VM_EXPORT __attribute__((visibility("default")))

#endif
