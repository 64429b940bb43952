/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-simulate.c - traces replayed, by cases worked on paper
 */
#include <criterion/criterion.h>
#include <string.h>

#include "plan/simulate.h"

/* A tar archive of files with these texts */
static GByteArray *
make_tar(const char *const *texts, size_t n)
{
    GByteArray *tar = g_byte_array_new();
    static const guint8 zeros[1024];

    for (size_t i = 0; i < n; i++) {
        guint8 header[512] = { 0 };
        size_t length = strlen(texts[i]);

        g_snprintf((char *)header, 100, "day/guest%zu", i);
        g_snprintf((char *)header + 124, 12, "%011zo", length);
        header[156] = '0';
        g_byte_array_append(tar, header, sizeof(header));
        g_byte_array_append(tar, (const guint8 *)texts[i], (guint)length);
        g_byte_array_append(tar, zeros, (guint)(-length % 512));
    }
    g_byte_array_append(tar, zeros, sizeof(zeros));
    return tar;
}

static PlanTraces *
traces(const char *const *texts, size_t n, GError **error)
{
    g_autoptr(GByteArray) tar = make_tar(texts, n);

    return plan_traces_new((PlanText){ (const char *)tar->data, tar->len },
                           error);
}

/* One guest of 2500 MIPS needs a G5. Half of that is 23.5 % of 5320 MIPS, which
 * is between 101 W and 105 W; two steps of 300 s. */
Test(simulate, energy_on_paper)
{
    static const char *const texts[] = { "50\n50\n" };
    g_autoptr(GError) error = NULL;
    g_autoptr(PlanTraces) t = traces(texts, 1, &error);
    PlanSimulateQuery query = { .stay = true, .n_hosts = 4 };
    PlanSimulation r;
    double use = 1250.0 / 5320;
    double watts = 101 + (105 - 101) * (use * 10 - 2);

    cr_assert(t, "%s", error ? error->message : "");
    cr_assert_eq(t->n_steps, 2);
    r = plan_simulate(t, &query);
    cr_assert_float_eq(r.energy_kwh, watts * 600 / 3.6e6, 1e-12);
    cr_assert_eq(r.hosts_most, 1);
    cr_assert_eq(r.migrations, 0);
    cr_assert_float_eq(r.floor_kwh, 1250.0 / 5320 * 135 * 600 / 3.6e6, 1e-12);
}

/* Four guests of 2500 MIPS at 870 MB share a G5 of 5320 MIPS; once all want
 * all, two of them have to go, each for 870 / 62.5 s. */
Test(simulate, overload_is_relieved)
{
    static const char *const texts[] = {
        "1\n100\n100\n", "1\n100\n100\n", "1\n100\n100\n", "1\n100\n100\n",
        /* the other quarters */
        "0\n0\n0\n", "0\n0\n0\n", "0\n0\n0\n", "0\n0\n0\n", "0\n0\n0\n",
        "0\n0\n0\n", "0\n0\n0\n", "0\n0\n0\n", "0\n0\n0\n", "0\n0\n0\n",
        "0\n0\n0\n", "0\n0\n0\n"
    };
    g_autoptr(PlanTraces) t = traces(texts, G_N_ELEMENTS(texts), NULL);
    PlanSimulateQuery query = { .n_hosts = 40 };
    PlanSimulation moved = plan_simulate(t, &query);
    PlanSimulation stayed;

    query.stay = true;
    stayed = plan_simulate(t, &query);
    cr_assert_eq(stayed.migrations, 0);
    /* 10000 of 5320 in two of three steps */
    cr_assert_float_eq(stayed.slatah, 2.0 / 3, 1e-9);
    cr_assert_lt(moved.slatah, stayed.slatah / 5);
    cr_assert_geq(moved.migrations, 2);
    cr_assert_gt(moved.pdm, 0);
    cr_assert_leq(moved.floor_kwh, moved.energy_kwh);
}

/* 64 guests with next to nothing to do: by processors one host would do, by
 * memory it would not. */
Test(simulate, honest_rules_keep_memory)
{
    const char *texts[64];
    g_autoptr(PlanTraces) t = NULL;
    PlanSimulateQuery query = { .n_hosts = 100 };
    PlanSimulation cloudsim, honest;

    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        texts[i] = "2\n2\n2\n2\n";
    }
    t = traces(texts, G_N_ELEMENTS(texts), NULL);
    cloudsim = plan_simulate(t, &query);
    query.rules = PLAN_SIMULATE_HONEST;
    honest = plan_simulate(t, &query);
    /* 16 x (870 + 1740 + 1740 + 613) MB on hosts of 4096 */
    cr_assert_gt(honest.hosts_mean, 19.3);
    cr_assert_lt(cloudsim.hosts_mean, honest.hosts_mean / 2);
    cr_assert_lt(cloudsim.energy_kwh, honest.energy_kwh);
}

Test(simulate, guests_without_host_are_counted)
{
    static const char *const texts[] = { "1\n", "1\n", "1\n", "1\n", "1\n" };
    g_autoptr(PlanTraces) t = traces(texts, 5, NULL);
    PlanSimulateQuery query = { .n_hosts = 1 }; /* a G4, too slow for most */
    PlanSimulation r = plan_simulate(t, &query);

    cr_assert_eq(r.n_unplaced, 4);
}

Test(simulate, wrong_archives)
{
    static const char *const uneven[] = { "1\n2\n", "1\n" };
    static const char *const letters[] = { "1\nx\n" };
    static const char *const large[] = { "101\n" };
    static const char *const none[] = { "" };
    static const struct {
        const char *const *texts;
        size_t n;
        const char *want;
    } cases[] = {
        { uneven, 2, "day/guest1, line 1: 1 values, 2 are expected" },
        { letters, 1, "day/guest0, line 2: percent: \"x\"" },
        { large, 1, "line 1: percent: \"101\"" },
        { none, 1, "0 values, 1 are expected" },
        { none, 0, "no tar archive" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        PlanTraces *t = traces(cases[i].texts, cases[i].n, &error);

        cr_assert_null(t);
        cr_assert(strstr(error->message, cases[i].want), "%s", error->message);
    }
}

Test(simulate, cut_archive)
{
    static const char *const texts[] = { "1\n2\n3\n" };
    g_autoptr(GByteArray) tar = make_tar(texts, 1);

    for (guint length = 0; length < 518; length++) {
        g_autoptr(GError) error = NULL;
        PlanTraces *t = plan_traces_new(
            (PlanText){ (const char *)tar->data, length }, &error);

        cr_assert_null(t, "%u", length);
        cr_assert_not_null(error);
    }
}
