/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * carry.c - see carry.h
 *
 * Whatever happens to a step goes through enter(), which writes the record; what
 * follows from all states together is found by pump(), called after each event.
 */
#include "consolidate/carry.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"

#define MICRO 1e6
/* A move is no surprise before it is so much later than forecast. */
#define LATE_S 30
/* Before the end of one that fills the link, the next is begun: libvirt needs a
 * second or more at both ends of a migration, in which nothing is sent. What is
 * left is counted with pages of zeros, which go in no time and of which most
 * come last: so the longer it took, the earlier it is taken to end. Who begins
 * the migrations keeps the next one back until then. */
#define CLOSING_LEAST_S 5
#define CLOSING_MOST_S 20
#define CLOSING_SHARE 0.5 /* of the time since it was begun */

const char *
cons_step_state_name(ConsStepState state)
{
    static const char *const names[] = {
        "waiting", "checking", "starting", "running",
        "done",    "failed",   "dropped",
    };

    G_STATIC_ASSERT(G_N_ELEMENTS(names) == CONS_N_STEP_STATES);
    return names[state];
}

#define BIT(state) (1u << (state))

static const unsigned may_enter[CONS_N_STEP_STATES] = {
    /* a power command is not checked before */
    [CONS_STEP_WAITING] = BIT(CONS_STEP_CHECKING) | BIT(CONS_STEP_STARTING) |
                          BIT(CONS_STEP_DROPPED) | BIT(CONS_STEP_DONE),
    [CONS_STEP_CHECKING] = BIT(CONS_STEP_STARTING) | BIT(CONS_STEP_WAITING) |
                           BIT(CONS_STEP_DROPPED) | BIT(CONS_STEP_FAILED) |
                           BIT(CONS_STEP_DONE),
    [CONS_STEP_STARTING] = BIT(CONS_STEP_RUNNING) | BIT(CONS_STEP_WAITING) |
                           BIT(CONS_STEP_DONE) | BIT(CONS_STEP_FAILED) |
                           BIT(CONS_STEP_DROPPED),
    [CONS_STEP_RUNNING] = BIT(CONS_STEP_DONE) | BIT(CONS_STEP_FAILED) |
                          BIT(CONS_STEP_WAITING) | BIT(CONS_STEP_DROPPED),
};

struct ConsCarry {
    const ConsSettings *settings;
    ConsDecision *decision;
    size_t n_moves, n_steps;
    ConsStep *steps;
    int32_t *leg;     /* [step] the guest's move before this one, or -1 */
    guint *from, *to; /* [move] hosts by number */
    guint n_hosts;
    uint64_t *link_bytes_s; /* [host by number] */
    GQueue records;         /* JsonObject * */
    GQueue actions;         /* ConsAction * */
    char *stopped;
    bool over;
    bool unsure; /* rebuilt, and the hosts were not asked yet */
};

static const ConsMove *
move_of(const ConsCarry *c, size_t step)
{
    g_assert(step < c->n_moves);
    return g_ptr_array_index(c->decision->moves, step);
}

static const ConsPower *
power_of(const ConsCarry *c, size_t step)
{
    g_assert(step >= c->n_moves && step < c->n_steps);
    return g_ptr_array_index(c->decision->powers, step - c->n_moves);
}

static void
record(ConsCarry *c, JsonObject *json, const char *what, int64_t now_us)
{
    g_autofree char *at = clock_format_utc(now_us);

    jobj_add_string(json, "what", what);
    jobj_add_string(json, "at", at);
    jobj_add_string(json, "plan", c->decision->id);
    g_queue_push_tail(&c->records, json);
}

static void
act(ConsCarry *c, ConsActionKind kind, size_t step)
{
    ConsAction *action = g_new(ConsAction, 1);

    action->kind = kind;
    action->step = step;
    g_queue_push_tail(&c->actions, action);
}

static bool
is_ended(const ConsStep *step)
{
    return step->state == CONS_STEP_DONE || step->state == CONS_STEP_FAILED ||
           step->state == CONS_STEP_DROPPED;
}

