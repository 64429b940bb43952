/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * solve.c - vmferry-plan solve, compare, bound
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/files.h"
#include "base/units.h"
#include "plan/format.h"
#include "plan/import.h"
#include "tools/plan/commands.h"
#include "tools/plan/files.h"
#include "tools/plan/options.h"
#include "tools/plan/solve-options.h"
#include "tools/plan/solver.h"
#include "tools/plan/solving.h"

#define BOUND_STEPS 300000000

static PlanBound
refined_bound(const PlanModel *m)
{
    PlanBound bound = plan_bound(m);
    PlanCbcLimits limits = { .seconds = 5 }; /* for each of a few */

    if (m->weights.hosts == 0) {
        return bound;
    }
    plan_bound_refine(&bound, m, BOUND_STEPS, plan_cbc_solve, &limits);
    return bound;
}

/* The better of the bound of all methods and what this one proved */
static PlanBound
best_bound(const PlanBound *bound, const Solved *solved)
{
    PlanBound best = *bound;

    best.cost = MAX(best.cost, solved->proved);
    return best;
}

static JsonObject *
bound_to_json(const PlanBound *b)
{
    JsonObject *object = json_object_new_object();

    jobj_add_i64(object, "cost", b->cost);
    jobj_add_i64(object, "hosts", b->hosts);
    jobj_add_i64(object, "hosts_by_resources", b->hosts_by_resources);
    jobj_add_i64(object, "hosts_by_columns", b->hosts_by_columns);
    jobj_add_i64(object, "unplaced", b->unplaced);
    jobj_add_i64(object, "moves", b->moves);
    jobj_add_bool(object, "infeasible", b->infeasible);
    return object;
}

static JsonObject *
solved_to_json(const PlanModel *m, const Solved *s, const PlanBound *all)
{
    PlanBound best = best_bound(all, s);
    const PlanBound *b = &best;
    JsonObject *object = plan_format_write_placement(m, s->host_of);

    jobj_add_string(object, "method", plan_method_name(s->method));
    jobj_add_i64(object, "start_cost", s->start.cost);
    jobj_add_i64(object, "cost", s->end.cost);
    jobj_add_u64(object, "violations", s->verdict->n_broken);
    jobj_add(object, "broken", jobj_new_strings(s->verdict->broken));
    jobj_add_u64(object, "unplaced", s->verdict->n_unplaced);
    jobj_add_u64(object, "moved", s->verdict->n_moved);
    jobj_add_u64(object, "booted", s->verdict->n_booted);
    jobj_add_u64(object, "active", s->verdict->n_active);
    jobj_add(object, "bound", bound_to_json(b));
    jobj_add_double(object, "gap_percent",
                    solving_gap_percent(s->end.cost, b->cost));
    if (plan_method_promise(m, s->method)) {
        jobj_add_string(object, "proven", plan_method_promise(m, s->method));
    }
    if (s->price > 0 || s->n_sent_home > 0) {
        jobj_add_u64(object, "sent_home", s->n_sent_home);
        jobj_add_double(object, "saved", s->saved);
        jobj_add_double(object, "price", s->price);
    }
    jobj_add_double(object, "took_s", s->took_s);
    jobj_add_u64(object, "work", s->work);
    return object;
}

static void
print_solved(const PlanModel *m, const Solved *s, const PlanBound *all)
{
    PlanBound best = best_bound(all, s);
    const PlanBound *b = &best;
    g_autoptr(PlanState) state = plan_state_new(m, s->host_of);

    for (guint i = 0; i < s->verdict->broken->len; i++) {
        printf("broken: %s\n", (char *)s->verdict->broken->pdata[i]);
    }
    printf("method     %s, %.1f s, %" PRIu64 " steps\n"
           "violations %zu, %zu guests nowhere\n"
           "cost       %" PRId64 " (%" PRId64 " before)\n",
           plan_method_name(s->method), s->took_s, s->work,
           s->verdict->n_broken, s->verdict->n_unplaced, s->end.cost,
           s->start.cost);
    for (size_t i = 0; i < plan_state_terms(state); i++) {
        bool hard;
        int64_t value;
        const char *name = plan_state_term(state, i, &hard, &value);

        if (!hard) {
            printf("  %-11s %" PRId64 "\n", name, value);
        }
    }
    if (plan_method_promise(m, s->method)) {
        printf("proven     %s\n", plan_method_promise(m, s->method));
    }
    printf("bound      %" PRId64 ", gap %.4g %%\n"
           "hosts      %zu in use, %" PRId64 " needed at least\n"
           "moves      %zu, and %zu boots; %" PRId64 " have to move at least\n",
           b->cost, solving_gap_percent(s->end.cost, b->cost),
           s->verdict->n_active, b->hosts, s->verdict->n_moved,
           s->verdict->n_booted, b->moves);
}

