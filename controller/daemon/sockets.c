/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sockets.c - which connections are whose
 *
 * The socket table is read once for all sessions, at most every 20 ms. What
 * QEMU holds is looked up while a connection in the range of ports is not
 * explained: it is libvirtd's for a moment before it is passed on. A connection
 * that was a migration's beyond doubt stays so until the migration ends, also
 * when it is closing and its process has let go of it.
 *
 * libvirt takes ports of a range. Where --migrateuri or qemu.conf say something
 * else, the connection that QEMU holds and whose bytes are the migration's tells
 * the port, a moment later.
 */
#include <string.h>

#include "base/clock.h"
#include "daemon/daemon-priv.h"
#include "tc/claims.h"

/* libvirt's default range, migration_port_min and _max of qemu.conf */
#define FIRST_PORT 49152
#define LAST_PORT 49215
#define SEARCH_MS 50
#define SEARCH_US (5 * G_USEC_PER_SEC)
#define ELSEWHERE_US (200 * 1000)
#define MOST_STRANGERS 512 /* then those that are gone are forgotten */
/* So long a connection may be somebody's who has not got it yet. */
#define STRANGER_US (3 * G_USEC_PER_SEC)
/* So much has left by some way. */
#define TUNNEL_BYTES (1024 * 1024)
/* Before its own rate is known it may have had any. */
#define FASTEST_BYTES_S 1.25e9
/* Two readings of the same moment differ by that much time at most. */
#define SKEW_S 0.05

static bool
same_match(const StreamMatch *a, const StreamMatch *b)
{
    return a->source_port == b->source_port &&
           a->destination_port == b->destination_port &&
           strcmp(a->source, b->source) == 0 &&
           strcmp(a->destination, b->destination) == 0;
}

static bool
has_match(const GArray *matches, const StreamMatch *match)
{
    for (guint i = 0; i < matches->len; i++) {
        if (same_match(&g_array_index(matches, StreamMatch, i), match)) {
            return true;
        }
    }
    return false;
}

static guint
match_hash(gconstpointer key)
{
    const StreamMatch *match = key;

    return g_str_hash(match->destination) ^ g_str_hash(match->source) ^
           ((guint)match->source_port << 16 | match->destination_port);
}

static gboolean
match_equal(gconstpointer a, gconstpointer b)
{
    return same_match(a, b);
}

GHashTable *
sockets_listed_new(void)
{
    return g_hash_table_new(match_hash, match_equal);
}

static void
take_list(Daemon *daemon, GArray *streams)
{
    g_hash_table_remove_all(daemon->listed);
    g_clear_pointer(&daemon->streams, g_array_unref);
    daemon->streams = streams;
    for (guint i = 0; i < streams->len; i++) {
        StreamInfo *info = &g_array_index(streams, StreamInfo, i);

        g_hash_table_insert(daemon->listed, &info->match, info);
    }
}

/* The nth of its own, NULL: it is closed */
static const StreamInfo *
owned_one(const Outgoing *outgoing, guint nth)
{
    return g_hash_table_lookup(
        outgoing->daemon->listed,
        &g_array_index(outgoing->owned, StreamMatch, nth));
}

/* A set of the listed that are somebody's beyond doubt */
static GHashTable *
list_explained(const Daemon *daemon)
{
    GHashTable *explained = g_hash_table_new(NULL, NULL);

    for (guint i = 0; i < daemon->outgoing->len; i++) {
        const Outgoing *outgoing = g_ptr_array_index(daemon->outgoing, i);

        for (guint j = 0; j < outgoing->owned->len; j++) {
            const StreamInfo *info = owned_one(outgoing, j);

            if (info) {
                g_hash_table_add(explained, (gpointer)info);
            }
        }
    }
    return explained;
}

static gboolean
is_gone(gpointer key, gpointer value, gpointer user)
{
    const GArray *streams = user;

    for (guint i = 0; i < streams->len; i++) {
        if ((gint64)g_array_index(streams, StreamInfo, i).inode ==
            *(const gint64 *)key) {
            return FALSE;
        }
    }
    return TRUE;
}

