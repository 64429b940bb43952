/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * forecast-again.c - the answer of `vmferry forecast --json', read back
 */
#include "tools/cli/forecast-again.h"

#include <math.h>
#include <string.h>

#include "base/json.h"
#include "tools/cli/forecast-options.h"

#define MOST_MEMORY_BYTES 1e18

struct ForecastAgain {
    JsonObject *json; /* owns the strings */
    const char *name, *uuid;
    uint64_t memory_bytes;
    Known nonzero_bytes;
    const char *nonzero_source;
    GArray *windows; /* ForecastWindow */
};

static bool
broken(const char *path, const char *what, GError **error)
{
    g_set_error(error, FORECAST_OPTIONS_ERROR, FORECAST_OPTIONS_ERROR_VALUE,
                "--from '%s': %s; it should be what 'vmferry forecast --json' "
                "printed",
                path, what);
    return false;
}

static bool
read_window(JsonObject *json, ForecastWindow *window)
{
    const char *source = NULL;

    if (!json || !jobj_get_double(json, "window_s", &window->window_s) ||
        !jobj_get_double(json, "dirty_pages", &window->pages) ||
        !jobj_get_double(json, "low_pages", &window->low_pages) ||
        !jobj_get_double(json, "high_pages", &window->high_pages) ||
        !jobj_get_double(json, "log_sd", &window->log_sd) ||
        !jobj_get_string(json, "source", &source) ||
        !forecast_window_source(source, &window->source)) {
        return false;
    }
    return window->window_s > 0 && isfinite(window->window_s) &&
           window->pages >= 0 && isfinite(window->pages) &&
           window->log_sd >= 0 && isfinite(window->log_sd);
}

static bool
read_all(ForecastAgain *again, const char *path, GError **error)
{
    const char *schema = NULL;
    JsonObject *windows;
    size_t n;

    if (!jobj_get_string(again->json, "schema", &schema) ||
        strcmp(schema, FORECAST_SCHEMA) != 0) {
        return broken(path, "its schema is not " FORECAST_SCHEMA, error);
    }
    if (!jobj_get_u64(again->json, "guest.memory_bytes",
                      &again->memory_bytes) ||
        again->memory_bytes == 0 ||
        (double)again->memory_bytes > MOST_MEMORY_BYTES) {
        return broken(path, "guest.memory_bytes is missing or no size", error);
    }
    again->nonzero_bytes = jobj_get_known(again->json, "guest.nonzero_bytes");
    if (again->nonzero_bytes.known && !(again->nonzero_bytes.value >= 0)) {
        return broken(path, "guest.nonzero_bytes is no size", error);
    }
    jobj_get_string(again->json, "guest.nonzero_source",
                    &again->nonzero_source);
    jobj_get_string(again->json, "guest.name", &again->name);
    jobj_get_string(again->json, "guest.uuid", &again->uuid);

    windows = jobj_get(again->json, "windows");
    if (!windows || !json_object_is_type(windows, json_type_array)) {
        return broken(path, "it has no windows", error);
    }
    n = json_object_array_length(windows);
    if (n == 0 || n > FORECAST_MAX_POINTS) {
        return broken(path, "it has no windows, or too many", error);
    }
    for (size_t i = 0; i < n; i++) {
        ForecastWindow window = { 0 };

        if (!read_window(json_object_array_get_idx(windows, i), &window)) {
            g_autofree char *what = g_strdup_printf(
                "window %zu lacks a figure or makes no sense", i + 1);

            return broken(path, what, error);
        }
        g_array_append_val(again->windows, window);
    }
    return true;
}

ForecastAgain *
forecast_again_read(const char *path, GError **error)
{
    g_autoptr(ForecastAgain) again = g_new0(ForecastAgain, 1);
    g_autofree char *text = NULL;
    gsize length;

    again->windows = g_array_new(FALSE, FALSE, sizeof(ForecastWindow));
    if (!g_file_get_contents(path, &text, &length, error)) {
        g_prefix_error(error, "--from: ");
        return NULL;
    }
    again->json = jobj_parse(text, length, error);
    if (!again->json) {
        g_prefix_error(error, "--from '%s': ", path);
        return NULL;
    }
    return read_all(again, path, error) ? g_steal_pointer(&again) : NULL;
}

void
forecast_again_free(ForecastAgain *again)
{
    if (again) {
        jobj_unref(again->json);
        g_array_unref(again->windows);
        g_free(again);
    }
}

void
forecast_again_fill(const ForecastAgain *again, ForecastInput *input)
{
    input->guest_name = again->name;
    input->guest_uuid = again->uuid;
    input->memory_bytes = again->memory_bytes;
    input->nonzero_bytes = again->nonzero_bytes;
    input->nonzero_source = again->nonzero_source;
    input->windows = (const ForecastWindow *)(const void *)again->windows->data;
    input->n_windows = again->windows->len;
}
