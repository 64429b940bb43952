/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * guest.h - a domain: what it is, what it does, what was changed on it
 *
 * Observation uses libvirt's public calls only and leaves the guest untainted.
 * What is changed on a guest for the time of a migration (maximum downtime and
 * speed, period of the balloon statistics) goes through this file, which keeps
 * the old value and puts it back: virt_guest_restore(). docs/libvirt.md lists
 * every call and its effect.
 */
#ifndef VIRT_GUEST_H
#define VIRT_GUEST_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/known.h"
#include "sample/sample.h"
#include "virt/virt.h"

/* Namespace of what an administrator may say of a guest to vmferry. */
#define VIRT_GUEST_METADATA "urn:vmferry:guest:1"
/* ... and of those about where it may run, for placement */
#define VIRT_PLACE_METADATA "urn:vmferry:place:1"

typedef struct VirtGuest VirtGuest;

typedef enum {
    VIRT_STATE_UNKNOWN, /* could not be asked */
    VIRT_STATE_GONE,    /* no such domain there */
    VIRT_STATE_SHUTOFF, /* defined, not running */
    VIRT_STATE_RUNNING,
    VIRT_STATE_PAUSED, /* vCPUs stopped, memory there */
    VIRT_STATE_OTHER,  /* crashed, shutting down, suspended to RAM */
    VIRT_N_STATES
} VirtState;

const char *virt_state_name(VirtState state); /* "running", "shut off", ... */

typedef struct VirtInterface {
    char *device; /* on the host: "vnet3"; NULL if it has none (hostdev) */
    char *mac;    /* "52:54:00:12:34:56" */
    char *model;  /* "virtio"; NULL: not told */
} VirtInterface;

/* Strings may be NULL: not told. */
typedef struct VirtGuestInfo {
    char *name;
    char *uuid;
    int id; /* -1: not running */
    VirtState state;
    bool postcopy; /* paused, for it runs on the destination already */
    bool persistent;
    uint64_t memory_bytes; /* maximum: what a migration has to send at most */
    unsigned vcpus;
    char *arch;        /* "x86_64" */
    char *machine;     /* as running: "pc-q35-7.2", not the alias "q35" */
    char *emulator;    /* path */
    char *type;        /* libvirt's: "kvm", "qemu", "test" */
    char *accelerator; /* "kvm", "tcg", else as type */
    bool balloon;      /* has the device (the guest may lack the driver) */
    unsigned balloon_period_s; /* 0: statistics are not collected */
    bool memory_limit;         /* <memtune> has a hard_limit */
    bool host_devices;         /* has devices of its host */
    uint64_t hugepage_bytes;   /* largest of its memory's pages that are asked
                                  for by size; 0: none are */
    GPtrArray *interfaces;     /* VirtInterface * */
    GPtrArray *taints; /* char *, libvirt's sentences; empty: untainted */
    char *metadata;    /* the element that VIRT_GUEST_METADATA names; NULL */
} VirtGuestInfo;

/**
 * virt_guest_info_macs() - The addresses of its interfaces
 * @macs: Gets them, borrowed from @info, and NULL
 * @room: Of @macs; what does not fit is left out
 *
 * Return: how many
 */
size_t virt_guest_info_macs(const VirtGuestInfo *info, const char **macs,
                            size_t room);

typedef void (*VirtGuestFound)(VirtGuest *guest, const GError *error,
                               gpointer user);

/**
 * virt_guest_lookup() - Find a domain by id, UUID or name, in virsh's order
 * @done: Gets the guest (virt_guest_ref() it to keep it), or an error that
 *        names the guest and the host
 */
void virt_guest_lookup(VirtHost *host, const char *which, VirtGuestFound done,
                       gpointer user);

/** virt_guest_lookup_now() - The same, blocking */
VirtGuest *virt_guest_lookup_now(VirtHost *host, const char *which,
                                 GError **error);

VirtGuest *virt_guest_ref(VirtGuest *guest);

/** virt_guest_unref() - The last one ends the event subscription. It restores
 * nothing: virt_guest_restore() does */
void virt_guest_unref(VirtGuest *guest);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VirtGuest, virt_guest_unref)

/** virt_guest_info() - As of lookup or the last refresh; lives until the next
 * refresh is delivered */
const VirtGuestInfo *virt_guest_info(const VirtGuest *guest);
VirtHost *virt_guest_host(const VirtGuest *guest);

/**
 * virt_guest_pid() - Process of its QEMU on this machine
 *
 * By the pid file that libvirt's system daemon keeps, and the command line of
 * that process. Reads files, no more. Return: 0 if it is not to be known
 */
int64_t virt_guest_pid(const VirtGuest *guest);

/** virt_guest_refresh() - Ask again for what virt_guest_info() shows */
void virt_guest_refresh(VirtGuest *guest, VirtDone done, gpointer user);

