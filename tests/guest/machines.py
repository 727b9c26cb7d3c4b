#!/usr/bin/env python3
"""machines.py - named machines as a person uses them: Debian's kernel with the test's
initramfs is created, started, waited for, typed into, paused, stopped and started again."""

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from initrd import initrd_with, module
from power_button import MODULES, initrd_with_button
from vm import GUEST, PATIENCE, Skip, Tap, TestFailed, asset, check, linux_args, vm_cli

PROMPT = "vm# "


class Home:
    """A data and a runtime folder of their own, and vm-cli in them."""

    def __enter__(self):
        self.scratch = tempfile.mkdtemp(prefix="vm-test-")
        self.env = dict(os.environ, XDG_DATA_HOME=os.path.join(self.scratch, "data"),
                        XDG_RUNTIME_DIR=os.path.join(self.scratch, "run"))
        os.mkdir(self.env["XDG_RUNTIME_DIR"], 0o700)
        return self

    def __exit__(self, *exc):
        for name in self.cli("list", "--names", status=None)[0].split():
            self.cli("kill", name, status=None)
        shutil.rmtree(self.scratch, ignore_errors=True)

    def cli(self, *args, status=0, typed=None, detach=False):
        """Runs a command to its end: (stdout, stderr). detach: only until it has read what was
        typed, as a console would never end."""
        if detach:
            with Attached(self, *args) as terminal:
                terminal.expect(PROMPT)
                terminal.type(typed.decode())
                terminal.expect("\n")
                terminal.type("\x01x")
                terminal.finish()
            return "", ""
        try:
            done = subprocess.run([vm_cli(), *args], env=self.env, input=typed or b"",
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                                  timeout=PATIENCE)
        except subprocess.TimeoutExpired as late:
            raise TestFailed("does not end: vm-cli %s\n%s" % (" ".join(args), late.stdout)) from late
        out, err = (text.decode("utf-8", "replace") for text in (done.stdout, done.stderr))
        if status is not None and done.returncode != status:
            raise TestFailed("vm-cli %s ended with status %d, not %d\n%s%s" % (
                " ".join(args), done.returncode, status, out[-2000:], err))
        return out, err

    def json(self, *args):
        return json.loads(self.cli(*args, "--json")[0])

    def create(self, name, words="vmtest=shell", *more):
        self.cli("create", name, *linux_args(words), "--ready-text", PROMPT, *more)

    def kinds(self, name):
        return [event["kind"] for event in self.json("history", name)]


class Attached:
    """vm-cli console (or another command) on a terminal of its own."""

    def __init__(self, home, *args):
        self.fd, end = pty.openpty()
        self.text = b""
        self.process = subprocess.Popen([vm_cli(), *args], env=home.env, stdin=end, stdout=end,
                                        stderr=end, start_new_session=True)
        os.close(end)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.fd)

    def expect(self, text):
        """Reads until the text has come; what came before it."""
        deadline = time.monotonic() + PATIENCE
        while text.encode() not in self.text:
            check(time.monotonic() < deadline, "%r did not come: %r" % (text, self.text[-1500:]))
            try:
                more = os.read(self.fd, 4096)
            except OSError:
                more = b""
            check(more, "%r did not come before the end: %r" % (text, self.text[-1500:]))
            self.text += more
        before, self.text = self.text.split(text.encode(), 1)
        return before.decode("utf-8", "replace")

    def type(self, text):
        os.write(self.fd, text.encode())

    def finish(self, status=0):
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired as late:
            raise TestFailed("does not end: %r" % self.text[-1500:]) from late
        check(self.process.returncode == status, "ended with status %d, not %d: %r" % (
            self.process.returncode, status, self.text[-1500:]))


# --- cases -----------------------------------------------------------------------------


