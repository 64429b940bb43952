/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * decide-mend.c - overload, evacuation, broken rules: as few moves as will do
 *
 * First by hand, for that is what can be explained: of an overloaded host goes
 * the cheapest guest that is enough by itself, else the largest that finds room,
 * and so on. The planner's search mends what that leaves, and makes room by
 * moving others if it has to. Only guests that are concerned may move at first.
 */
#include <math.h>
#include <string.h>

#include "consolidate/decide-priv.h"

#define MICRO 1e6

static bool
concerned(const Decider *d, guint guest, GHashTable *ruled)
{
    int32_t home = d->home[guest];

    return d->relieve[home] || d->evacuate[home] ||
           (ruled &&
            g_hash_table_contains(ruled, cluster_guest(d->c, guest)->name));
}

static bool
may_move(const Decider *d, guint guest)
{
    return !d->stuck[guest] &&
           (!d->cooling[guest] || d->evacuate[d->home[guest]]);
}

/* Members of groups, and guests with a list of hosts */
static GHashTable *
ruled_guests(const Decider *d)
{
    GHashTable *ruled = g_hash_table_new(g_str_hash, g_str_equal);

    for (guint i = 0; i < d->s->groups->len; i++) {
        const ConsGroupSettings *group = g_ptr_array_index(d->s->groups, i);

        for (char **name = group->members; group->rules->len && *name; name++) {
            g_hash_table_add(ruled, *name);
        }
    }
    for (guint i = 0; i < d->c->groups->len; i++) {
        const ConsGroupSettings *group = g_ptr_array_index(d->c->groups, i);

        for (char **name = group->members; *name; name++) {
            g_hash_table_add(ruled, *name);
        }
    }
    for (guint i = 0; i < d->s->guests->len; i++) {
        const ConsGuestSettings *guest = g_ptr_array_index(d->s->guests, i);

        if (guest->hosts[0] || guest->requires[0]) {
            g_hash_table_add(ruled, guest->name);
        }
    }
    return ruled;
}

/* The host where @guest adds least, of equal ones the fullest if guests are to be
 * packed, and one to which nobody comes anyway (@comes), for that takes longer;
 * PLAN_NOWHERE if it breaks more everywhere than it does at home */
static int32_t
best_host(const Problem *p, const PlanState *state, int32_t guest, bool pack,
          const bool *comes, PlanScore *best)
{
    const PlanModel *m = p->model;
    int32_t chosen = PLAN_NOWHERE;
    int32_t here = plan_state_hosts(state)[guest];
    double fullest = -2;

    for (int32_t h = 0; h < (int32_t)m->n_hosts; h++) {
        PlanScore delta;
        double full = 0;

        if (h == here || !plan_model_allows(m, guest, h) ||
            !plan_state_fits(state, guest, h)) {
            continue;
        }
        delta = plan_state_delta(state, guest, h);
        if (delta.violation > 0) {
            continue;
        }
        if (pack) { /* to the watt */
            delta.cost = (int64_t)floor((double)delta.cost / MICRO);
            full = decide_fullness(p, state, h) - (comes[h] ? 2 : 0);
        }
        if (chosen == PLAN_NOWHERE || plan_score_less(delta, *best) ||
            (full > fullest && !plan_score_less(*best, delta))) {
            chosen = h;
            *best = delta;
            fullest = full;
        }
    }
    return chosen;
}

static int64_t
demand(const PlanModel *m, int32_t guest)
{
    return m->demand[(size_t)guest * m->n_resources + PROBLEM_CPU];
}

/* One guest goes off @host; false if none can */
static bool
relieve_once(const Problem *p, PlanState *state, int32_t host, bool pack,
             bool *comes)
{
    const PlanModel *m = p->model;
    size_t n, n_own;
    const int32_t *guests = plan_state_guests(state, host, &n);
    g_autofree int32_t *own = g_memdup2(guests, n * sizeof(int32_t));
    int64_t need = plan_state_use(state, host)[PROBLEM_CPU] -
                   m->limit[(size_t)host * m->n_resources + PROBLEM_CPU];
    int32_t guest = PLAN_NOWHERE, to = PLAN_NOWHERE;
    bool enough = false;

    n_own = n;
    if (need <= 0) {
        return false;
    }
    for (size_t i = 0; i < n_own; i++) {
        bool enough_i = demand(m, own[i]) >= need;
        PlanScore score;
        int32_t there;

        if (m->guests[own[i]].pinned || (enough && !enough_i)) {
            continue;
        }
        if (guest != PLAN_NOWHERE && enough == enough_i &&
            (enough && pack ? demand(m, own[i]) >= demand(m, guest)
             : enough
                 ? m->guests[own[i]].move_cost >= m->guests[guest].move_cost
                 : demand(m, own[i]) <= demand(m, guest))) {
            continue;
        }
        there = best_host(p, state, own[i], pack, comes, &score);
        if (there != PLAN_NOWHERE) {
            guest = own[i];
            to = there;
            enough = enough_i;
        }
    }
    if (guest == PLAN_NOWHERE) {
        return false;
    }
    plan_state_move(state, guest, to);
    comes[to] = true;
    return true;
}

