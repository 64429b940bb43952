/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * reservation.c - opening and changing a share; see reservation.h
 *
 * Every change is the same four steps under the lock: read the lease and the
 * link, write the lease as it shall be, make the link look like it, and on
 * failure go back. A process that is killed in between leaves a lease whose
 * owner is dead, and the next one to come settles the link without it.
 */
#include "tc/reservation.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/units.h"
#include "tc/expression.h"
#include "tc/reservation-priv.h"

#define SERIAL_WARN_BYTES_S 3125000000u /* 25 Gbit/s */

void
reservation_free(Reservation *reservation)
{
    if (reservation) {
        site_free(reservation->site);
        g_free(reservation->name);
        g_strfreev(reservation->macs);
        g_free(reservation->warning);
        g_free(reservation);
    }
}

static bool
spec_check(const ReservationSpec *spec, GError **error)
{
    for (size_t i = 0; i < spec->n_protected; i++) {
        g_autoptr(GArray) program =
            expression_compile(spec->protected_specs[i].expression, error);

        if (!program) {
            return false;
        }
    }
    return true;
}

/* Is the device still the one that was resolved? */
static bool
site_enter_link(Site *site, const Link *link, GError **error)
{
    if (!site_enter(site, link->ifindex, SITE_ALL, error)) {
        return false;
    }
    if (memcmp(site->device.mac, link->mac, sizeof(link->mac)) != 0 ||
        strcmp(site->device.name, link->device) != 0) {
        g_set_error(error, RESERVATION_ERROR, RESERVATION_ERROR_GONE,
                    "interface %d is now %s, it was %s when the link was "
                    "resolved; try again",
                    link->ifindex, site->device.name, link->device);
        return false;
    }
    return true;
}

static bool
owner_is_dead(const Site *site, const LeaseOwner *owner, const void *data)
{
    return !site_owner_alive(site, owner);
}

/* The lease to join, or a fresh one; with living owners it must fit. */
static bool
site_join_lease(Site *site, const ReservationSpec *spec, GError **error)
{
    Lease *lease = site->lease;

    if (lease && lease->owners->len) {
        g_autofree char *theirs =
            units_format_rate((double)lease->link_bytes_s);
        g_autofree char *ours =
            units_format_rate((double)spec->link->rate_bytes_s);
        g_autofree char *parent = shaper_id_format(lease->parent);

        if (lease->parent != spec->parent) {
            g_set_error(error, RESERVATION_ERROR, RESERVATION_ERROR_FOREIGN,
                        "%s is already shared %s%s; give the same --parent",
                        site->device.name,
                        lease->parent ? "below class " : "by a tree of its own",
                        lease->parent ? parent : "");
            return false;
        }
        if (lease->link_bytes_s != spec->link->rate_bytes_s) {
            g_set_error(error, RESERVATION_ERROR, RESERVATION_ERROR_RATE,
                        "%s is already shared as a link of %s, not %s; give "
                        "--link %s with the same rate",
                        site->device.name, theirs, ours, site->device.name);
            return false;
        }
        return true;
    }
    lease_free(lease);
    site->lease = lease_new(&site->key);
    site->lease->link_bytes_s = spec->link->rate_bytes_s;
    site->lease->parent = spec->parent;
    return true;
}

static uint16_t
site_guard_minor(const Site *site, const char *expression)
{
    for (guint i = 0; i < site->lease->owners->len; i++) {
        const LeaseOwner *owner = g_ptr_array_index(site->lease->owners, i);

        for (guint j = 0; j < owner->guards->len; j++) {
            const LeaseGuard *guard =
                &g_array_index(owner->guards, LeaseGuard, j);

            if (expression && guard->expression &&
                strcmp(guard->expression, expression) == 0) {
                return guard->minor;
            }
        }
    }
    return site_minor(site, SHAPER_MINOR_PROTECTED, SHAPER_MINOR_END);
}