def lives():
    """From create to delete; what each step left in the history."""
    with Home() as home:
        home.create("one")
        check(home.json("list")[0]["state"] == "stopped", "is not stopped at first")
        shown = home.json("start", "one", "--wait")
        check(shown["state"] == "running" and shown["ready"], "is not up: %s" % shown)
        check(os.path.exists("/proc/%d" % shown["pid"]), "its process is not there")
        with Attached(home, "console", "one") as console:
            console.expect(PROMPT)
            console.type("uname -m\n")
            console.expect(GUEST.uname)
            console.type("\x01x")
            console.finish()
        check(home.json("show", "one")["state"] == "running", "the console took it along")
        home.cli("start", "one", status=1)
        home.cli("delete", "one", status=1)
        home.cli("kill", "one")
        shown = home.json("show", "one")
        check(shown["state"] == "stopped" and shown["last-stop"] == "it was killed",
              "killed: %s" % shown)
        kinds = home.kinds("one")
        check(kinds == ["created", "configured", "started", "ready", "kill asked", "stopped"],
              "history: %s" % kinds)
        home.cli("delete", "one")
        check(home.json("list") == [], "is still in the list")


def ticks(home, name):
    """How often the guest has said that it lives."""
    return home.cli("logs", name)[0].count("tick")


def waits_for(condition, what):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        check(time.monotonic() < deadline, what)
        time.sleep(0.05)


def pauses_and_stops():
    """A paused guest does nothing; one that does not heed its power button is told of, one
    that does powers off, and is started again by restart."""
    with Home() as home:
        initrd = os.path.join(home.scratch, "initrd")
        initrd_with_button(initrd)
        home.create("one")
        home.cli("set", "one", "--initrd", initrd)
        home.cli("start", "one", "--wait")
        home.cli("console", "one", typed=b"while :; do echo ti''ck; usleep 50000; done &\n",
                 detach=True)
        waits_for(lambda: ticks(home, "one") > 2, "the guest does not tick")
        check(home.json("pause", "one")["state"] == "paused", "is not paused")
        before = ticks(home, "one")
        home.cli("pause", "one", status=1)
        home.cli("stop", "one", status=1)
        time.sleep(0.5)
        check(ticks(home, "one") == before, "ticks while it is paused")
        check(home.json("resume", "one")["state"] == "running", "is not running")
        waits_for(lambda: ticks(home, "one") > before, "does not tick again")
        _, err = home.cli("stop", "one", "--timeout", "1", status=1)
        check("has not powered off 1 s after" in err and "tick" in err, "stop: " + err)
        check(home.json("show", "one")["powerdown-asked"], "nobody asked it to power down")
        drivers = "".join("insmod /button/%s.ko; " % name for name in MODULES)
        home.cli("console", "one", typed=drivers.encode() + b"(exec </dev/input/event0; "
                 b"echo dri''vers; head -c 24 >/dev/null; poweroff -f) &\n", detach=True)
        waits_for(lambda: "drivers" in home.cli("logs", "one")[0], "no drivers")
        home.cli("restart", "one")
        shown = home.json("show", "one")
        check(shown["state"] == "running" and
              shown["last-stop"] == "the guest powered off, as it was asked to",
              "is not running again: %s" % shown)
        kinds = home.kinds("one")[3:]
        check(kinds == ["started", "ready", "paused", "resumed", "powerdown asked",
                        "powerdown asked", "stopped", "started"], "history: %s" % kinds)


def console_scrolls_back():
    """What was written while nobody looked comes first; two may look at once, and a pipe."""
    with Home() as home:
        home.create("one")
        home.cli("start", "one", "--wait")
        with Attached(home, "console", "one") as first, Attached(home, "console", "one") as second:
            first.expect("Linux version")
            second.expect("Linux version")
            second.type("echo se''en by both\n")
            first.expect("seen by both")
            second.expect("seen by both")
            first.type("\x01\x01\x01h")
            first.expect("Ctrl-A x")
        out, _ = home.cli("console", "one", typed=b"exit\n")
        check("reboot: Power down" in out, "the guest did not obey a pipe: %r" % out[-500:])
        shown = home.json("show", "one")
        check(shown["last-stop"] == "the guest powered off", "stopped: %s" % shown["last-stop"])
        log = home.cli("logs", "one")[0]
        check("Linux version" in log and "seen by both" in log, "the log lacks something")
        check(len(home.cli("logs", "one", "--lines", "3")[0].splitlines()) == 3, "not 3 lines")


