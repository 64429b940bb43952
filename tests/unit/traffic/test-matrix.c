/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The matrix beside one that keeps everything, over random traffic.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "traffic/address.h"
#include "traffic/matrix.h"
#include "traffic/sampler.h"

#define GUESTS 20

static TrafficGuests *
some_guests(void)
{
    TrafficGuests *guests = traffic_guests_new(32, 128);

    for (int i = 0; i < GUESTS; i++) {
        g_autofree char *mac = g_strdup_printf("52:54:00:00:00:%02x", i);
        g_autofree char *name = g_strdup_printf("vm%d", i);

        cr_assert(traffic_guests_add(guests, mac, name, NULL));
    }
    return guests;
}

/* Ends 0 to GUESTS - 1 are guests, the others addresses outside. */
static TrafficFrame
frame_between(uint32_t from, uint32_t to, uint32_t bytes)
{
    TrafficFrame frame = { .wire_bytes = bytes, .ip = 4 };
    uint32_t ends[] = { from, to };

    for (int e = 0; e < 2; e++) {
        TrafficAddress *address = e ? &frame.destination : &frame.source;
        uint64_t *mac = e ? &frame.destination_mac : &frame.source_mac;

        *mac = ends[e] < GUESTS ? 0x525400000000 + ends[e] : 0x020000000001;
        cr_assert(traffic_address_parse("10.0.0.0", address));
        address->bytes[13] = (uint8_t)(ends[e] >> 16);
        address->bytes[14] = (uint8_t)(ends[e] >> 8);
        address->bytes[15] = (uint8_t)ends[e];
    }
    return frame;
}

/* A few ends talk a lot, a great many little. */
static uint32_t
some_end(GRand *random, uint32_t n_ends)
{
    double u = g_rand_double_range(random, 1e-9, 1);

    return MIN((uint32_t)(pow((double)n_ends, u) - 1), n_ends - 1);
}

static char *
row_key(const TrafficSummary *summary, const TrafficRow *row)
{
    g_autofree char *from = traffic_end_text(summary->guests, &row->from);
    g_autofree char *to = traffic_end_text(summary->guests, &row->to);

    return g_strconcat(from, ">", to, NULL);
}

static void
name_end(GString *key, uint32_t end)
{
    if (end < GUESTS) {
        g_string_append_printf(key, "vm%u", end);
    } else {
        g_string_append_printf(key, "10.%u.%u.%u/32", end >> 16, end >> 8 & 255,
                               end & 255);
    }
}

typedef struct Truth {
    GHashTable *sums; /* "vm1>10.0.0.30/32" -> TrafficSum */
    TrafficSum by_class[TRAFFIC_N_CLASSES];
    TrafficSum sent[GUESTS], received[GUESTS];
    TrafficSum total;
} Truth;

static void
count(TrafficSum *sum, uint32_t bytes)
{
    sum->bytes += bytes;
    sum->packets++;
}

static void
truth_add(Truth *truth, uint32_t from, uint32_t to, uint32_t bytes)
{
    GString *key = g_string_new(NULL);
    TrafficSum *sum;

    name_end(key, from);
    g_string_append_c(key, '>');
    name_end(key, to);
    sum = g_hash_table_lookup(truth->sums, key->str);
    if (!sum) {
        sum = g_new0(TrafficSum, 1);
        g_hash_table_insert(truth->sums, g_strdup(key->str), sum);
    }
    g_string_free(key, TRUE);
    count(sum, bytes);
    count(&truth->by_class[2 - (from < GUESTS) - (to < GUESTS)], bytes);
    count(&truth->total, bytes);
    if (from < GUESTS) {
        count(&truth->sent[from], bytes);
    }
    if (to < GUESTS) {
        count(&truth->received[to], bytes);
    }
}

static void
expect_sum(TrafficSum have, TrafficSum want)
{
    cr_assert_eq(have.bytes, want.bytes);
    cr_assert_eq(have.packets, want.packets);
}

