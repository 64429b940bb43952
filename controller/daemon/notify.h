/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * notify.h - what the service manager is told: sd_notify(3), a datagram each
 *
 * systemd names a socket in $NOTIFY_SOCKET and, if it watches, how long it
 * waits for a sign of life in $WATCHDOG_USEC. The protocol is one datagram of
 * "NAME=value" lines, stable since its beginning, so that no library is linked
 * for it. Started by hand there is no socket, and nothing is sent.
 *
 * The sign of life comes from a timer of the main loop: a loop that hangs goes
 * silent, and the service is started anew.
 */
#ifndef DAEMON_NOTIFY_H
#define DAEMON_NOTIFY_H

#include <glib.h>
#include <stdbool.h>

#define NOTIFY_ERROR (notify_error_quark())
GQuark notify_error_quark(void);
typedef enum {
    NOTIFY_ERROR_ADDRESS, /* $NOTIFY_SOCKET is none */
    NOTIFY_ERROR_SOCKET,  /* none can be made */
} NotifyError;

typedef struct Notify Notify;

/**
 * notify_new() - Take over what systemd said in the environment
 *
 * Removes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID from it, for they are
 * not meant for children. Call it early, from the only thread.
 *
 * Return: notify_free() it; also where nobody listens. NULL with an error if
 * there is an address that cannot be used
 */
Notify *notify_new(GError **error);
void notify_free(Notify *notify);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Notify, notify_free)

/** notify_active() - Does anybody listen? */
bool notify_active(const Notify *notify);

/** notify_watchdog_us() - How long a silence is suffered; 0: nobody watches */
guint64 notify_watchdog_us(const Notify *notify);

/* Each tells one thing. A manager that cannot be reached is no reason to do
 * anything else: a debug line, and on. @status is one line for people; line
 * breaks in it become blanks. NULL leaves it as it was. */
void notify_ready(Notify *notify, const char *status);
void notify_reloading(Notify *notify, const char *status); /* then _ready() */
void notify_stopping(Notify *notify, const char *status);

/**
 * notify_watch() - Give signs of life from now on
 * @context: Of the loop that is to be watched; NULL: the default one
 *
 * Twice in the time allowed. Does nothing if nobody watches.
 */
void notify_watch(Notify *notify, GMainContext *context);

#endif