/* Puts the new owner into the lease. */
static LeaseOwner *
site_add_owner(Site *site, const ReservationSpec *spec, GError **error)
{
    LeaseOwner *owner = lease_owner_new();

    owner->pid = getpid();
    owner->name = g_utf8_make_valid(spec->name ? spec->name : "", -1);
    owner->uuid = g_utf8_make_valid(spec->uuid ? spec->uuid : "", -1);
    owner->minor =
        site_minor(site, SHAPER_MINOR_MIGRATION, SHAPER_MINOR_PROTECTED);
    owner->ceiling_bytes_s = site_root_bytes_s(site);
    g_ptr_array_add(site->lease->owners, owner);
    if (!lease_process_start(site->proc_dir, owner->pid, &owner->start_ticks)) {
        g_set_error(error, RESERVATION_ERROR, RESERVATION_ERROR_KERNEL,
                    "%s does not show this process", site->proc_dir);
        return NULL;
    }
    for (size_t i = 0; i < spec->n_protected; i++) {
        LeaseGuard guard = {
            .minor =
                site_guard_minor(site, spec->protected_specs[i].expression),
            .rate_bytes_s = spec->protected_specs[i].rate_bytes_s,
            .expression = g_strdup(spec->protected_specs[i].expression),
        };

        g_array_append_val(owner->guards, guard);
        if (guard.minor == 0) {
            owner->minor = 0;
        }
    }
    if (owner->minor == 0) {
        g_set_error(error, RESERVATION_ERROR, RESERVATION_ERROR_KERNEL,
                    "no class number is free on %s", site->device.name);
        return NULL;
    }
    return owner;
}

static char *
site_warning(const Site *site, const ReservationSpec *spec)
{
    if (!spec->parent && spec->link->rate_bytes_s >= SERIAL_WARN_BYTES_S &&
        site->snapshot->root.handle == 0) {
        return g_strdup_printf(
            "%s: one HTB tree takes the place of %s; on a link of 25 Gbit/s "
            "or more its single lock may cost throughput of other traffic",
            site->device.name,
            site->snapshot->root.kind[0] ? site->snapshot->root.kind
                                         : "the default queues");
    }
    return NULL;
}

