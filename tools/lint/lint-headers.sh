#!/bin/sh
# lint-headers.sh [ROOT] - every header compiles alone: it includes what it uses.
# Public headers must also compile as C++.
set -u
root=${1:-$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)}
cd "$root" || exit 2
warn='-Wall -Wextra -Werror -Wno-unused-parameter -Wno-unused-function'
status=0

# Generated headers, when there is a build.
generated=
for dir in build/src build/src/isa build/src/isa/arm64 build/src/isa/riscv build/tools; do
    [ -d "$dir" ] && generated="$generated -I$dir"
done

# compile COMPILER... HEADER: -include makes it the first and only thing seen.
compile()
{
    "$@" || status=1
}

for header in $(find src -name '*.h' | LC_ALL=C sort); do
    # shellcheck disable=SC2086
    compile ${CC:-gcc} -std=gnu17 -D_GNU_SOURCE -Isrc -Iinclude $generated $warn -fsyntax-only \
        -include "$header" -x c /dev/null
done
for header in $(find include -name '*.h' 2>/dev/null | LC_ALL=C sort); do
    # shellcheck disable=SC2086
    compile ${CC:-gcc} -std=c11 -pedantic -Iinclude $warn -fsyntax-only \
        -include "$header" -x c /dev/null
    # shellcheck disable=SC2086
    command -v g++ >/dev/null && compile g++ -std=c++17 -pedantic -Iinclude $warn -fsyntax-only \
        -include "$header" -x c++ /dev/null
done
exit $status
