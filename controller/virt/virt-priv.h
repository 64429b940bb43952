/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virt-priv.h - the inside of the libvirt adapter
 *
 * A request is a struct of its own: arguments copied in by the main thread,
 * results written by the worker, both taken out by the main thread again. A
 * worker touches nothing but that struct and libvirt.
 */
#ifndef VIRT_PRIV_H
#define VIRT_PRIV_H

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "virt/guest.h"
#include "virt/leaving.h"
#include "virt/migration.h"
#include "virt/virt.h"

/* --- error.c --- */

/**
 * virt_error_take() - Turn libvirt's last error of this thread into ours
 * @connection: Asked whether it is still alive; NULL: do not ask
 * @fallback: Code for what has no code of its own
 * @format: What was being done, without the ": " before libvirt's words
 *
 * Every call into libvirt clears the last error, virDomainGetName() as well:
 * there must be none among the arguments.
 */
void virt_error_take(GError **error, virConnectPtr connection,
                     VirtError fallback, const char *format, ...)
    G_GNUC_PRINTF(4, 5);

/** virt_error_take_guest() - The same: "guest 'vm-a': doing: libvirt's words" */
void virt_error_take_guest(GError **error, virDomainPtr domain,
                           const char *format, ...) G_GNUC_PRINTF(3, 4);

/** virt_error_code() - Our code for one of libvirt's */
VirtError virt_error_code(int libvirt_code, VirtError fallback);

/* --- loop.c --- */

/** virt_loop_register() - Make libvirt use @context; once per process */
void virt_loop_register(GMainContext *context);

/* --- pool.c --- */

typedef void (*VirtWork)(gpointer data);    /* in a worker */
typedef void (*VirtDeliver)(gpointer data); /* in the main thread; frees */

/** virt_pool_call() - Carry out, then deliver. Requests of one object may
 * overtake each other */
void virt_pool_call(VirtPool *pool, VirtWork work, VirtDeliver deliver,
                    gpointer data);

/** virt_pool_call_long() - The same in a thread of its own, so that calls that
 * last minutes never keep an abort waiting */
void virt_pool_call_long(VirtPool *pool, VirtWork work, VirtDeliver deliver,
                         gpointer data);

/** virt_pool_call_later() - The same after @delay_ms */
void virt_pool_call_later(VirtPool *pool, unsigned delay_ms, VirtWork work,
                          VirtDeliver deliver, gpointer data);

/* Requests that must not overtake each other. Whoever owns a lane outlives its
 * requests, because they hold it. */
typedef struct VirtLane {
    GQueue waiting;
    bool busy;
} VirtLane;

/** virt_lane_call() - virt_pool_call(), after all of @lane before it */
void virt_lane_call(VirtLane *lane, VirtPool *pool, VirtWork work,
                    VirtDeliver deliver, gpointer data);

GMainContext *virt_pool_context(VirtPool *pool);

/** virt_post() - Run @deliver in the main thread; callable from any */
void virt_post(GMainContext *context, VirtDeliver deliver, gpointer data);

/* --- host.c --- */

VirtPool *virt_host_pool(VirtHost *host);

/** virt_connect() - Blocking, with keepalive; NULL with libvirt's error set */
virConnectPtr virt_connect(const char *uri, unsigned flags);

unsigned virt_host_flags(const VirtHost *host);

/** virt_host_lane() - For registering callbacks on this connection */
VirtLane *virt_host_lane(VirtHost *host);

/** virt_host_connection() - For a request that holds the host */
virConnectPtr virt_host_connection(VirtHost *host);

/* Guests that want to hear of the loss of their host; not referenced. */
typedef void (*VirtHostWatch)(const char *cause, gpointer data);
void virt_host_watch(VirtHost *host, VirtHostWatch watch, gpointer data);
void virt_host_unwatch(VirtHost *host, gpointer data);

/* --- local.c --- */

/** virt_local() - Is the daemon behind @uri in our network namespace?
 *
 * By the address in the URI, which then is one of ours; without an address by
 * the process that listens on libvirt's unix socket. Blocks (resolver). */
VirtLocal virt_local(const char *uri);

/* --- ask.c --- */

typedef void (*VirtAsked)(const GPtrArray *guests, const GError *error,
                          gpointer user);

typedef struct VirtAsk {
    VirtHost *host;
    virConnectPtr connection;
    GPtrArray *guests; /* the worker adds to it */
    GError *error;     /* ... or sets this */
    VirtAsked done;
    gpointer user;
} VirtAsk;

/** virt_host_ask() - Have a worker fill in a VirtAsk, and tell @done in the main
 * loop; what @guests holds is freed after that */
void virt_host_ask(VirtHost *host, void (*work)(gpointer ask),
                   GDestroyNotify free_guest, VirtAsked done, gpointer user);

/* --- guest-xml.c, pure --- */

VirtGuestInfo *virt_guest_info_new(void);
void virt_guest_info_free(VirtGuestInfo *info);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VirtGuestInfo, virt_guest_info_free)

