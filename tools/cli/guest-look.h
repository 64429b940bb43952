/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * guest-look.h - what can be known about a guest's memory before it migrates
 *
 *   history               (at once)
 *   memory ─┬─> window 1 ──> window 2 ... ─┬─> done      (by the main loop)
 *           └─> can QEMU? ──> all at once ─┘
 *
 *   in a hurry:  memory ───┬─> ready ... go on ─> window 2 ... ──> done
 *                window 1 ─┘
 *
 * Nothing is changed in the guest. What cannot be had is a note, no failure:
 * a forecast makes do with what there is.
 */
#ifndef CLI_GUEST_LOOK_H
#define CLI_GUEST_LOOK_H

#include "store/store.h"
#include "tools/cli/forecast-table.h"
#include "virt/guest-dirty.h"

#define GUEST_LOOK_MAX_WINDOWS 8

typedef struct GuestLookSpec {
    unsigned windows_ms[GUEST_LOOK_MAX_WINDOWS]; /* growing */
    size_t n_windows;                            /* 0: no sampling */
    bool monitor;                                /* by QEMU's; taints */
    bool one_by_one;   /* also where its QEMU can look at all at once */
    unsigned hurry_ms; /* look at memory for no longer, beside the first window,
                          and at more when told to; 0: take the time */
    /* One line without a full stop; NULL: nobody listens */
    void (*note)(const char *text, gpointer user);
    /* One begins, or all of them, the longest @window_ms */
    void (*sampling)(unsigned window_ms, gpointer user);
    void (*ready)(gpointer user); /* in a hurry: what is needed was seen */
    void (*done)(gpointer user);  /* all that there is to see was seen */
    gpointer user;
} GuestLookSpec;

typedef struct GuestLook GuestLook;

/** guest_look_new() - Nothing is known yet; guest_look_unref() it */
GuestLook *guest_look_new(VirtGuest *guest, const GuestLookSpec *spec);
void guest_look_unref(GuestLook *look);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(GuestLook, guest_look_unref)

/**
 * guest_look_read_history() - Earlier migrations of the guest
 * @path: Of history_path(); NULL: none
 * @named: The user named it, so that its absence is worth a note
 */
void guest_look_read_history(GuestLook *look, const char *path, bool named);

/** guest_look_start() - Read its memory, then sample; ends with .done, or in a
 * hurry with .ready */
void guest_look_start(GuestLook *look);

/** guest_look_go_on() - After .ready: the other windows; ends with .done */
void guest_look_go_on(GuestLook *look);

/** guest_look_has_history() - Earlier migrations tell how it writes */
bool guest_look_has_history(const GuestLook *look);

/** guest_look_cancel() - No callback comes any more; what QEMU samples at the
 * moment ends by itself */
void guest_look_cancel(GuestLook *look);

/**
 * guest_look_fill() - Guest, memory, windows and runs of a forecast's input
 * @runs: Set to what input->runs is; g_free() it after @input
 *
 * Everything in @input points into @look.
 */
void guest_look_fill(const GuestLook *look, ForecastInput *input,
                     BeforeRun **runs);

#endif
