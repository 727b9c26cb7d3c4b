/*
 * rows_prog.c - whole programs of Debian; their input is made by guestfiles.py.
 */
#include "bench.h"

#define PROGRAM(name, command) { name, "prog", NULL, 1, command }

const struct bench_row bench_rows_prog[] = {
    PROGRAM("python3", "python3.13 -I -S /bench/data/work.py"),
    PROGRAM("perl", "perl /bench/data/work.pl /bench/data/text"),
    PROGRAM("sqlite3", "sqlite3 -batch -init /bench/data/work.sql :memory: .quit"),
    PROGRAM("gcc", BENCH_GCC " -O2 -fpreprocessed -c -o /tmp/out /bench/data/work.i"),
    PROGRAM("xz", "xz -3 -T1 -c /bench/data/text"),
    PROGRAM("unxz", "xz -d -T1 -c /bench/data/text.xz"),
    PROGRAM("zstd", "zstd -q -9 --single-thread -c /bench/data/text"),
    PROGRAM("gzip", "gzip -6 -n -c /bench/data/text"),
    PROGRAM("bzip2", "bzip2 -c /bench/data/text"),
    PROGRAM("sha256sum", "sha256sum /bench/data/text /bench/data/blob"),
    PROGRAM("openssl", "openssl dgst -sha512 -hmac key /bench/data/blob"),
    PROGRAM("sort", "sort /bench/data/lines"),
    PROGRAM("awk", "mawk -f /bench/data/work.awk /bench/data/text"),
    PROGRAM("grep", "grep -c -E (e|ta)+[a-o]*s /bench/data/text"),
    PROGRAM("sh", "dash /bench/data/work.sh"),
    { NULL, NULL, NULL, 0, NULL },
};
