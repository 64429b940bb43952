/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-replay.c - one step ahead on recorded migrations
 *
 * Each trace of kvm-postgres-dev.csv is fed row by row. Before a row is
 * learnt it is forecast from what stood at its start: the pages to send, the
 * bandwidth of the pass BEFORE it and the downtime limit. Nothing of the row
 * itself is used. Merged and final rows are not scored; a member that
 * abstains is given the last value, so that all are scored on the same steps.
 *
 * The forecast of pass 2 has one row and a prior to go by. The prior is right
 * for guests that write (8 to 29 % off, the last value 130 to 290 %) and wrong
 * for the one that writes a small set all over (80 % against 40 %), which is
 * why "not worse than the last value" holds strictly from the second forecast
 * on, and within 5 % if the first one counts.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "forecast/forecast.h"

#define DOWNTIME_LIMIT_S 0.3
#define APE_CAP 5.0

enum {
    GROUP_AUTO,
    GROUP_CONVERGENT,
    GROUP_NONCONVERGENT,
    GROUP_READS,
    N_GROUP
};
static const char *const group_names[N_GROUP] = {
    "Autoconverge_16T",
    "Precopy_Convergent",
    "Precopy_Nonconvergent_16T",
    "Precopy_Nonconvergent_OnlyReads_16T",
};

enum { COMBINED = FORECAST_MAX_MEMBERS, N_SERIES };

typedef struct Tally {
    double ape[N_SERIES];
    double steps;
    double early_ape[N_SERIES]; /* forecasts of passes 3 to 7 */
    double early_steps;
    double first_ape[N_SERIES]; /* forecasts of pass 2, from one row */
    double inside;              /* the 80 % interval */
    double verdicts, converging, hopeless; /* of the whole migration */
} Tally;

typedef struct Replay {
    char group[64], trace[64];
    Forecaster *forecaster;
    size_t rows;
    double bandwidth_bytes_s, last_pages, last_duration_s;
    Tally tally[N_GROUP];
    const char *names[N_SERIES];
} Replay;

static Known
field(char *const *fields, int i)
{
    return fields[i][0] ? known(g_ascii_strtod(fields[i], NULL)) : unknown();
}

static void
score(Replay *replay, const SampleRow *row)
{
    ForecastQuery query = {
        .pages_to_send = row->pages_to_send,
        .bandwidth_bytes_s = replay->bandwidth_bytes_s,
        .left_bytes = replay->bandwidth_bytes_s * DOWNTIME_LIMIT_S,
    };
    double truth = row->dirty_pages.value;
    Forecast forecast;
    Tally *tally = NULL;

    for (int g = 0; g < N_GROUP; g++) {
        if (strcmp(replay->group, group_names[g]) == 0) {
            tally = &replay->tally[g];
        }
    }
    cr_assert(tally, "unknown group %s", replay->group);

    forecaster_next(replay->forecaster, &query, &forecast);
    cr_assert(forecast.pages.known);
    cr_assert_leq(forecast.low_pages, forecast.pages.value);
    cr_assert_geq(forecast.high_pages, forecast.pages.value);
    for (size_t i = 0; i < N_SERIES; i++) {
        double pages = replay->last_pages, ape;

        if (i == COMBINED) {
            replay->names[i] = "ensemble";
            pages = forecast.pages.value;
        } else if (i < forecast.n_members) {
            replay->names[i] = forecast.members[i].name;
            pages = known_or(forecast.members[i].pages, pages);
        } else {
            continue;
        }
        ape = fmin(fabs(pages - truth) / fmax(truth, 1.0), APE_CAP);
        cr_assert(isfinite(ape));
        tally->ape[i] += ape;
        if (row->iter == 2) {
            tally->first_ape[i] += ape;
        }
        if (row->iter >= 3 && row->iter <= 7) {
            tally->early_ape[i] += ape;
        }
    }
    tally->steps++;
    tally->early_steps += row->iter >= 3 && row->iter <= 7;
    tally->inside +=
        truth >= forecast.low_pages && truth <= forecast.high_pages;
}

/* What is said of the whole migration at the start of the pass of @row */
static void
judge(Replay *replay, const SampleRow *row)
{
    MigrationQuery query = {
        .pages_to_send = row->pages_to_send,
        .bandwidth_bytes_s = replay->bandwidth_bytes_s,
        .downtime_limit_s = DOWNTIME_LIMIT_S,
    };
    MigrationForecast forecast;

    forecaster_migration(replay->forecaster, &query, &forecast);
    cr_assert(forecast.verdict_known);
    for (int g = 0; g < N_GROUP; g++) {
        if (strcmp(replay->group, group_names[g]) == 0) {
            replay->tally[g].verdicts++;
            replay->tally[g].converging += forecast.converges;
            replay->tally[g].hopeless +=
                !forecast.converges && !forecast.possibly_converges;
        }
    }
}

