/*
 * rows_data.c - integer work on data: checksums, sorting, hashing, strings, compression.
 */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

static uint64_t run_crc(unsigned reps)
{
    static uint32_t table[256];
    static unsigned char bytes[1 << 14];
    uint32_t crc = 0xffffffff;
    for (uint32_t i = 0; i < 256; i++) {
        table[i] = i;
        for (int bit = 0; bit < 8; bit++)
            table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xedb88320u : 0);
    }
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)bench_opaque(i * 31 >> 3);
    while (reps--)
        for (size_t i = 0; i < sizeof bytes; i++)
            crc = table[(crc ^ bytes[i]) & 0xff] ^ crc >> 8;
    return crc;
}

static uint32_t rotr(uint32_t x, int n)
{
    return x >> n | x << (32 - n);
}

/* FIPS 180-4's compression function over a message schedule; the constants are mixed
 * from a counter, so it is the work of SHA-256, not its value. */
static void sha_block(uint32_t h[8], const uint32_t in[16])
{
    uint32_t w[64], s[8];
    memcpy(w, in, 64);
    memcpy(s, h, sizeof s);
    for (int i = 16; i < 64; i++) {
        uint32_t a = w[i - 15], b = w[i - 2];
        w[i] = w[i - 16] + (rotr(a, 7) ^ rotr(a, 18) ^ a >> 3) + w[i - 7] +
               (rotr(b, 17) ^ rotr(b, 19) ^ b >> 10);
    }
    for (int i = 0; i < 64; i++) {
        uint32_t e = s[4], a = s[0];
        uint32_t t1 = s[7] + (rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)) + ((e & s[5]) ^ (~e & s[6])) +
                      (uint32_t)i * 0x9e3779b9u + w[i];
        uint32_t t2 =
            (rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22)) + ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));
        memmove(s + 1, s, 7 * sizeof s[0]);
        s[4] += t1;
        s[0] = t1 + t2;
    }
    for (int i = 0; i < 8; i++)
        h[i] += s[i];
}

static uint64_t run_sha(unsigned reps)
{
    uint32_t h[8] = { 1, 2, 3, 4, 5, 6, 7, 8 }, block[16];
    for (uint32_t i = 0; i < 16; i++)
        block[i] = (uint32_t)bench_opaque(i * 2654435761u);
    while (reps--) {
        sha_block(h, block);
        block[reps & 15] ^= h[3];
    }
    return (uint64_t)h[0] << 32 | h[7];
}

static int compare_u64(const void *a, const void *b)
{
    uint64_t x, y;
    memcpy(&x, a, 8);
    memcpy(&y, b, 8);
    return x < y ? -1 : x > y;
}

static uint64_t run_sort(unsigned reps)
{
    enum { COUNT = 20000 };
    static uint64_t values[COUNT];
    uint64_t seed = bench_opaque(5), sum = 0;
    while (reps--) {
        for (int i = 0; i < COUNT; i++)
            values[i] = bench_random(&seed);
        qsort(values, COUNT, sizeof values[0], compare_u64);
        sum = bench_mix(sum, values[COUNT / 3]);
    }
    return sum;
}

/* Words of 3 to 10 letters, one after the other, each ended by a zero. */
static char *words_make(size_t count, uint64_t seed)
{
    char *text = bench_alloc(count * 11), *at = text;
    for (size_t i = 0; i < count; i++) {
        uint64_t r = bench_random(&seed);
        unsigned length = 3 + (unsigned)(r & 7);
        for (unsigned k = 0; k < length; k++)
            *at++ = (char)('a' + (r >> (8 + 5 * k)) % 26);
        *at++ = 0;
    }
    return text;
}

static uint64_t run_hash(unsigned reps)
{
    enum { WORDS = 6000, SLOTS = 16384 };
    static const char *slots[SLOTS];
    static char *text;
    uint64_t found = 0;
    if (!text)
        text = words_make(WORDS, 3);
    while (reps--) {
        const char *word = text;
        memset(slots, 0, sizeof slots);
        for (int i = 0; i < WORDS; i++) {
            uint32_t hash = 2166136261u;
            const char *c = word;
            for (; *c; c++)
                hash = (hash ^ (unsigned char)*c) * 16777619u;
            unsigned slot = (hash ^ hash >> 15) % SLOTS;
            while (slots[slot] && strcmp(slots[slot], word) != 0)
                slot = (slot + 1) % SLOTS;
            found = bench_mix(found, slots[slot] ? 1 : slot);
            slots[slot] = word;
            word = c + 1;
        }
    }
    return found;
}

static uint64_t run_strings(unsigned reps)
{
    enum { WORDS = 4000 };
    static char *text;
    char line[128];
    uint64_t sum = 0;
    if (!text)
        text = words_make(WORDS, 17);
    while (reps--) {
        const char *word = text;
        size_t used = 0;
        for (int i = 0; i < WORDS; i++) {
            size_t length = strlen(word);
            if (used + length + 2 > sizeof line) {
                sum = bench_mix(sum, used + (strchr(line, 'q') ? 1 : 0));
                sum += strstr(line, "ab") ? 3 : 0;
                used = 0;
            }
            memcpy(line + used, word, length);
            used += length;
            line[used++] = ' ';
            line[used] = 0;
            word += length + 1;
        }
    }
    return sum;
}

