/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * steps.c - what is done when a migration will not end in time
 *
 * policy/ladder.h advises at the start of each iteration, one step at a time,
 * within what the rules allow; here a step is carried out, or said. A value of
 * a guest that is changed is written into the journal first, so that it comes
 * back even if this process does not live to do it. Guests are throttled through
 * QEMU's monitor, which taints them: only those whose starter said that he means
 * it, by the flag and by the step's name.
 *
 *   observe, advise    each step is said, with its reason; nothing is done
 *   enforce            what the rules name is done, the rest is said
 */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "daemon/daemon-priv.h"
#include "tc/shaper.h"

G_STATIC_ASSERT((int)LADDER_N_STEPS == 7);

#define LEAST_THROTTLE 0.01

/* Words of vmferry.conf to steps. */
static unsigned
steps_of_rules(const ConfigRules *rules)
{
    static const struct {
        ConfigMay may;
        LadderStep step;
    } pairs[] = {
        { CONFIG_MAY_GUARANTEE, LADDER_GUARANTEE },
        { CONFIG_MAY_ORDER, LADDER_ORDER },
        { CONFIG_MAY_WAIT, LADDER_WAIT },
        { CONFIG_MAY_DOWNTIME, LADDER_DOWNTIME },
        { CONFIG_MAY_AUTO_CONVERGE, LADDER_THROTTLE },
        { CONFIG_MAY_POST_COPY, LADDER_POSTCOPY },
        { CONFIG_MAY_ABORT, LADDER_ABORT },
    };
    unsigned steps = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(pairs); i++) {
        if (rules->allow & 1u << pairs[i].may) {
            steps |= LADDER_BIT(pairs[i].step);
        }
    }
    return steps;
}

static bool
others_on_link(const Outgoing *outgoing)
{
    const Daemon *daemon = outgoing->daemon;

    for (guint i = 0; i < daemon->outgoing->len; i++) {
        const Outgoing *other = g_ptr_array_index(daemon->outgoing, i);

        if (other != outgoing && !other->ended && other->has_link &&
            other->link.ifindex == outgoing->link.ifindex) {
            return true;
        }
    }
    return false;
}

static void
configure(Outgoing *outgoing)
{
    const ConfigRules *rules = &outgoing->rules;
    LadderSettings settings;
    /* Its flags are the starter's: whether post-copy was asked for tells
     * libvirt when it is tried, and a refusal rules it out. */
    const VirtGuestInfo *info =
        virt_guest_info(session_guest(outgoing->session));
    LadderGuest guest = {
        .others_started = true,
        .host_devices = info->host_devices,
        .largest_page_bytes = info->hugepage_bytes,
        .granted = steps_of_rules(rules),
        .downtime_is_theirs = session_downtime_is_theirs(outgoing->session),
        .postcopy_flag = (rules->allow & 1u << CONFIG_MAY_POST_COPY) != 0,
        .others_on_link = others_on_link(outgoing),
    };

    if (outgoing->announced) {
        announced_flags(outgoing->announced, &guest);
    }
    ladder_settings_init(&settings);
    settings.allowed = steps_of_rules(rules);
    settings.downtime_most_s = rules->downtime_max_ms / 1000.0;
    settings.throttle_most = rules->throttle_max;
    /* Named by its user as an end, or to be one by its rules. */
    settings.deadline_is_end =
        rules->deadline_s > 0 &&
        ((outgoing->announced && announced_has_deadline(outgoing->announced)) ||
         rules->allow & 1u << CONFIG_MAY_ABORT);
    if (!ladder_settings_check(&settings, NULL)) {
        unsigned allowed = settings.allowed;

        ladder_settings_init(&settings);
        settings.allowed = allowed;
    }
    if (outgoing->ladder) {
        ladder_configure(outgoing->ladder, &settings, &guest);
    } else {
        outgoing->ladder = ladder_new(&settings, &guest);
    }
}

/* What one migration may have, if all others go to their floors */
static double
whole_link(double root)
{
    return MAX(root - (double)(shaper_control_bytes_s((uint64_t)root) +
                               shaper_rest_min_bytes_s((uint64_t)root)),
               0);
}