/* Is there a young connection that nobody explains? */
static bool
any_unexplained(Daemon *daemon, int64_t now_us)
{
    g_autoptr(GHashTable) explained = list_explained(daemon);
    bool any = false;

    if (g_hash_table_size(daemon->strangers) > MOST_STRANGERS) {
        g_hash_table_foreach_remove(daemon->strangers, is_gone,
                                    daemon->streams);
    }
    for (guint i = 0; i < daemon->streams->len; i++) {
        const StreamInfo *info = &g_array_index(daemon->streams, StreamInfo, i);
        gint64 inode = (gint64)info->inode;
        gint64 *since;

        if (!inode || g_hash_table_contains(explained, info)) {
            continue;
        }
        since = g_hash_table_lookup(daemon->strangers, &inode);
        if (!since) {
            since = g_memdup2(&now_us, sizeof(now_us));
            g_hash_table_insert(daemon->strangers,
                                g_memdup2(&inode, sizeof(inode)), since);
        }
        any |= now_us - *since < STRANGER_US;
    }
    return any;
}

static void
read_inodes(Outgoing *outgoing)
{
    g_autoptr(GError) error = NULL;

    g_clear_pointer(&outgoing->inodes, g_array_unref);
    if (!outgoing->pid) {
        return;
    }
    outgoing->inodes = streams_inodes(NULL, outgoing->pid, &error);
    if (error && !outgoing->inodes_failed) {
        outgoing->inodes_failed = true;
        outgoing_log(outgoing, G_LOG_LEVEL_INFO, LOG_EVENT_LINK, "sockets",
                     "its connections are told by their bytes: %s",
                     error->message);
    }
}

static StreamClaim
claim_of(const Outgoing *outgoing, int64_t now_us)
{
    StreamClaim claim = {
        .inodes = outgoing->inodes,
        .slack_bytes = FASTEST_BYTES_S *
                       (double)(now_us - outgoing->noticed_us) / G_USEC_PER_SEC,
    };
    uint64_t sent;
    int64_t at_us;

    if (outgoing->session && session_sent(outgoing->session, &sent, &at_us)) {
        double since_s = (double)(now_us - at_us) / G_USEC_PER_SEC;

        claim.sent_bytes =
            known((double)sent + outgoing->sent_bytes_s * since_s);
        claim.slack_bytes =
            outgoing->sent_bytes_s > 0
                ? outgoing->sent_bytes_s * (SKEW_S + since_s / 2)
                : FASTEST_BYTES_S * (SKEW_S + since_s);
    }
    if (outgoing->found && outgoing->group < 0) {
        g_strlcpy(claim.address, outgoing->endpoint.destination,
                  sizeof(claim.address));
        claim.port = outgoing->endpoint.destination_port;
    }
    return claim;
}

/* Beyond doubt somebody else's: no longer shared. */
static void
drop_owned_by_others(Daemon *daemon, Outgoing *outgoing)
{
    for (guint i = outgoing->shared->len; i-- > 0;) {
        const StreamMatch match =
            g_array_index(outgoing->shared, StreamMatch, i);

        for (guint j = 0; j < daemon->outgoing->len; j++) {
            const Outgoing *other = g_ptr_array_index(daemon->outgoing, j);

            if (other != outgoing && has_match(other->owned, &match)) {
                g_array_remove_index(outgoing->shared, i);
                break;
            }
        }
    }
}

static void
take_shared(Daemon *daemon, Outgoing *outgoing, const StreamVerdict *verdicts,
            int group)
{
    /* Neither certain nor in doubt with anybody: the counts did not fit for a
     * moment. What was shared stays so, in its class. */
    if (group < 0 && outgoing->owned->len == 0 && outgoing->shared->len > 0) {
        return;
    }
    g_array_set_size(outgoing->shared, 0);
    outgoing->group =
        group < 0 ? -1 : (int)(daemon->first_group + (unsigned)group);
    for (guint j = 0; group >= 0 && j < daemon->streams->len; j++) {
        if (verdicts[j].group == group) {
            g_array_append_val(
                outgoing->shared,
                g_array_index(daemon->streams, StreamInfo, j).match);
        }
    }
}

