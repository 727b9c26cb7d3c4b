#!/usr/bin/env python3
"""install.py - vm-cli install-debian as a person uses it.

    install.py [--arch arm64] [--all]

In every run: what goes wrong before a guest exists is told in one sentence. With VM_SOAK=1 (it
needs a Debian archive and takes tens of minutes): installs, interrupted twice, logs in, installs a
package through the host, finds that cloud-init and systemd have obeyed, compiles and runs a C
program, powers off, starts again and finds all of it; then a newly installed kernel is the one that starts.
"""

import functools
import http.server
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time

from machines import Home
from vm import GUEST, PATIENCE, Skip, Tap, check, run_cli, vm_cli

HOUR = 3600
# What util-linux calls the partition type of the root.
ROOT_TYPE = {"riscv64": "Linux root (RISC-V-64)", "arm64": "Linux root (ARM-64)"}


class Archive:
    """A web server on the loopback for a folder that looks like a Debian archive."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    def __init__(self, files):
        self.folder = tempfile.TemporaryDirectory()
        for name, text in files.items():
            path = os.path.join(self.folder.name, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)

    def __enter__(self):
        handler = functools.partial(self.Quiet, directory=self.folder.name)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return "http" + "://127.0.0.1:%d/debian" % self.server.server_address[1]

    def __exit__(self, *exc):
        self.server.shutdown()
        self.server.server_close()
        self.folder.cleanup()


class Installer(Home):
    """A home with an empty cache of its own."""

    def __enter__(self):
        super().__enter__()
        self.env["XDG_CACHE_HOME"] = os.path.join(self.scratch, "cache")
        # The host's proxy, if it has one, cannot lead to this test's server.
        self.env["no_proxy"] = "127.0.0.1"
        return self

    def refused(self, words, *args):
        """One sentence with these words, status 1; nothing that looks like a machine to run."""
        if "--arch" not in args:
            args += tuple(GUEST.options)
        out, err = self.cli("install-debian", "--name", "box", *args, status=1)
        lines = [line for line in err.splitlines() if line.startswith("vm-cli: ")]
        told = " ".join(args) + ": " + err + out
        check(len(lines) == 1 and not out, "not one sentence: " + told)
        for word in words:
            check(word in lines[0], "does not name %r: %s" % (word, told))


def needs_apt():
    keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
    with Installer() as home:
        if not os.path.exists(keyring):
            raise Skip("no debian-archive-keyring here")
        for program in ("apt-get", "dpkg-deb", "ssh-keygen", "xz"):
            if not any(os.path.exists(os.path.join(path, program))
                       for path in ("/usr/bin", "/bin")):
                raise Skip("no %s here" % program)
        return home


def wrong_options():
    with Installer() as home:
        home.refused(["--disk-size", "tiny"], "--disk-size", "tiny")
        home.refused(["--disk-size", "100M"], "--disk-size", "100M")
        home.refused(["--user", "root"], "--user", "root")
        home.refused(["--user", "A b"], "--user", "A b")
        home.refused(["--arch", "vax"], "--arch", "vax")
        home.refused(["--package", "-x"], "--package", "-x")
        home.refused(["host name"], "--name", "a_b")
        home.refused(["--memory", "1Q"], "--memory", "1Q")
        check(home.json("list") == [], "a machine was left")


def wrong_mirror():
    needs_apt()
    with Installer() as home:
        home.refused(["nonsense"], "--mirror", "nonsense")
        home.refused(["--release"], "--release", "no/name", "--mirror", "http" + "://127.0.0.1:9/")


def unreachable_mirror():
    needs_apt()
    with Installer() as home:
        home.refused(["cannot be reached"], "--mirror", "http" + "://127.0.0.1:9/debian")
        home.cli("delete", "box")


def unknown_release():
    needs_apt()
    with Installer() as home, Archive({"debian/README": "nothing"}) as mirror:
        home.refused(["'slush'", mirror], "--release", "slush", "--mirror", mirror)
        home.cli("delete", "box")


def wrong_signature():
    needs_apt()
    release = ("Origin: Debian\nLabel: Debian\nSuite: stable\nCodename: trixie\n"
               "Date: Sat, 01 Nov 2025 00:00:00 UTC\nArchitectures: %s\nComponents: main\n"
               "SHA256:\n" % GUEST.arch)
    forged = ("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n" + release +
              "-----BEGIN PGP SIGNATURE-----\n\n"
              "iHUEARYKAB0WIQQAAAAAAAAAAAAAAAAAAAAAAAAAAAUCZwAAAAAKCRAAAAAAAAAA\n=AAAA\n"
              "-----END PGP SIGNATURE-----\n")
    for files in ({"debian/dists/trixie/Release": release},
                  {"debian/dists/trixie/InRelease": forged}):
        with Installer() as home, Archive(files) as mirror:
            home.refused(["not signed", mirror], "--mirror", mirror)
            home.cli("delete", "box")


def boot_disk_without_one():
    for args, words in ((["--boot", "disk"], ["--disk"]),
                        (["--boot", "floppy"], ["floppy", "direct", "disk"]),
                        (["--boot", "disk", "--kernel", "k", "--disk", "d"], ["--kernel"]),
                        (["--boot", "disk", "--disk", "/dev/null"], ["/dev/null"])):
        status, out, err = run_cli(args)
        check(status in (1, 2) and not out and len(err.splitlines()) == 1, err)
        for word in words:
            check(word in err, "does not name %r: %s" % (word, err))


def name_in_use():
    needs_apt()
    with Installer() as home:
        home.cli("create", "box", "--boot", "disk", "--disk", "/dev/null")
        home.refused(["box already"], "--mirror", "http" + "://127.0.0.1:9/debian")
        check(home.json("show", "box")["state"] == "stopped", "the machine was touched")


def other_options_than_begun():
    needs_apt()
    mirror = ["--mirror", "http" + "://127.0.0.1:9/debian"]
    with Installer() as home:
        home.refused(["cannot be reached"], *mirror)
        home.refused(["other options"], "--user", "somebody", *mirror)
        out, err = home.cli("start", "box", status=1)
        check("not installed yet" in err, "a half of a machine was started: " + out + err)
        home.cli("delete", "box")


# --- with a guest ------------------------------------------------------------------------


def interrupted(home, args, seconds):
    """Begins the installation and kills it after that time, in which it must not be over."""
    with subprocess.Popen(args, env=home.env, stdin=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as process:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            return
    check(False, "it was over, with status %d, before it could be interrupted" % process.returncode)


def ssh(home, command, status=0):
    return home.cli("ssh", "box", command, status=status)[0]


def install(home):
    cloud = os.path.join(home.scratch, "cloud")
    with open(cloud, "w", encoding="ascii") as file:
        file.write("#cloud-config\nwrite_files:\n- {path: /etc/obeyed, content: by cloud-init}\n"
                   "runcmd:\n- echo ran >>/etc/ran\n")
    args = [vm_cli(), "install-debian", "--name", "box", "--user", "tester", "--package", "file",
            "--user-data", cloud, *GUEST.options]
    began = time.monotonic()
    for seconds in (30, 60):
        interrupted(home, args, seconds)
    done = subprocess.run(args, env=home.env, stdin=subprocess.DEVNULL, check=False,
                          stderr=subprocess.PIPE, timeout=4 * HOUR)
    text = done.stderr.decode("utf-8", "replace")
    check(done.returncode == 0, "status %d: %s" % (done.returncode, text))
    print("# installed in %.0f s, interrupted twice" % (time.monotonic() - began), flush=True)
    shown = home.json("show", "box")
    check(shown["state"] == "stopped", "it is " + shown["state"])


def told_before(home):
    """What the guest was told before its first start."""
    ssh(home, "sudo cloud-init status --wait")
    check(ssh(home, "cat /etc/obeyed /etc/ran") == "by cloud-initran\n", "cloud-init did not obey")
    told = "sudo systemd-creds --system cat "
    check(ssh(home, told + "word; " + told + "file") == "a value\0binary", "no credentials")


def log_in(home):
    pinned = os.path.join(home.json("show", "box")["folder"], "ssh", "known_hosts")
    with open(pinned, encoding="ascii") as file:
        check(file.read().startswith("vm ssh-ed25519 "), "its host key was not pinned beforehand")
    secret = os.path.join(home.scratch, "secret")
    with open(secret, "wb") as file:
        file.write(b"\0binary")
    home.cli("set", "box", "--credential", "word=a value", "--credential", "file=@" + secret)
    began = time.monotonic()
    home.cli("start", "box", "--wait", "--timeout", str(HOUR))
    print("# login after %.0f s" % (time.monotonic() - began), flush=True)
    check(ssh(home, "id -un; uname -m; hostname").split() == ["tester", GUEST.uname, "box"],
          "not the guest that was asked for")
    root = ssh(home, "lsblk -no PARTTYPENAME $(findmnt -no SOURCE /)").strip()
    check(root == ROOT_TYPE[GUEST.arch], "its root lies in a partition of type " + root)
    check(ssh(home, "file --version; sudo id -u").split()[-1] == "0", "sudo does not work")
    passwords = ssh(home, "sudo cut -d: -f2 /etc/shadow").split()
    check(all(word[0] in "!*" for word in passwords), "a password is not locked")
    check(ssh(home, "systemctl --failed --no-legend").strip() == "", "a service has failed")


def compile_there(home):
    """apt's lists may lack a suite that the mirror is just changing: installing decides."""
    ssh(home, "sudo apt-get -q update", status=None)
    ssh(home, "sudo DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install "
              "gcc libc6-dev")
    ssh(home, "printf '#include <stdio.h>\\nint main(void) { puts(\"made here\"); }\\n' >m.c && "
              "gcc -O2 -o m m.c && sync")
    check(ssh(home, "./m") == "made here\n", "the program does not run")