static LadderInput
input_of(const Outgoing *outgoing, const PolicyInput *known_now)
{
    Job *job = session_job(outgoing->session);
    const PolicySettings *settings = job_settings(job);
    double root = known_now->link_bytes_s;

    return (LadderInput){
        .iter = known_now->iter,
        .elapsed_s = known_now->elapsed_s,
        .pages_to_send = known_now->pages_to_send,
        .page_bytes = known_now->page_bytes,
        .wire_share = forecaster_wire_share(job_forecaster(job)),
        .guarantee_bytes_s = (double)known_now->guarantee_bytes_s,
        .achieved_bytes_s = known_now->achieved_bytes_s,
        .free_bytes_s = MAX(root - known_now->others_bytes_s, 0),
        .ordered_bytes_s = whole_link(root),
        .downtime_limit_s = settings->downtime_limit_s,
        .deadline_s = settings->deadline_s,
        .postcopy = job_state(job) == JOB_POSTCOPY,
        .stopped = job_state(job) == JOB_SWITCHOVER,
    };
}

/* --- carrying out --- */

static void note(Outgoing *outgoing, const char *format, ...)
    G_GNUC_PRINTF(2, 3);

static void
note(Outgoing *outgoing, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    session_note(outgoing->session, text);
}

static void
set_floor(Outgoing *outgoing, double floor_bytes_s)
{
    outgoing->ladder_floor_bytes_s = floor_bytes_s;
    if (outgoing->has_link) {
        arbiter_settle(outgoing->daemon, outgoing->link.ifindex);
    }
}

/* The answer may come when the migration is over. */
typedef struct Asked {
    Daemon *daemon;
    char *id;
    LadderStep step;
    LadderAct act;
    double value;
    int64_t journal_id;
    JsonObject *entry; /* of the record; referenced */
} Asked;

static Outgoing *
asked_for(const Asked *asked)
{
    for (guint i = 0; i < asked->daemon->outgoing->len; i++) {
        Outgoing *outgoing = g_ptr_array_index(asked->daemon->outgoing, i);

        if (g_str_equal(outgoing->id, asked->id)) {
            return outgoing->ended ? NULL : outgoing;
        }
    }
    return NULL;
}

/* @error: NULL if it was carried out */
static void
step_done(JsonObject *entry, const char *error)
{
    jobj_add_bool(entry, "done", !error);
    if (error) {
        jobj_add_string(entry, "error", error);
    }
}

/* A connection that broke leaves open whether it was done: then it counts as
 * done. What was raised before stays in the journal. */
static void
downtime_refused(Outgoing *outgoing, const Asked *asked, const GError *error)
{
    if (g_error_matches(error, VIRT_ERROR, VIRT_ERROR_DISCONNECTED)) {
        outgoing->raised = true;
    } else if (!outgoing->raised && asked->journal_id &&
               outgoing->daemon->journal) {
        journal_settle(outgoing->daemon->journal, asked->journal_id, NULL);
    }
}

static void
throttle_refused(Outgoing *outgoing, const Asked *asked, const GError *error)
{
    if (g_error_matches(error, VIRT_ERROR, VIRT_ERROR_DISCONNECTED)) {
        outgoing->throttled = true;
    } else if (!outgoing->throttled && asked->journal_id &&
               outgoing->daemon->journal) {
        journal_settle(outgoing->daemon->journal, asked->journal_id, NULL);
    }
}

static void
refused(Outgoing *outgoing, const Asked *asked, const GError *error)
{
    ladder_refused_step(outgoing->ladder, asked->step, asked->act);
    note(outgoing, "the step %s was refused: %s", ladder_step_name(asked->step),
         error->message);
    if (asked->step == LADDER_DOWNTIME) {
        downtime_refused(outgoing, asked, error);
    } else if (asked->step == LADDER_THROTTLE) {
        throttle_refused(outgoing, asked, error);
    } else if (asked->step == LADDER_POSTCOPY) {
        set_floor(outgoing, asked->value);
    }
}