static void
take_verdicts(Daemon *daemon, const StreamVerdict *verdicts, const int *groups)
{
    /* Numbers are not used again: those that stay keep theirs. */
    daemon->first_group =
        (daemon->first_group + daemon->outgoing->len + 1) % (INT_MAX / 2);
    for (guint j = 0; j < daemon->streams->len; j++) {
        const StreamMatch *match =
            &g_array_index(daemon->streams, StreamInfo, j).match;
        Outgoing *outgoing =
            verdicts[j].claim >= 0
                ? g_ptr_array_index(daemon->outgoing, verdicts[j].claim)
                : NULL;

        if (outgoing && !outgoing->ended &&
            !has_match(outgoing->owned, match)) {
            g_array_append_val(outgoing->owned, *match);
        }
    }
    for (guint i = 0; i < daemon->outgoing->len; i++) {
        Outgoing *outgoing = g_ptr_array_index(daemon->outgoing, i);
        bool in_doubt = outgoing->group >= 0;

        if (outgoing->ended) {
            continue;
        }
        take_shared(daemon, outgoing, verdicts, groups[i]);
        if (in_doubt && outgoing->group < 0) {
            outgoing->parted = true;
            outgoing_log(outgoing, G_LOG_LEVEL_INFO, LOG_EVENT_LINK, "sockets",
                         "its own connection is known");
        }
    }
    for (guint i = 0; i < daemon->outgoing->len; i++) {
        drop_owned_by_others(daemon, g_ptr_array_index(daemon->outgoing, i));
    }
}

static void
tell_found(Daemon *daemon)
{
    for (guint i = 0; i < daemon->outgoing->len; i++) {
        Outgoing *outgoing = g_ptr_array_index(daemon->outgoing, i);
        const GArray *matches =
            outgoing->owned->len > 0 ? outgoing->owned : outgoing->shared;

        if (outgoing->ended || matches->len == 0) {
            continue;
        }
        outgoing->endpoint = g_array_index(matches, StreamMatch, 0);
        if (!outgoing->found) {
            outgoing->found = true;
            outgoing_found(outgoing);
        }
    }
}

/* Bytes of each migration's connections; those of closed ones stay. */
static void
count_wire_bytes(Daemon *daemon)
{
    for (guint i = 0; i < daemon->outgoing->len; i++) {
        Outgoing *outgoing = g_ptr_array_index(daemon->outgoing, i);
        uint64_t bytes = 0, busy = 0, rwnd = 0, sndbuf = 0, again = 0, n = 0;

        for (guint j = 0; j < outgoing->owned->len; j++) {
            const StreamInfo *info = owned_one(outgoing, j);

            if (info) {
                bytes += MAX(info->wire_bytes, info->bytes_acked);
                busy += info->busy_us;
                rwnd += info->rwnd_limited_us;
                sndbuf += info->sndbuf_limited_us;
                again += info->retransmitted_bytes;
                n++;
            }
        }
        outgoing->wire_bytes = MAX(outgoing->wire_bytes, bytes);
        if (n > 0) {
            outgoing->busy_us = busy / n;
            outgoing->rwnd_limited_us = rwnd / n;
            outgoing->sndbuf_limited_us = sndbuf / n;
            outgoing->retransmitted_bytes = again;
        }
    }
}

/* --- ports that are none of libvirt's default range --- */

/* Of those that go elsewhere. */
static void
list_elsewhere(Daemon *daemon, GArray *streams)
{
    for (guint i = 0; i < daemon->outgoing->len; i++) {
        const Outgoing *outgoing = g_ptr_array_index(daemon->outgoing, i);
        uint16_t port = outgoing->elsewhere_port;
        g_autoptr(GArray) more = NULL;

        if (port && !outgoing->ended) {
            more = streams_list(outgoing->elsewhere, port, port, NULL);
        }
        if (more) {
            g_array_append_vals(streams, more->data, more->len);
        }
    }
}

/* --migrateuri may have named any, or qemu.conf other ones. Return: true if one
 * was found, and is to be looked at. */
