/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * share.c - see share.h
 *
 * In four steps:
 *
 *   1. applications    what they need, all of them nine tenths of the link at
 *                      most: migrations keep theirs, or they would never end
 *   2. claims          what each migration cannot do without: a floor, and the
 *                      least that converges in time; by rank, while it lasts
 *   3. by rank         each one is decided on by its policy, others being what
 *                      those before it got and those after it claim
 *   4. the exceptions  a guest in post-copy waits for its pages and comes
 *                      before everybody; one that is about to stop gets all
 *                      that can be had, so that nobody's traffic lengthens its
 *                      blackout
 *
 *     0 --- applications --- got, by rank --- [this one] --- claims --- reserve
 *
 * Rank: priority; who can converge before who cannot; the nearer deadline;
 * guests that are not network-intensive; then the one that ends first. For two
 * migrations at half the link each send more than one after the other does:
 * pages go on getting dirty while a guest waits for bandwidth.
 *
 * The blackout. QEMU stops the guest when what remains can be sent within the
 * limit at the bandwidth of its last slice, part of which was borrowed. If
 * others take that back the guest is stopped for longer. Monitors do not
 * answer in the blackout, so the guarantee has to stand one pass before: when
 * the forecast says that with it this pass could be the last but one. The others
 * are lowered to their floors, and their ceilings to what nobody was promised,
 * until it is over, which is a matter of seconds; forecasts that prove wrong
 * may do so only a few times. It is over once everything is sent: libvirt then
 * takes a second or more to end the migration, and needs no link for that.
 *
 * Nobody falls below a hundredth of the link: a class of HTB that borrowed for
 * long is in debt, and with a tiny rate it would pay that back for minutes.
 */
#include "policy/share.h"

#include <math.h>
#include <string.h>

#include "policy/policy-priv.h"

#define WIRE_SHARE 0.95
#define FLOOR_SHARE 0.01
#define APPLICATIONS_SHARE 0.9
#define FIRST_PASS_SHARE 0.25 /* of an equal part, claimed in pass 1 */
#define STOP_LEAD_S 5.0       /* the pass before the blackout, at most */
#define LONGEST_STOP_S 10.0   /* a blackout that others make room for */
#define MOST_BOOSTS 4         /* passes that were thought the last one */
#define NEARER 0.8            /* who has most now stays ahead by so much */

static const char *const role_names[] = {
    [SHARE_ROLE_NORMAL] = "normal",      [SHARE_ROLE_HELD] = "held",
    [SHARE_ROLE_STOPPING] = "stopping",  [SHARE_ROLE_LOWERED] = "lowered",
    [SHARE_ROLE_POSTCOPY] = "post-copy",
};
G_STATIC_ASSERT(G_N_ELEMENTS(role_names) == SHARE_N_ROLES);

/* A session on its way through the steps. */
typedef struct Seat {
    const ShareSession *session;
    ShareGrant *grant;
    ShareMemory own; /* where the caller keeps none */
    ShareMemory *memory;
    bool shaped;
    bool intensive;
    SharePhase phase; /* as counts here: a blackout does not last for ever */
    double floor;
    double application; /* claimed for the guest's own class */
    double claim;       /* floor included, application not */
    double got;         /* guarantee, once decided */
    double got_application;
} Seat;

typedef struct Table {
    const ShareLink *link;
    double fixed;     /* reserve and applications */
    double available; /* for migrations and their guests' own classes */
    Seat *seats;
    Seat **order;  /* shaped ones by rank */
    size_t n;      /* of them */
    double got;    /* by those that were decided on */
    double *after; /* claimed by those behind each rank */
} Table;

const char *
share_role_name(ShareRole role)
{
    g_assert((unsigned)role < SHARE_N_ROLES);
    return role_names[role];
}