def power_off(home):
    ssh(home, "sudo systemctl poweroff", status=None)
    deadline = time.monotonic() + PATIENCE
    while home.json("show", "box")["state"] != "stopped":
        check(time.monotonic() < deadline, "does not power off")
        time.sleep(1)
    check(not home.json("show", "box")["last-stop-failed"], "it did not end well")


def kept(home):
    home.cli("start", "box", "--wait", "--timeout", str(HOUR))
    check(ssh(home, "./m") == "made here\n", "the program is lost")


def new_kernel(home):
    """The kernel's package again: its hooks make the entry anew. Then a kernel with a higher
    version, as an upgrade brings it: the same one by another name."""
    image = "/boot/" + GUEST.kernel_file
    ssh(home, "sudo rm /boot/loader/entries/*.conf && sudo DEBIAN_FRONTEND=noninteractive apt-get "
              "-q -y install --reinstall linux-image-$(uname -r)")
    version = ssh(home, "uname -r").strip()
    check(ssh(home, "ls /boot/loader/entries") == version + ".conf\n", "no entry was made")
    ssh(home, "v=$(uname -r); sudo cp %s-$v %s-99.1-new; "
              "sudo cp /boot/initrd.img-$v /boot/initrd.img-99.1-new; "
              "sudo sh -c 'echo root=UUID=$(findmnt -no UUID /) ro console=%s vmtest=new "
              ">/etc/kernel/cmdline' && "
              "sudo /etc/kernel/postinst.d/zz-vm-loader-entries && sudo reboot" %
              (image, image, GUEST.console), status=None)
    deadline = time.monotonic() + HOUR
    while "vmtest=new" not in ssh(home, "cat /proc/cmdline", status=None):
        check(time.monotonic() < deadline, "the new entry was not started after a reset")
        time.sleep(2)


def whole_life():
    needs_apt()
    with Installer() as home:
        # What was fetched before is used again.
        home.env.pop("XDG_CACHE_HOME")
        install(home)
        log_in(home)
        told_before(home)
        compile_there(home)
        power_off(home)
        kept(home)
        new_kernel(home)
        power_off(home)


def main():
    tap = Tap()
    tap.case("wrong options", wrong_options)
    tap.case("wrong mirror", wrong_mirror)
    tap.case("unreachable mirror", unreachable_mirror)
    tap.case("unknown release", unknown_release)
    tap.case("wrong signature", wrong_signature)
    tap.case("--boot disk without one to boot", boot_disk_without_one)
    tap.case("name in use", name_in_use)
    tap.case("other options than it was begun with", other_options_than_begun)
    if "--all" in sys.argv[1:] or os.environ.get("VM_SOAK"):
        tap.case("installed, used, started again, with a new kernel", whole_life)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
