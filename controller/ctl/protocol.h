/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * protocol.h - the words of the control protocol, docs/protocol.md
 *
 * Pure: names, limits, and the reading of requests. Both ends use it.
 */
#ifndef CTL_PROTOCOL_H
#define CTL_PROTOCOL_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/json.h"

#define CTL_PROTOCOL 1
#define CTL_DEFAULT_SOCKET "/run/vmferry/control.sock"

#define CTL_MAX_REQUEST_BYTES 65536
#define CTL_MAX_ANSWER_BYTES (4u << 20)
#define CTL_MAX_DEPTH 16

/* Classes of errors: codes of CTL_ERROR, and words on the wire. */
#define CTL_ERROR (ctl_error_quark())
GQuark ctl_error_quark(void);
typedef enum {
    CTL_ERROR_MALFORMED,
    CTL_ERROR_TOO_LONG,
    CTL_ERROR_UNKNOWN_COMMAND,
    CTL_ERROR_BAD_ARGUMENT,
    CTL_ERROR_NOT_PERMITTED,
    CTL_ERROR_NOT_FOUND,
    CTL_ERROR_AMBIGUOUS,
    CTL_ERROR_REFUSED,
    CTL_ERROR_UNAVAILABLE,
    CTL_ERROR_BUSY,
    CTL_ERROR_FAILED,
    /* Never on the wire: */
    CTL_ERROR_NO_DAEMON, /* nobody listens there */
    CTL_ERROR_CLOSED,    /* the other end is gone */
    CTL_ERROR_SYSTEM,    /* a socket or a group that cannot be had */
    CTL_N_ERRORS
} CtlError;

const char *ctl_error_name(CtlError code);
/** ctl_error_parse() - A name that is not known is CTL_ERROR_FAILED */
CtlError ctl_error_parse(const char *name);

typedef enum {
    CTL_COMMAND_VERSION,
    CTL_COMMAND_STATUS,
    CTL_COMMAND_QUEUE,
    CTL_COMMAND_METRICS,
    CTL_COMMAND_HISTORY,
    CTL_COMMAND_SHOW,
    CTL_COMMAND_SUBSCRIBE,
    CTL_COMMAND_UNSUBSCRIBE,
    /* from here on the right to steer is needed */
    CTL_COMMAND_HOLD,
    CTL_COMMAND_RELEASE,
    CTL_COMMAND_CANCEL,
    CTL_COMMAND_SET,
    CTL_COMMAND_ANNOUNCE,
    CTL_COMMAND_WITHDRAW,
    CTL_COMMAND_DISABLE,
    CTL_COMMAND_ENABLE,
    CTL_COMMAND_RELOAD,
    CTL_N_COMMANDS
} CtlCommand;

const char *ctl_command_name(CtlCommand command);
bool ctl_command_parse(const char *name, CtlCommand *command, GError **error);
bool ctl_command_steers(CtlCommand command);

typedef enum {
    CTL_EVENT_SESSION_BEGUN,
    CTL_EVENT_SESSION_CHANGED,
    CTL_EVENT_SESSION_ITERATION,
    CTL_EVENT_SESSION_ADMITTED,
    CTL_EVENT_SESSION_ENDED,
    CTL_EVENT_DECISION,
    CTL_EVENT_HELD,
    CTL_EVENT_RELEASED,
    CTL_EVENT_WARNING,
    CTL_EVENT_LINK_CHANGED,
    CTL_EVENT_FOREIGN_CHANGE,
    CTL_EVENT_MODE,
    CTL_N_EVENTS
} CtlEvent;

const char *ctl_event_name(CtlEvent event);
bool ctl_event_parse(const char *name, CtlEvent *event, GError **error);

/**
 * ctl_request_read() - Is this message a request that makes sense?
 * @message: A line
 * @id: Set as soon as it is known, also on failure; borrowed from @message,
 *      NULL: it has none
 * @command: Set on success
 * @arguments: Set on success to an object, borrowed; NULL: none were given
 *
 * Names, types and ranges of the arguments are checked against the command's
 * table; what only the daemon can know is not.
 * Return: false with CTL_ERROR_MALFORMED, _UNKNOWN_COMMAND or _BAD_ARGUMENT
 */
bool ctl_request_read(JsonObject *message, JsonObject **id, CtlCommand *command,
                      JsonObject **arguments, GError **error);

#endif
