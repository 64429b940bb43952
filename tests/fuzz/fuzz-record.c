/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz-record.c - run records from another hand
 *
 * A record taken, written and taken again is the same text; a record refused
 * says why. Whatever was taken can be drawn, and the page is well formed; and it
 * can be exported, and the export is a trace that our reader takes.
 */
#include "fuzz.h"

#include <glib.h>
#include <string.h>

#include "report/record.h"
#include "report/trace.h"

static char *
to_text(const RunRecord *record)
{
    g_autoptr(JsonObject) json = run_record_to_json(record);

    return jobj_to_text(json, false);
}

/* Rows that do not grow are no trace, though each alone makes sense; and the
 * trace format has its own bounds. Anything else must be taken. */
static void
check_export(const RunRecord *record)
{
    g_autofree char *csv = run_record_to_csv(record, NULL, NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(TraceTable) table = trace_parse(csv, strlen(csv), &error);

    FUZZ_CHECK(!table == !!error);
    if (table) {
        FUZZ_CHECK(table->rows->len == record->iterations->len);
    } else {
        FUZZ_CHECK(g_error_matches(error, TRACE_ERROR, TRACE_ERROR_CELL));
    }
}

static void
check_page(const RunRecord *record)
{
    static const GMarkupParser nothing = { 0 };
    const RunRecord *records[] = { record, record };
    g_autofree char *html =
        report_html(records, 2, record->guest_name ? record->guest_name : "");
    GMarkupParseContext *context =
        g_markup_parse_context_new(&nothing, 0, NULL, NULL);

    FUZZ_CHECK(g_markup_parse_context_parse(context, html, -1, NULL));
    FUZZ_CHECK(g_markup_parse_context_end_parse(context, NULL));
    FUZZ_CHECK(!strstr(html, "=\"nan") && !strstr(html, "=\"-nan") &&
               !strstr(html, "=\"inf") && !strstr(html, "=\"-inf"));
    g_markup_parse_context_free(context);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(RunRecord) record =
        run_record_parse((const char *)data, size, &error);
    g_autoptr(RunRecord) again = NULL;
    g_autofree char *once = NULL;
    g_autofree char *twice = NULL;

    FUZZ_CHECK(!record == !!error);
    if (!record) {
        FUZZ_CHECK(g_utf8_validate(error->message, -1, NULL));
        return 0;
    }
    once = to_text(record);
    again = run_record_parse(once, strlen(once), &error);
    FUZZ_CHECK(again);
    twice = to_text(again);
    FUZZ_CHECK(strcmp(once, twice) == 0);
    check_export(record);
    check_page(record);
    return 0;
}
