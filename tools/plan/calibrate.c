/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * calibrate.c - vmferry-plan calibrate: durations as measured
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/json.h"
#include "plan/calibrate.h"
#include "tools/plan/commands.h"
#include "tools/plan/files.h"
#include "tools/plan/options.h"

static void
print_json(const PlanCalibration *c, double efficiency, double dirty,
           int64_t extra)
{
    g_autoptr(JsonObject) top = json_object_new_object();

    jobj_add_double(top, "efficiency", efficiency);
    jobj_add_double(top, "dirty", dirty);
    jobj_add_i64(top, "extra_bytes", extra);
    jobj_add_double(top, "both_ways", c->both_ways);
    jobj_add_double(top, "shared", c->shared);
    jobj_add_u64(top, "samples", c->n_samples);
    jobj_add_u64(top, "folds", c->n_folds);
    jobj_add_double(top, "error_raw", c->error_raw);
    jobj_add_double(top, "error", c->error);
    jobj_add_double(top, "bias", c->bias);
    jobj_add_double(top, "error_class", c->error_class);
    plan_options_print(top, true);
}

int
plan_calibrate_main(int argc, char **argv)
{
    gdouble downtime_s = 0.3;
    gboolean json = FALSE;
    const GOptionEntry entries[] = {
        { "downtime", 0, 0, G_OPTION_ARG_DOUBLE, &downtime_s,
          "Limit in seconds, 0.3 if not said", "S" },
        { "json", 0, 0, G_OPTION_ARG_NONE, &json, "Print JSON", NULL },
        { NULL },
    };
    PlanText text;
    g_autoptr(GBytes) bytes =
        plan_options_file(argc, argv, "SAMPLES - durations as measured",
                          "one table is expected", entries, &text);
    g_autoptr(GError) error = NULL;
    g_autoptr(GArray) samples = NULL;
    PlanCalibration c;
    double efficiency;
    double dirty;
    int64_t extra;

    if (!bytes) {
        return 2;
    }
    if (!(downtime_s > 0) || downtime_s > 1e6) {
        return plan_options_fail("calibrate",
                                 "--downtime has to be above 0, 1e6 at most");
    }
    samples = plan_samples_read(text, &error);
    if (!samples) {
        g_prefix_error(&error, "%s: ", argv[1]);
        return plan_options_fail("calibrate", error->message);
    }
    c = plan_calibrate(samples, downtime_s);
    /* extra / rate seconds, where only a part of the rate arrives */
    efficiency = c.factor > 0 ? 1 / c.factor : 1;
    extra = (int64_t)(MAX(0, c.extra_bytes) * efficiency);
    dirty = MAX(0, c.dirty) * efficiency;
    if (json) {
        print_json(&c, efficiency, dirty, extra);
        return 0;
    }
    printf("samples    %zu, %zu folds\n"
           "moves      --efficiency %.3f --dirty %.3f --extra %" PRId64 "\n"
           "slower by  %.1f %% for each migration the other way, %.1f %% for "
           "each the same way\n"
           "error      %.2f %%, bias %.2f %%; %.2f %% as it is, %.2f %% by the "
           "mean of like ones\n",
           c.n_samples, c.n_folds, efficiency, dirty, extra,
           100 * c.both_ways * efficiency, 100 * c.shared * efficiency,
           100 * c.error, 100 * c.bias, 100 * c.error_raw, 100 * c.error_class);
    return 0;
}