/* Scale forecast needs alike, so that they fit into @room */
static void
grant_applications(const ShareLink *link, const ShareApplication *applications,
                   size_t n, ShareApplicationGrant *grants, double *sum)
{
    double room = fmax(link->link_bytes_s - link->reserve_bytes_s, 0.0) *
                  APPLICATIONS_SHARE;
    double fixed = 0.0, forecast = 0.0, fixed_scale = 1.0, scale = 1.0;

    for (size_t i = 0; i < n; i++) {
        *(applications[i].fixed ? &fixed : &forecast) +=
            fmax(applications[i].need_bytes_s, 0.0);
    }
    if (fixed > room) {
        fixed_scale = room / fixed;
    }
    if (forecast > 0.0 && fixed * fixed_scale + forecast > room) {
        scale = fmax(room - fixed * fixed_scale, 0.0) / forecast;
    }
    *sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        double need = fmax(applications[i].need_bytes_s, 0.0);
        double rate = need * (applications[i].fixed ? fixed_scale : scale);

        grants[i] = (ShareApplicationGrant){
            .guarantee_bytes_s = (uint64_t)rate,
            .ceiling_bytes_s = (uint64_t)fmax(link->link_bytes_s, 0.0),
            .is_short = rate < need - 1.0,
        };
        *sum += (double)grants[i].guarantee_bytes_s;
    }
}

static double
left_s(const ShareSession *session)
{
    return session->settings->deadline_s.known
               ? session->settings->deadline_s.value - session->input.elapsed_s
               : INFINITY;
}

static void
migration_at(const ShareSession *session, double guarantee, bool brief,
             MigrationForecast *forecast)
{
    double left = left_s(session);
    MigrationQuery query = {
        .pages_to_send = session->input.pages_to_send,
        .bandwidth_bytes_s = fmax(guarantee, POLICY_LEAST_BYTES_S) * WIRE_SHARE,
        .downtime_limit_s = session->settings->downtime_limit_s,
        .deadline_s = isfinite(left) && left > 0.0 ? left : 0.0,
        .brief = brief,
    };

    forecaster_migration(session->forecaster, &query, forecast);
}

/* What it takes to converge, and how far the end is with all there is: asked
 * once in an iteration, and again if there is more or less to be had. */
static void
ask(const Table *table, Seat *seat)
{
    ShareMemory *memory = seat->memory;
    double all = fmax(table->available - seat->application, 0.0);
    MigrationForecast forecast;

    if (memory->asked && memory->iter == seat->session->input.iter &&
        fabs(all - memory->available_bytes_s) <=
            seat->session->settings->change_fraction *
                memory->available_bytes_s) {
        return;
    }
    memory->asked = true;
    memory->iter = seat->session->input.iter;
    memory->available_bytes_s = all;
    memory->least_bytes_s = INFINITY;
    memory->alone_s = INFINITY;
    memory->costed = false;
    migration_at(seat->session, all, false, &forecast);
    if (!forecast.verdict_known) {
        return;
    }
    memory->alone_s = forecast.converges ? forecast.time_s.value : INFINITY;
    memory->least_bytes_s =
        known_or(forecast.least_bandwidth_bytes_s, INFINITY) / WIRE_SHARE;
}

/* With nothing learnt yet the verdict is open. */
static bool
is_hopeless(const Seat *seat)
{
    return forecaster_rows(seat->session->forecaster) > 0 &&
           seat->memory->least_bytes_s > seat->memory->available_bytes_s;
}

static int
phase_rank(SharePhase phase)
{
    return phase == SHARE_POSTCOPY   ? 0
           : phase == SHARE_BLACKOUT ? 1
           : phase == SHARE_PRECOPY  ? 2
                                     : 3;
}

static int
compare_doubles(double a, double b)
{
    return (a > b) - (a < b);
}

/* The end, with some credit for who is served already: two of the same length
 * do not take turns. */
static double
nearness(const Seat *seat)
{
    double now = (double)seat->session->input.guarantee_bytes_s;
    bool ahead = now > 0.5 * seat->memory->available_bytes_s;

    return seat->memory->alone_s * (ahead ? NEARER : 1.0);
}

