/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * simulate-command.c - "vmferry-consolidate simulate": days in seconds
 *
 * The manager as it is, on hosts that exist in numbers only. They are those of a
 * configuration, or made up: racks of twenty hosts, 16 cores and 128 GiB each;
 * guests of 4 vCPUs and 1 to 12 GiB, put at random, which use 0.2 to 1.6 cores
 * with noise, or what a trace says; every tenth pair of neighbours exchanges
 * something.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "consolidate/problem.h"
#include "consolidate/world.h"
#include "tools/consolidate/commands.h"
#include "tools/consolidate/options.h"
#include "tools/consolidate/service.h"
#include "tools/plan/files.h"

#define GIB ((uint64_t)1 << 30)
#define START_US INT64_C(1772323200000000)
#define MOST_HOSTS 100000
#define MOST_GUESTS 1000000
#define TRACE_STEP_S 300.0

typedef struct Simulate {
    gint hosts, guests, seed;
    gdouble hours, noise;
    char *traces, *config, *requests, *servers;
    gdouble stay_hours;
    gboolean stay;
    char *cloudsim; /* "honest" or "creation"; NULL: not that data centre */
    ConsSettings *settings;
    ConsWorld *world; /* of that data centre */
    Cluster *cluster;
    PlanTraces *of_guests;  /* NULL: none */
    PlanModel *of_requests; /* NULL: none come */
    ConsRequest *coming;
    size_t left_out; /* rules between them that are not kept */
    uint64_t drawn;
} Simulate;

static uint64_t
draw(Simulate *simulate)
{
    simulate->drawn = simulate->drawn * UINT64_C(6364136223846793005) +
                      UINT64_C(1442695040888963407);
    return simulate->drawn >> 33;
}

/* --- what there is --- */

static void
make_hosts(Simulate *simulate)
{
    for (gint i = 0; i < simulate->hosts; i++) {
        g_autofree char *name = g_strdup_printf("host%04d", i);
        ConsHostSettings *host =
            cons_settings_add_host(simulate->settings, name);

        host->rack = g_strdup_printf("rack%02d", i / 20);
        host->pod = g_strdup_printf("pod%d", i / 200);
        host->cpu_milli = 16000;
        host->memory_bytes = 128 * GIB;
        host->idle_mw = 100000;
        host->busy_mw = 200000;
        host->power_down = g_strdup("off");
        host->wake = g_strdup("on");
    }
}

static bool
check_hosts(const ConsSettings *settings, GError **error)
{
    for (guint i = 0; i < settings->hosts->len; i++) {
        const ConsHostSettings *host = settings->hosts->pdata[i];

        if (host->cpu_milli == 0 || host->memory_bytes == 0) {
            g_set_error(error, CONS_ERROR, CONS_ERROR_SETTING,
                        "host %s: a host that is simulated needs its cores "
                        "and memory in the configuration",
                        host->name);
            return false;
        }
    }
    if (settings->hosts->len == 0) {
        g_set_error(error, CONS_ERROR, CONS_ERROR_SETTING,
                    "there is no host; name some in the configuration, or "
                    "have --hosts made up");
    }
    return settings->hosts->len > 0;
}

/* A host with room for it, looked for from a random one on. */
static int32_t
place(Simulate *simulate, uint64_t *free_bytes, uint64_t need)
{
    guint n = simulate->cluster->hosts->len;
    guint first = (guint)(draw(simulate) % n);

    for (guint i = 0; i < n; i++) {
        guint host = (first + i) % n;

        if (free_bytes[host] >= need) {
            free_bytes[host] -= need;
            return (int32_t)host;
        }
    }
    return -1;
}

