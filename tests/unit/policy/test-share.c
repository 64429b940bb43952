/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-share.c - one link, several migrations, and the applications beside
 */
#include <criterion/criterion.h>
#include <string.h>

#include "policy/share.h"
#include "taught.h"

#define LINK_RATE (50 * MBIT)
#define RESERVE (2 * MBIT)
#define MOST 6

/* A party of sessions with all that they borrow. */
typedef struct Party {
    size_t n;
    Forecaster *forecasters[MOST];
    PolicySettings settings[MOST];
    ShareMemory memories[MOST];
    ShareSession sessions[MOST];
    ShareGrant grants[MOST];
} Party;

static const ShareLink link_of_50 = { LINK_RATE, RESERVE };

static ShareSession *
join(Party *party, unsigned passes, double writes_s, double written_set,
     double pages_to_send)
{
    size_t i = party->n++;
    ShareSession *session = &party->sessions[i];

    g_assert(i < MOST);
    party->forecasters[i] = taught(passes, writes_s, written_set);
    policy_settings_init(&party->settings[i], POLICY_DEFAULT);
    party->memories[i] = (ShareMemory){ 0 };
    *session = (ShareSession){
        .id = i,
        .forecaster = party->forecasters[i],
        .settings = &party->settings[i],
        .memory = &party->memories[i],
        .input = {
            .iter = passes + 1,
            .pages_to_send = (uint64_t)pages_to_send,
            .page_bytes = (uint64_t)PAGE,
        },
    };
    return session;
}

static void
leave(Party *party)
{
    for (size_t i = 0; i < party->n; i++) {
        forecaster_free(party->forecasters[i]);
    }
}

static void
arbitrate(Party *party, const ShareLink *link)
{
    share_arbitrate(link, NULL, 0, party->sessions, party->n, NULL,
                    party->grants);
}

/* What was granted is in force. */
static void
apply(Party *party)
{
    for (size_t i = 0; i < party->n; i++) {
        PolicyInput *input = &party->sessions[i].input;

        input->guarantee_bytes_s = party->grants[i].decision.guarantee_bytes_s;
        input->ceiling_bytes_s = party->grants[i].decision.ceiling_bytes_s;
    }
}

static double
mbit_of(const Party *party, size_t i)
{
    return (double)party->grants[i].decision.guarantee_bytes_s / MBIT;
}

static ShareSession *
random_session(Party *party, GRand *rand, double link)
{
    ShareSession *session = join(party, (unsigned)g_rand_int_range(rand, 0, 10),
                                 pow(10.0, g_rand_double_range(rand, 0.0, 4.5)),
                                 pow(10.0, g_rand_double_range(rand, 1.0, 5.5)),
                                 g_rand_int_range(rand, 1, 1 << 18));
    PolicySettings *settings = &party->settings[party->n - 1];

    session->input.elapsed_s = g_rand_double_range(rand, 0.0, 100.0);
    session->priority = g_rand_int_range(rand, -1, 2);
    session->held = g_rand_int_range(rand, 0, 6) == 0;
    session->keep_ceiling = g_rand_boolean(rand);
    if (g_rand_int_range(rand, 0, 5) == 0) {
        session->phase = SHARE_BLACKOUT;
        session->input.guarantee_bytes_s =
            (uint64_t)(link * g_rand_double(rand));
    } else if (g_rand_int_range(rand, 0, 8) == 0) {
        session->phase = SHARE_POSTCOPY;
    } else if (g_rand_int_range(rand, 0, 8) == 0) {
        session->phase = SHARE_SENT;
    }
    if (g_rand_boolean(rand)) {
        session->input.guest_net_mean_bytes_s =
            known(link * g_rand_double(rand));
        session->input.guest_net_next_bytes_s =
            known(2.0 * link * g_rand_double(rand));
    }
    if (g_rand_int_range(rand, 0, 3) == 0) {
        settings->deadline_s = known(g_rand_double_range(rand, 1.0, 500.0));
    }
    if (g_rand_int_range(rand, 0, 8) == 0) {
        session->cap_bytes_s = known(link * g_rand_double(rand));
    }
    if (g_rand_int_range(rand, 0, 8) == 0) {
        settings->kind = POLICY_NONE;
    }
    return session;
}

