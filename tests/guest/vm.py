"""vm.py - what the guest tests share: a machine under test, its console, TAP, assets.

A test starts vm-cli as a user does, waits for text on the console, types, and looks at
the exit status. Time-outs only catch what hangs: they are far above ten times what a
boot takes on an idle machine.
"""

import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PATIENCE = float(os.environ.get("VM_TEST_PATIENCE", "600"))
KERNEL_LINE = re.compile(r"\[ *[0-9]+\.[0-9]{6}\] [^\n]*\n")
MIB = 1 << 20


class Guest:
    """What tests must know of an architecture: its name and the options that ask for it, what
    uname says, the serial port as Linux names it and its interrupt, the boards and their interrupt
    controllers, the driver of the power button, what firmware there is besides U-Boot, what
    Debian calls its kernel in /boot, where RAM begins, CPU models besides the default."""

    def __init__(self, arch, options, uname, console, console_irq, boards, button, firmware,
                 kernel_file, ram, models):
        self.arch = arch
        self.options = options
        self.uname = uname
        self.console = console
        self.console_irq = console_irq
        self.boards = boards
        self.button = button
        self.firmware = firmware
        self.kernel_file = kernel_file
        self.vsock_peer = "VM_VSOCK_PEER_" + arch  # variable that names the built vsock_peer.c
        self.ram = ram
        self.models = models


GUESTS = {guest.arch: guest for guest in (
    Guest("riscv64", [], "riscv64", "ttyS0", "ttyS0",
          ("riscv-virt,irqchip=plic", "riscv-virt,irqchip=aia"), "virtio_input", "opensbi", "vmlinux",
          0x80000000, ()),
    Guest("arm64", ["--arch", "arm64"], "aarch64", "ttyAMA0", "uart-pl011",
          ("arm-virt,irqchip=gicv3", "arm-virt,irqchip=gicv2"), "gpio_keys",
          "uefi", "vmlinuz", 0x40000000, ("neoverse-n1", "cortex-a57")))}


def _guest_asked_for(words):
    """The test's guest: --arch ARCH on its command line says which."""
    arch = "riscv64"
    for word, following in zip(words, words[1:] + [""]):
        if word == "--arch":
            arch = following
        elif word.startswith("--arch="):
            arch = word[len("--arch="):]
    if arch not in GUESTS:
        sys.exit("no guest for --arch %s: there is %s" % (arch, ", ".join(GUESTS)))
    return GUESTS[arch]


GUEST = _guest_asked_for(sys.argv[1:])


def vm_cli():
    """The program under test; VM_CLI in the environment names another."""
    return os.environ.get("VM_CLI") or os.path.join(TOP, "build", "bin", "vm-cli")


class TestFailed(Exception):
    """What went wrong, for the TAP line's comment."""


class Skip(Exception):
    """Why a case cannot run here."""


def check(condition, text):
    if not condition:
        raise TestFailed(text)


# --- TAP -------------------------------------------------------------------------------


class Tap:
    """Runs cases and prints a line for each; the plan comes last."""

    def __init__(self):
        self.count = 0
        self.failed = 0

    def line(self, ok, name, note=""):
        self.count += 1
        self.failed += 0 if ok else 1
        print("%s %d - %s%s" % ("ok" if ok else "not ok", self.count, name, note), flush=True)

    def case(self, name, function, *args):
        began = time.monotonic()
        try:
            function(*args)
        except Skip as reason:
            self.line(True, name, " # SKIP %s" % reason)
        except (TestFailed, OSError, subprocess.SubprocessError) as why:
            self.line(False, name)
            for text in str(why).splitlines():
                print("# " + text, flush=True)
        else:
            self.line(True, name)
            print("# %.1f s" % (time.monotonic() - began), flush=True)

    def finish(self):
        print("1..%d" % self.count, flush=True)
        return 1 if self.failed else 0


def skip_all(reason):
    """Ends the program: nothing of it can run here."""
    print("1..0 # SKIP %s" % reason, flush=True)
    sys.exit(0)


# --- assets ----------------------------------------------------------------------------


def _load_assets():
    listing = subprocess.run([os.path.join(TOP, "dev"), "assets", "--arch", GUEST.arch, "--print"],
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False,
                             encoding="utf-8")
    return dict(line.split("=", 1) for line in listing.stdout.splitlines() if "=" in line)


_assets = {}


def asset(name):
    """The path of a guest file made by ./dev assets; skips the case when it is missing."""
    if not _assets:
        _assets.update(_load_assets() or {"": ""})
    if name not in _assets:
        raise Skip("no %s: ./dev assets --arch %s makes it" % (name, GUEST.arch))
    return _assets[name]


def linux_args(words="vmtest=shell", memory="512M", initrd="initrd.cpio"):
    """Options that boot Debian's kernel with the test's initramfs."""
    return ["--kernel", asset("Image"), "--initrd", asset(initrd), "--memory", memory,
            "--append", "console=%s %s" % (GUEST.console, words), *GUEST.options]


# --- the machine -----------------------------------------------------------------------


