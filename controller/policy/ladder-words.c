/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ladder-words.c - names, settings, what rules steps out, reasons
 */
#include <math.h>
#include <string.h>

#include "policy/ladder-priv.h"
#include "policy/policy-priv.h"

#define WIRE_SHARE 0.95
#define HUGE_PAGE_BYTES (1ull << 30)

G_DEFINE_QUARK(vmferry_ladder_error, ladder_error)

static const char *const step_names[] = {
    [LADDER_GUARANTEE] = "guarantee",
    [LADDER_ORDER] = "order",
    [LADDER_WAIT] = "wait",
    [LADDER_DOWNTIME] = "downtime",
    [LADDER_THROTTLE] = "auto-converge",
    [LADDER_POSTCOPY] = "post-copy",
    [LADDER_ABORT] = "abort",
};
G_STATIC_ASSERT(G_N_ELEMENTS(step_names) == LADDER_N_STEPS);

static const char *const verdict_names[] = {
    [LADDER_FINE] = "fine",
    [LADDER_LATE] = "late",
    [LADDER_NEVER] = "never",
    [LADDER_LONG_STOP] = "long-stop",
};
G_STATIC_ASSERT(G_N_ELEMENTS(verdict_names) == LADDER_N_VERDICTS);

static const char *const act_names[] = {
    [LADDER_NOTHING] = "nothing",
    [LADDER_SAY] = "say",
    [LADDER_TAKE] = "take",
    [LADDER_UNDO] = "undo",
};
G_STATIC_ASSERT(G_N_ELEMENTS(act_names) == LADDER_N_ACTS);

const char *
ladder_step_name(LadderStep step)
{
    g_assert((unsigned)step < LADDER_N_STEPS);
    return step_names[step];
}

const char *
ladder_verdict_name(LadderVerdict verdict)
{
    g_assert((unsigned)verdict < LADDER_N_VERDICTS);
    return verdict_names[verdict];
}

const char *
ladder_act_name(LadderAct act)
{
    g_assert((unsigned)act < LADDER_N_ACTS);
    return act_names[act];
}

static bool
parse_word(const char *word, unsigned *steps)
{
    if (g_str_equal(word, "default")) {
        *steps |= LADDER_DEFAULT;
        return true;
    }
    if (g_str_equal(word, "all")) {
        *steps |= LADDER_BIT(LADDER_N_STEPS) - 1;
        return true;
    }
    for (unsigned i = 0; i < LADDER_N_STEPS; i++) {
        if (g_str_equal(word, step_names[i])) {
            *steps |= LADDER_BIT(i);
            return true;
        }
    }
    return false;
}

bool
ladder_steps_parse(const char *text, unsigned *steps, GError **error)
{
    g_auto(GStrv) words = g_strsplit(text ? text : "", ",", -1);
    unsigned read = 0;

    if (g_strcmp0(text, "none") == 0) {
        *steps = 0;
        return true;
    }
    if (!words[0]) {
        g_set_error_literal(error, LADDER_ERROR, LADDER_ERROR_STEP,
                            "no step is named: use \"none\" to allow none");
        return false;
    }
    for (unsigned i = 0; words[i]; i++) {
        if (!parse_word(g_strstrip(words[i]), &read)) {
            g_set_error(error, LADDER_ERROR, LADDER_ERROR_STEP,
                        "step \"%s\" is unknown: use guarantee, order, wait, "
                        "downtime, auto-converge, post-copy, abort, default, "
                        "all or none",
                        words[i]);
            return false;
        }
    }
    *steps = read;
    return true;
}

char *
ladder_steps_format(unsigned steps)
{
    GString *text = g_string_new(NULL);

    for (unsigned i = 0; i < LADDER_N_STEPS; i++) {
        if (steps & LADDER_BIT(i)) {
            g_string_append_printf(text, "%s%s", text->len ? "," : "",
                                   step_names[i]);
        }
    }
    if (text->len == 0) {
        g_string_append(text, "none");
    }
    return g_string_free(text, FALSE);
}

void
ladder_settings_init(LadderSettings *settings)
{
    *settings = (LadderSettings){
        .allowed = LADDER_DEFAULT,
        .downtime_most_s = 2.0,
        .throttle_most = 0.8,
        .check_after = 3,
        .wait_most = 4,
    };
}

bool
ladder_settings_check(const LadderSettings *settings, GError **error)
{
    const char *what = NULL;
    double value = 0.0;

    /* written so that NaN fails */
    if (settings->allowed >= LADDER_BIT(LADDER_N_STEPS)) {
        what = "steps allowed must be known ones";
        value = settings->allowed;
    } else if (!(settings->downtime_most_s > 0.0 &&
                 settings->downtime_most_s <= 2000.0)) {
        what = "the bound of the downtime limit must lie between 0 and 2000 "
               "seconds";
        value = settings->downtime_most_s;
    } else if (!(settings->throttle_most > 0.0 &&
                 settings->throttle_most <= 0.99)) {
        what = "the bound of the throttle must lie between 0 and 0.99";
        value = settings->throttle_most;
    } else if (!(settings->check_after >= 1 && settings->check_after <= 100)) {
        what = "effects must be checked after 1 to 100 iterations";
        value = settings->check_after;
    } else if (!(settings->wait_most <= 100)) {
        what = "waiting must end after at most 100 iterations";
        value = settings->wait_most;
    }
    if (what) {
        g_set_error(error, LADDER_ERROR, LADDER_ERROR_SETTING,
                    "convergence ladder: %s, not %g", what, value);
        return false;
    }
    return true;
}

