/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * queue.h - in which order migrations leave by one link, and when
 *
 * A plan is a simulation: migrations are admitted in an order, share the link
 * while they run, and end. Several orders are played through and the best is
 * taken, all at once being one of them. What is admitted now is what the plan
 * starts at its beginning.
 */
#ifndef POLICY_QUEUE_H
#define POLICY_QUEUE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/known.h"
#include "forecast/forecast.h"

#define QUEUE_CURVE_POINTS 12

/* How long one migration takes as a function of its bandwidth. */
typedef struct QueueCurve {
    size_t n_points;
    double bandwidth_bytes_s[QUEUE_CURVE_POINTS]; /* of frames, growing */
    double time_s[QUEUE_CURVE_POINTS]; /* INFINITY: does not converge there */
    double downtime_s[QUEUE_CURVE_POINTS];
    double given_up_bytes; /* that are sent before one that does not converge is
                              ended otherwise; at least those of any point */
    bool guessed; /* from its memory alone, nothing is known of its writes */
} QueueCurve;

/**
 * queue_curve_forecast() - Ask a forecaster at several bandwidths
 * @forecaster: With a prior, or rows; NULL: memory is sent once
 * @pages: To send; @zero_pages of them as headers only
 * @most_bytes_s: Of frames, the largest bandwidth it may get
 *
 * Bytes sent never grow with bandwidth in the curve, time always falls.
 */
void queue_curve_forecast(QueueCurve *curve, const Forecaster *forecaster,
                          uint64_t pages, uint64_t zero_pages,
                          uint64_t page_bytes, double downtime_limit_s,
                          double most_bytes_s);

/** queue_curve_time() - At a bandwidth, INFINITY where it does not converge */
double queue_curve_time(const QueueCurve *curve, double bandwidth_bytes_s);

/* Where guests go to. */
typedef struct QueueDestination {
    Known capacity_bytes_s; /* towards it; unknown: the link's */
    unsigned incoming_most; /* at once; 0: no limit */
    unsigned incoming_now;  /* from elsewhere, that are no items here */
} QueueDestination;

typedef struct QueueItem {
    uint64_t id;        /* order of arrival */
    size_t destination; /* index */
    const QueueCurve *curve;
    bool intensive;      /* network-intensive: after the others */
    double need_bytes_s; /* ... which its application takes of the link as long
                            as it is here */
    int priority;        /* higher first */
    Known deadline_s;    /* from now */
    double waited_s;     /* so far */
    double bound_s;      /* it waits no longer than that, from its arrival:
                            queue_bound(); 0: not set yet */
    bool held;           /* by the user: not admitted, not counted */
    bool running;        /* admitted before, or started by others */
    double done;         /* share of it, 0..1, of a running one */
} QueueItem;

typedef struct QueueLimits {
    double link_bytes_s; /* that migrations may be promised together; the needs
                            of the items' applications are not yet taken off */
    const QueueDestination *destinations;
    size_t n_destinations;
    unsigned running_most; /* on this link; 0: no limit */
    double wait_most_s;    /* bound of all bounds; default 3600 */
    double between_s; /* libvirt's preparation before the first byte: the next
                         one is admitted so much before the end of the one
                         that runs */
} QueueLimits;

typedef struct QueueSlot {
    bool planned;      /* false: held, or its destination takes nobody, ever */
    bool admit;        /* waits, and goes now */
    unsigned position; /* among those that wait, 0 next */
    double start_s;    /* from now; 0 if it runs */
    double end_s;      /* INFINITY: does not end at what it would get */
    double latest_s;   /* start is no later than that, from now */
    char reason[200];  /* why it waits, or why it goes now */
} QueueSlot;

typedef enum {
    QUEUE_SHORTEST, /* short ones first */
    QUEUE_URGENT,   /* nearest deadline first */
    QUEUE_LONGEST,  /* long ones first: packs several destinations best */
    QUEUE_AT_ONCE,  /* nobody waits */
    QUEUE_N_ORDERS
} QueueOrder;

const char *queue_order_name(QueueOrder order);

typedef struct QueuePlan {
    QueueOrder order; /* that was taken */
    double total_s;   /* until the last one ends; INFINITY */
    double at_once_s; /* ... if all were started now, sharing equally */
    unsigned late;    /* deadlines missed */
    unsigned endless; /* items that do not end */
} QueuePlan;

/**
 * queue_plan() - Order, times, and who goes now
 * @slots: Filled in, @n_items of them
 *
 * Guests that are not network-intensive come first within a priority. Nobody
 * waits beyond its bound, unless its destination is full, where it is next.
 * In the model the total is never above that of all at once.
 */
void queue_plan(const QueueLimits *limits, const QueueItem *items,
                size_t n_items, QueuePlan *plan, QueueSlot *slots);

/**
 * queue_bound() - How long a new item will have to wait at most
 * @items: Those that are there, the new one among them at @index
 *
 * Twice its planned wait, at least a minute, at most wait_most_s. It is set
 * once and then holds: later ones may overtake until then, not after.
 */
double queue_bound(const QueueLimits *limits, const QueueItem *items,
                   size_t n_items, size_t index);

#endif
