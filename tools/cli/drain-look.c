/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * drain-look.c - hosts, guests and links of a drain: what there is
 *
 * Blocks, for nothing else is under way yet, and changes nothing. A host or a
 * link that cannot be had ends the drain before it begins; what is wrong with
 * one guest is that guest's.
 */
#include <string.h>
#include <unistd.h>

#include "tools/cli/drain-priv.h"
#include "tools/cli/migrate-prepare.h"

void
drain_unit_clear(DrainUnit *unit)
{
    drain_look_no_further(unit);
    g_clear_pointer(&unit->session, session_free);
    g_clear_pointer(&unit->migrate, migrate_options_free);
    g_clear_pointer(&unit->ticket, g_free);
    g_clear_pointer(&unit->virt, virt_guest_unref);
}

/* --- hosts --- */

static unsigned
open_flags(const DrainOptions *options)
{
    return options->global.readonly || (options->plan_only && geteuid() != 0)
               ? VIRT_OPEN_READ_ONLY
               : 0;
}

/* The options of a migration to that host, of no guest in particular. */
static MigrateOptions *
trial_options(const DrainRun *run, const char *uri)
{
    MigrateOptions *trial =
        drain_options_migrate(run->options, "guest", uri, true, NULL);

    g_assert(trial); /* they were tried when the options were read */
    return trial;
}

static bool
find_link(DrainRun *run, DrainPlace *place, const char *uri, GError **error)
{
    g_autoptr(MigrateOptions) trial = trial_options(run, uri);
    g_autoptr(GError) problem = NULL;

    place->has_link =
        migrate_find_link(trial, place->host, &place->link, &problem);
    if (!place->has_link && run->policy != POLICY_NONE) {
        g_propagate_error(error, g_steal_pointer(&problem));
        return false;
    }
    return true;
}

static bool
add_host(DrainRun *run, const char *uri, GError **error)
{
    DrainPlace *place = g_new0(DrainPlace, 1);
    const char *name;
    DrainHost *host;
    uint64_t bytes;

    g_ptr_array_add(run->places, place);
    place->host =
        virt_host_open_now(run->pool, uri, open_flags(run->options), error);
    if (!place->host) {
        g_prefix_error(error,
                       "destination '%s' cannot be reached (is libvirtd "
                       "running and listening there, and is the address "
                       "right?): ",
                       uri);
        return false;
    }
    name = virt_host_info(place->host)->host_name;
    host = drain_host_new(uri, name ? name : uri);
    g_ptr_array_add(run->drain->hosts, host);
    if (!find_link(run, place, uri, error)) {
        return false;
    }
    if (place->has_link) {
        host->link =
            drain_link(run->drain, place->link.device, place->link.chain,
                       (double)place->link.rate_bytes_s);
        migrate_watch_link(&place->watch, place->link.ifindex);
    }
    if (virt_host_free_memory_now(place->host, NULL, &bytes, NULL)) {
        host->free_bytes = known((double)bytes);
    }
    return true;
}

bool
drain_check_links(DrainRun *run, GError **error)
{
    for (guint i = 0; run->policy != POLICY_NONE && i < run->drain->links->len;
         i++) {
        for (guint j = 0; j < run->places->len; j++) {
            DrainPlace *place = run->places->pdata[j];
            const DrainHost *host = run->drain->hosts->pdata[j];

            if (host->link == (int)i) {
                if (place->link.rate_declared &&
                    !migrate_check_link(&place->link, &place->watch, error)) {
                    return false;
                }
                break;
            }
        }
    }
    return true;
}

static void
take_settings(DrainRun *run, const MigrateOptions *trial)
{
    SessionSpec spec;

    migrate_fill_spec(&spec, trial, NULL, NULL, NULL);
    run->downtime_limit_s = spec.policy.downtime_limit_s;
    run->policy = spec.policy.kind;
    if (run->policy != trial->policy) {
        drain_view_note(run->view, 0, NULL, "warning",
                        "vmferry is disabled on this host: nothing is "
                        "reserved; \"vmferry enable\" takes that back");
    }
    for (size_t i = 0; i < spec.n_protected; i++) {
        run->protected_bytes_s += (double)spec.protected_specs[i].rate_bytes_s;
    }
}

