/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * metrics.c - a picture as Prometheus' metrics
 *
 * Every family is opened in every answer, whether it has samples or not, so
 * that what there is can be read off any of them; a test compares them with
 * docs/metrics.md, the dashboard and the rules. Words of the protocol become
 * label values where the protocol bounds them; lists whose length it does not
 * bound are cut here, and the rest is summed as "other" or counted as left
 * out. While there is no daemon there are no figures of it.
 */
#include <string.h>

#include "base/clock.h"
#include "tools/exporter/metrics-priv.h"

static const char *const states[] = {
    "queued",     "preparing", "precopy",
    "switchover", "postcopy",  "postcopy-paused",
};
static const char *const modes[] = { "observe", "advise", "enforce" };

/* ---- the exporter and its daemon */

static void
add_exporter(const Picture *picture, const PictureExporter *exporter,
             Prom *prom, int64_t now_us)
{
    prom_family(prom, PROM_GAUGE, "vmferry_exporter_build_info",
                "Version of vmferry-exporter; the value is always 1.");
    prom_sample(prom, 1, "version", exporter->version, NULL);
    single(prom, PROM_COUNTER, "vmferry_exporter_connects_total",
           "Connections to vmferryd that were greeted.",
           known((double)exporter->connects));
    single(prom, PROM_COUNTER, "vmferry_exporter_connect_failures_total",
           "Attempts to connect to vmferryd that failed.",
           known((double)exporter->failures));
    single(prom, PROM_GAUGE, "vmferry_exporter_event_streams",
           "Clients that read the page's events now.",
           known(exporter->streams));
    single(prom, PROM_GAUGE, "vmferry_exporter_status_age_seconds",
           "Age of the daemon's status that these figures are of.",
           picture->status
               ? known((double)MAX(now_us - picture->status_us, 0) / 1e6)
               : unknown());
    single(prom, PROM_GAUGE, "vmferry_daemon_up",
           "1 while vmferryd answers, else 0.",
           known(picture->up && picture->status));
}

static void
add_daemon(const Picture *picture, Prom *prom)
{
    JsonObject *status = picture->status;
    const char *since = NULL, *mode = NULL;
    int64_t since_us;
    Known started = unknown();

    prom_family(prom, PROM_GAUGE, "vmferry_daemon_info",
                "Version of vmferryd and its host; the value is always 1.");
    if (status) {
        prom_sample(prom, 1, "version",
                    picture_word(status, "daemon.version", ""), "host",
                    picture_word(status, "daemon.host", ""), NULL);
        since = picture_word(status, "daemon.since", NULL);
        mode = picture_word(status, "daemon.mode", NULL);
    }
    if (since && clock_parse_utc(since, &since_us, NULL)) {
        started = known((double)since_us / 1e6);
    }
    single(prom, PROM_GAUGE, "vmferry_daemon_start_time_seconds",
           "When vmferryd was started, seconds since the epoch.", started);
    prom_family(prom, PROM_GAUGE, "vmferry_daemon_mode",
                "1 for the mode that vmferryd is in, 0 for the others.");
    for (size_t i = 0; mode && i < G_N_ELEMENTS(modes); i++) {
        prom_sample(prom, strcmp(modes[i], mode) == 0, "mode", modes[i], NULL);
    }
    single(prom, PROM_GAUGE, "vmferry_daemon_disabled",
           "1 while shaping is disabled by an operator, else 0.",
           status ? known(jobj_get(status, "daemon.disabled") != NULL)
                  : unknown());
    single(prom, PROM_GAUGE, "vmferry_libvirt_connected",
           "1 while vmferryd is connected to libvirt, else 0.",
           truth_of(status, "daemon.libvirt.connected"));

    prom_family(prom, PROM_GAUGE, "vmferry_alert_active",
                "1 for each alert that vmferryd raises now.");
    for (size_t i = 0; i < MAX_REASONS; i++) {
        JsonObject *alert =
            picture_item(list_of(status, "alerts"), i, MAX_REASONS);

        if (!alert) {
            break;
        }
        prom_sample(prom, 1, "alert", picture_word(alert, "alert", ""), "link",
                    picture_word(alert, "link", ""), NULL);
    }
}

/* ---- sessions */

static void
add_session_counts(const Picture *picture, Prom *prom)
{
    unsigned counts[G_N_ELEMENTS(states)][G_N_ELEMENTS(modes)] = { { 0 } };
    JsonObject *list = list_of(picture->status, "sessions");
    JsonObject *session;

    for (size_t i = 0; (session = picture_item(list, i, SIZE_MAX)); i++) {
        const char *state = picture_word(session, "state", "");
        const char *mode = picture_word(session, "mode", "");

        for (size_t s = 0; s < G_N_ELEMENTS(states); s++) {
            for (size_t m = 0; m < G_N_ELEMENTS(modes); m++) {
                counts[s][m] += strcmp(state, states[s]) == 0 &&
                                strcmp(mode, modes[m]) == 0;
            }
        }
    }
    prom_family(prom, PROM_GAUGE, "vmferry_sessions",
                "Migrations under way or queued, by state and by the mode "
                "that holds for them.");
    for (size_t s = 0; picture->status && s < G_N_ELEMENTS(states); s++) {
        for (size_t m = 0; m < G_N_ELEMENTS(modes); m++) {
            prom_sample(prom, counts[s][m], "state", states[s], "mode",
                        modes[m], NULL);
        }
    }
}

