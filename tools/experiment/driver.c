/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * driver.c - processes and pauses in the main loop
 */
#include "tools/experiment/driver.h"

#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

G_DEFINE_QUARK(vmferry_driver_error, driver_error)

struct Driver {
    char *testbed, *state;
    guint sources[2]; /* SIGINT, SIGTERM */
    bool interrupted, cleaning;
};

static gboolean
on_signal(gpointer user)
{
    Driver *driver = user;

    driver->interrupted = true;
    return G_SOURCE_CONTINUE;
}

Driver *
driver_new(const char *testbed, const char *state)
{
    Driver *driver = g_new0(Driver, 1);

    driver->testbed = g_strdup(testbed);
    driver->state = g_strdup(state);
    driver->sources[0] = g_unix_signal_add(SIGINT, on_signal, driver);
    driver->sources[1] = g_unix_signal_add(SIGTERM, on_signal, driver);
    return driver;
}

void
driver_free(Driver *driver)
{
    if (driver) {
        g_source_remove(driver->sources[0]);
        g_source_remove(driver->sources[1]);
        g_free(driver->testbed);
        g_free(driver->state);
        g_free(driver);
    }
}

bool
driver_interrupted(const Driver *driver)
{
    return driver->interrupted;
}

void
driver_cleaning(Driver *driver)
{
    driver->cleaning = true;
}

static bool
must_stop(const Driver *driver)
{
    return driver->interrupted && !driver->cleaning;
}

/* In the child: a session of its own, so that Ctrl-C is ours alone to hear; and
 * it does not outlive us: nobody would end a client that looks, or flows. */
static void
child_setup(gpointer user)
{
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGTERM);
}

static char **
whole_command(const Driver *driver, const char *const *words)
{
    GPtrArray *all = g_ptr_array_new();

    g_ptr_array_add(all, g_strdup(driver->testbed));
    g_ptr_array_add(all, g_strdup("--state"));
    g_ptr_array_add(all, g_strdup(driver->state));
    g_ptr_array_add(all, g_strdup("--quiet"));
    for (; *words; words++) {
        g_ptr_array_add(all, g_strdup(*words));
    }
    g_ptr_array_add(all, NULL);
    return (char **)g_ptr_array_free(all, FALSE);
}

typedef struct Call {
    bool over, late;
    char *out, *err;
} Call;

static gboolean
on_late(gpointer user)
{
    Call *call = user;

    call->late = true;
    return G_SOURCE_REMOVE;
}

static void
on_communicated(GObject *source, GAsyncResult *result, gpointer user)
{
    Call *call = user;

    call->over = true;
    g_subprocess_communicate_utf8_finish(G_SUBPROCESS(source), result,
                                         &call->out, &call->err, NULL);
}

/* The last line that says something. */
static char *
last_words(const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);
    const char *last = "it said nothing";

    for (char **line = lines; *line; line++) {
        if (*g_strstrip(*line)) {
            last = *line;
        }
    }
    return g_strdup(last);
}

/* Until the call is over, for so long at most. */
static void
wait_call(Call *call, guint timeout_ms)
{
    Call timer = { 0 };
    guint source = g_timeout_add(timeout_ms, on_late, &timer);

    while (!call->over && !timer.late) {
        g_main_context_iteration(NULL, TRUE);
    }
    if (!timer.late) {
        g_source_remove(source);
    }
}

/* A script that does not end when told to is killed; what it left behind may
 * still hold its pipes, and is not waited for. */
static void
end_call(GSubprocess *process, GCancellable *cancel, Call *call)
{
    g_subprocess_send_signal(process, SIGTERM);
    wait_call(call, 20000);
    if (!call->over) {
        g_subprocess_force_exit(process);
        wait_call(call, 5000);
    }
    if (!call->over) {
        g_cancellable_cancel(cancel);
        while (!call->over) {
            g_main_context_iteration(NULL, TRUE);
        }
    }
}

