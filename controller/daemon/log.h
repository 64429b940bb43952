/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * log.h - the daemon's lines in the journal, with fields to search by
 *
 *   journalctl -u vmferryd VMFERRY_GUEST=vm-a
 *   journalctl -u vmferryd VMFERRY_EVENT=decision -o json
 *
 * Each field is a word of docs/logging.md. Elsewhere (a terminal, a pipe) the
 * same lines go to standard error, the fields that matter to people in front.
 */
#ifndef DAEMON_LOG_H
#define DAEMON_LOG_H

#include <glib.h>
#include <stdbool.h>

/* What a line is about; NULL: nothing to say. Borrowed during the call. */
typedef struct LogAbout {
    const char *event;       /* VMFERRY_EVENT: what kind of line, see below */
    const char *guest;       /* VMFERRY_GUEST: its name */
    const char *uuid;        /* VMFERRY_GUEST_UUID */
    const char *session;     /* VMFERRY_MIGRATION: id as in vmferry status */
    const char *destination; /* VMFERRY_DESTINATION: host or address */
    const char *link;        /* VMFERRY_LINK: interface */
    const char *mode;        /* VMFERRY_MODE: observe, advise, enforce */
    const char *starter;     /* VMFERRY_STARTER */
    const char *reason;      /* VMFERRY_REASON: why */
    const char *step;        /* VMFERRY_STEP: of the policy or the ladder */
} LogAbout;

/* Values of VMFERRY_EVENT. */
#define LOG_EVENT_NOTICED "noticed"   /* a migration began */
#define LOG_EVENT_ADOPTED "adopted"   /* ... before this daemon did */
#define LOG_EVENT_STATE "state"       /* it entered another state */
#define LOG_EVENT_DECISION "decision" /* of the policy */
#define LOG_EVENT_STEP "step"         /* of the ladder, taken or undone */
#define LOG_EVENT_FOREIGN "foreign"   /* somebody else changed something */
#define LOG_EVENT_LINK "link"         /* a link went, came, or was given up */
#define LOG_EVENT_ENDED "ended"
#define LOG_EVENT_CONFIG "config"     /* read, or refused */
#define LOG_EVENT_DISABLED "disabled" /* switched off, or on again */
#define LOG_EVENT_CLEANED "cleaned"   /* what an earlier daemon left behind */
#define LOG_EVENT_BREAKER "breaker"

/**
 * daemon_log_start() - Send GLib's log messages where they belong
 * @level: Least important that is shown: 0 error, 1 warning, 2 info, 3 debug
 *
 * To the journal if standard error is connected to it, to standard error if
 * not. Also what libraries log.
 */
void daemon_log_start(unsigned level);

/** daemon_log_level() - Another level from now on */
void daemon_log_level(unsigned level);

/**
 * daemon_log() - One line
 * @level: G_LOG_LEVEL_CRITICAL for what the operator must act on,
 *         G_LOG_LEVEL_WARNING, G_LOG_LEVEL_INFO, G_LOG_LEVEL_DEBUG
 * @about: NULL: nothing in particular
 *
 * From any thread.
 */
void daemon_log(GLogLevelFlags level, const LogAbout *about, const char *format,
                ...) G_GNUC_PRINTF(3, 4);

#endif