/* --- can it run there? --- */

/**
 * virt_host_check_guest_now() - Would this host take such a guest? Blocks
 * @host: The destination
 * @guest: On its source
 *
 * VIRT_ERROR_MACHINE names what is missing (architecture, KVM, machine type)
 * and the remedy. Other errors: the host could not be asked.
 */
bool virt_host_check_guest_now(VirtHost *host, VirtGuest *guest,
                               GError **error);

/* --- readings --- */

typedef enum {
    VIRT_JOB_NONE,     /* nothing under way */
    VIRT_JOB_STARTING, /* a job, without figures yet */
    VIRT_JOB_ACTIVE,   /* .poll is valid if .sampled */
    VIRT_JOB_COMPLETED,
    VIRT_JOB_FAILED,
    VIRT_JOB_CANCELLED,
} VirtJobState;

/* A migration's statistics as libvirt passes them on. */
typedef struct VirtJob {
    VirtJobState state;
    bool outgoing;   /* false: some other job (save, dump, backup, ...) */
    bool sampled;    /* poll holds all that the identity needs */
    SamplePoll poll; /* at_us: when the answer arrived */
    Known elapsed_ms;
    Known downtime_ms; /* while active: QEMU's expectation */
    Known setup_ms;
    Known total_bytes;     /* guest memory to send at the start */
    Known remaining_bytes; /* memory and disks */
    Known rate_bytes_s;    /* QEMU's, over its last 100 ms */
    Known postcopy_requests;
    char *message; /* of a failed job; NULL: none */
} VirtJob;

enum {
    VIRT_READ_JOB = 1 << 0,
    VIRT_READ_COUNTERS = 1 << 1, /* CPU, interfaces, balloon */
};

typedef struct VirtReading {
    unsigned what; /* VIRT_READ_ parts that could be read */
    VirtJob job;
    SampleCounters counters; /* host_net_bytes is not ours: unknown */
    Known balloon_age_s;     /* how old mem_used is, on the host's wall clock */
} VirtReading;

typedef void (*VirtRead)(VirtGuest *guest, const VirtReading *reading,
                         const GError *error, gpointer user);

/** virt_guest_counters_now() - Of a guest, blocking; all unknown where they
 * cannot be read */
void virt_guest_counters_now(VirtGuest *guest, SampleCounters *counters);

/**
 * virt_guest_poll() - Read statistics once
 * @what: VIRT_READ_ flags
 * @done: @error is set only if nothing could be read; @reading->what tells
 *
 * One request is under way at most: when the monitor does not answer (it does
 * not while the guest is being switched over) polls must not pile up.
 *
 * Return: false, and @done is not called, if one is under way
 */
bool virt_guest_poll(VirtGuest *guest, unsigned what, VirtRead done,
                     gpointer user);

/** virt_guest_completed_job() - Statistics of the migration that ended, with
 * the real downtime; on either host. They stay with libvirt for others */
void virt_guest_completed_job(VirtGuest *guest, VirtRead done, gpointer user);

/* --- events --- */

typedef enum {
    VIRT_EVENT_PASS,    /* .pass begins */
    VIRT_EVENT_STATUS,  /* QEMU's migration status, in .detail */
    VIRT_EVENT_PAUSED,  /* vCPUs stopped; .detail: "migration", "user", ... */
    VIRT_EVENT_RESUMED, /* .detail: "migration", "postcopy", ... */
    VIRT_EVENT_STARTED,
    VIRT_EVENT_STOPPED, /* no longer runs here; "migrated", "destroyed", ... */
    VIRT_EVENT_POSTCOPY_FAILED,
    VIRT_EVENT_JOB_COMPLETED, /* .job: final statistics */
    VIRT_EVENT_LOST, /* the connection broke; .detail: why. The last one */
    VIRT_N_EVENTS
} VirtEventKind;

const char *virt_event_name(VirtEventKind kind); /* "pass", "paused", ... */

typedef struct VirtEvent {
    VirtEventKind kind;
    bool stamped;       /* QEMU's own time is known */
    int64_t wall_us;    /* that time, on the clock of the guest's host */
    int64_t arrived_us; /* monotonic */
    int64_t at_us;      /* monotonic, best guess of when it happened: from
                            wall_us if that host's clock is ours, else arrived */
    unsigned pass;      /* VIRT_EVENT_PASS */
    SampleTold told;    /* ... of the pass before, by a patched QEMU; else all
                            unknown */
    const char *detail; /* "" if there is none */
    const VirtJob *job; /* VIRT_EVENT_JOB_COMPLETED, else NULL */
} VirtEvent;

typedef void (*VirtGuestEvent)(VirtGuest *guest, const VirtEvent *event,
                               gpointer user);