class Machine:
    """vm-cli run with these options. Use as a context manager: it never outlives the case."""

    def __init__(self, args, terminal=False, command=None):
        self.output = b""
        self.seen = 0
        self.errors = tempfile.TemporaryFile()
        self.argv = (command or [vm_cli(), "run"]) + list(args)
        stdin, stdout, close = self._console(terminal)
        try:
            self.process = subprocess.Popen(self.argv, stdin=stdin, stdout=stdout,
                                            stderr=self.errors, start_new_session=True)
        finally:
            for fd in close:
                os.close(fd)

    def _console(self, terminal):
        if terminal:
            self.reader, end = pty.openpty()
            attributes = termios.tcgetattr(end)
            attributes[1] &= ~termios.OPOST
            termios.tcsetattr(end, termios.TCSANOW, attributes)
            self.writer = self.reader
            return end, end, [end]
        stdin, self.writer = os.pipe()
        self.reader, stdout = os.pipe()
        return stdin, stdout, [stdin, stdout]

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)  # a session of its own: see __init__
            self.process.wait()
        for fd in {self.reader, self.writer}:
            if fd >= 0:
                os.close(fd)
        self.reader = self.writer = -1
        self.errors.close()

    def stderr(self):
        self.errors.seek(0)
        return self.errors.read().decode("utf-8", "replace")

    def _describe(self, what):
        tail = self.output[-1500:].decode("utf-8", "replace").replace("\r", "")
        return "%s\ncommand: %s\nstderr: %s\nconsole ends:\n%s" % (
            what, " ".join(self.argv), self.stderr()[-1500:], tail)

    def fail(self, what):
        raise TestFailed(self._describe(what))

    def pump(self, seconds):
        """Reads what the console has within that time. False at its end."""
        ready, _, _ = select.select([self.reader], [], [], seconds)
        if not ready:
            return True
        try:
            data = os.read(self.reader, 65536)
        except OSError:  # a terminal whose other end is closed
            data = b""
        self.output += data
        return bool(data)

    def expect(self, text, timeout=None):
        """Waits until the console has printed text after what was expected before; returns
        what lies between."""
        want = text.encode()
        deadline = time.monotonic() + (timeout or PATIENCE)
        open_ = True
        while True:
            at = self.output.find(want, self.seen)
            if at >= 0:
                between = self.output[self.seen:at]
                self.seen = at + len(want)
                return between.decode("utf-8", "replace")
            if not open_:
                self.process.wait(PATIENCE)
                self.fail("ended with status %d before %r" % (self.process.returncode, text))
            left = deadline - time.monotonic()
            if left <= 0:
                self.fail("no %r on the console in time" % text)
            open_ = self.pump(min(left, 1.0))

    def type(self, text):
        os.write(self.writer, text.encode())

    def shell(self, command, prompt="vm# ", seconds=0):
        """Types a command at the prompt just seen, which takes so long by itself; returns what it
        printed, without what the kernel says between (a busy host makes a timer late). The echo of
        what is typed cannot end it: the mark is put together by the shell."""
        self.type("%s; echo mark''ed $?\n" % command)
        printed = self.expect("marked ", PATIENCE + seconds)
        status = self.expect(prompt).strip().split()[0]
        check(status == "0", "in the guest: %s: status %s\n%s" % (command, status, printed))
        return KERNEL_LINE.sub("", printed.split("\n", 1)[-1].replace("\r", ""))

    def finish(self, status=0):
        """Waits for the end; the exit status must be this one. Returns stderr."""
        deadline = time.monotonic() + PATIENCE
        while self.pump(1.0):
            if time.monotonic() > deadline:
                self.fail("does not end")
            if self.process.poll() is not None and not select.select(
                    [self.reader], [], [], 0)[0]:
                break
        try:
            self.process.wait(max(1.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.fail("does not end")
        if self.process.returncode != status:
            self.fail("ended with status %d, not %d" % (self.process.returncode, status))
        return self.stderr()

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)


def run_cli(args, timeout=None, stdin=subprocess.DEVNULL, command=None, env=None):
    """vm-cli run to its end: (status, stdout, stderr)."""
    argv = (command or [vm_cli(), "run"]) + list(args)
    try:
        done = subprocess.run(argv, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              check=False, env=env, timeout=timeout or PATIENCE)
    except subprocess.TimeoutExpired as late:
        raise TestFailed("does not end: %s\n%s%s" % (" ".join(argv), late.stdout or "",
                                                     late.stderr or "")) from late
    return (done.returncode, done.stdout.decode("utf-8", "replace"),
            done.stderr.decode("utf-8", "replace"))


def until(condition, text, patience=PATIENCE):
    """Waits for it; how long that took."""
    began = time.monotonic()
    while not condition():
        check(time.monotonic() - began < patience, text())
        time.sleep(0.1)
    return time.monotonic() - began


def qmp(path, command, **arguments):
    """One command on a control socket; its answer."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(PATIENCE)
        sock.connect(path)
        with sock.makefile("rw") as stream:
            stream.readline()
            for request in ({"execute": "qmp_capabilities"},
                            {"execute": command, "arguments": arguments}):
                stream.write(json.dumps(request))
                stream.flush()
                answer = json.loads(stream.readline())
                while "event" in answer:
                    answer = json.loads(stream.readline())
                check("return" in answer, "%s: %s" % (request, answer))
    return answer["return"]
