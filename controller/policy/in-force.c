/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * in-force.c - see in-force.h
 *
 * In one interval, in this order:
 *
 *     stream sent much more than its class carried     ELSEWHERE
 *     class had its guarantee (nine tenths of it)      YES
 *     class is backlogged, and did not have it         BELOW
 *     class is empty, and did not have it: something before or behind it is
 *     narrower. tcp_info tells how the connection spent the interval:
 *         mostly idle                                  SENDER
 *         mostly waiting for the receiver's window     RECEIVER
 *         mostly waiting for the send buffer           SNDBUF
 *         else: limited by its congestion window       NETWORK
 *
 * tcp_info's busy time holds the two others in it; what is left of it is time
 * in which the congestion window, hence the path, was the limit. A class that
 * is shaped above its guarantee, by borrowing, has no say: more than the
 * guarantee was got.
 *
 * Where the path or the destination is the limit, what came through is the
 * capacity towards that destination. It is smoothed, and forgotten as soon as
 * more comes through.
 */
#include "policy/in-force.h"

#include <math.h>

#define ENOUGH 0.9    /* of the guarantee */
#define MOSTLY 0.5    /* of the interval, or of the busy time */
#define ELSEWHERE 2.0 /* times what the class carried */
#define LEAST_BYTES 65536.0
#define BACKLOG_S 0.02 /* of the guarantee, waiting: it is backlogged */
#define CONFIRM_S 1.0
#define CONFIRM_READINGS 2
#define CAPACITY_TAU_S 5.0
#define LONGEST_S 3600.0

struct InForce {
    InForceKind kind;
    double since_s;
    InForceKind candidate;
    double candidate_s;
    unsigned candidate_readings;
    Known capacity_bytes_s;
    InForceReading last;
    double rate; /* of the class, in the last reading */
};

static const char *const kind_names[] = {
    [IN_FORCE_UNKNOWN] = "not known yet",
    [IN_FORCE_YES] = "in force",
    [IN_FORCE_ELSEWHERE] = "the stream leaves by another way",
    [IN_FORCE_SENDER] = "the source sends no more",
    [IN_FORCE_SNDBUF] = "limited by the send buffer",
    [IN_FORCE_RECEIVER] = "limited by the receiver",
    [IN_FORCE_NETWORK] = "limited by the network behind the NIC",
    [IN_FORCE_BELOW] = "the class is short of its guarantee",
};
G_STATIC_ASSERT(G_N_ELEMENTS(kind_names) == IN_FORCE_N_KINDS);

InForce *
in_force_new(void)
{
    return g_new0(InForce, 1);
}

void
in_force_free(InForce *in_force)
{
    g_free(in_force);
}

static InForceKind
classify_tcp(const InForceReading *reading)
{
    double busy = known_or(reading->busy_s, 0.0);
    double rwnd = known_or(reading->rwnd_limited_s, 0.0);
    double sndbuf = known_or(reading->sndbuf_limited_s, 0.0);

    if (!reading->busy_s.known) {
        return IN_FORCE_UNKNOWN;
    }
    if (busy < MOSTLY * reading->interval_s) {
        return IN_FORCE_SENDER;
    }
    if (rwnd >= MOSTLY * busy && rwnd >= sndbuf) {
        return IN_FORCE_RECEIVER;
    }
    return sndbuf >= MOSTLY * busy ? IN_FORCE_SNDBUF : IN_FORCE_NETWORK;
}

static InForceKind
classify(const InForceReading *reading)
{
    double rate = reading->class_bytes / reading->interval_s;
    double stream = known_or(reading->stream_bytes, 0.0);
    double backlog_bytes = BACKLOG_S * reading->guarantee_bytes_s;

    if (!(reading->guarantee_bytes_s > 0.0)) {
        return IN_FORCE_UNKNOWN;
    }
    if (stream > LEAST_BYTES && stream > ELSEWHERE * reading->class_bytes) {
        return IN_FORCE_ELSEWHERE;
    }
    if (rate >= ENOUGH * reading->guarantee_bytes_s) {
        return IN_FORCE_YES;
    }
    if (reading->backlog_bytes > backlog_bytes) {
        return IN_FORCE_BELOW;
    }
    return classify_tcp(reading);
}

