/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * guest-dirty.h - before a migration: how much is written, how much is zero
 *
 * Both look at a running guest and change nothing in it. Dirty pages are
 * counted by QEMU's page sampling, hashes of random pages before and after a
 * window, for which nothing is write-protected: the other modes of QEMU's
 * slow the guest down, count nothing without KVM, and crash QEMU 7.2 there.
 * Neither is done while the guest migrates.
 */
#ifndef VIRT_GUEST_DIRTY_H
#define VIRT_GUEST_DIRTY_H

#include "base/known.h"
#include "virt/guest.h"

/* Pages sampled of each GiB: QEMU's own choice, and the most it takes. */
#define VIRT_DIRTY_SAMPLES 512
#define VIRT_DIRTY_MOST_SAMPLES 16384

typedef struct VirtDirtySample {
    double window_s;
    /* Distinct pages of 4096 bytes that were written to. QEMU tells whole
     * MiB/s: between low and high, pages being the middle. At 0 MiB/s low is
     * 0, and pages a quarter of high. */
    double pages, low_pages, high_pages;
    double samples; /* pages looked at */
    bool monitor;   /* by QEMU's monitor */
    bool curve;     /* one of several windows of the same measurement */
} VirtDirtySample;

typedef void (*VirtDirtySampled)(VirtGuest *guest,
                                 const VirtDirtySample *sample,
                                 const GError *error, gpointer user);

/**
 * virt_guest_sample_dirty() - Count the pages written to in a window
 * @window_ms: Whole seconds, 1000 to 60000; by the monitor of QEMU 8.2 and
 *             later also parts of a second from 50
 * @monitor: Ask QEMU itself, for 32 times the samples. TAINTS the guest
 * @done: After the window; VIRT_ERROR_BUSY if the guest migrates or another
 *        such measurement is under way, VIRT_ERROR_INVALID for a window that
 *        cannot be
 */
void virt_guest_sample_dirty(VirtGuest *guest, unsigned window_ms, bool monitor,
                             VirtDirtySampled done, gpointer user);

/* Times within one measurement at which a patched QEMU looks, and its end. */
#define VIRT_DIRTY_MOST_WINDOWS 15
#define VIRT_DIRTY_LEAST_WINDOW_MS 10

typedef void (*VirtCanSample)(VirtGuest *guest, bool can, const GError *error,
                              gpointer user);

/**
 * virt_guest_can_sample_curve() - Does its QEMU take virt_guest_sample_curve()?
 *
 * Asks the monitor for its schema, which TAINTS the guest: only where the
 * monitor is to be used anyway. @error is set if it could not be asked.
 */
void virt_guest_can_sample_curve(VirtGuest *guest, VirtCanSample done,
                                 gpointer user);

/** typedef VirtCurveSampled - @samples: growing in window_s, borrowed; of one
 * measurement, so that a page counted in one is counted in all later ones */
typedef void (*VirtCurveSampled)(VirtGuest *guest,
                                 const VirtDirtySample *samples,
                                 size_t n_samples, const GError *error,
                                 gpointer user);

/**
 * virt_guest_sample_curve() - Several windows in one measurement
 * @window_ms: Whole seconds, 1000 to 60000; its end is the last window
 * @inside_ms: Growing, from VIRT_DIRTY_LEAST_WINDOW_MS up to below @window_ms
 * @n_inside: 0 to VIRT_DIRTY_MOST_WINDOWS
 * @done: As of virt_guest_sample_dirty(). Pages are not rounded: low and high
 *        are pages, unless no sample had changed
 *
 * By QEMU's monitor, which TAINTS the guest, and only where
 * virt_guest_can_sample_curve().
 */
void virt_guest_sample_curve(VirtGuest *guest, unsigned window_ms,
                             const unsigned *inside_ms, size_t n_inside,
                             VirtCurveSampled done, gpointer user);

/* What is known about a guest's memory. Bytes. */
typedef struct VirtMemory {
    uint64_t total_bytes;
    Known used_bytes;    /* the balloon driver's word; page cache is used */
    Known nonzero_share; /* 0..1, of pages looked at; unknown: not allowed,
                             or a machine whose layout is not known */
} VirtMemory;

typedef void (*VirtMemoryRead)(VirtGuest *guest, const VirtMemory *memory,
                               const GError *error, gpointer user);

/**
 * virt_guest_read_memory() - What a first pass would have to send
 * @most_ms: Look at fewer places rather than for longer than that, about; 0:
 *           at all of them, which may take some seconds
 *
 * Looks at some hundred places of the guest's memory (virDomainMemoryPeek(),
 * which needs a connection that may write) whether they are zero, and asks
 * for the balloon driver's figures. What cannot be had is unknown; an error
 * only if nothing could be asked at all.
 */
void virt_guest_read_memory(VirtGuest *guest, unsigned most_ms,
                            VirtMemoryRead done, gpointer user);

#endif
