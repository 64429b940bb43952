/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * guest-tune.c - what we change on a guest, and putting it back
 *
 *   value            where it lives                     after a migration
 *   max downtime     QEMU's migration parameters        dies with that QEMU
 *   max speed        QEMU, and libvirt's domain object  stays on the source,
 *                    as the next migration's default    if it is defined there
 *   balloon period   the running domain's XML           travels to the
 *                                                       destination
 *
 * libvirt lets the first two be changed while a migration runs. The third would
 * wait for its end, and is refused then.
 *
 * Before the first change of a value the old one is read. Changes of one guest
 * are carried out one after the other, in the order they were asked for: were
 * they to overtake each other, a value of ours could be taken for the old one.
 */
#include "virt/virt-priv.h"

/* What libvirt begins with; it takes no more. */
#define UNLIMITED_MIB_S (INT64_MAX >> 20)

typedef enum { DOWNTIME, SPEED, BALLOON, N_VALUES } ValueKind;

typedef struct Value {
    bool changed;
    uint64_t old; /* ms, MiB/s, s */
} Value;

typedef enum { SET, RESTORE, LEAVE, BARRIER } ChangeKind;

typedef struct Change {
    ChangeKind kind;
    VirtGuest *guest;
    virDomainPtr domain;
    ValueKind value; /* SET, LEAVE */
    uint64_t wanted;
    VirtHost *destination; /* RESTORE after a migration; NULL: none */
    bool migrated;
    Value values[N_VALUES]; /* as of now; the worker's copy */
    VirtDone done;
    gpointer user;
    GError *error;
} Change;

struct VirtTune {
    Value values[N_VALUES];
    GQueue waiting; /* Change */
    bool busy;
};

VirtTune *
virt_tune_new(void)
{
    VirtTune *tune = g_new0(VirtTune, 1);

    g_queue_init(&tune->waiting);
    return tune;
}

void
virt_tune_free(VirtTune *tune)
{
    /* A change holds the guest, and with it this. */
    g_assert(!tune || g_queue_is_empty(&tune->waiting));
    g_free(tune);
}

/* Rounded up, for 0 is no limit. */
static uint64_t
to_mib_s(uint64_t rate_bytes_s)
{
    return rate_bytes_s / (1 << 20) + (rate_bytes_s % (1 << 20) > 0);
}

/* --- in the worker --- */

static bool
read_value(virDomainPtr domain, ValueKind kind, uint64_t *value)
{
    unsigned long long downtime;
    unsigned long speed;

    switch (kind) {
    case DOWNTIME:
        if (virDomainMigrateGetMaxDowntime(domain, &downtime, 0) < 0) {
            return false;
        }
        *value = downtime;
        return true;
    case SPEED:
        if (virDomainMigrateGetMaxSpeed(domain, &speed, 0) < 0) {
            return false;
        }
        *value = speed;
        return true;
    default: {
        char *xml = virDomainGetXMLDesc(domain, 0);
        g_autoptr(VirtGuestInfo) info =
            xml ? virt_guest_info_parse(xml, NULL) : NULL;

        free(xml);
        *value = info ? info->balloon_period_s : 0;
        return info != NULL;
    }
    }
}

static bool
write_value(virDomainPtr domain, ValueKind kind, uint64_t value)
{
    switch (kind) {
    case DOWNTIME:
        return virDomainMigrateSetMaxDowntime(domain, value, 0) == 0;
    case SPEED:
        return virDomainMigrateSetMaxSpeed(domain, value, 0) == 0;
    default:
        return virDomainSetMemoryStatsPeriod(domain, (int)value,
                                             VIR_DOMAIN_AFFECT_LIVE) == 0;
    }
}

static void
name_value(ValueKind kind, uint64_t value, char *text, size_t size)
{
    static const char *const formats[] = {
        [DOWNTIME] = "maximum downtime of %" G_GUINT64_FORMAT " ms",
        [SPEED] = "migration speed limit of %" G_GUINT64_FORMAT " MiB/s",
        [BALLOON] = "balloon statistics period of %" G_GUINT64_FORMAT " s",
    };

    g_snprintf(text, size, formats[kind], value);
}

/* Does a job hold the domain? libvirt would keep us waiting for half a minute
 * and then refuse. */
