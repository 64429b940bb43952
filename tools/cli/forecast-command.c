/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * forecast-command.c - vmferry forecast: what a migration would be like
 *
 *   connect, look up, find the link, read history        (at once)
 *   memory ──> window 1 ──> window 2 ... ──> table        (by the main loop)
 *
 * Nothing is changed anywhere. Without sampling (refused by the host, or not
 * wished) history has to do; with neither there is nothing to say.
 */
#include "tools/cli/commands.h"

#include <glib-unix.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/units.h"
#include "tc/link.h"
#include "tools/cli/dispatch.h"
#include "tools/cli/forecast-again.h"
#include "tools/cli/forecast-options.h"
#include "tools/cli/forecast-table.h"
#include "tools/cli/guest-look.h"
#include "tools/cli/history.h"

#define DRAIN_MS 2000
#define DRAIN_INTERRUPTED_MS 100

typedef struct Asking {
    const ForecastOptions *options;
    VirtHost *source;
    VirtGuest *guest;
    GMainLoop *loop;
    Link link;
    bool has_link;
    GuestLook *look;
    bool interrupted;
} Asking;

static void
asking_clear(Asking *asking)
{
    guest_look_unref(asking->look);
    virt_guest_unref(asking->guest);
    virt_host_unref(asking->source);
    g_clear_pointer(&asking->loop, g_main_loop_unref);
}

/* On standard error, with or without --json: it is not the answer. */
static void note(const char *format, ...) G_GNUC_PRINTF(1, 2);

static void
note(const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    fprintf(stderr, "%s\n", text);
}

/* --- what is known at once --- */

static bool
find_guest(Asking *asking, VirtPool *pool, GError **error)
{
    const ForecastOptions *options = asking->options;
    const VirtGuestInfo *guest;

    asking->source =
        virt_host_open_now(pool, options->connect_uri,
                           options->readonly ? VIRT_OPEN_READ_ONLY : 0, error);
    if (!asking->source) {
        return false;
    }
    asking->guest =
        virt_guest_lookup_now(asking->source, options->domain, error);
    if (!asking->guest) {
        return false;
    }
    guest = virt_guest_info(asking->guest);
    if (guest->state != VIRT_STATE_RUNNING) {
        g_set_error(error, VIRT_ERROR, VIRT_ERROR_NOT_RUNNING,
                    "guest '%s' is %s: only a running guest has a migration "
                    "to forecast",
                    guest->name, virt_state_name(guest->state));
        return false;
    }
    return true;
}

static char *
host_of_uri(const char *text)
{
    g_autoptr(GUri) uri = g_uri_parse(text, G_URI_FLAGS_NONE, NULL);
    const char *host = uri ? g_uri_get_host(uri) : NULL;

    return host && *host ? g_strdup(host) : NULL;
}

/* A rate that was declared needs no route. Without a rate the table shows a
 * usual ladder, which is worth a note but no failure. */
static bool
find_link(Asking *asking, GError **error)
{
    const ForecastOptions *options = asking->options;
    g_autofree char *address = NULL;
    g_autoptr(GError) problem = NULL;

    if (!options->desturi) {
        if (options->link_device && options->link_rate_bytes_s > 0) {
            g_strlcpy(asking->link.device, options->link_device,
                      sizeof(asking->link.device));
            asking->link.rate_bytes_s = options->link_rate_bytes_s;
            asking->has_link = true;
        } else if (options->link_device) {
            g_set_error(error, LINK_ERROR, LINK_ERROR_RATE,
                        "--link %s: without --to DESTURI its rate has to be "
                        "given, --link %s=RATE",
                        options->link_device, options->link_device);
            return false;
        }
        return true;
    }
    address = host_of_uri(options->desturi);
    if (!address) {
        g_set_error(error, LINK_ERROR, LINK_ERROR_ADDRESS,
                    "--to '%s' names no host; write it as for vmferry "
                    "migrate, qemu+ssh://HOST/system",
                    options->desturi);
        return false;
    }
    asking->has_link =
        link_resolve(address, options->link_device, options->link_rate_bytes_s,
                     &asking->link, &problem);
    if (asking->has_link) {
        return true;
    }
    if (g_error_matches(problem, LINK_ERROR, LINK_ERROR_RATE)) {
        note("note: %s", problem->message);
        return true;
    }
    g_propagate_error(error, g_steal_pointer(&problem));
    return false;
}

/* --- what takes its time --- */

static void
on_look_note(const char *text, gpointer user)
{
    note("note: %s", text);
}

static void
on_look_sampling(unsigned window_ms, gpointer user)
{
    const Asking *asking = user;

    if (!asking->options->json && isatty(STDERR_FILENO)) {
        note("sampling the pages written to in %g s ...", window_ms / 1000.0);
    }
}

static void
on_look_done(gpointer user)
{
    g_main_loop_quit(((Asking *)user)->loop);
}