/**
 * virt_guest_subscribe() - Have events of this guest delivered
 * @event: Called for each, until virt_guest_unsubscribe()
 * @done: The subscription stands; what was missed before is lost
 *
 * Events of QEMU's monitor come with QEMU's time and are used where the daemon
 * hands them out (this does not taint); libvirt's own ones fill the gaps. One
 * happening is delivered once. A domain can be subscribed to once on one
 * connection; subscribing the same guest again replaces the callback.
 */
void virt_guest_subscribe(VirtGuest *guest, VirtGuestEvent event, gpointer user,
                          VirtDone done, gpointer done_user);
void virt_guest_unsubscribe(VirtGuest *guest);

/** virt_guest_monitor_events() - Do events carry QEMU's time? */
bool virt_guest_monitor_events(const VirtGuest *guest);

/* --- changes, all of them undone by virt_guest_restore() --- */

void virt_guest_set_max_downtime(VirtGuest *guest, uint64_t downtime_ms,
                                 VirtDone done, gpointer user);

/** virt_guest_set_max_speed() - Whole MiB/s as libvirt has it; rounded up */
void virt_guest_set_max_speed(VirtGuest *guest, uint64_t rate_bytes_s,
                              VirtDone done, gpointer user);

/** virt_guest_collect_balloon() - Have the balloon driver report every
 * @period_s seconds, unless it already does so at least that often.
 * VIRT_ERROR_BUSY during a migration: ask before it */
void virt_guest_collect_balloon(VirtGuest *guest, unsigned period_s,
                                VirtDone done, gpointer user);

/**
 * virt_guest_restore() - Put back everything that the calls above changed
 *
 * Nothing changed: nothing is asked. A guest that is gone needs nothing. A
 * migration does this by itself when it ends, at whichever host the guest is
 * then; call it when there was none.
 */
void virt_guest_restore(VirtGuest *guest, VirtDone done, gpointer user);

/* What a migration under way is limited to, whoever set it. */
typedef struct VirtLimits {
    Known downtime_s;
    Known speed_bytes_s; /* libvirt's default is some 8 EiB/s: unlimited */
} VirtLimits;

typedef void (*VirtLimitsRead)(VirtGuest *guest, const VirtLimits *limits,
                               gpointer user);

/** virt_guest_read_limits() - Read both; what cannot be read is unknown */
void virt_guest_read_limits(VirtGuest *guest, VirtLimitsRead done,
                            gpointer user);

/**
 * virt_guest_lift_speed() - Let its migration send as fast as it may
 * @held_bytes_s: At which it was begun (VIRT_MIGRATE_PARAM_BANDWIDTH)
 * @own_bytes_s: The guest's own limit, as it was before; 0: not known
 *
 * Where its own limit is not known, that which libvirt tells; where that is no
 * more than what it was begun with, none. Leaves nothing to be put back, for
 * libvirt itself forgets both at the migration's end. Before the migration has
 * begun to send it may be lost.
 */
void virt_guest_lift_speed(VirtGuest *guest, uint64_t held_bytes_s,
                           uint64_t own_bytes_s, VirtDone done, gpointer user);

/** virt_guest_abort_job() - Give up the job that the guest has now, whoever
 * started it; @done tells that libvirt took it */
void virt_guest_abort_job(VirtGuest *guest, VirtDone done, gpointer user);

/** virt_guest_start_postcopy() - Of its migration, whoever started that;
 * libvirt refuses if it was not asked for at the start */
void virt_guest_start_postcopy(VirtGuest *guest, VirtDone done, gpointer user);

/**
 * virt_guest_take_downtime() - We changed its maximum downtime before
 * @old_ms: That was there before, to be put back by virt_guest_restore()
 *
 * For a guest on a new connection, of which the old one knew.
 */
void virt_guest_take_downtime(VirtGuest *guest, uint64_t old_ms);

/** virt_guest_leave_downtime() - It is somebody else's now, and not put back;
 * in its turn among the changes asked for */
void virt_guest_leave_downtime(VirtGuest *guest);

/** virt_guest_changed() - Is there anything to put back? */
bool virt_guest_changed(const VirtGuest *guest);

/* --- the monitor --- */

typedef void (*VirtMonitorReply)(VirtGuest *guest, const char *reply,
                                 const GError *error, gpointer user);

/**
 * virt_guest_monitor() - Pass a QMP command through
 * @command: JSON; @reply is QEMU's whole answer, {"return":...} or {"error":...}
 *
 * TAINTS the guest ("custom-monitor", for as long as it runs) and writes a
 * line into its log. Only where the user asked for it; the record says so.
 */
void virt_guest_monitor(VirtGuest *guest, const char *command,
                        VirtMonitorReply reply, gpointer user);

#endif
