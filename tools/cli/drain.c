/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * drain.c - spreading guests over hosts, and ordering them on their links
 */
#include "tools/cli/drain.h"

#include <math.h>
#include <string.h>

#include "base/units.h"

#define WAIT_MOST_S 3600.0
#define BOUND_LEAST_S 120.0
/* A link that nobody knows, with --policy none, is taken for a usual one. */
#define USUAL_BYTES_S 125e6
#define EXIT_SOME 3

static const char *const status_names[] = {
    [DRAIN_STAYS] = "stays", [DRAIN_WAITS] = "waits",   [DRAIN_RUNS] = "runs",
    [DRAIN_MOVED] = "moved", [DRAIN_FAILED] = "failed", [DRAIN_GONE] = "gone",
};
G_STATIC_ASSERT(G_N_ELEMENTS(status_names) == DRAIN_N_STATUSES);

const char *
drain_status_name(DrainStatus status)
{
    return status_names[status];
}

bool
drain_status_parse(const char *name, DrainStatus *status)
{
    for (size_t i = 0; i < G_N_ELEMENTS(status_names); i++) {
        if (!strcmp(status_names[i], name)) {
            *status = (DrainStatus)i;
            return true;
        }
    }
    return false;
}

/* --- the parts --- */

static void
link_free(gpointer data)
{
    DrainLink *link = data;

    g_free(link->device);
    g_free(link->chain);
    g_free(link);
}

static void
host_free(gpointer data)
{
    DrainHost *host = data;

    g_free(host->uri);
    g_free(host->name);
    g_free(host);
}

Drain *
drain_new(void)
{
    Drain *drain = g_new0(Drain, 1);

    drain->links = g_ptr_array_new_with_free_func(link_free);
    drain->hosts = g_ptr_array_new_with_free_func(host_free);
    drain->guests =
        g_ptr_array_new_with_free_func((GDestroyNotify)drain_guest_free);
    return drain;
}

void
drain_free(Drain *drain)
{
    if (!drain) {
        return;
    }
    g_free(drain->source_uri);
    g_free(drain->source_name);
    g_free(drain->source_uuid);
    g_ptr_array_unref(drain->links);
    g_ptr_array_unref(drain->hosts);
    g_ptr_array_unref(drain->guests);
    g_free(drain);
}

DrainGuest *
drain_guest_new(const char *uuid, const char *name)
{
    DrainGuest *guest = g_new0(DrainGuest, 1);

    guest->uuid = g_strdup(uuid);
    guest->name = g_strdup(name);
    guest->obstacles = g_ptr_array_new_with_free_func(g_free);
    guest->cautions = g_ptr_array_new_with_free_func(g_free);
    guest->refusals = g_ptr_array_new_with_free_func(g_free);
    guest->plain_memory = true;
    guest->host = -1;
    guest->status = DRAIN_WAITS;
    return guest;
}

void
drain_guest_free(DrainGuest *guest)
{
    if (!guest) {
        return;
    }
    g_free(guest->uuid);
    g_free(guest->name);
    g_ptr_array_unref(guest->obstacles);
    g_ptr_array_unref(guest->cautions);
    g_ptr_array_unref(guest->refusals);
    g_free(guest->why);
    g_free(guest);
}

DrainHost *
drain_host_new(const char *uri, const char *name)
{
    DrainHost *host = g_new0(DrainHost, 1);

    host->uri = g_strdup(uri);
    host->name = g_strdup(name);
    host->link = -1;
    return host;
}

int
drain_link(Drain *drain, const char *device, const char *chain,
           double rate_bytes_s)
{
    DrainLink *link;

    for (guint i = 0; i < drain->links->len; i++) {
        link = drain->links->pdata[i];
        if (!strcmp(link->device, device)) {
            return (int)i;
        }
    }
    link = g_new0(DrainLink, 1);
    link->device = g_strdup(device);
    link->chain = g_strdup(chain);
    link->rate_bytes_s = rate_bytes_s;
    g_ptr_array_add(drain->links, link);
    return (int)drain->links->len - 1;
}

DrainGuest *
drain_guest_find(const Drain *drain, const char *which)
{
    for (guint i = 0; i < drain->guests->len; i++) {
        DrainGuest *guest = drain->guests->pdata[i];

        if (!strcmp(guest->uuid, which) || !strcmp(guest->name, which)) {
            return guest;
        }
    }
    return NULL;
}

