/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rates, bursts and quanta: one table per rule.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "tc/shaper.h"

typedef struct {
    char what[40];
    uint64_t rate_bytes_s;
    uint32_t frame_bytes;
    uint32_t want;
} NumberCase;

ParameterizedTestParameters(numbers, burst_bytes)
{
    static NumberCase cases[] = {
        { "never below two frames", 1000, 1500, 3000 },
        { "nor below two jumbo frames", 1000, 9014, 18028 },
        { "ten milliseconds of a slow rate", 6250000, 1514, 62500 },
        { "up to 256 KiB", 125000000, 1514, 262144 },
        { "one millisecond of a fast one", 1250000000, 1514, 1250000 },
        { "no rate at all", 0, 1514, 3028 },
        { "32 bits are the end", 10000000000000, 1514, UINT32_MAX },
    };

    return cr_make_param_array(NumberCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(NumberCase *c, numbers, burst_bytes)
{
    cr_assert_eq(shaper_burst_bytes(c->rate_bytes_s, c->frame_bytes), c->want,
                 "%s", c->what);
}

ParameterizedTestParameters(numbers, burst_ticks)
{
    /* frame_bytes is the burst here */
    static NumberCase cases[] = {
        { "one millisecond is 15625 ticks", 125000000, 125000, 15625 },
        { "never nothing", 1000000000000, 1, 1 },
        { "rounded up, not down", 125000000, 3028, 379 },
        { "two frames at 1000 B/s", 1000, 3028, 47312500 },
        { "more than 274 s are cut", 1, 3028, UINT32_MAX },
        { "above 2^32 B/s", 12500000000, 12500000, 15625 },
    };

    return cr_make_param_array(NumberCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(NumberCase *c, numbers, burst_ticks)
{
    cr_assert_eq(shaper_burst_ticks(c->rate_bytes_s, c->frame_bytes), c->want,
                 "%s: %u", c->what,
                 shaper_burst_ticks(c->rate_bytes_s, c->frame_bytes));
}

ParameterizedTestParameters(numbers, quantum)
{
    static NumberCase cases[] = {
        { "at least a frame", 1000, 1514, 1514 },
        { "in proportion to the rate", 12500000, 1514, 12500 },
        { "never so big that the kernel warns", 12500000000, 1514, 200000 },
    };

    return cr_make_param_array(NumberCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(NumberCase *c, numbers, quantum)
{
    cr_assert_eq(shaper_quantum_bytes(c->rate_bytes_s, c->frame_bytes), c->want,
                 "%s", c->what);
}

typedef struct {
    char what[40];
    uint64_t in, want;
} RateCase;

ParameterizedTestParameters(numbers, root)
{
    static RateCase cases[] = {
        { "50 Mbit/s", 6250000, 6062500 },
        { "rounded in favour of the link", 101, 98 },
        { "100 Gbit/s", 12500000000, 12125000000 },
        { "no overflow", UINT64_MAX, 17893341751498265067u },
    };

    return cr_make_param_array(RateCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(RateCase *c, numbers, root)
{
    cr_assert_eq(shaper_root_bytes_s(c->in), c->want, "%s: %lu", c->what,
                 (unsigned long)shaper_root_bytes_s(c->in));
}

ParameterizedTestParameters(numbers, control)
{
    static RateCase cases[] = {
        { "a fiftieth of the link", 6062500, 121250 },
        { "never nothing", 5000, 1000 },
        { "enough to type on a slow link", 606250, 32000 },
        { "but at most a tenth of it", 100000, 10000 },
        { "10 Mbit/s are enough for anybody", 12125000000, 1250000 },
    };

    return cr_make_param_array(RateCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(RateCase *c, numbers, control)
{
    cr_assert_eq(shaper_control_bytes_s(c->in), c->want, "%s", c->what);
}

typedef struct {
    char text[24];
    bool good;
    uint32_t id;
} IdCase;

ParameterizedTestParameters(numbers, id)
{
    static IdCase cases[] = {
        { "1:2a", true, 0x1002a },
        { "7666:1000", true, 0x76661000 },
        { "ABCD:1", true, 0xabcd0001 },
        { "", false, 0 },
        { "1:", false, 0 },
        { ":1", false, 0 },
        { "1:0", false, 0 },
        { "0:1", false, 0 },
        { "1:2:3", false, 0 },
        { "12345:1", false, 0 },
        { "1:12345", false, 0 },
        { "-1:2", false, 0 },
        { "1: 2", false, 0 },
        { "x:1", false, 0 },
        { "ffff:1", false, 0 },
    };

    return cr_make_param_array(IdCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(IdCase *c, numbers, id)
{
    uint32_t id = 7;

    cr_assert_eq(shaper_id_parse(c->text, &id), c->good, "'%s'", c->text);
    cr_assert_eq(id, c->good ? c->id : 7);
    if (c->good) {
        g_autofree char *back = shaper_id_format(id);

        cr_assert(g_ascii_strcasecmp(back, c->text) == 0);
    }
}
