// boot_save_load.cc - libvm from C++: as boot_save_load.c, with owners that free.
//
//     boot_save_load_cc KERNEL INITRD TEXT STATE-FILE
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>
#include <vm/vm.h>

namespace
{

struct Free {
    void operator()(vm *machine) const
    {
        vm_free(machine);
    }
    void operator()(vm_config *config) const
    {
        vm_config_free(config);
    }
};
using Machine = std::unique_ptr<vm, Free>;
using Config = std::unique_ptr<vm_config, Free>;

vm_err error;

void check(int result)
{
    if (result < 0)
        throw std::runtime_error(error.text);
}

Machine make(const std::vector<std::pair<std::string, std::string>> &settings)
{
    Config config(vm_config_new());
    vm *machine = nullptr;

    for (const auto &[key, value] : settings)
        check(vm_config_set(config.get(), key.c_str(), value.c_str(), &error));
    check(vm_new(config.get(), &machine, &error));
    return Machine(machine);
}

vm_stop run(const Machine &machine)
{
    vm_stop why;

    check(vm_run(machine.get(), &why, &error));
    return why;
}

} // namespace

int main(int argc, char **argv)
try {
    if (argc != 5)
        return 2;
    const std::vector<std::pair<std::string, std::string>> settings = {
        { "kernel", argv[1] }, { "initrd", argv[2] },
        { "memory", "256M" },  { "append", "console=ttyS0 vmtest=poweroff" },
        { "console", "none" },
    };
    Machine first = make(settings), second = make(settings);

    check(vm_stop_at_console(first.get(), argv[3], &error));
    std::printf("saved: %s\n", run(first) == VM_STOP_POINT ? "at the text" : "too late");
    check(vm_save(first.get(), argv[4], &error));
    first.reset();
    check(vm_load(second.get(), argv[4], &error));
    if (run(second) != VM_STOP_SHUTDOWN)
        throw std::runtime_error("stopped early");
    std::printf("second machine: powered off\n");
    return 0;
} catch (const std::exception &why) {
    std::fprintf(stderr, "%s\n", why.what());
    return 1;
}
