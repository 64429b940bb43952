/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * run-command.c - "vmferry-consolidate run": the service
 *
 * One thread and one loop: the manager, the hosts' answers, and those who ask by
 * the socket. It ends at SIGTERM: migrations that run go on in libvirt, and the
 * journal tells the next one which they are.
 */
#include <glib-unix.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/notify.h"
#include "tools/consolidate/commands.h"
#include "tools/consolidate/control.h"
#include "tools/consolidate/engine.h"
#include "tools/consolidate/options.h"
#include "tools/consolidate/text.h"

#define TIDY_S 600

/* What a request waits for. */
typedef enum {
    WAIT_NOTHING,
    WAIT_DECISION, /* and that is its answer */
    WAIT_BEGIN,    /* a decision, then the end of the plan */
    WAIT_OVER,
} Wait;

typedef struct Run {
    Engine *engine;
    Control *control;
    Notify *notify;
    GMainLoop *loop;
    bool quiet;
    bool ready;
    guint settle_source;
} Run;

/* --- what happens, for the log and for those who ask --- */

static void
print_text(char *text)
{
    fputs(text, stdout);
    fflush(stdout);
    g_free(text);
}

static void
print_decision(JsonObject *json)
{
    g_autoptr(ConsDecision) decision = cons_decision_from_json(json, NULL);

    if (decision) {
        print_text(text_decision(decision));
    }
}

static bool
is_empty(JsonObject *decision)
{
    JsonObject *moves = jobj_get(decision, "moves");
    JsonObject *powers = jobj_get(decision, "powers");

    return (!moves || json_object_array_length(moves) == 0) &&
           (!powers || json_object_array_length(powers) == 0);
}

static void
answer_all(Run *run, unsigned waits, JsonObject *result)
{
    const GPtrArray *peers = control_peers(run->control);

    for (guint i = peers->len; i-- > 0;) {
        ControlPeer *peer = peers->pdata[i];
        Wait wait = (Wait)GPOINTER_TO_INT(*control_peer_tag(peer));

        if (wait != WAIT_NOTHING && (waits & (1u << wait))) {
            *control_peer_tag(peer) = GINT_TO_POINTER(WAIT_NOTHING);
            control_return(peer, json_object_get(result));
        }
    }
}

static void
on_decision(Run *run, JsonObject *json)
{
    const GPtrArray *peers;
    bool will = false;

    if (!run->quiet) {
        print_decision(json);
    }
    control_tell(run->control, "decision", json);
    answer_all(run, 1u << WAIT_DECISION, json);
    jobj_get_bool(json, "will", &will);
    if (is_empty(json) || !will) {
        answer_all(run, 1u << WAIT_BEGIN, json);
        return;
    }
    peers = control_peers(run->control);
    for (guint i = 0; i < peers->len; i++) {
        gpointer *tag = control_peer_tag(peers->pdata[i]);

        if (GPOINTER_TO_INT(*tag) == WAIT_BEGIN) {
            *tag = GINT_TO_POINTER(WAIT_OVER);
        }
    }
}

/* Hosts were looked at, and there was nothing new to say of an evacuation. */
static gboolean
on_nothing_told(gpointer user)
{
    Run *run = user;
    const ConsDecision *decision =
        cons_manager_decision(engine_manager(run->engine));
    g_autoptr(JsonObject) json = decision && cons_decision_is_empty(decision)
                                     ? cons_decision_to_json(decision)
                                     : json_object_new_object();

    run->settle_source = 0;
    if (cons_manager_idle(engine_manager(run->engine))) {
        answer_all(run, 1u << WAIT_BEGIN, json);
    }
    return G_SOURCE_REMOVE;
}

static void
on_told(ConsTold what, const Cluster *cluster, JsonObject *json, gpointer user)
{
    Run *run = user;

    if (what == CONS_TOLD_CLUSTER && !run->ready) {
        run->ready = true;
        notify_ready(run->notify, "watching");
    }
    if (!run->control) {
        return;
    }
    if (what == CONS_TOLD_CLUSTER && !run->settle_source) {
        run->settle_source = g_idle_add(on_nothing_told, run);
    }
    if (what == CONS_TOLD_DECISION) {
        on_decision(run, json);
    } else if (what == CONS_TOLD_STEP) {
        if (!run->quiet) {
            print_text(text_step(json));
        }
        control_tell(run->control, "step", json);
    } else if (what == CONS_TOLD_OVER) {
        if (!run->quiet) {
            print_text(text_over(json));
        }
        control_tell(run->control, "over", json);
        answer_all(run, 1u << WAIT_OVER, json);
    }
}

static void
on_note(const char *guest, const char *text, gpointer user)
{
    Run *run = user;

    fprintf(stderr, "note: %s%s%s\n", guest, *guest ? ": " : "", text);
    if (run->control) {
        g_autoptr(JsonObject) data = json_object_new_object();

        jobj_add_string(data, "guest", guest);
        jobj_add_string(data, "text", text);
        control_tell(run->control, "note", data);
    }
}

static void
on_progress(const char *guest, double share, uint64_t bytes, gpointer user)
{
    Run *run = user;
    g_autoptr(JsonObject) data = json_object_new_object();

    jobj_add_string(data, "guest", guest);
    jobj_add_double(data, "share", share);
    jobj_add_double(data, "bytes", (double)bytes);
    if (run->control) {
        control_tell(run->control, "progress", data);
    }
}

