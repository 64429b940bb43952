/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * session-hold.c - a migration at its floor for a moment
 *
 *   decided ──> wanted ──┬── held: no more than the floor ──┬──> class
 *                        └── else: as decided ──────────────┘
 *
 * Who runs several migrations on a link keeps the others back while one of them
 * stops its guest: what they would borrow lengthens its blackout. The job goes
 * on deciding; what it decides is carried out afterwards. In between it is told
 * that the floor is what it was granted, so that forecasts are of the migration
 * as it is. Hands have an arbiter of their own and are not asked.
 */
#include <string.h>

#include "session/session-priv.h"

#define FLOOR_SHARE 0.01 /* of the link; see policy/share.c */
#define ALL_BUT_BYTES 65536.0
#define AT_MOST_US (2 * G_USEC_PER_SEC)
#define SETTLES_US (4 * G_USEC_PER_SEC)

bool
session_is_held(const Session *session)
{
    return session->held && session->reservation;
}

/* Neither more than what it wants. */
static PolicyDecision
at_floor(const Session *session, const PolicyDecision *wanted)
{
    uint64_t floor_bytes_s = MAX(
        (uint64_t)(FLOOR_SHARE * (double)session->spec.link->rate_bytes_s), 1);
    PolicyDecision decision = *wanted;

    decision.step = POLICY_STEP_SET;
    decision.guarantee_bytes_s = MIN(wanted->guarantee_bytes_s, floor_bytes_s);
    decision.ceiling_bytes_s = MIN(wanted->ceiling_bytes_s, floor_bytes_s);
    g_snprintf(decision.reason, sizeof(decision.reason),
               "at %.1f Mbit/s for a moment: %s",
               (double)decision.guarantee_bytes_s * 8e-6, session->held_why);
    return decision;
}

static bool
put_into_force(Session *session, const PolicyDecision *decision, GError **error)
{
    return reservation_set(session->reservation, decision->guarantee_bytes_s,
                           decision->ceiling_bytes_s,
                           decision->application_bytes_s, error);
}

bool
session_hold_decision(Session *session, const PolicyDecision *wanted,
                      PolicyDecision *instead, GError **error)
{
    session->wanted = *wanted;
    *instead = at_floor(session, wanted);
    return put_into_force(session, instead, error);
}

static void
hold(Session *session, const char *why)
{
    const PolicyDecision *now = job_in_force(session->job);
    PolicyDecision decision;
    g_autoptr(GError) error = NULL;

    if (g_strcmp0(session->held_why, why) == 0) {
        return;
    }
    if (session->over || !session->reservation || session->spec.advisory) {
        g_clear_pointer(&session->held_why, g_free);
        session->held = false;
        return;
    }
    if (why) {
        g_free(session->held_why);
        session->held_why = g_strdup(why);
        if (session->held) {
            return; /* for another reason */
        }
        session->held = true;
        session->wanted = *now;
        if (now->guarantee_bytes_s == 0) {
            return; /* its first decision will be the first to be held */
        }
        decision = at_floor(session, now);
    } else {
        g_clear_pointer(&session->held_why, g_free);
        session->held = false;
        /* how fast its queue gets empty has to be seen anew */
        session->aim_at_us = session_now_us(session) + SETTLES_US;
        decision = session->wanted;
        if (decision.guarantee_bytes_s == 0) {
            return;
        }
        decision.step = POLICY_STEP_SET;
        g_strlcpy(decision.reason, "no longer held back",
                  sizeof(decision.reason));
    }
    if (!why && !put_into_force(session, &decision, &error)) {
        /* What the one before was promised is not given back yet: then what
         * others leave, which needs no promise. Never stay at the floor. */
        g_clear_error(&error);
        decision.guarantee_bytes_s = now->guarantee_bytes_s;
    }
    if (put_into_force(session, &decision, &error)) {
        session_grant(session, &decision);
    } else {
        session_warn(session, "the class was not changed: %s", error->message);
    }
}

bool
session_hold(Session *session, const char *why)
{
    hold(session, why);
    return session->held;
}

bool
session_all_sent(const Session *session)
{
    /* what it has written may still wait in the socket, not for long */
    return session->all_sent_us > 0 &&
           (!session->attribution ||
            attribution_waiting(session->attribution) < ALL_BUT_BYTES ||
            session_now_us(session) > session->all_sent_us + AT_MOST_US);
}