Test(share, one_migration_gets_what_its_policy_says)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(11);
    unsigned compared = 0;

    for (unsigned run = 0; run < 400; run++) {
        Party party = { 0 };
        double link = pow(10.0, g_rand_double_range(rand, 5.0, 10.0));
        ShareLink shares = { link, 0.03 * link };
        ShareApplication application = { 0.1 * link * g_rand_double(rand),
                                         true };
        ShareApplicationGrant application_grant;
        ShareSession *session = random_session(&party, rand, link);
        PolicyDecision alone;
        PolicyInput input;

        session->held = false;
        session->phase = SHARE_PRECOPY;
        session->cap_bytes_s = unknown();
        session->input.guarantee_bytes_s =
            (uint64_t)(0.5 * link * g_rand_double(rand));
        session->input.ceiling_bytes_s = (uint64_t)link;
        share_arbitrate(&shares, &application, 1, party.sessions, 1,
                        &application_grant, party.grants);

        input = session->input;
        input.link_bytes_s = link;
        input.others_bytes_s = shares.reserve_bytes_s +
                               (double)application_grant.guarantee_bytes_s;
        policy_decide(session->settings, session->forecaster, &input, &alone);
        if (session->settings->kind != POLICY_NONE &&
            (double)alone.guarantee_bytes_s < 0.01 * link) {
            /* only HTB's floor makes a difference */
            cr_assert_geq(party.grants[0].decision.guarantee_bytes_s,
                          alone.guarantee_bytes_s);
        } else {
            compared++;
            cr_assert_eq(party.grants[0].decision.guarantee_bytes_s,
                         alone.guarantee_bytes_s);
            cr_assert_eq(party.grants[0].decision.ceiling_bytes_s,
                         alone.ceiling_bytes_s);
            cr_assert_eq(party.grants[0].decision.application_bytes_s,
                         alone.application_bytes_s);
            cr_assert_eq(party.grants[0].decision.step, alone.step);
            cr_assert_str_eq(party.grants[0].decision.reason, alone.reason);
        }
        leave(&party);
    }
    cr_assert_gt(compared, 200);
}

Test(share, never_promises_more_than_there_is)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(12);
    unsigned roles[SHARE_N_ROLES] = { 0 };

    for (unsigned run = 0; run < 600; run++) {
        Party party = { 0 };
        ShareApplication applications[3];
        ShareApplicationGrant application_grants[3];
        double link = pow(10.0, g_rand_double_range(rand, 5.0, 10.0));
        ShareLink shares = { link, link * g_rand_double_range(rand, 0.0, 0.1) };
        size_t n = (size_t)g_rand_int_range(rand, 0, MOST + 1);
        size_t n_applications = (size_t)g_rand_int_range(rand, 0, 4);

        for (size_t i = 0; i < n_applications; i++) {
            applications[i].need_bytes_s = link * g_rand_double(rand);
            applications[i].fixed = g_rand_boolean(rand);
        }
        for (size_t i = 0; i < n; i++) {
            random_session(&party, rand, link);
        }
        /* again and again, with what was granted in force */
        for (unsigned round = 0; round < 3; round++) {
            double sum = 0.0;

            share_arbitrate(&shares, applications, n_applications,
                            party.sessions, n, application_grants,
                            party.grants);
            for (size_t i = 0; i < n_applications; i++) {
                sum += (double)application_grants[i].guarantee_bytes_s;
            }
            cr_assert_leq(sum, 0.9 * (link - shares.reserve_bytes_s) + 1.0);
            for (size_t i = 0; i < n; i++) {
                const ShareGrant *grant = &party.grants[i];

                roles[grant->role]++;
                sum += (double)grant->decision.guarantee_bytes_s +
                       (double)grant->decision.application_bytes_s;
                cr_assert_leq((double)grant->decision.ceiling_bytes_s, link);
                cr_assert_leq(grant->decision.guarantee_bytes_s,
                              grant->decision.ceiling_bytes_s);
                cr_assert_gt(strlen(grant->decision.reason), 10);
            }
            cr_assert_leq(sum, link - shares.reserve_bytes_s + 8.0,
                          "run %u round %u: %.0f of %.0f", run, round, sum,
                          link - shares.reserve_bytes_s);
            apply(&party);
        }
        leave(&party);
    }
    for (unsigned role = 0; role < SHARE_N_ROLES; role++) {
        cr_assert_gt(roles[role], 0, "%s", share_role_name((ShareRole)role));
    }
}

/* Nothing happened: nothing changes, however often it is asked. */
Test(share, settles)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(13);

    for (unsigned run = 0; run < 200; run++) {
        Party party = { 0 };
        size_t n = (size_t)g_rand_int_range(rand, 1, MOST + 1);

        for (size_t i = 0; i < n; i++) {
            random_session(&party, rand, LINK_RATE);
        }
        for (unsigned round = 0; round < 6; round++) {
            arbitrate(&party, &link_of_50);
            for (size_t i = 0; i < n && round >= 4; i++) {
                const PolicyInput *now = &party.sessions[i].input;
                const PolicyDecision *decision = &party.grants[i].decision;

                cr_assert_eq(decision->guarantee_bytes_s,
                             now->guarantee_bytes_s,
                             "run %u, %zu of %zu in round %u: %s", run, i, n,
                             round, decision->reason);
                cr_assert_eq(decision->ceiling_bytes_s, now->ceiling_bytes_s);
                cr_assert_neq(decision->step, POLICY_STEP_SET);
            }
            apply(&party);
        }
        leave(&party);
    }
}

