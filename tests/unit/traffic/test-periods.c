/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * When a matrix ends and the next begins, and what is made of them.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "traffic/periods.h"
#include "traffic/write.h"

#define S 1000000

typedef struct Seen {
    GPtrArray *summaries;
} Seen;

static void
on_finished(TrafficSummary *summary, gpointer user)
{
    g_ptr_array_add(user, summary);
}

static TrafficFrame
frame_of(uint64_t from, uint64_t to, uint32_t bytes)
{
    return (TrafficFrame){ .wire_bytes = bytes,
                           .source_mac = 0x525400000000 + from,
                           .destination_mac = 0x525400000000 + to };
}

static TrafficGuests *
three_guests(void)
{
    static const char text[] = "52:54:00:00:00:01=a\n52:54:00:00:00:02=b\n"
                               "52:54:00:00:00:03=c,\"d\"\n";
    TrafficGuests *guests = traffic_guests_new(24, 64);

    cr_assert(traffic_guests_parse(guests, text, strlen(text), NULL));
    return guests;
}

static GPtrArray *
summaries_new(void)
{
    return g_ptr_array_new_with_free_func((GDestroyNotify)traffic_summary_free);
}

static void
expect(const GPtrArray *seen, guint i, int64_t from_us, int64_t to_us,
       uint64_t packets, uint64_t late)
{
    const TrafficSummary *summary;

    cr_assert_lt(i, seen->len);
    summary = seen->pdata[i];
    cr_assert_eq(summary->from_us, from_us, "%u: from %ld", i,
                 (long)summary->from_us);
    cr_assert_eq(summary->to_us, to_us, "%u: to %ld", i, (long)summary->to_us);
    cr_assert_eq(summary->total.packets, packets, "%u", i);
    cr_assert_eq(summary->late, late, "%u", i);
}

Test(periods, they_begin_at_multiples_of_their_length)
{
    g_autoptr(GPtrArray) seen = summaries_new();
    g_autoptr(TrafficGuests) guests = three_guests();
    TrafficSpec spec = { 1024, 1 };
    g_autoptr(TrafficPeriods) periods =
        traffic_periods_new(guests, &spec, 10 * S, on_finished, seen);
    static const int64_t at_s[] = { 1003, 1009, 1010, 1019, 1008, 1055 };
    TrafficFrame frame = frame_of(1, 2, 100);

    for (size_t i = 0; i < G_N_ELEMENTS(at_s); i++) {
        traffic_periods_add(periods, &frame, at_s[i] * S);
    }
    traffic_periods_skip(periods, 1056 * (int64_t)S);
    traffic_periods_end(periods, INT64_MIN);
    cr_assert_eq(seen->len, 3);
    expect(seen, 0, 1003 * (int64_t)S, 1010 * (int64_t)S, 2, 0);
    expect(seen, 1, 1010 * (int64_t)S, 1020 * (int64_t)S, 3, 1);
    /* nothing is made of 1020 to 1050 */
    expect(seen, 2, 1050 * (int64_t)S, 1056 * (int64_t)S, 1, 0);
    cr_assert_eq(((TrafficSummary *)seen->pdata[2])->not_understood, 1);
    cr_assert_eq(traffic_periods_total(periods).packets, 6);
}

Test(periods, time_goes_on_without_frames)
{
    g_autoptr(GPtrArray) seen = summaries_new();
    g_autoptr(TrafficGuests) guests = three_guests();
    TrafficSpec spec = { 1024, 1 };
    g_autoptr(TrafficPeriods) periods =
        traffic_periods_new(guests, &spec, 10 * S, on_finished, seen);

    traffic_periods_advance(periods, 5 * S);
    traffic_periods_advance(periods, 9 * S);
    cr_assert_eq(seen->len, 0);
    traffic_periods_advance(periods, 10 * S);
    expect(seen, 0, 5 * S, 10 * S, 0, 0);
    /* ended where a period ends: there is no empty one behind it */
    traffic_periods_end(periods, 20 * S);
    cr_assert_eq(seen->len, 2);
    expect(seen, 1, 10 * S, 20 * S, 0, 0);
}

Test(periods, without_a_length_all_is_one)
{
    g_autoptr(GPtrArray) seen = summaries_new();
    g_autoptr(TrafficGuests) guests = three_guests();
    TrafficSpec spec = { 1024, 1 };
    g_autoptr(TrafficPeriods) periods =
        traffic_periods_new(guests, &spec, 0, on_finished, seen);
    TrafficFrame frame = frame_of(1, 2, 100);

    traffic_periods_add(periods, &frame, 50 * S);
    traffic_periods_add(periods, &frame, 20 * S);
    traffic_periods_add(periods, &frame, 90 * S);
    traffic_periods_end(periods, INT64_MIN);
    cr_assert_eq(seen->len, 1);
    expect(seen, 0, 20 * S, 90 * S, 3, 0);
}