static const char *
rules_out_postcopy(const LadderGuest *guest)
{
    if (guest->host_devices) {
        return "the guest has host devices";
    }
    if (guest->largest_page_bytes >= HUGE_PAGE_BYTES) {
        return "each of its pages is 1 GiB, for which it would wait seconds";
    }
    if (!guest->postcopy_flag) {
        return "it was not started with --postcopy";
    }
    if (guest->tunnelled) {
        return "a tunnelled migration has no way back for page requests";
    }
    if (guest->parallel) {
        return "QEMU does not do it with parallel connections";
    }
    if (guest->local_disks) {
        return "its disks are being copied with it";
    }
    return NULL;
}

const char *
ladder_rules_out(const LadderGuest *guest, LadderStep step)
{
    switch (step) {
    case LADDER_ORDER:
        return guest->others_on_link ? NULL
                                     : "no other migration is on the link";
    case LADDER_DOWNTIME:
        return guest->downtime_is_theirs
                   ? "somebody else has set the downtime limit meanwhile"
                   : NULL;
    case LADDER_THROTTLE:
        if (guest->others_started) {
            return "libvirt switches it on at the start only, and QEMU's "
                   "monitor, the one way to its throttle now, taints a guest "
                   "that is others'";
        }
        if (!guest->auto_converge_flag) {
            return "it was not started with --auto-converge, which QEMU does "
                   "not switch on later";
        }
        return guest->throttle_reachable
                   ? NULL
                   : "its throttle is set through QEMU's monitor only";
    case LADDER_POSTCOPY:
        return rules_out_postcopy(guest);
    case LADDER_GUARANTEE:
    case LADDER_WAIT:
    case LADDER_ABORT:
    case LADDER_N_STEPS:
        break;
    }
    return NULL;
}

char *
ladder_would_help_words(const Outlook *outlook)
{
    GString *text = g_string_new(NULL);
    Known least = outlook->now.least_bandwidth_bytes_s;
    const char *comma = "";

    if (least.known) {
        g_string_append_printf(text, "%.1f Mbit/s for it",
                               policy_mbit(least.value / WIRE_SHARE));
        comma = ", ";
    }
    if (outlook->enough_downtime_s.known) {
        g_string_append_printf(text, "%sa downtime limit of %.2f s", comma,
                               outlook->enough_downtime_s.value);
        comma = ", ";
    }
    if (outlook->would_help & LADDER_BIT(LADDER_THROTTLE)) {
        if (outlook->enough_throttle.known) {
            g_string_append_printf(text, "%sauto-converge (%.0f %%)", comma,
                                   100.0 * outlook->enough_throttle.value);
        } else {
            g_string_append_printf(text, "%sauto-converge", comma);
        }
        comma = ", ";
    }
    g_string_append_printf(text, "%spost-copy", comma);
    return g_string_free(text, FALSE);
}

char *
ladder_verdict_words(const Outlook *outlook)
{
    const char *how = outlook->sure ? "will" : "would probably";
    double mbit = policy_mbit(outlook->bandwidth / WIRE_SHARE);

    switch (outlook->verdict) {
    case LADDER_NEVER:
        return g_strdup_printf("%s not converge at the %.1f Mbit/s it has", how,
                               mbit);
    case LADDER_LATE:
        return g_strdup_printf("%s end in %.0f s at %.1f Mbit/s, and %.0f are "
                               "left to the deadline",
                               how, outlook->now.time_s.value, mbit,
                               fmax(outlook->left_s, 0.0));
    case LADDER_LONG_STOP:
        return g_strdup_printf("%s stop the guest for %.2f s where %.2f are "
                               "wanted",
                               how, outlook->now.downtime_s.value,
                               outlook->input->downtime_wanted_s.value);
    case LADDER_FINE:
    case LADDER_N_VERDICTS:
        break;
    }
    return g_strdup("goes well");
}

char *
ladder_take_words(LadderStep step, double value, double old_value, bool undo)
{
    switch (step) {
    case LADDER_GUARANTEE:
        return undo ? g_strdup("leaves the guarantee to the policy again")
                    : g_strdup_printf("guarantees all that is free, %.1f "
                                      "Mbit/s instead of %.1f",
                                      policy_mbit(value),
                                      policy_mbit(old_value));
    case LADDER_ORDER:
        return undo ? g_strdup("lets other migrations go on beside it")
                    : g_strdup_printf("goes before the other migrations, with "
                                      "%.1f Mbit/s",
                                      policy_mbit(value));
    case LADDER_WAIT:
        return g_strdup("waits for a moment with fewer pages remaining");
    case LADDER_DOWNTIME:
        return g_strdup_printf("%s the downtime limit from %.2f to %.2f s",
                               undo ? "puts back" : "raises", old_value, value);
    case LADDER_THROTTLE:
        return g_strdup_printf("%s the guest's vCPUs by %.0f %% instead of "
                               "%.0f %%",
                               undo ? "goes back to throttling" : "throttles",
                               100.0 * value, 100.0 * old_value);
    case LADDER_POSTCOPY:
        return g_strdup("switches to post-copy");
    case LADDER_ABORT:
        return g_strdup("aborts");
    case LADDER_N_STEPS:
        break;
    }
    return g_strdup("");
}
