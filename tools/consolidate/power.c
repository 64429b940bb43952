/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * power.c - see power.h
 */
#include "tools/consolidate/power.h"

#include <gio/gio.h>
#include <string.h>

#define WORDS_SHOWN 200

struct Power {
    PowerDone done;
    gpointer user;
    char *command, *refused;
    GSubprocess *process;
    GCancellable *cancel;
    guint limit_source, refused_source;
    double limit_s;
    bool late, freed;
    unsigned refs;
};

static void
power_unref(Power *power)
{
    if (--power->refs > 0) {
        return;
    }
    g_clear_object(&power->process);
    g_clear_object(&power->cancel);
    g_free(power->command);
    g_free(power->refused);
    g_free(power);
}

static void
tell(Power *power, const char *why)
{
    PowerDone done = power->freed ? NULL : power->done;

    g_clear_handle_id(&power->limit_source, g_source_remove);
    power->done = NULL;
    if (done) {
        done(power, why, power->user);
    }
}

static void
on_ended(GObject *source, GAsyncResult *result, gpointer user)
{
    Power *power = user;
    g_autoptr(GError) error = NULL;
    g_autofree char *words = NULL, *why = NULL;
    bool read = g_subprocess_communicate_utf8_finish(power->process, result,
                                                     &words, NULL, &error);

    if (power->late) {
        why = g_strdup_printf("%s: it did not end within %g s, and was killed",
                              power->command, power->limit_s);
    } else if (!read) {
        why = g_strdup_printf("%s: %s", power->command, error->message);
    } else if (!g_subprocess_get_successful(power->process)) {
        g_strstrip(words);
        words[MIN(strlen(words), WORDS_SHOWN)] = '\0';
        why = g_subprocess_get_if_exited(power->process)
                  ? g_strdup_printf(
                        "%s: it ended with status %d%s%s", power->command,
                        g_subprocess_get_exit_status(power->process),
                        *words ? ": " : "", words)
                  : g_strdup_printf("%s: it was killed", power->command);
    }
    tell(power, why);
    power_unref(power);
}

static gboolean
on_limit(gpointer user)
{
    Power *power = user;

    power->limit_source = 0;
    power->late = true;
    g_subprocess_force_exit(power->process);
    /* a child of it may hold the pipe */
    g_cancellable_cancel(power->cancel);
    return G_SOURCE_REMOVE;
}

static gboolean
on_refused(gpointer user)
{
    Power *power = user;

    power->refused_source = 0;
    tell(power, power->refused);
    power_unref(power);
    return G_SOURCE_REMOVE;
}

static bool
spawn(Power *power, const char *host, GError **error)
{
    g_auto(GStrv) argv = NULL;
    g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new(
        G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_MERGE);

    if (!g_shell_parse_argv(power->command, NULL, &argv, error)) {
        return false;
    }
    g_subprocess_launcher_setenv(launcher, "VMFERRY_HOST", host, TRUE);
    power->process = g_subprocess_launcher_spawnv(
        launcher, (const char *const *)argv, error);
    return power->process != NULL;
}

Power *
power_start(const char *command, const char *host, double limit_s,
            PowerDone done, gpointer user)
{
    Power *power = g_new0(Power, 1);
    g_autoptr(GError) error = NULL;

    power->refs = 2; /* the caller's, and the one of what is under way */
    power->done = done;
    power->user = user;
    power->command = g_strdup(command);
    power->limit_s = limit_s;
    if (!spawn(power, host, &error)) {
        power->refused = g_strdup_printf("%s: %s", command, error->message);
        power->refused_source = g_idle_add(on_refused, power);
        return power;
    }
    power->cancel = g_cancellable_new();
    power->limit_source =
        g_timeout_add((guint)(limit_s * 1000), on_limit, power);
    g_subprocess_communicate_utf8_async(power->process, NULL, power->cancel,
                                        on_ended, power);
    return power;
}

void
power_free(Power *power)
{
    if (!power) {
        return;
    }
    power->freed = true;
    power_unref(power);
}
