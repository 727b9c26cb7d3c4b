#!/usr/bin/env python3
"""test_cli_disk.py - vm-cli disk against qemu-img, both ways.

    test_cli_disk.py VM-CLI
"""
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile

VM_CLI = sys.argv[1]
QEMU_IMG = shutil.which("qemu-img")


def run(*command, **more):
    """One process, its output as text."""
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False,
                          stdin=subprocess.DEVNULL, **more)


def disk(*args, **more):
    """vm-cli disk."""
    return run(VM_CLI, "disk", *args, **more)


def must(got, status=0):
    """The run's output, or an AssertionError with what it said."""
    assert got.returncode == status, f"{got.args}: status {got.returncode}: {got.stderr.strip()}"
    return got.stdout


def refused(got, *words):
    """It failed with one sentence that has these words."""
    lines = got.stderr.strip().splitlines()
    assert got.returncode == 1, f"{got.args}: status {got.returncode}"
    assert len(lines) == 1, f"{got.args}: {lines[:4]}"
    for word in words:
        assert word in lines[0], f"'{word}' is not in: {lines[0]}"


def content(seed, size):
    """Zeroes, noise, and text that can be compressed."""
    rng = random.Random(seed)
    pieces = []
    for _ in range(size // 16384):
        kind = rng.randrange(3)
        pieces.append(bytes(16384) if kind == 0 else rng.randbytes(16384) if kind == 1
                      else (b"%08d " % rng.randrange(10 ** 8)) * 1820 + b"....")
    return b"".join(pieces)


def write(path, data):
    """A file with this content."""
    with open(path, "wb") as out:
        out.write(data)


def same(a, a_format, b, b_format):
    """qemu-img finds no difference."""
    must(run(QEMU_IMG, "compare", "-f", a_format, "-F", b_format, a, b))


def sound(path):
    """Neither of the two finds anything wrong."""
    must(run(QEMU_IMG, "check", "-f", "qcow2", path))
    report = json.loads(must(disk("check", path, "--json")))
    assert report["corruptions"] == 0 and report["leaks"] == 0, report
    theirs = json.loads(must(run(QEMU_IMG, "check", "-f", "qcow2", "--output=json", path)))
    for key in ("total-clusters", "allocated-clusters", "compressed-clusters",
                "image-end-offset"):
        assert report[key] == theirs.get(key, 0), f"{key}: {report} against {theirs}"


def case_create():
    """What is made is what was asked for."""
    must(disk("create", "a.qcow2", "1G"))
    info = json.loads(must(run(QEMU_IMG, "info", "--output=json", "a.qcow2")))
    assert info["virtual-size"] == 1 << 30 and info["cluster-size"] == 65536, info
    sound("a.qcow2")
    must(disk("create", "b", "3T", "--format", "qcow2", "--cluster-size", "2M"))
    os.rename("b", "b.qcow2")
    sound("b.qcow2")
    must(disk("create", "c.raw", "10M"))
    assert os.path.getsize("c.raw") == 10 << 20
    ours = json.loads(must(disk("info", "a.qcow2", "--json")))
    assert ours["virtual-size"] == 1 << 30 and ours["format"] == "qcow2", ours


def case_convert():
    """Every way from one format to another keeps the content."""
    write("in.raw", content(1, 8 << 20))
    for args in ([], ["--compress"], ["--compress=zstd"], ["--cluster-size", "512"],
                 ["--cluster-size", "4K", "--compress"]):
        must(disk("convert", "in.raw", "out.qcow2", *args))
        sound("out.qcow2")
        same("out.qcow2", "qcow2", "in.raw", "raw")
        must(disk("convert", "out.qcow2", "back.raw"))
        same("back.raw", "raw", "in.raw", "raw")
        if args == ["--compress"]:
            assert os.path.getsize("out.qcow2") < 5 << 20, os.path.getsize("out.qcow2")
        os.unlink("out.qcow2")
        os.unlink("back.raw")
    assert os.stat("in.raw").st_size == 8 << 20


def case_convert_theirs():
    """Images of qemu-img."""
    write("in.raw", content(2, 4 << 20))
    for args in ([], ["-c"], ["-c", "-o", "compression_type=zstd"], ["-o", "compat=0.10"]):
        must(run(QEMU_IMG, "convert", "-f", "raw", "-O", "qcow2", *args, "in.raw", "t.qcow2"))
        must(disk("convert", "t.qcow2", "back.raw", "--quiet"))
        same("back.raw", "raw", "in.raw", "raw")
        os.unlink("back.raw")


def case_overlay():
    """create --backing, convert through it, commit, info."""
    write("base.raw", content(3, 4 << 20))
    write("more.raw", content(4, 4 << 20))
    must(disk("create", "top.qcow2", "6M", "--backing", "base.raw", "--backing-format", "raw"))
    must(run(QEMU_IMG, "convert", "-n", "-f", "raw", "-O", "qcow2", "more.raw", "top.qcow2"))
    info = json.loads(must(disk("info", "top.qcow2", "--json")))
    assert info["backing-filename"] == "base.raw" and info["backing-format"] == "raw", info
    must(disk("convert", "top.qcow2", "flat.raw"))
    same("top.qcow2", "qcow2", "flat.raw", "raw")
    must(disk("commit", "top.qcow2"))
    sound("top.qcow2")
    same("base.raw", "raw", "flat.raw", "raw")
    same("top.qcow2", "qcow2", "flat.raw", "raw")
    must(disk("create", "chain.qcow2", "--backing", "top.qcow2"))
    same("chain.qcow2", "qcow2", "flat.raw", "raw")


def case_resize():
    """Larger by itself, smaller when it is said."""
    write("in.raw", content(5, 4 << 20))
    must(disk("convert", "in.raw", "r.qcow2"))
    must(disk("resize", "r.qcow2", "100G"))
    must(disk("resize", "in.raw", "100G"))
    same("r.qcow2", "qcow2", "in.raw", "raw")
    refused(disk("resize", "r.qcow2", "1M"), "--shrink")
    must(disk("resize", "r.qcow2", "1M", "--shrink"))
    must(disk("resize", "in.raw", "1M", "--shrink"))
    sound("r.qcow2")
    same("r.qcow2", "qcow2", "in.raw", "raw")


def case_repair():
    """A count that is wrong, found and mended."""
    must(disk("create", "r.qcow2", "1M"))
    with open("r.qcow2", "r+b") as image:
        image.seek(2 * 65536 + 2 * 3)
        image.write(b"\0\0\0\1")  # the L1 table is not counted, a cluster that is not there is
    report = json.loads(must(disk("check", "r.qcow2", "--json"), 1))
    assert report["corruptions"] == 1, report
    assert "repaired: 1 errors" in must(disk("check", "r.qcow2", "--repair"))
    sound("r.qcow2")


def case_refusals():
    """One sentence each, and nothing is lost."""
    must(disk("create", "a.qcow2", "1M"))
    refused(disk("create", "a.qcow2", "1M"), "exists already")
    refused(disk("create", "none/a.qcow2", "1M"), "none/a.qcow2", "No such file")
    refused(disk("create", "x.raw", "1M", "--backing", "a.qcow2"), "a raw image has no")
    refused(disk("create", "x.qcow2", "1M", "--backing", "a.img"), "format of the backing image")
    refused(disk("create", "x.qcow2", "1M", "--backing", "none.qcow2"), "none.qcow2")
    assert not os.path.exists("x.qcow2") and not os.path.exists("x.raw")
    refused(disk("create", "x.qcow2"), "a size is needed")
    must(disk("create", "x.qcow2", "big"), 2)
    must(disk("convert", "a.qcow2"), 2)
    must(disk("paint", "a.qcow2"), 2)
    refused(disk("info", "none.qcow2"), "none.qcow2")
    refused(disk("check", sys.argv[0]), "is raw")
    refused(disk("commit", "a.qcow2"), "no backing image")
    shutil.copy("a.qcow2", "trap.raw")
    refused(disk("convert", "trap.raw", "y.raw"), "begins as a qcow2 image does")
    must(disk("convert", "--from", "qcow2", "trap.raw", "y.raw"))
    write("text.qcow2", b"hello\n" * 1000)
    refused(disk("info", "text.qcow2"), "no qcow2 image")


def case_in_use():
    """Neither of two programs opens what the other writes."""
    must(disk("create", "a.qcow2", "1M"))
    with subprocess.Popen([shutil.which("qemu-io"), "-f", "qcow2", "a.qcow2"],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as theirs:
        theirs.stdin.write(b"read 0 512\n")
        theirs.stdin.flush()
        theirs.stdout.readline()
        refused(disk("resize", "a.qcow2", "2M"), f"process {theirs.pid} (qemu-io)")
        info = json.loads(must(disk("info", "a.qcow2", "--json")))
        assert info["in-use"], info
        theirs.stdin.close()
        theirs.stdout.read()
        theirs.wait()
    must(disk("resize", "a.qcow2", "2M"))


def case_full_disk():
    """A conversion that meets a full disk (a limit on file sizes) leaves nothing behind."""
    write("in.raw", random.Random(6).randbytes(4 << 20))

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # writes fail instead
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

    refused(disk("convert", "in.raw", "out.qcow2", preexec_fn=limit), "out.qcow2.part",
            "File too large")
    assert os.listdir(".") == ["in.raw"], os.listdir(".")


def main():
    """Prints TAP."""
    cases = {name: value for name, value in globals().items() if name.startswith("case_")}
    print(f"1..{len(cases)}", flush=True)
    failed = 0
    for number, (name, case) in enumerate(cases.items(), 1):
        name = name[5:].replace("_", " ")
        if not QEMU_IMG or not shutil.which("qemu-io"):
            print(f"ok {number} - {name} # SKIP there is no qemu-img", flush=True)
            continue
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # syncs cost nothing
        with tempfile.TemporaryDirectory(dir=memory) as folder:
            os.chdir(folder)
            try:
                case()
                print(f"ok {number} - {name}", flush=True)
            except (AssertionError, OSError, subprocess.SubprocessError) as problem:
                print(f"# {problem}\nnot ok {number} - {name}", flush=True)
                failed += 1
            os.chdir("/")
    return 1 if failed else 0


if __name__ == "__main__":
    VM_CLI = os.path.abspath(VM_CLI)
    sys.argv[0] = os.path.abspath(sys.argv[0])
    sys.exit(main())