static void
on_done(const GError *error, gpointer user)
{
    Asked *asked = user;
    Outgoing *outgoing = asked_for(asked);
    PolicySettings settings;

    step_done(asked->entry, error ? error->message : NULL);
    if (outgoing && error) {
        refused(outgoing, asked, error);
    } else if (outgoing && asked->step == LADDER_THROTTLE) {
        outgoing->throttled = true;
        if (outgoing->rules.mode != CONFIG_MODE_ENFORCE) {
            steps_withdraw(outgoing);
        }
    } else if (outgoing && asked->step == LADDER_DOWNTIME) {
        outgoing->raised =
            fabs(asked->value - outgoing->old_downtime_s) > 0.0005;
        settings = *job_settings(session_job(outgoing->session));
        settings.downtime_limit_s = asked->value;
        session_set_policy(outgoing->session, &settings);
        if (outgoing->rules.mode != CONFIG_MODE_ENFORCE) {
            steps_withdraw(outgoing); /* it was switched off meanwhile */
        }
    }
    jobj_unref(asked->entry);
    g_free(asked->id);
    g_free(asked);
}

static Asked *
asked_new(Outgoing *outgoing, const LadderAdvice *advice, JsonObject *entry)
{
    Asked *asked = g_new0(Asked, 1);

    asked->daemon = outgoing->daemon;
    asked->id = g_strdup(outgoing->id);
    asked->step = advice->step;
    asked->act = advice->act;
    asked->value = advice->value;
    asked->entry = json_object_get(entry);
    return asked;
}

static bool
write_down(Outgoing *outgoing, JournalKind kind, int64_t old_value,
           int64_t new_value, int64_t *id)
{
    g_autoptr(JournalEntry) entry = journal_entry_new(kind);
    JournalEntry *entries[] = { entry };
    const char *what =
        kind == JOURNAL_DOWNTIME ? "the downtime limit" : "QEMU's throttle";
    g_autoptr(GError) error = NULL;

    if (!outgoing->daemon->journal) {
        note(outgoing,
             "%s stays: there is no journal to write the old one into", what);
        return false;
    }
    entry->session = g_strdup(outgoing->id);
    entry->guest_uuid = g_strdup(outgoing->uuid);
    entry->guest_name = g_strdup(outgoing->name);
    entry->had_old = true;
    entry->old_value = old_value;
    entry->new_value = new_value;
    if (kind == JOURNAL_THROTTLE) {
        /* a parameter of this process, and of none that comes after it */
        entry->detail = put_back_process(session_guest(outgoing->session));
    }
    if (!journal_intend(outgoing->daemon->journal, entries, 1, clock_wall_us(),
                        &error)) {
        note(outgoing, "%s stays: %s", what, error->message);
        return false;
    }
    *id = entry->id;
    return true;
}

static void
set_downtime(Outgoing *outgoing, const LadderAdvice *advice, JsonObject *entry)
{
    Asked *asked;
    int64_t id = 0;

    if (advice->act == LADDER_TAKE &&
        !write_down(outgoing, JOURNAL_DOWNTIME,
                    llround(advice->old_value * 1000),
                    llround(advice->value * 1000), &id)) {
        ladder_refused(outgoing->ladder);
        step_done(entry, "the old value could not be written down");
        return;
    }
    if (outgoing->old_downtime_s <= 0) {
        outgoing->old_downtime_s = advice->old_value;
    }
    asked = asked_new(outgoing, advice, entry);
    asked->journal_id = id;
    session_expect_downtime(outgoing->session, advice->value);
    virt_guest_set_max_downtime(session_guest(outgoing->session),
                                (uint64_t)llround(advice->value * 1000),
                                on_done, asked);
}

/* The bound is what has to be put back: of the rest libvirt keeps the old
 * values itself. */
static void
set_throttle(Outgoing *outgoing, const LadderAdvice *advice, JsonObject *entry)
{
    Asked *asked;
    int64_t id = 0;

    if (!outgoing->throttled &&
        !write_down(outgoing, JOURNAL_THROTTLE, PUT_BACK_THROTTLE_PERCENT,
                    llround(advice->value * 100), &id)) {
        ladder_refused(outgoing->ladder);
        step_done(entry, "the old value could not be written down");
        return;
    }
    asked = asked_new(outgoing, advice, entry);
    asked->journal_id = id;
    session_throttle(outgoing->session, advice->value, on_done, asked);
}