/* LZ77 with a hash of three bytes; returns the packed size. */
static size_t lz_pack(const unsigned char *in, size_t size, unsigned char *out)
{
    static uint32_t heads[4096];
    size_t at = 0, used = 0;
    memset(heads, 0, sizeof heads);
    while (at + 4 < size) {
        uint32_t key = ((uint32_t)in[at] << 16 | (uint32_t)in[at + 1] << 8 | in[at + 2]);
        uint32_t *head = &heads[key * 2654435761u >> 20];
        size_t from = *head, length = 0;
        *head = (uint32_t)at;
        if (from < at && at - from < 65536)
            while (length < 255 && at + length < size && in[from + length] == in[at + length])
                length++;
        if (length >= 4) {
            out[used++] = (unsigned char)length;
            out[used++] = (unsigned char)(at - from);
            out[used++] = (unsigned char)((at - from) >> 8);
            at += length;
        } else {
            out[used++] = 0;
            out[used++] = in[at++];
        }
    }
    return used;
}

static size_t lz_unpack(const unsigned char *in, size_t size, unsigned char *out)
{
    size_t at = 0;
    for (size_t i = 0; i < size;) {
        unsigned length = in[i];
        if (length == 0) {
            out[at++] = in[i + 1];
            i += 2;
            continue;
        }
        size_t distance = in[i + 1] | (size_t)in[i + 2] << 8;
        for (; length; length--, at++)
            out[at] = out[at - distance];
        i += 3;
    }
    return at;
}

static uint64_t run_lz(unsigned reps)
{
    enum { WORDS = 12000 };
    static unsigned char *text, *packed, *back;
    static size_t size;
    uint64_t sum = 0;
    if (!text) {
        uint64_t seed = 23;
        const char *words = words_make(200, 29), *word[200];
        for (int i = 0; i < 200; i++, words += strlen(words) + 1)
            word[i] = words;
        text = bench_alloc(WORDS * 11);
        packed = bench_alloc(WORDS * 22);
        back = bench_alloc(WORDS * 11);
        for (int i = 0; i < WORDS; i++) {
            const char *w = word[bench_random(&seed) % 200];
            memcpy(text + size, w, strlen(w) + 1);
            size += strlen(w) + 1;
        }
    }
    while (reps--) {
        size_t used = lz_pack(text, size, packed);
        size_t whole = lz_unpack(packed, used, back);
        sum = bench_mix(sum, used * 3 + whole + (unsigned)memcmp(text, back, whole));
    }
    return sum;
}

/* Bit by bit through a prefix code, as decoders of pictures and archives do. */
static uint64_t run_bits(unsigned reps)
{
    enum { BYTES = 8192 };
    static unsigned char stream[BYTES + 8];
    uint64_t seed = bench_opaque(41), sum = 0;
    for (int i = 0; i < BYTES; i++)
        stream[i] = (unsigned char)bench_random(&seed);
    while (reps--) {
        size_t bit = 0;
        while (bit < (BYTES - 8) * 8) {
            unsigned zeros = 0;
            while (zeros < 12 && !(stream[bit >> 3] >> (bit & 7) & 1)) {
                zeros++;
                bit++;
            }
            bit++;
            unsigned value = 0;
            for (unsigned i = 0; i < zeros; i++, bit++)
                value = value << 1 | (stream[bit >> 3] >> (bit & 7) & 1);
            sum = sum * 31 + value;
        }
    }
    return sum;
}

struct node {
    uint64_t key;
    struct node *child[2];
};

static uint64_t run_tree(unsigned reps)
{
    enum { NODES = 8192 };
    static struct node *nodes;
    uint64_t seed = bench_opaque(77), sum = 0;
    if (!nodes)
        nodes = bench_alloc(NODES * sizeof *nodes);
    while (reps--) {
        struct node *root = NULL;
        for (int i = 0; i < NODES; i++) {
            struct node **at = &root, *node = &nodes[i];
            *node = (struct node){ bench_random(&seed), { NULL, NULL } };
            unsigned depth = 0;
            for (; *at; depth++)
                at = &(*at)->child[node->key > (*at)->key];
            *at = node;
            sum += depth;
        }
    }
    return sum;
}

/* A tokenizer by states over text like a data format's, with numbers read and written. */
static uint64_t run_parse(unsigned reps)
{
    static const char text[] =
        "{\"name\": \"alpha\", \"size\": 1024, \"list\": [1, 22, 333, -4444, 55555], "
        "\"nested\": {\"flag\": true, \"ratio\": 77, \"text\": \"a b c \\\" d\"}, \"end\": null}";
    uint64_t sum = 0, volume = bench_opaque(0);
    while (reps--) {
        unsigned depth = 0, strings = 0;
        long number = 0;
        for (const char *c = text; *c; c++) {
            if (*c == '"') {
                for (c++; *c != '"'; c++)
                    c += *c == '\\';
                strings++;
            } else if (*c == '{' || *c == '[') {
                depth++;
            } else if (*c == '}' || *c == ']') {
                sum = bench_mix(sum, depth-- + strings);
            } else if (*c == '-' || (*c >= '0' && *c <= '9')) {
                char *end;
                number = strtol(c, &end, 10);
                sum += (uint64_t)number + volume;
                c = end - 1;
            }
        }
    }
    return sum;
}

const struct bench_row bench_rows_data[] = {
    { "crc", "int", run_crc, 1200, NULL },        { "sha", "int", run_sha, 60000, NULL },
    { "qsort", "int", run_sort, 15, NULL },       { "hash", "int", run_hash, 300, NULL },
    { "strings", "int", run_strings, 400, NULL }, { "lz", "int", run_lz, 120, NULL },
    { "bits", "int", run_bits, 300, NULL },       { "tree", "int", run_tree, 40, NULL },
    { "parse", "int", run_parse, 90000, NULL },   { NULL, NULL, NULL, 0, NULL },
};