static int
compare_rank(gconstpointer left, gconstpointer right, gpointer user)
{
    const Seat *a = *(Seat *const *)left, *b = *(Seat *const *)right;
    int by = phase_rank(a->phase) - phase_rank(b->phase);

    if (by == 0) {
        by = (int)a->session->held - (int)b->session->held;
    }
    if (by == 0) {
        by = (b->session->priority > a->session->priority) -
             (b->session->priority < a->session->priority);
    }
    if (by == 0) {
        by = (int)is_hopeless(a) - (int)is_hopeless(b);
    }
    if (by == 0) {
        by = compare_doubles(left_s(a->session), left_s(b->session));
    }
    if (by == 0) {
        by = (int)a->intensive - (int)b->intensive;
    }
    if (by == 0) {
        by = compare_doubles(nearness(a), nearness(b));
    }
    if (by == 0) {
        by = (a->session->id > b->session->id) -
             (a->session->id < b->session->id);
    }
    return by != 0 ? by : (a > b) - (a < b);
}

/* A guest that is stopped for so long is not being switched over. */
static SharePhase
phase_of(const Seat *seat)
{
    const ShareSession *session = seat->session;
    ShareMemory *memory = seat->memory;

    if (session->phase != SHARE_BLACKOUT) {
        memory->stopped = false;
        return session->phase;
    }
    if (!memory->stopped) {
        memory->stopped = true;
        memory->stopped_at_s = session->input.elapsed_s;
    }
    return session->input.elapsed_s - memory->stopped_at_s > LONGEST_STOP_S
               ? SHARE_PRECOPY
               : SHARE_BLACKOUT;
}

/* Everybody who is shaped sits down, with a floor. */
static void
take_seats(Table *table, const ShareSession *sessions, size_t n,
           ShareGrant *grants)
{
    double link = fmax(table->link->link_bytes_s, 0.0), sum = 0.0;

    for (size_t i = 0; i < n; i++) {
        const ShareSession *session = &sessions[i];
        Seat *seat = &table->seats[i];

        grants[i] = (ShareGrant){ .decision = { .step = POLICY_STEP_KEEP } };
        *seat = (Seat){ .session = session, .grant = &grants[i] };
        seat->memory = session->memory ? session->memory : &seat->own;
        seat->shaped = session->settings->kind != POLICY_NONE;
        if (!seat->shaped) {
            policy_reason(&grants[i].decision,
                          "policy none touches no traffic control");
            continue;
        }
        seat->phase = phase_of(seat);
        table->order[table->n++] = seat;
    }
    for (size_t i = 0; i < table->n; i++) {
        Seat *seat = table->order[i];
        const ShareSession *session = seat->session;
        PolicyInput input = session->input;

        input.link_bytes_s = link;
        seat->intensive = policy_network_intensive(session->settings, &input);
        seat->floor = fmax(fmax(session->floor_bytes_s, FLOOR_SHARE * link),
                           POLICY_LEAST_BYTES_S);
        if (session->cap_bytes_s.known) {
            seat->floor =
                fmin(seat->floor, fmax(session->cap_bytes_s.value, 0.0));
        }
        if (seat->phase != SHARE_POSTCOPY) {
            seat->application = policy_application(session->settings, &input);
        }
        sum += seat->application;
    }
    /* As with the applications that stay. */
    if (sum > APPLICATIONS_SHARE * table->available) {
        double scale = APPLICATIONS_SHARE * table->available / sum;

        for (size_t i = 0; i < table->n; i++) {
            table->order[i]->application *= scale;
        }
        sum = APPLICATIONS_SHARE * table->available;
    }
    for (size_t i = 0; i < table->n; i++) {
        double equal = (table->available - sum) / (double)table->n;

        table->order[i]->floor = fmin(table->order[i]->floor, equal);
        table->order[i]->claim = table->order[i]->floor;
    }
}