/** virt_xml_attribute() - Of GMarkup's two lists; NULL: it is not there */
const char *virt_xml_attribute(const char **names, const char **values,
                               const char *name);

/** virt_guest_info_parse() - Read a domain's XML; VIRT_ERROR_XML */
VirtGuestInfo *virt_guest_info_parse(const char *xml, GError **error);

/* --- caps-xml.c, pure --- */

/** virt_caps_host_uuid() - Of capabilities; g_free() it; NULL: none */
char *virt_caps_host_uuid(const char *xml);

/**
 * virt_caps_check() - Do these capabilities hold such a guest?
 * @xml: Of virConnectGetCapabilities()
 *
 * VIRT_ERROR_MACHINE with what is missing; VIRT_ERROR_XML
 */
bool virt_caps_check(const char *xml, const VirtGuestInfo *guest,
                     GError **error);

/* --- guest-stats.c: typed parameters in, figures out --- */

/** virt_job_read() - @type is virDomainJobType; owned parts of @job are new */
void virt_job_read(VirtJob *job, int type, virTypedParameterPtr params,
                   int n_params, int64_t at_us);
void virt_job_clear(VirtJob *job);
void virt_job_copy(VirtJob *to, const VirtJob *from);

/** virt_counters_read() - One record of virDomainListGetStats() */
void virt_counters_read(VirtReading *reading, virTypedParameterPtr params,
                        int n_params, int64_t at_us, int64_t wall_us);

/* --- guest.c --- */

/** virt_guest_domain() - For a request that holds the guest */
virDomainPtr virt_guest_domain(VirtGuest *guest);
VirtState virt_state_of(virDomainPtr domain); /* blocks */

/* Something about a guest that a worker needs to say in messages. */
const char *virt_guest_name(const VirtGuest *guest);

typedef struct VirtSubscription VirtSubscription;
typedef struct VirtTune VirtTune;
VirtSubscription **virt_guest_subscription(VirtGuest *guest);
VirtTune *virt_guest_tune(VirtGuest *guest);
bool *virt_guest_polling(VirtGuest *guest);
bool virt_guest_migrating(const VirtGuest *guest);
void virt_guest_set_migrating(VirtGuest *guest, bool migrating);

/* --- guest-tune.c --- */

/** virt_has_job() - Does a migration, or another job, hold it? Blocks */
bool virt_has_job(virDomainPtr domain);

VirtTune *virt_tune_new(void);
void virt_tune_free(VirtTune *tune);

/**
 * virt_tune_restore() - virt_guest_restore() after a migration
 * @destination: Where the guest is now if it has moved; NULL: not reachable
 * @migrated: It has moved
 * @done: @error tells what could not be put back, and the remedy
 */
void virt_tune_restore(VirtGuest *guest, VirtHost *destination, bool migrated,
                       VirtDone done, gpointer user);

/** virt_tune_settle() - @done when the changes asked for so far are made */
void virt_tune_settle(VirtGuest *guest, VirtDone done, gpointer user);

/* --- guest-events.c --- */

/** virt_subscription_last_job() - Final statistics that arrived as an event;
 * NULL if none did since the last migration began */
const VirtJob *virt_subscription_last_job(VirtSubscription *subscription);
void virt_subscription_forget_job(VirtSubscription *subscription);

/* --- leaving.c: for workers, they block --- */

/** virt_storage_of() - By the file system that the file lies on here */
VirtStorage virt_storage_of(const char *path, gpointer user);

/** virt_leaving_of() - virt_guest_leaving_now() of a domain, without a guess
 * of ours where files lie */
VirtLeaving *virt_leaving_of(virDomainPtr domain, const VirtLeavingSpec *spec,
                             GError **error);

/** virt_free_memory() - virt_host_free_memory_now(); false with libvirt's
 * error set */
bool virt_free_memory(virConnectPtr connection, const VirtLeaving *leaving,
                      uint64_t *bytes);

/** virt_check_cpu() - virt_host_check_cpu_now() */
bool virt_check_cpu(virConnectPtr connection, const char *host_name,
                    const VirtGuestInfo *info, const VirtLeaving *leaving,
                    GError **error);

/* --- xml.c --- */

/**
 * virt_xml_parse() - All of @xml through @parser
 * @reader: The callbacks' user
 * @doing: "reading the guest's XML"
 *
 * Return: false with VIRT_ERROR_XML, which is all that there can be wrong
 */
bool virt_xml_parse(const GMarkupParser *parser, void *reader, const char *xml,
                    const char *doing, GError **error);

/* --- migrate-params.c --- */

/** virt_migrate_params() - libvirt's form; virTypedParamsFree() it. NULL with
 * *n_params 0 is an empty list, not an error */
bool virt_migrate_params(const VirtMigrateSpec *spec,
                         virTypedParameterPtr *params, int *n_params,
                         GError **error);

#endif
