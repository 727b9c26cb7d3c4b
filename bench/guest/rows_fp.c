/*
 * rows_fp.c - double precision: throughput, division and square roots, conversions.
 *
 * Built with -ffp-contract=off, so that every architecture rounds alike.
 */
#include "bench.h"

#include <math.h>
#include <string.h>

static uint64_t bits_of(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, 8);
    return bits;
}

static uint64_t run_matmul(unsigned reps)
{
    enum { N = 64 };
    static double a[N][N], b[N][N], c[N][N];
    for (int i = 0; i < N * N; i++) {
        a[i / N][i % N] = 1.0 / (double)(int)bench_opaque((uint64_t)(i % 97 + 1));
        b[i / N][i % N] = (i % 89) * 0.25;
    }
    while (reps--) {
        for (int i = 0; i < N; i++)
            for (int j = 0; j < N; j++) {
                double dot = 0;
                for (int k = 0; k < N; k++)
                    dot += a[i][k] * b[k][j];
                c[i][j] = dot;
            }
        a[reps % N][1] = 1.0 / (1.0 + c[reps % N][reps % N]);
    }
    return bits_of(c[1][2] + c[N - 1][N - 2]);
}

struct body {
    double p[3], v[3], mass;
};

static void nbody_step(struct body *bodies, int count, double dt)
{
    for (int i = 0; i < count; i++)
        for (int j = i + 1; j < count; j++) {
            struct body *a = &bodies[i], *b = &bodies[j];
            double d[3], square = 0.01;
            for (int k = 0; k < 3; k++) {
                d[k] = a->p[k] - b->p[k];
                square += d[k] * d[k];
            }
            double force = dt / (square * sqrt(square));
            for (int k = 0; k < 3; k++) {
                a->v[k] -= d[k] * b->mass * force;
                b->v[k] += d[k] * a->mass * force;
            }
        }
    for (int i = 0; i < count; i++)
        for (int k = 0; k < 3; k++)
            bodies[i].p[k] += bodies[i].v[k] * dt;
}

static uint64_t run_nbody(unsigned reps)
{
    struct body bodies[5];
    for (int i = 0; i < 5; i++)
        bodies[i] = (struct body){ { i * 1.5, 4.0 - i, i * i * 0.25 },
                                   { 0.1 * i, 0.05, -0.1 },
                                   1.0 + (double)bench_opaque((uint64_t)i) };
    while (reps--)
        nbody_step(bodies, 5, 0.001);
    return bits_of(bodies[0].p[0] + bodies[4].v[2]);
}

static uint64_t run_mandel(unsigned reps)
{
    uint64_t sum = 0;
    while (reps--)
        for (int y = 0; y < 48; y++)
            for (int x = 0; x < 64; x++) {
                double cr = x / 32.0 - 1.5, ci = y / 24.0 - 1.0, r = 0, i = 0;
                unsigned n = 0;
                for (; n < 100 && r * r + i * i < 4.0; n++) {
                    double t = r * r - i * i + cr;
                    i = 2.0 * r * i + ci;
                    r = t;
                }
                sum = bench_mix(sum, n);
            }
    return sum;
}

static void fft(double *re, double *im, int n, const double *cosines, const double *sines)
{
    for (int i = 1, j = 0; i < n; i++) {
        int bit = n >> 1;
        for (; j & bit; bit >>= 1)
            j ^= bit;
        j ^= bit;
        if (i < j) {
            double t = re[i];
            re[i] = re[j];
            re[j] = t;
            t = im[i];
            im[i] = im[j];
            im[j] = t;
        }
    }
    for (int half = 1; half < n; half *= 2)
        for (int at = 0; at < n; at += 2 * half)
            for (int k = 0; k < half; k++) {
                int w = k * (n / 2 / half), low = at + k, high = low + half;
                double r = re[high] * cosines[w] - im[high] * sines[w];
                double i = re[high] * sines[w] + im[high] * cosines[w];
                re[high] = re[low] - r;
                im[high] = im[low] - i;
                re[low] += r;
                im[low] += i;
            }
}

static uint64_t run_fft(unsigned reps)
{
    enum { N = 1024 };
    static double re[N], im[N], cosines[N / 2], sines[N / 2];
    double c = 1, s = 0; /* turned step by step: no library's sine, whose last bit differs */
    for (int i = 0; i < N / 2; i++) {
        double t = c * 0.99998117528260111 - s * 0.0061358846491544753;
        cosines[i] = c;
        sines[i] = s;
        s = s * 0.99998117528260111 + c * 0.0061358846491544753;
        c = t;
    }
    for (int i = 0; i < N; i++) {
        re[i] = (double)bench_opaque((uint64_t)(i * 37 % 256));
        im[i] = 0;
    }
    while (reps--) {
        fft(re, im, N, cosines, sines);
        for (int i = 0; i < N; i++) {
            re[i] *= 1.0 / 32;
            im[i] *= 1.0 / 32;
        }
    }
    return bits_of(re[3]) ^ bits_of(im[5]);
}

/* What mathematical libraries do: range reduction, conversions, a polynomial, a compare. */
static double exp_poly(double x)
{
    int whole = (int)(x * 1.4426950408889634 + (x < 0 ? -0.5 : 0.5));
    double r = x - whole * 0.69314718055994531, sum = 1.0 / 5040;
    static const double c[] = { 1.0 / 720, 1.0 / 120, 1.0 / 24, 1.0 / 6, 0.5, 1.0, 1.0 };
    for (size_t i = 0; i < sizeof c / sizeof c[0]; i++)
        sum = sum * r + c[i];
    uint64_t scale = (uint64_t)(1023 + whole) << 52;
    double power;
    memcpy(&power, &scale, 8);
    return sum * power;
}

static uint64_t run_exp(unsigned reps)
{
    double sum = 0;
    for (unsigned i = 0; i < reps * 1000; i++) {
        double x = (double)(int)(bench_opaque(i) % 2000) * 0.01 - 10.0;
        double e = exp_poly(x);
        sum += e > 1.0 ? 1.0 / e : (double)(float)e;
    }
    return bits_of(sum);
}

const struct bench_row bench_rows_fp[] = {
    { "matmul", "fp", run_matmul, 60, NULL }, { "nbody", "fp", run_nbody, 120000, NULL },
    { "mandel", "fp", run_mandel, 40, NULL }, { "fft", "fp", run_fft, 300, NULL },
    { "exp", "fp", run_exp, 1500, NULL },     { NULL, NULL, NULL, 0, NULL },
};