/* What the moves have to be worth, if anything was asked */
static void
print_worth(const Solved *s, const PlanWorth *worth)
{
    if (worth->horizon_s > 0) {
        printf(
            "horizon    %.0f s: %.4g saved, moves cost %.4g; %zu guests sent "
            "home\n",
            worth->horizon_s, s->saved, s->price, s->n_sent_home);
    }
}

static bool
write_file(const char *name, const char *text)
{
    g_autoptr(GError) error = NULL;

    if (!file_write(name, text, &error)) {
        plan_options_fail("solve", error->message);
        return false;
    }
    return true;
}

static bool
within(double number)
{
    return number >= 0 && number <= 1e15;
}

int
plan_solve_main(int argc, char **argv)
{
    g_auto(SolveOptions) o = { 0 };
    g_autofree char *method_name = NULL;
    g_autofree char *output = NULL;
    g_autofree char *assignment = NULL;
    g_autofree char *link = NULL;
    g_autoptr(GError) error = NULL;
    gboolean json = FALSE;
    gboolean progress = FALSE;
    const GOptionEntry entries[] = {
        { "method", 'm', 0, G_OPTION_ARG_STRING, &method_name,
          "One of the above, lns if not said", "METHOD" },
        { "output", 'o', 0, G_OPTION_ARG_FILENAME, &output,
          "Write placement and figures there, as JSON", "FILE" },
        { "assignment", 0, 0, G_OPTION_ARG_FILENAME, &assignment,
          "Write the placement there as numbers of hosts", "FILE" },
        { "horizon", 0, 0, G_OPTION_ARG_DOUBLE, &o.solving.worth.horizon_s,
          "Moves have to pay in so many seconds", "S" },
        { "move-price", 0, 0, G_OPTION_ARG_DOUBLE, &o.solving.worth.move_price,
          "A second of migration costs so much a second; with --horizon",
          "COST" },
        { "downtime-price", 0, 0, G_OPTION_ARG_DOUBLE,
          &o.solving.worth.downtime_price,
          "... and a second in which the guest is stopped", "COST" },
        { "link", 0, 0, G_OPTION_ARG_STRING, &link,
          "Interface of hosts that do not say, 1gbit if not said", "RATE" },
        { "progress", 0, 0, G_OPTION_ARG_NONE, &progress,
          "Tell of each better placement", NULL },
        { "json", 0, 0, G_OPTION_ARG_NONE, &json,
          "Print placement and figures as JSON", NULL },
        { NULL },
    };
    g_autoptr(PlanModel) m = solve_load(
        argc, argv, &o, "Look for a better placement.", true, entries);
    g_autoptr(Solved) solved = NULL;
    PlanMethod method;
    PlanBound bound;

    if (!m) {
        return 2;
    }
    if (!solving_method(method_name ? method_name : "lns", &method, &error)) {
        g_prefix_error(&error, "--method: ");
        return plan_options_fail("solve", error->message);
    }
    o.solving.progress = progress;
    o.solving.worth.downtime_limit_s = 0.3;
    if (!within(o.solving.worth.horizon_s) ||
        !within(o.solving.worth.move_price) ||
        !within(o.solving.worth.downtime_price)) {
        return plan_options_fail(
            "solve", "horizon and prices have to be 0 or more, 1e15 at most");
    }
    if (!units_parse_rate(link ? link : "1gbit", &o.solving.worth.link_bytes_s,
                          &error)) {
        g_prefix_error(&error, "--link: ");
        return plan_options_fail("solve", error->message);
    }
    solved = solving_run(m, method, &o.solving);
    if (!solved) {
        return 2;
    }
    bound = refined_bound(m);
    if (output || json) {
        g_autoptr(JsonObject) object = solved_to_json(m, solved, &bound);
        g_autofree char *text = jobj_to_text(object, true);

        if (output && !write_file(output, text)) {
            return 2;
        }
        if (json) {
            printf("%s\n", text);
        }
    }
    if (assignment) {
        g_autofree char *text = plan_export_roadef(m, solved->host_of);

        if (!write_file(assignment, text)) {
            return 2;
        }
    }
    if (!json) {
        print_solved(m, solved, &bound);
        print_worth(solved, &o.solving.worth);
    }
    return solved->verdict->n_broken ? 1 : 0;
}