/* What holds whatever fits in the table. */
static void
check_against(const TrafficSummary *summary, const Truth *truth, size_t most)
{
    TrafficSum by_class[TRAFFIC_N_CLASSES];
    uint64_t previous = UINT64_MAX;

    memcpy(by_class, summary->tail, sizeof(by_class));
    cr_assert_leq(summary->rows->len, most);
    for (guint i = 0; i < summary->rows->len; i++) {
        const TrafficRow *row = &g_array_index(summary->rows, TrafficRow, i);
        g_autofree char *key = row_key(summary, row);
        const TrafficSum *want = g_hash_table_lookup(truth->sums, key);
        int c = 2 - (row->from.kind == TRAFFIC_END_GUEST) -
                (row->to.kind == TRAFFIC_END_GUEST);

        cr_assert(want, "%s never was", key);
        cr_assert_leq(row->sum.bytes, want->bytes);
        cr_assert_geq(row->sum.bytes + row->missing_bytes, want->bytes);
        cr_assert_leq(row->sum.packets, want->packets);
        cr_assert_leq(row->missing_bytes, summary->absent_bytes);
        cr_assert(row->missing_bytes || row->sum.packets == want->packets);
        cr_assert_leq(row->sum.bytes, previous, "not in order");
        previous = row->sum.bytes;
        by_class[c].bytes += row->sum.bytes;
        by_class[c].packets += row->sum.packets;
        g_hash_table_remove(truth->sums, key);
    }
    /* all frames are somewhere, to the byte, in their class */
    for (int c = 0; c < TRAFFIC_N_CLASSES; c++) {
        expect_sum(by_class[c], truth->by_class[c]);
        expect_sum(summary->by_class[c], truth->by_class[c]);
    }
    expect_sum(summary->total, truth->total);
    for (guint i = 0; i < GUESTS; i++) {
        expect_sum(g_array_index(summary->sent, TrafficSum, i), truth->sent[i]);
        expect_sum(g_array_index(summary->received, TrafficSum, i),
                   truth->received[i]);
    }
    /* the bound, and that nothing above it is missing */
    cr_assert_leq((double)summary->absent_bytes,
                  (double)truth->total.bytes / (0.75 * (double)most));
    {
        GHashTableIter iter;
        gpointer key, sum;

        g_hash_table_iter_init(&iter, truth->sums);
        while (g_hash_table_iter_next(&iter, &key, &sum)) {
            cr_assert_leq(((TrafficSum *)sum)->bytes, summary->absent_bytes,
                          "%s has no row", (char *)key);
        }
    }
}

typedef struct RandomCase {
    size_t most;
    uint32_t n_ends;
    int frames;
} RandomCase;

