/*
 * guest_texts.h - the files of guest/ as strings.
 */
#ifndef VM_INSTALL_GUEST_TEXTS_H
#define VM_INSTALL_GUEST_TEXTS_H

extern const char guest_init_sh[], guest_stage2_sh[], guest_loader_entries_sh[];

#endif
