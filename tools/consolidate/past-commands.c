/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * past-commands.c - "explain", "report" and "history": what was decided and done
 *
 * Out of the history file; no service and no host is asked.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "store/cons-store.h"
#include "tools/cli/text-table.h"
#include "tools/consolidate/commands.h"
#include "tools/consolidate/options.h"
#include "tools/consolidate/page.h"
#include "tools/consolidate/service.h"
#include "tools/consolidate/text.h"

#define HISTORY_FILE "history.db"
#define LOOKED_BACK 50 /* decisions, for one that has moves */

static ConsStore *
open_store(const ConsOptions *options, GError **error)
{
    g_autoptr(ConsSettings) settings = NULL;
    g_autoptr(Service) service =
        service_load(options->config, &settings, error);
    g_autofree char *path =
        service ? service_path(service, HISTORY_FILE) : NULL;

    return path ? cons_store_open_to_read(path, error) : NULL;
}

static JsonObject *
parse(const ConsDocument *document, GError **error)
{
    return jobj_parse(document->json, strlen(document->json), error);
}

static GPtrArray *
newest(ConsStore *store, ConsDocumentKind kind, const char *plan,
       GError **error)
{
    ConsStoreQuery query = { .kinds = 1u << kind, .plan = plan, .most = 1 };

    return cons_store_read(store, &query, error);
}

/* The latest decision, or that of @plan; NULL with @error */
static JsonObject *
find_decision(ConsStore *store, const char *plan, GError **error)
{
    g_autoptr(GPtrArray) found =
        newest(store, CONS_DOCUMENT_DECISION, plan, error);

    if (!found) {
        return NULL;
    }
    if (found->len == 0) {
        g_set_error(error, CONS_ERROR, CONS_ERROR_UNKNOWN,
                    plan ? "there is no plan \"%s\" in the history"
                         : "no plan has been made yet%s",
                    plan ? plan : "");
        return NULL;
    }
    return parse(found->pdata[0], error);
}

/* The latest in which there is something to do; else the latest */
static JsonObject *
find_with_moves(ConsStore *store, GError **error)
{
    ConsStoreQuery query = { .kinds = 1u << CONS_DOCUMENT_DECISION,
                             .most = LOOKED_BACK };
    g_autoptr(GPtrArray) found = cons_store_read(store, &query, error);

    for (guint i = 0; found && i < found->len; i++) {
        g_autoptr(JsonObject) json = parse(found->pdata[i], NULL);
        g_autoptr(ConsDecision) decision =
            json ? cons_decision_from_json(json, NULL) : NULL;

        if (decision && !cons_decision_is_empty(decision)) {
            return g_steal_pointer(&json);
        }
    }
    return found ? find_decision(store, NULL, error) : NULL;
}

/* --- explain --- */

/* What became of the plan's steps, in the order in which they ended. */
static bool
show_outcome(ConsStore *store, const char *plan, const char *guest,
             GError **error)
{
    ConsStoreQuery query = { .kinds = 1u << CONS_DOCUMENT_STEP,
                             .plan = plan,
                             .guest = guest };
    g_autoptr(GPtrArray) found = cons_store_read(store, &query, error);

    if (!found) {
        return false;
    }
    for (guint i = found->len; i-- > 0;) {
        g_autoptr(JsonObject) json = parse(found->pdata[i], error);
        g_autofree char *text = json ? text_step(json) : NULL;

        if (!json) {
            return false;
        }
        printf("%s%s", i + 1 == found->len ? "\nWhat came of it:\n" : "", text);
    }
    return true;
}

static bool
explain(const ConsOptions *options, const char *plan, const char *guest,
        GError **error)
{
    g_autoptr(ConsStore) store = open_store(options, error);
    g_autoptr(JsonObject) json =
        store ? find_decision(store, plan, error) : NULL;
    g_autoptr(ConsDecision) decision = NULL;
    g_autofree char *head = NULL, *text = NULL;

    if (!json) {
        return false;
    }
    if (options->json) {
        cons_print_json(json);
        return true;
    }
    decision = cons_decision_from_json(json, error);
    if (!decision) {
        return false;
    }
    text = text_explain(decision, guest);
    if (guest && !*text) {
        g_set_error(error, CONS_ERROR, CONS_ERROR_UNKNOWN,
                    "plan %s has no move of \"%s\"", decision->id, guest);
        return false;
    }
    head = text_decision(decision);
    if (!guest) {
        printf("%s\n", head);
    }
    fputs(text, stdout);
    return show_outcome(store, decision->id, guest, error);
}

int
consolidate_explain_main(int argc, char **argv)
{
    g_autofree char *guest = NULL;
    GOptionEntry more[] = {
        { "guest", 'g', 0, G_OPTION_ARG_STRING, &guest,
          "Only the moves of this guest", "GUEST" },
        { NULL },
    };
    g_autoptr(GError) error = NULL;
    ConsOptions options;
    int status = CONSOLIDATE_USAGE;

    if (cons_options_parse(argc, argv, more, "[PLAN]",
                           "Says of each move of the latest plan, or of PLAN, "
                           "why it is made, what it\ncosts and what it brings.",
                           0, 1, &options)) {
        status = explain(&options, options.words[0], guest, &error)
                     ? CONSOLIDATE_FINE
                     : cons_fail("explain", error);
    }
    cons_options_clear(&options);
    return status;
}

/* --- report --- */

