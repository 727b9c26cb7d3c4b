/*
 * format.h - the layout of a state file, shared by its writer and its reader.
 *
 * All numbers are little-endian, nothing is aligned.
 *
 *     file    = header, section*
 *     header  = magic[8], u32 format, u32 sections, u64 bytes in the file, u32 0,
 *               u32 CRC of the 28 bytes before; its layout never changes
 *     section = u64 bytes of the body, body, u32 CRC of length and body
 *     body    = u8 1, name instance, list, data          (declared state)
 *             | u8 2, name instance, u64 size, run*      (bytes)
 *     name    = u8 length (1..), characters
 *     list    = name, u32 version, u16 members, member*
 *     member  = name, u8 type, u32 count, (list when nested)
 *     data    = the members' elements in the list's order; nested: row after row
 *     run     = u64 first page, u64 pages, bytes of these pages (4096 each; the last
 *               page of `size` may be short). Ascending; pages in no run are zero.
 */
#ifndef STATE_FORMAT_H
#define STATE_FORMAT_H

#include "state/state.h"

#define STATE_FILE_MAGIC "\x89VMS\r\n\x1a\n" /* the line ends show a transfer as text */

enum { STATE_FILE_FORMAT = 1, STATE_FILE_HEADER = 32, STATE_FILE_PAGE = 4096 };

enum state_section_kind { STATE_SECTION_LIST = 1, STATE_SECTION_BYTES = 2 };

/* A file that asks for more is damaged or hostile: they bound recursion and work. */
enum {
    STATE_MAX_DEPTH = 8,
    STATE_MAX_MEMBERS = 1024, /* in one list */
    STATE_MAX_NAME = 128,     /* without the 0 */
};

/* Bytes of one element of a scalar type; 0 for nested or unknown types. */
static inline u32 state_type_size(unsigned type)
{
    static const u8 sizes[] = { [ST_u8] = 1,  [ST_u16] = 2, [ST_u32] = 4,  [ST_u64] = 8,
                                [ST_s32] = 4, [ST_s64] = 8, [ST_flag] = 1, [ST_nested] = 0 };

    return type < ARRAY_SIZE(sizes) ? sizes[type] : 0;
}

#endif
