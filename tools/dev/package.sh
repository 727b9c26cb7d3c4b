# package.sh - ./dev package: build-package/vm_VERSION_ARCH.deb, then a trial of it in
# fresh minimal Debian roots: it must install, run, and boot a guest there.
# A package made on Debian 12 serves 12 and 13; one made on 13 only 13.
# shellcheck shell=sh

package_dir=$top/build-package

package_main()
{
    deps_install build assets package
    build_env
    package_version=$(sed -n "s/^ *version: '\([^']*\)'.*/\1/p" "$top/meson.build" | head -n 1)
    package_arch=$(dpkg --print-architecture)
    package_file=$package_dir/vm_${package_version}_$package_arch.deb
    rm -rf "$package_dir/root" "$package_dir"/*.deb
    package_tree
    package_control
    dpkg-deb --root-owner-group --build "$package_dir/root" "$package_file" >/dev/null
    say "made ${package_file#"$top"/}"
    with_lock assets assets_main kernel initramfs
    for package_suite in $(package_suites); do
        package_try "$package_suite" || die "the package does not work in Debian $package_suite"
        echo "ok - $(basename "$package_file") installs and boots a guest in Debian $package_suite"
    done
}

package_suites()
{
    case $(. /etc/os-release && echo "${VERSION_CODENAME:-}") in
    bookworm) echo bookworm trixie ;;
    *) echo trixie ;;
    esac
}

# The files, as Debian places them.
package_tree()
{
    package_root=$package_dir/root
    mkdir -p "$package_root"
    install_tree "$top/build-deb" /usr "$package_root" \
        --libdir="lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)" -Db_lto=false
    find "$package_root" -type f \( -name '*.so.*' -o -path '*/bin/*' \) \
        -exec strip --strip-unneeded {} +
    gzip -9n "$package_root"/usr/share/man/man1/*.1
    package_doc=$package_root/usr/share/doc/vm
    mkdir -p "$package_doc"
    cp "$top/packaging/copyright" "$package_doc/copyright"
    cp "$top/README.md" "$top/docs/user-guide.md" "$package_doc/"
    gzip -9nc "$top/CHANGELOG.md" >"$package_doc/changelog.gz"
}

# DEBIAN/control, with the libraries the programs are linked with.
package_control()
{
    mkdir -p "$package_root/DEBIAN" "$package_dir/debian"
    : >"$package_dir/debian/control"
    package_libs=$(echo "$package_root"/usr/lib/*-linux-gnu*)
    package_depends=$(cd "$package_dir" &&
        dpkg-shlibdeps -O --ignore-missing-info -l"$package_libs" \
            "$package_root/usr/bin/vm-cli" "$package_libs"/libvm.so.*.* 2>/dev/null |
        sed -n 's/^shlibs:Depends=//p')
    [ -n "$package_depends" ] || die "dpkg-shlibdeps finds no libraries of vm-cli"
    sed -e "s/@VERSION@/$package_version/" -e "s/@ARCH@/$package_arch/" \
        -e "s/@DEPENDS@/$package_depends/" "$top/packaging/control.in" \
        >"$package_root/DEBIAN/control"
    printf 'activate-noawait ldconfig\n' >"$package_root/DEBIAN/triggers"
    (cd "$package_root" && find usr -type f -exec md5sum {} + >DEBIAN/md5sums)
}

# package_try SUITE: installs the package in a fresh minimal root and boots a guest there.
package_try()
{
    apt_private_init "$1" "$package_arch"
    package_trial=$cache/trial-$1
    # The names alone: dpkg then checks the versions.
    package_names=$(dpkg-deb -f "$package_file" Depends | sed 's/([^)]*)//g; s/ //g')
    as_root rm -rf "$package_trial"
    say "trying the package in a fresh Debian $1 root"
    # The hooks' $1 is the root.
    # shellcheck disable=SC2016
    as_root mmdebstrap --quiet --variant=minbase --keyring="$apt_keyring" \
        --include="$package_names" \
        --customize-hook='mkdir -p "$1/tmp/try"' \
        --customize-hook="copy-in $package_file $assets_dir/Image $assets_dir/initrd.cpio /tmp/try" \
        --customize-hook='chroot "$1" sh -c "dpkg -i /tmp/try/*.deb && vm-cli --version"' \
        --customize-hook='chroot "$1" vm-cli run --kernel /tmp/try/Image --initrd /tmp/try/initrd.cpio --memory 512M --append "console=ttyS0 quiet vmtest=poweroff" </dev/null' \
        "$1" "$package_trial" "$apt_dir/sources.list" >"$package_dir/trial-$1.log" 2>&1 &&
        grep -q 'vm-init: ready' "$package_dir/trial-$1.log"
    package_status=$?
    as_root rm -rf "$package_trial"
    if [ $package_status -ne 0 ]; then
        tail -n 40 "$package_dir/trial-$1.log" >&2
        return 1
    fi
}
