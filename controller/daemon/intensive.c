/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * intensive.c - guests that stay and send, beside those that leave
 *
 *   libvirt's counters of all guests, twice a second
 *        └─> need.h: more than noise? ── yes ─> a class for its MACs
 *                                                        │ counts what leaves
 *            arbiter <── application.h: its rate <───────┘
 *
 * Classes only while a migration is steered: without one there is no tree and
 * nobody to be protected from. The counters are read now and then without one
 * as well: once a guest leaves, its stream takes from its applications what
 * could tell how much they need. libvirt counts what guests send to each other
 * on this host as well; who has a class is measured by that, which sees the
 * uplink alone, and it is promised what that says. Who turns out to send next
 * to nothing by the uplink loses it for a minute. A guest that begins to leave
 * loses the class to the one that its own migration brings.
 *
 * Such a class is the application class of a reservation of its own, whose
 * migration class stays empty. So it is in the lease like any other, and is
 * found and removed like any other if this process dies.
 */
#include <string.h>

#include "base/clock.h"
#include "daemon/intensive-priv.h"
#include "virt/traffic.h"

#define TICK_MS 500
#define IDLE_TICKS 4 /* between looks while nobody is steered */
#define RETRY_US (10 * G_USEC_PER_SEC)
#define MOST_MACS 7
#define QUIET_US (60 * G_USEC_PER_SEC)
#define STAYS_BELOW 0.5 /* of what makes it more than noise: no more */
#define MOST_CLASSES 16 /* of those that are not network-intensive */

typedef struct AskedMacs {
    Ear *ear;
    char *uuid;
} AskedMacs;

static void
close_class(Neighbour *neighbour)
{
    if (neighbour->reservation) {
        reservation_close_running(g_steal_pointer(&neighbour->reservation),
                                  NULL);
    }
    g_clear_pointer(&neighbour->uplink, application_free);
    neighbour->granted_bytes_s = neighbour->set_bytes_s = 0;
}

static void
neighbour_free(gpointer data)
{
    Neighbour *neighbour = data;

    close_class(neighbour);
    need_free(neighbour->need);
    g_clear_pointer(&neighbour->macs, g_ptr_array_unref);
    g_free(neighbour->uuid);
    g_free(neighbour->name);
    g_free(neighbour);
}

/* The link of the first that is steered: our host's way out. */
static const Outgoing *
somebody_steered(const Daemon *daemon)
{
    for (guint i = 0; i < daemon->outgoing->len; i++) {
        const Outgoing *outgoing = g_ptr_array_index(daemon->outgoing, i);

        if (!outgoing->ended && outgoing->reservation) {
            return outgoing;
        }
    }
    return NULL;
}

/* A need that is configured counts once traffic shows that it is there. */
static void
configure(const Daemon *daemon, const Link *link, Neighbour *neighbour)
{
    const ConfigLink *declared =
        daemon_config_link(daemon->config, link->device);
    ConfigWho who = { .uuid = neighbour->uuid, .name = neighbour->name };
    NeedSettings settings;
    ConfigRules rules;

    need_settings_init(&settings, intensive_root(link));
    settings.threshold_bytes_s = declared->intensive * intensive_root(link);
    need_configure(neighbour->need, &settings);
    daemon_config_rules(daemon->config, &who, &rules);
    neighbour->fixed_bytes_s =
        rules.need_bytes_s > 0 ? known((double)rules.need_bytes_s) : unknown();
}

static Neighbour *
neighbour_of(Intensive *intensive, const VirtTraffic *guest)
{
    Neighbour *neighbour =
        g_hash_table_lookup(intensive->neighbours, guest->uuid);

    if (!neighbour) {
        neighbour = g_new0(Neighbour, 1);
        neighbour->uuid = g_strdup(guest->uuid);
        neighbour->name = g_strdup(guest->name);
        g_hash_table_insert(intensive->neighbours, neighbour->uuid, neighbour);
    }
    return neighbour;
}

static void
take_macs(Neighbour *neighbour, const VirtGuestInfo *info)
{
    g_clear_pointer(&neighbour->macs, g_ptr_array_unref);
    neighbour->macs = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0;
         i < info->interfaces->len && neighbour->macs->len < MOST_MACS; i++) {
        const VirtInterface *interface = g_ptr_array_index(info->interfaces, i);

        if (interface->mac) {
            g_ptr_array_add(neighbour->macs, g_strdup(interface->mac));
        }
    }
}

static void
on_guest(VirtGuest *guest, const GError *error, gpointer user)
{
    g_autofree AskedMacs *asked = user;
    Intensive *intensive = asked->ear->intensive;
    Neighbour *neighbour =
        intensive ? g_hash_table_lookup(intensive->neighbours, asked->uuid)
                  : NULL;

    if (neighbour && !error) {
        take_macs(neighbour, virt_guest_info(guest));
    } else if (neighbour) {
        neighbour->asked = false;
    }
    g_free(asked->uuid);
    g_atomic_rc_box_release(asked->ear);
}

