/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * live.c - vmferry-traffic live: count on a device, as it happens
 *
 * The ring hands over blocks of frames that are up to 100 ms old. So a period
 * is finished, and counting ended, a little later than its time: what was
 * captured before it is counted in it.
 */
#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "tools/traffic/commands.h"
#include "tools/traffic/inventory.h"
#include "traffic/periods.h"
#include "traffic/sampler.h"

#define FRAMES_AT_A_TIME 20000
#define LATE_US 300000 /* until then every block has been handed over */
#define TICK_MS 100
#define PROGRESS_TICKS 5
#define REFRESH_TICKS 100 /* ask libvirt every 10 s */

typedef struct Live Live;

typedef struct Device {
    Live *live;
    const char *name;
    Capture *capture;
    guint source;
    TrafficSampler sampler;   /* where the kernel cannot */
    CaptureCounters at_begin; /* of the period that is being counted */
} Device;

struct Live {
    const TrafficOptions *options;
    Output *output;
    Inventory *inventory;
    TrafficPeriods *periods;
    GMainLoop *loop;
    GPtrArray *devices;
    int64_t stop_us; /* wall clock; INT64_MAX: not known */
    unsigned ticks;
    char *incomplete;
    GError *out_error;
};

static void
on_frame(const uint8_t *data, size_t length, uint32_t wire_bytes, int64_t at_us,
         gpointer user)
{
    Device *device = user;
    Live *live = device->live;
    TrafficFrame frame;

    if (at_us >= live->stop_us || !traffic_sampler_take(&device->sampler)) {
        return;
    }
    if (traffic_frame_decode(capture_link(device->capture), data, length,
                             wire_bytes, &frame)) {
        traffic_periods_add(live->periods, &frame, at_us);
    } else {
        traffic_periods_skip(live->periods, at_us);
    }
}

static void
stop(Live *live, int64_t at_us)
{
    live->stop_us = MIN(live->stop_us, at_us);
}

/* Less than the most: there is nothing more at the moment. */
static int
take_frames(Device *device)
{
    Live *live = device->live;
    g_autoptr(GError) error = NULL;
    int n = capture_dispatch(device->capture, FRAMES_AT_A_TIME, on_frame,
                             device, &error);

    if (n < 0) {
        fprintf(stderr, "error: vmferry-traffic live: %s\n", error->message);
        if (!live->incomplete) {
            live->incomplete = g_strdup(error->message);
        }
        stop(live, clock_wall_us());
        return 0;
    }
    return n;
}

static gboolean
on_readable(gint fd, GIOCondition condition, gpointer user)
{
    Device *device = user;

    take_frames(device);
    if (device->live->incomplete) {
        device->source = 0;
        return G_SOURCE_REMOVE;
    }
    return G_SOURCE_CONTINUE;
}

static void
add_source(Device *device, TrafficSummary *summary)
{
    TrafficSource *source = traffic_summary_add_source(summary, device->name);
    CaptureCounters now;

    if (capture_counters(device->capture, &now, NULL)) {
        source->counts_drops = true;
        source->dropped = now.dropped - device->at_begin.dropped;
        source->interface_dropped =
            now.interface_dropped - device->at_begin.interface_dropped;
        device->at_begin = now;
    }
}

/* Counting goes on without: the next one may be kept again. */
static void
keep(Live *live, TrafficSummary *summary)
{
    g_autoptr(GError) error = NULL;

    if (!output_keep(live->output, summary, &error)) {
        fprintf(stderr, "warning: vmferry-traffic live: a matrix is lost: %s\n",
                error->message);
    }
}

static void
on_finished(TrafficSummary *owned, gpointer user)
{
    g_autoptr(TrafficSummary) summary = owned;
    Live *live = user;

    for (guint i = 0; i < live->devices->len; i++) {
        add_source(live->devices->pdata[i], summary);
    }
    summary->incomplete = g_strdup(live->incomplete);
    if (!live->out_error &&
        !output_summary(live->output, summary, &live->out_error)) {
        g_main_loop_quit(live->loop);
    }
    keep(live, summary);
}

static void
show_progress(Live *live)
{
    int64_t dropped = 0;

    for (guint i = 0; i < live->devices->len; i++) {
        Device *device = live->devices->pdata[i];
        CaptureCounters now;

        if (capture_counters(device->capture, &now, NULL)) {
            dropped += (int64_t)now.dropped;
        }
    }
    output_progress(live->output, traffic_periods_total(live->periods), -1,
                    dropped);
}

static gboolean
on_tick(gpointer user)
{
    Live *live = user;
    int64_t now_us = clock_wall_us();

    if (now_us >= live->stop_us && now_us - live->stop_us >= LATE_US) {
        g_main_loop_quit(live->loop);
        return G_SOURCE_CONTINUE;
    }
    traffic_periods_advance(live->periods,
                            MIN(now_us - LATE_US, live->stop_us));
    /* the kernel's counters have to be read before they wrap, too */
    if (++live->ticks % PROGRESS_TICKS == 0) {
        show_progress(live);
    }
    if (live->ticks % REFRESH_TICKS == 0) {
        inventory_refresh(live->inventory);
    }
    return G_SOURCE_CONTINUE;
}