int
plan_compare_main(int argc, char **argv)
{
    g_auto(SolveOptions) o = { 0 };
    g_autofree char *names = NULL;
    gboolean json = FALSE;
    const GOptionEntry entries[] = {
        { "methods", 'm', 0, G_OPTION_ARG_STRING, &names,
          "Some of the above, all if not said", "METHOD,..." },
        { "json", 0, 0, G_OPTION_ARG_NONE, &json, "Print JSON", NULL },
        { NULL },
    };
    g_autoptr(PlanModel) m =
        solve_load(argc, argv, &o,
                   "Methods side by side, each from where the "
                   "guests run now.",
                   true, entries);
    g_autofree char *all = solving_all_methods();
    g_auto(GStrv) words = g_strsplit(names ? names : all, ",", 0);
    g_autoptr(JsonObject) list = json_object_new_array();
    g_autoptr(GError) error = NULL;
    PlanBound bound;
    PlanMethod method;

    if (!m) {
        return 2;
    }
    if (!words[0]) {
        return plan_options_fail("compare", "--methods names none");
    }
    for (size_t i = 0; words[i]; i++) {
        if (!solving_method(words[i], &method, &error)) {
            g_prefix_error(&error, "--methods: ");
            return plan_options_fail("compare", error->message);
        }
    }
    bound = refined_bound(m);
    if (!json) {
        printf("%-8s %10s %9s %20s %9s %7s %7s %9s\n", "method", "violations",
               "nowhere", "cost", "gap %", "hosts", "moves", "time s");
    }
    for (size_t i = 0; words[i]; i++) {
        g_autoptr(Solved) s = NULL;

        if (!solving_method(words[i], &method, NULL)) {
            continue;
        }
        s = solving_run(m, method, &o.solving);
        if (!s) {
            return 2;
        }
        if (json) {
            JsonObject *object = solved_to_json(m, s, &bound);

            json_object_object_del(object, "placement");
            json_object_array_add(list, object);
            continue;
        }
        printf("%-8s %10zu %9zu %20" PRId64 " %9.4g %7zu %7zu %9.2f\n",
               words[i], s->verdict->n_broken, s->verdict->n_unplaced,
               s->end.cost, solving_gap_percent(s->end.cost, bound.cost),
               s->verdict->n_active, s->verdict->n_moved, s->took_s);
        fflush(stdout);
    }
    if (json) {
        plan_options_print(list, true);
    } else {
        printf("bound    %41" PRId64 " %17" PRId64 " %7" PRId64 "\n",
               bound.cost, bound.hosts, bound.moves);
    }
    return 0;
}

int
plan_bound_main(int argc, char **argv)
{
    gboolean json = FALSE;
    const GOptionEntry entries[] = {
        { "json", 0, 0, G_OPTION_ARG_NONE, &json, "Print JSON", NULL },
        { NULL },
    };
    g_autoptr(PlanModel) m = plan_options_model(
        argc, argv, "MODEL", "What no placement can undercut.", entries);
    PlanBound b;

    if (!m) {
        return 2;
    }
    b = refined_bound(m);
    if (json) {
        g_autoptr(JsonObject) object = bound_to_json(&b);
        plan_options_print(object, true);
    } else {
        printf("cost      %" PRId64 "\n"
               "  load    %" PRId64 "\n"
               "  balance %" PRId64 "\n"
               "  energy  %" PRId64 "\n"
               "  traffic %" PRId64 "\n"
               "  hosts   %" PRId64 "\n"
               "  moves   %" PRId64 "\n"
               "hosts     %" PRId64 " needed (%" PRId64
               " by resources, %" PRId64 " by columns)\n"
               "moves     %" PRId64 " needed\n",
               b.cost, b.load, b.balance, b.energy, b.traffic, b.hosts_cost,
               b.moves_cost, b.hosts, b.hosts_by_resources, b.hosts_by_columns,
               b.moves);
        if (b.infeasible) {
            printf("more is asked for than there is\n");
        }
        if (b.unplaced > 0) {
            printf("%" PRId64 " guests at least find no place\n", b.unplaced);
        }
    }
    return b.infeasible ? 1 : 0;
}
