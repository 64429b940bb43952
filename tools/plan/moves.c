/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * moves.c - vmferry-plan moves, explain: how to get to a placement, and why
 */
#include <stdio.h>
#include <string.h>

#include "base/files.h"
#include "base/json.h"
#include "base/units.h"
#include "plan/draw.h"
#include "plan/explain.h"
#include "plan/moves.h"
#include "tools/plan/commands.h"
#include "tools/plan/files.h"
#include "tools/plan/options.h"

static const char *
host_name(const PlanModel *m, int32_t host)
{
    return host == PLAN_NOWHERE ? "-" : m->hosts[host].name;
}

static void
print_text(const PlanModel *m, const PlanMoves *moves, const PlanState *target)
{
    for (guint i = 0; i < moves->moves->len; i++) {
        const PlanMove *move = &g_array_index(moves->moves, PlanMove, i);
        g_autofree char *why = plan_explain(target, move->guest);
        g_autofree char *bytes =
            units_format_bytes((double)move->duration.bytes);
        g_autofree char *downtime =
            units_format_seconds(move->duration.downtime_s);

        printf("%4u %8.1f s  %s: %s -> %s%s, %.1f s, %s, downtime %s%s\n", i,
               move->start_s, m->guests[move->guest].name,
               host_name(m, move->from), host_name(m, move->to),
               move->bypass ? " (a stop on the way)" : "",
               move->end_s - move->start_s, bytes, downtime,
               move->duration.converges ? "" : ", DOES NOT CONVERGE");
        if (move->after->len) {
            printf("     after");
            for (guint k = 0; k < move->after->len; k++) {
                printf(" %u", g_array_index(move->after, guint, k));
            }
            printf("\n");
        }
        printf("     %s\n",
               *why ? why : "it makes room and comes back afterwards");
    }
    for (guint i = 0; i < moves->left_out->len; i++) {
        int32_t guest = g_array_index(moves->left_out, int32_t, i);

        printf("left out: %s stays on %s, no way to %s was found\n",
               m->guests[guest].name, host_name(m, m->guests[guest].host),
               host_name(m, plan_state_hosts(target)[guest]));
    }
    if (moves->proved) {
        printf("there is no order in which all can go: proved\n");
    }
    printf(
        "moves %u, %u left out, %.1f s; no schedule is faster than %.1f s%s\n",
        moves->moves->len, moves->left_out->len, moves->makespan_s,
        moves->bound_s,
        moves->shortest ? "; none without detours is shorter: proved" : "");
}

static void
print_json(const PlanModel *m, const PlanMoves *moves, const PlanState *target)
{
    g_autoptr(JsonObject) top = json_object_new_object();
    JsonObject *list = json_object_new_array();

    jobj_add_string(top, "format", "vmferry-moves-1");
    jobj_add_double(top, "makespan_s", moves->makespan_s);
    jobj_add_double(top, "bound_s", moves->bound_s);
    jobj_add_double(top, "link_bound_s", moves->link_bound_s);
    jobj_add_bool(top, "proved_shortest", moves->shortest);
    jobj_add_bool(top, "proved_impossible", moves->proved);
    for (guint i = 0; i < moves->moves->len; i++) {
        const PlanMove *move = &g_array_index(moves->moves, PlanMove, i);
        g_autofree char *why = plan_explain(target, move->guest);
        JsonObject *object = json_object_new_object();
        JsonObject *after = json_object_new_array();

        jobj_add_u64(object, "id", i);
        jobj_add_string(object, "guest", m->guests[move->guest].name);
        jobj_add_string(object, "from",
                        move->from == PLAN_NOWHERE ? NULL
                                                   : host_name(m, move->from));
        jobj_add_string(object, "to", host_name(m, move->to));
        jobj_add_bool(object, "bypass", move->bypass);
        jobj_add_double(object, "start_s", move->start_s);
        jobj_add_double(object, "end_s", move->end_s);
        jobj_add_u64(object, "rate_bytes_s", move->rate_bytes_s);
        jobj_add_u64(object, "bytes", move->duration.bytes);
        jobj_add_double(object, "downtime_s", move->duration.downtime_s);
        jobj_add_bool(object, "converges", move->duration.converges);
        for (guint k = 0; k < move->after->len; k++) {
            json_object_array_add(after, json_object_new_int64(g_array_index(
                                             move->after, guint, k)));
        }
        jobj_add(object, "after", after);
        jobj_add_string(object, "reason", why);
        json_object_array_add(list, object);
    }
    jobj_add(top, "moves", list);
    list = json_object_new_array();
    for (guint i = 0; i < moves->left_out->len; i++) {
        json_object_array_add(
            list,
            json_object_new_string(
                m->guests[g_array_index(moves->left_out, int32_t, i)].name));
    }
    jobj_add(top, "left_out", list);
    plan_options_print(top, true);
}

/* Rates of what arrives, and guests with what is sent beside them */
static void
calibrate(PlanModel *m, PlanMoveQuery *query, double efficiency, double dirty,
          uint64_t extra_bytes)
{
    for (size_t h = 0; h < m->n_hosts; h++) {
        m->hosts[h].link_bytes_s =
            (uint64_t)((double)m->hosts[h].link_bytes_s * efficiency);
    }
    query->link_bytes_s =
        MAX(1, (uint64_t)((double)query->link_bytes_s * efficiency));
    for (size_t g = 0; g < m->n_guests; g++) {
        PlanGuest *guest = &m->guests[g];

        if (guest->memory_bytes > 0) {
            guest->memory_bytes += extra_bytes;
        }
        guest->hot_bytes = MIN((uint64_t)((double)guest->hot_bytes * dirty),
                               guest->memory_bytes);
        guest->hot_bytes_s = (uint64_t)((double)guest->hot_bytes_s * dirty);
        guest->cold_bytes_s = (uint64_t)((double)guest->cold_bytes_s * dirty);
    }
}

