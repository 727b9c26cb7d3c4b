# debian.sh - ./dev debian [OPTION]...: installs a Debian into the machine dev-debian
# (dev-debian-ARCH with --arch ARCH), or goes on with it, starts it, and logs in. Options go to
# `vm-cli install-debian`. `vm-cli delete dev-debian` makes room for another.
# shellcheck shell=sh

debian_name=dev-debian

# Prints the machine's state; nothing when there is none.
debian_state()
{
    "$build/bin/vm-cli" show "$debian_name" --json 2>/dev/null |
        sed -n 's/^ *"state": "\([a-z]*\)".*/\1/p'
}

debian_main()
{
    case " $* " in
    *" --arch"[\ =]*) debian_name=dev-debian-$(arch_of "$@") ;;
    esac
    deps_install build debian
    build_main
    debian_began=$(date +%s)
    case $(debian_state) in
    '' | installing)
        say "installing Debian; the machine is $debian_name"
        "$build/bin/vm-cli" install-debian --name "$debian_name" "$@" || exit 1
        say "installed in $(($(date +%s) - debian_began)) s, downloads included"
        ;;
    esac
    if [ "$(debian_state)" = stopped ]; then
        debian_began=$(date +%s)
        "$build/bin/vm-cli" start "$debian_name" --wait --timeout 1800 || exit 1
        say "up after $(($(date +%s) - debian_began)) s"
    fi
    say "this is the guest's shell; \"exit\" leaves it, and $build/bin/vm-cli stop $debian_name" \
        "ends the machine"
    exec "$build/bin/vm-cli" ssh "$debian_name"
}