/* The one place where a step changes state. */
static void
enter(ConsCarry *c, size_t index, ConsStepState next, const char *why,
      int64_t now_us)
{
    ConsStep *step = &c->steps[index];
    JsonObject *json = json_object_new_object();

    g_assert(may_enter[step->state] & BIT(next));
    step->state = next;
    g_free(step->why);
    step->why = g_strdup(why);
    if (next == CONS_STEP_STARTING) {
        step->started_us = now_us;
    }
    if (is_ended(step)) {
        step->ended_us = now_us;
    }
    if (next == CONS_STEP_CHECKING) {
        json_object_put(json); /* nothing that a successor had to know */
        return;
    }
    jobj_add_u64(json, "step", index);
    jobj_add_string(json, "state", cons_step_state_name(next));
    if (why) {
        jobj_add_string(json, "why", why);
    }
    if (next == CONS_STEP_RUNNING && step->via) {
        jobj_add_string(json, "via", step->via);
    }
    if (next == CONS_STEP_DONE) {
        jobj_add_double(json, "took_s", step->took_s);
        jobj_add_double(json, "downtime_s", step->downtime_s);
        jobj_add_u64(json, "bytes", step->bytes);
    }
    record(c, json, "step", now_us);
}

/* A guest that makes a stop on the way has two moves. */
static void
find_legs(ConsCarry *c)
{
    g_autoptr(GHashTable) last = g_hash_table_new(g_str_hash, g_str_equal);

    for (size_t i = 0; i < c->n_steps; i++) {
        c->leg[i] = -1;
        if (i < c->n_moves) {
            char *guest = move_of(c, i)->guest;
            gpointer before = g_hash_table_lookup(last, guest);

            c->leg[i] = before ? GPOINTER_TO_INT(before) - 1 : -1;
            g_hash_table_insert(last, guest, GINT_TO_POINTER((int)i + 1));
        }
    }
}

static uint64_t
link_of(const ConsCarry *c, const char *host)
{
    const ConsHostSettings *told = cons_settings_host(c->settings, host);

    return told && told->link_bytes_s ? told->link_bytes_s
                                      : c->settings->link_bytes_s;
}

static guint
host_number(ConsCarry *c, GHashTable *numbers, const char *host)
{
    gpointer number = g_hash_table_lookup(numbers, host);

    if (!number) {
        c->link_bytes_s[c->n_hosts] = link_of(c, host);
        number = GUINT_TO_POINTER(++c->n_hosts);
        g_hash_table_insert(numbers, (gpointer)host, number);
    }
    return GPOINTER_TO_UINT(number) - 1;
}

static void
number_hosts(ConsCarry *c)
{
    g_autoptr(GHashTable) numbers = g_hash_table_new(g_str_hash, g_str_equal);

    c->from = g_new0(guint, c->n_moves + 1);
    c->to = g_new0(guint, c->n_moves + 1);
    c->link_bytes_s = g_new0(uint64_t, 2 * c->n_moves + 1);
    for (size_t i = 0; i < c->n_moves; i++) {
        c->from[i] = host_number(c, numbers, move_of(c, i)->from);
        c->to[i] = host_number(c, numbers, move_of(c, i)->to);
    }
}

static ConsCarry *
new_carry(ConsDecision *decision, const ConsSettings *settings)
{
    ConsCarry *c = g_new0(ConsCarry, 1);

    c->settings = settings;
    c->decision = decision;
    c->n_moves = decision->moves->len;
    c->n_steps = c->n_moves + decision->powers->len;
    c->steps = g_new0(ConsStep, c->n_steps + 1);
    c->leg = g_new(int32_t, c->n_steps + 1);
    find_legs(c);
    number_hosts(c);
    g_queue_init(&c->records);
    g_queue_init(&c->actions);
    for (size_t i = 0; i < c->n_steps; i++) {
        c->steps[i].took_s = c->steps[i].downtime_s = -1;
        c->steps[i].left_s = -1;
    }
    return c;
}

void
cons_carry_free(ConsCarry *c)
{
    if (!c) {
        return;
    }
    for (size_t i = 0; i < c->n_steps; i++) {
        g_free(c->steps[i].why);
        g_free(c->steps[i].via);
    }
    g_free(c->steps);
    g_free(c->leg);
    g_free(c->from);
    g_free(c->to);
    g_free(c->link_bytes_s);
    g_queue_clear_full(&c->records, (GDestroyNotify)jobj_unref);
    g_queue_clear_full(&c->actions, g_free);
    cons_decision_free(c->decision);
    g_free(c->stopped);
    g_free(c);
}

