/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * shaping.c - classes of those that are steered, and how they are kept
 *
 *   one migration, one connection      a class with its guarantee
 *   several, whose is whose in doubt   one class for all of their connections,
 *                                      with the sum of their guarantees
 *   observed, advised                  nothing: the stream's own counters
 *
 * A migration that others started gets a guarantee and never a ceiling below
 * what the link carries, unless its rules allow one. Our tree may vanish under
 * our hands, and the interface may get another name: that is repaired twice,
 * then given up, so that nobody's script and we take turns for ever. The
 * migration goes on in any case.
 */
#include <net/if.h>
#include <string.h>

#include "base/clock.h"
#include "daemon/daemon-priv.h"
#include "tc/lease.h"
#include "tc/shaper.h"

#define MOST_REPAIRS 2
/* What the kernel refused is tried again, ever more seldom. */
#define RETRY_MS 250
#define RETRY_MOST_MS 30000

/* --- opening and closing --- */

/* A link that is given away whole would keep who comes later without a class
 * for good: only who has one is heard when it is shared out anew. */
static void
make_room(const Outgoing *newcomer)
{
    const GPtrArray *all = newcomer->daemon->outgoing;

    for (guint i = 0; i < all->len; i++) {
        Outgoing *other = g_ptr_array_index(all, i);
        uint64_t half = other->set_guarantee_bytes_s / 2;

        if (other != newcomer && other->reservation &&
            other->link.ifindex == newcomer->link.ifindex &&
            reservation_set(other->reservation, half,
                            other->set_ceiling_bytes_s,
                            other->set_application_bytes_s, NULL)) {
            other->set_guarantee_bytes_s = half;
        }
    }
}

static Reservation *
open_or_make_room(const Outgoing *outgoing, const ReservationSpec *spec,
                  GError **error)
{
    g_autoptr(GError) full = NULL;
    Reservation *reservation = reservation_open(spec, &full);

    if (reservation) {
        return reservation;
    }
    if (!g_error_matches(full, RESERVATION_ERROR, RESERVATION_ERROR_RATE)) {
        g_propagate_error(error, g_steal_pointer(&full));
        return NULL;
    }
    make_room(outgoing);
    return reservation_open(spec, error);
}

static bool
open_class(Outgoing *outgoing, GError **error)
{
    const DaemonConfig *config = outgoing->daemon->config;
    const ConfigLink *link = daemon_config_link(config, outgoing->link.device);
    g_autoptr(GArray) guards = g_array_new(FALSE, TRUE, sizeof(ProtectedSpec));
    ReservationSpec spec = {
        .link = &outgoing->link,
        .name = outgoing->name,
        .uuid = outgoing->uuid,
        .parent = link ? link->parent : 0,
        .run_dir = outgoing->daemon->options.run_dir,
    };

    for (guint i = 0; i < config->protects->len; i++) {
        const ConfigProtect *protect = g_ptr_array_index(config->protects, i);
        ProtectedSpec guard = { protect->match, protect->rate_bytes_s };

        if (!protect->link ||
            g_str_equal(protect->link, outgoing->link.device)) {
            g_array_append_val(guards, guard);
        }
    }
    if (outgoing->announced) {
        const GArray *more = announced_guards(outgoing->announced);
        uint32_t parent = announced_parent(outgoing->announced);

        g_array_append_vals(guards, more->data, more->len);
        spec.parent = parent ? parent : spec.parent;
    }
    spec.protected_specs = (const ProtectedSpec *)(const void *)guards->data;
    spec.n_protected = guards->len;
    virt_guest_info_macs(virt_guest_info(session_guest(outgoing->session)),
                         spec.guest_macs, G_N_ELEMENTS(spec.guest_macs));
    outgoing->reservation = open_or_make_room(outgoing, &spec, error);
    /* Another class: what was seen of the one before says nothing of it. */
    g_clear_pointer(&outgoing->in_force, in_force_free);
    memset(&outgoing->force_before, 0, sizeof(outgoing->force_before));
    g_array_set_size(outgoing->matched, 0);
    outgoing->set_guarantee_bytes_s = outgoing->set_ceiling_bytes_s =
        outgoing->set_application_bytes_s = 0;
    return outgoing->reservation != NULL;
}