static bool
search_elsewhere(Daemon *daemon, const StreamClaim *claims, int64_t now_us)
{
    g_autoptr(GArray) all = NULL;
    bool any = false;

    for (guint i = 0; i < daemon->outgoing->len; i++) {
        Outgoing *outgoing = g_ptr_array_index(daemon->outgoing, i);
        const StreamMatch *match;
        int which;

        if (outgoing->ended || outgoing->found || outgoing->elsewhere_port ||
            now_us - outgoing->noticed_us < ELSEWHERE_US) {
            continue;
        }
        if (!all) {
            all = streams_list(NULL, 1, UINT16_MAX, NULL);
        }
        which = all ? streams_endpoint(&claims[i], all) : -1;
        if (which < 0) {
            continue;
        }
        match = &g_array_index(all, StreamInfo, (guint)which).match;
        g_strlcpy(outgoing->elsewhere, match->destination,
                  sizeof(outgoing->elsewhere));
        outgoing->elsewhere_port = match->destination_port;
        any = true;
    }
    return any;
}

/* Of those with a class: all of a link are applied at once. */
static bool
is_first_on_link(const Daemon *daemon, guint nth)
{
    const Outgoing *outgoing = g_ptr_array_index(daemon->outgoing, nth);

    for (guint i = 0; i < nth; i++) {
        const Outgoing *before = g_ptr_array_index(daemon->outgoing, i);

        if (before->reservation &&
            before->link.ifindex == outgoing->link.ifindex) {
            return false;
        }
    }
    return true;
}

void
sockets_look(Daemon *daemon, bool now)
{
    guint n = daemon->outgoing->len;
    g_autofree StreamClaim *claims = g_new0(StreamClaim, n + 1);
    g_autofree int *groups = g_new(int, n + 1);
    g_autofree StreamVerdict *verdicts = NULL;
    g_autoptr(GError) error = NULL;
    int64_t now_us = clock_mono_us();
    GArray *streams;
    bool rescan;

    if (!now && daemon->streams &&
        now_us - daemon->listed_us < DAEMON_FRESH_US) {
        return;
    }
    streams = streams_list(NULL, FIRST_PORT, LAST_PORT, &error);
    if (!streams) {
        daemon_log(G_LOG_LEVEL_WARNING, NULL, "%s", error->message);
        return;
    }
    list_elsewhere(daemon, streams);
    take_list(daemon, streams);
    daemon->listed_us = now_us;
    rescan = any_unexplained(daemon, now_us);
    for (guint i = 0; i < n; i++) {
        Outgoing *outgoing = g_ptr_array_index(daemon->outgoing, i);

        if (!outgoing->ended && (rescan || outgoing->owned->len == 0)) {
            read_inodes(outgoing);
        }
        claims[i] = claim_of(outgoing, now_us);
    }
    verdicts = g_new(StreamVerdict, streams->len + 1);
    streams_attribute(claims, n, streams, verdicts, groups);
    take_verdicts(daemon, verdicts, groups);
    count_wire_bytes(daemon);
    tell_found(daemon);
    for (guint i = 0; i < daemon->outgoing->len; i++) {
        const Outgoing *outgoing = g_ptr_array_index(daemon->outgoing, i);

        if (outgoing->reservation && is_first_on_link(daemon, i)) {
            shaping_apply(daemon, outgoing->link.ifindex);
        }
    }
    if (search_elsewhere(daemon, claims, now_us)) {
        sockets_look(daemon, true);
    }
}

/* QEMU has sent much, by no connection that it holds: then by a pipe. */
static bool
is_tunnelled(Outgoing *outgoing)
{
    g_autoptr(GArray) all = NULL;
    double held_bytes = 0;
    uint64_t sent;
    int64_t at_us;

    if (outgoing->announced &&
        announced_has_flag(outgoing->announced, "tunnelled")) {
        return true;
    }
    read_inodes(outgoing);
    if (!outgoing->inodes || !outgoing->session ||
        !session_sent(outgoing->session, &sent, &at_us) ||
        sent < TUNNEL_BYTES) {
        return false;
    }
    all = streams_list(NULL, 1, UINT16_MAX, NULL);
    for (guint i = 0; all && i < all->len; i++) {
        const StreamInfo *info = &g_array_index(all, StreamInfo, i);

        for (guint j = 0; j < outgoing->inodes->len; j++) {
            if (g_array_index(outgoing->inodes, uint64_t, j) == info->inode) {
                held_bytes += (double)info->bytes_acked;
            }
        }
    }
    return all && held_bytes < (double)sent / 2;
}

