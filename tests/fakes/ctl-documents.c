/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ctl-documents.c - what the false daemon shows: one migration, one that waits
 */
#include "ctl-daemon-priv.h"

#define MIB (1024.0 * 1024.0)

JsonObject *
fake_session_document(const FakeDaemon *fake)
{
    static const char *const allowed[] = { "guarantee", "order", NULL };
    CtlHeld held = { .by = "test (uid 0)",
                     .reason = fake->hold_reason,
                     .since_us = BEGAN_US + 3000000,
                     .floor_bytes_s = known(125000),
                     .cost_s = known(40) };
    CtlDecision decision = {
        .time_us = BEGAN_US + 2000000,
        .t_s = 2,
        .iteration = 2,
        .step = "set",
        .reason = "convergence",
        .text = "2.0 MB/s keep it converging, 25 % over the 1.6 MB/s at which "
                "pages get dirty",
        .guarantee_bytes_s = 2000000,
        .ceiling_bytes_s = 6000000,
        .carried_out = true,
    };
    CtlSession session = {
        .session = "17",
        .guest = "vm-a",
        .uuid = UUID,
        .destination = "qemu+ssh://host-2/system",
        .address = "10.0.1.2",
        .port = 49152,
        .starter = "vmferry",
        .starter_program = "vmferry",
        .starter_uid = known(0),
        .mode = "enforce",
        .policy = "default",
        .priority = fake->priority,
        .deadline_s = fake->deadline_s,
        .downtime_limit_s = known(0.3),
        .state = fake->ended ? "done" : "precopy",
        .started_us = BEGAN_US,
        .elapsed_s = known(fake->seconds),
        .iteration = 1 + fake->seconds / 3,
        .progress = fake->seconds / 10.0,
        .remaining_bytes = known((10 - fake->seconds) * 50 * MIB),
        .bandwidth_bytes_s = known(5.5e6),
        .dirty_bytes_s = known(1.6e6),
        .sent_bytes = known(fake->seconds * 50 * MIB),
        .link = "eth1",
        .class_id = "7666:1000",
        .guarantee_bytes_s = known(fake->held ? 125000 : 2000000),
        .ceiling_bytes_s = known(6000000),
        .application_bytes_s = known(0),
        .end_s = { known(10 - fake->seconds), known(8 - 0.8 * fake->seconds),
                   known(15 - fake->seconds) },
        .downtime_s = { known(0.21), known(0.1), known(0.33) },
        .bytes = { known(9e7), unknown(), unknown() },
        .forecast_at_us = BEGAN_US + 2000000,
        .converges = 1,
        .held = fake->held ? &held : NULL,
        .decision = &decision,
        .allowed = allowed,
    };

    return ctl_session_to_json(&session);
}

JsonObject *
fake_queue_document(void)
{
    CtlQueued queued = {
        .position = 1,
        .session = "18",
        .guest = "vm-b",
        .uuid = "0d0a7cf2-2ad5-4f0c-8f3d-6a1b7f1f0e22",
        .destination = "qemu+ssh://host-2/system",
        .link = "eth1",
        .reason = "order",
        .text = "it is network-intensive: vm-a goes first",
        .waiting_s = 4,
        .wait_most_s = known(296),
        .forecast_start_s = known(6),
        .forecast_time_s = known(31),
    };
    JsonObject *queue = json_object_new_array();

    json_object_array_add(queue, ctl_queued_to_json(&queued));
    return queue;
}

static JsonObject *
links_document(void)
{
    static const char *const sessions[] = { "17", NULL };
    static const CtlClass classes[] = {
        { "7666:1",
          "link",
          NULL,
          { true, 6062500 },
          { true, 6062500 },
          { true, 6.0e6 },
          { true, 4e8 },
          { true, 0 },
          { true, 0 } },
        { "7666:1000",
          "migration",
          "vm-a",
          { true, 2000000 },
          { true, 6062500 },
          { true, 5.5e6 },
          { true, 3e8 },
          { true, 0 },
          { true, 90000 } },
        { "7666:10",
          "rest",
          NULL,
          { true, 4000000 },
          { true, 6062500 },
          { true, 5e5 },
          { true, 1e8 },
          { true, 12 },
          { true, 3000 } },
    };
    CtlLink link = {
        .link = "eth1",
        .ifindex = 3,
        .mac = "52:54:00:12:34:56",
        .state = "up",
        .capacity_bytes_s = known(6250000),
        .capacity_source = "configured",
        .use_bytes_s = known(6.0e6),
        .guaranteed_bytes_s = known(2000000),
        .sessions = sessions,
        .classes = classes,
        .n_classes = G_N_ELEMENTS(classes),
    };
    JsonObject *links = json_object_new_array();

    json_object_array_add(links, ctl_link_to_json(&link));
    return links;
}

static JsonObject *
track_document(void)
{
    const CtlTrackEntry entries[] = {
        { .session = "16",
          .guest = "vm-c",
          .time_us = BEGAN_US - 600000000,
          .mode = "enforce",
          .status = "completed",
          .at_iteration = 2,
          .forecast_time_s = { known(55), known(48), known(70) },
          .time_s = known(50),
          .forecast_downtime_s = known(0.2),
          .downtime_s = known(0.25),
          .passes = 8,
          .passes_inside = 7 },
        { .session = "15",
          .guest = "vm-a",
          .time_us = BEGAN_US - 900000000,
          .mode = "observe",
          .status = "completed",
          .at_iteration = 2,
          .forecast_time_s = { known(30), known(28), known(36) },
          .time_s = known(40),
          .forecast_downtime_s = known(0.3),
          .downtime_s = known(0.3),
          .passes = 6,
          .passes_inside = 4,
          .would_have = "2.4 MB/s would have been guaranteed" },
        { .session = "14",
          .guest = "vm-a",
          .time_us = BEGAN_US - 999000000,
          .mode = "observe",
          .status = "failed",
          .forecast_time_s = { known(30), known(28), known(36) },
          .time_s = known(3) },
    };

    return ctl_track_record_to_json(entries, G_N_ELEMENTS(entries));
}

JsonObject *
fake_status_document(const FakeDaemon *fake)
{
    CtlDaemon daemon = {
        .version = "0.1.0",
        .pid = 4711,
        .host = "host-1",
        .mode = "enforce",
        .disabled = fake->disabled ? "vmferry disable" : NULL,
        .since_us = BEGAN_US - 3600000000LL,
        .libvirt_uri = "qemu:///system",
        .libvirt_connected = true,
        .libvirt_since_us = BEGAN_US - 3600000000LL,
        .libvirt_version = "9.0.0",
        .sessions_begun = 3,
        .sessions_completed = 2,
        .sessions_failed = 1,
        .decisions = 21,
    };
    JsonObject *sessions = json_object_new_array();

    if (!fake->ended) {
        json_object_array_add(sessions, fake_session_document(fake));
    }
    return ctl_status_to_json(&daemon, BEGAN_US + fake->seconds * 1000000LL,
                              sessions, links_document(), fake_queue_document(),
                              track_document(), NULL);
}
