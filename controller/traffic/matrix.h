/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * matrix.h - bytes and packets from everybody to everybody, in bounded memory
 *
 * Exact, unless there are more pairs than may be kept. Then some of those with
 * the least traffic are added to a sum, the tail, and forgotten; a pair that
 * comes (back) afterwards says how much of it may lie in the tail. What is
 * counted is never estimated: pairs and tail together are all frames, always.
 *
 *     counted  <=  true  <=  counted + missing_bytes
 *     missing_bytes  <=  all bytes / (3/4 most_pairs)
 *
 * Pure: frames and the time in, summaries out.
 */
#ifndef TRAFFIC_MATRIX_H
#define TRAFFIC_MATRIX_H

#include "traffic/guests.h"

#define TRAFFIC_DEFAULT_PAIRS 65536
#define TRAFFIC_LEAST_PAIRS 16
#define TRAFFIC_MOST_PAIRS (1u << 24)
#define TRAFFIC_MOST_SAMPLING 65536

typedef struct TrafficSpec {
    size_t most_pairs;     /* directed; LEAST_ to MOST_PAIRS */
    uint32_t sampled_1_in; /* one frame of so many is shown to the matrix */
} TrafficSpec;

typedef enum {
    TRAFFIC_BETWEEN_GUESTS,
    TRAFFIC_WITH_OUTSIDE, /* a guest and somebody who is none */
    TRAFFIC_OUTSIDE_ONLY, /* passing by */
    TRAFFIC_N_CLASSES
} TrafficClass;

const char *traffic_class_name(TrafficClass class_);

typedef struct TrafficSum {
    uint64_t bytes, packets;
} TrafficSum;

/** traffic_count_of() - A figure as a count; what is beyond 2^63 is 2^63 */
static inline uint64_t
traffic_count_of(double figure)
{
    return figure < 9223372036854775808.0 ? (uint64_t)figure
                                          : UINT64_C(1) << 63;
}

typedef struct TrafficMatrix TrafficMatrix;

/** traffic_matrix_new() - An empty matrix, which keeps a reference of @guests */
TrafficMatrix *traffic_matrix_new(TrafficGuests *guests,
                                  const TrafficSpec *spec);
void traffic_matrix_free(TrafficMatrix *matrix);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TrafficMatrix, traffic_matrix_free)

/** traffic_matrix_add() - Count a frame */
void traffic_matrix_add(TrafficMatrix *matrix, const TrafficFrame *frame);

/** traffic_matrix_clear() - Forget all, for the next period */
void traffic_matrix_clear(TrafficMatrix *matrix);

/* One direction of a pair. */
typedef struct TrafficRow {
    TrafficEnd from, to;
    TrafficSum sum;         /* times sampled_1_in */
    uint64_t missing_bytes; /* of it in the tail at most; 0: all is here */
    uint64_t error_bytes;   /* half the width of the 95 % interval that sampling
                               leaves; 0 without sampling */
} TrafficRow;

typedef struct TrafficSource {
    char *name;                 /* a device or a file */
    uint64_t dropped;           /* frames that found the ring full */
    uint64_t interface_dropped; /* that the interface itself had lost */
    bool counts_drops;          /* false: nobody knows, as of a file */
} TrafficSource;

/* A finished matrix. All counts are times sampled_1_in. */
typedef struct TrafficSummary {
    TrafficGuests *guests;
    int64_t from_us, to_us; /* wall clock; set by who kept the time */
    int64_t period_us;      /* likewise; 0: all was one */
    uint32_t sampled_1_in;
    GArray *rows;          /* TrafficRow, most bytes first */
    uint64_t absent_bytes; /* that a pair without a row has at most */
    TrafficSum total;
    TrafficSum by_class[TRAFFIC_N_CLASSES]; /* add up to total */
    TrafficSum tail[TRAFFIC_N_CLASSES];     /* of these what no row has */
    GArray *sent, *received;                /* TrafficSum by guest's number */
    uint64_t not_understood; /* frames too short for their link's header */
    uint64_t late;           /* frames of an earlier period, counted here */
    GPtrArray *sources;      /* TrafficSource * */
    char *incomplete;        /* why something is missing; NULL: nothing is */
} TrafficSummary;

/** traffic_matrix_summary() - What was counted so far */
TrafficSummary *traffic_matrix_summary(const TrafficMatrix *matrix);
void traffic_summary_free(TrafficSummary *summary);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TrafficSummary, traffic_summary_free)

/** traffic_summary_new() - An empty one, to be filled in */
TrafficSummary *traffic_summary_new(TrafficGuests *guests);

/** traffic_summary_truncate() - Only the @most rows with the most bytes stay;
 * the others go to the tail */
void traffic_summary_truncate(TrafficSummary *summary, size_t most);

/** traffic_row_class() - Guests or not, by the kinds of both ends */
TrafficClass traffic_row_class(const TrafficRow *row);

/** traffic_row_compare() - For sorting: most bytes first */
int traffic_row_compare(gconstpointer a, gconstpointer b);

/** traffic_summary_add_source() - Name where it was captured; set its counts */
TrafficSource *traffic_summary_add_source(TrafficSummary *summary,
                                          const char *name);

/* What two guests exchanged, both directions together; a < b. */
typedef struct TrafficExchange {
    uint32_t a, b;
    TrafficSum sum;
    uint64_t missing_bytes, error_bytes;
} TrafficExchange;

/**
 * traffic_summary_exchanges() - Pairs of guests, most bytes first
 *
 * Return: TrafficExchange, g_array_unref() it. What a guest sends to itself,
 * from one interface to another, is left out
 */
GArray *traffic_summary_exchanges(const TrafficSummary *summary);

#endif