char *
reservation_plan(const ReservationSpec *spec, GError **error)
{
    g_autoptr(Site) site = NULL;
    g_autoptr(ShaperTree) wanted = NULL, present = NULL;
    g_autoptr(GArray) ops = NULL;
    g_autoptr(GString) text = g_string_new(NULL);
    g_autofree char *warning = NULL;

    if (!spec_check(spec, error) ||
        !(site = site_new(spec->run_dir, spec->proc_dir, error)) ||
        !site_enter_link(site, spec->link, error) ||
        !site_judge(site, spec->parent, error)) {
        return NULL;
    }
    present = site_present(site);
    for (guint i = site->lease ? site->lease->owners->len : 0; i-- > 0;) {
        if (owner_is_dead(site, g_ptr_array_index(site->lease->owners, i),
                          NULL)) {
            g_ptr_array_remove_index(site->lease->owners, i);
        }
    }
    if (!site_join_lease(site, spec, error) ||
        !site_add_owner(site, spec, error)) {
        return NULL;
    }
    wanted = site_wanted(site, NULL, NULL, error);
    if (!wanted) {
        site_error(site, error);
        return NULL;
    }
    warning = site_warning(site, spec);
    if (warning) {
        g_string_append_printf(text, "warning: %s\n", warning);
    }
    ops = shaper_diff(wanted, present);
    for (guint i = 0; i < ops->len; i++) {
        const ShaperOp *op = &g_array_index(ops, ShaperOp, i);
        g_autofree char *line = shaper_op_describe(op);

        g_string_append_printf(text, "%s: %s", site->device.name, line);
        if (op->kind == SHAPER_OP_ADD_ROOT) {
            g_string_append_printf(
                text, " (instead of the kernel's %s, which is back afterwards)",
                site->snapshot->root.kind[0] ? site->snapshot->root.kind
                                             : "default");
        }
        g_string_append_c(text, '\n');
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

/* After a failure: out of the lease and off the link again. */
static void
site_revert(Site *site, LeaseOwner *owner, LeaseOwner *before)
{
    guint index;
    bool found = g_ptr_array_find(site->lease->owners, owner, &index);

    g_assert(found);
    if (before) {
        lease_owner_free(owner);
        g_ptr_array_index(site->lease->owners, index) = before;
    }
    if (!site_reread(site, NULL)) {
        /* the link is gone: nothing to take back */
    } else if (before && site_is_ours(site)) {
        (void)site_settle(site, NULL, NULL, NULL, NULL);
    } else if (!before) {
        /* still in the lease, so that its classes are known as ours */
        owner->pid = 0; /* nobody's, hence dead */
        (void)site_drop(site, owner_is_dead, NULL, NULL, NULL);
        return;
    }
    (void)lease_store(site->run_dir, site->lease, NULL);
}

Reservation *
reservation_open(const ReservationSpec *spec, GError **error)
{
    g_autoptr(Reservation) reservation = g_new0(Reservation, 1);
    GError *local = NULL;
    LeaseOwner *owner;
    Site *site;

    if (!spec_check(spec, error)) {
        return NULL;
    }
    site = site_new(spec->run_dir, spec->proc_dir, error);
    reservation->site = site;
    if (!site || !shaper_nl_permitted(site->kernel, error) ||
        !site_lock(site, error) || !site_enter_link(site, spec->link, error)) {
        return NULL;
    }
    if (site->lease && !site_drop(site, owner_is_dead, NULL, NULL, error)) {
        g_prefix_error(error, "removing what a dead process left: ");
        return NULL;
    }
    reservation->warning = site_warning(site, spec);
    if (!site_judge(site, spec->parent, error) ||
        !site_join_lease(site, spec, error)) {
        return NULL;
    }
    owner = site_add_owner(site, spec, error);
    if (!owner || !lease_store(site->run_dir, site->lease, error)) {
        return NULL;
    }
    if (!site_settle(site, NULL, NULL, NULL, &local)) {
        site_revert(site, owner, NULL);
        g_propagate_error(error, local);
        return NULL;
    }
    site_unlock(site);
    reservation->ifindex = spec->link->ifindex;
    reservation->key = site->key;
    reservation->minor = owner->minor;
    reservation->class_id = site_major(site) | owner->minor;
    reservation->name = g_strdup(owner->name);
    reservation->macs = g_strdupv((char **)(void *)spec->guest_macs);
    return g_steal_pointer(&reservation);
}

uint32_t
reservation_class_id(const Reservation *reservation)
{
    return reservation->class_id;
}

const char *
reservation_warning(const Reservation *reservation)
{
    return reservation->warning;
}

LeaseOwner *
reservation_enter(Reservation *reservation, SiteDepth depth, GError **error)
{
    Site *site = reservation->site;
    LeaseOwner *owner;

    if (!site_enter(site, reservation->ifindex, depth, error)) {
        return NULL;
    }
    owner = site->lease ? lease_find(site->lease, reservation->minor) : NULL;
    if (!lease_key_equal(&site->key, &reservation->key) || !owner ||
        owner->pid != getpid() || !site_is_ours(site) ||
        !snapshot_class(site->snapshot, site_major(site) | owner->minor,
                        NULL)) {
        g_set_error(error, RESERVATION_ERROR, RESERVATION_ERROR_GONE,
                    "the share of guest %s on %s was removed by somebody else",
                    reservation->name, site->device.name);
        return NULL;
    }
    return owner;
}

/* The lease holds what shall be: write it and do it, or go back. */
static bool
reservation_commit(Reservation *reservation, LeaseOwner *owner,
                   LeaseOwner *before, GError **error)
{
    Site *site = reservation->site;
    GError *local = NULL;
    bool good = lease_store(site->run_dir, site->lease, &local) &&
                site_settle(site, NULL, NULL, NULL, &local);

    if (!good) {
        site_revert(site, owner, before);
        g_propagate_error(error, local);
    } else {
        lease_owner_free(before);
    }
    site_unlock(site);
    return good;
}

bool
reservation_match(Reservation *reservation, const StreamMatch *matches,
                  size_t n_matches, GError **error)
{
    Site *site = reservation->site;
    LeaseOwner *owner, *before;

    if (!site_lock(site, error)) {
        return false;
    }
    owner = reservation_enter(reservation, SITE_ALL, error);
    if (!owner) {
        site_unlock(site);
        return false;
    }
    before = lease_owner_copy(owner);
    g_array_set_size(owner->matches, 0);
    g_array_append_vals(owner->matches, matches, (guint)n_matches);
    return reservation_commit(reservation, owner, before, error);
}

/* The guest's own class in the lease, NULL: it has none. Once there it stays,
 * with rate 0 while it is not on the link: only the lease tells whose the class
 * is if we die while it comes or goes. */
static LeaseGuard *
owner_application(LeaseOwner *owner)
{
    for (guint i = 0; i < owner->guards->len; i++) {
        LeaseGuard *guard = &g_array_index(owner->guards, LeaseGuard, i);

        if (!guard->expression) {
            return guard;
        }
    }
    return NULL;
}

static bool
owner_add_application(Reservation *reservation, LeaseOwner *owner,
                      GError **error)
{
    LeaseGuard guard = { .minor = site_guard_minor(reservation->site, NULL) };

    if (guard.minor == 0) {
        g_set_error(error, RESERVATION_ERROR, RESERVATION_ERROR_KERNEL,
                    "no class number is free on %s",
                    reservation->site->device.name);
        return false;
    }
    guard.macs = g_strdupv(reservation->macs);
    g_array_append_val(owner->guards, guard);
    return true;
}

bool
reservation_set(Reservation *reservation, uint64_t guarantee_bytes_s,
                uint64_t ceiling_bytes_s, uint64_t application_bytes_s,
                GError **error)
{
    Site *site = reservation->site;
    LeaseOwner *owner, *before;
    LeaseGuard *guard;

    /* without an address there is nothing to know its traffic by */
    if (!reservation->macs || !reservation->macs[0]) {
        application_bytes_s = 0;
    }
    if (!site_lock(site, error)) {
        return false;
    }
    owner = reservation_enter(reservation, SITE_CLASSES, error);
    guard = owner ? owner_application(owner) : NULL;
    /* a class that comes or goes has filters */
    if (owner && !application_bytes_s != !(guard && guard->rate_bytes_s)) {
        owner = reservation_enter(reservation, SITE_ALL, error);
        if (owner && !owner_application(owner) &&
            !owner_add_application(reservation, owner, error)) {
            owner = NULL;
        }
        guard = owner ? owner_application(owner) : NULL;
    }
    if (!owner) {
        site_unlock(site);
        return false;
    }
    before = lease_owner_copy(owner);
    owner->guarantee_bytes_s = guarantee_bytes_s;
    owner->ceiling_bytes_s = MAX(ceiling_bytes_s, guarantee_bytes_s);
    if (guard) {
        guard->rate_bytes_s = application_bytes_s;
    }
    return reservation_commit(reservation, owner, before, error);
}

static void
stats_add(ClassStats *sum, const ClassStats *more)
{
    sum->bytes += more->bytes;
    sum->packets += more->packets;
    sum->drops += more->drops;
    sum->overlimits += more->overlimits;
    sum->backlog_bytes += more->backlog_bytes;
}

bool
reservation_stats(Reservation *reservation, ReservationStats *stats,
                  GError **error)
{
    Site *site = reservation->site;
    LeaseOwner *owner = reservation_enter(reservation, SITE_CLASSES, error);
    ReservationStats sum = { 0 };
    const LeaseGuard *application;

    if (!owner) {
        return false;
    }
    application = owner_application(owner);
    for (guint i = 0; i < site->snapshot->classes->len; i++) {
        const ShaperClass *class_ =
            &g_array_index(site->snapshot->classes, ShaperClass, i);
        const ClassStats *one =
            &g_array_index(site->snapshot->stats, ClassStats, i);
        uint16_t minor = (uint16_t)class_->id;
        bool ours = site_is_our_class(site, class_->id);

        if (class_->inner) {
            continue;
        }
        if (ours && minor == reservation->minor) {
            sum.migration = *one;
            stats_add(&sum.migrations, one);
        } else if (ours && application && minor == application->minor) {
            sum.application = *one;
        } else if (ours && minor >= SHAPER_MINOR_PROTECTED) {
            stats_add(&sum.protected_classes, one);
            sum.others_bytes_s += (double)class_->rate_bytes_s;
        } else if (ours && minor >= SHAPER_MINOR_MIGRATION) {
            stats_add(&sum.migrations, one);
            sum.others_bytes_s += (double)class_->rate_bytes_s;
        } else {
            stats_add(&sum.rest, one);
        }
    }
    sum.link_bytes = site->device.tx_bytes;
    sum.root_bytes_s = (double)site_root_bytes_s(site);
    if (!site->lease->parent) {
        uint64_t root = site_root_bytes_s(site);

        sum.others_bytes_s += (double)(shaper_control_bytes_s(root) +
                                       shaper_rest_min_bytes_s(root));
    }
    *stats = sum;
    return true;
}
