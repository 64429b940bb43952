/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * put-back.c - values of guests that are still to be put back, by the journal
 *
 * They were changed by a vmferryd that is gone, or by a session that has ended.
 * Each is put back if it still is what was set, and the guest still here. What
 * cannot be asked now is asked again, later and later.
 *
 * QEMU's bound of its throttle is a parameter of the process, which libvirt does
 * not know. It goes back after the migration: raised while that runs, it would
 * let QEMU slow the guest further than anybody allowed.
 */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "daemon/daemon-priv.h"
#include "tc/lease.h"

#define RETURN_S 5
#define RETURN_MOST_S 60

typedef struct Return {
    Daemon *daemon;
    JournalEntry *entry;
} Return;

static gboolean on_return(gpointer user);

static void
return_later(Daemon *daemon)
{
    unsigned wait_s = RETURN_S << MIN(daemon->returns, 4);

    if (!daemon->return_source && !daemon->stopping) {
        daemon->returns++;
        daemon->return_source = g_timeout_add_seconds(
            MIN(wait_s, RETURN_MOST_S), on_return, daemon);
    }
}

/* @settled: Else it stands open, and is tried again. */
static void
return_done(Return *back, bool settled)
{
    g_hash_table_remove(back->daemon->returning, &back->entry->id);
    if (settled) {
        back->daemon->returns = 0;
        if (back->daemon->journal) {
            journal_settle(back->daemon->journal, back->entry->id, NULL);
        }
    } else {
        return_later(back->daemon);
    }
    journal_entry_free(back->entry);
    g_free(back);
}

/* "the maximum downtime", "ms" */
static const char *
value_name(const JournalEntry *entry)
{
    return entry->kind == JOURNAL_THROTTLE ? "the bound of its throttle"
                                           : "the maximum downtime";
}

static const char *
value_unit(const JournalEntry *entry)
{
    return entry->kind == JOURNAL_THROTTLE ? "%" : "ms";
}

static void
on_returned(const GError *error, gpointer user)
{
    Return *back = user;
    const JournalEntry *entry = back->entry;
    bool first = back->daemon->returns <= 1;

    if (error) {
        daemon_log(first ? G_LOG_LEVEL_WARNING : G_LOG_LEVEL_DEBUG, NULL,
                   "guest '%s': %s of %" PRId64
                   " %s is not put back: %s; trying again",
                   entry->guest_name, value_name(entry), entry->old_value,
                   value_unit(entry), error->message);
    } else {
        LogAbout about = { .event = LOG_EVENT_CLEANED,
                           .guest = entry->guest_name };

        daemon_log(G_LOG_LEVEL_INFO, &about,
                   "guest '%s': %s is %" PRId64
                   " %s again, as before vmferryd changed it",
                   entry->guest_name, value_name(entry), entry->old_value,
                   value_unit(entry));
    }
    return_done(back, !error || g_error_matches(error, VIRT_ERROR,
                                                VIRT_ERROR_NOT_RUNNING));
}

/* Somebody may have set another value meanwhile: that is his. Of ours some are
 * between the old one and the last: the limit is only raised, in steps. */
static bool
is_ours(const JournalEntry *entry, int64_t now_ms)
{
    return now_ms > entry->old_value && now_ms <= entry->new_value;
}

static void
on_value(VirtGuest *guest, const VirtLimits *limits, gpointer user)
{
    Return *back = user;
    const JournalEntry *entry = back->entry;
    int64_t now_ms = llround(known_or(limits->downtime_s, 0) * 1000);

    if (limits->downtime_s.known && !is_ours(entry, now_ms)) {
        daemon_log(G_LOG_LEVEL_INFO, NULL,
                   "guest '%s': its maximum downtime is %" PRId64
                   " ms, and not the %" PRId64 " ms that vmferryd set: left "
                   "alone",
                   entry->guest_name, now_ms, entry->new_value);
        return_done(back, true);
        return;
    }
    virt_guest_set_max_downtime(guest, (uint64_t)entry->old_value, on_returned,
                                back);
}

char *
put_back_process(const VirtGuest *guest)
{
    int64_t pid = virt_guest_pid(guest);
    uint64_t ticks;

    return pid > 0 && lease_process_start("/proc", pid, &ticks)
               ? g_strdup_printf("%" PRId64 " %" PRIu64, pid, ticks)
               : NULL;
}

static void
on_bound(VirtGuest *guest, const char *reply, const GError *error,
         gpointer user)
{
    g_autoptr(GError) own = NULL;

    if (!error && reply && strstr(reply, "\"error\"")) {
        g_set_error(&own, VIRT_ERROR, VIRT_ERROR_FAILED, "QEMU says %s", reply);
    }
    on_returned(own ? own : error, user);
}

