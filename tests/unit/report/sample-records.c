/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sample-records.c - a toy pre-copy, so that records look like migrations
 *
 * The guest dirties distinct pages as W (1 - exp(-r T / W)): W pages in its
 * working set, r writes a second. The stream gets what it reserved, or what
 * four flows leave it. Noise comes from a fixed sequence.
 */
#include "sample-records.h"

#include <math.h>

#define LINK_BYTES_S 6062500.0 /* 0.97 of 50 Mbit/s */
#define PAGE 4096
#define FIRST_PAGES 41000
#define WORKING_SET 7000.0
#define WRITES_S 980.0
#define DOWNTIME_S 0.3
#define CUT_OFF_S 180.0
#define POINT_S 0.5
#define START_US INT64_C(81234567890)

typedef struct {
    RunRecord *record;
    double t_s;      /* now */
    double rate;     /* of the stream, bytes a second */
    double reserved; /* 0: none */
    double sent;     /* bytes so far */
    double prev_s;
    uint32_t noise;
} Play;

/* -1..1, the same sequence on every machine */
static double
noise(Play *play)
{
    play->noise = play->noise * 1664525u + 1013904223u;
    return (double)(play->noise >> 8) / (1 << 23) - 1;
}

static double
dirtied(double seconds)
{
    return WORKING_SET * (1 - exp(-WRITES_S * seconds / WORKING_SET));
}

static void
add_points(Play *play, double end_s, double pages)
{
    bool shaped = play->record->policy.kind != POLICY_NONE;

    while (play->t_s + POINT_S <= end_s) {
        double stream = play->rate * (1 + 0.04 * noise(play));
        RunPoint point = { .t_s = play->t_s += POINT_S };

        point.stream_bytes_s = known(stream);
        point.remaining_bytes = known(
            MAX(0, pages * PAGE - play->rate * (pages * PAGE / play->rate -
                                                (end_s - play->t_s))));
        point.other_bytes_s = known(MAX(
            0, LINK_BYTES_S * (0.995 + 0.005 * noise(play)) - stream - 120000));
        if (shaped) {
            point.reserved_bytes_s = known(play->reserved);
            point.ceiling_bytes_s = known(LINK_BYTES_S);
            point.application_bytes_s = known(90000 + 30000 * noise(play));
        }
        /* a poll that got no answer */
        if (play->t_s > 20 && play->t_s < 22.1) {
            point.stream_bytes_s = unknown();
            point.remaining_bytes = unknown();
        }
        g_array_append_val(play->record->points, point);
    }
}

static void
decide(Play *play, unsigned iter, double pages)
{
    double need = MIN(LINK_BYTES_S * 0.9,
                      1.25 * dirtied(pages * PAGE / (LINK_BYTES_S * 0.8)) *
                          PAGE / (pages * PAGE / (LINK_BYTES_S * 0.8)));
    RunDecision made = { .t_s = play->t_s, .iter = iter, .applied = true };
    bool change = iter == 1 || fabs(need - play->reserved) > 0.05 * need;

    if (iter == 1) {
        need = 0.78 * LINK_BYTES_S;
    }
    made.decision.step = change ? POLICY_STEP_SET : POLICY_STEP_KEEP;
    if (change) {
        play->reserved = round(need);
    }
    made.decision.guarantee_bytes_s = (uint64_t)play->reserved;
    made.decision.ceiling_bytes_s = (uint64_t)LINK_BYTES_S;
    made.decision.application_bytes_s = 125000;
    if (iter > 1) {
        made.decision.dirty_bytes_s = known(need / 1.25);
        g_snprintf(made.decision.reason, sizeof(made.decision.reason),
                   "dirtying %.1f Mbit/s, with margin 1.25: %s %.1f Mbit/s",
                   need / 1.25 * 8e-6, change ? "guarantee" : "stay at",
                   play->reserved * 8e-6);
    } else {
        g_snprintf(made.decision.reason, sizeof(made.decision.reason),
                   "nothing known yet: four fifths of what is free, "
                   "%.1f Mbit/s",
                   play->reserved * 8e-6);
    }
    g_array_append_val(play->record->decisions, made);
}

static void
forecast(Play *play, RunIteration *it, double truth)
{
    Forecast *to = &it->forecast;
    double spread = 0.30 / sqrt(it->row.iter);

    if (it->row.iter == 1) {
        return;
    }
    to->pages = known(round(truth * (1 + 0.5 * spread * noise(play))));
    to->low_pages = round(to->pages.value * (1 - spread));
    to->high_pages = round(to->pages.value * (1 + spread));
    to->planned_duration_s = it->row.duration_s * (1 + 0.03 * noise(play));
    to->model = it->row.iter < 4 ? "power" : "ladder";
    to->members[to->n_members++] =
        (ForecastMember){ "last",
                          known(round(truth * (1.3 + 0.2 * noise(play)))) };
    to->members[to->n_members++] = (ForecastMember){ "power", to->pages };
    to->members[to->n_members++] = (ForecastMember){
        "gm11", it->row.iter < 5 ? unknown()
                                 : known(round(truth * (1 + 0.2 * noise(play))))
    };
    it->forecast_end_s = known(it->row.duration_s * 3);
    it->forecast_downtime_s = known(0.28);
    it->converges = play->reserved > 0;
}

