/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * qmp.h - errors and limits of everything that talks to QEMU's monitor
 */
#ifndef QMP_QMP_H
#define QMP_QMP_H

#include <glib.h>

#define QMP_ERROR (qmp_error_quark())
GQuark qmp_error_quark(void);
typedef enum {
    QMP_ERROR_CONNECT,  /* the socket could not be reached */
    QMP_ERROR_CLOSED,   /* the peer or we closed the conversation */
    QMP_ERROR_PROTOCOL, /* what came is no QMP */
    QMP_ERROR_LIMIT,    /* longer, deeper or more than we take */
    QMP_ERROR_TIMEOUT,
    QMP_ERROR_COMMAND,    /* QEMU refused a command; the class is in the text */
    QMP_ERROR_TRANSCRIPT, /* the recorded conversation went otherwise */
} QmpError;

/* A schema is 200 KB, a long chain of disk images may be more. */
#define QMP_MAX_MESSAGE_BYTES (4u << 20)
#define QMP_MAX_DEPTH 128
/* Commands under way at a time; a monitor that answers none is not piled up. */
#define QMP_MAX_PENDING 256

#endif