def in_the_foreground():
    with Home() as home:
        home.create("one")
        with Attached(home, "start", "one", "--foreground") as console:
            console.expect(PROMPT)
            check(home.json("show", "one")["state"] == "running", "is not running")
            console.type("exit\n")
            console.finish()
        with Attached(home, "start", "one", "--foreground") as console:
            console.expect(PROMPT)
            console.type("\x01x")
            console.finish()
        shown = home.json("show", "one")
        check(shown["state"] == "stopped" and not shown["last-stop-failed"], "ended: %s" % shown)


def killed_process_is_told():
    with Home() as home:
        home.create("one")
        pid = home.json("start", "one")["pid"]
        os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + PATIENCE
        while home.json("show", "one")["state"] != "stopped":
            check(time.monotonic() < deadline, "nobody noticed")
            time.sleep(0.05)
        text = home.cli("explain", "one")[0]
        check("signal 9" in text and "Linux version" not in home.cli("start", "one", "--json")[1],
              "explain: " + text)


def not_up(words, sign, *more):
    """A guest that does not come up is named, with its last lines, well before the time is
    over."""
    with Home() as home:
        home.create("one", words)
        began = time.monotonic()
        _, err = home.cli("start", "one", "--wait", "--timeout", str(int(PATIENCE)), *more,
                          status=1)
        check(re.search(sign, err), "does not say why: " + err)
        check(time.monotonic() - began < PATIENCE, "waited to the end")


def hangs_in_initramfs():
    """As Debian's does that does not find its root file system: a shell with this prompt."""
    with Home() as home:
        path = os.path.join(home.scratch, "initrd")
        initrd_with(path, {"hang": (0o644, b"PS1='(initramfs) ' exec sh\n")})
        home.create("one", "rdinit=/bin/sh -- /hang", "--initrd", path)
        began = time.monotonic()
        _, err = home.cli("start", "one", "--wait", "--timeout", str(int(PATIENCE)), status=1)
        check(re.search("hangs in its initramfs.*the last lines", err), "does not say why: " + err)
        check("network" not in err, "blames the network: " + err)
        check(time.monotonic() - began < PATIENCE, "waited to the end")


def no_network(words, sign, seconds):
    """ssh does not answer: whether that is for want of a network or of a server is said."""
    with Home() as home:
        home.cli("create", "one", *linux_args(words))
        _, err = home.cli("start", "one", "--wait", "--timeout", str(seconds), status=1)
        check("was not up after %d s" % seconds in err, "does not say that it is late: " + err)
        check(sign in err, "does not say why: " + err)
        check(home.json("show", "one")["ssh"]["port"] > 0, "no forward to ssh")


def ssh_without_server():
    """The status is ssh's own."""
    with Home() as home:
        home.create("one")
        home.cli("start", "one", "--wait")
        home.cli("ssh", "one", "true", status=255)


# An init that does what systemd does: it takes the address from the credential, and tells there
# first what is no sign of being up, and then, when it is up, that it is. The console says nothing
# of it.
NOTIFIER = b"""#!/bin/sh
export PATH=/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
for m in qemu_fw_cfg vsock vmw_vsock_virtio_transport_common vmw_vsock_virtio_transport; do
    insmod /$m.ko
done
to=$(cat /sys/firmware/qemu_fw_cfg/by_name/opt/io.systemd.credentials/vmm.notify_socket/raw)
echo "told to say it to <$to>"
/vsock_peer say "${to#vsock-stream:2:}" "STATUS=READY=1"
/vsock_peer say "${to#vsock-stream:2:}" "READY=0"
/vsock_peer say "${to#vsock-stream:2:}" "STATUS=(1 of 2) User job slow.service/start running"
echo "said nothing yet"
read -r line
/vsock_peer say "${to#vsock-stream:2:}" "READY=1
STATUS=Startup finished"
sleep 100000
"""


