/*
 * kvm_client.c - runs in a guest for arm64 that has /dev/kvm: a virtual machine of its own.
 *
 * Its CPU stores numbers to an address where there is nothing, which is an exit to here; reads one
 * from there; calls PSCI; takes interrupts of its virtual timer through the virtual CPU interface;
 * and turns the machine off. To standard output goes what was seen of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define RAM    0x40000000ull
#define SIZE   0x200000ull
#define MMIO   0x10000000ull
#define DIST   0x08000000ull
#define REDIST 0x080a0000ull
enum { IRQS = 64, READ_BACK = 0x1234 };

/* Its ends are global symbols: gcc takes the address by the GOT, where binutils give all local ones
 * of a section the same entry.
 *
 * x20: what is not there, by registers of 8 bytes: 0 numbers, 1 read, 2 what was read,
 * 3 PSCI_VERSION, 4 interrupts taken, 5 acknowledged INTID, 6 an unexpected exception. */
__asm__(".globl guest_start, guest_end\n"
        ".balign 4096\n"
        "guest_start:\n"
        "    b 1f\n"
        "    .balign 2048\n"
        "vectors:\n"
        "    .rept 5\n"
        "    b unexpected\n"
        "    .balign 128\n"
        "    .endr\n"
        "    b interrupt\n"
        "    .balign 128\n"
        "    .rept 10\n"
        "    b unexpected\n"
        "    .balign 128\n"
        "    .endr\n"
        "unexpected:\n"
        "    mrs x0, esr_el1\n"
        "    str x0, [x20, #48]\n"
        "    b .\n"
        "interrupt:\n"
        "    mrs x3, s3_0_c12_c12_0\n" /* ICC_IAR1_EL1 */
        "    str x3, [x20, #40]\n"
        "    add x21, x21, #1\n"
        "    cmp x21, #20\n"
        "    b.lt 4f\n"
        "    msr cntv_ctl_el0, xzr\n"
        "4:  mov x4, #50000\n"
        "    msr cntv_tval_el0, x4\n"
        "    isb\n"
        "    msr s3_0_c12_c12_1, x3\n" /* ICC_EOIR1_EL1 */
        "    eret\n"
        "1:  adr x0, vectors\n"
        "    msr vbar_el1, x0\n"
        "    mov x20, #0x10000000\n"
        "    mov x21, #0\n"
        "    mov x1, #0\n"
        "2:  str x1, [x20]\n"
        "    add x1, x1, #1\n"
        "    cmp x1, #1000\n"
        "    b.ne 2b\n"
        "    ldr w2, [x20, #8]\n"
        "    str x2, [x20, #16]\n"
        "    mov w0, #0x84000000\n"
        "    hvc #0\n"
        "    str w0, [x20, #24]\n"
        /* the interrupt controller: awake, all of group 1, the timer's enabled */
        "    movz x6, #0x080a, lsl #16\n"
        "    str wzr, [x6, #0x14]\n"
        "    movz x7, #0x0800, lsl #16\n"
        "    mov w8, #0x12\n"
        "    str w8, [x7]\n"
        "    movz x7, #0x080b, lsl #16\n"
        "    mov w8, #-1\n"
        "    str w8, [x7, #0x80]\n"
        "    mov w8, #0x80\n"
        "    strb w8, [x7, #0x41b]\n"
        "    mov w8, #1 << 27\n"
        "    str w8, [x7, #0x100]\n"
        "    mov x8, #0xf0\n"
        "    msr s3_0_c4_c6_0, x8\n" /* ICC_PMR_EL1 */
        "    mov x8, #1\n"
        "    msr s3_0_c12_c12_7, x8\n" /* ICC_IGRPEN1_EL1 */
        "    isb\n"
        "    mov x4, #50000\n"
        "    msr cntv_tval_el0, x4\n"
        "    msr cntv_ctl_el0, x8\n"
        "    msr daifclr, #2\n"
        "3:  wfi\n"
        "    cmp x21, #20\n"
        "    b.lt 3b\n"
        "    msr daifset, #2\n"
        "    str x21, [x20, #32]\n"
        "    mov w0, #8\n" /* SYSTEM_OFF */
        "    movk w0, #0x8400, lsl #16\n"
        "    hvc #0\n"
        "    b .\n"
        "guest_end:\n");
extern const char guest_start[], guest_end[];

