/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * migrate-prepare.c - from options to a session that could start
 *
 * The data address, whose route tells the link, is that of --migrateuri; else
 * what the destination calls itself, for that is what libvirt sends the stream
 * to; else, where that name is not known here, the host of DESTURI.
 */
#include "tools/cli/migrate-prepare-priv.h"

#include <math.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/units.h"
#include "daemon/disabled.h"

/* QEMU's default downtime-limit. */
#define DEFAULT_DOWNTIME_S 0.3

static void plan_warn(MigratePlan *plan, const char *format, ...)
    G_GNUC_PRINTF(2, 3);

static void
plan_warn(MigratePlan *plan, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    g_ptr_array_add(plan->warnings, g_strdup_vprintf(format, args));
    va_end(args);
}

static bool
plan_connect(MigratePlan *plan, VirtPool *pool, GError **error)
{
    const MigrateOptions *options = plan->options;
    unsigned flags =
        options->global.readonly || (options->dry_run && geteuid() != 0)
            ? VIRT_OPEN_READ_ONLY
            : 0;
    g_autoptr(GError) refused = NULL;

    plan->source =
        virt_host_open_now(pool, options->global.connect_uri, flags, error);
    if (!plan->source) {
        return false;
    }
    plan->guest = virt_guest_lookup_now(plan->source, options->domain, error);
    if (!plan->guest) {
        return false;
    }
    /* What it sends is looked at for a second; this one has begun. */
    if (options->policy == POLICY_DEFAULT && !options->dry_run) {
        virt_guest_counters_now(plan->guest, &plan->counters);
    }
    /* --direct names no libvirt daemon on the other side. */
    if (options->spec->direct &&
        !(options->spec->flags & VIRT_MIGRATE_PEER2PEER)) {
        return true;
    }
    plan->destination =
        virt_host_open_now(pool, options->desturi, flags, &refused);
    if (plan->destination) {
        return true;
    }
    if (options->needs_destination ||
        (g_error_matches(refused, VIRT_ERROR, VIRT_ERROR_CONNECT) &&
         virt_host_info(plan->source)->local == VIRT_LOCAL_YES)) {
        g_propagate_prefixed_error(
            error, g_steal_pointer(&refused),
            "destination '%s' cannot be reached (is libvirtd running and "
            "listening there, and is the address right?): ",
            options->desturi);
        return false;
    }
    plan_warn(plan,
              "the destination is not open to us, only to the source's "
              "libvirtd, so it was not checked: %s",
              refused->message);
    return true;
}

/* QEMU before 9.0 clears dirty bits of whole 256 KiB without resetting the TLB
 * of TCG, so that a page that is written to again can be missed. Of a wrapper
 * with a name of its own nothing is known. */
static void
warn_of_lost_pages(MigratePlan *plan)
{
    enum { CONCERNED_BYTES = 256 * 1024, FIXED_IN = 9 };
    const VirtGuestInfo *guest = virt_guest_info(plan->guest);
    const char *version = virt_host_info(plan->source)->hypervisor_version;
    g_autofree char *program =
        guest->emulator ? g_path_get_basename(guest->emulator) : NULL;

    if (program && g_str_has_prefix(program, "qemu-system-") &&
        guest->accelerator && g_str_equal(guest->accelerator, "tcg") &&
        version && g_ascii_strtoull(version, NULL, 10) < FIXED_IN &&
        guest->memory_bytes % CONCERNED_BYTES == 0 &&
        guest->state == VIRT_STATE_RUNNING) {
        plan_warn(plan,
                  "QEMU %s can lose memory writes of a running guest under "
                  "TCG (software emulation); fixed in QEMU 9.0, and KVM is not "
                  "concerned",
                  version);
    }
}

/* Only what surely fails is refused before libvirt says so itself. */
/* What another guest did is no oracle; its size tells most of them. */
static bool
check_oracle(const MigrateOptions *options, const VirtGuestInfo *guest,
             GError **error)
{
    uint64_t recorded = options->oracle_memory_bytes;
    uint64_t off = recorded > guest->memory_bytes
                       ? recorded - guest->memory_bytes
                       : guest->memory_bytes - recorded;

    if (!options->oracle || off <= guest->memory_bytes / 100) {
        return true;
    }
    g_set_error(error, MIGRATE_OPTIONS_ERROR, MIGRATE_OPTIONS_ERROR_RULE,
                "--predictor oracle: %s is of a guest with %.0f MiB, '%s' has "
                "%.0f: it takes a record of this guest",
                options->oracle_path, (double)recorded / (1 << 20), guest->name,
                (double)guest->memory_bytes / (1 << 20));
    return false;
}