bool
drain_look_hosts(DrainRun *run, GError **error)
{
    const DrainOptions *options = run->options;
    g_autoptr(MigrateOptions) trial = trial_options(run, options->to->pdata[0]);
    const VirtHostInfo *info;

    take_settings(run, trial);
    run->source = virt_host_open_now(run->pool, options->global.connect_uri,
                                     open_flags(options), error);
    if (!run->source) {
        return false;
    }
    info = virt_host_info(run->source);
    run->drain->source_uri = g_strdup(info->uri);
    run->drain->source_name =
        g_strdup(info->host_name ? info->host_name : info->uri);
    run->drain->source_uuid = g_strdup(info->uuid);
    if (run->policy != POLICY_NONE && info->local == VIRT_LOCAL_NO) {
        g_set_error(error, SESSION_ERROR, SESSION_ERROR_REMOTE,
                    "the source %s is another host, and bandwidth can be "
                    "reserved only where the streams leave: run vmferry there, "
                    "or use --policy none",
                    info->uri);
        return false;
    }
    for (guint i = 0; i < options->to->len; i++) {
        if (!add_host(run, options->to->pdata[i], error)) {
            return false;
        }
    }
    return true;
}

/* --- guests --- */

static void
set_refusal(DrainGuest *guest, guint host, const char *text)
{
    g_free(guest->refusals->pdata[host]);
    guest->refusals->pdata[host] = g_strdup(text);
}

static void
check_huge_pages(DrainGuest *guest, guint i, VirtHost *host,
                 const VirtLeaving *leaving)
{
    uint64_t bytes;

    if (virt_host_free_memory_now(host, leaving, &bytes, NULL) &&
        bytes < guest->memory_bytes) {
        g_autofree char *text = g_strdup_printf(
            "'%s' has %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
            " huge pages of %u KiB that it needs",
            virt_host_info(host)->host_name,
            bytes / 1024 / leaving->hugepage_kib,
            guest->memory_bytes / 1024 / leaving->hugepage_kib,
            leaving->hugepage_kib);

        set_refusal(guest, i, text);
    }
}

/* Who has its name or its UUID there already? */
static void
check_namesake(DrainGuest *guest, guint i, VirtHost *host)
{
    g_autoptr(VirtGuest) same = virt_guest_lookup_now(host, guest->uuid, NULL);
    g_autoptr(VirtGuest) other = virt_guest_lookup_now(host, guest->name, NULL);
    const VirtGuestInfo *info = same ? virt_guest_info(same) : NULL;
    g_autofree char *text = NULL;

    if (info && (info->state == VIRT_STATE_RUNNING ||
                 info->state == VIRT_STATE_PAUSED)) {
        text = g_strdup_printf("a guest with its UUID is %s on '%s'",
                               virt_state_name(info->state),
                               virt_host_info(host)->host_name);
    } else if (other && !same &&
               !strcmp(virt_guest_info(other)->name, guest->name)) {
        text = g_strdup_printf("another guest of that name is known on '%s' "
                               "(rename or undefine it there)",
                               virt_host_info(host)->host_name);
    }
    if (text) {
        set_refusal(guest, i, text);
    }
}

static void
check_at(DrainRun *run, DrainUnit *unit, guint i, const VirtLeaving *leaving)
{
    const DrainPlace *place = run->places->pdata[i];
    g_autoptr(GError) machine = NULL, cpu = NULL;

    if (!virt_host_check_guest_now(place->host, unit->virt, &machine)) {
        if (g_error_matches(machine, VIRT_ERROR, VIRT_ERROR_MACHINE)) {
            set_refusal(unit->guest, i, machine->message);
            return;
        }
        g_ptr_array_add(unit->guest->cautions,
                        g_strdup_printf("'%s' was not asked whether it takes "
                                        "it: %s",
                                        virt_host_info(place->host)->host_name,
                                        machine->message));
    }
    if (!virt_host_check_cpu_now(place->host, unit->virt, leaving, &cpu)) {
        set_refusal(unit->guest, i, cpu->message);
        return;
    }
    if (leaving->hugepages && leaving->hugepage_kib > 0) {
        check_huge_pages(unit->guest, i, place->host, leaving);
    }
    check_namesake(unit->guest, i, place->host);
}

static bool
is_listed(const GPtrArray *list, const VirtGuestInfo *info)
{
    g_autofree char *id = g_strdup_printf("%d", info->id);

    for (guint i = 0; i < list->len; i++) {
        const char *which = list->pdata[i];

        if (!strcmp(which, info->name) || !strcmp(which, info->uuid) ||
            !strcmp(which, id)) {
            return true;
        }
    }
    return false;
}