static bool
report(const ConsOptions *options, const char *plan, GError **error)
{
    g_autoptr(ConsStore) store = open_store(options, error);
    g_autoptr(JsonObject) json = !store ? NULL
                                 : plan ? find_decision(store, plan, error)
                                        : find_with_moves(store, error);
    g_autoptr(ConsDecision) decision =
        json ? cons_decision_from_json(json, error) : NULL;
    g_autoptr(GPtrArray) ended =
        decision ? newest(store, CONS_DOCUMENT_PLAN, decision->id, error)
                 : NULL;
    g_autoptr(JsonObject) over = NULL;
    g_autofree char *page = NULL;

    if (!ended || (ended->len > 0 && !(over = parse(ended->pdata[0], error)))) {
        return false;
    }
    page = page_of_plan(decision, jobj_get(json, "cluster"), over);
    fputs(page, stdout);
    return true;
}

int
consolidate_report_main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    ConsOptions options;
    int status = CONSOLIDATE_USAGE;

    if (cons_options_parse(
            argc, argv, NULL, "[PLAN]",
            "Writes a page about the latest plan, or PLAN, to "
            "standard output: the cluster\nbefore and after, the "
            "traffic, who moved when, and what it brought.",
            0, 1, &options)) {
        status = report(&options, options.words[0], &error)
                     ? CONSOLIDATE_FINE
                     : cons_fail("report", error);
    }
    cons_options_clear(&options);
    return status;
}

/* --- history --- */

static double
number_of(JsonObject *json, const char *path)
{
    return known_or(jobj_get_known(json, path), -1);
}

/* "4.2 s (3.9 s)": measured, and what was forecast */
static char *
both(char *measured, char *forecast)
{
    char *text = g_strdup_printf("%s (%s)", measured, forecast);

    g_free(measured);
    g_free(forecast);
    return text;
}

static void
add_row(TextTable *table, const ConsDocument *document, JsonObject *json)
{
    static const char *const words[] = { "guest", "from", "to", "state" };
    g_autofree char *when = clock_format_utc(document->at_us);
    const char *why = NULL, *via = NULL;

    when[strcspn(when, ".")] = '\0';
    text_table_cell(table, g_strdup(when));
    text_table_cell(table, g_strdup(document->plan));
    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        const char *word = NULL;

        jobj_get_string(json, words[i], &word);
        if (i == 0 && !word) { /* a power command */
            jobj_get_string(json, "host", &word);
        }
        text_table_cell(table, g_strdup(word));
    }
    text_table_cell(table,
                    both(text_seconds(number_of(json, "time_s")),
                         text_seconds(number_of(json, "forecast_time_s"))));
    text_table_cell(table,
                    both(text_seconds(number_of(json, "downtime_s")),
                         text_seconds(number_of(json, "forecast_downtime_s"))));
    text_table_cell(
        table, both(text_bytes(MAX(number_of(json, "bytes"), 0)),
                    text_bytes(MAX(number_of(json, "forecast_bytes"), 0))));
    jobj_get_string(json, "why", &why);
    jobj_get_string(json, "via", &via);
    text_table_cell(table, g_strconcat(why ? why : "", why && via ? "; " : "",
                                       via ? via : "", NULL));
}

static bool
show_history(const ConsOptions *options, const char *guest, int most,
             GError **error)
{
    static const TextColumn columns[] = {
        { "ENDED (UTC)", false, 0 },
        { "PLAN", false, 3 },
        { "GUEST", false, 0 },
        { "FROM", false, 0 },
        { "TO", false, 0 },
        { "STATE", false, 0 },
        { "TOOK (FORECAST)", true, 1 },
        { "DOWNTIME", true, 2 },
        { "BYTES", true, 2 },
        { "", false, 1 },
    };
    g_autoptr(ConsStore) store = open_store(options, error);
    ConsStoreQuery query = { .kinds = 1u << CONS_DOCUMENT_STEP,
                             .guest = guest,
                             .most = (unsigned)most };
    g_autoptr(GPtrArray) found =
        store ? cons_store_read(store, &query, error) : NULL;
    g_autoptr(JsonObject) array = json_object_new_array();
    g_autoptr(TextTable) table = text_table_new(columns, G_N_ELEMENTS(columns));
    g_autofree char *text = NULL;

    if (!found) {
        return false;
    }
    for (guint i = 0; i < found->len; i++) {
        JsonObject *json = parse(found->pdata[i], error);

        if (!json) {
            return false;
        }
        add_row(table, found->pdata[i], json);
        json_object_array_add(array, json);
    }
    text = text_table_format(table, 0, 0, false);
    if (options->json) {
        cons_print_json(array);
    } else {
        fputs(text, stdout);
    }
    return true;
}

int
consolidate_history_main(int argc, char **argv)
{
    g_autofree char *guest = NULL;
    gint most = 50;
    GOptionEntry more[] = {
        { "guest", 'g', 0, G_OPTION_ARG_STRING, &guest,
          "Only the moves of this guest", "GUEST" },
        { "most", 'n', 0, G_OPTION_ARG_INT, &most,
          "The newest so many, 0 all [50]", "N" },
        { NULL },
    };
    g_autoptr(GError) error = NULL;
    ConsOptions options;
    int status = CONSOLIDATE_USAGE;

    if (cons_options_parse(argc, argv, more, NULL,
                           "Shows the moves that were made, the newest first: "
                           "what each really took,\nand what had been forecast "
                           "for it.",
                           0, 0, &options)) {
        if (most < 0) {
            fprintf(stderr, "error: vmferry-consolidate history: --most is 0 "
                            "or more\n");
        } else {
            status = show_history(&options, guest, most, &error)
                         ? CONSOLIDATE_FINE
                         : cons_fail("history", error);
        }
    }
    cons_options_clear(&options);
    return status;
}
