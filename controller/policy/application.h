/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * application.h - what the class of a guest's own traffic is to have
 *
 * One per guest that leaves, and per guest that stays. Fed with what was seen
 * before anything held its traffic back, with the guest's counter, and as soon
 * as it has a class of its own with what that counts, it says what the class
 * should be guaranteed: its need (need.h) and room for bursts. A class that is
 * used up is raised, step by step, one that is not is lowered slowly:
 * docs/policy.md.
 *
 * Pure: the time is an argument. The same readings give the same answers.
 */
#ifndef POLICY_APPLICATION_H
#define POLICY_APPLICATION_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/known.h"

/* What it sent while nothing of ours held it back. */
typedef struct ApplicationSeen {
    Known mean_bytes_s; /* unknown: nothing was seen */
    Known need_bytes_s; /* at least the mean: it comes in bursts */
} ApplicationSeen;

/* Its class, as counted just now. */
typedef struct ApplicationClass {
    double link_bytes_s;  /* Nt: what the root class carries */
    double bytes;         /* that it has let through, so far */
    double backlog_bytes; /* that wait in it */
    double rate_bytes_s;  /* guaranteed to it now; 0: it has no class */
} ApplicationClass;

typedef struct Application Application;

/** application_new() - Nothing is known yet; application_free() it */
Application *application_new(void);
void application_free(Application *application);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Application, application_free)

/** application_seen() - What was seen before, whatever is measured now */
void application_seen(Application *application, const ApplicationSeen *seen);

/**
 * application_sent() - A reading of the guest's own counter
 * @bytes: Sent by all its interfaces, so far; what goes to neighbours on the
 *         same host is in it
 */
void application_sent(Application *application, int64_t at_us, double bytes);

/** application_class() - A reading of its class, and of the link */
void application_class(Application *application, int64_t at_us,
                       const ApplicationClass *class_);

typedef struct ApplicationState {
    Known mean_bytes_s; /* against Thr */
    Known need_bytes_s; /* as far as was seen; unknown: nothing was */
    Known rate_bytes_s; /* what its class is to be guaranteed, to be changed
                           when this does; unknown: it is to have none */
    bool used_up;       /* its class was, in the last second */
} ApplicationState;

/** application_state() - As of the last reading of the link */
void application_state(const Application *application, ApplicationState *state);

/** application_least_bytes_s() - Who sends less on such a link is no
 * application, but the noise of a guest */
double application_least_bytes_s(double link_bytes_s);

#endif