bool
virt_has_job(virDomainPtr domain)
{
    virDomainJobInfo job;
    bool has = virDomainGetJobInfo(domain, &job) == 0 &&
               job.type != VIR_DOMAIN_JOB_NONE;

    virResetLastError();
    return has;
}

static void
set_work(Change *change)
{
    Value *value = &change->values[change->value];
    char text[80];

    name_value(change->value, change->wanted, text, sizeof(text));
    if (change->value == BALLOON && virt_has_job(change->domain)) {
        g_set_error(&change->error, VIRT_ERROR, VIRT_ERROR_BUSY,
                    "guest '%s': a %s can be set before a migration or after "
                    "it, not during one",
                    virDomainGetName(change->domain), text);
        return;
    }
    if (!value->changed &&
        !read_value(change->domain, change->value, &value->old)) {
        virt_error_take_guest(&change->error, change->domain,
                              "reading the value to put back later, before "
                              "setting a %s",
                              text);
        return;
    }
    if (change->value == BALLOON && !value->changed && value->old > 0 &&
        value->old <= change->wanted) {
        return; /* reports often enough already: nothing of ours */
    }
    if (!write_value(change->domain, change->value, change->wanted)) {
        virt_error_take_guest(&change->error, change->domain, "setting a %s",
                              text);
        return;
    }
    value->changed = true;
}

/* The command that does by hand what we could not. */
static char *
remedy(virDomainPtr domain, ValueKind kind, uint64_t old)
{
    static const char *const formats[] = {
        [DOWNTIME] = "virsh migrate-setmaxdowntime %s %" G_GUINT64_FORMAT,
        [SPEED] = "virsh migrate-setspeed %s %" G_GUINT64_FORMAT,
        [BALLOON] = "virsh dommemstat %s --period %" G_GUINT64_FORMAT " --live",
    };
    g_autofree char *name = g_shell_quote(virDomainGetName(domain));

    G_STATIC_ASSERT(G_N_ELEMENTS(formats) == N_VALUES);
    return g_strdup_printf(formats[kind], name, old);
}

/* Put one value back. @domain is the guest where this value now lives; a guest
 * that does not run, or is gone, has taken it along. */
static void
restore_one(Change *change, virDomainPtr domain, ValueKind kind,
            GString *failed)
{
    Value *value = &change->values[kind];
    g_autofree char *command = NULL, *why = NULL;
    VirtState state;
    char text[80];

    if (write_value(domain, kind, value->old)) {
        value->changed = false;
        return;
    }
    why = g_strdup(virGetLastErrorMessage());
    state = virt_state_of(domain);
    if (state == VIRT_STATE_GONE ||
        (state == VIRT_STATE_SHUTOFF && kind != SPEED)) {
        value->changed = false;
        return;
    }
    name_value(kind, value->old, text, sizeof(text));
    command = remedy(domain, kind, value->old);
    g_string_append_printf(failed,
                           "%sthe %s could not be put back (%s); this does: "
                           "%s",
                           failed->len ? "; " : "", text, why, command);
}

static void
restore_work(Change *change)
{
    g_autoptr(GString) failed = g_string_new(NULL);
    char uuid[VIR_UUID_STRING_BUFLEN] = "";

    virDomainGetUUIDString(change->domain, uuid);
    for (int kind = 0; kind < N_VALUES; kind++) {
        virDomainPtr there = NULL;

        if (!change->values[kind].changed) {
            continue;
        }
        if (!change->migrated) {
            restore_one(change, change->domain, kind, failed);
        } else if (kind == DOWNTIME) {
            change->values[kind].changed = false;
        } else if (kind == SPEED) {
            restore_one(change, change->domain, kind, failed);
        } else if (change->destination &&
                   (there = virDomainLookupByUUIDString(
                        virt_host_connection(change->destination), uuid))) {
            restore_one(change, there, kind, failed);
            virDomainFree(there);
        } else {
            g_autofree char *command =
                remedy(change->domain, kind, change->values[kind].old);

            g_string_append_printf(
                failed,
                "%sthe period of the balloon statistics moved along with the "
                "guest, and the destination could not be asked; there this "
                "puts it back: %s",
                failed->len ? "; " : "", command);
        }
    }
    virResetLastError();
    if (failed->len) {
        g_set_error(&change->error, VIRT_ERROR, VIRT_ERROR_FAILED,
                    "guest '%s': %s", virDomainGetName(change->domain),
                    failed->str);
    }
}