int
plan_moves_main(int argc, char **argv)
{
    g_autofree char *placement = NULL;
    g_autofree char *link = NULL;
    g_autofree char *svg = NULL;
    gint most = 0;
    gboolean json = FALSE;
    gdouble efficiency = 1;
    gdouble dirty = 1;
    gint64 extra = 0;
    PlanMoveQuery query = { .downtime_limit_s = 0.3 };
    const GOptionEntry entries[] = {
        { "placement", 'p', 0, G_OPTION_ARG_FILENAME, &placement,
          "Where everybody should be; required", "FILE" },
        { "link", 0, 0, G_OPTION_ARG_STRING, &link,
          "Interface of hosts that do not say, 1gbit if not said", "RATE" },
        { "downtime", 0, 0, G_OPTION_ARG_DOUBLE, &query.downtime_limit_s,
          "Limit in seconds, 0.3 if not said", "S" },
        { "per-host", 0, 0, G_OPTION_ARG_INT, &most,
          "Migrations at a time at one host, any number if not said", "N" },
        { "efficiency", 0, 0, G_OPTION_ARG_DOUBLE, &efficiency,
          "Share of a rate that arrives as memory, 1 if not said", "SHARE" },
        { "dirty", 0, 0, G_OPTION_ARG_DOUBLE, &dirty,
          "Part of what gets dirty that is sent again, 1 if not said",
          "SHARE" },
        { "extra", 0, 0, G_OPTION_ARG_INT64, &extra,
          "What each migration sends beside, 0 if not said", "BYTES" },
        { "svg", 0, 0, G_OPTION_ARG_FILENAME, &svg,
          "Draw hosts before and after, moves and interfaces there", "FILE" },
        { "json", 0, 0, G_OPTION_ARG_NONE, &json, "Print JSON", NULL },
        { NULL },
    };
    g_autoptr(PlanModel) m =
        plan_options_model(argc, argv, "MODEL",
                           "The migrations that lead to a placement.", entries);
    g_autofree int32_t *target = NULL;
    g_autoptr(PlanMoves) moves = NULL;
    g_autoptr(PlanState) state = NULL;
    g_autoptr(GPtrArray) broken = NULL;
    g_autoptr(GError) error = NULL;

    if (!m) {
        return 2;
    }
    if (!placement) {
        return plan_options_fail("moves", "--placement is required");
    }
    if (most < 0 || !(query.downtime_limit_s > 0) ||
        query.downtime_limit_s > 1e6) {
        return plan_options_fail(
            "moves", "--per-host has to be 0 or more, --downtime above 0");
    }
    if (!units_parse_rate(link ? link : "1gbit", &query.link_bytes_s, &error)) {
        g_prefix_error(&error, "--link: ");
        return plan_options_fail("moves", error->message);
    }
    if (!(efficiency > 0) || efficiency > 1 || !(dirty >= 0) || dirty > 10 ||
        extra < 0 || extra > INT64_C(1) << 50) {
        return plan_options_fail(
            "moves",
            "--efficiency has to be above 0, 1 at most, --dirty 0 to 10, "
            "--extra 0 or more");
    }
    calibrate(m, &query, efficiency, dirty, (uint64_t)extra);
    query.most_per_host = (size_t)most;
    target = plan_options_placement(m, placement);
    if (!target) {
        return 2;
    }
    moves = plan_moves_new(m, target, &query);
    broken = plan_moves_check(m, target, &query, moves);
    if (broken->len > 0) {
        g_autofree char *text = g_strdup_printf(
            "the checker refuses the schedule: %s; please report this with "
            "the model",
            (char *)broken->pdata[0]);

        return plan_options_fail("moves", text);
    }
    if (svg) {
        g_autofree char *text =
            plan_draw_moves(m, moves, target, query.link_bytes_s);

        if (!file_write(svg, text, &error)) {
            return plan_options_fail("moves", error->message);
        }
    }
    state = plan_state_new(m, target);
    (json ? print_json : print_text)(m, moves, state);
    return moves->left_out->len ? 1 : 0;
}

int
plan_explain_main(int argc, char **argv)
{
    g_autofree char *placement = NULL;
    g_autofree char *only = NULL;
    const GOptionEntry entries[] = {
        { "placement", 'p', 0, G_OPTION_ARG_FILENAME, &placement,
          "Where everybody should be; required", "FILE" },
        { "guest", 'g', 0, G_OPTION_ARG_STRING, &only, "This guest alone",
          "NAME" },
        { NULL },
    };
    g_autoptr(PlanModel) m = plan_options_model(
        argc, argv, "MODEL", "Why guests should move.", entries);
    g_autofree int32_t *target = NULL;
    g_autoptr(PlanState) state = NULL;
    bool found = !only;

    if (!m) {
        return 2;
    }
    if (!placement) {
        return plan_options_fail("explain", "--placement is required");
    }
    target = plan_options_placement(m, placement);
    if (!target) {
        return 2;
    }
    state = plan_state_new(m, target);
    for (size_t g = 0; g < m->n_guests; g++) {
        g_autofree char *why = NULL;

        if (only && strcmp(only, m->guests[g].name) != 0) {
            continue;
        }
        found = true;
        why = plan_explain(state, (int32_t)g);
        if (*why) {
            printf("%s: %s -> %s: %s\n", m->guests[g].name,
                   host_name(m, m->guests[g].host), host_name(m, target[g]),
                   why);
        } else if (only) {
            printf("%s: stays on %s\n", only, host_name(m, target[g]));
        }
    }
    return found ? 0 : plan_options_fail("explain", "there is no such guest");
}