static void
stop(ConsCarry *c, const char *why, int64_t now_us)
{
    JsonObject *json;

    if (c->stopped || c->over) {
        return;
    }
    c->stopped = g_strdup(why);
    json = json_object_new_object();
    jobj_add_string(json, "why", why);
    record(c, json, "stopped", now_us);
}

static const GArray *
after_of(const ConsCarry *c, size_t step)
{
    return step < c->n_moves ? move_of(c, step)->after
                             : power_of(c, step)->after;
}

static bool
in_time(const ConsSettings *s, int64_t now_us)
{
    int minute = (int)(now_us / 60000000 % (24 * 60));

    for (guint i = 0; i < s->open_minutes->len; i++) {
        const int *span = (const int *)(const void *)(s->open_minutes->data +
                                                      i * 2 * sizeof(int));

        if (span[0] <= span[1] ? minute >= span[0] && minute < span[1]
                               : minute >= span[0] || minute < span[1]) {
            return true;
        }
    }
    return s->open_minutes->len == 0;
}

static bool
is_busy(const ConsStep *step)
{
    return step->state == CONS_STEP_CHECKING ||
           step->state == CONS_STEP_STARTING ||
           step->state == CONS_STEP_RUNNING;
}

/* Its share of the link is about to be free. */
static bool
is_closing(const ConsStep *step, int64_t now_us)
{
    double since_s = (double)(now_us - step->started_us) / MICRO;

    return step->state == CONS_STEP_RUNNING && step->started_us > 0 &&
           step->left_s >= 0 &&
           step->left_s <=
               CLAMP(CLOSING_SHARE * since_s, CLOSING_LEAST_S, CLOSING_MOST_S);
}

/* What a host's migrations take of it */
typedef struct Use {
    unsigned n;           /* in either direction */
    unsigned n_out, n_in; /* of those that still need the link: */
    uint64_t out_bytes_s, in_bytes_s;
} Use;

static void
use_add(const ConsCarry *c, Use *use, size_t step, bool closing)
{
    uint64_t rate_bytes_s = move_of(c, step)->rate_bytes_s;
    Use *from = &use[c->from[step]];
    Use *to = &use[c->to[step]];

    from->n++;
    to->n++;
    if (!closing) {
        from->n_out++;
        from->out_bytes_s += rate_bytes_s;
        to->n_in++;
        to->in_bytes_s += rate_bytes_s;
    }
}

static Use *
use_of_hosts(const ConsCarry *c, int64_t now_us)
{
    Use *use = g_new0(Use, c->n_hosts + 1);

    for (size_t i = 0; i < c->n_moves; i++) {
        if (is_busy(&c->steps[i])) {
            use_add(c, use, i, is_closing(&c->steps[i], now_us));
        }
    }
    return use;
}

/* As links and the configured number of migrations a host allow. */
static bool
links_allow(const ConsCarry *c, const Use *use, size_t step)
{
    uint64_t rate_bytes_s = move_of(c, step)->rate_bytes_s;
    const Use *from = &use[c->from[step]];
    const Use *to = &use[c->to[step]];
    unsigned most = c->settings->parallel;

    return (from->n_out == 0 || from->out_bytes_s + rate_bytes_s <=
                                    c->link_bytes_s[c->from[step]]) &&
           (to->n_in == 0 ||
            to->in_bytes_s + rate_bytes_s <= c->link_bytes_s[c->to[step]]) &&
           (most == 0 || (from->n < most && to->n < most));
}

/* Steps that counted on one that will not be done. */
static void
drop_followers(ConsCarry *c, int64_t now_us)
{
    bool changed = true;

    while (changed) {
        changed = false;
        for (size_t i = 0; i < c->n_steps; i++) {
            const GArray *after = after_of(c, i);
            bool lost = false;

            for (guint k = 0; k < after->len; k++) {
                ConsStepState state =
                    c->steps[g_array_index(after, guint, k)].state;

                lost = lost || state == CONS_STEP_FAILED ||
                       state == CONS_STEP_DROPPED;
            }
            if (c->leg[i] >= 0) {
                ConsStepState state = c->steps[c->leg[i]].state;

                lost = lost || state == CONS_STEP_FAILED ||
                       state == CONS_STEP_DROPPED;
            }
            if (lost && c->steps[i].state == CONS_STEP_WAITING) {
                enter(c, i, CONS_STEP_DROPPED,
                      "a step that has to be done before was not", now_us);
                changed = true;
            }
        }
    }
}