/* --- what is asked for --- */

static JsonObject *
status_of(Run *run)
{
    JsonObject *status = cons_manager_status(engine_manager(run->engine));
    JsonObject *service = json_object_new_object();

    jobj_add_i64(service, "pid", getpid());
    jobj_add_string(service, "socket", engine_service(run->engine)->socket);
    jobj_add(status, "service", service);
    return status;
}

static void
settle(ControlPeer *peer, bool good, Wait wait, GError **error)
{
    if (!good) {
        control_refuse(peer, (*error)->message);
    } else if (wait == WAIT_NOTHING) {
        control_return(peer, NULL);
    } else {
        *control_peer_tag(peer) = GINT_TO_POINTER(wait);
        if (wait != WAIT_DECISION) {
            control_follow(peer);
        }
    }
}

static void
on_request(ControlPeer *peer, const char *command, JsonObject *arguments,
           gpointer user)
{
    Run *run = user;
    ConsManager *manager = engine_manager(run->engine);
    const char *host = "", *plan = NULL;
    g_autoptr(GError) error = NULL;

    jobj_get_string(arguments, "host", &host);
    jobj_get_string(arguments, "plan", &plan);
    if (!strcmp(command, "status")) {
        control_return(peer, status_of(run));
    } else if (!strcmp(command, "plan")) {
        settle(peer, cons_manager_request(manager, &error), WAIT_DECISION,
               &error);
    } else if (!strcmp(command, "apply")) {
        settle(peer, cons_manager_apply(manager, plan, &error), WAIT_OVER,
               &error);
    } else if (!strcmp(command, "evacuate")) {
        settle(peer, cons_manager_evacuate(manager, host, &error), WAIT_BEGIN,
               &error);
    } else if (!strcmp(command, "release")) {
        settle(peer, cons_manager_release(manager, host, &error), WAIT_NOTHING,
               &error);
    } else if (!strcmp(command, "pause")) {
        settle(peer, cons_manager_pause(manager, &error), WAIT_NOTHING, &error);
    } else if (!strcmp(command, "resume")) {
        settle(peer, cons_manager_resume(manager, &error), WAIT_NOTHING,
               &error);
    } else {
        control_refuse(peer, "there is no such command");
    }
}

/* --- life --- */

static gboolean
on_stop(gpointer user)
{
    Run *run = user;

    notify_stopping(run->notify, "stopping");
    g_main_loop_quit(run->loop);
    return G_SOURCE_CONTINUE;
}

static gboolean
on_tidy(gpointer user)
{
    engine_tidy(((Run *)user)->engine);
    return G_SOURCE_CONTINUE;
}

static int
serve(Run *run, const ConsOptions *options, int mode)
{
    static const RealListener listener = { on_told, on_note, on_progress };
    EngineSpec spec = { .config = options->config,
                        .kind = ENGINE_ACTS,
                        .mode = mode,
                        .serves = true };
    g_autoptr(GError) error = NULL;
    guint stop[2], tidy;

    run->notify = notify_new(&error);
    if (!run->notify ||
        !(run->engine = engine_new(&spec, &listener, run, &error)) ||
        !(run->control = control_listen(engine_service(run->engine)->socket,
                                        on_request, run, &error))) {
        return cons_fail("run", error);
    }
    run->loop = g_main_loop_new(NULL, FALSE);
    stop[0] = g_unix_signal_add(SIGTERM, on_stop, run);
    stop[1] = g_unix_signal_add(SIGINT, on_stop, run);
    tidy = g_timeout_add_seconds(TIDY_S, on_tidy, run);
    notify_watch(run->notify, NULL);
    engine_tidy(run->engine);
    engine_start(run->engine);
    g_main_loop_run(run->loop);
    g_source_remove(stop[0]);
    g_source_remove(stop[1]);
    g_source_remove(tidy);
    g_clear_handle_id(&run->settle_source, g_source_remove);
    g_main_loop_unref(run->loop);
    return CONSOLIDATE_FINE;
}

int
consolidate_run_main(int argc, char **argv)
{
    g_autofree char *word = NULL;
    GOptionEntry more[] = {
        { "mode", 'm', 0, G_OPTION_ARG_STRING, &word,
          "advise, approve or auto, instead of the configuration's", "MODE" },
        { NULL },
    };
    ConsOptions options;
    ConsMode mode = CONS_MODE_ADVISE;
    Run run = { 0 };
    int status = CONSOLIDATE_USAGE;

    if (cons_options_parse(argc, argv, more, NULL,
                           "Watches the hosts, decides, and carries out what "
                           "the mode lets it, until\nSIGTERM.",
                           0, 0, &options)) {
        if (word && !cons_mode_parse(word, &mode)) {
            fprintf(stderr,
                    "error: vmferry-consolidate run: --mode is advise, approve "
                    "or auto, not \"%s\"\n",
                    word);
        } else {
            run.quiet = options.quiet;
            status = serve(&run, &options, word ? (int)mode : -1);
        }
    }
    control_free(g_steal_pointer(&run.control));
    engine_free(run.engine);
    notify_free(run.notify);
    cons_options_clear(&options);
    return status;
}
