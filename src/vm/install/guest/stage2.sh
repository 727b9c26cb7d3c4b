#!/bin/sh
# stage2.sh - configures the unpacked packages inside the new system, and makes it what was
# asked for. Runs as root in it; may be run again after it was interrupted.
#
# What it says to the host begins with "vm-install:" on a line of the console.
set -eu
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8
export DEBIAN_FRONTEND=noninteractive DEBCONF_NONINTERACTIVE_SEEN=true
# No daemon is to be started here.
export SYSTEMD_OFFLINE=1 RUNLEVEL=1
here=/var/lib/vm-install
info=/var/lib/dpkg/info

# shellcheck disable=SC1091
. "$here/settings" # arch user console

# dpkg would have run these before it unpacked the packages.
before_unpacking()
{
    while read -r package version; do
        [ -x "$info/$package.preinst" ] || continue
        DPKG_MAINTSCRIPT_NAME=preinst DPKG_MAINTSCRIPT_PACKAGE=${package%%:*} \
            DPKG_MAINTSCRIPT_ARCH=$arch DPKG_MAINTSCRIPT_PACKAGE_REFCOUNT=1 \
            DPKG_ADMINDIR=/var/lib/dpkg DPKG_ROOT='' \
            "$info/$package.preinst" install "$version"
    done <"$here/packages"
}

configure_packages()
{
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod 755 /usr/sbin/policy-rc.d
    dpkg --configure -a --force-confold --status-fd 3 3>"$here/progress" >"$here/dpkg.log" 2>&1
    rm -f /usr/sbin/policy-rc.d
}

make_user()
{
    id "$user" >/dev/null 2>&1 || useradd --create-home --shell /bin/bash --groups sudo "$user"
    passwd --quiet --lock "$user"
    passwd --quiet --lock root
    install -d -m 700 -o "$user" -g "$user" "/home/$user/.ssh"
    install -m 600 -o "$user" -g "$user" "$here/authorized_keys" "/home/$user/.ssh/"
    # Without a password there is none to ask for.
    printf '%s ALL=(ALL) NOPASSWD: ALL\n' "$user" >/etc/sudoers.d/vm-user
    chmod 440 /etc/sudoers.d/vm-user
}

make_services()
{
    systemctl --quiet enable systemd-networkd systemd-resolved systemd-timesyncd ssh \
        "serial-getty@$console"
    ln -sf ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf
    systemd-machine-id-setup 2>/dev/null
}

echo "vm-install: begun"
if [ ! -e "$here/preinst-done" ]; then
    before_unpacking
    : >"$here/preinst-done"
fi
rm -f "$here/progress.new"
mkfifo -m 600 "$here/progress.new"
mv "$here/progress.new" "$here/progress"
sed -u -n 's/^processing: configure: /vm-install: package /p' "$here/progress" &
if ! configure_packages; then
    tail -n 20 "$here/dpkg.log"
    exit 1
fi
wait
# dpkg has kept the one that suppressed a second run of mkinitramfs.
conf=/etc/initramfs-tools/update-initramfs.conf
[ ! -e "$conf.dpkg-dist" ] || mv "$conf.dpkg-dist" "$conf"
sed -i 's/^update_initramfs=no$/update_initramfs=yes/' "$conf"
echo "vm-install: settings"
make_user
make_services
echo "vm-install: boot entries"
/etc/kernel/postinst.d/zz-vm-loader-entries
ssh-keygen -A >/dev/null
rm -rf "$here"
sync
