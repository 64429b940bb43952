/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz.h - what every fuzz target is
 *
 * A target checks a property with FUZZ_CHECK(), survival alone is little. It
 * keeps no state from one input to the next.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/** LLVMFuzzerTestOneInput() - Feed @size bytes to the decoder; return 0 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(what)                                                       \
    do {                                                                       \
        if (!(what)) {                                                         \
            fprintf(stderr, "%s:%d: property does not hold: %s\n", __FILE__,   \
                    __LINE__, #what);                                          \
            abort();                                                           \
        }                                                                      \
    } while (0)

#endif
