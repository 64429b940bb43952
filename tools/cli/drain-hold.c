/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * drain-hold.c - nobody's first pass lengthens another's blackout
 *
 *   first  ====================|pass 2|p3|blackout|  libvirt's end
 *   next              prepares |------ held ------|====================
 *
 * The next guest is begun so early that its preparation is over when the one
 * before ends. Forecasts err, and what it would send by then is missing in the
 * last passes of the other, which grow, and in its blackout. So the one that is
 * nearest to its end has the link, and the others wait at their floors; not for
 * ever, should it not end.
 */
#include "tools/cli/drain.h"

#include <math.h>

#define LEAD_S 2.0  /* before its end, beside the preparation of the next */
#define MOST_S 20.0 /* others wait for it */
#define AHEAD_S 1.0 /* who ends next now stays it: two do not take turns */

/* Of a first pass, what is not zero: what remains by QEMU's count is mostly
 * zero towards its end, and goes in no time. */
static double
first_left_bytes(const DrainGuest *guest)
{
    double left_bytes = guest->first_pass_bytes - guest->sent_bytes;

    return fmax(fmin(left_bytes, known_or(guest->remaining_bytes, INFINITY)),
                0);
}

double
drain_left_s(const DrainGuest *guest, double rate_bytes_s)
{
    double all_s = queue_curve_time(&guest->curve, rate_bytes_s);
    double first_s = guest->first_pass_bytes / rate_bytes_s;

    if (guest->iter >= 2 && guest->end_s.known) {
        return guest->end_s.value;
    }
    if (!isfinite(all_s)) {
        return INFINITY;
    }
    if (guest->iter >= 2 || first_s <= 0) {
        return all_s * (1 - guest->done);
    }
    return first_left_bytes(guest) / rate_bytes_s + fmax(all_s - first_s, 0);
}

static const DrainHost *
host_of(const Drain *drain, const DrainGuest *guest)
{
    return drain->hosts->pdata[guest->host];
}

static bool
is_sending(const Drain *drain, const DrainGuest *guest, int link)
{
    return guest->status == DRAIN_RUNS && guest->host >= 0 &&
           host_of(drain, guest)->link == link && !guest->sent;
}

/* Who ends next, and soon; NULL */
static DrainGuest *
ends_next(Drain *drain, int link, double rate_bytes_s, double now_s)
{
    double soonest_s = fmax(drain->between_s, DRAIN_BETWEEN_S) + LEAD_S;
    DrainGuest *first = NULL;

    for (guint i = 0; i < drain->guests->len; i++) {
        DrainGuest *guest = drain->guests->pdata[i];
        double left_s;

        if (!is_sending(drain, guest, link)) {
            continue;
        }
        left_s = guest->stopped     ? -1
                 : guest->iter == 0 ? INFINITY
                                    : drain_left_s(guest, rate_bytes_s);
        if (left_s > fmax(drain->between_s, DRAIN_BETWEEN_S) + LEAD_S) {
            guest->closing_at_s = unknown();
            continue;
        }
        if (!guest->closing_at_s.known) {
            guest->closing_at_s = known(now_s);
        }
        if (guest->ends_next && !guest->stopped) {
            left_s = fmax(left_s - AHEAD_S, 0);
        }
        if (left_s < soonest_s &&
            (guest->stopped || now_s - guest->closing_at_s.value < MOST_S)) {
            first = guest;
            soonest_s = left_s;
        }
    }
    return first;
}

void
drain_hold(Drain *drain, double share, double now_s)
{
    for (guint link = 0; link < drain->links->len; link++) {
        const DrainLink *way = drain->links->pdata[link];
        DrainGuest *first =
            ends_next(drain, (int)link, way->rate_bytes_s * share, now_s);

        for (guint i = 0; i < drain->guests->len; i++) {
            DrainGuest *guest = drain->guests->pdata[i];

            if (guest->status == DRAIN_RUNS && guest->host >= 0 &&
                host_of(drain, guest)->link == (int)link) {
                guest->ends_next = guest == first;
                guest->held =
                    first && guest != first && !guest->sent && !guest->stopped;
            }
        }
    }
}
