/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz-traffic-json.c - a matrix that another host says it has
 *
 * What is taken, written and taken again says the same, and can be merged,
 * shown and drawn. What is refused says why.
 */
#include "fuzz.h"

#include <glib.h>
#include <string.h>

#include "traffic/merge.h"
#include "traffic/read.h"
#include "traffic/write.h"

static void
check_uses(TrafficSummary *summary)
{
    TrafficSummary *both[] = { summary, summary };
    g_autoptr(TrafficMerge) merge = traffic_merge_new(summary->guests);
    g_autoptr(TrafficSummary) hosts = traffic_merge_hosts(both, 2);
    g_autoptr(TrafficSummary) times = NULL;
    g_autofree char *table = traffic_write_table(summary, 5);
    g_autofree char *csv = traffic_write_csv(summary, true);
    g_autofree char *svg = traffic_write_svg(summary, 5);

    FUZZ_CHECK(*table && *csv && *svg);
    FUZZ_CHECK(g_utf8_validate(svg, -1, NULL));
    traffic_merge_add(merge, summary);
    traffic_merge_add(merge, hosts);
    times = traffic_merge_finish(merge);
    FUZZ_CHECK(times->rows->len <= summary->rows->len);
    traffic_summary_truncate(times, 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonObject) document = jobj_parse((const char *)data, size, NULL);
    g_autoptr(TrafficGuests) guests = traffic_guests_new(24, 64);
    g_autoptr(TrafficSummary) summary = NULL;
    g_autoptr(TrafficSummary) again = NULL;
    g_autoptr(JsonObject) written = NULL;
    g_autoptr(JsonObject) rewritten = NULL;
    g_autofree char *once = NULL;
    g_autofree char *twice = NULL;

    if (!document) {
        return 0;
    }
    summary = traffic_read_json(document, guests, &error);
    FUZZ_CHECK(!summary == !!error);
    if (!summary) {
        FUZZ_CHECK(error->domain == TRAFFIC_ERROR);
        FUZZ_CHECK(g_utf8_validate(error->message, -1, NULL));
        return 0;
    }
    written = traffic_write_json(summary);
    once = jobj_to_text(written, false);
    again = traffic_read_json(written, guests, &error);
    FUZZ_CHECK(again);
    rewritten = traffic_write_json(again);
    twice = jobj_to_text(rewritten, false);
    FUZZ_CHECK(strcmp(once, twice) == 0);
    check_uses(summary);
    return 0;
}
