/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * act.c - see act.h
 *
 * Here: look at the hosts, ask the manager, show what it tells until the end. A
 * plan that an earlier one left in the middle goes on first, and is all that is
 * done then. The first Ctrl-C begins no more moves, the second leaves.
 */
#include "tools/consolidate/act.h"

#include <glib-unix.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/consolidate/commands.h"
#include "tools/consolidate/control.h"
#include "tools/consolidate/engine.h"
#include "tools/consolidate/follow.h"
#include "tools/consolidate/text.h"

typedef struct Act {
    ActKind kind;
    const char *word;
    const ConsOptions *options;
    Follow follow;
    Engine *engine;
    GMainLoop *loop;
    bool looked;  /* at the hosts, once */
    bool asked;   /* the manager, for what the command is about */
    bool told;    /* what it decided */
    bool applied; /* the plan is on its way */
    bool resumes; /* an earlier plan */
    unsigned interrupts;
    GError *error;
} Act;

static const char *const names[ACT_N_KINDS] = {
    [ACT_PLAN] = "plan",         [ACT_APPLY] = "apply",
    [ACT_EVACUATE] = "evacuate", [ACT_RELEASE] = "release",
    [ACT_PAUSE] = "pause",       [ACT_RESUME] = "resume",
    [ACT_STATUS] = "status",
};

static const char nothing_to_move[] =
    "nothing is to be moved off it; it takes no guests until it is released";

static bool
is_short(ActKind kind)
{
    return kind == ACT_RELEASE || kind == ACT_PAUSE || kind == ACT_RESUME;
}

static int
show_status(Act *run, JsonObject *status)
{
    if (run->options->json) {
        cons_print_json(status);
    } else {
        g_autofree char *text = text_status(status);

        fputs(text, stdout);
    }
    return CONSOLIDATE_FINE;
}

/* --- by the service --- */

static bool
on_service_event(const char *event, JsonObject *data, gpointer user)
{
    Act *run = user;

    follow_event(&run->follow, event, data);
    return true;
}

/* Return: -1: there is no service */
static int
ask_service(Act *run, const Service *service)
{
    JsonObject *arguments = json_object_new_object();
    g_autoptr(JsonObject) answer = NULL;
    g_autoptr(GError) error = NULL;
    bool nobody = false;

    if (run->word) {
        jobj_add_string(arguments, run->kind == ACT_APPLY ? "plan" : "host",
                        run->word);
    }
    answer = control_ask(service->socket, names[run->kind], arguments,
                         on_service_event, run, &nobody, &error);
    if (nobody) {
        return -1;
    }
    if (!answer) {
        return cons_fail(names[run->kind], error);
    }
    if (run->kind == ACT_STATUS) {
        return show_status(run, answer);
    }
    if (run->kind == ACT_PLAN ||
        (run->kind == ACT_EVACUATE && !run->follow.finished &&
         jobj_get(answer, "format"))) {
        follow_event(&run->follow, "decision", answer);
    } else if (run->kind == ACT_EVACUATE && !run->follow.finished) {
        follow_note(&run->follow, run->word, nothing_to_move);
    }
    return run->follow.status;
}

/* --- here --- */

static void
quit(Act *run, GError *error)
{
    if (!run->error) {
        run->error = error;
    } else {
        g_clear_error(&error);
    }
    g_main_loop_quit(run->loop);
}

/* The manager is asked from the loop, not from within what it tells. */
static gboolean
on_ask(gpointer user)
{
    Act *run = user;
    ConsManager *manager = engine_manager(run->engine);
    const ConsCarry *carry = cons_manager_carry(manager);
    GError *error = NULL;
    bool good = true;

    run->asked = true;
    if (carry && !cons_carry_is_over(carry) && run->kind != ACT_PLAN) {
        run->resumes = run->applied = true;
        follow_note(&run->follow, "",
                    "a plan is on its way already: it is carried to its end, "
                    "and nothing else is done now");
        return G_SOURCE_REMOVE;
    }
    if (run->kind == ACT_EVACUATE) {
        good = cons_manager_evacuate(manager, run->word, &error);
        run->applied = good;
    } else {
        good = cons_manager_request(manager, &error);
    }
    if (!good) {
        quit(run, error);
    }
    return G_SOURCE_REMOVE;
}

