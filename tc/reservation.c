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

/* After a failure: as it was before in the lease, @before is taken */
static void
site_put_back(Site *site, LeaseOwner *owner, LeaseOwner *before)
{
    guint index;
    bool found = g_ptr_array_find(site->lease->owners, owner, &index);

    g_assert(found);
    lease_owner_free(owner);
    g_ptr_array_index(site->lease->owners, index) = before;
}

/* ... and on the link as in the lease */
static void
site_go_back(Site *site)
{
    /* or the link is gone: nothing to take back */
    if (site_reread(site, NULL) && site_is_ours(site)) {
        (void)site_settle(site, NULL, NULL, NULL, NULL);
    }
    (void)lease_store(site->run_dir, site->lease, NULL);
}

/* A newcomer out of the lease and off the link again. It is still in the lease,
 * so that its classes are known as ours. */
static void
site_turn_away(Site *site, LeaseOwner *owner)
{
    if (site_reread(site, NULL)) {
        owner->pid = 0; /* nobody's, hence dead */
        (void)site_drop(site, owner_is_dead, NULL, NULL, NULL);
    } else {
        (void)lease_store(site->run_dir, site->lease, NULL);
    }
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
        site_turn_away(site, owner);
        g_propagate_error(error, local);
        return NULL;
    }
    site_unlock(site);
    reservation->opened_us = clock_mono_us();
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
reservation_owner(const Reservation *reservation, const Site *site,
                  GError **error)
{
    LeaseOwner *owner =
        site->lease ? lease_find(site->lease, reservation->minor) : NULL;

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

LeaseOwner *
reservation_enter(Reservation *reservation, SiteDepth depth, GError **error)
{
    Site *site = reservation->site;

    return site_enter(site, reservation->ifindex, depth, error)
               ? reservation_owner(reservation, site, error)
               : NULL;
}

typedef struct Changed {
    LeaseOwner *owner;  /* in the lease, as it shall be */
    LeaseOwner *before; /* as it was */
} Changed;

static Changed
changed_begin(LeaseOwner *owner)
{
    return (Changed){ owner, lease_owner_copy(owner) };
}

/* The lease holds what shall be: write it and do it, or go back. */
static bool
site_commit(Site *site, const Changed *changed, size_t n, GError **error)
{
    GError *local = NULL;
    bool good = lease_store(site->run_dir, site->lease, &local) &&
                site_settle(site, NULL, NULL, NULL, &local);

    if (!good) {
        for (size_t i = 0; i < n; i++) {
            site_put_back(site, changed[i].owner, changed[i].before);
        }
        site_go_back(site);
        g_propagate_error(error, local);
    }
    for (size_t i = 0; good && i < n; i++) {
        lease_owner_free(changed[i].before);
    }
    site_unlock(site);
    return good;
}

bool
reservation_match(Reservation *reservation, const StreamMatch *matches,
                  size_t n_matches, GError **error)
{
    Site *site = reservation->site;
    LeaseOwner *owner;
    Changed changed;

    if (!site_lock(site, error)) {
        return false;
    }
    owner = reservation_enter(reservation, SITE_ALL, error);
    if (!owner) {
        site_unlock(site);
        return false;
    }
    changed = changed_begin(owner);
    g_array_set_size(owner->matches, 0);
    g_array_append_vals(owner->matches, matches, (guint)n_matches);
    return site_commit(site, &changed, 1, error);
}

LeaseGuard *
reservation_application(const LeaseOwner *owner)
{
    for (guint i = 0; i < owner->guards->len; i++) {
        LeaseGuard *guard = &g_array_index(owner->guards, LeaseGuard, i);

        if (!guard->expression) {
            return guard;
        }
    }
    return NULL;
}

static LeaseGuard *
add_application(const Reservation *reservation, const Site *site,
                LeaseOwner *owner, GError **error)
{
    LeaseGuard guard = { .minor = site_guard_minor(site, NULL) };

    if (guard.minor == 0) {
        g_set_error(error, RESERVATION_ERROR, RESERVATION_ERROR_KERNEL,
                    "no class number is free on %s", site->device.name);
        return NULL;
    }
    guard.macs = g_strdupv(reservation->macs);
    g_array_append_val(owner->guards, guard);
    return reservation_application(owner);
}

/* Without an address there is nothing to know its traffic by. */
static uint64_t
application_of(const ReservationChange *change)
{
    return change->reservation->macs && change->reservation->macs[0]
               ? change->application_bytes_s
               : 0;
}

/* A class that comes or goes has filters. */
static bool
needs_filters(const ReservationChange *change, const LeaseOwner *owner)
{
    const LeaseGuard *guard = reservation_application(owner);

    return !application_of(change) != !(guard && guard->rate_bytes_s);
}

static bool
change_owner(const ReservationChange *change, const Site *site,
             LeaseOwner *owner, GError **error)
{
    LeaseGuard *guard = reservation_application(owner);
    uint64_t application = application_of(change);

    if (application && !guard &&
        !(guard = add_application(change->reservation, site, owner, error))) {
        return false;
    }
    owner->guarantee_bytes_s = change->guarantee_bytes_s;
    owner->ceiling_bytes_s =
        MAX(change->ceiling_bytes_s, change->guarantee_bytes_s);
    if (guard) {
        guard->rate_bytes_s = application;
    }
    return true;
}

/* The link is read; @n_changed of them are in its lease then, also where the
 * next one cannot be. Sets @filters if more has to be read first. */
static bool
change_owners(Site *site, const ReservationChange *changes, size_t n,
              Changed *changed, size_t *n_changed, bool *filters,
              GError **error)
{
    bool known = site->filters_known;

    for (size_t i = 0; i < n; i++) {
        LeaseOwner *owner =
            reservation_owner(changes[i].reservation, site, error);

        if (!owner) {
            return false;
        }
        *filters |= !known && needs_filters(&changes[i], owner);
    }
    for (size_t i = 0; !*filters && i < n; i++) {
        LeaseOwner *owner =
            reservation_owner(changes[i].reservation, site, NULL);

        changed[i] = changed_begin(owner);
        ++*n_changed;
        if (!change_owner(&changes[i], site, owner, error)) {
            return false;
        }
    }
    return true;
}

bool
reservation_set_many(const ReservationChange *changes, size_t n, GError **error)
{
    g_autofree Changed *changed = g_new0(Changed, n + 1);
    Reservation *first = changes[0].reservation;
    Site *site = first->site;
    size_t n_changed = 0;
    bool filters = false, good;

    if (!site_lock(site, error)) {
        return false;
    }
    good =
        site_enter(site, first->ifindex, SITE_CLASSES, error) &&
        change_owners(site, changes, n, changed, &n_changed, &filters, error);
    if (good && filters) {
        filters = false;
        good = site_enter(site, first->ifindex, SITE_ALL, error) &&
               change_owners(site, changes, n, changed, &n_changed, &filters,
                             error);
    }
    if (good) {
        return site_commit(site, changed, n, error);
    }
    /* nothing was written yet: the lease that was read goes */
    for (size_t i = 0; i < n_changed; i++) {
        lease_owner_free(changed[i].before);
    }
    site_unlock(site);
    return false;
}

bool
reservation_set(Reservation *reservation, uint64_t guarantee_bytes_s,
                uint64_t ceiling_bytes_s, uint64_t application_bytes_s,
                GError **error)
{
    ReservationChange change = { reservation, guarantee_bytes_s,
                                 ceiling_bytes_s, application_bytes_s };

    return reservation_set_many(&change, 1, error);
}
