/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report-setting.c - what the runs were made with, side by side
 */
#include "report/report-priv.h"

#include <math.h>
#include <string.h>

#include "base/units.h"

static char *
guest_text(const RunFigures *run)
{
    const RunRecord *record = run->record;

    if (!record->guest_name) {
        return table_text(record->guest_uuid);
    }
    return record->guest_uuid ? g_strdup_printf("%s (%s)", record->guest_name,
                                                record->guest_uuid)
                              : g_strdup(record->guest_name);
}

static char *
memory_text(const RunFigures *run)
{
    const RunRecord *record = run->record;
    g_autofree char *memory =
        units_format_bytes((double)record->guest_memory_bytes);

    if (!record->guest_memory_bytes) {
        return NULL;
    }
    return record->guest_vcpus
               ? g_strdup_printf("%s, %u vCPU%s", memory, record->guest_vcpus,
                                 record->guest_vcpus > 1 ? "s" : "")
               : g_strdup(memory);
}

static char *
machine_text(const RunFigures *run)
{
    const char *machine = run->record->machine;
    const char *accelerator = run->record->accelerator;

    if (machine && accelerator) {
        return g_strdup_printf("%s, %s", machine, accelerator);
    }
    return table_text(machine ? machine : accelerator);
}

#define TEXT_OF(function, member)                                              \
    static char *function(const RunFigures *run)                               \
    {                                                                          \
        return table_text(run->record->member);                                \
    }
TEXT_OF(host_text, host_name)
TEXT_OF(source_text, source_uri)
TEXT_OF(destination_text, destination_uri)
TEXT_OF(migrate_uri_text, migrate_uri)
TEXT_OF(sample_text, sample_source)
TEXT_OF(qemu_text, qemu_version)
TEXT_OF(libvirt_text, libvirt_version)
TEXT_OF(kernel_text, kernel_version)
TEXT_OF(vmferry_text, vmferry_version)

/* "2026-03-01 12:00:00 +00:00": fractions of seconds are for machines */
static char *
started_text(const RunFigures *run)
{
    const char *started = run->record->started;
    const char *offset;

    if (!started || strlen(started) < 20 || started[10] != 'T') {
        return table_text(started);
    }
    offset = started + 19 + strspn(started + 19, ".0123456789");
    return g_strdup_printf("%.10s %.8s %s", started, started + 11, offset);
}

static char *
link_text(const RunFigures *run)
{
    const RunRecord *record = run->record;
    GString *text;

    if (!record->link_device) {
        return NULL;
    }
    text = g_string_new(record->link_device);
    if (record->link_rate_bytes_s) {
        g_autofree char *rate =
            units_format_rate((double)record->link_rate_bytes_s);

        g_string_append_printf(text, ", %s%s", rate,
                               record->link_rate_declared ? " as declared"
                                                          : "");
    }
    if (record->link_chain) {
        g_string_append_printf(text, " (%s)", record->link_chain);
    }
    return g_string_free(text, FALSE);
}

static char *
settings_text(const RunFigures *run)
{
    const PolicySettings *set = &run->record->policy;
    GString *text;

    if (set->kind == POLICY_NONE) {
        return NULL;
    }
    text = g_string_new(NULL);
    g_string_append_printf(text,
                           "margin %g, network-intensive above %g %% of the "
                           "link, changes below %g %% not made",
                           set->margin, 100 * set->threshold_fraction,
                           100 * set->change_fraction);
    if (set->deadline_s.known) {
        g_string_append_printf(text, ", deadline %g s", set->deadline_s.value);
    }
    return g_string_free(text, FALSE);
}

static char *
options_text(const RunFigures *run)
{
    const GPtrArray *options = run->record->options;
    GString *text;

    if (options->len == 0) {
        return NULL;
    }
    text = g_string_new(NULL);
    for (guint i = 0; i < options->len; i++) {
        const char *option = g_ptr_array_index(options, i);
        g_autofree char *quoted = g_shell_quote(option);
        bool plain =
            *option && !option[strspn(option, "abcdefghijklmnopqrstuvwxyz"
                                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                              "0123456789-_=+:/.,@%")];

        g_string_append_printf(text, "%s%s", i ? " " : "",
                               plain ? option : quoted);
    }
    return g_string_free(text, FALSE);
}

