/*
 * test_hard.c - the hard instructions on evaluator and interpreter, against real CPUs.
 */
#include "hard.h"

int main(int argc, char **argv)
{
    static const struct hard_engine *const engines[] = { &hard_evaluator, &hard_interpreter };

    return hard_main(argc, argv, engines, ARRAY_SIZE(engines));
}