/* An application is below its need only if the link does not carry it. */
Test(share, applications_come_first)
{
    Party party = { 0 };
    ShareApplication applications[2] = {
        { 15 * MBIT, true },
        { 10 * MBIT, false },
    };
    ShareApplicationGrant grants[2];

    join(&party, 6, 800, 16384, 20000);
    join(&party, 6, 800, 16384, 20000);
    share_arbitrate(&link_of_50, applications, 2, party.sessions, 2, grants,
                    party.grants);
    cr_assert_eq(grants[0].guarantee_bytes_s, (uint64_t)(15 * MBIT));
    cr_assert_eq(grants[1].guarantee_bytes_s, (uint64_t)(10 * MBIT));
    cr_assert_eq(grants[0].ceiling_bytes_s, (uint64_t)LINK_RATE);
    cr_assert_not(grants[0].is_short);

    /* forecasts give way to what was configured, and to a tenth */
    applications[1].need_bytes_s = 60 * MBIT;
    share_arbitrate(&link_of_50, applications, 2, party.sessions, 2, grants,
                    party.grants);
    cr_assert_eq(grants[0].guarantee_bytes_s, (uint64_t)(15 * MBIT));
    cr_assert_float_eq((double)grants[1].guarantee_bytes_s / MBIT, 28.2, 0.01);
    cr_assert(grants[1].is_short);
    cr_assert_geq(mbit_of(&party, 0), 0.5);
    cr_assert_geq(mbit_of(&party, 1), 0.5);
    leave(&party);
}

/* Two that could converge alone, and only one of them beside the other. */
Test(share, one_after_the_other)
{
    Party party = { 0 };

    join(&party, 6, 700, 16384, 12000)->input.guest_net_mean_bytes_s =
        known(8 * MBIT);
    join(&party, 6, 700, 16384, 20000);
    arbitrate(&party, &link_of_50);
    /* the one that is not network-intensive goes first though it is longer */
    cr_assert_eq(party.grants[1].rank, 0);
    cr_assert_gt(mbit_of(&party, 1), 25.0);
    cr_assert_lt(mbit_of(&party, 0), 8.0);
    cr_assert_geq(mbit_of(&party, 0), 0.5);

    /* unless somebody says otherwise */
    party.sessions[0].priority = 1;
    arbitrate(&party, &link_of_50);
    cr_assert_eq(party.grants[0].rank, 0);
    cr_assert_gt(mbit_of(&party, 0), mbit_of(&party, 1));
    leave(&party);
}

Test(share, hopeless_ones_starve_nobody)
{
    Party party = { 0 };

    join(&party, 6, 8000, 60000, 50000);
    join(&party, 6, 300, 16384, 20000);
    arbitrate(&party, &link_of_50);
    cr_assert_eq(party.grants[1].rank, 0);
    cr_assert_gt(mbit_of(&party, 1), 25.0);
    cr_assert_eq(party.grants[0].decision.step, POLICY_STEP_CANNOT);
    leave(&party);
}

Test(share, a_held_one_has_its_floor_and_a_price)
{
    Party party = { 0 };
    ShareSession *held = join(&party, 6, 60, 16384, 20000);

    held->held = true;
    arbitrate(&party, &link_of_50);
    cr_assert_eq(party.grants[0].role, SHARE_ROLE_HELD);
    cr_assert_float_eq(mbit_of(&party, 0), 0.5, 0.01);
    cr_assert_eq(party.grants[0].decision.ceiling_bytes_s,
                 party.grants[0].decision.guarantee_bytes_s);
    cr_assert(party.grants[0].cost_s.known);
    cr_assert_gt(party.grants[0].cost_s.value, 60.0);

    /* whoever started it did not agree to a ceiling */
    held->keep_ceiling = true;
    held->floor_bytes_s = 5 * MBIT;
    arbitrate(&party, &link_of_50);
    cr_assert_float_eq(mbit_of(&party, 0), 5.0, 0.01);
    cr_assert_eq(party.grants[0].decision.ceiling_bytes_s, (uint64_t)LINK_RATE);
    leave(&party);
}

