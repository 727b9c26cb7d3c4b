"""guest.py - drives one `vm-cli run` through its console, for the tests in this folder.

Python 3, standard library only. A Guest is a process with pipes; expect() reads until a
text appears; everything read is kept for the failure's message.
"""
import os
import select
import subprocess
import sys
import time

# Ten times what an idle machine needs, and more: nothing here measures speed.
TIMEOUT = float(os.environ.get("VM_TEST_TIMEOUT", "600"))


class Failure(Exception):
    """What a test expected and did not see."""


class Guest:
    """One running machine."""

    def __init__(self, program, args):
        self.args = [program, "run"] + args
        self.out = b""
        self.at = 0
        self.process = subprocess.Popen(self.args, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)

    def read(self, deadline):
        """Reads some output; False at its end."""
        wait = deadline - time.monotonic()
        if wait <= 0:
            raise Failure(f"no answer within {TIMEOUT:.0f} s; last output: {self.tail()}")
        ready, _, _ = select.select([self.process.stdout], [], [], wait)
        if not ready:
            return True
        data = os.read(self.process.stdout.fileno(), 65536)
        self.out += data
        return bool(data)

    def expect(self, text):
        """Waits for text after what was expected before; returns what lay between."""
        deadline = time.monotonic() + TIMEOUT
        want = text.encode()
        while True:
            found = self.out.find(want, self.at)
            if found >= 0:
                between = self.out[self.at:found]
                self.at = found + len(want)
                return between.decode(errors="replace")
            if not self.read(deadline):
                raise Failure(f"ended before it said '{text}': {self.tail()}; {self.errors()}")

    def send(self, text):
        """Types text."""
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def command(self, text, prompt="vm# "):
        """Types a shell command and returns what it printed."""
        self.send(text + "\n")
        return self.expect(prompt)

    def finish(self, status):
        """Waits for the end and checks the exit status."""
        deadline = time.monotonic() + TIMEOUT
        while self.read(deadline):
            pass
        got = self.process.wait(max(1.0, deadline - time.monotonic()))
        if got != status:
            raise Failure(f"exit status {got}, expected {status}: {self.errors()}")

    def errors(self):
        """What it said on standard error, after its end."""
        self.process.kill()
        return self.process.stderr.read().decode(errors="replace").strip()

    def tail(self):
        """The last lines of the console."""
        return self.out[-600:].decode(errors="replace")

    def close(self):
        """Ends it if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            try:
                pipe.close()
            except BrokenPipeError:
                pass


def run_tests(tests, wanted):
    """Runs [(name, function, skip reason or None)], prints TAP; exit status."""
    failed = 0
    print(f"1..{len(tests)}", flush=True)
    for number, (name, test, skip) in enumerate(tests, 1):
        if wanted and name not in wanted:
            skip = "not asked for"
        if skip:
            print(f"ok {number} - {name} # SKIP {skip}", flush=True)
            continue
        try:
            test()
            print(f"ok {number} - {name}", flush=True)
        except (Failure, OSError, subprocess.TimeoutExpired) as why:
            failed += 1
            for line in str(why).splitlines():
                print(f"# {line}")
            print(f"not ok {number} - {name}", flush=True)
    return 1 if failed else 0


def fail_unless(condition, why):
    """A check with its sentence."""
    if not condition:
        raise Failure(why)


if __name__ == "__main__":
    sys.exit("guest.py is a module: run test_boot.py")