static void
change_work(gpointer data)
{
    Change *change = data;

    if (change->kind == SET) {
        set_work(change);
    } else if (change->kind == RESTORE) {
        restore_work(change);
    } else if (change->kind == LEAVE) {
        change->values[change->value].changed = false;
    }
}

/* --- in the main thread --- */

static void change_next(VirtGuest *guest);

static void
change_deliver(gpointer data)
{
    Change *change = data;
    VirtTune *tune = virt_guest_tune(change->guest);

    for (int i = 0; i < N_VALUES; i++) {
        tune->values[i] = change->values[i];
    }
    if (change->kind == RESTORE && change->migrated) {
        /* That guest is somewhere else now; asking again would not help. */
        for (int i = 0; i < N_VALUES; i++) {
            tune->values[i].changed = false;
        }
    }
    tune->busy = false;
    change_next(change->guest);
    if (change->done) {
        change->done(change->error, change->user);
    }
    g_clear_error(&change->error);
    virt_host_unref(change->destination);
    virt_guest_unref(change->guest);
    g_free(change);
}

static void
change_next(VirtGuest *guest)
{
    VirtTune *tune = virt_guest_tune(guest);
    Change *change;

    if (tune->busy || !(change = g_queue_pop_head(&tune->waiting))) {
        return;
    }
    tune->busy = true;
    for (int i = 0; i < N_VALUES; i++) {
        change->values[i] = tune->values[i];
    }
    virt_pool_call(virt_host_pool(virt_guest_host(guest)), change_work,
                   change_deliver, change);
}

static void
change_push(VirtGuest *guest, Change change)
{
    VirtTune *tune = virt_guest_tune(guest);

    change.guest = virt_guest_ref(guest);
    change.domain = virt_guest_domain(guest);
    g_queue_push_tail(&tune->waiting, g_memdup2(&change, sizeof(change)));
    change_next(guest);
}

void
virt_guest_set_max_downtime(VirtGuest *guest, uint64_t downtime_ms,
                            VirtDone done, gpointer user)
{
    change_push(guest, (Change){ .kind = SET,
                                 .value = DOWNTIME,
                                 .wanted = downtime_ms,
                                 .done = done,
                                 .user = user });
}

void
virt_guest_set_max_speed(VirtGuest *guest, uint64_t rate_bytes_s, VirtDone done,
                         gpointer user)
{
    change_push(guest, (Change){ .kind = SET,
                                 .value = SPEED,
                                 .wanted = to_mib_s(rate_bytes_s),
                                 .done = done,
                                 .user = user });
}

void
virt_guest_collect_balloon(VirtGuest *guest, unsigned period_s, VirtDone done,
                           gpointer user)
{
    change_push(guest, (Change){ .kind = SET,
                                 .value = BALLOON,
                                 .wanted = period_s,
                                 .done = done,
                                 .user = user });
}

void
virt_tune_restore(VirtGuest *guest, VirtHost *destination, bool migrated,
                  VirtDone done, gpointer user)
{
    change_push(guest,
                (Change){ .kind = RESTORE,
                          .destination =
                              destination ? virt_host_ref(destination) : NULL,
                          .migrated = migrated,
                          .done = done,
                          .user = user });
}

void
virt_tune_settle(VirtGuest *guest, VirtDone done, gpointer user)
{
    change_push(guest, (Change){ .kind = BARRIER, .done = done, .user = user });
}

void
virt_guest_restore(VirtGuest *guest, VirtDone done, gpointer user)
{
    virt_tune_restore(guest, NULL, false, done, user);
}

bool
virt_guest_changed(const VirtGuest *guest)
{
    const VirtTune *tune = virt_guest_tune((VirtGuest *)guest);

    for (int i = 0; i < N_VALUES; i++) {
        if (tune->values[i].changed) {
            return true;
        }
    }
    return false;
}

void
virt_guest_take_downtime(VirtGuest *guest, uint64_t old_ms)
{
    Value *value = &virt_guest_tune(guest)->values[DOWNTIME];

    if (!value->changed) {
        *value = (Value){ .changed = true, .old = old_ms };
    }
}