static bool
make_cluster(Simulate *simulate, GError **error)
{
    Cluster *cluster = cluster_new_of(simulate->settings, START_US);
    g_autofree uint64_t *free_bytes = g_new0(uint64_t, cluster->hosts->len);

    simulate->cluster = cluster;
    for (guint i = 0; i < cluster->hosts->len; i++) {
        ClusterHost *host = cluster_host(cluster, i);

        host->state = CLUSTER_HOST_UP;
        free_bytes[i] = (uint64_t)((double)host->memory_bytes *
                                   simulate->settings->reserve_memory);
    }
    for (gint i = 0; i < simulate->guests; i++) {
        g_autofree char *name = g_strdup_printf("guest%05d", i);
        uint64_t memory = (1 + draw(simulate) % 12) * GIB;
        int32_t host = place(simulate, free_bytes, memory);
        ClusterGuest *guest;

        if (host < 0) {
            g_set_error(error, CONS_ERROR, CONS_ERROR_FIT,
                        "guest %d of %d finds no host with %" PRIu64
                        " GiB of memory",
                        i + 1, simulate->guests, memory / GIB);
            return false;
        }
        guest = cluster_add_guest(cluster, name, host);
        guest->vcpus = simulate->of_guests ? 1 : 4;
        guest->memory_bytes = memory;
        guest->cpu_milli = (int64_t)(200 + draw(simulate) % 1400);
    }
    for (gint i = 0; i + 1 < simulate->guests; i += 10) {
        cluster_add_flow(cluster, i, i + 1,
                         (double)(draw(simulate) % 10000000));
    }
    cluster->flow_span_s = 86400;
    return true;
}

static bool
read_traces(Simulate *simulate, GError **error)
{
    g_autoptr(GBytes) bytes = plan_file_read(simulate->traces, error);
    PlanText text;
    gsize length;

    if (!bytes) {
        return false;
    }
    text.text = g_bytes_get_data(bytes, &length);
    text.length = length;
    simulate->of_guests = plan_traces_new(text, error);
    if (!simulate->of_guests) {
        g_prefix_error(error, "%s: ", simulate->traces);
        return false;
    }
    simulate->guests = (gint)MIN(simulate->of_guests->n_guests, MOST_GUESTS);
    return true;
}

static bool
read_text(const char *path, GBytes **bytes, PlanText *text, GError **error)
{
    gsize length;

    *bytes = plan_file_read(path, error);
    if (!*bytes) {
        return false;
    }
    text->text = g_bytes_get_data(*bytes, &length);
    text->length = length;
    return true;
}

/* Requests come over two thirds of the time, so that the last also end. */
static bool
read_requests(Simulate *simulate, GError **error)
{
    static const char none[] = "CPU1,RAM1,CPU2,RAM2\n1,1,1,1\n";
    g_autoptr(GBytes) requests = NULL, servers = NULL;
    PlanText text, hosts = { none, sizeof(none) - 1 };

    if (!read_text(simulate->requests, &requests, &text, error) ||
        (simulate->servers &&
         !read_text(simulate->servers, &servers, &hosts, error))) {
        return false;
    }
    simulate->of_requests = plan_import_huawei(hosts, text, error);
    if (!simulate->of_requests) {
        g_prefix_error(error, "%s%s%s: ", simulate->requests,
                       simulate->servers ? ", " : "",
                       simulate->servers ? simulate->servers : "");
        return false;
    }
    if (simulate->servers) {
        if (simulate->settings->hosts->len > 0) {
            g_set_error(error, CONS_ERROR, CONS_ERROR_SETTING,
                        "--servers are hosts of their own; leave those of the "
                        "configuration away");
            return false;
        }
        cons_world_servers(simulate->settings, simulate->of_requests);
    }
    simulate->left_out =
        cons_world_request_groups(simulate->settings, simulate->of_requests);
    simulate->coming = cons_world_requests(
        simulate->of_requests, START_US, simulate->hours * 3600 * 2 / 3,
        simulate->stay_hours * 3600, (uint64_t)simulate->seed);
    simulate->guests = 0;
    return true;
}

/* That of CloudSim's published runs */
static bool
make_cloudsim(Simulate *simulate, GError **error)
{
    ConsSettings *s = simulate->settings;

    if (s->hosts->len > 0) {
        g_set_error(error, CONS_ERROR, CONS_ERROR_SETTING,
                    "--cloudsim has hosts of its own; leave those of the "
                    "configuration away");
        return false;
    }
    if (!simulate->config) {
        cons_world_cloudsim_settings(s);
    }
    if (simulate->stay) {
        s->overload = CONS_OVERLOAD_OFF;
        s->underload = 0;
    }
    plan_traces_sort(simulate->of_guests);
    simulate->world =
        cons_world_cloudsim(s, simulate->of_guests, (size_t)simulate->hosts,
                            strcmp(simulate->cloudsim, "honest") == 0, error);
    if (!simulate->world) {
        return false;
    }
    simulate->cluster = g_steal_pointer(&simulate->world->cluster);
    return true;
}