Test(periods, nothing_at_all_is_one_empty_matrix)
{
    g_autoptr(GPtrArray) seen = summaries_new();
    g_autoptr(TrafficGuests) guests = three_guests();
    TrafficSpec spec = { 1024, 1 };
    g_autoptr(TrafficPeriods) periods =
        traffic_periods_new(guests, &spec, 10 * S, on_finished, seen);
    g_autofree char *table = NULL, *csv = NULL, *svg = NULL, *json = NULL;
    g_autoptr(JsonObject) object = NULL;

    traffic_periods_end(periods, INT64_MIN);
    cr_assert_eq(seen->len, 1);
    expect(seen, 0, 0, 0, 0, 0);
    table = traffic_write_table(seen->pdata[0], 10);
    csv = traffic_write_csv(seen->pdata[0], true);
    svg = traffic_write_svg(seen->pdata[0], 10);
    object = traffic_write_json(seen->pdata[0]);
    json = jobj_to_text(object, false);
    cr_assert(strstr(svg, "No frame was counted"));
}

/* Clocks of damaged files: any 64 bits. */
Test(periods, any_time_can_be_told)
{
    static const int64_t times[] = { INT64_MAX,     INT64_MIN,    0, -1, 1,
                                     INT64_MIN + 1, INT64_MAX - 1 };

    for (int64_t period_us = 0; period_us <= 7; period_us += 7) {
        g_autoptr(GPtrArray) seen = summaries_new();
        g_autoptr(TrafficGuests) guests = three_guests();
        TrafficSpec spec = { 1024, 1 };
        g_autoptr(TrafficPeriods) periods =
            traffic_periods_new(guests, &spec, period_us, on_finished, seen);
        TrafficFrame frame = frame_of(1, 2, 100);
        uint64_t packets = 0;

        for (size_t i = G_N_ELEMENTS(times); i-- > 0;) {
            traffic_periods_add(periods, &frame, times[i]);
        }
        traffic_periods_end(periods, INT64_MIN);
        for (guint i = 0; i < seen->len; i++) {
            const TrafficSummary *summary = seen->pdata[i];

            cr_assert_leq(summary->from_us, summary->to_us);
            packets += summary->total.packets;
        }
        cr_assert_eq(packets, G_N_ELEMENTS(times));
    }
}

/* --- what is made of them --- */

static TrafficSummary *
small_summary(const char *model_text, JsonObject **model)
{
    g_autoptr(TrafficGuests) guests = three_guests();
    TrafficSpec spec = { 1024, 1 };
    g_autoptr(TrafficMatrix) matrix = traffic_matrix_new(guests, &spec);
    TrafficSummary *summary;
    static const uint32_t frames[][3] = {
        { 1, 2, 3000 }, { 2, 1, 73 }, { 1, 3, 1 }, { 1, 9, 50 }
    };

    for (size_t i = 0; i < G_N_ELEMENTS(frames); i++) {
        TrafficFrame frame = frame_of(frames[i][0], frames[i][1], frames[i][2]);

        traffic_matrix_add(matrix, &frame);
    }
    summary = traffic_matrix_summary(matrix);
    summary->to_us = 2 * S;
    if (model) {
        *model = jobj_parse(model_text, strlen(model_text), NULL);
        cr_assert(*model);
    }
    return summary;
}

#define MODEL                                                                  \
    "{\"format\":\"vmferry-plan-1\",\"resources\":[],\"hosts\":[],"            \
    "\"guests\":[{\"name\":\"a\"},{\"name\":\"b\"}],"                          \
    "\"traffic\":[{\"a\":\"x\",\"b\":\"y\",\"amount\":1}],\"comment\":\"k\"}"

static void
expect_amount(TrafficUnit unit, uint64_t want)
{
    g_autoptr(JsonObject) model = NULL;
    g_autoptr(TrafficSummary) summary = small_summary(MODEL, &model);
    JsonObject *traffic, *pair;
    const char *a = NULL, *b = NULL;
    uint64_t amount = 0;
    size_t n_unknown = 99;

    cr_assert(traffic_write_plan(summary, unit, model, &n_unknown, NULL));
    cr_assert_eq(n_unknown, 1, "c is not in the model");
    traffic = jobj_get(model, "traffic");
    cr_assert_eq(json_object_array_length(traffic), 1);
    pair = json_object_array_get_idx(traffic, 0);
    cr_assert(jobj_get_string(pair, "a", &a) && !strcmp(a, "a"));
    cr_assert(jobj_get_string(pair, "b", &b) && !strcmp(b, "b"));
    cr_assert(jobj_get_u64(pair, "amount", &amount));
    cr_assert_eq(amount, want, "%s: %lu", traffic_unit_name(unit),
                 (unsigned long)amount);
    cr_assert(jobj_get(model, "comment"), "the rest of it stays");
}

