/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * reservation-close.c - the end of a share: what waits in its classes goes first
 *
 * Deleting a class drops its queue. So its ceiling is raised, and it is waited
 * for until the queue is empty, but not for long.
 */
#include "base/clock.h"
#include "tc/reservation-priv.h"

#define DRAIN_MAX_US 2000000       /* our own classes */
#define DRAIN_RUNNING_US 100000    /* ... that are filled as fast */
#define DRAIN_OTHERS_MAX_US 200000 /* the rest, if the tree goes */
#define DRAIN_POLL_US 2000

/* Nobody waits behind a guarantee any more: the queues may run empty. */
static void
adjust_drain(const Site *site, ShaperTree *wanted)
{
    uint64_t open_bytes_s = site_root_bytes_s(site);

    /* Who stays keeps his ceiling; ours was raised in the lease. */
    if (site->lease->owners->len > 1) {
        return;
    }
    for (guint i = 0; i < wanted->classes->len; i++) {
        ShaperClass *class_ = &g_array_index(wanted->classes, ShaperClass, i);

        class_->ceil_bytes_s = MAX(class_->ceil_bytes_s, open_bytes_s);
        class_->cburst_ticks = shaper_burst_ticks(
            class_->ceil_bytes_s,
            shaper_burst_bytes(class_->ceil_bytes_s, site->device.mtu + 14));
    }
}

static uint64_t
site_backlog(const Site *site, uint16_t minor, const LeaseOwner *owner,
             bool all)
{
    uint64_t backlog = 0;

    for (guint i = 0; i < site->snapshot->classes->len; i++) {
        const ShaperClass *class_ =
            &g_array_index(site->snapshot->classes, ShaperClass, i);
        bool count = !class_->inner && site_is_our_class(site, class_->id);
        bool ours = (uint16_t)class_->id == minor;

        for (guint j = 0; j < owner->guards->len; j++) {
            ours |= (uint16_t)class_->id ==
                    g_array_index(owner->guards, LeaseGuard, j).minor;
        }
        if (count && (all || ours)) {
            backlog += g_array_index(site->snapshot->stats, ClassStats, i)
                           .backlog_bytes;
        }
    }
    return backlog;
}

/* Polling, because the kernel does not tell when a queue runs empty. */
static void
reservation_drain(Reservation *reservation, const LeaseOwner *owner, bool last,
                  int64_t most_us)
{
    Site *site = reservation->site;
    int64_t start_us = clock_mono_us();

    while (shaper_nl_reread(site->kernel, reservation->ifindex, site->snapshot,
                            NULL)) {
        int64_t waited_us = clock_mono_us() - start_us;

        if ((site_backlog(site, reservation->minor, owner, false) == 0 ||
             waited_us > most_us) &&
            (!last ||
             site_backlog(site, reservation->minor, owner, true) == 0 ||
             waited_us > MIN(most_us, DRAIN_OTHERS_MAX_US))) {
            break;
        }
        g_usleep(DRAIN_POLL_US);
    }
}

static bool
owner_is(const Site *site, const LeaseOwner *owner, const void *data)
{
    return owner->minor == *(const uint16_t *)data;
}

static bool
close_within(Reservation *reservation, int64_t most_us, GError **error)
{
    g_autoptr(Reservation) own = reservation;
    Site *site;
    LeaseOwner *owner;

    if (!own) {
        return true;
    }
    site = own->site;
    if (!site_lock(site, error)) {
        return false;
    }
    owner = reservation_enter(own, SITE_ALL, NULL);
    if (owner) {
        bool last = site->lease->owners->len == 1;

        owner->ceiling_bytes_s = UINT64_MAX;
        /* Best effort: what is left in the queues would be dropped. */
        if (site_settle(site, NULL, NULL, adjust_drain, NULL)) {
            site_unlock(site);
            reservation_drain(own, owner, last, most_us);
            if (!site_lock(site, error)) {
                return false;
            }
        }
    }
    /* The link went, or somebody removed our tree: only the lease is left. */
    if (!site_enter(site, own->ifindex, SITE_ALL, NULL) ||
        !lease_key_equal(&site->key, &own->key)) {
        lease_discard(site->run_dir, &own->key);
        return true;
    }
    return !site->lease || site_drop(site, owner_is, &own->minor, NULL, error);
}

bool
reservation_close(Reservation *reservation, GError **error)
{
    return close_within(reservation, DRAIN_MAX_US, error);
}

bool
reservation_close_running(Reservation *reservation, GError **error)
{
    return close_within(reservation, DRAIN_RUNNING_US, error);
}

bool
reservation_close_at_once(Reservation *reservation, GError **error)
{
    return close_within(reservation, 0, error);
}
