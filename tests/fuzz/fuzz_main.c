/*
 * fuzz_main.c - runs a fuzz target without libFuzzer, so that every compiler and every test
 * run can: the saved corpus, mutations of it, and random bytes.
 *
 *     fuzz_NAME [-runs=N] [FILE | DIRECTORY]...
 *
 * The inputs are the same in every run; how many is given, never how long.
 */
#include "base/types.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

enum { INPUT_MAX = 4096, CORPUS_MAX = 1000 };

static struct input {
    u8 *data;
    size_t size;
} corpus[CORPUS_MAX];
static unsigned corpus_count;
static u64 seed = 1;

/* splitmix64 */
static u64 next(void)
{
    u64 z = seed += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static void corpus_add(const char *path)
{
    FILE *f = fopen(path, "rb");
    struct input in = { malloc(INPUT_MAX), 0 };

    if (!f || !in.data) {
        perror(path);
        exit(1);
    }
    in.size = fread(in.data, 1, INPUT_MAX, f);
    fclose(f);
    if (corpus_count < CORPUS_MAX)
        corpus[corpus_count++] = in;
    else
        free(in.data);
}

static int name_order(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* A folder's files in the order of their names; a file itself. */
static void corpus_load(const char *path)
{
    struct dirent **names;
    int count = scandir(path, &names, NULL, name_order);

    if (count < 0) {
        corpus_add(path);
        return;
    }
    for (int i = 0; i < count; i++) {
        char at[4096];

        snprintf(at, sizeof at, "%s/%s", path, names[i]->d_name);
        if (names[i]->d_name[0] != '.')
            corpus_add(at);
        free(names[i]);
    }
    free(names);
}

static void run(const u8 *data, size_t size)
{
    u8 *copy = malloc(size ? size : 1); /* of its exact size, for the address checker */

    memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void run_random(void)
{
    u8 bytes[INPUT_MAX];
    size_t size = next() % (next() % 2 ? 200 : 2000);

    for (size_t i = 0; i < size; i++)
        bytes[i] = (u8)next();
    run(bytes, size);
}

/* One to four bytes changed, and sometimes the end cut off or another input's put on. */
static void run_mutated(void)
{
    const struct input *in = &corpus[next() % corpus_count];
    const struct input *other = &corpus[next() % corpus_count];
    u8 bytes[INPUT_MAX];
    size_t size = in->size;

    memcpy(bytes, in->data, size);
    if (size && next() % 4 == 0)
        size = next() % size;
    if (next() % 8 == 0 && size + other->size <= INPUT_MAX) {
        memcpy(bytes + size, other->data, other->size);
        size += other->size;
    }
    for (u64 n = next() % 4 + 1; size && n; n--)
        bytes[next() % size] = (u8)(next() % 2 ? next() : 1ull << next() % 8);
    run(bytes, size);
}

int main(int argc, char **argv)
{
    unsigned long runs = 2000;

    for (int i = 1; i < argc; i++)
        if (strncmp(argv[i], "-runs=", 6) == 0)
            runs = strtoul(argv[i] + 6, NULL, 10);
        else if (argv[i][0] != '-')
            corpus_load(argv[i]);
    run((const u8 *)"", 0);
    for (unsigned i = 0; i < corpus_count; i++)
        run(corpus[i].data, corpus[i].size);
    for (unsigned long i = 0; i < runs; i++)
        if (corpus_count && i % 2)
            run_mutated();
        else
            run_random();
    printf("1..1\nok 1 - %u saved and %lu made inputs\n", corpus_count, runs);
    for (unsigned i = 0; i < corpus_count; i++)
        free(corpus[i].data);
    return 0;
}
