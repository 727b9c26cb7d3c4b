"""guestfiles.py - what the benchmark driver runs with: the driver for guest and host from one
source, the programs' input, and the initramfs that starts it in a guest.

Input is made from fixed seeds: the same bytes on every machine, so checksums can be compared.
"""

import hashlib
import os
import random
import shutil
import subprocess

import targets

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCES = os.path.join(HERE, "guest")
FLAGS = ["-std=gnu17", "-O2", "-ffp-contract=off", "-static", "-pthread", "-D_GNU_SOURCE",
         "-Wall", "-Wextra", "-Wno-unused-parameter"]
COMPILERS = {"native": "gcc", "guest": targets.ARCH.triplet + "-gcc"}
DEFINES = ['-DBENCH_GCC="%s-gcc-14"' % targets.ARCH.triplet]

WORK_PY = """
def collatz(limit):
    best, start = 0, 0
    for n in range(1, limit):
        length, x = 0, n
        while x != 1:
            x = 3 * x + 1 if x & 1 else x >> 1
            length += 1
        if length > best:
            best, start = length, n
    return best, start

class Account:
    def __init__(self, name):
        self.name, self.total, self.log = name, 0, []
    def add(self, amount):
        self.total += amount
        self.log.append((amount, self.name))

accounts = {"user%d" % i: Account("user%d" % i) for i in range(100)}
names = sorted(accounts)
for i in range(6000):
    accounts[names[i * 7 % 100]].add(i * i % 1000)
words = " ".join("%s=%d" % (a.name, a.total) for a in accounts.values()).split()
print(collatz(1500), len(words), sum(len(a.log) for a in accounts.values()))
print(sorted(words, key=lambda w: w[::-1])[:5], 3 ** 2000 % 1000007)
"""

WORK_PL = r"""
my (%count, $longest);
while (<>) {
    for my $word (split) {
        $count{$word}++;
        $longest = $word if length($word) > length($longest // "");
        $hits++ if $word =~ /^([a-m]+)[n-z]\1?/;
    }
}
my @top = sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count;
print "$longest $hits @top[0 .. 9]\n";
"""

WORK_SQL = """
create table item(id integer primary key, name text, price integer, shelf integer);
create index item_shelf on item(shelf);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 8000)
insert into item select i, 'item ' || (i * 7919 % 10007), i * 31 % 997, i % 53 from n;
select shelf, count(*), sum(price), max(name) from item group by shelf order by 3 desc limit 5;
select count(*) from item a join item b on a.shelf = b.id where b.price > 300;
update item set price = price + 1 where shelf between 10 and 30;
select sum(price), count(distinct name) from item where name like '%77%';
delete from item where price < 200;
select count(*), avg(price) from item;
"""

WORK_AWK = """
{ for (i = 1; i <= NF; i++) { count[$i]++; letters += length($i) } }
END {
    for (word in count) { kinds++; if (count[word] > most) most = count[word] }
    print NR, letters, kinds, most
}
"""

WORK_SH = """
i=0
while [ $i -lt 2500 ]; do
    case $i in
    *7) sevens="$sevens." ;;
    *0) word=${word#?????}$i ;;
    esac
    i=$((i + 1))
done
for file in /bench/data/*; do
    name=$(basename "$file")
    set -- "$@" "$(echo "$name" | tr a-z A-Z)"
done
[ "$word" ] && echo "${#sevens} $# $*" | sed 's/A/a/g' | wc -c
"""


def _text(rng):
    letters = "etaoinshrdlucmfwypvbgkjqxz"
    words = ["".join(rng.choice(letters[:6 + i % 20]) for _ in range(2 + i % 9))
             for i in range(3000)]
    out = []
    for _ in range(9000):
        out.append(" ".join(words[int(rng.random() ** 3 * 3000)]
                            for _ in range(4 + int(rng.random() * 8))))
    return "\n".join(out) + "\n"


