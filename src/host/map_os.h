/*
 * map_os.h - what map.c needs of each operating system; not for other folders.
 */
#ifndef HOST_MAP_OS_H
#define HOST_MAP_OS_H

#include "host/map.h"

/* size is rounded up to a page already; mode is DUAL or RWX. Fills rw, rx and fd. */
int host_code_map_os(struct host_code_map *map, size_t size, enum host_code_mode mode,
                     struct err *err) MUST_CHECK;
void host_code_unmap_os(struct host_code_map *map);

#endif
