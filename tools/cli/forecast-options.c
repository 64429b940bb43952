/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * forecast-options.c - reads them; nothing is connected here
 */
#include "tools/cli/forecast-options.h"

#include <math.h>
#include <string.h>

#include "base/units.h"
#include "tools/cli/own-values.h"

G_DEFINE_QUARK(vmferry_forecast_options_error, forecast_options_error)

#define DEFAULT_DOWNTIME_S 0.3 /* QEMU's downtime-limit */
#define DEFAULT_WINDOWS_MS                                                     \
    {                                                                          \
        1000, 4000                                                             \
    }
#define MOST_BANDWIDTHS 50

#define P CMDLINE_BY_POSITION
#define O CMDLINE_OWN
static const CmdlineOption option_table[] = {
    { "domain", CMDLINE_STRING, P, NULL, "the guest: name, id or UUID" },
    { "from", CMDLINE_STRING, O, "file",
      "instead of a guest, an earlier answer (--json), asked anew" },
    { "to", CMDLINE_STRING, O, "uri",
      "destination; the route to it tells the link" },
    { "bandwidth", CMDLINE_STRING, O | CMDLINE_REPEATABLE, "rate",
      "what the migration may use of the wire (repeatable, or with commas)" },
    { "downtime", CMDLINE_NUMBER, O, "ms",
      "longest pause that QEMU plans for, 300 by default" },
    { "deadline", CMDLINE_NUMBER, O, "seconds",
      "the migration should be over by then" },
    { "windows", CMDLINE_STRING, O, "s[,s...]|none",
      "sample the guest's dirty pages so long each, 1,4 by default" },
    { "monitor", CMDLINE_FLAG, O, NULL,
      "sample by QEMU's monitor, 32 times as dense; taints the guest" },
    { "one-by-one", CMDLINE_FLAG, O, NULL,
      "sample windows one after another also where QEMU can at once" },
    { "link", CMDLINE_STRING, O, "dev[=rate]",
      "interface that the stream would leave by, and what it carries" },
    { "history", CMDLINE_STRING, O, "file|none",
      "where earlier migrations are remembered" },
    { "connect", CMDLINE_STRING, O, "uri",
      "hypervisor connection (also -c, and before the command)" },
    { "json", CMDLINE_FLAG, O, NULL, "JSON on standard output" },
    { NULL, CMDLINE_FLAG, 0, NULL, NULL },
};
#undef P
#undef O

void
forecast_options_free(ForecastOptions *options)
{
    if (!options) {
        return;
    }
    g_free(options->domain);
    g_free(options->from);
    g_free(options->desturi);
    g_free(options->connect_uri);
    g_free(options->link_device);
    g_free(options->history);
    g_array_unref(options->bandwidths);
    g_free(options);
}