static bool
is_ready(const ConsCarry *c, size_t step)
{
    const GArray *after = after_of(c, step);

    for (guint i = 0; i < after->len; i++) {
        if (c->steps[g_array_index(after, guint, i)].state != CONS_STEP_DONE) {
            return false;
        }
    }
    return c->leg[step] < 0 || c->steps[c->leg[step]].state == CONS_STEP_DONE;
}

static void
pump(ConsCarry *c, int64_t now_us)
{
    g_autofree Use *use = NULL;
    size_t n_open = 0;

    if (c->over || c->unsure) {
        return;
    }
    drop_followers(c, now_us);
    use = use_of_hosts(c, now_us);
    for (size_t i = 0; i < c->n_steps; i++) {
        ConsStep *step = &c->steps[i];

        if (step->state == CONS_STEP_WAITING && c->stopped) {
            enter(c, i, CONS_STEP_DROPPED, "the plan was stopped", now_us);
        }
        if (step->state == CONS_STEP_WAITING && is_ready(c, i) &&
            in_time(c->settings, now_us)) {
            if (i >= c->n_moves) {
                enter(c, i, CONS_STEP_STARTING, NULL, now_us);
                act(c, CONS_ACTION_POWER, i);
            } else if (links_allow(c, use, i)) {
                use_add(c, use, i, false);
                enter(c, i, CONS_STEP_CHECKING, NULL, now_us);
                act(c, CONS_ACTION_CHECK, i);
            }
        }
        n_open += !is_ended(step);
    }
    if (n_open == 0) {
        JsonObject *json = json_object_new_object();

        if (c->stopped) {
            jobj_add_string(json, "why", c->stopped);
        }
        c->over = true;
        record(c, json, "over", now_us);
        act(c, CONS_ACTION_OVER, 0);
    }
}

ConsCarry *
cons_carry_new(ConsDecision *decision, const ConsSettings *settings,
               int64_t now_us)
{
    ConsCarry *c = new_carry(decision, settings);
    JsonObject *json = json_object_new_object();

    jobj_add(json, "decision", cons_decision_to_json(decision));
    record(c, json, "plan", now_us);
    pump(c, now_us);
    return c;
}

/* The state that a record tells; those of a running step need no order. */
static bool
replay_step(ConsCarry *c, JsonObject *json, GError **error)
{
    uint64_t index;
    const char *name, *why = NULL, *at = NULL, *via = NULL;
    int64_t at_us = 0;
    ConsStep *step;
    int state = 0;

    if (!jobj_get_u64(json, "step", &index) || index >= c->n_steps ||
        !jobj_get_string(json, "state", &name) ||
        !jobj_get_string(json, "at", &at) ||
        !clock_parse_utc(at, &at_us, NULL)) {
        g_set_error(error, CONS_ERROR, CONS_ERROR_SYNTAX,
                    "a record of a step without step, state or time");
        return false;
    }
    while (state < CONS_N_STEP_STATES &&
           strcmp(name, cons_step_state_name((ConsStepState)state)) != 0) {
        state++;
    }
    if (state == CONS_N_STEP_STATES) {
        g_set_error(error, CONS_ERROR, CONS_ERROR_SYNTAX,
                    "state: \"%s\" is not known", name);
        return false;
    }
    step = &c->steps[index];
    step->state =
        state == CONS_STEP_CHECKING ? CONS_STEP_WAITING : (ConsStepState)state;
    jobj_get_string(json, "why", &why);
    g_free(step->why);
    step->why = g_strdup(why);
    if (jobj_get_string(json, "via", &via)) {
        g_free(step->via);
        step->via = g_strdup(via);
        if (state == CONS_STEP_RUNNING) {
            step->started_us = at_us;
        }
    }
    if (state == CONS_STEP_STARTING) {
        step->started_us = at_us;
    }
    if (is_ended(step)) {
        step->ended_us = at_us;
        jobj_get_double(json, "took_s", &step->took_s);
        jobj_get_double(json, "downtime_s", &step->downtime_s);
        jobj_get_u64(json, "bytes", &step->bytes);
    }
    return true;
}

