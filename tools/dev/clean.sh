# clean.sh - ./dev clean [--cache]
# shellcheck shell=sh

clean_main()
{
    rm -rf "$top/build" "$top"/build-*
    if [ "${1:-}" = --cache ]; then
        rm -rf "$cache"
    fi
}