static int
compare_rates(gconstpointer a, gconstpointer b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static bool
read_bandwidths(ForecastOptions *options, const Cmdline *cmdline,
                GError **error)
{
    const GPtrArray *values = cmdline_values(cmdline, "bandwidth");
    GArray *rates = options->bandwidths;

    for (guint i = 0; i < values->len; i++) {
        g_auto(GStrv) parts = g_strsplit(g_ptr_array_index(values, i), ",", 0);

        for (size_t j = 0; parts[j]; j++) {
            uint64_t rate;

            if (!units_parse_rate(g_strstrip(parts[j]), &rate, error)) {
                g_prefix_error(error, "--bandwidth: ");
                return false;
            }
            g_array_append_val(rates, rate);
        }
    }
    if (rates->len > MOST_BANDWIDTHS) {
        g_set_error(error, FORECAST_OPTIONS_ERROR, FORECAST_OPTIONS_ERROR_VALUE,
                    "--bandwidth: %u are more than a table is for, %d at most",
                    rates->len, MOST_BANDWIDTHS);
        return false;
    }
    g_array_sort(rates, compare_rates);
    for (guint i = 1; i < rates->len;) {
        if (g_array_index(rates, uint64_t, i) ==
            g_array_index(rates, uint64_t, i - 1)) {
            g_array_remove_index(rates, i);
        } else {
            i++;
        }
    }
    return true;
}

static bool
add_window(ForecastOptions *options, const char *text, GError **error)
{
    double seconds;
    size_t i;
    unsigned window_ms;

    if (!own_number_parse(text, "windows", 0.05, 60, "s", &seconds, error)) {
        return false;
    }
    window_ms = (unsigned)lround(seconds * 1000);
    if (options->n_windows == FORECAST_MAX_WINDOWS) {
        g_set_error(error, FORECAST_OPTIONS_ERROR, FORECAST_OPTIONS_ERROR_VALUE,
                    "--windows: %d at most", FORECAST_MAX_WINDOWS);
        return false;
    }
    if (window_ms % 1000 != 0 && !options->monitor) {
        g_set_error(error, FORECAST_OPTIONS_ERROR, FORECAST_OPTIONS_ERROR_VALUE,
                    "--windows %s: libvirt samples whole seconds; parts of "
                    "one need --monitor and QEMU 8.2",
                    text);
        return false;
    }
    for (i = options->n_windows++;
         i > 0 && options->windows_ms[i - 1] > window_ms; i--) {
        options->windows_ms[i] = options->windows_ms[i - 1];
    }
    options->windows_ms[i] = window_ms;
    return true;
}

static bool
read_windows(ForecastOptions *options, const Cmdline *cmdline, GError **error)
{
    static const unsigned windows[] = DEFAULT_WINDOWS_MS;
    const char *text = NULL;
    g_auto(GStrv) parts = NULL;

    if (!cmdline_string(cmdline, "windows", &text, error)) {
        return false;
    }
    if (!text) {
        memcpy(options->windows_ms, windows, sizeof(windows));
        options->n_windows = G_N_ELEMENTS(windows);
        return true;
    }
    if (g_str_equal(text, "none")) {
        return true;
    }
    parts = g_strsplit(text, ",", 0);
    for (size_t i = 0; parts[i]; i++) {
        if (!add_window(options, parts[i], error)) {
            return false;
        }
    }
    return true;
}

static bool
read_options(ForecastOptions *options, const Cmdline *cmdline,
             const GlobalOptions *global, GError **error)
{
    const char *domain = NULL, *to = NULL, *history = NULL, *from = NULL;
    const char *connect = g_getenv("VIRSH_DEFAULT_CONNECT_URI");
    Known downtime_ms = unknown();

    if (global && global->connect_uri) {
        connect = global->connect_uri;
    }
    options->readonly = global && global->readonly;
    options->monitor = cmdline_given(cmdline, "monitor");
    options->one_by_one = cmdline_given(cmdline, "one-by-one");
    options->json = cmdline_given(cmdline, "json");
    if (!cmdline_string(cmdline, "domain", &domain, error) ||
        !cmdline_string(cmdline, "from", &from, error) ||
        !cmdline_string(cmdline, "to", &to, error) ||
        !cmdline_string(cmdline, "history", &history, error) ||
        !cmdline_string(cmdline, "connect", &connect, error) ||
        !own_number(cmdline, "downtime", 1, OWN_DOWNTIME_MAX_MS, "ms",
                    &downtime_ms, error) ||
        !own_number(cmdline, "deadline", 0.001, 1e9, "s", &options->deadline_s,
                    error) ||
        !own_link(cmdline, &options->link_device, &options->link_rate_bytes_s,
                  error) ||
        !read_bandwidths(options, cmdline, error) ||
        !read_windows(options, cmdline, error)) {
        return false;
    }
    if (!domain == !from) {
        g_set_error(error, FORECAST_OPTIONS_ERROR, FORECAST_OPTIONS_ERROR_VALUE,
                    domain ? "a guest or --from FILE, not both"
                           : "no guest is named; give its name, id or UUID, "
                             "or an earlier answer with --from FILE");
        return false;
    }
    options->domain = g_strdup(domain);
    options->from = g_strdup(from);
    options->desturi = g_strdup(to);
    options->history = g_strdup(history);
    options->connect_uri = connect && *connect ? g_strdup(connect) : NULL;
    options->downtime_limit_s =
        downtime_ms.known ? downtime_ms.value / 1000 : DEFAULT_DOWNTIME_S;
    return true;
}

ForecastOptions *
forecast_options_parse(const char *const *words, const GlobalOptions *global,
                       bool *help, GError **error)
{
    g_autoptr(Cmdline) cmdline =
        cmdline_parse("forecast", option_table, words, error);
    g_autoptr(ForecastOptions) options = NULL;

    *help = cmdline && cmdline_help(cmdline);
    if (!cmdline || *help) {
        return NULL;
    }
    options = g_new0(ForecastOptions, 1);
    options->bandwidths = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    if (!read_options(options, cmdline, global, error)) {
        return NULL;
    }
    return g_steal_pointer(&options);
}

char *
forecast_options_help(void)
{
    g_autofree char *own = cmdline_format_options(option_table, true);

    return g_strdup_printf(
        "usage: vmferry forecast DOMAIN [OPTION]...\n"
        "       vmferry forecast --from FILE [OPTION]...\n"
        "\n"
        "What would the migration of a running guest be like, at this "
        "bandwidth and that?\n"
        "Looks at the guest for some seconds and changes nothing.\n"
        "\n"
        "%s"
        "    --help                          this text\n"
        "\n"
        "Rates are written as in tc (50mbit, 6mbps, 6MiB/s); a bare number is "
        "refused.\n"
        "See vmferry(1) for examples.\n",
        own);
}