static const struct {
    PromType type;
    const char *path; /* of SESSION */
    const char *name;
    const char *help;
    bool truth;
} session_figures[] = {
    { PROM_GAUGE, "guarantee_bytes_s",
      "vmferry_session_guarantee_bytes_per_second",
      "Bandwidth that the migration is guaranteed, as decided.", false },
    { PROM_GAUGE, "ceiling_bytes_s", "vmferry_session_ceiling_bytes_per_second",
      "Bandwidth that the migration may borrow up to, as decided.", false },
    { PROM_GAUGE, "application_bytes_s",
      "vmferry_session_application_bytes_per_second",
      "Bandwidth kept for the migrating guest's own application.", false },
    { PROM_GAUGE, "in_force", "vmferry_session_in_force",
      "1 while the reservation has its effect, else 0.", true },
    { PROM_GAUGE, "bandwidth_bytes_s",
      "vmferry_session_bandwidth_bytes_per_second",
      "Bandwidth that the migration's stream gets.", false },
    { PROM_GAUGE, "dirty_bytes_s", "vmferry_session_dirty_bytes_per_second",
      "Rate at which the guest dirties memory.", false },
    { PROM_GAUGE, "remaining_bytes", "vmferry_session_remaining_bytes",
      "Memory that is still to be sent.", false },
    { PROM_COUNTER, "sent_bytes", "vmferry_session_sent_bytes_total",
      "Bytes that the migration has sent.", false },
    { PROM_GAUGE, "iteration", "vmferry_session_iteration",
      "Pre-copy iteration under way, 0 before the first.", false },
    { PROM_GAUGE, "progress", "vmferry_session_progress_ratio",
      "Share of the migration that is done, 0 to 1.", false },
    { PROM_GAUGE, "elapsed_s", "vmferry_session_elapsed_seconds",
      "Time since the migration was started.", false },
    { PROM_GAUGE, "forecast.end_s.value",
      "vmferry_session_forecast_end_seconds",
      "Forecast of the time until the migration ends.", false },
    { PROM_GAUGE, "forecast.downtime_s.value",
      "vmferry_session_forecast_downtime_seconds",
      "Forecast of the migration's downtime.", false },
    { PROM_GAUGE, "downtime_limit_s", "vmferry_session_downtime_limit_seconds",
      "Downtime that the migration may have.", false },
    { PROM_GAUGE, "deadline_s", "vmferry_session_deadline_seconds",
      "Time that the whole migration may take; absent without a deadline.",
      false },
    { PROM_GAUGE, "converges", "vmferry_session_converges",
      "1 if the migration is forecast to converge, 0 if not; absent while "
      "that is not known.",
      true },
};

static void
add_sessions(const Picture *picture, Prom *prom)
{
    JsonObject *list = list_of(picture->status, "sessions");
    JsonObject *session;
    size_t n = 0;

    add_session_counts(picture, prom);
    prom_family(prom, PROM_GAUGE, "vmferry_session_info",
                "What a migration is; the value is always 1.");
    for (size_t i = 0; (session = picture_item(list, i, MAX_SESSIONS)); i++) {
        prom_sample(prom, 1, "session", picture_word(session, "session", ""),
                    "guest", picture_word(session, "guest", ""), "destination",
                    picture_word(session, "destination", ""), "starter",
                    picture_word(session, "starter", ""), "mode",
                    picture_word(session, "mode", ""), "state",
                    picture_word(session, "state", ""), "link",
                    picture_word(session, "link", ""), NULL);
    }
    for (size_t f = 0; f < G_N_ELEMENTS(session_figures); f++) {
        prom_family(prom, session_figures[f].type, session_figures[f].name,
                    session_figures[f].help);
        for (size_t i = 0; (session = picture_item(list, i, MAX_SESSIONS));
             i++) {
            const char *path = session_figures[f].path;

            prom_known(prom,
                       session_figures[f].truth ? truth_of(session, path)
                                                : number_of(session, path),
                       "session", picture_word(session, "session", ""), "guest",
                       picture_word(session, "guest", ""), NULL);
        }
    }
    prom_family(prom, PROM_GAUGE, "vmferry_session_held",
                "1 while the migration is held at its floor, else 0.");
    for (size_t i = 0; (session = picture_item(list, i, MAX_SESSIONS)); i++) {
        prom_sample(prom, jobj_get(session, "held") != NULL, "session",
                    picture_word(session, "session", ""), "guest",
                    picture_word(session, "guest", ""), NULL);
    }
    while (picture_item(list, n, SIZE_MAX)) {
        n++;
    }
    single(prom, PROM_GAUGE, "vmferry_exporter_sessions_left_out",
           "Sessions beyond those that have metrics of their own.",
           known(n > MAX_SESSIONS ? (double)(n - MAX_SESSIONS) : 0));
}

void
picture_metrics(const Picture *picture, const PictureExporter *exporter,
                Prom *prom, int64_t now_us)
{
    add_exporter(picture, exporter, prom, now_us);
    add_daemon(picture, prom);
    add_sessions(picture, prom);
    metrics_add_links(picture, prom);
    metrics_add_counters(picture, prom);
}