static void
empty_host(const Problem *p, PlanState *state, int32_t host, bool pack,
           bool *comes)
{
    size_t n;
    const int32_t *guests = plan_state_guests(state, host, &n);
    g_autofree int32_t *own = g_memdup2(guests, n * sizeof(int32_t));

    problem_sort_larger_first(p, own, n, PROBLEM_MEMORY);
    for (size_t i = 0; i < n; i++) {
        PlanScore score;
        int32_t to = p->model->guests[own[i]].pinned
                         ? PLAN_NOWHERE
                         : best_host(p, state, own[i], pack, comes, &score);

        if (to != PLAN_NOWHERE) {
            plan_state_move(state, own[i], to);
            comes[to] = true;
        }
    }
}

typedef struct Attempt {
    bool all;     /* any guest may move, to make room */
    bool returns; /* and go back where it came from */
    bool search;  /* if it cannot be mended by hand */
} Attempt;

/* What is broken in @state and holds where all guests are now: a rule is not
 * mended by breaking another one. @judge is a state of the same model. */
static int64_t
newly_broken(const PlanState *state, const PlanState *judge)
{
    int64_t sum = 0;

    for (size_t i = 0; i < plan_state_terms(state); i++) {
        bool hard;
        int64_t now, before;

        plan_state_term(state, i, &hard, &now);
        plan_state_term(judge, i, &hard, &before);
        sum += hard ? MAX(now - before, 0) : 0;
    }
    return sum;
}

/* Return: what is still broken, and once more what is newly broken */
static int64_t
attempt(Decider *d, const Attempt *how, GHashTable *ruled, ConsTriggerKind kind,
        int64_t least)
{
    g_autofree bool *free = g_new0(bool, d->n_guests + 1);
    g_autoptr(Problem) p = NULL;
    g_autoptr(PlanState) state = NULL, now = NULL;
    PlanLimits limits = decide_limits(d, how->all ? 1 : 0.5);
    g_autofree bool *comes = g_new0(bool, d->n_hosts + 1);
    bool pack = d->s->underload > 0; /* empty hosts sleep */
    int64_t violation;

    for (guint g = 0; g < d->n_guests; g++) {
        free[g] = may_move(d, g) && (how->all || concerned(d, g, ruled));
    }
    p = decide_problem(d, PROBLEM_MEND, d->home, free, how->returns);
    if (!p) {
        return 0;
    }
    state = problem_state(p, d->home);
    for (int32_t h = 0; h < (int32_t)d->n_hosts; h++) {
        while (d->relieve[h] && relieve_once(p, state, h, pack, comes)) {
        }
        if (d->evacuate[h]) {
            empty_host(p, state, h, pack, comes);
        }
    }
    if (plan_state_score(state).violation > 0 && how->search) {
        plan_search_run(state, PLAN_METHOD_HILL, &limits);
    }
    if (how->search && (plan_state_score(state).violation > 0 ||
                        d->n_guests * d->n_hosts <= 4096)) {
        plan_search_run(state, PLAN_METHOD_LNS, &limits);
    }
    now = problem_state(p, d->home);
    violation = plan_state_score(state).violation + newly_broken(state, now);
    if (violation < least) {
        memcpy(d->target, d->home, d->n_guests * sizeof(int32_t));
        decide_take(d, p, state, kind);
    }
    return violation;
}

/* Nobody moved: what is broken now? */
static int64_t
violation_now(Decider *d)
{
    g_autoptr(Problem) p =
        decide_problem(d, PROBLEM_MEND, d->home, NULL, false);
    g_autoptr(PlanState) state = p ? problem_state(p, d->home) : NULL;

    return state ? plan_state_score(state).violation : 0;
}