def make_data(folder):
    """Writes the input files of all programs."""
    rng = random.Random(2024)
    text = _text(rng)
    lines = ["%08x %d" % (rng.getrandbits(32), i) for i in range(30000)]
    files = {"text": text, "lines": "\n".join(lines) + "\n", "work.py": WORK_PY,
             "work.pl": WORK_PL, "work.sql": WORK_SQL, "work.awk": WORK_AWK, "work.sh": WORK_SH}
    os.makedirs(folder, exist_ok=True)
    for name, body in files.items():
        with open(os.path.join(folder, name), "w", encoding="ascii") as f:
            f.write(body)
    with open(os.path.join(folder, "blob"), "wb") as f:
        f.write(rng.getrandbits(8 * (3 << 20)).to_bytes(3 << 20, "little"))
    with open(os.path.join(folder, "text.xz"), "wb") as f:
        subprocess.run(["xz", "-6", "-T1", "-c", os.path.join(folder, "text")], stdout=f, check=True)
    subprocess.run([COMPILERS["guest"], "-E", "-P", "-D_GNU_SOURCE", "-o",
                    os.path.join(folder, "work.i"), os.path.join(SOURCES, "rows_mem.c")], check=True)


def make_driver(target, out):
    """Compiles the driver for "native" or "guest" with the same flags."""
    sources = sorted(os.path.join(SOURCES, n) for n in os.listdir(SOURCES) if n.endswith(".c"))
    subprocess.run([COMPILERS[target]] + FLAGS + DEFINES + ["-o", out] + sources + ["-lm"], check=True)


def compiler_version(target):
    done = subprocess.run([COMPILERS[target], "--version"], stdout=subprocess.PIPE, check=True,
                          encoding="utf-8")
    return done.stdout.split("\n")[0]


def _cpio_entry(number, name, mode, body):
    name_bytes = name.encode() + b"\0"
    fields = [number, mode, 0, 0, 1, 0, len(body), 0, 0, 0, 0, len(name_bytes), 0]
    entry = b"070701" + b"".join(b"%08X" % f for f in fields) + name_bytes
    entry += b"\0" * (-len(entry) % 4) + body
    return entry + b"\0" * (-len(entry) % 4)


def make_initramfs(base, files, out):
    """The initramfs `base` with the tree `files` as /bench and our /init after it."""
    entries = [("bench", 0o40755, b"")]
    for folder, _, names in sorted(os.walk(files)):
        inside = os.path.join("bench", os.path.relpath(folder, files)).rstrip("/.")
        if inside != "bench":
            entries.append((inside, 0o40755, b""))
        for name in sorted(names):
            with open(os.path.join(folder, name), "rb") as f:
                entries.append((os.path.join(inside, name), 0o100755, f.read()))
    with open(os.path.join(SOURCES, "init"), "rb") as f:
        entries.append(("init", 0o100755, f.read()))
    entries.append(("TRAILER!!!", 0, b""))
    with open(out, "wb") as f:
        with open(base, "rb") as old:
            shutil.copyfileobj(old, f)
        f.write(b"\0" * (-f.tell() % 512))
        for number, (name, mode, body) in enumerate(entries, 1):
            f.write(_cpio_entry(number, name, mode, body))


def recipe():
    """Changes when anything the files are made from changes."""
    digest = hashlib.sha256()
    names = [os.path.join(SOURCES, n) for n in sorted(os.listdir(SOURCES))]
    for path in names + [os.path.abspath(__file__)]:
        with open(path, "rb") as f:
            digest.update(f.read())
    for target in COMPILERS:
        digest.update(compiler_version(target).encode())
    return digest.hexdigest()[:16]


def prepare(folder):
    """folder/native and folder/guest: each a driver and data/. Made anew only when needed."""
    stamp = os.path.join(folder, "recipe")
    wanted = recipe()
    if os.path.exists(stamp):
        with open(stamp, encoding="ascii") as f:
            if f.read() == wanted:
                return
    shutil.rmtree(folder, ignore_errors=True)
    make_data(os.path.join(folder, "native", "data"))
    shutil.copytree(os.path.join(folder, "native", "data"), os.path.join(folder, "guest", "data"))
    for target in COMPILERS:
        make_driver(target, os.path.join(folder, target, "driver"))
    with open(stamp, "w", encoding="ascii") as f:
        f.write(wanted)