static gboolean
on_apply(gpointer user)
{
    Act *run = user;
    GError *error = NULL;

    run->applied = true;
    if (!cons_manager_apply(engine_manager(run->engine), NULL, &error)) {
        quit(run, error);
    }
    return G_SOURCE_REMOVE;
}

static gboolean
on_finished(gpointer user)
{
    quit(user, NULL);
    return G_SOURCE_REMOVE;
}

/* There was nothing new to say: the host is empty, or nothing can be done about
 * it for the reasons that were told before. */
static gboolean
on_nothing_told(gpointer user)
{
    Act *run = user;
    ConsManager *manager = engine_manager(run->engine);
    const ConsDecision *decision = cons_manager_decision(manager);

    if (run->told || run->resumes || run->follow.finished) {
        return G_SOURCE_REMOVE;
    }
    if (decision && cons_decision_is_empty(decision)) {
        g_autoptr(JsonObject) json = cons_decision_to_json(decision);

        follow_event(&run->follow, "decision", json);
    } else {
        follow_note(&run->follow, run->word, nothing_to_move);
    }
    return on_finished(run);
}

static void
on_told(ConsTold what, const Cluster *cluster, JsonObject *json, gpointer user)
{
    static const char *const events[CONS_N_TOLD] = {
        [CONS_TOLD_DECISION] = "decision",
        [CONS_TOLD_STEP] = "step",
        [CONS_TOLD_OVER] = "over",
    };
    Act *run = user;

    if (what == CONS_TOLD_CLUSTER) {
        if (!run->looked) {
            run->looked = true;
            g_idle_add(run->kind == ACT_STATUS ? on_finished : on_ask, run);
        } else if (run->asked && !run->told && run->kind == ACT_EVACUATE) {
            g_idle_add(on_nothing_told, run); /* it decides first */
        }
        return;
    }
    if (!run->asked || run->follow.finished ||
        (what == CONS_TOLD_DECISION && run->resumes)) {
        return;
    }
    run->told |= what == CONS_TOLD_DECISION;
    follow_event(&run->follow, events[what], json);
    if (run->follow.finished) {
        g_idle_add(on_finished, run);
    } else if (what == CONS_TOLD_DECISION && run->kind == ACT_APPLY &&
               !run->applied) {
        g_idle_add(on_apply, run);
    }
}

static void
on_note(const char *guest, const char *text, gpointer user)
{
    follow_note(&((Act *)user)->follow, guest, text);
}

static void
on_progress(const char *guest, double share, uint64_t bytes, gpointer user)
{
    g_autoptr(JsonObject) data = json_object_new_object();

    jobj_add_string(data, "guest", guest);
    jobj_add_double(data, "share", share);
    jobj_add_double(data, "bytes", (double)bytes);
    follow_event(&((Act *)user)->follow, "progress", data);
}

static gboolean
on_interrupt(gpointer user)
{
    Act *run = user;

    if (++run->interrupts > 1 || !run->applied) {
        run->follow.status = CONSOLIDATE_INTERRUPTED;
        if (run->applied) {
            follow_note(&run->follow, "",
                        "migrations that run go on; the next \"apply\" takes "
                        "the plan up where it is");
        }
        quit(run, NULL);
    } else {
        g_autoptr(GError) error = NULL;

        follow_note(&run->follow, "",
                    "no more moves are begun; those on their way come to their "
                    "end (Ctrl-C again leaves at once)");
        if (!cons_manager_pause(engine_manager(run->engine), &error)) {
            follow_note(&run->follow, "", error->message);
        }
    }
    return G_SOURCE_CONTINUE;
}

static const RealListener listener = { on_told, on_note, on_progress };

