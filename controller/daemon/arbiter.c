/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * arbiter.c - several migrations on one link, brought to terms
 *
 * Each session decides for itself, given what others were promised. Where there
 * are several, or one is held or bounded by its rules, policy/share.h decides
 * for all of them at once; a session is told what was put into force instead of
 * its own decision, so that its forecasts are of that.
 */
#include "base/clock.h"
#include "daemon/daemon-priv.h"
#include "tc/shaper.h"

#define TICK_US G_USEC_PER_SEC

static SharePhase
phase_of(const Outgoing *outgoing)
{
    switch (job_state(session_job(outgoing->session))) {
    case JOB_SWITCHOVER:
        return session_all_sent(outgoing->session) ? SHARE_SENT
                                                   : SHARE_BLACKOUT;
    case JOB_POSTCOPY:
        return SHARE_POSTCOPY;
    default:
        return SHARE_PRECOPY;
    }
}

static bool
share_session_of(Outgoing *outgoing, double link_bytes_s, ShareSession *share)
{
    const ConfigRules *rules = &outgoing->rules;
    Job *job = session_job(outgoing->session);

    *share = (ShareSession){
        .id = outgoing->number,
        .forecaster = job_forecaster(job),
        .settings = job_settings(job),
        .phase = phase_of(outgoing),
        .priority = outgoing->priority,
        .held = outgoing->held,
        .keep_ceiling = !(rules->allow & 1u << CONFIG_MAY_CEILING),
        .floor_bytes_s = MAX((double)rules->guarantee_bytes_s,
                             outgoing->ladder_floor_bytes_s),
        .cap_bytes_s = rules->ceiling_bytes_s
                           ? known((double)rules->ceiling_bytes_s)
                           : unknown(),
        .memory = &outgoing->memory,
    };
    if (!job_policy_input(job, &share->input)) {
        return false;
    }
    if (rules->need_bytes_s > 0) {
        /* configured, hence intensive whatever its traffic is */
        share->input.guest_net_mean_bytes_s = known(link_bytes_s);
        share->input.guest_net_next_bytes_s = share->input.application_bytes_s =
            known((double)rules->need_bytes_s);
    }
    return true;
}

/* Its own decision will do where nobody else is concerned. */
static bool
is_simple(const GPtrArray *sharers)
{
    const Outgoing *only;

    if (sharers->len != 1) {
        return sharers->len == 0;
    }
    only = g_ptr_array_index(sharers, 0);
    return !only->held && !only->rules.guarantee_bytes_s &&
           only->ladder_floor_bytes_s <= 0 && !only->rules.ceiling_bytes_s &&
           !only->rules.need_bytes_s;
}

static GPtrArray *
list_sharers(Daemon *daemon, int ifindex)
{
    GPtrArray *sharers = g_ptr_array_new();

    for (guint i = 0; i < daemon->outgoing->len; i++) {
        Outgoing *outgoing = g_ptr_array_index(daemon->outgoing, i);

        if (!outgoing->ended && outgoing->reservation &&
            outgoing->link.ifindex == ifindex) {
            g_ptr_array_add(sharers, outgoing);
        }
    }
    return sharers;
}

static GArray *
list_applications(const Daemon *daemon, const Link *link)
{
    GArray *applications = g_array_new(FALSE, FALSE, sizeof(ShareApplication));

    for (guint i = 0; i < daemon->config->protects->len; i++) {
        const ConfigProtect *protect =
            g_ptr_array_index(daemon->config->protects, i);
        ShareApplication application = {
            .need_bytes_s = (double)protect->rate_bytes_s,
            .fixed = true,
        };

        if (!protect->link || g_str_equal(protect->link, link->device)) {
            g_array_append_val(applications, application);
        }
    }
    return applications;
}

static void
arbitrate(Daemon *daemon, GPtrArray *sharers)
{
    const Link *link = &((Outgoing *)g_ptr_array_index(sharers, 0))->link;
    uint64_t root = shaper_root_bytes_s(link->rate_bytes_s);
    ShareLink share_link = {
        .link_bytes_s = (double)root,
        .reserve_bytes_s = (double)(shaper_control_bytes_s(root) +
                                    shaper_rest_min_bytes_s(root)),
    };
    g_autoptr(GArray) applications = list_applications(daemon, link);
    guint n_protected = applications->len;
    g_autofree ShareSession *sessions = g_new0(ShareSession, sharers->len);
    g_autofree ShareGrant *grants = g_new0(ShareGrant, sharers->len);
    g_autofree ShareApplicationGrant *application_grants = NULL;
    g_autoptr(GPtrArray) asked = g_ptr_array_new();

    share_link.reserve_bytes_s +=
        intensive_needs(daemon->intensive, link->ifindex, applications);
    application_grants = g_new0(ShareApplicationGrant, applications->len + 1);
    for (guint i = 0; i < sharers->len; i++) {
        Outgoing *outgoing = g_ptr_array_index(sharers, i);

        if (share_session_of(outgoing, (double)root, &sessions[asked->len])) {
            g_ptr_array_add(asked, outgoing);
        } else {
            /* its class has as much, and nobody knows yet what it needs */
            share_link.reserve_bytes_s += (double)shaper_rest_min_bytes_s(root);
        }
    }
    share_arbitrate(
        &share_link, (const ShareApplication *)(const void *)applications->data,
        applications->len, sessions, asked->len, application_grants, grants);
    intensive_granted(daemon->intensive, link->ifindex,
                      application_grants + n_protected);
    for (guint i = 0; i < asked->len; i++) {
        Outgoing *outgoing = g_ptr_array_index(asked, i);

        if (outgoing->role != grants[i].role) {
            outgoing_log(outgoing, G_LOG_LEVEL_INFO, LOG_EVENT_STEP,
                         share_role_name(grants[i].role), "%s among %u: %s",
                         share_role_name(grants[i].role), asked->len,
                         grants[i].decision.reason);
        }
        outgoing->has_grant = true;
        outgoing->grant = grants[i].decision;
        outgoing->role = grants[i].role;
        outgoing->others_bytes_s = grants[i].others_bytes_s;
        outgoing->cost_s = grants[i].cost_s;
    }
}