static void
return_throttle(VirtGuest *guest, Return *back)
{
    g_autofree char *process = put_back_process(guest);
    g_autofree char *command =
        g_strdup_printf("{\"execute\":\"migrate-set-parameters\",\"arguments\":"
                        "{\"max-cpu-throttle\":%" PRId64 "}}",
                        back->entry->old_value);

    if (back->entry->detail && *back->entry->detail &&
        g_strcmp0(back->entry->detail, process) != 0) {
        return_done(back, true); /* another QEMU, which has its own */
        return;
    }
    virt_guest_monitor(guest, command, on_bound, back);
}

static void
on_changed_guest(VirtGuest *guest, const GError *error, gpointer user)
{
    Return *back = user;

    if (!guest) {
        /* One that is not here has taken the value along; one that could not
         * be asked for may have it still. */
        return_done(back,
                    g_error_matches(error, VIRT_ERROR, VIRT_ERROR_NO_DOMAIN));
        return;
    }
    if (back->entry->kind == JOURNAL_THROTTLE) {
        return_throttle(guest, back);
        return;
    }
    virt_guest_read_limits(guest, on_value, back);
}

static bool
is_alive(const JournalEntry *entry)
{
    uint64_t ticks;

    return lease_process_start("/proc", entry->owner_pid, &ticks) &&
           ticks == entry->owner_start_ticks;
}

static bool
is_running(const Daemon *daemon, const JournalEntry *entry)
{
    for (guint i = 0; i < daemon->outgoing->len; i++) {
        const Outgoing *outgoing = g_ptr_array_index(daemon->outgoing, i);

        if (!outgoing->ended && g_strcmp0(outgoing->id, entry->session) == 0) {
            return true;
        }
    }
    return false;
}

/* On its way, whether we watch it or no longer do */
static bool
is_leaving(const Daemon *daemon, const char *uuid)
{
    for (guint i = 0; i < daemon->outgoing->len; i++) {
        const Outgoing *outgoing = g_ptr_array_index(daemon->outgoing, i);

        if (g_strcmp0(outgoing->uuid, uuid) == 0 &&
            (!outgoing->ended ||
             session_record(outgoing->session)->status == RUN_STATUS_LEFT)) {
            return true;
        }
    }
    return false;
}

/* Of a process that is dead, or of a session of ours that has ended. */
static bool
is_left(const Daemon *daemon, const JournalEntry *entry)
{
    bool ours = entry->owner_pid == getpid();

    return (entry->kind == JOURNAL_DOWNTIME ||
            entry->kind == JOURNAL_THROTTLE) &&
           entry->guest_uuid && entry->had_old && entry->old_value > 0 &&
           !g_hash_table_contains(daemon->returning, &entry->id) &&
           (is_alive(entry) ? ours && !is_running(daemon, entry) : true);
}

void
put_back_look(Daemon *daemon)
{
    g_autoptr(GPtrArray) entries =
        daemon->journal ? journal_list(daemon->journal, NULL) : NULL;

    for (guint i = 0; entries && i < entries->len; i++) {
        const JournalEntry *entry = g_ptr_array_index(entries, i);
        Return *back;

        if (!is_left(daemon, entry)) {
            continue;
        }
        if (!daemon->host || (entry->kind == JOURNAL_THROTTLE &&
                              is_leaving(daemon, entry->guest_uuid))) {
            return_later(daemon);
            continue;
        }
        back = g_new0(Return, 1);
        back->daemon = daemon;
        back->entry = journal_entry_new(entry->kind);
        back->entry->id = entry->id;
        back->entry->guest_name = g_strdup(entry->guest_name);
        back->entry->detail = g_strdup(entry->detail);
        back->entry->old_value = entry->old_value;
        back->entry->new_value = entry->new_value;
        g_hash_table_add(daemon->returning,
                         g_memdup2(&entry->id, sizeof(entry->id)));
        virt_guest_lookup(daemon->host, entry->guest_uuid, on_changed_guest,
                          back);
    }
}

static gboolean
on_return(gpointer user)
{
    Daemon *daemon = user;

    daemon->return_source = 0;
    put_back_look(daemon);
    return G_SOURCE_REMOVE;
}

void
put_back_open_journal(Daemon *daemon)
{
    const char *path = daemon->config->daemon.journal;
    g_autofree char *boot = NULL, *aside = NULL;
    g_autoptr(GError) error = NULL;
    JournalOwner owner = { .pid = getpid() };

    daemon->returning =
        g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    if (!path ||
        !g_file_get_contents("/proc/sys/kernel/random/boot_id", &boot, NULL,
                             NULL) ||
        !lease_process_start("/proc", owner.pid, &owner.start_ticks)) {
        return;
    }
    owner.boot_id = g_strstrip(boot);
    daemon->journal = journal_open(path, &owner, &aside, &error);
    if (aside) {
        daemon_log(G_LOG_LEVEL_WARNING, NULL, "%s", aside);
    }
    if (error) {
        /* No step that would need it is taken then. */
        daemon_log(G_LOG_LEVEL_WARNING, NULL, "no journal: %s", error->message);
    }
}
