/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * aim.h - the downtime limit that QEMU is given, so that the user's is kept
 *
 *     user's limit  |-- fixed --|-- queue / rate --|-- what remains to send --|
 *                                                  |------ QEMU's limit ------|
 *
 * QEMU stops the guest when what remains can be sent within its limit. It
 * knows nothing of what it has handed to the stream's socket and what is still
 * there: that goes first. Nor of the devices' state and the last look for dirty
 * pages. Pure.
 */
#ifndef POLICY_AIM_H
#define POLICY_AIM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/known.h"
#include "forecast/forecast.h"

/* QEMU is never given less: it looks ten times a second. */
#define AIM_LEAST_S 0.03
/* What a switchover takes beside its bytes, where nothing else is known. */
#define AIM_FIXED_S 0.05

typedef struct AimInput {
    double limit_s;               /* that is to be kept */
    double in_force_s;            /* QEMU's now */
    Known queued_bytes;           /* in the stream's socket when it is full */
    Known drain_bytes_s;          /* at which the stream leaves */
    double fixed_s;               /* beside all bytes */
    double floor_s;               /* it was found to need as much; 0 */
    unsigned in_vain;             /* passes that QEMU went on after, and with
                                     limit_s would have stopped */
    const Forecaster *forecaster; /* with its history so far; borrowed */
    uint64_t pages_to_send;
    double bandwidth_bytes_s; /* of payload, as the migration is forecast with;
                                 0: not known */
} AimInput;

typedef struct Aim {
    bool change;       /* from in_force_s */
    double limit_s;    /* for QEMU */
    double queue_s;    /* that waits in the socket */
    double floor_s;    /* of the next question */
    bool is_held_back; /* higher than the queue would have it: it would not
                          converge, or hardly, or would be below the least */
    char reason[240];  /* one sentence with its numbers */
} Aim;

/**
 * aim_choose() - Choose QEMU's limit
 *
 * Between AIM_LEAST_S and the user's. Small changes are not made. Where a limit
 * would keep the migration from converging, or make it notably longer, the next
 * higher one is tried, up to the user's own; and again where QEMU goes on with
 * short passes for it, whatever the forecast.
 */
void aim_choose(const AimInput *input, Aim *aim);

#endif
