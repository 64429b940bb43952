/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz-trace.c - traces from another hand
 *
 * A trace taken, written and taken again is the same text with as many rows,
 * and its runs, one after another, cover it. A trace refused says where.
 */
#include "fuzz.h"

#include <glib.h>
#include <string.h>

#include "report/trace.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(TraceTable) table = trace_parse((const char *)data, size, &error);
    g_autoptr(TraceTable) again = NULL;
    g_autofree char *once = NULL;
    g_autofree char *twice = NULL;

    FUZZ_CHECK(!table == !!error);
    if (!table) {
        FUZZ_CHECK(g_utf8_validate(error->message, -1, NULL));
        return 0;
    }
    once = trace_to_text(table);
    again = trace_parse(once, strlen(once), &error);
    FUZZ_CHECK(again);
    FUZZ_CHECK(again->rows->len == table->rows->len);
    twice = trace_to_text(again);
    FUZZ_CHECK(strcmp(once, twice) == 0);

    for (size_t at = 0; at < table->rows->len;) {
        size_t end = trace_run_end(table, at);

        FUZZ_CHECK(end > at && end <= table->rows->len);
        for (; at < end; at++) {
            SampleRow row;

            trace_to_sample(table, at, &row);
            FUZZ_CHECK(row.iter >= 1 && row.ended_us >= row.started_us);
        }
    }
    return 0;
}
