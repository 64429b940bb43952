/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * view-json.c - objects of the live view, one for each event
 */
#include "tools/cli/view-format-priv.h"

static Known
in_ms(Known seconds)
{
    return seconds.known ? known(seconds.value * 1000) : unknown();
}

static void
add_verdict(JsonObject *object, int converges)
{
    jobj_add(object, "converges",
             converges < 0 ? NULL : json_object_new_boolean(converges));
}

JsonObject *
view_iteration_to_json(const ViewIteration *iteration)
{
    JsonObject *object = json_object_new_object();

    jobj_add_string(object, "event", "iteration");
    jobj_add_u64(object, "iter", iteration->iter);
    jobj_add_u64(object, "merged", iteration->merged);
    jobj_add_bool(object, "final", iteration->final);
    jobj_add_u64(object, "pages_to_send", iteration->pages_to_send);
    jobj_add_u64(object, "page_bytes", iteration->page_bytes);
    jobj_add_known(object, "predicted_pages", iteration->predicted_pages);
    jobj_add_known(object, "dirty_pages", iteration->dirty_pages);
    jobj_add_known(object, "error_percent", view_error_percent(iteration));
    jobj_add_double(object, "duration_ms", iteration->duration_s * 1000);
    jobj_add_u64(object, "sent_bytes", iteration->sent_bytes);
    jobj_add_known(object, "reserved_bytes_s",
                   view_reserved(iteration->reserved_bytes_s));
    jobj_add_double(object, "achieved_bytes_s", iteration->achieved_bytes_s);
    jobj_add_known(object, "dirtying_bytes_s",
                   view_dirtying_bytes_s(iteration));
    jobj_add_known(object, "forecast_end_ms", in_ms(iteration->forecast_end_s));
    jobj_add_known(object, "forecast_downtime_ms",
                   in_ms(iteration->forecast_downtime_s));
    add_verdict(object, iteration->converges);
    return object;
}

JsonObject *
view_progress_to_json(const ViewProgress *progress)
{
    JsonObject *object = json_object_new_object();

    jobj_add_string(object, "event", "progress");
    jobj_add_u64(object, "percent", (uint64_t)view_percent(progress->fraction));
    jobj_add_u64(object, "iter", progress->iter);
    jobj_add_known(object, "remaining_bytes", progress->remaining_bytes);
    jobj_add_known(object, "achieved_bytes_s", progress->achieved_bytes_s);
    jobj_add_known(object, "reserved_bytes_s",
                   view_reserved(progress->reserved_bytes_s));
    jobj_add_known(object, "end_ms", in_ms(progress->end_s));
    add_verdict(object, progress->converges);
    return object;
}

JsonObject *
view_decision_to_json(unsigned iter, const PolicyDecision *decision)
{
    JsonObject *object = json_object_new_object();

    jobj_add_string(object, "event", "decision");
    jobj_add_u64(object, "iter", iter);
    jobj_add_string(object, "step", policy_step_name(decision->step));
    jobj_add_u64(object, "guarantee_bytes_s", decision->guarantee_bytes_s);
    jobj_add_u64(object, "ceiling_bytes_s", decision->ceiling_bytes_s);
    jobj_add_u64(object, "application_bytes_s", decision->application_bytes_s);
    jobj_add_string(object, "reason", decision->reason);
    return object;
}

JsonObject *
view_outcome_to_json(const ViewOutcome *outcome)
{
    JsonObject *object = json_object_new_object();

    jobj_add_string(object, "event", "end");
    jobj_add_string(object, "status", outcome->status);
    jobj_add_string(object, "message", outcome->message);
    jobj_add_known(object, "total_ms", in_ms(outcome->total_s));
    jobj_add_known(object, "downtime_ms", in_ms(outcome->downtime_s));
    jobj_add_known(object, "bytes", outcome->bytes);
    jobj_add_u64(object, "iterations", outcome->iterations);
    jobj_add_string(object, "source", outcome->source);
    return object;
}