static void
judge_guest(DrainRun *run, DrainUnit *unit, GError **error)
{
    DrainGuest *guest = unit->guest;
    g_autoptr(MigrateOptions) trial =
        trial_options(run, run->options->to->pdata[0]);
    VirtLeavingSpec spec = {
        .copies_disks = trial->spec->flags & (VIRT_MIGRATE_NON_SHARED_DISK |
                                              VIRT_MIGRATE_NON_SHARED_INC),
        .unsafe = trial->spec->flags & VIRT_MIGRATE_UNSAFE,
    };
    g_autoptr(VirtLeaving) leaving =
        virt_guest_leaving_now(unit->virt, &spec, error);

    if (!leaving) {
        return;
    }
    guest->autostart = leaving->autostart && guest->persistent;
    guest->plain_memory = !leaving->hugepages;
    for (guint i = 0; i < leaving->cautions->len; i++) {
        g_ptr_array_add(guest->cautions, g_strdup(leaving->cautions->pdata[i]));
    }
    for (guint i = 0; i < leaving->obstacles->len; i++) {
        const VirtObstacle *obstacle = leaving->obstacles->pdata[i];

        drain_guest_keep(guest, g_strdup(obstacle->text));
    }
    for (guint i = 0; guest->status == DRAIN_WAITS && i < run->places->len;
         i++) {
        check_at(run, unit, i, leaving);
    }
}

static void
add_guest(DrainRun *run, VirtGuest *virt)
{
    const VirtGuestInfo *info = virt_guest_info(virt);
    const DrainOptions *options = run->options;
    DrainUnit *unit = g_new0(DrainUnit, 1);
    DrainGuest *guest = drain_guest_new(info->uuid, info->name);
    g_autoptr(GError) error = NULL;

    *unit = (DrainUnit){ .run = run, .guest = guest, .virt = virt };
    guest->memory_bytes = info->memory_bytes;
    guest->persistent = info->persistent;
    for (guint i = 0; i < run->places->len; i++) {
        g_ptr_array_add(guest->refusals, NULL);
    }
    g_ptr_array_add(run->drain->guests, guest);
    g_ptr_array_add(run->units, unit);
    if (is_listed(options->exclude, info) ||
        (options->only->len > 0 && !is_listed(options->only, info))) {
        guest->excluded = true;
        drain_guest_keep(guest, g_strdup("not asked for"));
        return;
    }
    judge_guest(run, unit, &error);
    if (error) {
        drain_guest_keep(guest, g_strdup(error->message));
    }
}

/* A name that nobody has is a slip that could move the wrong guest. */
static bool
check_names(const DrainRun *run, const GPtrArray *list, const char *option,
            GError **error)
{
    for (guint i = 0; i < list->len; i++) {
        bool found = false;

        for (guint j = 0; j < run->units->len && !found; j++) {
            const DrainUnit *unit = run->units->pdata[j];
            g_autofree char *id =
                g_strdup_printf("%d", virt_guest_info(unit->virt)->id);

            found = !strcmp(list->pdata[i], unit->guest->name) ||
                    !strcmp(list->pdata[i], unit->guest->uuid) ||
                    !strcmp(list->pdata[i], id);
        }
        if (!found && !run->options->resume) {
            g_set_error(error, DRAIN_OPTIONS_ERROR, DRAIN_OPTIONS_ERROR_RULE,
                        "--%s %s: no such guest runs on '%s' (see 'virsh "
                        "list')",
                        option, (char *)list->pdata[i],
                        run->drain->source_name);
            return false;
        }
    }
    return true;
}

bool
drain_look_guests(DrainRun *run, GError **error)
{
    g_auto(GStrv) uuids =
        virt_host_active_now(run->source, &run->drain->stopped, error);

    if (!uuids) {
        return false;
    }
    for (size_t i = 0; uuids[i]; i++) {
        g_autoptr(GError) problem = NULL;
        VirtGuest *virt =
            virt_guest_lookup_now(run->source, uuids[i], &problem);

        if (virt) {
            add_guest(run, virt);
        } else if (!g_error_matches(problem, VIRT_ERROR,
                                    VIRT_ERROR_NO_DOMAIN)) {
            g_propagate_error(error, g_steal_pointer(&problem));
            return false;
        }
    }
    return check_names(run, run->options->exclude, "exclude", error) &&
           check_names(run, run->options->only, "only", error);
}