static void
ask_for_macs(Intensive *intensive, Neighbour *neighbour)
{
    AskedMacs *asked;

    if (neighbour->asked || !intensive->daemon->host) {
        return;
    }
    neighbour->asked = true;
    asked = g_new0(AskedMacs, 1);
    asked->ear = g_atomic_rc_box_acquire(intensive->ear);
    asked->uuid = g_strdup(neighbour->uuid);
    virt_guest_lookup(intensive->daemon->host, neighbour->uuid, on_guest,
                      asked);
}

static void
tell(const Neighbour *neighbour, const char *reason, const char *text)
{
    LogAbout about = {
        .event = LOG_EVENT_LINK,
        .guest = neighbour->name,
        .uuid = neighbour->uuid,
        .link = neighbour->link.device,
        .reason = reason,
    };

    daemon_log(G_LOG_LEVEL_INFO, &about, "guest '%s': %s", neighbour->name,
               text);
}

static void
open_class(Intensive *intensive, Neighbour *neighbour, const Link *link,
           const char *why)
{
    const Daemon *daemon = intensive->daemon;
    const ConfigLink *declared =
        daemon_config_link(daemon->config, link->device);
    g_autofree char *name = g_strdup_printf("%s (stays)", neighbour->name);
    ReservationSpec spec = {
        .link = &neighbour->link,
        .name = name,
        .uuid = neighbour->uuid,
        .parent = declared->parent,
        .run_dir = daemon->options.run_dir,
    };
    g_autoptr(GError) error = NULL;
    ApplicationSeen seen = { 0 };

    intensive_seen(intensive, neighbour->uuid, &seen);
    neighbour->link = *link;
    for (guint i = 0; i < neighbour->macs->len; i++) {
        spec.guest_macs[i] = g_ptr_array_index(neighbour->macs, i);
    }
    neighbour->reservation = reservation_open(&spec, &error);
    if (!neighbour->reservation ||
        !reservation_set(neighbour->reservation, SHAPER_RATE_MIN_BYTES_S,
                         SHAPER_RATE_MIN_BYTES_S, SHAPER_RATE_MIN_BYTES_S,
                         &error)) {
        tell(neighbour, "intensive", error->message);
        close_class(neighbour);
        neighbour->refused_us = clock_mono_us();
        return;
    }
    neighbour->refused_us = 0;
    neighbour->set_bytes_s = SHAPER_RATE_MIN_BYTES_S;
    neighbour->uplink = application_new();
    application_seen(neighbour->uplink, &seen);
    tell(neighbour, "intensive", why);
}

/* What its class has let through. False: the class is gone. */
static bool
measure(const Intensive *intensive, Neighbour *neighbour,
        const VirtTraffic *guest)
{
    ReservationStats stats;
    ApplicationClass class_ = {
        .link_bytes_s = intensive_root(&neighbour->link),
        .rate_bytes_s = (double)neighbour->set_bytes_s,
    };

    if (!shaping_count(intensive->daemon, neighbour->link.ifindex,
                       neighbour->reservation, &stats, NULL)) {
        return false;
    }
    if (guest->sent_bytes.known) {
        application_sent(neighbour->uplink, clock_mono_us(),
                         guest->sent_bytes.value);
    }
    class_.bytes = (double)stats.application.bytes;
    class_.backlog_bytes = (double)stats.application.backlog_bytes;
    application_class(neighbour->uplink, stats.read_us, &class_);
    return true;
}

/* Not of one that leaves: what it sent before is what it needs. */
static void
count(const Intensive *intensive, Neighbour *neighbour,
      const VirtTraffic *guest)
{
    NeedSettings settings;

    if (!neighbour->need) {
        need_settings_init(&settings, 0);
        neighbour->need = need_new(&settings);
    }
    if (guest->sent_bytes.known &&
        !daemon_outgoing(intensive->daemon, guest->uuid)) {
        need_add(neighbour->need, clock_mono_us(), guest->sent_bytes.value,
                 false);
    }
}

static guint
count_classes(const Intensive *intensive)
{
    GHashTableIter iter;
    gpointer value;
    guint n = 0;

    g_hash_table_iter_init(&iter, intensive->neighbours);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        n += ((Neighbour *)value)->reservation != NULL;
    }
    return n;
}