static void
mend_once(Decider *d)
{
    Attempt attempts[] = {
        { .all = false, .returns = false },
        { .all = false, .returns = true },
        { .all = true, .returns = false },
        { .all = true, .returns = true },
    };
    bool strict = d->wants[CONS_TRIGGER_OVERLOADED];
    bool asked =
        d->wants[CONS_TRIGGER_EVACUATE] || d->wants[CONS_TRIGGER_CONSTRAINTS];
    g_autoptr(GHashTable) ruled =
        d->wants[CONS_TRIGGER_CONSTRAINTS] || d->wants[CONS_TRIGGER_REQUEST]
            ? ruled_guests(d)
            : NULL;
    ConsTriggerKind kind =
        d->wants[CONS_TRIGGER_EVACUATE]      ? CONS_TRIGGER_EVACUATE
        : strict                             ? CONS_TRIGGER_OVERLOADED
        : d->wants[CONS_TRIGGER_CONSTRAINTS] ? CONS_TRIGGER_CONSTRAINTS
                                             : CONS_TRIGGER_REQUEST;
    int64_t least = violation_now(d);

    memcpy(d->target, d->home, d->n_guests * sizeof(int32_t));
    for (size_t i = 0; i < G_N_ELEMENTS(attempts) && least > 0 && !d->failed;
         i++) {
        /* a host that is woken disturbs nobody */
        bool can_wake = strict && !asked && decide_sleeper(d) >= 0;

        d->tight = d->tight || (strict && attempts[i].all);
        if (d->tight && can_wake) {
            break;
        }
        attempts[i].search = !can_wake;
        if (!attempts[i].returns || asked) {
            least = MIN(least, attempt(d, &attempts[i], ruled, kind, least));
        }
    }
}

/* Why does @guest find no place? */
static char *
why_stuck(Decider *d, guint guest)
{
    const ClusterGuest *g = cluster_guest(d->c, guest);
    const ConsGuestSettings *told = cons_settings_guest(d->s, g->name);
    g_autoptr(Problem) p = NULL;
    g_autoptr(PlanState) state = NULL;
    size_t allowed = 0, roomy = 0;
    int64_t cores = 0, memory = 0;
    int32_t index;

    if (g->fixed) {
        return g_strdup(g->fixed);
    }
    if (g->moving) {
        return g_strdup("it is being migrated at this moment");
    }
    if (told && told->pinned) {
        return g_strdup("it is pinned by the configuration");
    }
    if (d->stuck[guest]) {
        return g_strdup_printf("its migration would stop it for longer than "
                               "the %.3g s that it allows",
                               told ? told->downtime_s : 0);
    }
    p = decide_problem(d, PROBLEM_MEND, d->home, NULL, true);
    if (!p) {
        return g_strdup("no model could be made");
    }
    state = problem_state(p, d->home);
    index = p->model_of[guest];
    for (int32_t h = 0; h < (int32_t)d->n_hosts; h++) {
        size_t at = (size_t)h * PROBLEM_N_RESOURCES;

        if (h == d->home[guest] || !plan_model_allows(p->model, index, h)) {
            continue;
        }
        allowed++;
        roomy += plan_state_fits(state, index, h);
        cores = MAX(cores, p->model->limit[at + PROBLEM_CPU] -
                               plan_state_use(state, h)[PROBLEM_CPU]);
        memory = MAX(memory, p->model->limit[at + PROBLEM_MEMORY] -
                                 plan_state_use(state, h)[PROBLEM_MEMORY]);
    }
    if (allowed == 0) {
        return g_strdup("no other host may run it");
    }
    if (roomy == 0) {
        return g_strdup_printf(
            "it takes %.1f cores and %.1f GiB, and of the %zu hosts that may "
            "run it none has both free within its reserve (at most %.1f cores, "
            "%.1f GiB)",
            (double)p->model->demand[(size_t)index * PROBLEM_N_RESOURCES] /
                1000,
            (double)p->model->demand[(size_t)index * PROBLEM_N_RESOURCES +
                                     PROBLEM_MEMORY] /
                1024,
            allowed, (double)cores / 1000, (double)memory / 1024);
    }
    return g_strdup("together with the others that have to leave it finds no "
                    "room within reserves and rules");
}

/* Is there a host that takes @guest as all others are now? */
static bool
fits_somewhere(Decider *d, const Problem *p, const PlanState *state,
               guint guest)
{
    int32_t index = p->model_of[guest];

    for (int32_t h = 0; index >= 0 && h < (int32_t)d->n_hosts; h++) {
        if (h != d->home[guest] && plan_model_allows(p->model, index, h) &&
            plan_state_fits(state, index, h)) {
            return true;
        }
    }
    return false;
}

/* All could leave, but only by breaking something else: who is to blame? Those
 * that find no room by themselves, or else the largest. */
