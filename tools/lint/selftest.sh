#!/bin/sh
# selftest.sh - plants one fault for each lint in a small tree and wants it found;
# the same tree without faults must please them all.
set -u
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
tree=$(mktemp -d) || exit 2
trap 'rm -rf "$tree"' EXIT
failed=0

plant_clean_tree()
{
    rm -rf "$tree/src" "$tree/include" "$tree/apps" "$tree/docs" "$tree/tools"
    mkdir -p "$tree/src/base" "$tree/src/engine/core" "$tree/src/engine/base" "$tree/src/dev/core" "$tree/src/isa/riscv" \
        "$tree/include/vm" "$tree/apps/cli" "$tree/docs" "$tree/tools"
    cp "$here/../../.clang-format" "$tree/"
    printf '/* types.h */\ntypedef unsigned u32;\n' >"$tree/src/base/types.h"
    printf '#include "base/types.h"\n\nu32 isa_f(void);\n' >"$tree/src/isa/isa.h"
    printf '#include "base/types.h"\n' >"$tree/src/isa/riscv/state.h"
    printf '#include "base/types.h"\n' >"$tree/src/dev/core/device.h"
    printf '#include "isa/isa.h"\n\n/* unlike riscv */\nu32 isa_f(void)\n{\n    return 1;\n}\n' \
        >"$tree/src/engine/core/run.c"
    printf 'int vm_f(void);\n' >"$tree/include/vm/vm.h"
    printf '#include <vm/vm.h>\n' >"$tree/apps/cli/main.c"
    printf '#!/bin/sh\necho "$1"\n' >"$tree/tools/ok.sh"
}

# wants pass|fail LINT WHAT
wants()
{
    if "$here/$2" "$tree" >"$tree/out" 2>&1; then
        verdict=pass
    else
        verdict=fail
    fi
    if [ "$verdict" != "$1" ]; then
        echo "$2 on $3: wanted $1, got $verdict"
        sed 's/^/    /' "$tree/out"
        failed=1
    fi
    rm -f "$tree/out"
}

# catches LINT WHAT FILE TEXT: the text, added to the file, is a fault.
catches()
{
    plant_clean_tree
    # The text holds its own escapes.
    # shellcheck disable=SC2059
    printf "$4" >>"$tree/$3"
    wants fail "$1" "$2"
}

plant_clean_tree
for lint in "$here"/lint-*; do
    wants pass "${lint##*/}" "a clean tree"
done

catches lint-edges.py "engine including dev" src/engine/core/run.c '#include "dev/core/device.h"\n'
catches lint-edges.py "engine including a guest" src/engine/core/run.c \
    '#include "isa/riscv/state.h"\n'
catches lint-edges.py "base including isa" src/base/types.h '#include "isa/isa.h"\n'
catches lint-edges.py "an app including src" apps/cli/main.c '#include "base/types.h"\n'
catches lint-edges.py "a folder not in the table" src/odd.c '#include "isa/isa.h"\n'
catches lint-headers.sh "a header using what it does not include" src/base/x.h 'u32 f(void);\n'
catches lint-headers.sh "a public header that is no C++" include/vm/x.h 'int vm_new(int class);\n'
catches lint-guest-names.py "a register name" src/engine/core/run.c 'int read_satp;\n'
catches lint-guest-names.py "an architecture's name" src/engine/core/run.c 'int riscv_mode;\n'
catches lint-guest-names.py "a guest in the baseline tier" src/engine/base/lower.c \
    'int riscv_regs;\n'
catches lint-guest-names.py "a register in the baseline tier" src/engine/base/lower.c \
    'int x = eflags;\n'
catches lint-os-if.py "#ifdef on Linux" src/engine/core/run.c '#ifdef __linux__\n#endif\n'
catches lint-os-if.py "#if on the host CPU" src/base/types.h \
    '#if defined(A) || \\\\\n defined(__x86_64__)\n#endif\n'
catches lint-text.py "space at a line's end" docs/a.md 'a \n'
catches lint-text.py "no last newline" docs/a.md 'a'
catches lint-text.py "a tab" src/base/types.h 'int\tx;\n'
catches lint-text.py "a machine's path" docs/a.md "see /ro""ot/file\n"
catches lint-text.py "an archive's address" docs/a.md "http://deb"".debian.org/debian\n"
catches lint-format.sh "odd format" src/base/types.h 'int  x  ( void )  ;\n'
catches lint-shell.sh "a syntax error" tools/bad.sh '#!/bin/sh\nif true; then\n'
command -v shellcheck >/dev/null &&
    catches lint-shell.sh "a shellcheck warning" tools/bad.sh '#!/bin/sh\ncd /tmp\nx() { cd $1; }\n'
command -v mandoc >/dev/null &&
    catches lint-man.sh "a malformed page" docs/x.1 '.Dd today\n.Xx\n'

[ $failed = 0 ] && echo "every lint finds its planted fault"
exit $failed
