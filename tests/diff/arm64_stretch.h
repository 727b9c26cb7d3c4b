/*
 * arm64_stretch.h - makes random stretches of arm64 instructions: cases of several instructions
 * that have to do with one another.
 */
#ifndef TESTS_DIFF_ARM64_STRETCH_H
#define TESTS_DIFF_ARM64_STRETCH_H

#include "base/types.h"
#include "arm64_case.h"

void arm64_stretch_make(struct arm64_case *c, u64 *rng);

#endif