void
drain_guest_keep(DrainGuest *guest, char *text)
{
    g_ptr_array_add(guest->obstacles, text);
    guest->status = DRAIN_STAYS;
}

/* --- where to --- */

static int
larger_first(gconstpointer a, gconstpointer b)
{
    const DrainGuest *x = *(DrainGuest *const *)a;
    const DrainGuest *y = *(DrainGuest *const *)b;

    if (x->memory_bytes != y->memory_bytes) {
        return x->memory_bytes > y->memory_bytes ? -1 : 1;
    }
    return strcmp(x->name, y->name);
}

static const char *
refusal(const DrainGuest *guest, guint host)
{
    return host < guest->refusals->len ? guest->refusals->pdata[host] : NULL;
}

static bool
fits(const DrainGuest *guest, const DrainHost *host, double left_bytes)
{
    return !guest->plain_memory || !host->free_bytes.known ||
           left_bytes >= (double)guest->memory_bytes;
}

static void
explain_no_host(const Drain *drain, DrainGuest *guest, const double *left_bytes)
{
    for (guint i = 0; i < drain->hosts->len; i++) {
        const DrainHost *host = drain->hosts->pdata[i];
        g_autofree char *needs = NULL, *left = NULL;

        if (refusal(guest, i)) {
            drain_guest_keep(guest, g_strdup(refusal(guest, i)));
            continue;
        }
        needs = units_format_bytes((double)guest->memory_bytes);
        left = units_format_bytes(fmax(left_bytes[i], 0));
        drain_guest_keep(guest,
                         g_strdup_printf("its memory of %s does not fit on "
                                         "'%s', which has %s left for it",
                                         needs, host->name, left));
    }
}

static void
choose_host(Drain *drain, DrainGuest *guest, double *left_bytes)
{
    int best = -1;

    for (guint i = 0; i < drain->hosts->len; i++) {
        if (!refusal(guest, i) &&
            fits(guest, drain->hosts->pdata[i], left_bytes[i]) &&
            (best < 0 || left_bytes[i] > left_bytes[best])) {
            best = (int)i;
        }
    }
    if (best < 0) {
        explain_no_host(drain, guest, left_bytes);
        return;
    }
    guest->host = best;
    if (guest->plain_memory) {
        left_bytes[best] -= (double)guest->memory_bytes;
    }
}

void
drain_spread(Drain *drain)
{
    g_autofree double *left_bytes = g_new0(double, drain->hosts->len + 1);
    g_autoptr(GPtrArray) to_place = g_ptr_array_new();

    for (guint i = 0; i < drain->hosts->len; i++) {
        const DrainHost *host = drain->hosts->pdata[i];

        left_bytes[i] = known_or(host->free_bytes, 0);
    }
    for (guint i = 0; i < drain->guests->len; i++) {
        DrainGuest *guest = drain->guests->pdata[i];

        if (guest->status == DRAIN_WAITS && guest->host < 0) {
            g_ptr_array_add(to_place, guest);
        } else if ((guest->status == DRAIN_WAITS ||
                    guest->status == DRAIN_RUNS) &&
                   guest->plain_memory) {
            left_bytes[guest->host] -= (double)guest->memory_bytes;
        }
    }
    g_ptr_array_sort(to_place, larger_first);
    for (guint i = 0; i < to_place->len; i++) {
        choose_host(drain, to_place->pdata[i], left_bytes);
    }
}

/* --- when --- */

/* The queue's items of one link, and whose they are. */
typedef struct Lane {
    GArray *items;     /* QueueItem */
    GPtrArray *guests; /* DrainGuest * */
} Lane;

static void
lane_fill(const Drain *drain, int link, double rate_bytes_s, Lane *lane)
{
    for (guint i = 0; i < drain->guests->len; i++) {
        DrainGuest *guest = drain->guests->pdata[i];
        const DrainHost *host =
            guest->host >= 0 ? drain->hosts->pdata[guest->host] : NULL;
        QueueItem item = {
            .id = i,
            .destination = (size_t)MAX(guest->host, 0),
            .curve = &guest->curve,
            .intensive = guest->intensive,
            .need_bytes_s = guest->need_bytes_s,
            .waited_s = guest->waited_s,
            .bound_s = guest->bound_s,
            .running = guest->status == DRAIN_RUNS,
            .done = guest->done,
        };
        double all_s = queue_curve_time(&guest->curve, rate_bytes_s);

        if (!host || host->link != link ||
            (guest->status != DRAIN_WAITS && guest->status != DRAIN_RUNS)) {
            continue;
        }
        if (item.running && isfinite(all_s) && all_s > 0) {
            item.done =
                CLAMP(1 - drain_left_s(guest, rate_bytes_s) / all_s, 0, 1);
        }
        g_array_append_val(lane->items, item);
        g_ptr_array_add(lane->guests, guest);
    }
}