ConsCarry *
cons_carry_new_from(const GPtrArray *records, const ConsSettings *settings,
                    GError **error)
{
    g_autoptr(ConsCarry) c = NULL;
    ConsDecision *decision;
    JsonObject *plan = records->len
                           ? jobj_get(g_ptr_array_index(records, 0), "decision")
                           : NULL;

    if (!plan) {
        g_set_error(error, CONS_ERROR, CONS_ERROR_SYNTAX,
                    "the first record of a plan is not the plan");
        return NULL;
    }
    decision = cons_decision_from_json(plan, error);
    if (!decision) {
        g_prefix_error(error, "decision: ");
        return NULL;
    }
    c = new_carry(decision, settings);
    for (guint i = 1; i < records->len; i++) {
        JsonObject *json = g_ptr_array_index(records, i);
        const char *what = "", *why = NULL;

        jobj_get_string(json, "what", &what);
        if (strcmp(what, "step") == 0) {
            if (!replay_step(c, json, error)) {
                return NULL;
            }
        } else if (strcmp(what, "stopped") == 0) {
            g_free(c->stopped);
            jobj_get_string(json, "why", &why);
            c->stopped = g_strdup(why ? why : "stopped");
        } else if (strcmp(what, "over") == 0) {
            c->over = true;
        }
    }
    c->unsure = !c->over;
    return g_steal_pointer(&c);
}

/* Does @host, as far as @cluster knows, still answer? */
static bool
is_up(const Cluster *cluster, const char *name)
{
    int32_t host = cluster_find_host(cluster, name);

    return host >= 0 &&
           cluster_host(cluster, (guint)host)->state == CLUSTER_HOST_UP;
}

static void
reconcile_move(ConsCarry *c, size_t i, const Cluster *cluster, int64_t now_us)
{
    const ConsMove *move = move_of(c, i);
    int32_t index = cluster_find_guest(cluster, move->guest);
    const ClusterGuest *guest =
        index >= 0 ? cluster_guest(cluster, (guint)index) : NULL;
    const char *host =
        guest ? cluster_host(cluster, (guint)guest->host)->name : "";

    if (!guest || guest->gone) {
        enter(c, i, CONS_STEP_FAILED,
              guest ? "its host does not answer" : "the guest is gone", now_us);
        stop(c, "a guest that was on its way is not to be found", now_us);
    } else if (strcmp(host, move->to) == 0 ||
               (guest->moving && strcmp(host, move->from) == 0)) {
        /* of one that has ended libvirt still knows what it took */
        if (c->steps[i].state == CONS_STEP_STARTING) {
            enter(c, i, CONS_STEP_RUNNING, NULL, now_us);
        }
        act(c, CONS_ACTION_ADOPT, i);
    } else if (strcmp(host, move->from) == 0) {
        /* it had not begun, or came to nothing: the guest stands still */
        enter(c, i, CONS_STEP_WAITING, NULL, now_us);
    } else {
        enter(c, i, CONS_STEP_DROPPED, "somebody else moved the guest", now_us);
    }
}

void
cons_carry_reconcile(ConsCarry *c, const Cluster *cluster, int64_t now_us)
{
    if (!c->unsure) {
        return;
    }
    c->unsure = false;
    for (size_t i = 0; i < c->n_steps; i++) {
        if (c->steps[i].state != CONS_STEP_STARTING &&
            c->steps[i].state != CONS_STEP_RUNNING) {
            continue;
        }
        if (i < c->n_moves) {
            reconcile_move(c, i, cluster, now_us);
        } else if (is_up(cluster, power_of(c, i)->host) == power_of(c, i)->on) {
            enter(c, i, CONS_STEP_DONE, NULL, now_us);
        } else {
            enter(c, i, CONS_STEP_WAITING, NULL, now_us);
        }
    }
    cons_carry_observe(c, cluster, now_us);
}

static ConsStep *
step_in(ConsCarry *c, size_t step, unsigned states)
{
    return step < c->n_steps && (BIT(c->steps[step].state) & states) &&
                   !c->unsure
               ? &c->steps[step]
               : NULL;
}