static void
close_class(Outgoing *outgoing, bool running)
{
    g_autoptr(GError) error = NULL;
    Reservation *reservation = g_steal_pointer(&outgoing->reservation);
    bool hurry = outgoing->daemon->hurry;

    outgoing->class_bytes_before += outgoing->class_bytes_now;
    outgoing->class_bytes_now = 0;
    if (reservation &&
        !(hurry     ? reservation_close_at_once(reservation, &error)
          : running ? reservation_close_running(reservation, &error)
                    : reservation_close(reservation, &error))) {
        outgoing_log(outgoing, G_LOG_LEVEL_WARNING, LOG_EVENT_LINK, "class",
                     "%s; \"vmferry tc clear %s\" removes the rest",
                     error->message, outgoing->link.device);
    }
}

static gboolean on_retry(gpointer user);

static void
retry_later(Outgoing *outgoing)
{
    unsigned wait_ms = RETRY_MS << MIN(outgoing->refusals, 7);

    outgoing->refusals++;
    if (!outgoing->retry_source && !outgoing->ended) {
        outgoing->retry_source =
            g_timeout_add(MIN(wait_ms, RETRY_MOST_MS), on_retry, outgoing);
    }
}

static void
retry_no_more(Outgoing *outgoing)
{
    g_clear_handle_id(&outgoing->retry_source, g_source_remove);
    g_clear_pointer(&outgoing->refused, g_free);
    outgoing->refusals = 0;
}

/* The job hears of what is in force now: it was told that it was not. */
static gboolean
on_retry(gpointer user)
{
    Outgoing *outgoing = user;
    int ifindex = outgoing->link.ifindex;

    outgoing->retry_source = 0;
    if (outgoing->ended || outgoing->rules.mode != CONFIG_MODE_ENFORCE) {
        return G_SOURCE_REMOVE;
    }
    if (!outgoing->reservation) {
        shaping_open(outgoing);
    } else {
        arbiter_settle(outgoing->daemon, ifindex);
    }
    if (outgoing->reservation && !outgoing->refused &&
        (outgoing->has_grant || outgoing->has_decision)) {
        outgoing_log(outgoing, G_LOG_LEVEL_INFO, LOG_EVENT_LINK, "retried",
                     "the kernel takes now what it refused");
        session_grant(outgoing->session, outgoing->has_grant
                                             ? &outgoing->grant
                                             : &outgoing->decision);
    }
    return G_SOURCE_REMOVE;
}

static void
refused(Outgoing *outgoing, const char *why)
{
    force_set(outgoing, FORCE_KERNEL, why);
    if (outgoing->refusals == 0) {
        session_note(outgoing->session, why);
    }
    retry_later(outgoing);
}

void
shaping_open(Outgoing *outgoing)
{
    g_autoptr(GError) error = NULL;

    if (outgoing->rules.mode != CONFIG_MODE_ENFORCE ||
        outgoing->rules.policy == POLICY_NONE) {
        close_class(outgoing, true);
        retry_no_more(outgoing);
        force_set(outgoing, FORCE_MODE,
                  outgoing->rules.policy == POLICY_NONE ? "its policy is none"
                  : outgoing->rules.mode == CONFIG_MODE_ADVISE
                      ? "advised only, nothing is changed"
                      : "observed only, nothing is changed");
    } else if (outgoing->reservation || outgoing->force == FORCE_GIVEN_UP) {
        /* as it is */
    } else if (open_class(outgoing, &error)) {
        const char *warning = reservation_warning(outgoing->reservation);

        outgoing->had_class = true;
        force_set(outgoing, FORCE_NO_STREAM, "its connection is not found yet");
        if (warning) {
            session_note(outgoing->session, warning);
        }
        arbiter_settle(outgoing->daemon, outgoing->link.ifindex);
    } else {
        refused(outgoing, error->message);
    }
}

