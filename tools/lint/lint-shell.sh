#!/bin/sh
# lint-shell.sh [ROOT] - shell scripts parse, and shellcheck has nothing to say.
set -u
root=${1:-$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)}
cd "$root" || exit 2
status=0
scripts=$(find . \( -name .git -o -path './build*' \) -prune -o -type f \
    -exec awk 'FNR == 1 { if (/^#!\/bin\/sh/ || FILENAME ~ /\.sh$/) print FILENAME; nextfile }' {} +)
for script in $scripts; do
    sh -n "$script" || status=1
done
if command -v shellcheck >/dev/null; then
    # Parts are sourced by ./dev, which SC1090, SC1091 and SC2154 cannot follow.
    # shellcheck disable=SC2086
    shellcheck --shell=sh --severity=warning -e SC1090,SC1091,SC2154,SC2034 -f gcc $scripts ||
        status=1
fi
exit $status
