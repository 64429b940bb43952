/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virt.h - libvirt for a program with one main loop: pool, connection, errors
 *
 *   main loop thread                      workers
 *   owns every object  -- request copy -->  blocking libvirt call
 *   your callback      <-- GSource --------  result copy
 *
 * libvirt's calls block, some for as long as a migration lasts. They run in a
 * VirtPool; what comes back is delivered by the main loop. Everything in this
 * folder is to be called from the thread that runs the pool's GMainContext,
 * and calls back only there. A callback is called exactly once, and never from
 * inside the function that it was given to. libvirt's own sockets and timers
 * live in the same main loop: let it run, or keepalive cuts the connection.
 *
 * No libvirt header is needed above this folder.
 */
#ifndef VIRT_H
#define VIRT_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define VIRT_ERROR (virt_error_quark())
GQuark virt_error_quark(void);

/* Every message ends with what libvirt said, if it was libvirt. */
typedef enum {
    VIRT_ERROR_FAILED,       /* anything not named below */
    VIRT_ERROR_CONNECT,      /* the daemon cannot be reached, or its name */
    VIRT_ERROR_AUTH,         /* it wants other credentials */
    VIRT_ERROR_DENIED,       /* it does not let us: read-only, access rule */
    VIRT_ERROR_DISCONNECTED, /* the connection broke; outcome not known */
    VIRT_ERROR_NO_DOMAIN,    /* no such guest, or no longer */
    VIRT_ERROR_NOT_RUNNING,  /* or otherwise not in the state for it */
    VIRT_ERROR_ABORTED,      /* the job was aborted, by whomever */
    VIRT_ERROR_TIMEOUT,      /* another job holds the guest */
    VIRT_ERROR_UNSAFE,       /* libvirt holds the migration unsafe: --unsafe */
    VIRT_ERROR_NO_SUPPORT,   /* this daemon or QEMU cannot */
    VIRT_ERROR_INVALID,      /* an argument libvirt does not accept */
    VIRT_ERROR_MACHINE,      /* the destination cannot run such a guest */
    VIRT_ERROR_XML,          /* a description that is not understood */
    VIRT_ERROR_BUSY,         /* one such request is already under way */
} VirtError;

/**
 * virt_error_libvirt_text() - What libvirt itself said
 *
 * Return: libvirt's message as virsh would print it behind "error: ", borrowed
 * from @error; NULL if the error did not come from libvirt
 */
const char *virt_error_libvirt_text(const GError *error);

/** VirtDone - A request has been carried out; @error is NULL on success and
 * borrowed, as are all arguments of callbacks in this folder */
typedef void (*VirtDone)(const GError *error, gpointer user);

/* --- the pool --- */

typedef struct VirtPool VirtPool;

/**
 * virt_pool_new() - Threads for libvirt, and libvirt's event loop
 * @context: Whose thread is to own everything; NULL: the default one
 *
 * The first pool of the process registers the event loop with libvirt, which
 * allows that once: later pools must have the same context. Messages that
 * libvirt prints to stderr by itself are silenced. SIGPIPE ends the process no
 * more, for libvirt would raise it when a daemon dies: a program whose output
 * nobody reads sees that by its writes' errors.
 */
VirtPool *virt_pool_new(GMainContext *context);
VirtPool *virt_pool_ref(VirtPool *pool);

/** virt_pool_unref() - Requests under way keep the pool until delivered */
void virt_pool_unref(VirtPool *pool);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VirtPool, virt_pool_unref)

/**
 * virt_pool_drain() - Iterate the main loop until nothing is under way
 * @timeout_ms: Give up then; -1: never
 *
 * For the end of a program: objects given up close their connections in the
 * pool. Return: false if something is still under way.
 */
bool virt_pool_drain(VirtPool *pool, int timeout_ms);

/* --- a connection --- */

typedef struct VirtHost VirtHost;

typedef enum {
    VIRT_OPEN_READ_ONLY = 1 << 0, /* enough to look, also for a non-root user */
} VirtOpenFlags;

typedef enum { VIRT_LOCAL_UNKNOWN, VIRT_LOCAL_NO, VIRT_LOCAL_YES } VirtLocal;

typedef struct VirtHostInfo {
    char *uri;                /* as libvirt completes it */
    char *host_name;          /* what the host calls itself */
    char *driver;             /* "QEMU", "TEST" */
    char *libvirt_version;    /* of the daemon, "9.0.0" */
    char *hypervisor_version; /* "7.2.22"; NULL: not known */
    char *uuid;               /* of the host; NULL: not known */
    VirtLocal local; /* is the daemon in our network namespace? From the
                              URI's address or the unix socket's peer: then the
                              host's NICs are those we see */
} VirtHostInfo;

typedef void (*VirtHostOpened)(VirtHost *host, const GError *error,
                               gpointer user);

/**
 * virt_host_open() - Connect to a libvirt daemon
 * @uri: NULL: libvirt's default, as for virsh
 * @flags: VIRT_OPEN_
 * @done: Gets the host (virt_host_ref() it to keep it) or the error
 */
void virt_host_open(VirtPool *pool, const char *uri, unsigned flags,
                    VirtHostOpened done, gpointer user);

/** virt_host_open_now() - The same, blocking; NULL with @error set */
VirtHost *virt_host_open_now(VirtPool *pool, const char *uri, unsigned flags,
                             GError **error);

VirtHost *virt_host_ref(VirtHost *host);

/** virt_host_unref() - The last one closes the connection, in the pool. Guests
 * and migrations hold a reference of their own */
void virt_host_unref(VirtHost *host);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VirtHost, virt_host_unref)

/** virt_host_info() - What was learnt when connecting; lives with the host */
const VirtHostInfo *virt_host_info(const VirtHost *host);

/** virt_host_connected() - False once the daemon was lost */
bool virt_host_connected(const VirtHost *host);

typedef void (*VirtHostLost)(VirtHost *host, const char *cause, gpointer user);

/**
 * virt_host_on_lost() - Be told when the connection breaks
 * @lost: NULL: no longer. Called once, with "end of file", "keepalive: ..."
 *
 * Requests under way then end with VIRT_ERROR_DISCONNECTED. A host that was
 * lost stays lost; open another one.
 */
void virt_host_on_lost(VirtHost *host, VirtHostLost lost, gpointer user);

#endif