static void
say_not_found(Outgoing *outgoing, int64_t now_us)
{
    static const char tunnelled[] =
        "not shaped: tunnelled through libvirt's own connection, where it "
        "cannot be told from what else libvirt sends; start it without "
        "--tunnelled to have it steered";
    static const char why[] =
        "no connection of its own is seen: it is tunnelled through libvirt's, "
        "or QEMU's sockets may not be looked at and its port is none of the "
        "usual";

    if (outgoing->force == FORCE_TUNNELLED ||
        now_us - outgoing->tunnel_looked_us < G_USEC_PER_SEC) {
        return;
    }
    outgoing->tunnel_looked_us = now_us;
    if (is_tunnelled(outgoing)) {
        session_note(outgoing->session, tunnelled);
        force_set(outgoing, FORCE_TUNNELLED, tunnelled);
    } else if (!outgoing->not_found_said) {
        session_note(outgoing->session, why);
        force_set(outgoing, FORCE_NO_STREAM, why);
    }
    outgoing->not_found_said = true;
}

/* One that is not found after a while is tunnelled, or leaves in some other way
 * that nobody sees: it is looked for in passing. */
static gboolean
on_search(gpointer user)
{
    Daemon *daemon = user;
    int64_t now_us = clock_mono_us();
    bool any = false, soon = false;

    for (guint i = 0; i < daemon->outgoing->len; i++) {
        const Outgoing *outgoing = g_ptr_array_index(daemon->outgoing, i);

        soon |= !outgoing->ended && !outgoing->found &&
                now_us - outgoing->noticed_us < SEARCH_US;
    }
    if (soon || now_us - daemon->listed_us >= G_USEC_PER_SEC) {
        sockets_look(daemon, true);
    }
    for (guint i = 0; i < daemon->outgoing->len; i++) {
        Outgoing *outgoing = g_ptr_array_index(daemon->outgoing, i);
        bool lacks = !outgoing->ended && !outgoing->found;

        any |= lacks;
        if (lacks && now_us - outgoing->noticed_us >= SEARCH_US) {
            say_not_found(outgoing, now_us);
        }
    }
    if (!any) {
        daemon->search_source = 0;
    }
    return any ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

void
sockets_search(Daemon *daemon)
{
    sockets_look(daemon, true);
    if (!daemon->search_source) {
        daemon->search_source = g_timeout_add(SEARCH_MS, on_search, daemon);
    }
}

GArray *
sockets_of(Outgoing *outgoing)
{
    GArray *own = g_array_new(FALSE, TRUE, sizeof(StreamInfo));

    sockets_look(outgoing->daemon, false);
    for (guint i = 0; i < outgoing->owned->len; i++) {
        const StreamInfo *info = owned_one(outgoing, i);

        if (info) {
            g_array_append_val(own, *info);
        }
    }
    return own;
}

uint64_t
sockets_wire_bytes(const Daemon *daemon, int ifindex)
{
    uint64_t bytes = 0;

    for (guint i = 0; i < daemon->outgoing->len; i++) {
        const Outgoing *outgoing = g_ptr_array_index(daemon->outgoing, i);

        if (outgoing->has_link && outgoing->link.ifindex == ifindex) {
            bytes += outgoing->wire_bytes;
        }
    }
    return bytes;
}

void
sockets_forget(Outgoing *outgoing)
{
    g_clear_pointer(&outgoing->inodes, g_array_unref);
    if (outgoing->daemon->outgoing->len <= 1) {
        g_hash_table_remove_all(outgoing->daemon->strangers);
    }
}