Known
shaping_close(Outgoing *outgoing)
{
    ReservationStats stats;
    bool running = job_state(session_job(outgoing->session)) != JOB_DONE;

    if (outgoing->reservation &&
        reservation_stats(outgoing->reservation, &stats, NULL)) {
        outgoing->class_bytes_now = stats.migration.bytes;
    }
    close_class(outgoing, running);
    arbiter_fewer(outgoing->daemon, outgoing->link.ifindex);
    return outgoing->had_class ? known((double)outgoing->class_bytes_before -
                                       (double)outgoing->not_its_own)
                               : unknown();
}

/* --- keeping --- */

/* A lease with owners for the interface under its new name: somebody else of
 * this daemon has repaired it already. */
static bool
leased(const Daemon *daemon, const char *device)
{
    g_autoptr(GPtrArray) leases = lease_list(daemon->options.run_dir);

    for (guint i = 0; i < leases->len; i++) {
        const Lease *lease = g_ptr_array_index(leases, i);

        if (g_str_equal(lease->key.device, device) && lease->owners->len > 0) {
            return true;
        }
    }
    return false;
}

/* The tree is gone, or the interface has another name. */
static bool
repair(Outgoing *outgoing, const char *cause)
{
    g_autoptr(GError) error = NULL;
    char name[IF_NAMESIZE] = "";
    g_autofree char *why = NULL;

    close_class(outgoing, true);
    outgoing_relink(outgoing);
    if (!if_indextoname((unsigned)outgoing->link.ifindex, name)) {
        why = g_strdup_printf("interface %s is gone", outgoing->link.device);
        force_set(outgoing, FORCE_LINK, why);
        session_note(outgoing->session, why);
        return false;
    }
    if (outgoing->repairs >= MOST_REPAIRS) {
        why = g_strdup_printf("given up after %u repairs: %s",
                              outgoing->repairs, cause);
        force_set(outgoing, FORCE_GIVEN_UP, why);
        session_note(outgoing->session, why);
        return false;
    }
    outgoing->repairs++;
    session_note(outgoing->session, cause);
    control_foreign(outgoing, FOREIGN_CLASS, unknown(), unknown(), cause);
    /* Our own tree may stand under a lease that its old name had. */
    if (!leased(outgoing->daemon, name)) {
        reservation_clear(name, true, outgoing->daemon->options.run_dir, NULL,
                          NULL);
    }
    g_strlcpy(outgoing->link.device, name, sizeof(outgoing->link.device));
    if (!open_class(outgoing, &error)) {
        refused(outgoing, error->message);
        return false;
    }
    shaping_apply(outgoing->daemon, outgoing->link.ifindex);
    outgoing_log(outgoing, G_LOG_LEVEL_INFO, LOG_EVENT_LINK, "repaired",
                 "its class on %s stands again (repair %u of %u)",
                 outgoing->link.device, outgoing->repairs, MOST_REPAIRS);
    control_tell_link(outgoing);
    return true;
}

/* An interface that was gone is there again, perhaps with another number, or
 * another one has taken its place. */
static void
come_back(Outgoing *outgoing)
{
    char name[IF_NAMESIZE];

    if (!outgoing_relink(outgoing) &&
        !if_indextoname((unsigned)outgoing->link.ifindex, name)) {
        return;
    }
    if (outgoing->force == FORCE_LINK) {
        g_autofree char *cause = g_strdup_printf("interface %s is there again",
                                                 outgoing->link.device);

        force_set(outgoing, FORCE_NO_STREAM, cause);
        repair(outgoing, cause);
    }
}

/* --- what each class shall be --- */

typedef struct Share {
    Outgoing *outgoing;
    GArray *matches; /* StreamMatch */
    uint64_t guarantee_bytes_s, ceiling_bytes_s, application_bytes_s;
} Share;

static void
share_clear(gpointer data)
{
    g_array_unref(((Share *)data)->matches);
}

/* The first of its group, @leaders: group -> 1 + place */
static Share *
leader_of(GArray *shares, GHashTable *leaders, int group)
{
    guint place = group >= 0 ? GPOINTER_TO_UINT(g_hash_table_lookup(
                                   leaders, GINT_TO_POINTER(group)))
                             : 0;

    return place ? &g_array_index(shares, Share, place - 1) : NULL;
}