/* This one first: the others go to their floors, or come back. */
static void
order(Outgoing *outgoing, bool first)
{
    outgoing_hold_others(outgoing, first,
                         "another migration could not end otherwise");
}

static void
carry_out(Outgoing *outgoing, const LadderAdvice *advice, JsonObject *entry)
{
    bool take = advice->act == LADDER_TAKE;
    Asked *asked;

    switch (advice->step) {
    case LADDER_GUARANTEE:
        session_set_asks(outgoing->session,
                         take ? job_asks(session_job(outgoing->session)) |
                                    POLICY_ASK_URGENT
                              : job_asks(session_job(outgoing->session)) &
                                    ~(unsigned)POLICY_ASK_URGENT);
        set_floor(outgoing, take ? advice->value : 0);
        step_done(entry, NULL);
        break;
    case LADDER_ORDER:
        order(outgoing, take);
        step_done(entry, NULL);
        break;
    case LADDER_DOWNTIME:
        set_downtime(outgoing, advice, entry);
        break;
    case LADDER_POSTCOPY:
        /* The guest will wait for each page: there is to be room before. */
        asked = asked_new(outgoing, advice, entry);
        asked->value = outgoing->ladder_floor_bytes_s;
        set_floor(outgoing, whole_link((double)shaper_root_bytes_s(
                                outgoing->link.rate_bytes_s)));
        virt_guest_start_postcopy(session_guest(outgoing->session), on_done,
                                  asked);
        break;
    case LADDER_ABORT:
        virt_guest_abort_job(session_guest(outgoing->session), on_done,
                             asked_new(outgoing, advice, entry));
        break;
    case LADDER_WAIT: /* the policy keeps what it has */
        step_done(entry, NULL);
        break;
    case LADDER_THROTTLE:
        set_throttle(outgoing, advice, entry);
        break;
    case LADDER_N_STEPS:
        break;
    }
}

void
steps_look(Outgoing *outgoing)
{
    Job *job = session_job(outgoing->session);
    PolicyInput known_now;
    LadderInput input;
    LadderAdvice advice;
    JsonObject *entry;

    if (!job_policy_input(job, &known_now)) {
        return;
    }
    configure(outgoing);
    input = input_of(outgoing, &known_now);
    ladder_advise(outgoing->ladder, job_forecaster(job), &input, &advice);
    if (advice.act == LADDER_NOTHING) {
        return;
    }
    g_free(outgoing->advice);
    outgoing->advice = g_strdup(advice.reason);
    outgoing_log(outgoing, G_LOG_LEVEL_INFO, LOG_EVENT_STEP,
                 ladder_act_name(advice.act), "%s%s", advice.reason,
                 outgoing->reservation || advice.act == LADDER_SAY
                     ? ""
                     : " (not carried out)");
    note(outgoing, "%s", advice.reason);
    entry = session_note_step(outgoing->session, input.iter, &advice);
    if (advice.act == LADDER_SAY) {
        return;
    }
    if (!outgoing->reservation) {
        ladder_refused(outgoing->ladder);
        step_done(entry, outgoing->why_not ? outgoing->why_not
                                           : "nothing of it is in force");
        return;
    }
    g_ptr_array_add(outgoing->steps,
                    g_strdup_printf("%s%s",
                                    advice.act == LADDER_UNDO ? "!" : "",
                                    ladder_step_name(advice.step)));
    (advice.act == LADDER_UNDO
         ? outgoing->daemon->counted.undone
         : outgoing->daemon->counted.taken)[advice.step]++;
    carry_out(outgoing, &advice, entry);
}

static void
on_withdrawn(const GError *error, gpointer user)
{
    Asked *asked = user;
    Outgoing *outgoing = asked_for(asked);

    if (outgoing && !error) {
        outgoing->raised = false;
    } else if (outgoing) {
        note(outgoing, "the downtime limit is not put back yet: %s",
             error->message);
    }
    g_free(asked->id);
    g_free(asked);
}