static bool
plan_check_guest(MigratePlan *plan, GError **error)
{
    const VirtGuestInfo *guest = virt_guest_info(plan->guest);
    g_autoptr(GError) problem = NULL;

    if (!check_oracle(plan->options, guest, error)) {
        return false;
    }
    warn_of_lost_pages(plan);
    if (!(plan->options->spec->flags & VIRT_MIGRATE_OFFLINE) &&
        guest->state != VIRT_STATE_RUNNING &&
        guest->state != VIRT_STATE_PAUSED) {
        g_set_error(error, VIRT_ERROR, VIRT_ERROR_NOT_RUNNING,
                    "guest '%s' is %s; start it, or use --offline to move its "
                    "definition",
                    guest->name, virt_state_name(guest->state));
        return false;
    }
    if (!plan->destination ||
        virt_host_check_guest_now(plan->destination, plan->guest, &problem)) {
        return true;
    }
    if (g_error_matches(problem, VIRT_ERROR, VIRT_ERROR_MACHINE)) {
        g_propagate_error(error, g_steal_pointer(&problem));
        return false;
    }
    plan_warn(plan, "the destination could not be checked: %s",
              problem->message);
    return true;
}

static char *
host_of_uri(const char *text)
{
    g_autoptr(GUri) uri =
        text ? g_uri_parse(text, G_URI_FLAGS_NONE, NULL) : NULL;
    const char *host = uri ? g_uri_get_host(uri) : NULL;

    return host && *host ? g_strdup(host) : NULL;
}

static bool
resolve(const MigrateOptions *options, const char *address, Link *link,
        GError **error)
{
    /* Without a policy the link is only looked at: its speed may be unknown. */
    return (options->policy == POLICY_NONE ? link_find : link_resolve)(
        address, options->link_device, options->link_rate_bytes_s, link, error);
}

bool
migrate_find_link(const MigrateOptions *options, const VirtHost *destination,
                  Link *link, GError **error)
{
    g_autofree char *of_uri = host_of_uri(options->desturi);
    g_autofree char *address = host_of_uri(options->migrateuri);
    g_autoptr(GError) problem = NULL;

    if (!address && destination) {
        address = g_strdup(virt_host_info(destination)->host_name);
    }
    if (!address) {
        address = g_strdup(of_uri);
    }
    if (!address) {
        g_set_error(error, SESSION_ERROR, SESSION_ERROR_ADDRESS,
                    "'%s' names no host, so the link is not known; give "
                    "--migrateuri tcp://ADDRESS",
                    options->desturi);
        return false;
    }
    if (resolve(options, address, link, &problem)) {
        return true;
    }
    if (!options->migrateuri && of_uri &&
        g_error_matches(problem, LINK_ERROR, LINK_ERROR_ADDRESS)) {
        return resolve(options, of_uri, link, error);
    }
    g_propagate_error(error, g_steal_pointer(&problem));
    return false;
}

/* A second, as some drivers' counters move only now and then. */
#define WATCH_US G_USEC_PER_SEC

void
migrate_watch_link(LinkWatch *watch, int ifindex)
{
    Link link = { .ifindex = ifindex };

    watch->at_us = clock_mono_us();
    watch->ifindex =
        ifindex > 0 && link_tx_bytes(&link, &watch->bytes, NULL) ? ifindex : 0;
}

static bool
watch_end(const LinkWatch *watch, const Link *link, GError **error)
{
    int64_t rest_us = watch->at_us + WATCH_US - clock_mono_us();
    uint64_t bytes;

    if (rest_us > 0) {
        g_usleep((gulong)rest_us);
    }
    return link_tx_bytes(link, &bytes, error) &&
           link_check_rate(link, watch->bytes, bytes,
                           (double)(clock_mono_us() - watch->at_us) /
                               G_USEC_PER_SEC,
                           error);
}

/* A rate that is declared too small would throttle what the link carries well.
 * Flows that begin just now overshoot for a moment, so one second over the rate
 * is no proof; two are. */
bool
migrate_check_link(const Link *link, LinkWatch *watch, GError **error)
{
    g_autoptr(GError) once = NULL;

    if (watch->ifindex != link->ifindex || watch_end(watch, link, &once)) {
        return true;
    }
    migrate_watch_link(watch, link->ifindex);
    return watch->ifindex == 0 || watch_end(watch, link, error);
}

