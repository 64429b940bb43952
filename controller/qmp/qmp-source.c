/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * qmp-source.c - a session on GLib's loop
 */
#include "qmp/qmp-session.h"

#include <poll.h>

#include "base/clock.h"

G_STATIC_ASSERT(POLLIN == G_IO_IN && POLLOUT == G_IO_OUT);

typedef struct {
    GSource source;
    QmpSession *session;
    gpointer tag; /* of the fd, NULL: none */
} QmpSource;

/* How long to wait, in the loop's milliseconds, rounded up. */
static gboolean
source_prepare(GSource *source, gint *timeout_ms)
{
    QmpSource *qmp = (QmpSource *)source;
    int64_t due_us = qmp_session_due_us(qmp->session);
    int64_t wait_us = due_us - clock_mono_us();

    if (qmp_session_state(qmp->session) == QMP_CLOSED) {
        return TRUE; /* dispatch takes the source off */
    }
    if (qmp->tag) {
        g_source_modify_unix_fd(source, qmp->tag,
                                (GIOCondition)qmp_session_wants(qmp->session) |
                                    G_IO_HUP | G_IO_ERR);
    }
    if (due_us == INT64_MAX) {
        *timeout_ms = -1;
        return FALSE;
    }
    *timeout_ms =
        wait_us <= 0 ? 0 : (gint)MIN((wait_us + 999) / 1000, G_MAXINT);
    return wait_us <= 0;
}

static gboolean
source_check(GSource *source)
{
    QmpSource *qmp = (QmpSource *)source;

    return qmp_session_state(qmp->session) == QMP_CLOSED ||
           (qmp->tag && g_source_query_unix_fd(source, qmp->tag) != 0) ||
           qmp_session_due_us(qmp->session) <= clock_mono_us();
}

static gboolean
source_dispatch(GSource *source, GSourceFunc callback, gpointer user)
{
    QmpSource *qmp = (QmpSource *)source;

    qmp_session_dispatch(qmp->session);
    return qmp_session_state(qmp->session) == QMP_CLOSED ? G_SOURCE_REMOVE
                                                         : G_SOURCE_CONTINUE;
}

static void
source_finalize(GSource *source)
{
    qmp_session_unref(((QmpSource *)source)->session);
}

GSource *
qmp_session_attach(QmpSession *session, GMainContext *context)
{
    static GSourceFuncs funcs = { .prepare = source_prepare,
                                  .check = source_check,
                                  .dispatch = source_dispatch,
                                  .finalize = source_finalize };
    GSource *source = g_source_new(&funcs, sizeof(QmpSource));
    QmpSource *qmp = (QmpSource *)source;

    qmp->session = qmp_session_ref(session);
    if (qmp_session_fd(session) >= 0) {
        qmp->tag =
            g_source_add_unix_fd(source, qmp_session_fd(session), G_IO_IN);
    }
    g_source_attach(source, context);
    g_source_unref(source);
    return source;
}