static char *
tainted_text(const RunFigures *run)
{
    return run->record->monitor_passthrough
               ? g_strdup("used: libvirt marks the guest as tainted")
               : NULL;
}

/* --- what others put into the record --- */

static void append_value(GString *text, JsonObject *value);

/* "flows 4, seconds 58" */
static void
append_members(GString *text, JsonObject *object)
{
    const char *between = "";

    json_object_object_foreach (object, name, value) {
        if (value) {
            g_string_append_printf(text, "%s%s ", between, name);
            append_value(text, value);
            between = ", ";
        }
    }
}

static void
append_value(GString *text, JsonObject *value)
{
    double number;

    switch (json_object_get_type(value)) {
    case json_type_object:
        g_string_append_c(text, '(');
        append_members(text, value);
        g_string_append_c(text, ')');
        break;
    case json_type_array:
        g_string_append_printf(text, "(%zu entries)",
                               json_object_array_length(value));
        break;
    case json_type_double:
        number = json_object_get_double(value);
        g_string_append_printf(text, fabs(number) < 1e4 ? "%.6g" : "%.0f",
                               number);
        break;
    default:
        g_string_append(text, json_object_get_string(value));
    }
}

/* What is there for the replay tells a reader nothing; steps of the ladder have
 * a table of their own. */
static char *
extra_text(const RunFigures *run)
{
    static const char *const elsewhere[] = { "job_config", "ladder", NULL };
    g_autoptr(GString) text = g_string_new(NULL);
    g_autofree char *valid = NULL;

    if (!run->record->extra) {
        return NULL;
    }
    json_object_object_foreach (run->record->extra, name, value) {
        if (!value || g_strv_contains(elsewhere, name)) {
            continue;
        }
        g_string_append_printf(text, "%s%s: ", text->len ? "; " : "", name);
        if (json_object_is_type(value, json_type_object)) {
            append_members(text, value);
        } else {
            append_value(text, value);
        }
    }
    if (text->len == 0) {
        return NULL;
    }
    valid = g_utf8_make_valid(text->str, (gssize)text->len);
    if (g_utf8_strlen(valid, -1) > 600) {
        g_autofree char *start = g_utf8_substring(valid, 0, 600);

        return g_strconcat(start, " ...", NULL);
    }
    return g_steal_pointer(&valid);
}

static char *
warnings_text(const RunFigures *run)
{
    GPtrArray *warnings = run->record->warnings;
    GString *text;

    if (warnings->len == 0) {
        return NULL;
    }
    text = g_string_new(NULL);
    for (guint i = 0; i < warnings->len; i++) {
        g_string_append_printf(text, "%s%s", i ? "; " : "",
                               (char *)g_ptr_array_index(warnings, i));
    }
    return g_string_free(text, FALSE);
}

void
table_setting(GString *out, const RunFigures *runs, size_t n)
{
    static const RunRow rows[] = {
        { "Started", started_text, true },
        { "Guest", guest_text, true },
        { "Its memory and vCPUs", memory_text, true },
        { "Machine", machine_text, true },
        { "Source host", host_text, true },
        { "From", source_text, true },
        { "To", destination_text, true },
        { "Data address", migrate_uri_text, true },
        { "Link", link_text, true },
        { "Policy settings", settings_text, true },
        { "Command line", options_text, true },
        { "Warnings", warnings_text, true },
        { "Rows come from", sample_text, true },
        { "Monitor pass-through", tainted_text, true },
        { "QEMU", qemu_text, true },
        { "libvirt", libvirt_text, true },
        { "Kernel", kernel_text, true },
        { "vmferry", vmferry_text, true },
        { "Added by the experiment", extra_text, true },
    };

    table_of_runs(out, "runs setting", rows, G_N_ELEMENTS(rows), runs, n);
}