/* By rank, who can be helped at all is. */
static void
make_claims(Table *table, bool postcopy)
{
    double left = table->available;

    for (size_t i = 0; i < table->n; i++) {
        left -= table->order[i]->floor + table->order[i]->application;
    }
    for (size_t i = 0; i < table->n; i++) {
        Seat *seat = table->order[i];
        const ShareSession *session = seat->session;
        double wants;

        if (seat->phase == SHARE_POSTCOPY || seat->phase == SHARE_SENT ||
            (seat->phase == SHARE_PRECOPY && (session->held || postcopy))) {
            continue;
        }
        if (seat->phase == SHARE_BLACKOUT) {
            wants = fmin((double)session->input.guarantee_bytes_s,
                         left + seat->floor);
        } else if (forecaster_rows(session->forecaster) == 0) {
            wants = fmin(FIRST_PASS_SHARE * table->available / (double)table->n,
                         left + seat->floor);
        } else {
            wants = seat->memory->least_bytes_s * session->settings->margin;
        }
        if (session->cap_bytes_s.known) {
            wants = fmin(wants, session->cap_bytes_s.value);
        }
        if (wants > seat->floor && wants - seat->floor <= left) {
            left -= wants - seat->floor;
            seat->claim = wants;
        }
    }
}

static void
sum_claims(Table *table)
{
    double sum = 0.0;

    for (size_t i = table->n; i-- > 0;) {
        table->after[i] = sum;
        sum += table->order[i]->claim + table->order[i]->application;
    }
}

/* What others were granted or, behind it, claim; of the one whose turn it is */
static double
others_of(const Table *table, size_t rank)
{
    return table->fixed + table->got + table->after[rank];
}

/* A decision of an earlier call is good as long as its iteration lasts and
 * what others have has hardly changed. */
static bool
still_holds(const Seat *seat, double others, double link)
{
    const ShareMemory *memory = seat->memory;
    const PolicyInput *input = &seat->session->input;

    return memory->decided && memory->decided_iter == input->iter &&
           memory->decision.guarantee_bytes_s == input->guarantee_bytes_s &&
           memory->decision.ceiling_bytes_s == input->ceiling_bytes_s &&
           memory->decided_application_bytes_s ==
               policy_application(seat->session->settings, input) &&
           fabs(others - memory->decided_others_bytes_s) <=
               seat->session->settings->change_fraction * link &&
           (double)memory->decision.guarantee_bytes_s +
                   (double)memory->decision.application_bytes_s <=
               link - others;
}

static void
decide_by_policy(const Table *table, size_t rank)
{
    Seat *seat = table->order[rank];
    const ShareSession *session = seat->session;
    PolicyDecision *decision = &seat->grant->decision;
    PolicyInput input = session->input;
    double least;

    input.link_bytes_s = table->link->link_bytes_s;
    input.others_bytes_s = others_of(table, rank);
    seat->grant->others_bytes_s = input.others_bytes_s;
    if (still_holds(seat, input.others_bytes_s, input.link_bytes_s)) {
        *decision = seat->memory->decision;
        decision->step = decision->step == POLICY_STEP_SET ? POLICY_STEP_KEEP
                                                           : decision->step;
        return;
    }
    policy_decide(session->settings, session->forecaster, &input, decision);
    least = fmin(seat->floor, policy_available(&input) -
                                  (double)decision->application_bytes_s);
    if ((double)decision->guarantee_bytes_s < floor(least)) {
        decision->guarantee_bytes_s = (uint64_t)least;
    }
    if (session->cap_bytes_s.known) {
        uint64_t cap =
            (uint64_t)fmax(session->cap_bytes_s.value, POLICY_LEAST_BYTES_S);

        decision->guarantee_bytes_s = MIN(decision->guarantee_bytes_s, cap);
        decision->ceiling_bytes_s = MIN(decision->ceiling_bytes_s, cap);
    }
    seat->memory->decided = true;
    seat->memory->decided_iter = input.iter;
    seat->memory->decided_others_bytes_s = input.others_bytes_s;
    seat->memory->decided_application_bytes_s =
        policy_application(session->settings, &input);
    seat->memory->decision = *decision;
}

