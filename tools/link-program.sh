#!/bin/sh
# link-program.sh PROGRAM STAMP - makes bin/PROGRAM in the build directory a link to it.
set -e
mkdir -p bin
ln -sf "../$1" "bin/${1##*/}"
: >"$2"