/* Of a guest that is not known to write, the forecast is that it does not, and
 * then side by side is as good as one after the other. It is not. */
static bool
anything_guessed(const Lane *lane)
{
    for (guint i = 0; i < lane->guests->len; i++) {
        if (((DrainGuest *)lane->guests->pdata[i])->curve.guessed) {
            return true;
        }
    }
    return false;
}

/* No later ones overtake in a drain, so that nobody starves behind them; but
 * one that does not end must not keep all others for good. */
static bool
set_bounds(Lane *lane, const QueuePlan *plan)
{
    double total_s = isfinite(plan->total_s) ? plan->total_s : 0;
    bool any = false;

    for (guint i = 0; i < lane->guests->len; i++) {
        DrainGuest *guest = lane->guests->pdata[i];

        if (guest->bound_s <= 0) {
            guest->bound_s = guest->waited_s + 2 * total_s + BOUND_LEAST_S;
            g_array_index(lane->items, QueueItem, i).bound_s = guest->bound_s;
            any = true;
        }
    }
    return any;
}

static void
order_link(Drain *drain, int link, double rate_bytes_s, unsigned parallel)
{
    Lane lane = { .items = g_array_new(FALSE, TRUE, sizeof(QueueItem)),
                  .guests = g_ptr_array_new() };
    g_autofree QueueDestination *destinations =
        g_new0(QueueDestination, drain->hosts->len + 1);
    QueueLimits limits = {
        .link_bytes_s = rate_bytes_s,
        .destinations = destinations,
        .n_destinations = drain->hosts->len,
        .running_most = parallel,
        .wait_most_s = WAIT_MOST_S,
        .between_s = drain->between_s > 0 ? drain->between_s : DRAIN_BETWEEN_S,
    };
    g_autofree QueueSlot *slots = NULL;
    QueuePlan plan;
    QueueItem *items;

    lane_fill(drain, link, rate_bytes_s, &lane);
    items = (QueueItem *)(void *)lane.items->data;
    if (parallel == 0 && anything_guessed(&lane)) {
        limits.running_most = 1;
    }
    if (lane.items->len > 0) {
        slots = g_new0(QueueSlot, lane.items->len);
        queue_plan(&limits, items, lane.items->len, &plan, slots);
        if (set_bounds(&lane, &plan)) {
            queue_plan(&limits, items, lane.items->len, &plan, slots);
        }
        for (guint i = 0; i < lane.guests->len; i++) {
            ((DrainGuest *)lane.guests->pdata[i])->slot = slots[i];
        }
        drain->total_s = fmax(drain->total_s, plan.total_s);
        drain->at_once_s = fmax(drain->at_once_s, plan.at_once_s);
    }
    g_array_unref(lane.items);
    g_ptr_array_unref(lane.guests);
}

void
drain_order(Drain *drain, double share, double taken_bytes_s, unsigned parallel)
{
    drain->total_s = 0;
    drain->at_once_s = 0;
    for (int link = -1; link < (int)drain->links->len; link++) {
        double rate =
            link < 0 ? USUAL_BYTES_S
                     : ((DrainLink *)drain->links->pdata[link])->rate_bytes_s;

        order_link(drain, link, fmax(rate * share - taken_bytes_s, rate * 0.01),
                   parallel);
    }
}

/* --- how it went --- */

unsigned
drain_count(const Drain *drain, DrainStatus status)
{
    unsigned n = 0;

    for (guint i = 0; i < drain->guests->len; i++) {
        n += ((DrainGuest *)drain->guests->pdata[i])->status == status;
    }
    return n;
}

int
drain_exit_status(const Drain *drain, bool planned)
{
    unsigned moved = 0, others = 0;

    for (guint i = 0; i < drain->guests->len; i++) {
        const DrainGuest *guest = drain->guests->pdata[i];

        if (guest->status == DRAIN_MOVED ||
            (planned && guest->status == DRAIN_WAITS)) {
            moved++;
        } else if (guest->status != DRAIN_GONE && !guest->excluded) {
            others++;
        }
    }
    return others == 0 ? 0 : moved > 0 ? EXIT_SOME : 1;
}
