#!/bin/sh
# lint-format.sh [ROOT] [--fix] - C sources look as .clang-format says. The version is
# fixed because versions differ; Debian 12 and 13 both have this one.
set -u
root=${1:-$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)}
cd "$root" || exit 2
tool=${CLANG_FORMAT:-clang-format-19}
mode='--dry-run -Werror'
[ "${2:-}" = --fix ] && mode=-i
dirs=
for dir in src include apps tests tools bench; do
    [ -d "$dir" ] && dirs="$dirs $dir"
done
# shellcheck disable=SC2086
files=$(find $dirs \( -name '*.c' -o -name '*.h' -o -name '*.cc' \) | LC_ALL=C sort)
[ -n "$files" ] || exit 0
command -v "$tool" >/dev/null || { echo "$tool is missing"; exit 1; }
# One line for each place is enough: ./dev fmt puts it right.
# shellcheck disable=SC2086
if ! "$tool" $mode $files >/dev/null 2>"${TMPDIR:-/tmp}/lint-format.$$"; then
    grep -h 'error:' "${TMPDIR:-/tmp}/lint-format.$$" | cut -d: -f1 | uniq -c |
        awk '{ print $2 ": " $1 " places differ; run ./dev fmt" }'
    rm -f "${TMPDIR:-/tmp}/lint-format.$$"
    exit 1
fi
rm -f "${TMPDIR:-/tmp}/lint-format.$$"
