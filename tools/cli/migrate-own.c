/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * migrate-own.c - vmferry's own options of "vmferry migrate"
 *
 * What is given is honoured or refused by name. An option that steers a
 * reservation is refused where nothing is reserved, and a policy is refused
 * where the stream cannot be told from other traffic.
 */
#include "tools/cli/migrate-options-priv.h"

#include <math.h>
#include <string.h>

#include "base/units.h"
#include "report/record-curve.h"
#include "tc/shaper.h"
#include "tools/cli/own-values.h"

static bool
read_protect(MigrateOptions *options, const Cmdline *cmdline, GError **error)
{
    const GPtrArray *values = cmdline_values(cmdline, "protect");

    for (guint i = 0; i < values->len; i++) {
        const char *text = g_ptr_array_index(values, i);
        /* An expression may hold "=" itself, a rate never does. */
        const char *equals = strrchr(text, '=');
        g_autofree char *expression =
            equals ? g_strndup(text, (size_t)(equals - text)) : NULL;
        ProtectedSpec spec = { 0 };

        if (!expression || *g_strstrip(expression) == '\0') {
            g_set_error(error, MIGRATE_OPTIONS_ERROR,
                        MIGRATE_OPTIONS_ERROR_VALUE,
                        "'%s' is no value for --protect; write "
                        "'EXPRESSION'=RATE, for example "
                        "'tcp port 6379'=20mbit",
                        text);
            return false;
        }
        if (!units_parse_rate(equals + 1, &spec.rate_bytes_s, error)) {
            g_prefix_error(error, "--protect '%s': ", expression);
            return false;
        }
        spec.expression = g_steal_pointer(&expression);
        g_array_append_val(options->protected_specs, spec);
    }
    return true;
}

/* "1:10", both parts hexadecimal as in tc. */
static bool
read_parent(MigrateOptions *options, const Cmdline *cmdline, GError **error)
{
    const char *text = NULL;
    uint32_t id;

    if (!cmdline_string(cmdline, "parent", &text, error)) {
        return false;
    }
    if (!text) {
        return true;
    }
    if (!shaper_id_parse(text, &id)) {
        g_set_error(error, MIGRATE_OPTIONS_ERROR, MIGRATE_OPTIONS_ERROR_VALUE,
                    "'%s' is no class for --parent; write MAJOR:MINOR as tc "
                    "does (hexadecimal), for example 1:10",
                    text);
        return false;
    }
    if ((id & 0xffff0000) == SHAPER_MAJOR) {
        g_set_error(error, MIGRATE_OPTIONS_ERROR, MIGRATE_OPTIONS_ERROR_VALUE,
                    "--parent %s: %x: is vmferry's own tree, which is joined "
                    "without --parent",
                    text, SHAPER_MAJOR >> 16);
        return false;
    }
    options->parent = id;
    return true;
}

/* Why the stream of this migration cannot be steered; NULL if it can. */
static const char *
not_steerable(const MigrateOptions *options)
{
    if (options->spec->flags & VIRT_MIGRATE_TUNNELLED) {
        return "a tunnelled migration cannot be told from libvirt's control "
               "traffic";
    }
    if (options->migrateuri && !g_str_has_prefix(options->migrateuri, "tcp:")) {
        if (g_str_has_prefix(options->migrateuri, "rdma:")) {
            return "RDMA passes by the kernel's traffic control";
        }
        if (g_str_has_prefix(options->migrateuri, "unix:")) {
            return "a unix socket leaves by no link that vmferry could know";
        }
    }
    return NULL;
}

static bool
read_policy(MigrateOptions *options, const Cmdline *cmdline, GError **error)
{
    static const char *const steering[] = { "deadline", "margin", "protect",
                                            "parent" };
    /* Nothing iterates in these, so that there is nothing to reserve for. */
    unsigned flags = options->spec->flags;
    const char *no_passes = flags & VIRT_MIGRATE_OFFLINE ? "--offline"
                            : flags & VIRT_MIGRATE_POSTCOPY_RESUME
                                ? "--postcopy-resume"
                                : NULL;
    bool tunnelled = (flags & VIRT_MIGRATE_TUNNELLED) != 0;
    const char *text = NULL;
    const char *why;

    if (!cmdline_string(cmdline, "policy", &text, error)) {
        return false;
    }
    options->policy = no_passes ? POLICY_NONE : POLICY_DEFAULT;
    if (text && !policy_kind_parse(text, &options->policy, error)) {
        g_prefix_error(error, "--policy: ");
        return false;
    }

    if (options->policy == POLICY_NONE) {
        for (size_t i = 0; i < G_N_ELEMENTS(steering); i++) {
            if (cmdline_given(cmdline, steering[i])) {
                g_set_error(error, MIGRATE_OPTIONS_ERROR,
                            MIGRATE_OPTIONS_ERROR_RULE,
                            "--%s has no effect with %s: nothing is reserved "
                            "then",
                            steering[i], text ? "--policy none" : no_passes);
                return false;
            }
        }
        return true;
    }
    if (no_passes) {
        g_set_error(error, MIGRATE_OPTIONS_ERROR, MIGRATE_OPTIONS_ERROR_RULE,
                    "--policy %s has no effect with %s: there are no "
                    "iterations to reserve bandwidth for",
                    text, no_passes);
        return false;
    }
    why = not_steerable(options);
    if (why) {
        g_set_error(error, MIGRATE_OPTIONS_ERROR, MIGRATE_OPTIONS_ERROR_REFUSED,
                    "%s%s: %s; use --policy none, or migrate over plain TCP",
                    tunnelled ? "--tunnelled" : "--migrateuri ",
                    tunnelled ? "" : options->migrateuri, why);
        return false;
    }
    return true;
}