Test(share, post_copy_goes_before_everybody_at_once)
{
    Party party = { 0 };
    ShareSession *postcopy = join(&party, 6, 800, 16384, 20000);

    join(&party, 6, 800, 16384, 20000)->priority = 5;
    join(&party, 0, 800, 16384, 100000);
    arbitrate(&party, &link_of_50);
    apply(&party);
    postcopy->phase = SHARE_POSTCOPY;
    arbitrate(&party, &link_of_50);
    cr_assert_eq(party.grants[0].role, SHARE_ROLE_POSTCOPY);
    cr_assert_eq(party.grants[0].rank, 0);
    cr_assert_float_eq(mbit_of(&party, 0), 47.0, 0.01);
    cr_assert_eq(party.grants[0].decision.ceiling_bytes_s, (uint64_t)LINK_RATE);
    for (size_t i = 1; i < 3; i++) {
        cr_assert_eq(party.grants[i].role, SHARE_ROLE_LOWERED);
        cr_assert_float_eq(mbit_of(&party, i), 0.5, 0.01);
        cr_assert(strstr(party.grants[i].decision.reason, "post-copy"));
    }
    leave(&party);
}

/* Prepared one pass early, kept through the blackout, then given back. */
Test(share, nobody_lengthens_a_blackout)
{
    Party party = { 0 };
    ShareSession *ending = join(&party, 8, 60, 16384, 400);
    ShareSession *other = join(&party, 6, 700, 16384, 20000);
    double before;

    other->priority = 1; /* so that the one that ends has little */
    ending->input.pages_to_send = 15000;
    arbitrate(&party, &link_of_50);
    apply(&party);
    cr_assert_eq(party.grants[1].role, SHARE_ROLE_NORMAL);
    before = mbit_of(&party, 1);
    cr_assert_gt(before, 20.0);

    ending->input.iter++;
    ending->input.pages_to_send = 400;
    arbitrate(&party, &link_of_50);
    apply(&party);
    cr_assert_eq(party.grants[0].role, SHARE_ROLE_STOPPING);
    cr_assert_eq(party.grants[1].role, SHARE_ROLE_LOWERED);
    cr_assert_float_eq(mbit_of(&party, 1), 0.5, 0.01);
    cr_assert_gt(mbit_of(&party, 0), 45.0);
    cr_assert_eq(party.grants[0].decision.ceiling_bytes_s, (uint64_t)LINK_RATE);
    /* what the other may borrow is only what nobody was promised */
    cr_assert_lt((double)party.grants[1].decision.ceiling_bytes_s, 1.0 * MBIT);

    ending->phase = SHARE_BLACKOUT;
    arbitrate(&party, &link_of_50);
    cr_assert_gt(mbit_of(&party, 0), 45.0);
    cr_assert_float_eq(mbit_of(&party, 1), 0.5, 0.01);
    apply(&party);

    /* one that hangs is no blackout */
    ending->input.elapsed_s += 60.0;
    arbitrate(&party, &link_of_50);
    apply(&party);
    arbitrate(&party, &link_of_50);
    cr_assert_neq(party.grants[1].decision.ceiling_bytes_s,
                  party.grants[1].decision.guarantee_bytes_s);

    party.sessions[0] = party.sessions[1];
    party.n = 1;
    arbitrate(&party, &link_of_50);
    cr_assert_eq(party.grants[0].role, SHARE_ROLE_NORMAL);
    cr_assert_gt(mbit_of(&party, 0), 20.0);
    party.n = 2;
    leave(&party);
}

/* A guest that came after another one stood at its floor for two seconds after
 * that had sent its last byte, until libvirt had ended it */
Test(share, the_link_is_free_once_all_is_sent)
{
    Party party = { 0 };
    ShareSession *ending = join(&party, 8, 60, 16384, 400);

    join(&party, 0, 700, 16384, 100000);
    ending->phase = SHARE_BLACKOUT;
    ending->input.guarantee_bytes_s = (uint64_t)(45 * MBIT);
    arbitrate(&party, &link_of_50);
    apply(&party);
    cr_assert_lt(mbit_of(&party, 1), 5.0);
    ending->phase = SHARE_SENT;
    arbitrate(&party, &link_of_50);
    cr_assert_float_eq(mbit_of(&party, 0), 0.5, 0.01);
    cr_assert_eq(party.grants[0].decision.ceiling_bytes_s, (uint64_t)LINK_RATE);
    cr_assert_gt(mbit_of(&party, 1), 40.0);
    leave(&party);
}

/* A guest that is always about to stop does not keep others down for long. */
Test(share, wrong_alarms_are_believed_only_so_often)
{
    Party party = { 0 };
    ShareSession *ending = join(&party, 8, 60, 16384, 400);
    unsigned lowered = 0;

    join(&party, 6, 700, 16384, 20000);
    for (unsigned pass = 0; pass < 20; pass++) {
        ending->input.iter++;
        arbitrate(&party, &link_of_50);
        apply(&party);
        lowered += party.grants[1].role == SHARE_ROLE_LOWERED;
    }
    cr_assert_eq(lowered, 4);
    leave(&party);
}