static void
feed(Replay *replay, char *const *fields)
{
    SampleRow row = {
        .iter = (unsigned)g_ascii_strtoull(fields[2], NULL, 10),
        .merged = (unsigned)g_ascii_strtoull(fields[3], NULL, 10),
        .pages_to_send = g_ascii_strtoull(fields[4], NULL, 10),
        .page_bytes = 4096,
        .duration_s = g_ascii_strtod(fields[5], NULL),
        .dirty_pages = field(fields, 6),
        .bandwidth_bytes_s = g_ascii_strtod(fields[8], NULL),
        .mem_used = field(fields, 9),
        .cpu_cores = field(fields, 10),
        .vm_net_bytes_s = field(fields, 11),
        .host_net_bytes_s = field(fields, 12),
        .final = fields[14][0] == '1',
    };

    if (strcmp(replay->trace, fields[1]) != 0) {
        g_strlcpy(replay->group, fields[0], sizeof(replay->group));
        g_strlcpy(replay->trace, fields[1], sizeof(replay->trace));
        forecaster_free(replay->forecaster);
        replay->forecaster = forecaster_new(2101457);
        replay->rows = 0;
    }
    if (replay->rows > 0) {
        row.prev_duration_s = known(replay->last_duration_s);
        if (row.merged == 1 && !row.final && row.dirty_pages.known) {
            score(replay, &row);
        }
        if (!row.final) {
            judge(replay, &row);
        }
    }
    forecaster_add(replay->forecaster, &row);
    replay->rows++;
    replay->bandwidth_bytes_s = row.bandwidth_bytes_s;
    replay->last_pages = row.dirty_pages.value / row.merged;
    replay->last_duration_s = row.duration_s / row.merged;
}

static void
replay_all(Replay *replay)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;

    cr_assert(g_file_get_contents(TEST_DATA_DIR "/dirty/kvm-postgres-dev.csv",
                                  &text, NULL, NULL));
    lines = g_strsplit(text, "\n", -1);
    for (size_t i = 1; lines[i]; i++) {
        g_auto(GStrv) fields = g_strsplit(lines[i], ",", -1);

        if (g_strv_length(fields) >= 15) {
            feed(replay, fields);
        }
    }
    forecaster_free(replay->forecaster);
}

static size_t
series(const Replay *replay, const char *name)
{
    for (size_t i = 0; i < N_SERIES; i++) {
        if (replay->names[i] && strcmp(replay->names[i], name) == 0) {
            return i;
        }
    }
    cr_assert_fail("no member %s", name);
    return 0;
}

/* Which of the recorded migrations could end by themselves is known. */
Test(replay, verdicts_are_those_of_history)
{
    Replay replay = { 0 };
    const Tally *tally = replay.tally;

    replay_all(&replay);
    for (int g = 0; g < N_GROUP; g++) {
        fprintf(stderr,
                "%-36s %4.0f verdicts: %5.1f %% converges, %5.1f %% surely "
                "not\n",
                group_names[g], tally[g].verdicts,
                100.0 * tally[g].converging / tally[g].verdicts,
                100.0 * tally[g].hopeless / tally[g].verdicts);
    }
    cr_assert_geq(tally[GROUP_CONVERGENT].converging,
                  0.9 * tally[GROUP_CONVERGENT].verdicts);
    cr_assert_eq(tally[GROUP_CONVERGENT].hopeless, 0.0);
    cr_assert_leq(tally[GROUP_NONCONVERGENT].converging,
                  0.05 * tally[GROUP_NONCONVERGENT].verdicts);
    cr_assert_leq(tally[GROUP_READS].converging,
                  0.05 * tally[GROUP_READS].verdicts);
}

Test(replay, combination_is_not_worse_than_last)
{
    static const int longs[] = { GROUP_AUTO, GROUP_NONCONVERGENT, GROUP_READS };
    Replay replay = { 0 };
    double mean[N_SERIES] = { 0 }, early[N_SERIES] = { 0 };
    size_t last;

    replay_all(&replay);
    last = series(&replay, "last");
    fprintf(stderr,
            "MAPE %%          Auto   Nonc  Reads | mean | passes 3-7\n");
    for (size_t i = 0; i < N_SERIES; i++) {
        if (!replay.names[i]) {
            continue;
        }
        fprintf(stderr, "%-14s", replay.names[i]);
        for (size_t g = 0; g < G_N_ELEMENTS(longs); g++) {
            const Tally *tally = &replay.tally[longs[g]];

            mean[i] += tally->ape[i] / tally->steps / 3.0;
            early[i] += tally->early_ape[i] / tally->early_steps / 3.0;
            fprintf(stderr, " %6.1f", 100.0 * tally->ape[i] / tally->steps);
        }
        fprintf(stderr, " | %5.1f | %5.1f\n", 100.0 * mean[i],
                100.0 * early[i]);
    }
    for (int g = 0; g < N_GROUP; g++) {
        const Tally *tally = &replay.tally[g];

        fprintf(stderr, "%s: %.0f steps, %.0f %% inside the 80 %% interval\n",
                group_names[g], tally->steps,
                100.0 * tally->inside / tally->steps);
    }

    for (size_t g = 0; g < G_N_ELEMENTS(longs); g++) {
        const Tally *tally = &replay.tally[longs[g]];

        cr_assert_gt(tally->steps, 50);
        cr_assert_leq(tally->ape[COMBINED] - tally->first_ape[COMBINED],
                      tally->ape[last] - tally->first_ape[last],
                      "%s: worse than the last value", group_names[longs[g]]);
        cr_assert_leq(tally->ape[COMBINED], 1.05 * tally->ape[last],
                      "%s: worse than the last value", group_names[longs[g]]);
    }
    cr_assert_leq(mean[COMBINED], 0.85 * mean[last]);
    cr_assert_leq(early[COMBINED], 0.6 * early[last]);
}
