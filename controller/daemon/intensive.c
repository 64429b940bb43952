/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * intensive.c - network-intensive guests that stay, beside those that leave
 *
 *   libvirt's counters of all guests, once a second
 *        └─> need.h: mean traffic above Thr? ── yes ─> a class for its MACs
 *                                                        │ counts what leaves
 *                    arbiter <── need by the uplink <────┘
 *
 * Classes only while a migration is steered: without one there is no tree and
 * nobody to be protected from. The counters are read now and then without one
 * as well: once a guest leaves, its stream takes from its applications what
 * could tell how much they need. libvirt counts what guests send to each other on this host
 * as well; who has a class is measured by that, which sees the uplink alone,
 * and it is promised what that says. A guest that begins to leave loses the
 * class to the one that its own migration brings.
 *
 * Such a class is the application class of a reservation of its own, whose
 * migration class stays empty. So it is in the lease like any other, and is
 * found and removed like any other if this process dies.
 */
#include <string.h>

#include "base/clock.h"
#include "daemon/daemon-priv.h"
#include "policy/need.h"
#include "tc/shaper.h"
#include "virt/traffic.h"

#define TICK_MS 500
#define IDLE_TICKS 4 /* between looks while nobody is steered */
#define RETRY_US (10 * G_USEC_PER_SEC)
#define MOST_MACS 7
#define LIMITED_S 0.02 /* of its rate, waiting: it is held back */

typedef struct Neighbour {
    char *uuid, *name;
    bool seen;
    bool asked;      /* for its interfaces */
    GPtrArray *macs; /* char *; NULL: not known yet */
    Need *need;      /* by libvirt's counters */
    Need *uplink;    /* by its class; NULL: it has none */
    Reservation *reservation;
    Link link;
    uint64_t granted_bytes_s, set_bytes_s;
    int64_t refused_us; /* its class, by the kernel; 0: not */
} Neighbour;

/* What requests under way hold. */
typedef struct Ear {
    Intensive *intensive; /* NULL: freed */
} Ear;

struct Intensive {
    Daemon *daemon;
    GHashTable *neighbours; /* uuid -> Neighbour * */
    Ear *ear;
    guint source;
    bool asking;
    unsigned idle_ticks;
};

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
    g_clear_pointer(&neighbour->uplink, need_free);
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
configure(const Daemon *daemon, const Link *link, const Neighbour *neighbour,
          bool uplink, NeedSettings *settings)
{
    const ConfigLink *declared =
        daemon_config_link(daemon->config, link->device);
    ConfigWho who = { .uuid = neighbour->uuid, .name = neighbour->name };
    double root = (double)shaper_root_bytes_s(link->rate_bytes_s);
    ConfigRules rules;

    need_settings_init(settings, root);
    settings->threshold_bytes_s = declared->intensive * root;
    daemon_config_rules(daemon->config, &who, &rules);
    if (uplink && rules.need_bytes_s > 0) {
        settings->fixed_bytes_s = known((double)rules.need_bytes_s);
    }
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
    NeedSettings settings;

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
    configure(daemon, link, neighbour, true, &settings);
    neighbour->uplink = need_new(&settings);
    tell(neighbour, "intensive", why);
}

/* What its class has let through. False: the class is gone. */
static bool
measure(const Intensive *intensive, Neighbour *neighbour)
{
    ReservationStats stats;
    double limit = LIMITED_S * (double)neighbour->set_bytes_s;

    if (!shaping_count(intensive->daemon, neighbour->link.ifindex,
                       neighbour->reservation, &stats, NULL)) {
        return false;
    }
    need_add(neighbour->uplink, stats.read_us, (double)stats.application.bytes,
             (double)stats.application.backlog_bytes > limit);
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

static void
look_at(Intensive *intensive, Neighbour *neighbour, const VirtTraffic *guest,
        const Link *link)
{
    NeedSettings settings;
    NeedState state;

    configure(intensive->daemon, link, neighbour, false, &settings);
    need_configure(neighbour->need, &settings);
    count(intensive, neighbour, guest);
    need_state(neighbour->need, &state);
    if (neighbour->reservation &&
        (!state.intensive || daemon_outgoing(intensive->daemon, guest->uuid) ||
         neighbour->link.ifindex != link->ifindex ||
         !measure(intensive, neighbour))) {
        close_class(neighbour);
        tell(neighbour, "not-intensive", "its class goes");
    } else if (!neighbour->reservation && state.intensive &&
               !daemon_outgoing(intensive->daemon, guest->uuid)) {
        if (neighbour->refused_us &&
            clock_mono_us() - neighbour->refused_us < RETRY_US) {
            /* not twice a second */
        } else if (!neighbour->macs) {
            ask_for_macs(intensive, neighbour);
        } else if (neighbour->macs->len > 0) {
            open_class(intensive, neighbour, link, state.reason);
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

/* --- for the arbiter --- */

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
    NeedState state;

    if (!neighbour || !neighbour->need) {
        return false;
    }
    need_state(neighbour->need, &state);
    seen->mean_bytes_s = state.mean_bytes_s;
    seen->need_bytes_s = state.need_bytes_s;
    return state.need_bytes_s.known;
}

/* What its class has, if it is not worth a change. */
static double
need_of(const Neighbour *neighbour)
{
    double has = (double)neighbour->set_bytes_s, need;
    NeedState state;

    need_state(neighbour->uplink, &state);
    need =
        MAX(known_or(state.need_bytes_s, 0), (double)SHAPER_RATE_MIN_BYTES_S);
    return need > has * 0.95 && need < has * 1.05 ? has : need;
}

double
intensive_needs(const Intensive *intensive, int ifindex, GArray *applications)
{
    double overhead = 0;
    GHashTableIter iter;
    gpointer value;

    if (!intensive) {
        return 0;
    }
    g_hash_table_iter_init(&iter, intensive->neighbours);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const Neighbour *neighbour = value;
        ShareApplication application = { 0 };

        if (is_on(neighbour, ifindex)) {
            application.need_bytes_s = need_of(neighbour);
            g_array_append_val(applications, application);
            /* of the migration's class, which stays empty */
            overhead += (double)shaper_rest_min_bytes_s(
                shaper_root_bytes_s(neighbour->link.rate_bytes_s));
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

/* --- life --- */

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
