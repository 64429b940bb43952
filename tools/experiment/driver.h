/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * driver.h - commands of the testbed, one after the other or beside each other
 *
 * The runner thinks in steps, so that these wait; but they wait in the main
 * loop, where an interruption is noticed at once. Processes are sessions of
 * their own: Ctrl-C reaches the runner, and the runner ends them in order.
 */
#ifndef EXPERIMENT_DRIVER_H
#define EXPERIMENT_DRIVER_H

#include <gio/gio.h>
#include <stdbool.h>

#define DRIVER_ERROR (driver_error_quark())
GQuark driver_error_quark(void);
typedef enum {
    DRIVER_ERROR_INTERRUPTED,
    DRIVER_ERROR_FAILED, /* exit status; its last words are in the message */
    DRIVER_ERROR_TIMEOUT
} DriverErrorCode;

typedef struct Driver Driver;

/**
 * driver_new() - For one testbed
 * @testbed: Path of vmferry-testbed
 * @state: Its state directory
 */
Driver *driver_new(const char *testbed, const char *state);
void driver_free(Driver *driver);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Driver, driver_free)

/** driver_interrupted() - By SIGINT or SIGTERM */
bool driver_interrupted(const Driver *driver);

/** driver_cleaning() - From now on steps are made in spite of that */
void driver_cleaning(Driver *driver);

/**
 * driver_call() - `vmferry-testbed WORDS...', to its end
 * @words: NULL-terminated
 * @out: What it printed, or NULL; g_free() it
 * @error: DRIVER_ERROR; its last line on standard error
 */
bool driver_call(Driver *driver, const char *const *words, double timeout_s,
                 char **out, GError **error);

/** driver_start() - Likewise beside us; both outputs go to the file @log */
GSubprocess *driver_start(Driver *driver, const char *const *words,
                          const char *log, GError **error);

typedef enum { DRIVER_ENDED, DRIVER_TIMEOUT, DRIVER_INTERRUPTED } DriverWait;

/** driver_wait() - Until the process ends, for so long at most */
DriverWait driver_wait(Driver *driver, GSubprocess *process, double timeout_s);

/** driver_end() - SIGTERM, and SIGKILL after 10 s. NULL is fine */
void driver_end(Driver *driver, GSubprocess *process);

/** driver_pause() - A span that belongs to the measurement; false: interrupted
 */
bool driver_pause(Driver *driver, double seconds);

#endif