def systemd_says_so():
    """start --wait hears of it by vsock, where there is no ssh and nothing on the console."""
    if not os.environ.get(GUEST.vsock_peer):
        raise Skip("there is no compiler for the guest's program")
    drivers = ("qemu_fw_cfg", "vsock", "vmw_vsock_virtio_transport_common",
               "vmw_vsock_virtio_transport")
    with Home() as home:
        path = os.path.join(home.scratch, "initrd")
        files = {name + ".ko": (0o644, module(name)) for name in drivers}
        files["notifier"] = (0o755, NOTIFIER)
        with open(os.environ[GUEST.vsock_peer], "rb") as program:
            files["vsock_peer"] = (0o755, program.read())
        initrd_with(path, files)
        home.create("one", "rdinit=/notifier", "--initrd", path, "--net", "none",
                    "--ready-text", "is never there")
        with Attached(home, "start", "one", "--wait", "--timeout", str(int(PATIENCE))) as start:
            waits_for(lambda: "said nothing yet" in home.cli("logs", "one")[0], "no script runs")
            check("<vsock-stream:2:1>" in home.cli("logs", "one")[0], home.cli("logs", "one")[0])
            check("ready" not in home.kinds("one"), "up too early: %s" % home.kinds("one"))
            waits_for(lambda: "its systemd says: (1 of 2) User job slow.service/start running" in
                      home.cli("explain", "one")[0], "the late unit is not named")
            with Attached(home, "console", "one") as console:
                console.expect("said nothing yet")
                console.type("\n")
                start.finish()
        check(home.json("show", "one")["vsock"].endswith("/vm/one/vsock"), "no vsock is shown")
        ready = [e for e in home.json("history", "one") if e["kind"] == "ready"]
        check("systemd" in ready[0]["cause"], "the cause is %s" % ready)
        check("its systemd" not in home.cli("explain", "one")[0], "waits though it is up")
        home.cli("kill", "one")
        check(not os.path.exists(os.path.join(home.env["XDG_RUNTIME_DIR"], "vm", "one")),
              "sockets are left")


def clones_differ():
    with Home() as home:
        disk = os.path.join(home.scratch, "disk.img")
        shutil.copyfile(asset("root.ext4"), disk)
        home.create("one", "vmtest=root vmtest2=poweroff", "--disk", disk)
        two = home.json("clone", "one", "two")
        one = home.json("show", "one")
        check(one["settings"]["mac"] != two["settings"]["mac"], "the same network address")
        check(two["settings"]["disk"] != disk and os.path.exists(two["settings"]["disk"]),
              "no disk of its own: %s" % two["settings"]["disk"])
        for boot in (1, 2):
            with Attached(home, "start", "two", "--foreground") as console:
                console.expect("vm-root: ready (boot %d)" % boot)
                console.finish()
        with Attached(home, "start", "one", "--foreground") as console:
            console.expect("vm-root: ready (boot 1)")
            console.finish()


def more(tap):
    tap.case("in the foreground", in_the_foreground)
    tap.case("a killed process is told", killed_process_is_told)
    tap.case("start --wait names an end", not_up, "vmtest=poweroff",
             "ended before it was up: the guest powered off.*Power down")
    tap.case("start --wait without an ssh server", no_network, "vmtest=shell vmnet=dhcp",
             "network is up, but it has no ssh server", 15)
    tap.case("ssh without a server", ssh_without_server)
    tap.case("a clone has its own disk and address", clones_differ)


def main():
    tap = Tap()
    try:
        asset("Image")
    except Skip as reason:
        print("1..0 # SKIP %s" % reason)
        return 0
    tap.case("from create to delete", lives)
    tap.case("pause, resume, stop, restart", pauses_and_stops)
    tap.case("console: scroll-back, two at once, a pipe", console_scrolls_back)
    tap.case("start --wait names a panic", not_up, "rdinit=/nonexistent root=/dev/none",
             "kernel panicked.*Kernel panic")
    tap.case("start --wait names an initramfs that hangs", hangs_in_initramfs)
    tap.case("start --wait without a network", no_network, "vmtest=shell",
             "nothing in the guest answers on its network", 4)
    tap.case("start --wait hears systemd", systemd_says_so)
    if os.environ.get("VM_SOAK"):
        more(tap)
    return tap.finish()


if __name__ == "__main__":
    sys.exit(main())