void
cons_carry_checked(ConsCarry *c, size_t step, const char *refused,
                   int64_t now_us)
{
    if (!step_in(c, step, BIT(CONS_STEP_CHECKING))) {
        return;
    }
    if (refused) {
        g_autofree char *why =
            g_strdup_printf("%s: %s", move_of(c, step)->guest, refused);

        enter(c, step, CONS_STEP_DROPPED, refused, now_us);
        stop(c, why, now_us);
    } else if (c->stopped) {
        enter(c, step, CONS_STEP_DROPPED, "the plan was stopped", now_us);
    } else {
        enter(c, step, CONS_STEP_STARTING, NULL, now_us);
        act(c, CONS_ACTION_START, step);
    }
    pump(c, now_us);
}

void
cons_carry_started(ConsCarry *c, size_t step, const char *via, int64_t now_us)
{
    ConsStep *s = step_in(c, step, BIT(CONS_STEP_STARTING));

    if (s) {
        if (via) { /* what it has waited there is not the migration's */
            g_free(s->via);
            s->via = g_strdup(via);
            s->started_us = now_us;
        }
        enter(c, step, CONS_STEP_RUNNING, NULL, now_us);
        pump(c, now_us);
    }
}

/* A move that takes much longer than was forecast: what follows was planned
 * for another network. */
static void
look_if_late(ConsCarry *c, size_t step, double took_s, int64_t now_us)
{
    double forecast_s = step < c->n_moves ? move_of(c, step)->time_s : 0;
    double factor = c->settings->surprise;

    if (forecast_s > 0 && factor > 0 && took_s > factor * forecast_s &&
        took_s > forecast_s + LATE_S) {
        g_autofree char *why = g_strdup_printf(
            "%s: %.0f s instead of the %.0f s forecast, more than %.3g times",
            move_of(c, step)->guest, took_s, forecast_s, factor);

        stop(c, why, now_us);
    }
}

void
cons_carry_progress(ConsCarry *c, size_t step, double progress, uint64_t bytes,
                    double left_s, int64_t now_us)
{
    ConsStep *s =
        step_in(c, step, BIT(CONS_STEP_STARTING) | BIT(CONS_STEP_RUNNING));

    if (!s) {
        return;
    }
    s->progress = progress;
    s->bytes = bytes;
    s->left_s = left_s;
    if (s->started_us > 0) {
        look_if_late(c, step, (double)(now_us - s->started_us) / MICRO, now_us);
    }
    pump(c, now_us);
}

void
cons_carry_done(ConsCarry *c, size_t step, double took_s, double downtime_s,
                uint64_t bytes, int64_t now_us)
{
    ConsStep *s =
        step_in(c, step, BIT(CONS_STEP_STARTING) | BIT(CONS_STEP_RUNNING));

    if (!s) {
        return;
    }
    s->took_s = took_s;
    s->downtime_s = downtime_s;
    s->bytes = bytes;
    s->progress = 1;
    enter(c, step, CONS_STEP_DONE, NULL, now_us);
    look_if_late(c, step, took_s, now_us);
    pump(c, now_us);
}

void
cons_carry_failed(ConsCarry *c, size_t step, const char *why, int64_t now_us)
{
    g_autofree char *text = NULL;

    if (!step_in(c, step, BIT(CONS_STEP_STARTING) | BIT(CONS_STEP_RUNNING))) {
        return;
    }
    text = g_strdup_printf("%s: %s",
                           step < c->n_moves ? move_of(c, step)->guest
                                             : power_of(c, step)->host,
                           why);
    enter(c, step, CONS_STEP_FAILED, why, now_us);
    stop(c, text, now_us);
    pump(c, now_us);
}

/* Did a step of this guest end after the snapshot was begun, or is one on its
 * way? Then the snapshot says nothing of where it should be. */
static bool
is_in_flux(const ConsCarry *c, size_t step, const Cluster *cluster)
{
    for (int32_t i = c->leg[step]; i >= 0; i = c->leg[i]) {
        if (c->steps[i].state != CONS_STEP_DONE ||
            c->steps[i].ended_us >= cluster->at_us) {
            return true;
        }
    }
    return false;
}