static gboolean
on_signal(gpointer user)
{
    Live *live = user;

    /* the second one does not wait for the last block */
    if (live->stop_us <= clock_wall_us()) {
        g_main_loop_quit(live->loop);
    }
    stop(live, clock_wall_us());
    return G_SOURCE_CONTINUE;
}

static void
device_free(gpointer data)
{
    Device *device = data;

    if (device->source) {
        g_source_remove(device->source);
    }
    capture_free(device->capture);
    g_free(device);
}

static bool
open_device(Live *live, const char *name, GError **error)
{
    const TrafficOptions *options = live->options;
    const CaptureSpec spec = {
        .device = name,
        .filter = options->filter,
        .direction = options->direction,
        .ring_bytes = options->ring_bytes,
        .sampled_1_in = options->spec.sampled_1_in,
    };
    Capture *capture = capture_live(&spec, error);
    Device *device;

    if (!capture) {
        return false;
    }
    device = g_new0(Device, 1);
    device->live = live;
    device->name = name;
    device->capture = capture;
    traffic_sampler_init(&device->sampler,
                         capture_samples(capture) ? 1 : spec.sampled_1_in,
                         (uint64_t)clock_wall_us());
    g_ptr_array_add(live->devices, device);
    device->source =
        g_unix_fd_add(capture_fd(capture), G_IO_IN, on_readable, device);
    return true;
}

static bool
open_devices(Live *live, GError **error)
{
    g_autofree char *names = g_strjoinv(", ", live->options->inputs);

    for (size_t i = 0; live->options->inputs[i]; i++) {
        if (!open_device(live, live->options->inputs[i], error)) {
            return false;
        }
    }
    output_note(live->output, "counting on %s%s", names,
                live->options->duration_us ? "" : ", until Ctrl-C");
    return true;
}

/* What lies in the rings when the loop has ended. */
static void
take_rest(Live *live)
{
    for (guint i = 0; i < live->devices->len; i++) {
        Device *device = live->devices->pdata[i];

        while (!live->incomplete && take_frames(device) > 0) {
        }
    }
}

static void
run(Live *live)
{
    int64_t now_us = clock_wall_us();
    guint tick = g_timeout_add(TICK_MS, on_tick, live);

    if (live->options->duration_us) {
        stop(live, now_us + live->options->duration_us);
    }
    traffic_periods_advance(live->periods, now_us);
    g_main_loop_run(live->loop);
    g_source_remove(tick);
    if (!live->out_error) {
        take_rest(live);
        traffic_periods_end(live->periods, MIN(live->stop_us, clock_wall_us()));
    }
}

static int
count(const TrafficOptions *options, GError **error)
{
    g_autoptr(Output) output = output_new(options, error);
    g_autoptr(Inventory) inventory =
        output ? inventory_new(options, output, error) : NULL;
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    g_autoptr(GPtrArray) devices = g_ptr_array_new_with_free_func(device_free);
    g_autoptr(TrafficPeriods) periods = NULL;
    Live live = {
        .options = options,
        .output = output,
        .inventory = inventory,
        .loop = loop,
        .devices = devices,
        .stop_us = INT64_MAX,
    };
    int status = TRAFFIC_EXIT_FINE;
    guint signals[2];
    bool opened;

    if (!inventory) {
        return TRAFFIC_EXIT_USAGE;
    }
    periods = traffic_periods_new(options->guests, &options->spec,
                                  options->period_us, on_finished, &live);
    live.periods = periods;
    /* before it is said that frames are counted: who reads that may end it */
    signals[0] = g_unix_signal_add(SIGINT, on_signal, &live);
    signals[1] = g_unix_signal_add(SIGTERM, on_signal, &live);
    opened = open_devices(&live, error);
    if (opened) {
        run(&live);
    }
    g_source_remove(signals[0]);
    g_source_remove(signals[1]);
    if (!opened) {
        return TRAFFIC_EXIT_USAGE;
    }
    if (live.out_error) {
        g_propagate_error(error, live.out_error);
        status = TRAFFIC_EXIT_MISSING;
    } else if (live.incomplete) {
        status = TRAFFIC_EXIT_MISSING;
    }
    g_free(live.incomplete);
    return status;
}

int
traffic_live_main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    TrafficOptions options;
    int status = TRAFFIC_EXIT_USAGE;

    if (traffic_options_parse(argc, argv, TRAFFIC_COMMAND_LIVE, &options,
                              &error)) {
        status = count(&options, &error);
    }
    if (error) {
        fflush(stdout);
        fprintf(stderr, "error: vmferry-traffic live: %s\n", error->message);
    }
    traffic_options_clear(&options);
    return status;
}
