/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * session-look.c - what the guest sends, before libvirt is asked
 *
 *   first reading         .    .    .    1 s: the last one ─> JOB_EVENT_SEEN
 *   (the caller's, or now)   every quarter      └─> migrate
 *
 * From the first byte of its stream on a guest gets what the stream leaves it,
 * and nobody can tell any more what its applications need. So its counter is
 * read for a second before, beside all that has to be prepared anyway; what is
 * then left of the second is waited for. Whoever knows the guest already says
 * so in the specification, and nothing is waited for.
 */
#include <math.h>

#include "base/clock.h"
#include "session/session-priv.h"

#define LOOK_US G_USEC_PER_SEC
#define PART_US (G_USEC_PER_SEC / 4)
/* Requests come by chance: of its busiest quarter so much is need. */
#define PEAK_SHARE 0.75

typedef struct Look {
    Session *session; /* a reference of it */
    void (*then)(Session *session);
} Look;

static bool
is_of_use(const Session *session)
{
    const PolicySettings *policy = &session->spec.policy;

    return session->reservation && policy->kind == POLICY_DEFAULT &&
           policy->follows_need && !session->spec.seen.need_bytes_s.known;
}

static void
add_look(Session *session, int64_t at_us, double sent)
{
    unsigned n = session->n_looks;

    /* one that fell was reset */
    if (n > 0 && sent < session->look_sent[n - 1]) {
        n = 0;
    }
    /* the last of them is the end of the second */
    n = MIN(n, G_N_ELEMENTS(session->look_sent) - 1);
    session->look_sent[n] = sent;
    session->look_at_us[n] = at_us;
    session->n_looks = n + 1;
}

static double
rate_between(const Session *session, unsigned from, unsigned to)
{
    return (session->look_sent[to] - session->look_sent[from]) *
           G_USEC_PER_SEC /
           (double)(session->look_at_us[to] - session->look_at_us[from]);
}

static void
tell_seen(Session *session)
{
    unsigned last = session->n_looks - 1;
    double mean, peak = 0;
    ApplicationSeen seen = { 0 };

    if (session->n_looks < 2 ||
        session->look_at_us[last] - session->look_at_us[0] < PART_US) {
        return;
    }
    mean = rate_between(session, 0, last);
    for (unsigned i = 0, j = 1; j <= last; j++) {
        if (session->look_at_us[j] - session->look_at_us[i] >=
            PART_US * 4 / 5) {
            peak = fmax(peak, rate_between(session, i, j));
            i = j;
        }
    }
    seen.mean_bytes_s = known(mean);
    seen.need_bytes_s = known(fmax(mean, PEAK_SHARE * peak));
    session_seen(session, &seen);
}

void
session_seen(Session *session, const ApplicationSeen *seen)
{
    JobEvent event = { .kind = JOB_EVENT_SEEN,
                       .at_us = session_now_us(session),
                       .seen = *seen };

    session_feed(session, event);
}

static void look_on(Look *look);

static void
on_look(VirtGuest *guest, const VirtReading *reading, const GError *error,
        gpointer user)
{
    Look *look = user;
    Session *session = look->session;

    if (reading->what & VIRT_READ_COUNTERS &&
        reading->counters.guest_tx_bytes.known) {
        add_look(session, reading->counters.at_us,
                 reading->counters.guest_tx_bytes.value);
    } else {
        session->n_looks = 0; /* it has no counters */
    }
    look_on(look);
}

static gboolean
on_next(gpointer user)
{
    Look *look = user;

    look->session->look_source = 0;
    if (!virt_guest_poll(look->session->spec.guest, VIRT_READ_COUNTERS, on_look,
                         look)) {
        look->session->n_looks = 0;
        look_on(look);
    }
    return G_SOURCE_REMOVE;
}

/* Until a second is over, or there is nothing to be seen. */
static void
look_on(Look *look)
{
    Session *session = look->session;
    int64_t left_us = 0;

    if (session->over) {
        session_unref(session);
        g_free(look);
        return;
    }
    if (session->n_looks > 0 && !session->aborting && is_of_use(session)) {
        left_us = session->look_at_us[0] + LOOK_US -
                  session->look_at_us[session->n_looks - 1];
    }
    if (left_us > 0) {
        session->look_source = g_timeout_add(
            (guint)(MIN(left_us, PART_US) / 1000 + 1), on_next, look);
        return;
    }
    if (session->n_looks > 0) {
        tell_seen(session);
    }
    look->then(session);
    session_unref(session);
    g_free(look);
}

void
session_look_begin(Session *session)
{
    if (session->spec.seen.need_bytes_s.known && session->reservation) {
        session_seen(session, &session->spec.seen);
    } else if (session->spec.sent_bytes.known) {
        add_look(session, session->spec.sent_at_us,
                 session->spec.sent_bytes.value);
    }
}

void
session_look_end(Session *session, void (*then)(Session *session))
{
    Look *look;

    if (!is_of_use(session)) {
        then(session);
        return;
    }
    look = g_new0(Look, 1);
    look->session = session_ref(session);
    look->then = then;
    on_next(look);
}