void
virt_guest_leave_downtime(VirtGuest *guest)
{
    change_push(guest, (Change){ .kind = LEAVE, .value = DOWNTIME });
}

/* --- what others may have set --- */

typedef struct Limits {
    VirtGuest *guest;
    virDomainPtr domain;
    VirtLimitsRead done;
    gpointer user;
    VirtLimits limits;
} Limits;

static void
limits_work(gpointer data)
{
    Limits *call = data;
    uint64_t value;

    if (read_value(call->domain, DOWNTIME, &value)) {
        call->limits.downtime_s = known((double)value / 1000);
    }
    if (read_value(call->domain, SPEED, &value)) {
        call->limits.speed_bytes_s = known((double)value * (1 << 20));
    }
    virResetLastError();
}

static void
limits_deliver(gpointer data)
{
    g_autofree Limits *call = data;

    call->done(call->guest, &call->limits, call->user);
    virt_guest_unref(call->guest);
}

void
virt_guest_read_limits(VirtGuest *guest, VirtLimitsRead done, gpointer user)
{
    Limits *call = g_new0(Limits, 1);

    call->guest = virt_guest_ref(guest);
    call->domain = virt_guest_domain(guest);
    call->done = done;
    call->user = user;
    virt_pool_call(virt_host_pool(virt_guest_host(guest)), limits_work,
                   limits_deliver, call);
}

/* --- somebody else's job --- */

typedef struct SteerJob {
    VirtGuest *guest;
    virDomainPtr domain;
    int (*call)(virDomainPtr domain, const uint64_t *values);
    uint64_t values[2];
    const char *what;
    VirtDone done;
    gpointer user;
    GError *error;
} SteerJob;

static void
steer_work(gpointer data)
{
    SteerJob *call = data;

    if (call->call(call->domain, call->values) < 0) {
        virt_error_take_guest(&call->error, call->domain, "%s", call->what);
    }
}

static void
steer_deliver(gpointer data)
{
    g_autofree SteerJob *call = data;

    call->done(call->error, call->user);
    g_clear_error(&call->error);
    virt_guest_unref(call->guest);
}

static void
steer_job(VirtGuest *guest,
          int (*function)(virDomainPtr domain, const uint64_t *values),
          const uint64_t *values, const char *what, VirtDone done,
          gpointer user)
{
    SteerJob *call = g_new0(SteerJob, 1);

    call->guest = virt_guest_ref(guest);
    call->domain = virt_guest_domain(guest);
    call->call = function;
    if (values) {
        memcpy(call->values, values, sizeof(call->values));
    }
    call->what = what;
    call->done = done;
    call->user = user;
    virt_pool_call(virt_host_pool(virt_guest_host(guest)), steer_work,
                   steer_deliver, call);
}

static int
abort_job(virDomainPtr domain, const uint64_t *values)
{
    return virDomainAbortJob(domain);
}

static int
start_postcopy(virDomainPtr domain, const uint64_t *values)
{
    return virDomainMigrateStartPostCopy(domain, 0);
}

/* @values: at which it was begun, and its own limit or 0, in MiB/s */
static int
lift_speed(virDomainPtr domain, const uint64_t *values)
{
    unsigned long speed = values[1];

    if (speed == 0 && (virDomainMigrateGetMaxSpeed(domain, &speed, 0) < 0 ||
                       speed <= values[0])) {
        speed = UNLIMITED_MIB_S;
    }
    return virDomainMigrateSetMaxSpeed(domain, MIN(speed, UNLIMITED_MIB_S), 0);
}

void
virt_guest_abort_job(VirtGuest *guest, VirtDone done, gpointer user)
{
    steer_job(guest, abort_job, NULL, "aborting its job", done, user);
}

void
virt_guest_start_postcopy(VirtGuest *guest, VirtDone done, gpointer user)
{
    steer_job(guest, start_postcopy, NULL,
              "switching its migration to post-copy", done, user);
}

void
virt_guest_lift_speed(VirtGuest *guest, uint64_t held_bytes_s,
                      uint64_t own_bytes_s, VirtDone done, gpointer user)
{
    const uint64_t values[] = { to_mib_s(held_bytes_s), to_mib_s(own_bytes_s) };

    steer_job(guest, lift_speed, values,
              "lifting the limit of its migration's speed", done, user);
}