/* Steps that QEMU has to be prepared for when it begins are, where that does
 * not rule out what else was asked for. Dormant, its throttle takes one per
 * cent. */
static void
prepare_steps(VirtMigrateSpec *spec, unsigned allowed)
{
    unsigned no_postcopy = VIRT_MIGRATE_TUNNELLED | VIRT_MIGRATE_PARALLEL |
                           VIRT_MIGRATE_NON_SHARED_DISK |
                           VIRT_MIGRATE_NON_SHARED_INC;

    if (allowed & LADDER_BIT(LADDER_POSTCOPY) && !(spec->flags & no_postcopy)) {
        spec->flags |= VIRT_MIGRATE_POSTCOPY;
    }
    if (allowed & LADDER_BIT(LADDER_THROTTLE) &&
        !(spec->flags & VIRT_MIGRATE_AUTO_CONVERGE)) {
        spec->flags |= VIRT_MIGRATE_AUTO_CONVERGE;
        virt_migrate_spec_add_int(spec,
                                  VIRT_MIGRATE_PARAM_AUTO_CONVERGE_INITIAL, 1);
        virt_migrate_spec_add_int(
            spec, VIRT_MIGRATE_PARAM_AUTO_CONVERGE_INCREMENT, 1);
    }
}

/* Named steps are in addition to those that are allowed anyway, unless these
 * are named too, or "none" is. */
static bool
read_ladder(MigrateOptions *options, const Cmdline *cmdline, GError **error)
{
    LadderSettings *ladder = &options->ladder;
    Known downtime_ms = unknown(), throttle_percent = unknown();
    const char *text = NULL;

    ladder_settings_init(ladder);
    if (!cmdline_string(cmdline, "allow", &text, error) ||
        !own_number(cmdline, "downtime-max", 1, OWN_DOWNTIME_MAX_MS, "ms",
                    &downtime_ms, error) ||
        !own_number(cmdline, "throttle-max", 1, 99, "%", &throttle_percent,
                    error)) {
        return false;
    }
    if (text && !ladder_steps_parse(text, &ladder->allowed, error)) {
        g_prefix_error(error, "--allow: ");
        return false;
    }
    if (text && ladder->allowed != 0 && !(ladder->allowed & LADDER_DEFAULT)) {
        ladder->allowed |= LADDER_DEFAULT;
    }
    if (downtime_ms.known) {
        ladder->downtime_most_s = downtime_ms.value / 1000;
    }
    if (throttle_percent.known) {
        ladder->throttle_most = throttle_percent.value / 100;
    }
    ladder->deadline_is_end = options->deadline_s.known;
    options->climbs = options->policy == POLICY_DEFAULT;
    if (!options->climbs && text) {
        g_set_error(error, MIGRATE_OPTIONS_ERROR, MIGRATE_OPTIONS_ERROR_RULE,
                    "--allow has no effect with --policy %s: only the default "
                    "policy takes steps",
                    policy_kind_name(options->policy));
        return false;
    }
    if (options->climbs) {
        prepare_steps(options->spec, ladder->allowed);
        options->monitor_allowed =
            ladder->allowed & LADDER_BIT(LADDER_THROTTLE);
    }
    return true;
}

/* A run record of an earlier migration of the guest. */
static bool
read_oracle(MigrateOptions *options, const char *path, GError **error)
{
    g_autofree char *text = NULL;
    g_autoptr(RunRecord) record = NULL;
    g_autoptr(GError) why = NULL;
    ForecastCurve curve;
    gsize length = 0;

    if (*path == '\0') {
        g_set_error_literal(error, MIGRATE_OPTIONS_ERROR,
                            MIGRATE_OPTIONS_ERROR_VALUE,
                            "--predictor oracle= names no file: it takes a run "
                            "record, as --record writes it");
        return false;
    }
    if (!g_file_get_contents(path, &text, &length, &why)) {
        g_set_error(error, MIGRATE_OPTIONS_ERROR, MIGRATE_OPTIONS_ERROR_FILE,
                    "--predictor oracle: %s", why->message);
        return false;
    }
    record = run_record_parse(text, length, &why);
    if (!record || !run_record_curve(record, &curve, &why)) {
        g_set_error(error, MIGRATE_OPTIONS_ERROR, MIGRATE_OPTIONS_ERROR_FILE,
                    "--predictor oracle: %s is no run record that could serve: "
                    "%s",
                    path, why->message);
        return false;
    }
    options->oracle = g_memdup2(&curve, sizeof(curve));
    options->oracle_path = g_strdup(path);
    options->oracle_memory_bytes = record->guest_memory_bytes;
    return true;
}

