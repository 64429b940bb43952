/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * traces-order.c - guests in the order in which CloudSim creates them
 *
 * CloudSim makes a guest of each file in the order in which Java lists the
 * folder, and that is the file system's: first fit then comes out otherwise, by
 * some 5 % of the energy. The published figures are those of ext4 without a
 * hash seed of its own, which lists a folder by a hash of the names: MD4 cut
 * short, 32 bytes of the name at a time, of which two words count.
 */
#include "plan/simulate.h"

#include <stdlib.h>
#include <string.h>

#define WORDS 8 /* of a name, in a round */

static uint32_t
choose(uint32_t x, uint32_t y, uint32_t z)
{
    return z ^ (x & (y ^ z));
}

static uint32_t
majority(uint32_t x, uint32_t y, uint32_t z)
{
    return (x & y) + ((x ^ y) & z);
}

static uint32_t
parity(uint32_t x, uint32_t y, uint32_t z)
{
    return x ^ y ^ z;
}

static void
transform(uint32_t *buffer, const uint32_t *words)
{
    static const struct {
        uint32_t (*mix)(uint32_t, uint32_t, uint32_t);
        uint32_t add;
        uint8_t turn[4];
        uint8_t word[WORDS];
    } passes[] = {
        { choose, 0, { 3, 7, 11, 19 }, { 0, 1, 2, 3, 4, 5, 6, 7 } },
        { majority, 0x5a827999, { 3, 5, 9, 13 }, { 1, 3, 5, 7, 0, 2, 4, 6 } },
        { parity, 0x6ed9eba1, { 3, 9, 11, 15 }, { 3, 7, 2, 6, 1, 5, 0, 4 } },
    };
    uint32_t x[4];

    memcpy(x, buffer, sizeof(x));
    for (size_t p = 0; p < G_N_ELEMENTS(passes); p++) {
        for (size_t i = 0; i < WORDS; i++) {
            /* a, d, c, b in turn */
            uint32_t *to = &x[(4 - i % 4) % 4];
            const uint32_t *b = &x[(5 - i % 4) % 4];
            const uint32_t *c = &x[(6 - i % 4) % 4];
            const uint32_t *d = &x[(7 - i % 4) % 4];
            uint32_t sum = *to + passes[p].mix(*b, *c, *d) +
                           words[passes[p].word[i]] + passes[p].add;
            int turn = passes[p].turn[i % 4];

            *to = sum << turn | sum >> (32 - turn);
        }
    }
    for (size_t i = 0; i < 4; i++) {
        buffer[i] += x[i];
    }
}

/* Four bytes a word, the rest filled up with the length that is left */
static void
take_words(const char *name, size_t length, uint32_t *words)
{
    uint32_t pad = (uint32_t)(length & 0xff) * 0x01010101;

    for (size_t w = 0; w < WORDS; w++) {
        words[w] = pad;
        for (size_t i = 4 * w; i < MIN(length, 4 * w + 4); i++) {
            words[w] = words[w] << 8 | (guint8)name[i];
        }
    }
}

uint64_t
plan_traces_hash(const char *name)
{
    uint32_t buffer[4] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476 };
    size_t length = strlen(name);

    for (size_t at = 0; at < length; at += 4 * WORDS) {
        uint32_t words[WORDS];

        take_words(name + at, length - at, words);
        transform(buffer, words);
    }
    return (uint64_t)(buffer[1] & ~1u) << 32 | buffer[2];
}

typedef struct Ranked {
    uint64_t hash;
    size_t guest;
} Ranked;

static int
compare(const void *a, const void *b)
{
    const Ranked *x = a;
    const Ranked *y = b;

    return x->hash != y->hash ? (x->hash > y->hash) - (x->hash < y->hash)
                              : (x->guest > y->guest) - (x->guest < y->guest);
}

void
plan_traces_sort(PlanTraces *traces)
{
    size_t n = traces->n_guests;
    g_autofree Ranked *ranked = g_new(Ranked, n);
    g_autofree uint8_t *percent =
        g_memdup2(traces->percent, n * traces->n_steps);

    for (size_t i = 0; i < n; i++) {
        ranked[i] = (Ranked){ traces->hash[i], i };
    }
    qsort(ranked, n, sizeof(*ranked), compare);
    for (size_t i = 0; i < n; i++) {
        traces->hash[i] = ranked[i].hash;
        memcpy(traces->percent + i * traces->n_steps,
               percent + ranked[i].guest * traces->n_steps, traces->n_steps);
    }
}