static GArray *
list_shares(Daemon *daemon, int ifindex)
{
    GArray *shares = g_array_new(FALSE, TRUE, sizeof(Share));
    g_autoptr(GHashTable) leaders = g_hash_table_new(NULL, NULL);

    g_array_set_clear_func(shares, share_clear);
    for (guint i = 0; i < daemon->outgoing->len; i++) {
        Outgoing *outgoing = g_ptr_array_index(daemon->outgoing, i);
        Share share = { .outgoing = outgoing };
        Share *leader;

        if (!outgoing->reservation || outgoing->link.ifindex != ifindex) {
            continue;
        }
        share.matches = g_array_copy(outgoing->owned);
        if (outgoing->has_grant || outgoing->has_decision) {
            const PolicyDecision *holds =
                outgoing->has_grant ? &outgoing->grant : &outgoing->decision;

            share.guarantee_bytes_s = holds->guarantee_bytes_s;
            share.ceiling_bytes_s = holds->ceiling_bytes_s;
            share.application_bytes_s = holds->application_bytes_s;
        }
        /* An arbiter may bound it for as long as another one is stopped. */
        if (!outgoing->has_grant &&
            !(outgoing->rules.allow & 1u << CONFIG_MAY_CEILING)) {
            share.ceiling_bytes_s =
                shaper_root_bytes_s(outgoing->link.rate_bytes_s);
        }
        leader = leader_of(shares, leaders, outgoing->group);
        if (leader) {
            /* less what the class, which stays empty, takes all the same */
            uint64_t least = shaper_rest_min_bytes_s(
                shaper_root_bytes_s(outgoing->link.rate_bytes_s));

            leader->guarantee_bytes_s +=
                MAX(share.guarantee_bytes_s, least) - least;
            share.guarantee_bytes_s = 0;
        } else if (outgoing->group >= 0) {
            g_array_append_vals(share.matches, outgoing->shared->data,
                                outgoing->shared->len);
            g_hash_table_insert(leaders, GINT_TO_POINTER(outgoing->group),
                                GUINT_TO_POINTER(shares->len + 1));
        }
        g_array_append_val(shares, share);
    }
    return shares;
}

static bool
same_matches(const GArray *a, const GArray *b)
{
    return a->len == b->len &&
           (a->len == 0 ||
            memcmp(a->data, b->data, a->len * sizeof(StreamMatch)) == 0);
}

/* Has it a decision that its class does not have yet? */
static bool
is_to_be_set(const Share *share)
{
    const Outgoing *outgoing = share->outgoing;

    return (outgoing->has_decision || outgoing->has_grant) &&
           (share->guarantee_bytes_s != outgoing->set_guarantee_bytes_s ||
            share->ceiling_bytes_s != outgoing->set_ceiling_bytes_s ||
            share->application_bytes_s != outgoing->set_application_bytes_s);
}

static void
was_set(const Share *share)
{
    share->outgoing->set_guarantee_bytes_s = share->guarantee_bytes_s;
    share->outgoing->set_ceiling_bytes_s = share->ceiling_bytes_s;
    share->outgoing->set_application_bytes_s = share->application_bytes_s;
}

/* Each change by itself reads and writes what all of the link have. Where that
 * fails they are changed one by one, so that who is at fault is known. */
static void
apply_together(const GArray *shares)
{
    g_autoptr(GArray) changes =
        g_array_new(FALSE, FALSE, sizeof(ReservationChange));
    g_autoptr(GPtrArray) whose = g_ptr_array_new();

    for (guint i = 0; i < shares->len; i++) {
        Share *share = &g_array_index(shares, Share, i);
        ReservationChange change = { share->outgoing->reservation,
                                     share->guarantee_bytes_s,
                                     share->ceiling_bytes_s,
                                     share->application_bytes_s };

        if (!share->outgoing->retry_source && is_to_be_set(share)) {
            g_array_append_val(changes, change);
            g_ptr_array_add(whose, share);
        }
    }
    if (changes->len < 2 ||
        !reservation_set_many(
            (const ReservationChange *)(const void *)changes->data,
            changes->len, NULL)) {
        return;
    }
    for (guint i = 0; i < whose->len; i++) {
        was_set(g_ptr_array_index(whose, i));
    }
}