static double
iterate(Play *play, unsigned iter, double pages)
{
    bool shaped = play->record->policy.kind != POLICY_NONE;
    RunIteration it = { .converges = -1 };
    double start_s = play->t_s;
    double duration, dirty;

    if (shaped) {
        decide(play, iter, pages);
        play->rate = MIN(LINK_BYTES_S * 0.96, play->reserved * 1.06);
    } else {
        play->rate = LINK_BYTES_S * 0.28 * (1 + 0.1 * noise(play));
    }
    duration = pages * PAGE / play->rate;
    dirty = round(dirtied(duration) * (1 + 0.04 * noise(play)));
    it.row.iter = iter;
    it.row.merged = 1;
    it.row.pages_to_send = (uint64_t)pages;
    it.row.page_bytes = PAGE;
    it.row.duration_s = duration;
    it.row.prev_duration_s = iter > 1 ? known(play->prev_s) : unknown();
    it.row.source = SAMPLE_SOURCE_LIBVIRT;
    it.row.mem_used = known(0.42 + 0.01 * noise(play));
    it.row.cpu_cores = known(0.9 + 0.05 * noise(play));
    it.row.vm_net_bytes_s = known(round(210000 + 20000 * noise(play)));
    it.row.host_net_bytes_s = known(LINK_BYTES_S);
    it.row.final = pages * PAGE < play->rate * DOWNTIME_S;
    it.reserved_bytes_s = (uint64_t)(shaped ? play->reserved : 0);
    it.ceiling_bytes_s = (uint64_t)(shaped ? LINK_BYTES_S : 0);
    forecast(play, &it, dirty);
    if (!shaped && play->t_s + duration > CUT_OFF_S) {
        duration = CUT_OFF_S - play->t_s;
        it.row.duration_s = duration;
    } else if (!it.row.final) {
        it.row.dirty_pages = known(dirty);
    }
    it.row.sent_bytes = (uint64_t)(play->rate * duration);
    it.row.bandwidth_bytes_s = play->rate;
    it.row.started_us = START_US + (int64_t)(start_s * 1e6);
    it.row.ended_us = START_US + (int64_t)((start_s + duration) * 1e6);
    g_array_append_val(play->record->iterations, it);

    add_points(play, start_s + duration, pages);
    play->t_s = start_s + duration;
    play->sent += (double)it.row.sent_bytes;
    play->prev_s = duration;
    return it.row.final ? 0 : dirty;
}

static void
environment(RunRecord *record, PolicyKind kind)
{
    static const char *const options[] = { "--live", "--p2p", "--verbose",
                                           "memory",
                                           "qemu+tcp://host-b/system" };

    record->started =
        g_strdup(kind == POLICY_NONE ? "2026-03-01T12:00:00.250000+00:00"
                                     : "2026-03-01T12:04:10.500000+00:00");
    record->started_us = START_US;
    record->vmferry_version = g_strdup("0.1.0");
    record->libvirt_version = g_strdup("9.0.0");
    record->qemu_version = g_strdup("7.2.17");
    record->kernel_version = g_strdup("6.1.0-30-amd64");
    record->accelerator = g_strdup("tcg");
    record->machine = g_strdup("pc-q35-7.2");
    record->host_name = g_strdup("host-a");
    record->source_uri = g_strdup("qemu+tcp://host-a/system");
    record->destination_uri = g_strdup("qemu+tcp://host-b/system");
    record->migrate_uri = g_strdup("tcp://10.77.0.2");
    record->guest_name = g_strdup("memory");
    record->guest_uuid = g_strdup("6d1c2a52-7c5b-4c1d-9a58-0a3f5d5b9c11");
    record->guest_memory_bytes = 256 << 20;
    record->guest_vcpus = 1;
    record->live = true;
    record->sample_source = g_strdup("libvirt");
    record->policy = (PolicySettings){ .kind = kind,
                                       .margin = 1.25,
                                       .threshold_fraction = 0.1,
                                       .change_fraction = 0.05,
                                       .downtime_limit_s = DOWNTIME_S };
    for (size_t i = 0; i < G_N_ELEMENTS(options); i++) {
        g_ptr_array_add(record->options, g_strdup(options[i]));
    }
    if (kind != POLICY_NONE) {
        record->link_device = g_strdup("mig0");
        record->link_chain = g_strdup("10.77.0.2 -> mig0");
        record->link_destination = g_strdup("10.77.0.2");
        record->link_rate_bytes_s = 6250000;
        record->link_rate_declared = true;
        g_ptr_array_add(record->options, g_strdup("--link"));
        g_ptr_array_add(record->options, g_strdup("mig0=50mbit"));
        g_ptr_array_add(record->warnings,
                        g_strdup("mig0: the kernel's own root qdisc noqueue "
                                 "was replaced for the time of the migration"));
    }
}

static void
conclude(Play *play)
{
    RunRecord *record = play->record;

    record->total_ms = known(round(play->t_s * 1000));
    record->wall_ms = known(round(play->t_s * 1000) + 640);
    record->setup_ms = known(14);
    record->bytes = known(round(play->sent));
    record->cpu_ms = known(round(play->t_s * 4.1));
    record->max_rss_kb = known(17408);
    record->stream_bytes = known(round(play->sent * 1.0004));
    if (record->policy.kind == POLICY_NONE) {
        record->status = RUN_STATUS_CUT_OFF;
        record->message = g_strdup("time limit of 180 s reached");
        return;
    }
    record->status = RUN_STATUS_COMPLETED;
    record->downtime_ms = known(281);
    record->class_bytes = known(round(play->sent * 1.036));
    record->foreign_bytes = known(18432);
    record->decision_us = (RunCost){ known(41), known(96), known(130) };
    record->tc_change_us = (RunCost){ known(118), known(240), known(310) };
}

RunRecord *
sample_record(PolicyKind kind)
{
    Play play = { .record = run_record_new(), .noise = 7 + kind };
    double pages = FIRST_PAGES;

    environment(play.record, kind);
    for (unsigned iter = 1; pages > 0 && play.t_s < CUT_OFF_S && iter < 40;
         iter++) {
        pages = iterate(&play, iter, pages);
    }
    conclude(&play);
    return play.record;
}
