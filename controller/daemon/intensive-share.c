/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * intensive-share.c - guests that stay and send, as the arbiter sees them
 *
 * It is told what each class needs, in the order of the table, and what it
 * grants is put into force in two steps: what is lowered makes room for what is
 * raised.
 *
 * Each class has room above the need of its guest. Many guests do not all need
 * theirs at once: in sum it is no more than a quarter of their needs, or a
 * tenth of the link.
 */
#include <math.h>

#include "daemon/intensive-priv.h"

#define ROOM_OF_NEED 0.25
#define ROOM_OF_LINK 0.1

static bool
is_on(const Neighbour *neighbour, int ifindex)
{
    return neighbour->reservation && neighbour->link.ifindex == ifindex;
}

bool
intensive_any(const Intensive *intensive, int ifindex)
{
    GHashTableIter iter;
    gpointer value;

    if (!intensive) {
        return false;
    }
    g_hash_table_iter_init(&iter, intensive->neighbours);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        if (is_on(value, ifindex)) {
            return true;
        }
    }
    return false;
}

bool
intensive_seen(const Intensive *intensive, const char *uuid,
               ApplicationSeen *seen)
{
    const Neighbour *neighbour =
        intensive ? g_hash_table_lookup(intensive->neighbours, uuid) : NULL;
    ApplicationState uplink = { 0 };
    NeedState state;

    if (!neighbour || !neighbour->need) {
        return false;
    }
    if (neighbour->uplink) {
        application_state(neighbour->uplink, &uplink);
    }
    if (uplink.need_bytes_s.known) {
        seen->mean_bytes_s = uplink.mean_bytes_s;
        seen->need_bytes_s = uplink.need_bytes_s;
        return true;
    }
    need_state(neighbour->need, &state);
    seen->mean_bytes_s = state.mean_bytes_s;
    seen->need_bytes_s = state.need_bytes_s;
    return state.need_bytes_s.known;
}

/* Its need, and what it is to have. */
static double
need_of(const Neighbour *neighbour, double *rate_bytes_s)
{
    ApplicationState state;

    if (neighbour->fixed_bytes_s.known) {
        *rate_bytes_s = neighbour->fixed_bytes_s.value;
        return *rate_bytes_s;
    }
    application_state(neighbour->uplink, &state);
    *rate_bytes_s =
        known_or(state.rate_bytes_s, (double)SHAPER_RATE_MIN_BYTES_S);
    return fmin(known_or(state.need_bytes_s, 0), *rate_bytes_s);
}

/* What its class has, if that is not worth a change. */
static double
unless_small(const Neighbour *neighbour, double rate_bytes_s)
{
    double has = (double)neighbour->set_bytes_s;

    return rate_bytes_s > has * 0.95 && rate_bytes_s < has * 1.05
               ? has
               : rate_bytes_s;
}

/* How much of the room above needs there is for all of them. */
static double
share_of_room(const Intensive *intensive, int ifindex)
{
    double needs = 0, rooms = 0, link_bytes_s = 0;
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, intensive->neighbours);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const Neighbour *neighbour = value;
        double rate, need;

        if (is_on(neighbour, ifindex)) {
            need = need_of(neighbour, &rate);
            needs += need;
            rooms += rate - need;
            link_bytes_s = intensive_root(&neighbour->link);
        }
    }
    return rooms > 0
               ? fmin(fmax(ROOM_OF_NEED * needs, ROOM_OF_LINK * link_bytes_s) /
                          rooms,
                      1)
               : 1;
}

double
intensive_needs(const Intensive *intensive, int ifindex, GArray *applications)
{
    double overhead = 0, share;
    GHashTableIter iter;
    gpointer value;

    if (!intensive) {
        return 0;
    }
    share = share_of_room(intensive, ifindex);
    g_hash_table_iter_init(&iter, intensive->neighbours);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const Neighbour *neighbour = value;
        ShareApplication application = { 0 };
        double rate, need;

        if (is_on(neighbour, ifindex)) {
            need = need_of(neighbour, &rate);
            rate = fmax(need + share * (rate - need),
                        (double)SHAPER_RATE_MIN_BYTES_S);
            application.need_bytes_s = unless_small(neighbour, rate);
            g_array_append_val(applications, application);
            /* of the migration's class, which stays empty */
            overhead += (double)SHAPER_RATE_MIN_BYTES_S;
        }
    }
    return overhead;
}

void
intensive_granted(Intensive *intensive, int ifindex,
                  const ShareApplicationGrant *grants)
{
    GHashTableIter iter;
    gpointer value;
    size_t n = 0;

    if (!intensive) {
        return;
    }
    /* in the order of intensive_needs(): the table has not changed since */
    g_hash_table_iter_init(&iter, intensive->neighbours);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        if (is_on(value, ifindex)) {
            ((Neighbour *)value)->granted_bytes_s =
                MAX(grants[n].guarantee_bytes_s, SHAPER_RATE_MIN_BYTES_S);
            n++;
        }
    }
}

void
intensive_apply(Intensive *intensive, int ifindex, bool raise)
{
    GHashTableIter iter;
    gpointer value;

    if (!intensive) {
        return;
    }
    g_hash_table_iter_init(&iter, intensive->neighbours);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        Neighbour *neighbour = value;
        bool raised = neighbour->granted_bytes_s > neighbour->set_bytes_s;

        if (!is_on(neighbour, ifindex) || raised != raise ||
            neighbour->granted_bytes_s == neighbour->set_bytes_s ||
            neighbour->granted_bytes_s == 0) {
            continue;
        }
        if (reservation_set(neighbour->reservation, SHAPER_RATE_MIN_BYTES_S,
                            SHAPER_RATE_MIN_BYTES_S, neighbour->granted_bytes_s,
                            NULL)) {
            neighbour->set_bytes_s = neighbour->granted_bytes_s;
        }
    }
}