static void
learn_capacity(InForce *in_force, const InForceReading *reading)
{
    double rate = reading->class_bytes / reading->interval_s;
    double weight = 1.0 - exp(-reading->interval_s / CAPACITY_TAU_S);
    bool narrow = in_force->kind == IN_FORCE_NETWORK ||
                  in_force->kind == IN_FORCE_RECEIVER;

    if (!in_force->capacity_bytes_s.known) {
        if (narrow) {
            in_force->capacity_bytes_s = known(rate);
        }
        return;
    }
    if (narrow) {
        in_force->capacity_bytes_s.value +=
            weight * (rate - in_force->capacity_bytes_s.value);
    } else if (in_force->kind == IN_FORCE_YES &&
               rate > 1.05 * in_force->capacity_bytes_s.value) {
        in_force->capacity_bytes_s = unknown();
    }
}

static bool
is_sensible(const InForceReading *reading)
{
    /* written so that NaN fails */
    return reading->interval_s > 0.0 && reading->interval_s < LONGEST_S &&
           reading->class_bytes >= 0.0 && reading->backlog_bytes >= 0.0 &&
           isfinite(reading->class_bytes) && isfinite(reading->backlog_bytes) &&
           isfinite(reading->guarantee_bytes_s);
}

void
in_force_add(InForce *in_force, const InForceReading *reading)
{
    InForceKind kind;

    if (!is_sensible(reading)) {
        return;
    }
    kind = classify(reading);
    in_force->last = *reading;
    in_force->rate = reading->class_bytes / reading->interval_s;
    in_force->since_s += reading->interval_s;
    if (kind == in_force->kind) {
        in_force->candidate_readings = 0;
    } else {
        if (kind != in_force->candidate || in_force->candidate_readings == 0) {
            in_force->candidate = kind;
            in_force->candidate_s = 0.0;
            in_force->candidate_readings = 0;
        }
        in_force->candidate_s += reading->interval_s;
        in_force->candidate_readings++;
        if (in_force->candidate_s >= CONFIRM_S &&
            in_force->candidate_readings >= CONFIRM_READINGS) {
            in_force->kind = kind;
            in_force->since_s = in_force->candidate_s;
            in_force->candidate_readings = 0;
        }
    }
    learn_capacity(in_force, reading);
}

static double
percent(Known part_s, double whole_s)
{
    return whole_s > 0.0
               ? 100.0 * CLAMP(known_or(part_s, 0.0) / whole_s, 0.0, 1.0)
               : 0.0;
}

void
in_force_state(const InForce *in_force, InForceState *state)
{
    const InForceReading *last = &in_force->last;
    double rate = in_force->rate * 8e-6;
    double guarantee = last->guarantee_bytes_s * 8e-6;

    *state = (InForceState){
        .kind = in_force->kind,
        .since_s = in_force->since_s,
        .capacity_bytes_s = in_force->capacity_bytes_s,
    };
    switch (in_force->kind) {
    case IN_FORCE_UNKNOWN:
        g_snprintf(state->reason, sizeof(state->reason),
                   "whether the reservation is in force is not known yet");
        break;
    case IN_FORCE_YES:
        g_snprintf(state->reason, sizeof(state->reason),
                   "in force: %.1f Mbit/s of at least %.1f", rate, guarantee);
        break;
    case IN_FORCE_ELSEWHERE:
        g_snprintf(state->reason, sizeof(state->reason),
                   "not in force: of %.1f MB the connections sent only %.1f "
                   "went through the class; name the link with --link",
                   known_or(last->stream_bytes, 0.0) / 1e6,
                   last->class_bytes / 1e6);
        break;
    case IN_FORCE_BELOW:
        g_snprintf(state->reason, sizeof(state->reason),
                   "not in force: the class holds back %.0f kB and gets %.1f "
                   "of %.1f Mbit/s; the link carries less than it is said to",
                   last->backlog_bytes / 1e3, rate, guarantee);
        break;
    case IN_FORCE_SENDER:
    case IN_FORCE_SNDBUF:
    case IN_FORCE_RECEIVER:
    case IN_FORCE_NETWORK:
        g_snprintf(
            state->reason, sizeof(state->reason),
            "not in force: %s; %.1f of %.1f Mbit/s, nothing waits in "
            "the class, busy %.0f %%, of it receiver %.0f %%, buffer "
            "%.0f %%",
            kind_names[in_force->kind], rate, guarantee,
            percent(last->busy_s, last->interval_s),
            percent(last->rwnd_limited_s, known_or(last->busy_s, 1.0)),
            percent(last->sndbuf_limited_s, known_or(last->busy_s, 1.0)));
        break;
    case IN_FORCE_N_KINDS:
        break;
    }
}