static bool
set_up(Simulate *simulate, GError **error)
{
    if (simulate->config) {
        g_autoptr(Service) service =
            service_load(simulate->config, &simulate->settings, error);

        if (!service) {
            return false;
        }
    } else {
        simulate->settings = cons_settings_new();
        simulate->settings->mode = CONS_MODE_AUTO;
        simulate->settings->underload = 0.2;
        simulate->settings->far_every_s = 3600;
    }
    if (simulate->requests && !read_requests(simulate, error)) {
        return false;
    }
    if (simulate->settings->hosts->len == 0 && !simulate->cloudsim) {
        make_hosts(simulate);
    }
    if (simulate->stay) {
        simulate->settings->mode = CONS_MODE_ADVISE;
        simulate->settings->overload = CONS_OVERLOAD_OFF;
        simulate->settings->underload = 0;
        simulate->settings->constraints = false;
        simulate->settings->far_every_s = 0;
        simulate->settings->far_minute = -1;
    }
    if (simulate->cloudsim) {
        return read_traces(simulate, error) && make_cloudsim(simulate, error);
    }
    return check_hosts(simulate->settings, error) &&
           (!simulate->traces || read_traces(simulate, error)) &&
           make_cluster(simulate, error);
}

/* --- what came of it --- */

typedef struct Fidgets {
    size_t most;     /* moves of one guest */
    size_t reversed; /* moves that take back an earlier one of the guest */
} Fidgets;

static Fidgets
count_fidgets(const GPtrArray *moves)
{
    g_autoptr(GHashTable) count = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GHashTable) legs =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    Fidgets fidgets = { 0 };

    for (guint i = 0; i < moves->len; i++) {
        const ConsPast *move = moves->pdata[i];
        size_t n =
            GPOINTER_TO_SIZE(g_hash_table_lookup(count, move->guest)) + 1;
        g_autofree char *back =
            g_strdup_printf("%s\n%s\n%s", move->guest, move->to, move->from);

        g_hash_table_insert(count, move->guest, GSIZE_TO_POINTER(n));
        fidgets.most = MAX(fidgets.most, n);
        fidgets.reversed += g_hash_table_contains(legs, back);
        g_hash_table_add(legs, g_strdup_printf("%s\n%s\n%s", move->guest,
                                               move->from, move->to));
    }
    return fidgets;
}

/* Of the rules of groups, as the manager saw its guests last */
static char *
broken_now(const Simulate *simulate, const ConsManager *manager)
{
    ConsQuestion question = { .settings = simulate->settings,
                              .cluster = cons_manager_cluster(manager) };

    return simulate->coming && question.cluster ? problem_broken(&question)
                                                : NULL;
}

static void
print_result(const Simulate *simulate, const ConsSimulator *simulator,
             const ConsManager *manager, double took_s, bool json)
{
    ConsSimulatorFigures figures = cons_simulator_figures(simulator);
    const GPtrArray *decisions = cons_simulator_decisions(simulator);
    Fidgets fidgets = count_fidgets(cons_simulator_moves(simulator));
    g_autoptr(JsonObject) top = json_object_new_object();
    g_autofree char *broken = broken_now(simulate, manager);
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    if (!json) {
        printf("hosts       %u, %.1f in use on average, %zu at most\n"
               "guests      %d\n"
               "time        %g h, simulated in %.1f s and %ld MiB\n"
               "decisions   %u\n"
               "migrations  %" PRIu64 ", %" PRIu64 " failed; %zu of one guest "
               "at most, %zu that took back an earlier one\n"
               "energy      %.2f kWh\n"
               "SLATAH      %.3f %%\n"
               "PDM         %.4f %%\n",
               simulate->settings->hosts->len, figures.hosts_mean,
               figures.hosts_most,
               simulate->coming ? (gint)simulate->of_requests->n_guests
                                : simulate->guests,
               simulate->hours, took_s, usage.ru_maxrss / 1024, decisions->len,
               figures.migrations, figures.failed, fidgets.most,
               fidgets.reversed, figures.energy_kwh,
               figures.overloaded_share * 100, figures.degraded_share * 100);
        if (simulate->coming) {
            printf("requests    %" PRIu64 " came, %" PRIu64
                   " found no host; %u are there at the end\n"
                   "rules       %s; %zu between groups not kept\n",
                   figures.requests, figures.refused,
                   cons_manager_cluster(manager)->guests->len,
                   broken ? broken : "none of a group is broken",
                   simulate->left_out);
        }
        return;
    }
    jobj_add_u64(top, "hosts", simulate->settings->hosts->len);
    jobj_add_u64(top, "guests", (uint64_t)simulate->guests);
    jobj_add_double(top, "hours", simulate->hours);
    jobj_add_double(top, "took_s", took_s);
    jobj_add_u64(top, "memory_bytes", (uint64_t)usage.ru_maxrss * 1024);
    jobj_add_u64(top, "decisions", decisions->len);
    jobj_add_u64(top, "migrations", figures.migrations);
    jobj_add_u64(top, "failed", figures.failed);
    jobj_add_u64(top, "most_of_a_guest", fidgets.most);
    jobj_add_u64(top, "reversed", fidgets.reversed);
    jobj_add_double(top, "energy_kwh", figures.energy_kwh);
    jobj_add_double(top, "slatah", figures.overloaded_share);
    jobj_add_double(top, "pdm", figures.degraded_share);
    jobj_add_double(top, "hosts_mean", figures.hosts_mean);
    jobj_add_u64(top, "hosts_most", figures.hosts_most);
    if (simulate->coming) {
        jobj_add_u64(top, "requests", figures.requests);
        jobj_add_u64(top, "refused", figures.refused);
        jobj_add_u64(top, "there", cons_manager_cluster(manager)->guests->len);
        jobj_add_string(top, "broken", broken);
        jobj_add_u64(top, "rules_left_out", simulate->left_out);
    }
    cons_print_json(top);
}

