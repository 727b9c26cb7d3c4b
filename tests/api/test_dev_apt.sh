#!/bin/sh
# test_dev_apt.sh TOP - tools/dev/apt.sh waits for a mirror that is being changed, and only then.
set -u
top=$1
scratch=$(mktemp -d) || exit 2
trap 'rm -rf "$scratch"' EXIT
cache=$scratch
say() { echo "# said: $*"; }
die() { exit 1; }
. "$top/tools/dev/apt.sh"
VM_APT_PAUSE=0

# An apt that says $2 and fails until it was called $1 times.
fake()
{
    echo x >>"$scratch/calls"
    [ "$(wc -l <"$scratch/calls")" -lt "$1" ] || return 0
    echo "$2"
    return 100
}

# wants STATUS CALLS NAME UNTIL WORDS
count=0
wants()
{
    count=$((count + 1))
    : >"$scratch/calls"
    apt_patiently "$scratch/log" fake "$4" "$5" >"$scratch/said" && status=0 || status=1
    calls=$(wc -l <"$scratch/calls")
    verdict=ok
    [ "$status" = "$1" ] && [ "$calls" = "$2" ] || verdict="not ok"
    [ "$(wc -l <"$scratch/said")" -le 1 ] || verdict="not ok"
    echo "$verdict $count - $3 ($calls calls, status $status)"
}

echo 1..4
sync='E: Failed to fetch x  File has unexpected size (1 != 2). Mirror sync in progress? [IP: y]'
wants 0 1 "what works is done once" 1 "$sync"
wants 0 3 "a mirror being changed is asked again" 3 "$sync"
wants 1 6 "but not for ever" 99 "$sync"
wants 1 1 "another failure counts at once" 3 "E: Unable to locate package"