Test(periods, the_planner_gets_amounts_rounded_up)
{
    expect_amount(TRAFFIC_UNIT_BYTES, 3073);
    expect_amount(TRAFFIC_UNIT_KIB, 4);
    expect_amount(TRAFFIC_UNIT_MIB, 1);
    expect_amount(TRAFFIC_UNIT_KBIT_S, 13); /* 24.584 kbit in 2 s */
}

Test(periods, what_is_no_model_is_left_alone)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonObject) model = NULL;
    g_autoptr(TrafficSummary) summary =
        small_summary("{\"format\":\"other\",\"traffic\":7}", &model);
    uint64_t traffic = 0;
    size_t n_unknown;

    cr_assert(!traffic_write_plan(summary, TRAFFIC_UNIT_KIB, model, &n_unknown,
                                  &error));
    cr_assert(error->domain == TRAFFIC_ERROR);
    cr_assert(jobj_get_u64(model, "traffic", &traffic) && traffic == 7);
}

Test(periods, csv_has_names_in_quotes_where_they_need_them)
{
    g_autoptr(TrafficSummary) summary = small_summary(NULL, NULL);
    g_autofree char *csv = traffic_write_csv(summary, true);
    g_auto(GStrv) lines = g_strsplit(csv, "\n", -1);

    cr_assert_eq(g_strv_length(lines), 6);
    cr_assert_str_eq(lines[0],
                     "period_from,period_to,from_kind,from,to_kind,to,bytes,"
                     "packets,missing_bytes,error_bytes");
    cr_assert_str_eq(lines[1], "1970-01-01T00:00:00.000000+00:00,"
                               "1970-01-01T00:00:02.000000+00:00,"
                               "guest,a,guest,b,3000,1,0,0");
    cr_assert(
        g_str_has_suffix(lines[4], "guest,a,guest,\"c,\"\"d\"\"\",1,1,0,0"),
        "%s", lines[4]);
}

static void
count_rect(GMarkupParseContext *context, const char *element,
           const char **names, const char **values, gpointer user,
           GError **error)
{
    *(int *)user += strcmp(element, "rect") == 0;
}

Test(periods, the_picture_is_well_formed)
{
    g_autoptr(TrafficSummary) summary = small_summary(NULL, NULL);
    static const GMarkupParser parser = { .start_element = count_rect };

    for (size_t most = 1; most <= 5; most++) {
        g_autofree char *svg = traffic_write_svg(summary, most);
        g_autoptr(GError) error = NULL;
        int rects = 0;
        size_t ends = most < 4 ? most + 1 : 4; /* with "all others" */
        g_autoptr(GMarkupParseContext) context = g_markup_parse_context_new(
            &parser, (GMarkupParseFlags)0, &rects, NULL);

        cr_assert(g_markup_parse_context_parse(context, svg, -1, &error) &&
                      g_markup_parse_context_end_parse(context, &error),
                  "%s", error ? error->message : "");
        /* ground, cells, nine shades */
        cr_assert_eq(rects, 1 + (int)(ends * ends) + 9, "%zu: %d", most, rects);
        cr_assert(g_str_has_prefix(svg, "<svg xmlns="));
    }
}

Test(periods, the_table_says_what_was_lost)
{
    g_autoptr(TrafficSummary) summary = small_summary(NULL, NULL);
    TrafficSource *source = traffic_summary_add_source(summary, "br0");
    g_autofree char *table = NULL, *one = NULL;

    source->counts_drops = true;
    source->dropped = 12;
    summary->late = 3;
    summary->incomplete = g_strdup("br0 is gone");
    table = traffic_write_table(summary, 0);
    cr_assert(strstr(table, "4 packets, 3.1 kB") ||
                  strstr(table, "4 packets, 3.1 KiB"),
              "%s", table);
    cr_assert(strstr(table, "dropped: 12 packets (75.00 %)"), "%s", table);
    cr_assert(strstr(table, "late: 3 frames"));
    cr_assert(strstr(table, "INCOMPLETE: br0 is gone"));
    one = traffic_write_table(summary, 1);
    cr_assert(strstr(one, "2 more"), "%s", one);
}
