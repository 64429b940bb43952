/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * job-ladder.c - the ladder's settings and facts as JSON
 */
#include "job/job-ladder.h"

/* Facts that are yes or no, each under its own name. */
static const struct {
    const char *name;
    size_t at;
} facts[] = {
    { "others_started", offsetof(LadderGuest, others_started) },
    { "downtime_is_theirs", offsetof(LadderGuest, downtime_is_theirs) },
    { "postcopy_flag", offsetof(LadderGuest, postcopy_flag) },
    { "auto_converge_flag", offsetof(LadderGuest, auto_converge_flag) },
    { "throttle_reachable", offsetof(LadderGuest, throttle_reachable) },
    { "tunnelled", offsetof(LadderGuest, tunnelled) },
    { "parallel", offsetof(LadderGuest, parallel) },
    { "host_devices", offsetof(LadderGuest, host_devices) },
    { "local_disks", offsetof(LadderGuest, local_disks) },
    { "others_on_link", offsetof(LadderGuest, others_on_link) },
};

JsonObject *
job_ladder_to_json(const JobLadder *ladder)
{
    JsonObject *json = json_object_new_object();
    g_autofree char *allowed = ladder_steps_format(ladder->settings.allowed);
    g_autofree char *granted = ladder_steps_format(ladder->guest.granted);

    jobj_add_string(json, "allowed", allowed);
    jobj_add_double(json, "downtime_most_s", ladder->settings.downtime_most_s);
    jobj_add_double(json, "throttle_most", ladder->settings.throttle_most);
    jobj_add_u64(json, "check_after", ladder->settings.check_after);
    jobj_add_u64(json, "wait_most", ladder->settings.wait_most);
    jobj_add_bool(json, "deadline_is_end", ladder->settings.deadline_is_end);
    jobj_add_string(json, "granted", granted);
    jobj_add_u64(json, "largest_page_bytes", ladder->guest.largest_page_bytes);
    for (size_t i = 0; i < G_N_ELEMENTS(facts); i++) {
        const char *guest = (const char *)&ladder->guest;

        jobj_add_bool(json, facts[i].name,
                      *(const bool *)(guest + facts[i].at));
    }
    return json;
}

bool
job_ladder_from_json(JsonObject *json, JobLadder *ladder)
{
    JobLadder read = { .climbs = true };
    const char *allowed, *granted;

    if (!jobj_get_string(json, "allowed", &allowed) ||
        !jobj_get_string(json, "granted", &granted) ||
        !ladder_steps_parse(allowed, &read.settings.allowed, NULL) ||
        !ladder_steps_parse(granted, &read.guest.granted, NULL) ||
        !jobj_get_double(json, "downtime_most_s",
                         &read.settings.downtime_most_s) ||
        !jobj_get_double(json, "throttle_most", &read.settings.throttle_most) ||
        !jobj_get_uint(json, "check_after", UINT_MAX,
                       &read.settings.check_after) ||
        !jobj_get_uint(json, "wait_most", UINT_MAX, &read.settings.wait_most) ||
        !jobj_get_bool(json, "deadline_is_end",
                       &read.settings.deadline_is_end) ||
        !jobj_get_u64(json, "largest_page_bytes",
                      &read.guest.largest_page_bytes) ||
        !ladder_settings_check(&read.settings, NULL)) {
        return false;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(facts); i++) {
        char *guest = (char *)&read.guest;

        if (!jobj_get_bool(json, facts[i].name,
                           (bool *)(guest + facts[i].at))) {
            return false;
        }
    }
    *ladder = read;
    return true;
}