/* By the uplink, as far as that is known. */
static bool
is_to_have_class(const Intensive *intensive, Neighbour *neighbour,
                 const NeedState *state, const Link *link)
{
    double least = application_least_bytes_s(intensive_root(link));
    double need = known_or(state->need_bytes_s, 0);
    ApplicationState uplink;

    if (!neighbour->reservation) {
        if (neighbour->quiet_us &&
            clock_mono_us() - neighbour->quiet_us < QUIET_US) {
            return false;
        }
        return state->intensive ||
               (need >= least && count_classes(intensive) < MOST_CLASSES);
    }
    application_state(neighbour->uplink, &uplink);
    if (known_or(uplink.need_bytes_s, least) < STAYS_BELOW * least) {
        neighbour->quiet_us = clock_mono_us();
        return false;
    }
    return state->intensive || need >= STAYS_BELOW * least;
}

static void
look_at(Intensive *intensive, Neighbour *neighbour, const VirtTraffic *guest,
        const Link *link)
{
    bool leaves = daemon_outgoing(intensive->daemon, guest->uuid), wants;
    g_autofree char *why = NULL;
    NeedState state;

    count(intensive, neighbour, guest);
    configure(intensive->daemon, link, neighbour);
    need_state(neighbour->need, &state);
    wants = !leaves && is_to_have_class(intensive, neighbour, &state, link);
    if (neighbour->reservation &&
        (!wants || neighbour->link.ifindex != link->ifindex ||
         !measure(intensive, neighbour, guest))) {
        close_class(neighbour);
        tell(neighbour, "not-intensive", "its class goes");
    } else if (!neighbour->reservation && wants) {
        if (neighbour->refused_us &&
            clock_mono_us() - neighbour->refused_us < RETRY_US) {
            /* not twice a second */
        } else if (!neighbour->macs) {
            ask_for_macs(intensive, neighbour);
        } else if (neighbour->macs->len > 0) {
            why = state.intensive
                      ? g_strdup(state.reason)
                      : g_strdup_printf("needs %.1f Mbit/s and keeps them",
                                        state.need_bytes_s.value * 8e-6);
            open_class(intensive, neighbour, link, why);
        }
    }
}

static gboolean
is_unseen(gpointer key, gpointer value, gpointer user)
{
    return !((Neighbour *)value)->seen;
}

static void
on_traffic(const GPtrArray *guests, const GError *error, gpointer user)
{
    Ear *ear = user;
    Intensive *intensive = ear->intensive;
    const Outgoing *steered;
    GHashTableIter iter;
    gpointer value;

    g_atomic_rc_box_release(ear);
    if (!intensive) {
        return;
    }
    intensive->asking = false;
    steered = somebody_steered(intensive->daemon);
    if (error) {
        return;
    }
    g_hash_table_iter_init(&iter, intensive->neighbours);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        ((Neighbour *)value)->seen = false;
    }
    for (guint i = 0; i < guests->len; i++) {
        const VirtTraffic *guest = g_ptr_array_index(guests, i);
        Neighbour *neighbour = neighbour_of(intensive, guest);

        neighbour->seen = true;
        if (!neighbour->need || !steered) {
            count(intensive, neighbour, guest);
        }
        if (steered) {
            look_at(intensive, neighbour, guest, &steered->link);
        }
    }
    g_hash_table_foreach_remove(intensive->neighbours, is_unseen, NULL);
    if (steered && intensive_any(intensive, steered->link.ifindex)) {
        arbiter_settle(intensive->daemon, steered->link.ifindex);
    }
}

static void
close_classes(Intensive *intensive)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, intensive->neighbours);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        close_class(value);
    }
}

static gboolean
on_tick(gpointer user)
{
    Intensive *intensive = user;
    Daemon *daemon = intensive->daemon;

    if (somebody_steered(daemon)) {
        intensive->idle_ticks = 0;
    } else {
        close_classes(intensive);
        if (intensive->idle_ticks++ % IDLE_TICKS != 0) {
            return G_SOURCE_CONTINUE;
        }
    }
    if (daemon->host && !intensive->asking) {
        intensive->asking = true;
        virt_host_traffic(daemon->host, on_traffic,
                          g_atomic_rc_box_acquire(intensive->ear));
    }
    return G_SOURCE_CONTINUE;
}

Intensive *
intensive_new(Daemon *daemon)
{
    Intensive *intensive = g_new0(Intensive, 1);

    intensive->daemon = daemon;
    intensive->neighbours =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, neighbour_free);
    intensive->ear = g_atomic_rc_box_new0(Ear);
    intensive->ear->intensive = intensive;
    intensive->source = g_timeout_add(TICK_MS, on_tick, intensive);
    return intensive;
}

void
intensive_free(Intensive *intensive)
{
    if (!intensive) {
        return;
    }
    g_source_remove(intensive->source);
    intensive->ear->intensive = NULL;
    g_atomic_rc_box_release(intensive->ear);
    g_hash_table_unref(intensive->neighbours);
    g_free(intensive);
}
