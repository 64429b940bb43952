/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * log.c - see log.h
 */
#define G_LOG_DOMAIN "vmferryd"
#include "daemon/log.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* In the order of LogAbout; .prefix: shown to people in front of the line. */
static const struct {
    const char *name;
    size_t at;
    bool prefix;
} fields[] = {
    { "VMFERRY_EVENT", offsetof(LogAbout, event), false },
    { "VMFERRY_MIGRATION", offsetof(LogAbout, session), false },
    { "VMFERRY_GUEST", offsetof(LogAbout, guest), true },
    { "VMFERRY_GUEST_UUID", offsetof(LogAbout, uuid), false },
    { "VMFERRY_DESTINATION", offsetof(LogAbout, destination), false },
    { "VMFERRY_LINK", offsetof(LogAbout, link), true },
    { "VMFERRY_MODE", offsetof(LogAbout, mode), false },
    { "VMFERRY_STARTER", offsetof(LogAbout, starter), false },
    { "VMFERRY_REASON", offsetof(LogAbout, reason), false },
    { "VMFERRY_STEP", offsetof(LogAbout, step), false },
};
#define N_FIELDS G_N_ELEMENTS(fields)
G_STATIC_ASSERT(sizeof(LogAbout) == N_FIELDS * sizeof(const char *));

/* Numbers of syslog(3), which the journal keeps as PRIORITY. */
static const char *
priority_of(GLogLevelFlags level)
{
    return level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL) ? "3"
           : level & G_LOG_LEVEL_WARNING                      ? "4"
           : level & G_LOG_LEVEL_MESSAGE                      ? "5"
           : level & G_LOG_LEVEL_INFO                         ? "6"
                                                              : "7";
}

static int least; /* atomic: least important that is shown */

static bool
is_shown(GLogLevelFlags level)
{
    static const GLogLevelFlags shown[] = {
        G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL,
        G_LOG_LEVEL_WARNING,
        G_LOG_LEVEL_MESSAGE | G_LOG_LEVEL_INFO,
        G_LOG_LEVEL_DEBUG,
    };
    int most = g_atomic_int_get(&least);

    for (int i = 0; i <= most; i++) {
        if (level & shown[i]) {
            return true;
        }
    }
    return false;
}

static const char *
field_text(const GLogField *list, gsize n, const char *name)
{
    for (gsize i = 0; i < n; i++) {
        if (list[i].length == -1 && strcmp(list[i].key, name) == 0) {
            return list[i].value;
        }
    }
    return NULL;
}

/* "vmferryd: warning: vm-a: eth0: the text" */
static GLogWriterOutput
write_for_people(GLogLevelFlags level, const GLogField *list, gsize n)
{
    const char *program = g_get_prgname();
    g_autoptr(GString) line = g_string_new(program ? program : G_LOG_DOMAIN);
    const char *message = field_text(list, n, "MESSAGE");

    g_string_append(line, ": ");
    if (level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL)) {
        g_string_append(line, "error: ");
    } else if (level & G_LOG_LEVEL_WARNING) {
        g_string_append(line, "warning: ");
    }
    for (size_t i = 0; i < N_FIELDS; i++) {
        const char *text =
            fields[i].prefix ? field_text(list, n, fields[i].name) : NULL;

        if (text) {
            g_string_append_printf(line, "%s: ", text);
        }
    }
    g_string_append_printf(line, "%s\n", message ? message : "(no message)");
    fputs(line->str, stderr);
    fflush(stderr);
    return G_LOG_WRITER_HANDLED;
}

static GLogWriterOutput
write_line(GLogLevelFlags level, const GLogField *list, gsize n, gpointer user)
{
    if (!is_shown(level)) {
        return G_LOG_WRITER_HANDLED;
    }
    if (g_log_writer_is_journald(STDERR_FILENO) &&
        g_log_writer_journald(level, list, n, user) == G_LOG_WRITER_HANDLED) {
        return G_LOG_WRITER_HANDLED;
    }
    return write_for_people(level, list, n);
}

void
daemon_log_level(unsigned level)
{
    g_atomic_int_set(&least, (int)MIN(level, 3));
}

void
daemon_log_start(unsigned level)
{
    daemon_log_level(level);
    g_log_set_writer_func(write_line, NULL, NULL);
}

void
daemon_log(GLogLevelFlags level, const LogAbout *about, const char *format, ...)
{
    GLogField list[N_FIELDS + 4] = { { "PRIORITY", priority_of(level), -1 },
                                     { "GLIB_DOMAIN", G_LOG_DOMAIN, -1 } };
    g_autofree char *message = NULL;
    gsize n = 2;
    va_list args;

    va_start(args, format);
    message = g_strdup_vprintf(format, args);
    va_end(args);
    list[n++] = (GLogField){ "MESSAGE", message, -1 };
    for (size_t i = 0; about && i < N_FIELDS; i++) {
        const char *text =
            *(const char *const *)(const void *)((const char *)about +
                                                 fields[i].at);

        if (text) {
            list[n++] = (GLogField){ fields[i].name, text, -1 };
        }
    }
    g_log_structured_array(level, list, n);
}