bool
driver_call(Driver *driver, const char *const *words, double timeout_s,
            char **out, GError **error)
{
    g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new(
        G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE);
    g_auto(GStrv) command = whole_command(driver, words);
    g_autoptr(GSubprocess) process = NULL;
    g_autoptr(GCancellable) cancel = g_cancellable_new();
    g_autofree char *said = NULL;
    g_autofree char *line = g_strjoinv(" ", (char **)words);
    Call call = { 0 };
    guint timer;
    bool good;

    if (must_stop(driver)) {
        g_set_error_literal(error, DRIVER_ERROR, DRIVER_ERROR_INTERRUPTED,
                            "interrupted");
        return false;
    }
    g_subprocess_launcher_set_child_setup(launcher, child_setup, NULL, NULL);
    process = g_subprocess_launcher_spawnv(launcher,
                                           (const char *const *)command, error);
    if (!process) {
        return false;
    }
    g_subprocess_communicate_utf8_async(process, NULL, cancel, on_communicated,
                                        &call);
    timer = g_timeout_add((guint)(timeout_s * 1000), on_late, &call);
    while (!call.over && !call.late && !must_stop(driver)) {
        g_main_context_iteration(NULL, TRUE);
    }
    if (!call.late) {
        g_source_remove(timer);
    }
    if (!call.over) {
        end_call(process, cancel, &call);
        g_set_error(error, DRIVER_ERROR,
                    call.late ? DRIVER_ERROR_TIMEOUT : DRIVER_ERROR_INTERRUPTED,
                    call.late ? "%s: not over after %.0f s"
                              : "%s: interrupted after %.0f s at most",
                    line, timeout_s);
        good = false;
    } else {
        good = g_subprocess_get_if_exited(process) &&
               g_subprocess_get_exit_status(process) == 0;
        if (!good) {
            said = last_words(call.err);
            g_set_error(error, DRIVER_ERROR, DRIVER_ERROR_FAILED, "%s: %s",
                        line, said);
        }
    }
    if (good && out) {
        *out = g_steal_pointer(&call.out);
    }
    g_free(call.out);
    g_free(call.err);
    return good;
}

GSubprocess *
driver_start(Driver *driver, const char *const *words, const char *log,
             GError **error)
{
    g_autoptr(GSubprocessLauncher) launcher =
        g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_STDERR_MERGE);
    g_auto(GStrv) command = whole_command(driver, words);

    g_subprocess_launcher_set_child_setup(launcher, child_setup, NULL, NULL);
    g_subprocess_launcher_set_stdout_file_path(launcher, log);
    return g_subprocess_launcher_spawnv(launcher, (const char *const *)command,
                                        error);
}

static void
on_ended(GObject *source, GAsyncResult *result, gpointer user)
{
    bool *over = user;

    *over = true;
    g_subprocess_wait_finish(G_SUBPROCESS(source), result, NULL);
}

DriverWait
driver_wait(Driver *driver, GSubprocess *process, double timeout_s)
{
    g_autoptr(GCancellable) cancel = g_cancellable_new();
    Call timer = { 0 };
    bool over = false;
    guint source;
    DriverWait answer;

    g_subprocess_wait_async(process, cancel, on_ended, &over);
    source = g_timeout_add((guint)(timeout_s * 1000), on_late, &timer);
    while (!over && !timer.late && !must_stop(driver)) {
        g_main_context_iteration(NULL, TRUE);
    }
    answer = over         ? DRIVER_ENDED
             : timer.late ? DRIVER_TIMEOUT
                          : DRIVER_INTERRUPTED;
    if (!timer.late) {
        g_source_remove(source);
    }
    if (!over) {
        g_cancellable_cancel(cancel);
        while (!over) {
            g_main_context_iteration(NULL, TRUE);
        }
    }
    return answer;
}

void
driver_end(Driver *driver, GSubprocess *process)
{
    bool cleaning = driver->cleaning;

    if (!process || !g_subprocess_get_identifier(process)) {
        return;
    }
    driver->cleaning = true; /* wait for it, interrupted or not */
    g_subprocess_send_signal(process, SIGTERM);
    if (driver_wait(driver, process, 10.0) == DRIVER_TIMEOUT) {
        g_subprocess_force_exit(process);
        driver_wait(driver, process, 10.0);
    }
    driver->cleaning = cleaning;
}

bool
driver_pause(Driver *driver, double seconds)
{
    Call timer = { 0 };
    guint source = g_timeout_add((guint)(seconds * 1000), on_late, &timer);

    while (!timer.late && !must_stop(driver)) {
        g_main_context_iteration(NULL, TRUE);
    }
    if (!timer.late) {
        g_source_remove(source);
    }
    return timer.late;
}