ParameterizedTestParameters(matrix, random)
{
    static RandomCase cases[] = {
        { 65536, 60, 30000 }, /* nobody has to go */
        { 512, 60, 30000 },   { 512, 100000, 30000 }, { 16, 60, 5000 },
        { 16, 100000, 5000 }, { 100, 3000, 50000 },   { 17, 300, 20000 },
    };

    return cr_make_param_array(RandomCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(RandomCase *c, matrix, random)
{
    for (guint32 seed = 0; seed < 6; seed++) {
        g_autoptr(GRand) random = g_rand_new_with_seed(seed);
        g_autoptr(TrafficGuests) guests = some_guests();
        TrafficSpec spec = { c->most, 1 };
        g_autoptr(TrafficMatrix) matrix = traffic_matrix_new(guests, &spec);
        g_autoptr(TrafficSummary) summary = NULL;
        Truth truth = { .sums = g_hash_table_new_full(g_str_hash, g_str_equal,
                                                      g_free, g_free) };

        /* what was before is forgotten */
        for (uint32_t i = 0; i < 1000; i++) {
            TrafficFrame frame = frame_between(i, i + 1, 1000000);

            traffic_matrix_add(matrix, &frame);
        }
        traffic_matrix_clear(matrix);
        for (int i = 0; i < c->frames; i++) {
            uint32_t from = some_end(random, c->n_ends);
            uint32_t to = some_end(random, c->n_ends);
            uint32_t bytes = (uint32_t)g_rand_int_range(random, 60, 65536);
            TrafficFrame frame = frame_between(from, to, bytes);

            traffic_matrix_add(matrix, &frame);
            truth_add(&truth, from, to, bytes);
        }
        summary = traffic_matrix_summary(matrix);
        cr_assert(c->most < 65536 || summary->absent_bytes == 0);
        check_against(summary, &truth, c->most);
        g_hash_table_unref(truth.sums);
    }
}

/* A scan of everybody by one, while two talk: the worst that happens. */
Test(matrix, a_scan_does_not_hide_who_talks)
{
    g_autoptr(TrafficGuests) guests = some_guests();
    TrafficSpec spec = { 64, 1 };
    g_autoptr(TrafficMatrix) matrix = traffic_matrix_new(guests, &spec);
    g_autoptr(TrafficSummary) summary = NULL;
    const TrafficRow *first;

    for (uint32_t i = 0; i < 100000; i++) {
        TrafficFrame scan = frame_between(3, 1000 + i, 60);
        TrafficFrame talk = frame_between(1, 2, 1500);

        traffic_matrix_add(matrix, &scan);
        if (i % 10 == 0) {
            traffic_matrix_add(matrix, &talk);
        }
    }
    summary = traffic_matrix_summary(matrix);
    first = &g_array_index(summary->rows, TrafficRow, 0);
    cr_assert_eq(first->sum.packets, 10000);
    cr_assert_eq(first->sum.bytes, 15000000);
    cr_assert_eq(first->missing_bytes, 0, "a heavy pair is exact");
    cr_assert_eq(summary->total.packets, 110000);
    expect_sum(summary->by_class[TRAFFIC_WITH_OUTSIDE],
               (TrafficSum){ 6000000, 100000 });
}

Test(matrix, exchanges_take_both_directions_together)
{
    g_autoptr(TrafficGuests) guests = some_guests();
    TrafficSpec spec = { 1024, 1 };
    g_autoptr(TrafficMatrix) matrix = traffic_matrix_new(guests, &spec);
    g_autoptr(TrafficSummary) summary = NULL;
    g_autoptr(GArray) exchanges = NULL;
    const TrafficExchange *first, *second;
    static const uint32_t frames[][3] = {
        { 2, 1, 100 },   { 1, 2, 500 },    { 1, 2, 500 },
        { 4, 3, 2000 },  { 5, 5, 9000 }, /* to itself */
        { 5, 99, 9000 }, { 98, 99, 9000 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(frames); i++) {
        TrafficFrame frame =
            frame_between(frames[i][0], frames[i][1], frames[i][2]);

        traffic_matrix_add(matrix, &frame);
    }
    summary = traffic_matrix_summary(matrix);
    exchanges = traffic_summary_exchanges(summary);
    cr_assert_eq(exchanges->len, 2);
    first = &g_array_index(exchanges, TrafficExchange, 0);
    second = &g_array_index(exchanges, TrafficExchange, 1);
    cr_assert(first->a == 3 && first->b == 4 && second->a == 1 &&
              second->b == 2);
    expect_sum(first->sum, (TrafficSum){ 2000, 1 });
    expect_sum(second->sum, (TrafficSum){ 1100, 3 });
    cr_assert_eq(first->missing_bytes, 0);
}

/* A guest of whom nobody knew when the matrix was made. */
Test(matrix, guests_may_come_while_it_counts)
{
    g_autoptr(TrafficGuests) guests = some_guests();
    TrafficSpec spec = { 1024, 1 };
    g_autoptr(TrafficMatrix) matrix = traffic_matrix_new(guests, &spec);
    g_autoptr(TrafficSummary) summary = NULL;
    TrafficFrame frame = frame_between(1, 2, 100);

    frame.destination_mac = 0x5254000000ff;
    traffic_matrix_add(matrix, &frame);
    cr_assert(traffic_guests_add(guests, "52:54:00:00:00:ff", "new", NULL));
    traffic_matrix_add(matrix, &frame);
    summary = traffic_matrix_summary(matrix);
    cr_assert_eq(summary->rows->len, 2);
    cr_assert_eq(summary->received->len, GUESTS + 1);
    expect_sum(g_array_index(summary->received, TrafficSum, GUESTS),
               (TrafficSum){ 100, 1 });
}

enum { HEAVY = 3 };

/* What sampling came to, over several seeds. */
typedef struct Sampled {
    int inside, tried; /* pairs in the interval that was told, and all */
    double worst;      /* relative error of the heavy ones */
} Sampled;

/* Heavy pairs have a third, 13 % and 13 % of the frames, eight share the rest. */
static void
sample(uint32_t n_frames, uint64_t seed, Sampled *result)
{
    static const uint32_t one_in[HEAVY] = { 3, 5, 4 };
    g_autoptr(TrafficGuests) guests = some_guests();
    TrafficSpec spec = { 1024, 16 };
    g_autoptr(TrafficMatrix) matrix = traffic_matrix_new(guests, &spec);
    g_autoptr(TrafficSummary) summary = NULL;
    g_autoptr(GRand) random = g_rand_new_with_seed((guint32)seed);
    TrafficSampler sampler;
    uint64_t bytes[GUESTS] = { 0 };
    uint64_t taken = 0;

    traffic_sampler_init(&sampler, 16, seed);
    for (uint32_t i = 0; i < n_frames; i++) {
        uint32_t to = HEAVY + 1 + i % 8;
        uint32_t size = 60 + g_rand_int(random) % 1455;

        for (uint32_t h = 0; h < HEAVY; h++) {
            if (g_rand_int(random) % one_in[h] == 0) {
                to = h + 1;
                break;
            }
        }
        bytes[to] += size;
        if (traffic_sampler_take(&sampler)) {
            TrafficFrame frame = frame_between(0, to, size);

            traffic_matrix_add(matrix, &frame);
            taken++;
        }
    }
    cr_assert_eq(taken, n_frames / 16);
    summary = traffic_matrix_summary(matrix);
    cr_assert_eq(summary->total.packets, n_frames);
    for (guint i = 0; i < summary->rows->len; i++) {
        const TrafficRow *row = &g_array_index(summary->rows, TrafficRow, i);
        double want = (double)bytes[row->to.number];
        double off = fabs((double)row->sum.bytes - want);

        result->tried++;
        result->inside += off <= (double)row->error_bytes;
        if (row->to.number <= HEAVY) {
            result->worst = fmax(result->worst, off / want);
        }
    }
}

/* The goal, of pairs with a million frames. */
Test(matrix, heavy_pairs_are_within_2_percent_at_1_in_16)
{
    Sampled result = { 0 };

    for (uint64_t seed = 1; seed <= 5; seed++) {
        sample(8000000, seed, &result);
    }
    printf("worst heavy pair: %.2f %%\n", 100 * result.worst);
    cr_assert_leq(result.worst, 0.02);
}

Test(matrix, sampling_says_how_far_off_it_may_be)
{
    Sampled result = { 0 };

    for (uint64_t seed = 1; seed <= 100; seed++) {
        sample(160000, seed, &result);
    }
    printf("%d of %d pairs in their interval\n", result.inside, result.tried);
    cr_assert_geq(result.inside, result.tried * 93 / 100);
    cr_assert_leq(result.inside, result.tried * 98 / 100);
}

/* Every sixteenth frame is from one guest: taking each sixteenth would see all
 * of it or nothing. */
Test(matrix, sampling_is_not_fooled_by_a_beat)
{
    g_autoptr(TrafficGuests) guests = some_guests();
    TrafficSpec spec = { 1024, 16 };
    g_autoptr(TrafficMatrix) matrix = traffic_matrix_new(guests, &spec);
    g_autoptr(TrafficSummary) summary = NULL;
    TrafficSampler sampler;
    uint64_t have;

    traffic_sampler_init(&sampler, 16, 1);
    for (uint32_t i = 0; i < 1600000; i++) {
        TrafficFrame frame = frame_between(i % 16 == 0 ? 1 : 2, 3, 100);

        if (traffic_sampler_take(&sampler)) {
            traffic_matrix_add(matrix, &frame);
        }
    }
    summary = traffic_matrix_summary(matrix);
    have = g_array_index(summary->sent, TrafficSum, 1).packets;
    cr_assert(have > 95000 && have < 105000, "%lu", (unsigned long)have);
}
