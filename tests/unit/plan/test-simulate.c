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
 * is between 101 W and 105 W; of four values CloudSim counts two steps of 300 s. */
Test(simulate, energy_on_paper)
{
    static const char *const texts[] = { "50\n50\n50\n50\n" };
    g_autoptr(GError) error = NULL;
    g_autoptr(PlanTraces) t = traces(texts, 1, &error);
    PlanSimulateQuery query = { .stay = true, .n_hosts = 4 };
    PlanSimulation r;
    double use = 1250.0 / 5320;
    double watts = 101 + (105 - 101) * (use * 10 - 2);

    cr_assert(t, "%s", error ? error->message : "");
    cr_assert_eq(t->n_steps, 4);
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
    PlanSimulateQuery query = { .rules = PLAN_SIMULATE_HONEST, .n_hosts = 40 };
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

/* Values are read a three thousandth on the way to the next; who asks for nothing
 * has ended, and its host falls from 2500 MIPS to idle in that step. */
Test(simulate, cloudsim_ends_idle_guests)
{
    static const char *const texts[] = { "100\n100\n0\n0\n100\n100\n100\n" };
    g_autoptr(PlanTraces) t = traces(texts, 1, NULL);
    PlanSimulateQuery query = { .stay = true, .n_hosts = 2 };
    PlanSimulation r = plan_simulate(t, &query);
    double use = 2500 * (1 - 0.1 / 300) / 5320;
    double watts = 110 + (116 - 110) * (use * 10 - 4);

    cr_assert_float_eq(r.energy_kwh, (watts + 93.7) / 2 * 300 / 3.6e6, 1e-12);
    query.rules = PLAN_SIMULATE_HONEST; /* nobody ends there */
    r = plan_simulate(t, &query);
    cr_assert_gt(r.energy_kwh, 4 * watts * 300 / 3.6e6);
}

/* Two guests of 2500 MIPS fill a G5, whatever they ask for. */
Test(simulate, cloudsim_creates_by_nominal_mips)
{
    const char *texts[16];
    g_autoptr(PlanTraces) t = NULL;
    PlanSimulateQuery query = { .stay = true, .n_hosts = 20 };
    PlanSimulation cloudsim, honest;

    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        texts[i] = "1\n1\n1\n";
    }
    t = traces(texts, G_N_ELEMENTS(texts), NULL);
    cloudsim = plan_simulate(t, &query);
    query.rules = PLAN_SIMULATE_HONEST;
    honest = plan_simulate(t, &query);
    /* G5: two and two of the first quarter, the same of the second; G4: two and
     * two of the third, one of the fourth beside each, two on another. By memory
     * the first quarter shares a host, and the fourth fits beside the others. */
    cr_assert_eq(cloudsim.hosts_most, 7);
    cr_assert_eq(honest.hosts_most, 5);
}

/* The hashes are those of debugfs's dx_hash -h half_md4. */
Test(simulate, guests_in_the_order_of_a_folder)
{
    static const char *const texts[] = { "1\n", "2\n", "3\n", "4\n", "5\n" };
    g_autoptr(PlanTraces) t = traces(texts, 5, NULL);

    cr_assert_eq(plan_traces_hash("a"), UINT64_C(0xd5fa7d7aacb48187));
    cr_assert_eq(
        plan_traces_hash("146-179_surfsnel_dsl_internl_net_colostate_557"),
        UINT64_C(0x914297225ba259b4));
    plan_traces_sort(t);
    for (size_t i = 1; i < 5; i++) {
        cr_assert_lt(t->hash[i - 1], t->hash[i]);
    }
    for (size_t i = 0; i < 5; i++) {
        g_autofree char *name = g_strdup_printf("guest%d", t->percent[i] - 1);

        cr_assert_eq(t->hash[i], plan_traces_hash(name));
    }
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