/* Not while a session is feeding its own decision. */
static gboolean
on_tell(gpointer user)
{
    Daemon *daemon = user;

    daemon->grant_source = 0;
    for (guint i = 0; i < daemon->outgoing->len; i++) {
        Outgoing *outgoing = g_ptr_array_index(daemon->outgoing, i);
        const PolicyDecision *in_force;

        if (outgoing->ended || !outgoing->has_grant || !outgoing->reservation) {
            continue;
        }
        in_force = job_in_force(session_job(outgoing->session));
        if (in_force->guarantee_bytes_s != outgoing->grant.guarantee_bytes_s ||
            in_force->ceiling_bytes_s != outgoing->grant.ceiling_bytes_s ||
            in_force->application_bytes_s !=
                outgoing->grant.application_bytes_s) {
            session_grant(outgoing->session, &outgoing->grant);
        }
    }
    return G_SOURCE_REMOVE;
}

static void
settle(Daemon *daemon, int ifindex, bool anew)
{
    g_autoptr(GPtrArray) sharers = list_sharers(daemon, ifindex);
    int64_t now_us = clock_mono_us();

    g_hash_table_replace(daemon->arbitrated,
                         g_memdup2(&ifindex, sizeof(ifindex)),
                         g_memdup2(&now_us, sizeof(now_us)));
    if (sharers->len == 0) {
        return;
    }
    if (is_simple(sharers) && !anew &&
        !intensive_any(daemon->intensive, ifindex)) {
        for (guint i = 0; i < sharers->len; i++) {
            Outgoing *outgoing = g_ptr_array_index(sharers, i);

            outgoing->has_grant = false;
            outgoing->role = SHARE_ROLE_NORMAL;
            outgoing->cost_s = unknown();
        }
    } else {
        arbitrate(daemon, sharers);
        if (!daemon->grant_source) {
            daemon->grant_source = g_idle_add(on_tell, daemon);
        }
    }
    /* what is lowered makes room for what is raised */
    intensive_apply(daemon->intensive, ifindex, false);
    shaping_apply(daemon, ifindex);
    intensive_apply(daemon->intensive, ifindex, true);
}

void
arbiter_settle(Daemon *daemon, int ifindex)
{
    settle(daemon, ifindex, false);
}

/* There was no room for their classes; there may be now. */
static void
open_the_rest(Daemon *daemon, int ifindex)
{
    for (guint i = 0; i < daemon->outgoing->len; i++) {
        Outgoing *outgoing = g_ptr_array_index(daemon->outgoing, i);

        if (!outgoing->ended && outgoing->has_link && !outgoing->reservation &&
            outgoing->force == FORCE_KERNEL &&
            outgoing->link.ifindex == ifindex) {
            shaping_open(outgoing);
        }
    }
}

/* Whoever is left has more to have, and its next pass may be far away. */
static gboolean
on_fewer(gpointer user)
{
    Daemon *daemon = user;

    daemon->fewer_source = 0;
    for (guint i = 0; i < daemon->fewer_on->len; i++) {
        int ifindex = g_array_index(daemon->fewer_on, int, i);

        open_the_rest(daemon, ifindex);
        settle(daemon, ifindex, true);
    }
    g_array_set_size(daemon->fewer_on, 0);
    return G_SOURCE_REMOVE;
}

void
arbiter_fewer(Daemon *daemon, int ifindex)
{
    for (guint i = 0; i < daemon->fewer_on->len; i++) {
        if (g_array_index(daemon->fewer_on, int, i) == ifindex) {
            return;
        }
    }
    g_array_append_val(daemon->fewer_on, ifindex);
    if (!daemon->fewer_source && !daemon->stopping) {
        daemon->fewer_source = g_idle_add(on_fewer, daemon);
    }
}

/* Has somebody sent all of it since the last look? libvirt takes a second and
 * more to end that migration, and the others need not wait for it. */
static bool
anybody_has_sent(const GPtrArray *sharers)
{
    bool found = false;

    for (guint i = 0; sharers->len > 1 && i < sharers->len; i++) {
        Outgoing *outgoing = g_ptr_array_index(sharers, i);

        if (!outgoing->all_sent && phase_of(outgoing) == SHARE_SENT) {
            outgoing->all_sent = true;
            found = true;
        }
    }
    return found;
}

void
arbiter_tick(Daemon *daemon, int ifindex)
{
    const int64_t *at_us = g_hash_table_lookup(daemon->arbitrated, &ifindex);
    g_autoptr(GPtrArray) sharers = NULL;

    sharers = list_sharers(daemon, ifindex);
    if (at_us && clock_mono_us() - *at_us < TICK_US &&
        !anybody_has_sent(sharers)) {
        return;
    }
    if (!is_simple(sharers) || intensive_any(daemon->intensive, ifindex)) {
        settle(daemon, ifindex, false);
    }
}
