/*
 * boot_save_load.c - libvm from C: boots a kernel, pauses it when TEXT appears on its
 * console, saves it, and continues the saved state in a second machine.
 *     boot_save_load KERNEL INITRD TEXT STATE-FILE
 */
#include <stdio.h>
#include <vm/vm.h>

static struct vm_err err;

static int failed(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, err.text);
    return 1;
}

static struct vm *make(const char *kernel, const char *initrd)
{
    struct vm_config *cfg = vm_config_new();
    struct vm *vm = NULL;

    if (cfg && vm_config_set(cfg, "kernel", kernel, &err) == 0 &&
        vm_config_set(cfg, "initrd", initrd, &err) == 0 &&
        vm_config_set(cfg, "append", "console=ttyS0 vmtest=poweroff", &err) == 0 &&
        vm_config_set(cfg, "memory", "256M", &err) == 0 &&
        vm_config_set(cfg, "console", "none", &err) == 0)
        vm_new(cfg, &vm, &err);
    vm_config_free(cfg);
    return vm;
}

static int finish(struct vm *vm, const char *which)
{
    enum vm_stop why;

    if (vm_run(vm, &why, &err) < 0)
        return failed(which);
    printf("%s: %s\n", which, why == VM_STOP_SHUTDOWN ? "powered off" : "stopped early");
    return why == VM_STOP_SHUTDOWN ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct vm *first, *second;
    enum vm_stop why;
    int status;

    if (argc != 5)
        return 2;
    if (!(first = make(argv[1], argv[2])) || vm_stop_at_console(first, argv[3], &err) < 0 ||
        vm_run(first, &why, &err) < 0 || vm_save(first, argv[4], &err) < 0)
        return failed("first machine");
    printf("saved: %s\n", why == VM_STOP_POINT ? "at the text" : "too late");
    if (!(second = make(argv[1], argv[2])) || vm_load(second, argv[4], &err) < 0)
        return failed("second machine");
    status = finish(first, "first machine") | finish(second, "second machine");
    vm_free(second);
    vm_free(first);
    return status;
}