static bool
apply_one(const Share *share, GError **error)
{
    Outgoing *outgoing = share->outgoing;

    if (!same_matches(share->matches, outgoing->matched)) {
        if (!reservation_match(
                outgoing->reservation,
                (const StreamMatch *)(const void *)share->matches->data,
                share->matches->len, error)) {
            return false;
        }
        g_array_set_size(outgoing->matched, 0);
        g_array_append_vals(outgoing->matched, share->matches->data,
                            share->matches->len);
    }
    if (!is_to_be_set(share)) {
        return true;
    }
    if (!reservation_set(outgoing->reservation, share->guarantee_bytes_s,
                         share->ceiling_bytes_s, share->application_bytes_s,
                         error)) {
        return false;
    }
    was_set(share);
    return true;
}

static void
apply_or_explain(const Share *share)
{
    Outgoing *outgoing = share->outgoing;
    g_autoptr(GError) error = NULL;

    if (outgoing->retry_source) {
        return; /* it was refused a moment ago */
    }
    g_clear_pointer(&outgoing->refused, g_free);
    if (!apply_one(share, &error)) {
        outgoing->refused = g_strdup(error->message);
        if (!g_error_matches(error, RESERVATION_ERROR,
                             RESERVATION_ERROR_GONE)) {
            /* each decision that is not carried out has its own warning */
            force_set(outgoing, FORCE_KERNEL, error->message);
            retry_later(outgoing);
        }
        return; /* what is gone is repaired when its counters are read */
    }
    outgoing->refusals = 0;
    if (outgoing->group >= 0) {
        force_set(outgoing, FORCE_AMBIGUOUS,
                  "it shares the class of others until bytes tell whose "
                  "connection is whose");
    } else if (outgoing->matched->len > 0 && outgoing->in_force &&
               outgoing->force != FORCE_NO_STREAM &&
               outgoing->force != FORCE_AMBIGUOUS) {
        /* force_look() knows better */
    } else {
        force_set(
            outgoing, outgoing->matched->len > 0 ? FORCE_YES : FORCE_NO_STREAM,
            outgoing->matched->len > 0 ? NULL
                                       : "its connection is not found yet");
    }
}

/* What is lowered first makes room for what is raised. */
void
shaping_apply(Daemon *daemon, int ifindex)
{
    g_autoptr(GArray) shares = list_shares(daemon, ifindex);

    apply_together(shares);
    for (int raise = 0; raise < 2; raise++) {
        for (guint i = 0; i < shares->len; i++) {
            const Share *share = &g_array_index(shares, Share, i);
            bool raised = share->guarantee_bytes_s >
                          share->outgoing->set_guarantee_bytes_s;

            if (raised == raise) {
                apply_or_explain(share);
            }
        }
    }
}

bool
shaping_set(Outgoing *outgoing, const PolicyDecision *decision, GError **error)
{
    outgoing->decision = *decision;
    outgoing->has_decision = true;
    if (outgoing->reservation) {
        arbiter_settle(outgoing->daemon, outgoing->link.ifindex);
    }
    if (!outgoing->reservation || outgoing->refused) {
        g_set_error(error, RESERVATION_ERROR, RESERVATION_ERROR_GONE, "%s",
                    outgoing->refused   ? outgoing->refused
                    : outgoing->why_not ? outgoing->why_not
                                        : "there is no class");
        return false;
    }
    return true;
}

/* --- counting --- */