static void
observe_move(ConsCarry *c, size_t i, const Cluster *cluster, int64_t now_us)
{
    const ConsMove *move = move_of(c, i);
    int32_t index = cluster_find_guest(cluster, move->guest);
    const ClusterGuest *guest =
        index >= 0 ? cluster_guest(cluster, (guint)index) : NULL;
    const char *host;

    if (is_in_flux(c, i, cluster)) {
        return;
    }
    if (!guest) {
        enter(c, i, CONS_STEP_DROPPED, "the guest is gone", now_us);
        return;
    }
    host = cluster_host(cluster, (guint)guest->host)->name;
    if (!is_up(cluster, move->to) || guest->gone) {
        g_autofree char *why = g_strdup_printf("host %s does not answer",
                                               guest->gone ? host : move->to);

        enter(c, i, CONS_STEP_DROPPED, why, now_us);
        stop(c, why, now_us);
    } else if (strcmp(host, move->to) == 0) {
        enter(c, i, CONS_STEP_DONE, "somebody else moved it there", now_us);
    } else if (strcmp(host, move->from) != 0) {
        enter(c, i, CONS_STEP_DROPPED, "somebody else moved the guest", now_us);
    }
}

void
cons_carry_observe(ConsCarry *c, const Cluster *cluster, int64_t now_us)
{
    if (c->unsure || c->over) {
        return;
    }
    for (size_t i = 0; i < c->n_moves; i++) {
        ConsStep *step = &c->steps[i];

        if (step->state == CONS_STEP_WAITING) {
            observe_move(c, i, cluster, now_us);
        } else if (step->state == CONS_STEP_RUNNING && step->started_us > 0) {
            look_if_late(c, i, (double)(now_us - step->started_us) / MICRO,
                         now_us);
        }
    }
    pump(c, now_us);
}

void
cons_carry_stop(ConsCarry *c, const char *why, bool cancel, int64_t now_us)
{
    stop(c, why, now_us);
    for (size_t i = 0; cancel && i < c->n_moves; i++) {
        if (c->steps[i].state == CONS_STEP_STARTING ||
            c->steps[i].state == CONS_STEP_RUNNING) {
            act(c, CONS_ACTION_CANCEL, i);
        }
    }
    pump(c, now_us);
}

JsonObject *
cons_carry_next_record(ConsCarry *c)
{
    return g_queue_pop_head(&c->records);
}

bool
cons_carry_next_action(ConsCarry *c, ConsAction *action)
{
    g_autofree ConsAction *next = g_queue_pop_head(&c->actions);

    if (next) {
        *action = *next;
    }
    return next != NULL;
}

const ConsDecision *
cons_carry_decision(const ConsCarry *c)
{
    return c->decision;
}

size_t
cons_carry_steps(const ConsCarry *c)
{
    return c->n_steps;
}

const ConsStep *
cons_carry_step(const ConsCarry *c, size_t step)
{
    g_assert(step < c->n_steps);
    return &c->steps[step];
}

bool
cons_carry_is_over(const ConsCarry *c)
{
    return c->over;
}

const char *
cons_carry_stopped(const ConsCarry *c)
{
    return c->stopped;
}

JsonObject *
cons_carry_to_json(const ConsCarry *c)
{
    JsonObject *json = json_object_new_object();
    JsonObject *steps = json_object_new_array();

    jobj_add(json, "plan", cons_decision_to_json(c->decision));
    for (size_t i = 0; i < c->n_steps; i++) {
        const ConsStep *step = &c->steps[i];
        JsonObject *one = json_object_new_object();
        g_autofree char *from =
            step->started_us ? clock_format_utc(step->started_us) : NULL;
        g_autofree char *to =
            step->ended_us ? clock_format_utc(step->ended_us) : NULL;

        jobj_add_string(one, "state", cons_step_state_name(step->state));
        jobj_add_string(one, "why", step->why);
        jobj_add_string(one, "via", step->via);
        jobj_add_string(one, "started", from);
        jobj_add_string(one, "ended", to);
        jobj_add_double(one, "progress", step->progress);
        jobj_add_double(one, "took_s", step->took_s < 0 ? NAN : step->took_s);
        jobj_add_double(one, "downtime_s",
                        step->downtime_s < 0 ? NAN : step->downtime_s);
        jobj_add_u64(one, "bytes", step->bytes);
        json_object_array_add(steps, one);
    }
    jobj_add(json, "steps", steps);
    jobj_add_bool(json, "over", c->over);
    jobj_add_string(json, "stopped", c->stopped);
    return json;
}
