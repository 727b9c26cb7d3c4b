// boot_save_load.cc - libvm from C++: as boot_save_load.c, with owners that free.
//     boot_save_load_cc KERNEL INITRD TEXT STATE-FILE
#include <cstdio>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <vm/vm.h>

using Config = std::unique_ptr<vm_config, decltype(&vm_config_free)>;
using Machine = std::unique_ptr<vm, decltype(&vm_free)>;

static vm_err error = { 0, "out of memory" };

static void check(bool good)
{
    if (!good)
        throw std::runtime_error(error.text);
}

static Machine make(const char *kernel, const char *initrd)
{
    const vm_setting settings[] = {
        { "kernel", kernel }, { "initrd", initrd },  { "append", "console=ttyS0 vmtest=poweroff" },
        { "memory", "256M" }, { "console", "none" },
    };
    Config config(vm_config_new(), vm_config_free);
    vm *machine = nullptr;

    check(config && vm_config_set_all(config.get(), settings, std::size(settings), &error) == 0);
    check(vm_new(config.get(), &machine, &error) == 0);
    return Machine(machine, vm_free);
}

static void run(const Machine &machine, const char *name)
{
    vm_stop why;

    check(vm_run(machine.get(), &why, &error) == 0);
    if (why == VM_STOP_POINT)
        std::printf("%s: paused at the text\n", name);
    else if (why == VM_STOP_SHUTDOWN)
        std::printf("%s: powered off\n", name);
}

int main(int argc, char **argv)
try {
    if (argc != 5)
        return 2;
    Machine first = make(argv[1], argv[2]), second = make(argv[1], argv[2]);

    check(vm_stop_at_console(first.get(), argv[3], &error) == 0);
    run(first, "first machine");
    check(vm_save(first.get(), argv[4], &error) == 0);
    run(first, "first machine");
    check(vm_load(second.get(), argv[4], &error) == 0);
    run(second, "second machine");
} catch (const std::exception &why) {
    std::fprintf(stderr, "%s\n", why.what());
    return 1;
}
