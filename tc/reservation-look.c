/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * reservation-look.c - counters of a share, and of all that have one on a link
 *
 * The kernel lists the classes of a link all together. With n shares that are
 * looked at one by one that is n lists of n classes; so a look is kept, with
 * its sums and where each class is in it, and each share takes its own out of
 * that. A look is handed out as long as it is young enough for who asks. That
 * a share is gone is never said of an old one.
 */
#include <linux/pkt_sched.h>

#include "base/clock.h"
#include "tc/reservation-priv.h"

struct ReservationLook {
    int ifindex;
    Site *site;
    int64_t read_us;       /* 0: there is nothing to be handed out */
    GHashTable *places;    /* class id -> 1 + its place in the snapshot */
    ReservationStats sums; /* nobody's own taken out */
};

static void
stats_add(ClassStats *sum, const ClassStats *more)
{
    sum->bytes += more->bytes;
    sum->packets += more->packets;
    sum->drops += more->drops;
    sum->overlimits += more->overlimits;
    sum->backlog_bytes += more->backlog_bytes;
}

static void
stats_take_out(ClassStats *sum, const ClassStats *one)
{
    sum->bytes -= one->bytes;
    sum->packets -= one->packets;
    sum->drops -= one->drops;
    sum->overlimits -= one->overlimits;
    sum->backlog_bytes -= one->backlog_bytes;
}

ReservationLook *
reservation_look_new(int ifindex)
{
    ReservationLook *look = g_new0(ReservationLook, 1);

    look->ifindex = ifindex;
    look->places = g_hash_table_new(NULL, NULL);
    return look;
}

void
reservation_look_free(ReservationLook *look)
{
    if (look) {
        site_free(look->site);
        g_hash_table_unref(look->places);
        g_free(look);
    }
}

static bool
is_share(const Site *site, const ShaperClass *class_)
{
    return TC_H_MIN(class_->id) >= SHAPER_MINOR_MIGRATION &&
           site_is_our_class(site, class_->id);
}

static void
add_up(const Site *site, GHashTable *places, ReservationStats *sums)
{
    *sums = (ReservationStats){ 0 };
    g_hash_table_remove_all(places);
    for (guint i = 0; i < site->snapshot->classes->len; i++) {
        const ShaperClass *class_ =
            &g_array_index(site->snapshot->classes, ShaperClass, i);
        const ClassStats *one =
            &g_array_index(site->snapshot->stats, ClassStats, i);

        if (class_->inner) {
            continue;
        }
        g_hash_table_insert(places, GUINT_TO_POINTER(class_->id),
                            GUINT_TO_POINTER(i + 1));
        if (!is_share(site, class_)) {
            stats_add(&sums->rest, one);
            continue;
        }
        sums->others_bytes_s += (double)class_->rate_bytes_s;
        stats_add(TC_H_MIN(class_->id) >= SHAPER_MINOR_PROTECTED
                      ? &sums->protected_classes
                      : &sums->migrations,
                  one);
    }
    sums->link_bytes = site->device.tx_bytes;
    g_strlcpy(sums->device, site->device.name, sizeof(sums->device));
    if (!site->lease) {
        return;
    }
    sums->root_bytes_s = (double)site_root_bytes_s(site);
    if (!site->lease->parent) {
        uint64_t root = site_root_bytes_s(site);

        sums->others_bytes_s += (double)(shaper_control_bytes_s(root) +
                                         shaper_rest_min_bytes_s(root));
    }
}

/* NULL: it is not there, or carries others */
static const ShaperClass *
find_share(const Site *site, GHashTable *places, uint16_t minor,
           const ClassStats **stats)
{
    uint32_t id = site_major(site) | minor;
    guint place =
        GPOINTER_TO_UINT(g_hash_table_lookup(places, GUINT_TO_POINTER(id)));
    const ShaperClass *class_;

    if (place == 0) {
        return NULL;
    }
    class_ = &g_array_index(site->snapshot->classes, ShaperClass, place - 1);
    *stats = &g_array_index(site->snapshot->stats, ClassStats, place - 1);
    return is_share(site, class_) ? class_ : NULL;
}

/* Its own out of the sums */
static void
pick(const Reservation *reservation, const LeaseOwner *owner, const Site *site,
     GHashTable *places, ReservationStats *stats)
{
    const LeaseGuard *application = reservation_application(owner);
    const ClassStats *counted;
    const ShaperClass *class_ =
        find_share(site, places, reservation->minor, &counted);

    if (class_) {
        stats->migration = *counted;
        stats->others_bytes_s -= (double)class_->rate_bytes_s;
    }
    class_ = application
                 ? find_share(site, places, application->minor, &counted)
                 : NULL;
    if (class_) {
        stats->application = *counted;
        stats_take_out(&stats->protected_classes, counted);
        stats->others_bytes_s -= (double)class_->rate_bytes_s;
    }
}

bool
reservation_stats(Reservation *reservation, ReservationStats *stats,
                  GError **error)
{
    g_autoptr(GHashTable) places = NULL;
    LeaseOwner *owner;
    int64_t read_us = clock_mono_us();

    owner = reservation_enter(reservation, SITE_CLASSES, error);
    if (!owner) {
        return false;
    }
    places = g_hash_table_new(NULL, NULL);
    add_up(reservation->site, places, stats);
    stats->read_us = read_us;
    pick(reservation, owner, reservation->site, places, stats);
    return true;
}

/* @whole: the root as well, which may be another one by now */
static bool
look_anew(ReservationLook *look, const Reservation *reservation, bool whole,
          GError **error)
{
    int64_t read_us;

    look->read_us = 0;
    if (!look->site) {
        look->site = site_new(reservation->site->run_dir,
                              reservation->site->proc_dir, error);
    }
    if (!look->site) {
        return false;
    }
    look->site->outdated |= whole;
    read_us = clock_mono_us();
    if (!site_enter(look->site, look->ifindex, SITE_CLASSES, error)) {
        return false;
    }
    add_up(look->site, look->places, &look->sums);
    look->read_us = look->sums.read_us = read_us;
    return true;
}

bool
reservation_stats_at(Reservation *reservation, ReservationLook *look,
                     int64_t since_us, ReservationStats *stats, GError **error)
{
    LeaseOwner *owner = NULL;

    g_assert(look->ifindex == reservation->ifindex);
    if (look->read_us &&
        look->read_us >= MAX(since_us, reservation->opened_us)) {
        owner = reservation_owner(reservation, look->site, NULL);
    }
    for (int whole = 0; !owner && whole < 2; whole++) {
        if (!look_anew(look, reservation, whole, error)) {
            return false;
        }
        owner =
            reservation_owner(reservation, look->site, whole ? error : NULL);
    }
    if (!owner) {
        return false;
    }
    *stats = look->sums;
    pick(reservation, owner, look->site, look->places, stats);
    return true;
}