static void
wear_curves(const Simulate *simulate, ConsSimulator *simulator)
{
    for (guint i = 0; i < simulate->cluster->hosts->len; i++) {
        cons_simulator_curve(simulator, i, simulate->world->curves[i]);
    }
}

static void
play(const Simulate *simulate, bool json)
{
    ConsSimulator *simulator = cons_simulator_new(
        simulate->settings, simulate->cluster, (uint64_t)simulate->seed);
    ConsManager *manager = cons_manager_new(
        simulate->settings, cons_simulator_backend(), simulator);
    int64_t begun_us = clock_mono_us();
    g_autofree char *asleep = NULL;

    cons_simulator_noise(simulator, simulate->noise);
    if (simulate->of_guests) {
        cons_simulator_traces(
            simulator, simulate->of_guests,
            simulate->world ? simulate->world->peak_milli : NULL, TRACE_STEP_S);
    }
    if (simulate->world) {
        wear_curves(simulate, simulator);
        asleep = cons_world_asleep(simulate->cluster);
        if (!cons_manager_restore(manager, asleep, NULL)) {
            g_assert_not_reached();
        }
    }
    if (simulate->cloudsim && strcmp(simulate->cloudsim, "creation") == 0) {
        cons_world_frame(simulator, simulate->of_guests);
    }
    if (simulate->coming) {
        cons_simulator_requests(simulator, simulate->coming,
                                simulate->of_requests->n_guests);
    }
    cons_simulator_set_manager(simulator, manager);
    cons_manager_start(manager);
    cons_simulator_run(simulator,
                       START_US + (int64_t)(simulate->hours * 3600e6), 0);
    print_result(simulate, simulator, manager,
                 (double)(clock_mono_us() - begun_us) / 1e6, json);
    cons_simulator_set_manager(simulator, NULL);
    cons_manager_free(manager);
    cons_simulator_free(simulator);
}

static void
simulate_clear(Simulate *simulate)
{
    cluster_free(simulate->cluster);
    cons_settings_free(simulate->settings);
    plan_traces_free(simulate->of_guests);
    plan_model_free(simulate->of_requests);
    g_free(simulate->coming);
    g_free(simulate->requests);
    g_free(simulate->servers);
    cons_world_free(simulate->world);
    g_free(simulate->traces);
    g_free(simulate->config);
    g_free(simulate->cloudsim);
}