void
migrate_fill_spec(SessionSpec *spec, const MigrateOptions *options,
                  VirtGuest *guest, VirtHost *destination, const Link *link)
{
    *spec = (SessionSpec){
        .guest = guest,
        .destination = destination,
        .migrate = options->spec,
        .set_downtime = options->downtime_ms != 0,
        .link = link,
        .protected_specs =
            (const ProtectedSpec *)(const void *)options->protected_specs->data,
        .n_protected = options->protected_specs->len,
        .parent = options->parent,
        .timeout_s = options->timeout_s,
        .timeout = options->timeout_action == MIGRATE_TIMEOUT_SUSPEND
                       ? SESSION_TIMEOUT_SUSPEND
                   : options->timeout_action == MIGRATE_TIMEOUT_POSTCOPY
                       ? SESSION_TIMEOUT_POSTCOPY
                       : SESSION_TIMEOUT_NONE,
        .postcopy_after_precopy = options->postcopy_after_precopy,
        .working_set = options->working_set,
        .cut_off_s = options->cut_off_s,
        .climbs = options->climbs,
        .ladder = options->ladder,
        .monitor_allowed = options->monitor_allowed,
        .oracle = options->oracle,
        .options = options->given,
    };
    policy_settings_init(&spec->policy, disabled_read(NULL, NULL)
                                            ? POLICY_NONE
                                            : options->policy);
    spec->aims = spec->policy.kind == POLICY_DEFAULT;
    spec->bounds_unsent = spec->aims;
    spec->compresses = spec->aims && !options->no_compression;
    spec->policy.deadline_s = options->deadline_s;
    spec->policy.margin = known_or(options->margin, spec->policy.margin);
    spec->policy.downtime_limit_s = options->downtime_ms
                                        ? options->downtime_ms / 1000.0
                                        : DEFAULT_DOWNTIME_S;
}

MigratePlan *
migrate_plan_new(VirtPool *pool, const MigrateOptions *options, GError **error)
{
    MigratePlan *plan = g_new0(MigratePlan, 1);
    g_autoptr(GError) problem = NULL;
    LinkWatch watch = { 0 };
    /* Nothing is shaped then, so that nothing has to be known of the link. */
    PolicyKind policy =
        disabled_read(NULL, NULL) ? POLICY_NONE : options->policy;

    plan->options = options;
    plan->warnings = g_ptr_array_new_with_free_func(g_free);
    if (policy != POLICY_NONE && options->link_rate_bytes_s > 0) {
        migrate_watch_link(&watch, (int)if_nametoindex(options->link_device));
    }
    if (!plan_connect(plan, pool, error) || !plan_check_guest(plan, error)) {
        migrate_plan_free(plan);
        return NULL;
    }
    /* Without a policy the link is only looked at, if it can be found. */
    plan->has_link =
        migrate_find_link(options, plan->destination, &plan->link, &problem);
    if (!plan->has_link && policy != POLICY_NONE) {
        /* A daemon may know the rate; if none steers, this is an error. */
        if (options->dry_run || options->alone ||
            !g_error_matches(problem, LINK_ERROR, LINK_ERROR_RATE)) {
            g_propagate_error(error, g_steal_pointer(&problem));
            migrate_plan_free(plan);
            return NULL;
        }
        plan->link_problem = g_steal_pointer(&problem);
    }
    if (watch.ifindex && !migrate_check_link(&plan->link, &watch, error)) {
        migrate_plan_free(plan);
        return NULL;
    }
    migrate_fill_spec(&plan->spec, options, plan->guest, plan->destination,
                      plan->has_link ? &plan->link : NULL);
    plan->spec.sent_bytes = plan->counters.guest_tx_bytes;
    plan->spec.sent_at_us = plan->counters.at_us;
    if (plan->spec.policy.kind != options->policy) {
        plan_warn(plan,
                  "vmferry is disabled on this host (%s): nothing is reserved; "
                  "\"vmferry enable\" takes that back",
                  disabled_path());
    }
    if (!policy_settings_check(&plan->spec.policy, error)) {
        migrate_plan_free(plan);
        return NULL;
    }
    return plan;
}

void
migrate_plan_free(MigratePlan *plan)
{
    if (!plan) {
        return;
    }
    virt_guest_unref(plan->guest);
    virt_host_unref(plan->destination);
    virt_host_unref(plan->source);
    g_ptr_array_unref(plan->warnings);
    g_clear_error(&plan->link_problem);
    g_free(plan);
}

const SessionSpec *
migrate_plan_spec(const MigratePlan *plan)
{
    return &plan->spec;
}

const GError *
migrate_plan_link_problem(const MigratePlan *plan)
{
    return plan->link_problem;
}

bool
migrate_plan_is_local(const MigratePlan *plan)
{
    return virt_host_info(plan->source)->local == VIRT_LOCAL_YES;
}

const GPtrArray *
migrate_plan_warnings(const MigratePlan *plan)
{
    return plan->warnings;
}
