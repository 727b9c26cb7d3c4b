/*
 * version.h - which libvm these headers belong to.
 *
 * Semantic versioning; before 1.0 a minor version may change the interface, and
 * the library's soname changes with it.
 */
#ifndef VM_VERSION_H
#define VM_VERSION_H

#define VM_VERSION_MAJOR 0
#define VM_VERSION_MINOR 1
#define VM_VERSION_PATCH 0
#define VM_VERSION       "0.1.0"

#endif