static Known
ask_cost(const Seat *seat)
{
    MigrationForecast forecast;

    if (forecaster_rows(seat->session->forecaster) == 0 ||
        !isfinite(seat->memory->alone_s)) {
        return unknown();
    }
    migration_at(seat->session, seat->floor, true, &forecast);
    if (!forecast.verdict_known) {
        return unknown();
    }
    return known(forecast.converges
                     ? fmax(forecast.time_s.value - seat->memory->alone_s, 0.0)
                     : INFINITY);
}

/* Later by how much, if it went on at its floor to the end: asked once in an
 * iteration, as what it could do alone is */
static Known
cost_at_floor(const Seat *seat)
{
    ShareMemory *memory = seat->memory;

    if (!memory->costed || memory->costed_iter != seat->session->input.iter ||
        memory->costed_bytes_s != seat->floor) {
        memory->costed = true;
        memory->costed_iter = seat->session->input.iter;
        memory->costed_bytes_s = seat->floor;
        memory->cost_s = ask_cost(seat);
    }
    return memory->cost_s;
}

static void
set(Seat *seat, ShareRole role, double guarantee, double ceiling,
    double application)
{
    PolicyDecision *decision = &seat->grant->decision;
    const PolicyInput *now = &seat->session->input;

    seat->grant->role = role;
    decision->guarantee_bytes_s = (uint64_t)fmax(guarantee, 0.0);
    decision->ceiling_bytes_s =
        MAX((uint64_t)fmax(ceiling, 0.0), decision->guarantee_bytes_s);
    decision->application_bytes_s = (uint64_t)fmax(application, 0.0);
    decision->step = decision->guarantee_bytes_s == now->guarantee_bytes_s &&
                             decision->ceiling_bytes_s == now->ceiling_bytes_s
                         ? POLICY_STEP_KEEP
                         : POLICY_STEP_SET;
}

static void
decide_held(const Table *table, size_t rank)
{
    Seat *seat = table->order[rank];
    double link = table->link->link_bytes_s;
    double ceiling = seat->session->keep_ceiling ? link : seat->floor;

    set(seat, SHARE_ROLE_HELD, seat->floor, ceiling, seat->application);
    seat->grant->others_bytes_s = others_of(table, rank);
    seat->grant->cost_s = cost_at_floor(seat);
    if (!seat->grant->cost_s.known) {
        policy_reason(&seat->grant->decision,
                      "held at %.1f Mbit/s; what that costs is not known yet",
                      policy_mbit(seat->floor));
    } else if (isinf(seat->grant->cost_s.value)) {
        policy_reason(&seat->grant->decision,
                      "held at %.1f Mbit/s, at which it will not end",
                      policy_mbit(seat->floor));
    } else {
        policy_reason(&seat->grant->decision,
                      "held at %.1f Mbit/s; to the end that would cost it "
                      "%.0f s",
                      policy_mbit(seat->floor), seat->grant->cost_s.value);
    }
}

/* The link is the others'. What may wait in its socket still gets through. */
static void
decide_sent(const Table *table, size_t rank)
{
    Seat *seat = table->order[rank];

    set(seat, SHARE_ROLE_NORMAL, seat->floor, table->link->link_bytes_s, 0.0);
    seat->grant->others_bytes_s = others_of(table, rank);
    policy_reason(&seat->grant->decision,
                  "%.1f Mbit/s, for all is sent and libvirt ends it",
                  policy_mbit(seat->floor));
}

static void
decide_postcopy(const Table *table, size_t rank, double share)
{
    Seat *seat = table->order[rank];

    set(seat, SHARE_ROLE_POSTCOPY, fmax(share, seat->floor),
        table->link->link_bytes_s, 0.0);
    seat->grant->others_bytes_s = others_of(table, rank);
    policy_reason(&seat->grant->decision,
                  "post-copy: the guest waits for its pages, so the stream "
                  "gets all that is not promised to others, %.1f Mbit/s",
                  policy_mbit((double)seat->grant->decision.guarantee_bytes_s));
}

