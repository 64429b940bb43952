/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * need.h - which guests are network-intensive, and what they will need
 *
 * One per guest, fed with the counter of what it sends out by the uplink. It
 * tells whether the guest's mean traffic is above Thr, with hysteresis, and
 * forecasts the bandwidth its applications need (Napp): docs/policy.md.
 *
 * Pure: the time is an argument. The same readings give the same answers.
 */
#ifndef POLICY_NEED_H
#define POLICY_NEED_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/known.h"

typedef struct NeedSettings {
    double threshold_bytes_s; /* Thr; a tenth of the link */
    double leave_fraction;    /* default 0.7: of Thr, below which it leaves */
    double enter_after_s;     /* default 3: that long above Thr */
    double leave_after_s;     /* default 30: that long below */
    double quantile;          /* default 0.9: of recent residuals */
    Known fixed_bytes_s;      /* what it needs, by configuration; makes it
                                 network-intensive, whatever it sends */
} NeedSettings;

/** need_settings_init() - The defaults named above, for a link */
void need_settings_init(NeedSettings *settings, double link_bytes_s);

typedef struct Need Need;

/** need_new() - Without history; need_free() it */
Need *need_new(const NeedSettings *settings);
void need_free(Need *need);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Need, need_free)

/** need_configure() - Other settings from now on; history stays */
void need_configure(Need *need, const NeedSettings *settings);

/**
 * need_add() - A reading of the guest's counter of bytes sent by the uplink
 * @at_us: Monotonic; readings that run backwards are ignored
 * @bytes: Since any moment; a counter that fell was reset
 * @limited: What it sends is held back (its class has a backlog, or it gets
 *           its guarantee and the link is full): what is seen is less than
 *           what it needs
 */
void need_add(Need *need, int64_t at_us, double bytes, bool limited);

typedef struct NeedState {
    bool intensive;      /* gets a class, and migrates after others */
    Known mean_bytes_s;  /* smoothed over 15 s: against Thr */
    Known level_bytes_s; /* smoothed over 5 s */
    Known need_bytes_s;  /* Napp: for the seconds to come */
    double since_s;      /* how long .intensive has been so */
    char reason[160];    /* one sentence with its numbers */
} NeedState;

/** need_state() - Where it stands as of the last reading */
void need_state(const Need *need, NeedState *state);

#endif