static int
finish(Act *run)
{
    ConsManager *manager = engine_manager(run->engine);

    if (run->error) {
        return cons_fail(names[run->kind], run->error);
    }
    if (run->kind == ACT_STATUS) {
        g_autoptr(JsonObject) status = cons_manager_status(manager);

        return show_status(run, status);
    }
    if (run->interrupts == 1 && run->applied) {
        /* that was about this plan, not about the days to come */
        cons_manager_resume(manager, NULL);
        return CONSOLIDATE_INTERRUPTED;
    }
    return run->follow.status;
}

static int
act_here(Act *run)
{
    static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
    bool looks = run->kind == ACT_PLAN || run->kind == ACT_STATUS;
    EngineSpec spec = { .config = run->options->config,
                        .kind = looks ? ENGINE_LOOKS : ENGINE_ACTS,
                        .mode = run->kind == ACT_EVACUATE
                                    ? (int)CONS_MODE_APPROVE
                                    : (int)CONS_MODE_ADVISE,
                        .forgets = run->kind == ACT_STATUS };
    guint sources[G_N_ELEMENTS(signals)];
    int status;

    run->engine = engine_new(&spec, &listener, run, &run->error);
    if (!run->engine) {
        return cons_fail(names[run->kind], run->error);
    }
    run->loop = g_main_loop_new(NULL, FALSE);
    for (size_t i = 0; i < G_N_ELEMENTS(signals); i++) {
        sources[i] = g_unix_signal_add(signals[i], on_interrupt, run);
    }
    engine_start(run->engine);
    if (!run->interrupts) {
        g_main_loop_run(run->loop);
    }
    status = finish(run);
    for (size_t i = 0; i < G_N_ELEMENTS(signals); i++) {
        g_source_remove(sources[i]);
    }
    engine_free(run->engine);
    g_main_loop_unref(run->loop);
    return status;
}

/* Only a line in the journal; no host is asked. */
static int
act_short(Act *run)
{
    EngineSpec spec = { .config = run->options->config,
                        .kind = ENGINE_ACTS,
                        .mode = CONS_MODE_ADVISE };
    ConsManager *manager;
    bool good;

    run->engine = engine_new(&spec, &listener, run, &run->error);
    if (!run->engine) {
        return cons_fail(names[run->kind], run->error);
    }
    manager = engine_manager(run->engine);
    good = run->kind == ACT_RELEASE
               ? cons_manager_release(manager, run->word, &run->error)
           : run->kind == ACT_PAUSE ? cons_manager_pause(manager, &run->error)
                                    : cons_manager_resume(manager, &run->error);
    engine_free(run->engine);
    return good ? CONSOLIDATE_FINE : cons_fail(names[run->kind], run->error);
}

int
act(ActKind kind, const char *word, const ConsOptions *options)
{
    Act run = { .kind = kind, .word = word, .options = options };
    g_autoptr(Service) service = NULL;
    g_autoptr(ConsSettings) settings = NULL;
    g_autoptr(GError) error = NULL;
    int status = -1;

    run.follow = (Follow){ .json = options->json,
                           .quiet = options->quiet,
                           .acts = kind == ACT_APPLY || kind == ACT_EVACUATE,
                           .all_or_nothing = kind == ACT_EVACUATE,
                           .shows_progress = isatty(STDERR_FILENO) };
    service = service_load(options->config, &settings, &error);
    if (!service) {
        return cons_fail(names[kind], error);
    }
    if (!options->alone) {
        status = ask_service(&run, service);
    }
    if (status < 0 && kind == ACT_APPLY && word) {
        error = g_error_new(CONS_ERROR, CONS_ERROR_STATE,
                            "no service listens at %s, and it is the service "
                            "that keeps plans; without an id a plan is made "
                            "anew and carried out",
                            service->socket);
        return cons_fail(names[kind], error);
    }
    if (status < 0) {
        status = is_short(kind) ? act_short(&run) : act_here(&run);
        g_clear_error(&run.error);
    }
    return status;
}
