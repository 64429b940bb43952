/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * scenario-doubts.c - what is no mistake, and yet not what was meant
 *
 * Claims without a verdict, methods that are the same: an experiment of days
 * should not end with that.
 */
#include <string.h>

#include "experiment/scenario.h"

typedef struct Doubts {
    const Scenario *scenario;
    const char *file;
    GPtrArray *list;
} Doubts;

static void G_GNUC_PRINTF(4, 5)
    doubt(const Doubts *doubts, unsigned line, const char *section,
          const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list arguments;

    va_start(arguments, format);
    text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_ptr_array_add(doubts->list, g_strdup_printf("%s:%u: %s: %s", doubts->file,
                                                  line, section, text));
}

static bool
among(char **names, const char *name)
{
    return !names || g_strv_contains((const char *const *)names, name);
}

/* How many cells the claim is about, and of how many there can be a figure. */
static void
count_cells(const Scenario *scenario, const ScenarioClaim *claim,
            unsigned *about, unsigned *measured)
{
    *about = *measured = 0;
    for (guint g = 0; g < scenario->guests->len; g++) {
        const ScenarioGuest *guest =
            &g_array_index(scenario->guests, ScenarioGuest, g);

        for (guint c = 0; c < scenario->crosses->len; c++) {
            const ScenarioCross *cross =
                &g_array_index(scenario->crosses, ScenarioCross, c);
            bool seen = claim->measure == MEASURE_CROSS ? cross->flows > 0
                        : claim->measure == MEASURE_NEED ||
                                claim->measure == MEASURE_LATENCY
                            ? guest->client == CLIENT_REDIS
                            : true;

            for (guint w = 0; w < scenario->wires->len; w++) {
                const ScenarioWire *wire =
                    &g_array_index(scenario->wires, ScenarioWire, w);

                if (among(claim->guests, guest->name) &&
                    among(claim->wires, wire->name) &&
                    among(claim->crosses, cross->name)) {
                    *about += 1;
                    *measured += seen;
                }
            }
        }
    }
}

static void
doubt_claim(const Doubts *doubts, const ScenarioClaim *claim)
{
    const Scenario *scenario = doubts->scenario;
    g_autofree char *section = g_strdup_printf("[claim %s]", claim->name);
    unsigned about, measured, runs;

    count_cells(scenario, claim, &about, &measured);
    if (measured < about) {
        bool cross = claim->measure == MEASURE_CROSS;

        doubt(doubts, claim->line, section,
              "%s of its cells has %s: no verdict there; %s names the others",
              measured == 0 ? "none" : "not every one",
              cross ? "cross traffic" : "a client that makes requests",
              cross ? "cross = ..." : "guests = ...");
    }
    runs = scenario->repetitions * (claim->share.known ? measured : 1);
    if (runs < claim->pairs) {
        doubt(doubts, claim->line, section,
              "it needs %u %s and gets %u: no verdict without --repeat %u",
              claim->pairs, claim->against ? "pairs" : "runs", runs,
              claim->share.known && measured > 0
                  ? (claim->pairs + measured - 1) / measured
                  : claim->pairs);
    }
}

static void
doubt_method(const Doubts *doubts, const ScenarioMethod *method)
{
    const GArray *wires = doubts->scenario->wires;

    for (guint w = 0; w < wires->len; w++) {
        if (method->kind == METHOD_STATIC_HTB &&
            g_array_index(wires, ScenarioWire, w).rate_bytes_s == 0) {
            doubt(doubts, doubts->scenario->line, "[scenario] methods",
                  "of an unlimited wire %s guarantees no share, there it is "
                  "plain virsh",
                  method->name);
        }
    }
}

GPtrArray *
scenario_doubts(const Scenario *scenario, const char *file)
{
    Doubts doubts = { .scenario = scenario,
                      .file = file,
                      .list = g_ptr_array_new_with_free_func(g_free) };

    for (guint i = 0; i < scenario->methods->len; i++) {
        doubt_method(&doubts,
                     &g_array_index(scenario->methods, ScenarioMethod, i));
    }
    for (guint i = 0; i < scenario->claims->len; i++) {
        doubt_claim(&doubts,
                    &g_array_index(scenario->claims, ScenarioClaim, i));
    }
    return doubts.list;
}