/* As a class would count, if there were one. */
static bool
observed_stats(Outgoing *outgoing, ReservationStats *stats, GError **error)
{
    const Daemon *daemon = outgoing->daemon;
    const DaemonConfig *config = daemon->config;
    uint64_t root = shaper_root_bytes_s(outgoing->link.rate_bytes_s);

    *stats = (ReservationStats){ .read_us = clock_mono_us() };
    if (!link_tx_bytes(&outgoing->link, &stats->link_bytes, error)) {
        return false;
    }
    stats->migration.bytes = outgoing->wire_bytes;
    stats->migrations.bytes =
        sockets_wire_bytes(daemon, outgoing->link.ifindex);
    stats->root_bytes_s = (double)root;
    stats->others_bytes_s =
        (double)(shaper_control_bytes_s(root) + shaper_rest_min_bytes_s(root));
    for (guint i = 0; i < daemon->outgoing->len; i++) {
        const Outgoing *other = g_ptr_array_index(daemon->outgoing, i);

        if (other != outgoing && !other->ended && other->has_decision &&
            other->link.ifindex == outgoing->link.ifindex) {
            stats->others_bytes_s += (double)other->decision.guarantee_bytes_s;
        }
    }
    for (guint i = 0; i < config->protects->len; i++) {
        const ConfigProtect *protect = g_ptr_array_index(config->protects, i);

        if (!protect->link ||
            g_str_equal(protect->link, outgoing->link.device)) {
            stats->others_bytes_s += (double)protect->rate_bytes_s;
        }
    }
    return true;
}

/* The kernel keeps what is on an interface that gets another name. */
static void
notice_name(Outgoing *outgoing, const char *name)
{
    g_autofree char *text = NULL;

    if (g_str_equal(name, outgoing->link.device)) {
        return;
    }
    text =
        g_strdup_printf("interface %s is now %s", outgoing->link.device, name);
    session_note(outgoing->session, text);
    g_strlcpy(outgoing->link.device, name, sizeof(outgoing->link.device));
}

bool
shaping_count(Daemon *daemon, int ifindex, Reservation *reservation,
              ReservationStats *stats, GError **error)
{
    ReservationLook *look =
        g_hash_table_lookup(daemon->looks, GINT_TO_POINTER(ifindex));
    /* Its bytes are compared with those of connections. */
    int64_t since_us =
        MAX(daemon->listed_us, clock_mono_us() - DAEMON_FRESH_US);

    if (!look) {
        look = reservation_look_new(ifindex);
        g_hash_table_insert(daemon->looks, GINT_TO_POINTER(ifindex), look);
    }
    return reservation_stats_at(reservation, look, since_us, stats, error);
}

bool
shaping_stats(Outgoing *outgoing, ReservationStats *stats, GError **error)
{
    Daemon *daemon = outgoing->daemon;
    g_autoptr(GError) lost = NULL;
    char name[IF_NAMESIZE];

    if (!outgoing->reservation) {
        if (outgoing->force != FORCE_LINK &&
            if_indextoname((unsigned)outgoing->link.ifindex, name)) {
            notice_name(outgoing, name);
        } else {
            come_back(outgoing);
        }
    }
    if (!outgoing->reservation) {
        return observed_stats(outgoing, stats, error);
    }
    if (!shaping_count(daemon, outgoing->link.ifindex, outgoing->reservation,
                       stats, &lost)) {
        if (!g_error_matches(lost, RESERVATION_ERROR, RESERVATION_ERROR_GONE)) {
            g_propagate_error(error, g_steal_pointer(&lost));
            return false;
        }
        if (!repair(outgoing, lost->message)) {
            return observed_stats(outgoing, stats, error);
        }
        if (!shaping_count(daemon, outgoing->link.ifindex,
                           outgoing->reservation, stats, error)) {
            return false;
        }
    }
    notice_name(outgoing, stats->device);
    outgoing->class_bytes_now = stats->migration.bytes;
    stats->migration.bytes += outgoing->class_bytes_before;
    if (outgoing->parted) {
        outgoing->parted = false;
        outgoing->not_its_own =
            (int64_t)stats->migration.bytes - (int64_t)outgoing->wire_bytes;
    }
    stats->migration.bytes -= (uint64_t)outgoing->not_its_own;
    force_look(outgoing, stats);
    arbiter_tick(outgoing->daemon, outgoing->link.ifindex);
    if (outgoing->has_grant) {
        stats->others_bytes_s = outgoing->others_bytes_s;
    }
    /* Nobody can guarantee more than gets through on the way. */
    if (outgoing->path_bytes_s.known) {
        stats->root_bytes_s =
            MIN(stats->root_bytes_s,
                outgoing->path_bytes_s.value + stats->others_bytes_s);
    }
    return true;
}