static const char *
mistake_of(const Simulate *simulate)
{
    if (simulate->hosts < 1 || simulate->hosts > MOST_HOSTS) {
        return "--hosts is 1 to 100000";
    }
    if (simulate->guests < 1 || simulate->guests > MOST_GUESTS) {
        return "--guests is 1 to 1000000";
    }
    if (!(simulate->hours > 0 && simulate->hours <= 87600)) {
        return "--hours is above 0, 87600 at most";
    }
    if (!(simulate->noise >= 0 && simulate->noise < 1)) {
        return "--noise is a share, 0 to below 1";
    }
    if (simulate->cloudsim && strcmp(simulate->cloudsim, "honest") != 0 &&
        strcmp(simulate->cloudsim, "creation") != 0) {
        return "--cloudsim is honest or creation";
    }
    if (simulate->cloudsim && !simulate->traces) {
        return "--cloudsim needs --traces";
    }
    if (simulate->requests && simulate->traces) {
        return "--requests come with loads of their own; leave --traces away";
    }
    if (simulate->servers && !simulate->requests) {
        return "--servers are those of --requests";
    }
    if (!(simulate->stay_hours > 0 && simulate->stay_hours <= 87600)) {
        return "--stays is above 0 hours, 87600 at most";
    }
    return NULL;
}

int
consolidate_simulate_main(int argc, char **argv)
{
    Simulate simulate = {
        .hosts = -1,
        .guests = 200,
        .hours = 24,
        .seed = 1,
        .noise = 0.1,
        .stay_hours = 8,
    };
    GOptionEntry more[] = {
        { "hosts", 'n', 0, G_OPTION_ARG_INT, &simulate.hosts,
          "Hosts to make up, if the configuration has none [20]", "N" },
        { "guests", 'g', 0, G_OPTION_ARG_INT, &simulate.guests,
          "Guests to make up [200]", "N" },
        { "hours", 'H', 0, G_OPTION_ARG_DOUBLE, &simulate.hours,
          "Hours to simulate [24]", "H" },
        { "noise", 0, 0, G_OPTION_ARG_DOUBLE, &simulate.noise,
          "Each load is off by up to this share [0.1]", "SHARE" },
        { "traces", 0, 0, G_OPTION_ARG_FILENAME, &simulate.traces,
          "Archive of traces, a guest each, as of vmferry-plan simulate",
          "FILE" },
        { "cloudsim", 0, 0, G_OPTION_ARG_STRING, &simulate.cloudsim,
          "With --traces on the hosts of CloudSim's PlanetLab runs, 800 if not "
          "said: memory counts always (honest), or at creation",
          "RULES" },
        { "requests", 0, 0, G_OPTION_ARG_FILENAME, &simulate.requests,
          "Guests that come and go instead: Huawei's requests, CSV", "FILE" },
        { "servers", 0, 0, G_OPTION_ARG_FILENAME, &simulate.servers,
          "... and its servers as hosts, CSV", "FILE" },
        { "stays", 0, 0, G_OPTION_ARG_DOUBLE, &simulate.stay_hours,
          "Hours that a requested guest stays on average [8]", "H" },
        { "seed", 0, 0, G_OPTION_ARG_INT, &simulate.seed,
          "Of what is made up [1]", "N" },
        { "stay", 0, 0, G_OPTION_ARG_NONE, &simulate.stay,
          "Nothing is decided and nothing moved, to compare with", NULL },
        { NULL },
    };
    g_autoptr(GError) error = NULL;
    ConsOptions options;
    const char *mistake;
    bool given = false;
    int status = CONSOLIDATE_USAGE;

    for (int i = 1; i < argc; i++) {
        given |= g_str_has_prefix(argv[i], "-c") ||
                 g_str_has_prefix(argv[i], "--config");
    }
    if (cons_options_parse(argc, argv, more, NULL,
                           "Has the manager decide about hosts that exist in "
                           "numbers only: those of the\nconfiguration given by "
                           "--config, or made up.",
                           0, 0, &options)) {
        simulate.config = given ? g_strdup(options.config) : NULL;
        simulate.drawn = (uint64_t)simulate.seed;
        if (simulate.hosts == -1) {
            simulate.hosts = simulate.cloudsim   ? 800
                             : simulate.requests ? 400
                                                 : 20;
        }
        mistake = mistake_of(&simulate);
        if (mistake) {
            fprintf(stderr, "error: vmferry-consolidate simulate: %s\n",
                    mistake);
        } else if (set_up(&simulate, &error)) {
            play(&simulate, options.json);
            status = CONSOLIDATE_FINE;
        } else {
            status = cons_fail("simulate", error);
        }
    }
    simulate_clear(&simulate);
    cons_options_clear(&options);
    return status;
}