static size_t
refuse_for_room(Decider *d, guint host)
{
    g_autoptr(Problem) p = decide_problem(d, PROBLEM_MEND, d->home, NULL, true);
    g_autoptr(PlanState) state = p ? problem_state(p, d->home) : NULL;
    uint64_t largest = 0;
    size_t n = 0;

    for (guint g = 0; g < d->n_guests; g++) {
        const ClusterGuest *guest = cluster_guest(d->c, g);

        if (d->home[g] == (int32_t)host && !guest->gone) {
            largest = MAX(largest, guest->memory_bytes);
        }
    }
    for (int round = 0; state && round < 2 && n == 0; round++) {
        for (guint g = 0; g < d->n_guests; g++) {
            const ClusterGuest *guest = cluster_guest(d->c, g);

            if (d->home[g] == (int32_t)host && !guest->gone &&
                (round == 0 ? !fits_somewhere(d, p, state, g)
                            : guest->memory_bytes == largest)) {
                g_autofree char *why = why_stuck(d, g);

                decide_refuse(d, guest->name, "cannot leave host %s: %s",
                              cluster_host(d->c, host)->name, why);
                n++;
            }
        }
    }
    return MAX(1, n);
}

/* Would something be broken that now holds, were no host to be evacuated? */
static bool
breaks_otherwise(Decider *d, const int32_t *host_of)
{
    bool *evacuate = d->evacuate;
    g_autofree bool *none = g_new0(bool, d->n_hosts + 1);
    g_autoptr(Problem) p = NULL;
    g_autoptr(PlanState) state = NULL, now = NULL;

    d->evacuate = none;
    p = decide_problem(d, PROBLEM_JUDGE, d->home, NULL, true);
    d->evacuate = evacuate;
    state = p ? problem_state(p, host_of) : NULL;
    now = p ? problem_state(p, d->home) : NULL;
    return state && newly_broken(state, now) > 0;
}

/* A host that does not get empty keeps all its guests: half an evacuation
 * serves nobody. */
static bool
refuse_evacuations(Decider *d)
{
    bool any = false;
    bool broken = breaks_otherwise(d, d->target);

    for (guint h = 0; h < d->n_hosts; h++) {
        const char *name = cluster_host(d->c, h)->name;
        size_t n_left = 0, n = 0, comes = 0;

        if (!d->evacuate[h]) {
            continue;
        }
        for (guint g = 0; g < d->n_guests; g++) {
            bool stays = d->target[g] == (int32_t)h;

            if (cluster_guest(d->c, g)->gone) {
                continue;
            }
            n += d->home[g] == (int32_t)h;
            comes += stays && d->home[g] != (int32_t)h;
            if (stays && d->home[g] == (int32_t)h) {
                g_autofree char *why = why_stuck(d, g);

                n_left++;
                decide_refuse(d, cluster_guest(d->c, g)->name,
                              "cannot leave host %s: %s", name, why);
            }
        }
        if ((comes > 0 || (broken && !any)) && n_left == 0) {
            n_left = refuse_for_room(d, h);
        }
        if (n_left > 0) {
            decide_refuse(d, name,
                          "evacuation refused: %zu of its %zu guests cannot "
                          "leave; free capacity elsewhere, or shut them down",
                          n_left, n);
            d->evacuate[h] = false;
            d->shut[h] = true;
            any = true;
        }
    }
    return any;
}

/* Where an evacuation was all that was asked for, its refusal moves nobody. */
static bool
is_anything_left(Decider *d)
{
    bool any = d->wants[CONS_TRIGGER_CONSTRAINTS] ||
               d->wants[CONS_TRIGGER_OVERLOADED] ||
               d->wants[CONS_TRIGGER_REQUEST];

    for (guint h = 0; h < d->n_hosts && !any; h++) {
        any = d->evacuate[h];
    }
    if (!any) {
        memcpy(d->target, d->home, d->n_guests * sizeof(int32_t));
    }
    return any;
}

void
decide_mend(Decider *d)
{
    bool any = d->wants[CONS_TRIGGER_CONSTRAINTS] ||
               d->wants[CONS_TRIGGER_OVERLOADED] ||
               d->wants[CONS_TRIGGER_EVACUATE] ||
               d->wants[CONS_TRIGGER_REQUEST];

    if (!any) {
        return;
    }
    do {
        mend_once(d);
    } while (!d->failed && refuse_evacuations(d) && is_anything_left(d));
    for (guint h = 0; h < d->n_hosts && !d->failed; h++) {
        bool left = false;

        for (guint g = 0; g < d->n_guests && d->relieve[h]; g++) {
            left = left ||
                   (d->home[g] == (int32_t)h && d->target[g] != (int32_t)h);
        }
        if (d->relieve[h] && !left) {
            decide_refuse(d, cluster_host(d->c, h)->name,
                          "stays overloaded: no guest of it that may move now "
                          "finds room elsewhere");
        }
    }
}