static void must(int rc, const char *what)
{
    if (rc >= 0)
        return;
    printf("kvm: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void device_set(int device, uint32_t group, uint64_t attr, const void *value)
{
    struct kvm_device_attr a = { .group = group, .attr = attr, .addr = (uintptr_t)value };

    must(ioctl(device, KVM_SET_DEVICE_ATTR, &a), "the interrupt controller's attributes");
}

static int gic_new(int vm)
{
    struct kvm_create_device create = { .type = KVM_DEV_TYPE_ARM_VGIC_V3 };
    uint64_t dist = DIST, redist = REDIST;
    uint32_t irqs = IRQS;

    must(ioctl(vm, KVM_CREATE_DEVICE, &create), "KVM_CREATE_DEVICE of a GICv3");
    device_set((int)create.fd, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &irqs);
    device_set((int)create.fd, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST, &dist);
    device_set((int)create.fd, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST, &redist);
    return (int)create.fd;
}

static int cpu_new(int vm)
{
    struct kvm_vcpu_init how;
    uint64_t pc = RAM;
    struct kvm_one_reg reg = { .id = KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE |
                                     offsetof(struct kvm_regs, regs.pc) / 4,
                               .addr = (uintptr_t)&pc };
    int cpu = ioctl(vm, KVM_CREATE_VCPU, 0);

    must(cpu, "KVM_CREATE_VCPU");
    must(ioctl(vm, KVM_ARM_PREFERRED_TARGET, &how), "KVM_ARM_PREFERRED_TARGET");
    how.features[0] |= 1u << KVM_ARM_VCPU_PSCI_0_2;
    must(ioctl(cpu, KVM_ARM_VCPU_INIT, &how), "KVM_ARM_VCPU_INIT");
    must(ioctl(cpu, KVM_SET_ONE_REG, &reg), "KVM_SET_ONE_REG of pc");
    return cpu;
}

/* Where the guest told of something. */
static struct {
    uint64_t sum, stores, read, psci, interrupts, taken, intid, unexpected;
} seen;

static void stored(uint64_t at, uint64_t v)
{
    switch (at - MMIO) {
    case 0:
        seen.sum += v;
        seen.stores++;
        break;
    case 16: seen.read = v; break;
    case 24: seen.psci = v; break;
    case 32: seen.interrupts = v; break;
    case 40:
        seen.taken++;
        seen.intid = v;
        break;
    default: seen.unexpected = v ? v : 1; break;
    }
}

static void mmio(struct kvm_run *run)
{
    uint64_t v = 0;

    if (run->mmio.is_write) {
        memcpy(&v, run->mmio.data, run->mmio.len);
        stored(run->mmio.phys_addr, v);
        return;
    }
    v = READ_BACK;
    memcpy(run->mmio.data, &v, run->mmio.len);
}

/* False: the guest has ended. */
static int run_once(int cpu, struct kvm_run *run)
{
    must(ioctl(cpu, KVM_RUN, 0), "KVM_RUN");
    switch (run->exit_reason) {
    case KVM_EXIT_MMIO: mmio(run); return !seen.unexpected;
    case KVM_EXIT_SYSTEM_EVENT: printf("kvm: system event %u\n", run->system_event.type); return 0;
    default: printf("kvm: exit %u\n", run->exit_reason); return 0;
    }
}

int main(void)
{
    int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), vm, cpu, gic;
    struct kvm_userspace_memory_region region = { .guest_phys_addr = RAM, .memory_size = SIZE };
    struct kvm_run *run;
    void *ram;

    must(kvm, "/dev/kvm");
    vm = ioctl(kvm, KVM_CREATE_VM, 0);
    must(vm, "KVM_CREATE_VM");
    ram = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    must(ram == MAP_FAILED ? -1 : 0, "mmap");
    memcpy(ram, guest_start, (size_t)(guest_end - guest_start));
    region.userspace_addr = (uintptr_t)ram;
    must(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region), "KVM_SET_USER_MEMORY_REGION");
    gic = gic_new(vm);
    cpu = cpu_new(vm);
    device_set(gic, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL);
    run = mmap(NULL, (size_t)ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), PROT_READ | PROT_WRITE,
               MAP_SHARED, cpu, 0);
    must(run == MAP_FAILED ? -1 : 0, "mmap of a vCPU");
    while (run_once(cpu, run))
        ;
    printf("kvm: %llu stores, sum %llu, read %#llx, psci %#llx, %llu interrupts, %s, intid %llu, "
           "esr %#llx\n",
           (unsigned long long)seen.stores, (unsigned long long)seen.sum,
           (unsigned long long)seen.read, (unsigned long long)seen.psci,
           (unsigned long long)seen.interrupts,
           seen.taken == seen.interrupts ? "as many seen" : "not as many seen",
           (unsigned long long)seen.intid, (unsigned long long)seen.unexpected);
    return 0;
}
