#!/bin/sh
# lint-man.sh [ROOT] - man pages are well-formed.
set -u
root=${1:-$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)}
cd "$root" || exit 2
pages=$(find docs apps build/apps -name '*.[1-8]' 2>/dev/null)
[ -n "$pages" ] || exit 0
# shellcheck disable=SC2086
mandoc -T lint -W warning $pages