static void
keep_blackout(const Table *table, size_t rank)
{
    Seat *seat = table->order[rank];

    set(seat, SHARE_ROLE_STOPPING, seat->claim, table->link->link_bytes_s,
        seat->application);
    seat->grant->others_bytes_s = others_of(table, rank);
    policy_reason(&seat->grant->decision,
                  "the guest is stopped: nothing is taken from its %.1f "
                  "Mbit/s now",
                  policy_mbit(seat->claim));
}

/* Whether this pass and the final one would be all there is, and soon, if it
 * had what others can do without: it borrows, so that what it is guaranteed
 * now is no bound. */
static bool
is_about_to_stop(const Seat *seat, double most, double *end_s)
{
    const ShareSession *session = seat->session;
    MigrationForecast forecast;

    if (session->phase != SHARE_PRECOPY || session->held ||
        forecaster_rows(session->forecaster) == 0 ||
        (seat->memory->boosts >= MOST_BOOSTS &&
         seat->memory->boosted_iter != session->input.iter)) {
        return false;
    }
    if (session->cap_bytes_s.known) {
        most = fmin(most, session->cap_bytes_s.value);
    }
    migration_at(session, most, true, &forecast);
    if (!forecast.converges || forecast.iterations.value > 2.5 ||
        forecast.time_s.value > STOP_LEAD_S) {
        return false;
    }
    *end_s = forecast.time_s.value;
    return true;
}

/* Others at their floors, @first with what that frees. */
static void
make_room(const Table *table, Seat *first)
{
    double link = table->link->link_bytes_s, others = table->fixed, room;
    double guarantee;

    for (size_t i = 0; i < table->n; i++) {
        Seat *seat = table->order[i];

        if (seat != first) {
            seat->got = fmin(seat->got, seat->floor);
            others += seat->got + seat->got_application;
        }
    }
    room = link - others - first->got_application;
    guarantee = fmax(first->got, room);
    if (first->session->cap_bytes_s.known) {
        guarantee = fmin(guarantee, first->session->cap_bytes_s.value);
    }
    for (size_t i = 0; i < table->n; i++) {
        Seat *seat = table->order[i];

        if (seat != first && !seat->session->held) {
            /* what is free beside the guarantees stays open to it */
            double free = link - others - first->got_application - guarantee;

            set(seat, SHARE_ROLE_LOWERED, seat->got,
                seat->got + fmax(free, 0.0), seat->got_application);
            seat->memory->decided = false;
            seat->grant->cost_s = cost_at_floor(seat);
            policy_reason(&seat->grant->decision,
                          "at %.1f Mbit/s for a moment: another guest is "
                          "about to be stopped, and its blackout is kept short",
                          policy_mbit(seat->got));
        }
    }
    if (first->memory->boosted_iter != first->session->input.iter) {
        first->memory->boosted_iter = first->session->input.iter;
        first->memory->boosts++;
    }
    first->memory->decided = false;
    set(first, SHARE_ROLE_STOPPING, guarantee,
        first->session->cap_bytes_s.known
            ? fmin(link, first->session->cap_bytes_s.value)
            : link,
        first->got_application);
    first->grant->others_bytes_s = others;
    policy_reason(&first->grant->decision,
                  "about to stop the guest: %.1f Mbit/s, for nobody's traffic "
                  "shall lengthen the blackout",
                  policy_mbit(guarantee));
}

static void
prepare_blackouts(const Table *table)
{
    Seat *first = NULL;
    double soonest_s = INFINITY, left = table->available;

    if (table->n < 2) {
        return; /* nobody to be lowered */
    }
    for (size_t i = 0; i < table->n; i++) {
        const Seat *seat = table->order[i];

        left -= seat->got_application + fmin(seat->got, seat->floor);
    }
    for (size_t i = 0; i < table->n; i++) {
        Seat *seat = table->order[i];
        double end_s;

        if (is_about_to_stop(seat, left + fmin(seat->got, seat->floor),
                             &end_s) &&
            end_s < soonest_s) {
            first = seat;
            soonest_s = end_s;
        }
    }
    if (first) {
        make_room(table, first);
    }
}

