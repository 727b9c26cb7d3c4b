/*
 * boot_save_load.c - libvm from C: boots a kernel, pauses it when TEXT appears on its
 * console, saves it, and continues the saved state in a second machine.
 *     boot_save_load KERNEL INITRD TEXT STATE-FILE
 */
#include <stdio.h>
#include <vm/vm.h>

static struct vm *make(const char *kernel, const char *initrd, struct vm_err *err)
{
    const struct vm_setting settings[] = {
        { "kernel", kernel }, { "initrd", initrd },  { "append", "console=ttyS0 vmtest=poweroff" },
        { "memory", "256M" }, { "console", "none" },
    };
    struct vm_config *cfg = vm_config_new();
    struct vm *vm = NULL;

    if (cfg && vm_config_set_all(cfg, settings, sizeof settings / sizeof settings[0], err) == 0)
        vm_new(cfg, &vm, err);
    vm_config_free(cfg);
    return vm;
}

static int run(struct vm *vm, const char *name, struct vm_err *err)
{
    enum vm_stop why;
    int rc = vm_run(vm, &why, err);

    if (rc == 0 && why == VM_STOP_POINT)
        printf("%s: paused at the text\n", name);
    else if (rc == 0 && why == VM_STOP_SHUTDOWN)
        printf("%s: powered off\n", name);
    return rc;
}

int main(int argc, char **argv)
{
    struct vm_err err = { 0, "usage: boot_save_load KERNEL INITRD TEXT STATE-FILE" };
    struct vm *first = NULL, *second = NULL;
    int rc = -1;

    if (argc == 5 && (first = make(argv[1], argv[2], &err)) &&
        (second = make(argv[1], argv[2], &err)) && vm_stop_at_console(first, argv[3], &err) == 0 &&
        run(first, "first machine", &err) == 0 && vm_save(first, argv[4], &err) == 0 &&
        run(first, "first machine", &err) == 0 && vm_load(second, argv[4], &err) == 0)
        rc = run(second, "second machine", &err);
    if (rc < 0)
        fprintf(stderr, "%s\n", err.text);
    vm_free(second);
    vm_free(first);
    return rc < 0;
}
