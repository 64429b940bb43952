/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * force.c - is a reservation in force, and if not, why
 *
 * That a class stands and has the stream's packets is one half; the other is
 * that it is what the stream waits for. policy/in-force.h tells the second
 * from the class's counters and tcp_info, and what gets through towards that
 * destination if it is less than the link.
 */
#include <string.h>

#include "daemon/daemon-priv.h"

/* Counters of classes and connections are not read in the same moment. */
#define LEAST_US 200000

const char *
force_state_name(ForceState state)
{
    static const char *const names[] = {
        [FORCE_YES] = "yes",
        [FORCE_MODE] = "mode",
        [FORCE_NO_STREAM] = "no-stream",
        [FORCE_TUNNELLED] = "tunnelled",
        [FORCE_AMBIGUOUS] = "ambiguous",
        [FORCE_LINK] = "link-gone",
        [FORCE_KERNEL] = "kernel",
        [FORCE_GIVEN_UP] = "given-up",
        [FORCE_ELSEWHERE] = "nic-not-bottleneck",
        [FORCE_RECEIVER] = "receiver",
        [FORCE_SENDER] = "source-cpu",
    };

    G_STATIC_ASSERT(G_N_ELEMENTS(names) == FORCE_N_STATES);
    return names[state];
}

void
force_set(Outgoing *outgoing, ForceState force, const char *why)
{
    bool changed = outgoing->force != force;

    outgoing->force = force;
    g_free(outgoing->why_not);
    outgoing->why_not = g_strdup(why);
    if (changed) {
        outgoing_log(outgoing,
                     force == FORCE_KERNEL || force == FORCE_GIVEN_UP ||
                             force == FORCE_LINK
                         ? G_LOG_LEVEL_WARNING
                         : G_LOG_LEVEL_INFO,
                     LOG_EVENT_LINK, force_state_name(force),
                     "reservation %sin force%s%s",
                     force == FORCE_YES ? "" : "not ", why ? ": " : "",
                     why ? why : "");
    }
    if (changed && (force == FORCE_LINK || force == FORCE_GIVEN_UP)) {
        control_tell_link(outgoing);
    }
}

/* It stands: is it what the stream waits for? */
static ForceState
force_of(InForceKind kind)
{
    switch (kind) {
    case IN_FORCE_ELSEWHERE:
    case IN_FORCE_NETWORK:
        return FORCE_ELSEWHERE;
    case IN_FORCE_RECEIVER:
        return FORCE_RECEIVER;
    case IN_FORCE_SENDER:
    case IN_FORCE_SNDBUF:
        return FORCE_SENDER;
    case IN_FORCE_BELOW:
        return FORCE_KERNEL;
    default:
        return FORCE_YES;
    }
}

static bool
stands(ForceState force)
{
    return force == FORCE_YES || force == FORCE_ELSEWHERE ||
           force == FORCE_RECEIVER || force == FORCE_SENDER ||
           force == FORCE_KERNEL;
}

static double
difference(uint64_t now, uint64_t before)
{
    return now > before ? (double)(now - before) : 0;
}

/* That it is not in force stands before it wherever it is shown. */
static const char *
reason_of(const char *reason)
{
    static const char said[] = "not in force: ";

    return g_str_has_prefix(reason, said) ? reason + strlen(said) : reason;
}

void
force_look(Outgoing *outgoing, const ReservationStats *stats)
{
    int64_t now_us = stats->read_us;
    double interval_s =
        (double)(now_us - outgoing->force_before.at_us) / G_USEC_PER_SEC;
    InForceReading reading = {
        .interval_s = interval_s,
        .guarantee_bytes_s = (double)outgoing->set_guarantee_bytes_s,
        .ceiling_bytes_s = (double)outgoing->set_ceiling_bytes_s,
        .class_bytes = difference(stats->migration.bytes,
                                  outgoing->force_before.class_bytes),
        .backlog_bytes = (double)stats->migration.backlog_bytes,
        .stream_bytes = known(difference(outgoing->wire_bytes,
                                         outgoing->force_before.wire_bytes)),
        .busy_s = known(
            difference(outgoing->busy_us, outgoing->force_before.busy_us) /
            G_USEC_PER_SEC),
        .rwnd_limited_s =
            known(difference(outgoing->rwnd_limited_us,
                             outgoing->force_before.rwnd_limited_us) /
                  G_USEC_PER_SEC),
        .sndbuf_limited_s =
            known(difference(outgoing->sndbuf_limited_us,
                             outgoing->force_before.sndbuf_limited_us) /
                  G_USEC_PER_SEC),
        .retransmitted_bytes =
            known(difference(outgoing->retransmitted_bytes,
                             outgoing->force_before.retransmitted_bytes)),
    };
    bool first = outgoing->force_before.at_us == 0;
    InForceState state;

    if (outgoing->group >= 0 || outgoing->matched->len == 0 ||
        (!first && now_us - outgoing->force_before.at_us < LEAST_US)) {
        return;
    }
    outgoing->force_before.at_us = now_us;
    outgoing->force_before.class_bytes = stats->migration.bytes;
    outgoing->force_before.wire_bytes = outgoing->wire_bytes;
    outgoing->force_before.busy_us = outgoing->busy_us;
    outgoing->force_before.rwnd_limited_us = outgoing->rwnd_limited_us;
    outgoing->force_before.sndbuf_limited_us = outgoing->sndbuf_limited_us;
    outgoing->force_before.retransmitted_bytes = outgoing->retransmitted_bytes;
    if (first) {
        return;
    }
    if (!outgoing->in_force) {
        outgoing->in_force = in_force_new();
    }
    in_force_add(outgoing->in_force, &reading);
    /* Of a fiftieth of a second's worth a queue is more than jitter. */
    circuit_count(outgoing, interval_s, reading.class_bytes,
                  reading.backlog_bytes > reading.guarantee_bytes_s / 50);
    in_force_state(outgoing->in_force, &state);
    outgoing->path_bytes_s = state.capacity_bytes_s;
    if (stands(outgoing->force)) {
        ForceState force = force_of(state.kind);

        force_set(outgoing, force,
                  force == FORCE_YES ? NULL : reason_of(state.reason));
    }
}