static void
prepare_look(Asking *asking)
{
    const ForecastOptions *options = asking->options;
    g_autofree char *path = history_path(options->history);
    GuestLookSpec spec = {
        .n_windows = options->n_windows,
        .monitor = options->monitor,
        .one_by_one = options->one_by_one,
        .note = on_look_note,
        .sampling = on_look_sampling,
        .done = on_look_done,
        .user = asking,
    };

    G_STATIC_ASSERT(sizeof(spec.windows_ms) == sizeof(options->windows_ms));
    memcpy(spec.windows_ms, options->windows_ms, sizeof(spec.windows_ms));
    if (options->readonly && options->n_windows > 0) {
        note("note: a read-only connection cannot sample dirty pages");
        spec.n_windows = 0;
    }
    asking->look = guest_look_new(asking->guest, &spec);
    guest_look_read_history(asking->look, path, options->history != NULL);
}

static gboolean
on_interrupt(gpointer user)
{
    Asking *asking = user;

    if (!asking->interrupted) {
        asking->interrupted = true;
        guest_look_cancel(asking->look);
        g_main_loop_quit(asking->loop);
    }
    return G_SOURCE_CONTINUE;
}

static bool
look_at_guest(Asking *asking, GError **error)
{
    static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
    guint sources[G_N_ELEMENTS(signals)];

    for (size_t i = 0; i < G_N_ELEMENTS(signals); i++) {
        sources[i] = g_unix_signal_add(signals[i], on_interrupt, asking);
    }
    guest_look_start(asking->look);
    g_main_loop_run(asking->loop);
    for (size_t i = 0; i < G_N_ELEMENTS(signals); i++) {
        g_source_remove(sources[i]);
    }
    if (asking->interrupted) {
        g_set_error(error, VIRT_ERROR, VIRT_ERROR_ABORTED,
                    "interrupted; nothing was changed, and what QEMU samples "
                    "at the moment ends by itself");
    }
    return !asking->interrupted;
}

/* --- the answer --- */

/* @input: but for bandwidths, limit and deadline, which are asked for */
static bool
print_table(const ForecastOptions *options, ForecastInput *input,
            GError **error)
{
    g_autoptr(GArray) rates = options->bandwidths->len > 0
                                  ? g_array_ref(options->bandwidths)
                                  : forecast_ladder(input->link_rate_bytes_s);
    g_autoptr(ForecastTable) table = NULL;
    g_autofree char *text = NULL;

    input->downtime_limit_s = options->downtime_limit_s;
    input->deadline_s = options->deadline_s;
    input->bandwidths = (const uint64_t *)(const void *)rates->data;
    input->n_bandwidths = rates->len;
    table = forecast_table_new(input);
    if (!table) {
        g_set_error(error, VIRT_ERROR, VIRT_ERROR_FAILED,
                    "guest '%s': how it writes to its memory is not known: "
                    "its dirty pages could not be sampled, and there is no "
                    "history of it",
                    input->guest_name);
        return false;
    }
    if (options->json) {
        g_autoptr(JsonObject) json = forecast_table_json(table, input);
        g_autofree char *body = jobj_to_text(json, true);

        text = g_strconcat(body, "\n", NULL);
    } else {
        text = forecast_table_text(table, input);
    }
    fputs(text, stdout);
    return true;
}

static bool
print_answer(const Asking *asking, GError **error)
{
    ForecastInput input = {
        .host_name = virt_host_info(asking->source)->host_name,
        .link_device = asking->has_link ? asking->link.device : NULL,
        .link_rate_bytes_s = asking->has_link ? asking->link.rate_bytes_s : 0,
    };
    g_autofree BeforeRun *runs = NULL;

    guest_look_fill(asking->look, &input, &runs);
    return print_table(asking->options, &input, error);
}

/* Nothing but a file is looked at. */
static bool
forecast_again(const ForecastOptions *options, GError **error)
{
    g_autoptr(ForecastAgain) again = forecast_again_read(options->from, error);
    ForecastInput input = {
        .link_device = options->link_device,
        .link_rate_bytes_s = options->link_rate_bytes_s,
    };

    if (!again) {
        return false;
    }
    forecast_again_fill(again, &input);
    return print_table(options, &input, error);
}

static bool
forecast(const ForecastOptions *options, VirtPool *pool, Asking *asking,
         GError **error)
{
    asking->options = options;
    asking->loop = g_main_loop_new(NULL, FALSE);
    if (!find_guest(asking, pool, error) || !find_link(asking, error)) {
        return false;
    }
    prepare_look(asking);
    return look_at_guest(asking, error) && print_answer(asking, error);
}

int
command_forecast(const GlobalOptions *global, int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ForecastOptions) options = NULL;
    g_autoptr(VirtPool) pool = NULL;
    Asking asking = { 0 };
    bool help = false, good;

    options = forecast_options_parse((const char *const *)argv + 1, global,
                                     &help, &error);
    if (help) {
        g_autofree char *text = forecast_options_help();

        fputs(text, stdout);
        return 0;
    }
    if (!options) {
        cli_error(error->message);
        return 1;
    }
    if (options->from) {
        good = forecast_again(options, &error);
        if (!good) {
            cli_error(error->message);
        }
        return good ? 0 : 1;
    }
    pool = virt_pool_new(NULL);
    good = forecast(options, pool, &asking, &error);
    if (!good) {
        cli_error(error->message);
    }
    asking_clear(&asking);
    virt_pool_drain(pool, asking.interrupted ? DRAIN_INTERRUPTED_MS : DRAIN_MS);
    return good ? 0 : 1;
}