static void
on_eased(const GError *error, gpointer user)
{
    Asked *asked = user;
    Outgoing *outgoing = asked_for(asked);

    if (outgoing && error) {
        note(outgoing, "it stays throttled: %s", error->message);
    }
    g_free(asked->id);
    g_free(asked);
}

/* As it was started: with a throttle that takes next to nothing. */
static void
ease_throttle(Outgoing *outgoing)
{
    Asked *asked = g_new0(Asked, 1);

    asked->daemon = outgoing->daemon;
    asked->id = g_strdup(outgoing->id);
    session_throttle(outgoing->session, LEAST_THROTTLE, on_eased, asked);
    g_ptr_array_add(outgoing->steps,
                    g_strconcat("!", ladder_step_name(LADDER_THROTTLE), NULL));
    note(outgoing, "not steered any more: it is no longer throttled");
}

/* It is no longer steered: what was changed on the guest is its own again at
 * once. The journal is settled at its end, when that is certain. */
void
steps_withdraw(Outgoing *outgoing)
{
    VirtGuest *guest = session_guest(outgoing->session);
    PolicySettings settings = *job_settings(session_job(outgoing->session));
    Asked *asked;

    order(outgoing, false);
    outgoing->ladder_floor_bytes_s = 0;
    if (outgoing->throttled) {
        ease_throttle(outgoing);
    }
    if (outgoing->old_downtime_s <= 0 || !virt_guest_changed(guest) ||
        session_downtime_is_theirs(outgoing->session)) {
        return;
    }
    settings.downtime_limit_s = outgoing->old_downtime_s;
    session_expect_downtime(outgoing->session, outgoing->old_downtime_s);
    session_set_policy(outgoing->session, &settings);
    asked = g_new0(Asked, 1);
    asked->daemon = outgoing->daemon;
    asked->id = g_strdup(outgoing->id);
    virt_guest_restore(guest, on_withdrawn, asked);
    g_ptr_array_add(outgoing->steps,
                    g_strconcat("!", ladder_step_name(LADDER_DOWNTIME), NULL));
    note(outgoing, "not steered any more: the downtime limit is %.0f ms again",
         outgoing->old_downtime_s * 1000);
}

/* Somebody else has set it: nothing of ours is left there to be put back. */
void
steps_theirs(Outgoing *outgoing)
{
    outgoing->raised = false;
    virt_guest_leave_downtime(session_guest(outgoing->session));
    if (outgoing->daemon->journal && !outgoing->throttled) {
        journal_settle_session(outgoing->daemon->journal, outgoing->id, NULL);
    }
}

/* The connection that knew the old value is gone. */
void
steps_reconnected(Outgoing *outgoing)
{
    if (outgoing->raised) {
        virt_guest_take_downtime(
            session_guest(outgoing->session),
            (uint64_t)llround(outgoing->old_downtime_s * 1000));
        if (outgoing->rules.mode != CONFIG_MODE_ENFORCE) {
            steps_withdraw(outgoing); /* which nobody could hear */
        }
    }
}

/* Its end: what was held for it goes on, what was changed is back. */
void
steps_end(Outgoing *outgoing)
{
    RunStatus status = session_record(outgoing->session)->status;
    bool throttled = outgoing->throttled && status != RUN_STATUS_COMPLETED;
    g_autoptr(GError) error = NULL;

    order(outgoing, false);
    if (virt_guest_changed(session_guest(outgoing->session)) ||
        session_lost(outgoing->session) ||
        (throttled && status != RUN_STATUS_LEFT)) {
        /* It could not be put back, or nobody could tell, or is to be yet: it
         * is tried again as long as we live, and by the next start. */
        put_back_look(outgoing->daemon);
        return;
    }
    if (throttled) {
        return; /* it goes on with it: whoever is here then puts it back */
    }
    if (outgoing->daemon->journal &&
        !journal_settle_session(outgoing->daemon->journal, outgoing->id,
                                &error)) {
        outgoing_log(outgoing, G_LOG_LEVEL_WARNING, LOG_EVENT_ENDED, "journal",
                     "%s", error->message);
    }
}