/* Who wants to know what forecasts are worth leaves them out, or lets them be
 * as good as they can be. A daemon has a predictor of its own, so that it is
 * not asked then. */
static bool
read_predictor(MigrateOptions *options, const Cmdline *cmdline, GError **error)
{
    const char *text = NULL;

    if (!cmdline_string(cmdline, "predictor", &text, error)) {
        return false;
    }
    if (!text) {
        return true;
    }
    if (strcmp(text, "ensemble") != 0 && strcmp(text, "last") != 0 &&
        !g_str_has_prefix(text, "oracle=")) {
        g_set_error(error, MIGRATE_OPTIONS_ERROR, MIGRATE_OPTIONS_ERROR_VALUE,
                    "'%s' is no value for --predictor: it is ensemble, last or "
                    "oracle=FILE",
                    text);
        return false;
    }
    if (options->policy != POLICY_DEFAULT) {
        g_set_error(error, MIGRATE_OPTIONS_ERROR, MIGRATE_OPTIONS_ERROR_RULE,
                    "--predictor has no effect with --policy %s: only the "
                    "default policy has a choice",
                    policy_kind_name(options->policy));
        return false;
    }
    if (strcmp(text, "ensemble") == 0) {
        return true;
    }
    if (!cmdline_exclusive(cmdline, "predictor", "socket", error) ||
        !cmdline_exclusive(cmdline, "predictor", "queue", error)) {
        return false;
    }
    options->last_value = strcmp(text, "last") == 0;
    return options->last_value ||
           read_oracle(options, text + strlen("oracle="), error);
}

bool
migrate_options_read_own(MigrateOptions *options, const Cmdline *cmdline,
                         GError **error)
{
    static const char *const only_real[] = { "record", "report", "cut-off",
                                             "history" };
    const char *connect = NULL;
    const char *record = NULL;
    const char *report = NULL;
    const char *history = NULL;
    const char *socket = NULL;
    Known downtime = { 0 };

    if (!cmdline_string(cmdline, "connect", &connect, error) ||
        !cmdline_string(cmdline, "record", &record, error) ||
        !cmdline_string(cmdline, "report", &report, error) ||
        !cmdline_string(cmdline, "history", &history, error) ||
        !cmdline_string(cmdline, "socket", &socket, error) ||
        !cmdline_exclusive(cmdline, "alone", "socket", error) ||
        !cmdline_exclusive(cmdline, "alone", "queue", error) ||
        !own_number(cmdline, "deadline", 0.001, 1e9, "s", &options->deadline_s,
                    error) ||
        !own_number(cmdline, "cut-off", 0.001, 1e9, "s", &options->cut_off_s,
                    error) ||
        !own_number(cmdline, "margin", 1, 100, "", &options->margin, error) ||
        !own_number(cmdline, "downtime", 1, OWN_DOWNTIME_MAX_MS, "ms",
                    &downtime, error) ||
        !own_link(cmdline, &options->link_device, &options->link_rate_bytes_s,
                  error) ||
        !read_protect(options, cmdline, error) ||
        !read_parent(options, cmdline, error) ||
        !read_policy(options, cmdline, error) ||
        !read_predictor(options, cmdline, error) ||
        !read_ladder(options, cmdline, error)) {
        return false;
    }
    if (connect) {
        g_free(options->global.connect_uri);
        options->global.connect_uri = g_strdup(connect);
    }
    options->record_path = g_strdup(record);
    options->report_path = g_strdup(report);
    options->history = g_strdup(history);
    options->downtime_ms = (unsigned)lround(known_or(downtime, 0));
    options->socket = g_strdup(socket);
    options->alone = cmdline_given(cmdline, "alone") || options->last_value ||
                     options->oracle;
    options->queue = cmdline_given(cmdline, "queue");
    options->json = cmdline_given(cmdline, "json");
    options->dry_run = cmdline_given(cmdline, "dry-run");
    options->working_set = cmdline_given(cmdline, "working-set");
    options->no_compression = cmdline_given(cmdline, "no-compression");
    if (!cmdline_exclusive(cmdline, "compressed", "no-compression", error)) {
        return false;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(only_real); i++) {
        if (!cmdline_exclusive(cmdline, "dry-run", only_real[i], error)) {
            return false;
        }
    }
    return true;
}
