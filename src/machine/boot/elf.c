/*
 * elf.c - loads the segments of an ELF program at their physical addresses.
 *
 * For boot loaders, firmware and test programs; ELF-64, gABI 4.1 chapter 5.
 */
#include "machine/boot/boot.h"

#include "base/checked.h"
#include <elf.h>
#include <errno.h>
#include <string.h>

bool boot_is_elf(const u8 *data, size_t size)
{
    return size >= SELFMAG && memcmp(data, ELFMAG, SELFMAG) == 0;
}

static int check_header(const Elf64_Ehdr *h, const char *what, const char *path, size_t size,
                        unsigned machine, struct err *err)
{
    u64 table;

    if (h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_ident[EI_DATA] != ELFDATA2LSB ||
        h->e_machine != machine)
        return err_set(err, EINVAL,
                       "the %s %s is an ELF file for another architecture (machine "
                       "%u, this is %u)",
                       what, path, h->e_machine, machine);
    if (h->e_type != ET_EXEC && h->e_type != ET_DYN)
        return err_set(err, EINVAL,
                       "the %s %s is an ELF file that cannot be executed: link it "
                       "first",
                       what, path);
    if (h->e_phentsize != sizeof(Elf64_Phdr) || h->e_phnum == 0 ||
        !checked_mul(h->e_phnum, sizeof(Elf64_Phdr), &table) ||
        !checked_range(h->e_phoff, table, size))
        return err_set(err, EINVAL, "the %s %s is a truncated or damaged ELF file", what, path);
    return 0;
}

static int add_segment(struct boot_plan *plan, const char *what, const char *path, const u8 *data,
                       size_t size, const Elf64_Phdr *p, gpa_t bias, struct err *err)
{
    struct boot_load load = { .what = what,
                              .at = bias + p->p_paddr,
                              .size = p->p_filesz,
                              .span = p->p_memsz,
                              .zero_rest = true };
    int rc;

    if (!checked_range(p->p_offset, p->p_filesz, size) || p->p_filesz > p->p_memsz)
        return err_set(err, EINVAL, "the %s %s is a truncated or damaged ELF file", what, path);
    load.data = data + p->p_offset;
    rc = boot_plan_add(plan, &load, err);
    return rc < 0 ? err_wrap(err, "%s", path) : 0;
}

int boot_elf_add(struct boot_plan *plan, const char *what, const char *path, const u8 *data,
                 size_t size, unsigned machine, gpa_t *ret_entry, struct err *err)
{
    Elf64_Ehdr h;
    gpa_t bias;
    int rc;

    if (size < sizeof h)
        return err_set(err, EINVAL, "the %s %s is a truncated ELF file", what, path);
    memcpy(&h, data, sizeof h);
    rc = check_header(&h, what, path, size, machine, err);
    if (rc < 0)
        return rc;
    bias = h.e_type == ET_DYN ? plan->ram_base : 0;
    *ret_entry = bias + h.e_entry;
    for (unsigned i = 0; i < h.e_phnum; i++) {
        Elf64_Phdr p;

        memcpy(&p, data + h.e_phoff + i * sizeof p, sizeof p);
        if (p.p_type != PT_LOAD || p.p_memsz == 0)
            continue;
        rc = add_segment(plan, what, path, data, size, &p, bias, err);
        if (rc < 0)
            return rc;
        if (h.e_entry >= p.p_vaddr && h.e_entry - p.p_vaddr < p.p_memsz)
            *ret_entry = bias + h.e_entry - p.p_vaddr + p.p_paddr;
    }
    return 0;
}
