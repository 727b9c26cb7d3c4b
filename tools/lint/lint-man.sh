#!/bin/sh
# lint-man.sh [ROOT] - man pages are well-formed. Pages made at build time bear no date.
set -u
root=${1:-$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)}
cd "$root" || exit 2
pages=$(find docs apps build/apps -name '*.[1-8]' 2>/dev/null)
[ -n "$pages" ] || exit 0
# shellcheck disable=SC2086
mandoc -T lint -W warning $pages | grep -v 'missing date' >&2 && exit 1
exit 0