static bool
anybody_is(const Table *table, SharePhase phase)
{
    for (size_t i = 0; i < table->n; i++) {
        if (table->order[i]->phase == phase) {
            return true;
        }
    }
    return false;
}

/* While another guest is stopped nothing changes for this one, but that it
 * must fit; while one waits in post-copy it has its floor. */
static void
stand_back(const Table *table, size_t rank, bool postcopy)
{
    Seat *seat = table->order[rank];
    const PolicyInput *now = &seat->session->input;
    double link = table->link->link_bytes_s;
    double others = others_of(table, rank);
    double room = fmax(link - others - seat->application, 0.0);
    double guarantee = seat->floor;

    if (!postcopy) {
        guarantee = fmax(guarantee, (double)now->guarantee_bytes_s);
    }
    guarantee = fmin(guarantee, room);
    set(seat, SHARE_ROLE_LOWERED, guarantee, room, seat->application);
    seat->memory->decided = false;
    seat->grant->others_bytes_s = others;
    seat->grant->cost_s = cost_at_floor(seat);
    policy_reason(&seat->grant->decision, "at %.1f Mbit/s as long as %s",
                  policy_mbit(guarantee),
                  postcopy ? "another guest waits for its pages in post-copy"
                           : "another guest is stopped");
}

/* What post-copy can be given, each alike */
static double
postcopy_share(const Table *table)
{
    double room = table->available;
    size_t n = 0;

    for (size_t i = 0; i < table->n; i++) {
        const Seat *seat = table->order[i];

        if (seat->phase == SHARE_POSTCOPY) {
            n++;
        } else {
            room -= seat->claim + seat->application;
        }
    }
    return n > 0 ? room / (double)n : 0.0;
}

void
share_arbitrate(const ShareLink *link, const ShareApplication *applications,
                size_t n_applications, const ShareSession *sessions,
                size_t n_sessions, ShareApplicationGrant *application_grants,
                ShareGrant *grants)
{
    g_autofree Seat *seats = g_new0(Seat, n_sessions + 1);
    g_autofree Seat **order = g_new0(Seat *, n_sessions + 1);
    g_autofree double *after = g_new0(double, n_sessions + 1);
    Table table = {
        .link = link, .seats = seats, .order = order, .after = after
    };
    bool postcopy, stopped;
    double needs, postcopy_each;

    grant_applications(link, applications, n_applications, application_grants,
                       &needs);
    table.fixed = link->reserve_bytes_s + needs;
    table.available = fmax(link->link_bytes_s - table.fixed, 0.0);
    take_seats(&table, sessions, n_sessions, grants);
    for (size_t i = 0; i < table.n; i++) {
        if (table.n > 1 || table.order[i]->session->held) {
            ask(&table, table.order[i]);
        }
    }
    g_qsort_with_data(table.order, (int)table.n, sizeof(Seat *), compare_rank,
                      NULL);
    postcopy = anybody_is(&table, SHARE_POSTCOPY);
    stopped = anybody_is(&table, SHARE_BLACKOUT);
    make_claims(&table, postcopy);
    sum_claims(&table);
    postcopy_each = postcopy ? postcopy_share(&table) : 0.0;

    for (size_t i = 0; i < table.n; i++) {
        Seat *seat = table.order[i];

        seat->grant->rank = (unsigned)i;
        if (seat->phase == SHARE_POSTCOPY) {
            decide_postcopy(&table, i, postcopy_each);
        } else if (seat->phase == SHARE_BLACKOUT) {
            keep_blackout(&table, i);
        } else if (seat->phase == SHARE_SENT) {
            decide_sent(&table, i);
        } else if (seat->session->held) {
            decide_held(&table, i);
        } else if (postcopy || stopped) {
            stand_back(&table, i, postcopy);
        } else {
            decide_by_policy(&table, i);
        }
        seat->got = (double)seat->grant->decision.guarantee_bytes_s;
        seat->got_application =
            (double)seat->grant->decision.application_bytes_s;
        table.got += seat->got + seat->got_application;
    }
    if (!postcopy && !stopped) {
        prepare_blackouts(&table);
    }
}
