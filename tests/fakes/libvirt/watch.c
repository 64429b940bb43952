/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * watch.c - looks at the host every other millisecond, and tells what changed
 */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "fake.h"

typedef struct Seen {
    Where where;
    unsigned pass;
    bool stopped;
    bool postcopy, paused;
} Seen;

static void
tell_end(Guest *guest)
{
    virTypedParameterPtr params = NULL;
    int n;

    if (guest->where == STAYS) {
        fake_tell_monitor(guest, "MIGRATION",
                          guest->abort ? "{\"status\": \"cancelled\"}"
                                       : "{\"status\": \"failed\"}");
        return;
    }
    fake_tell_monitor(guest, "MIGRATION", "{\"status\": \"completed\"}");
    n = fake_job_stats(guest, &params, guest->downtime_s * 1000);
    fake_tell_lifecycle(guest, VIR_DOMAIN_EVENT_STOPPED,
                        VIR_DOMAIN_EVENT_STOPPED_MIGRATED);
    fake_tell_completed(guest, params, n);
    virTypedParamsFree(params, n);
}

static void
look_at_guest(Guest *guest, Seen *seen)
{
    Guest now = *guest;

    if (seen->where == WAITS && now.where != WAITS) {
        fake_tell_monitor(guest, "MIGRATION", "{\"status\": \"setup\"}");
        seen->where = LEAVES;
    }
    if (now.stopped && !seen->stopped) {
        seen->stopped = true;
        fake_tell_monitor(guest, "STOP", NULL);
        fake_tell_lifecycle(guest, VIR_DOMAIN_EVENT_SUSPENDED,
                            VIR_DOMAIN_EVENT_SUSPENDED_MIGRATED);
    }
    if (now.postcopy && !seen->postcopy) {
        seen->postcopy = true;
        fake_tell_monitor(guest, "STOP", NULL);
        fake_tell_monitor(guest, "MIGRATION",
                          "{\"status\": \"postcopy-active\"}");
        fake_tell_lifecycle(guest, VIR_DOMAIN_EVENT_SUSPENDED,
                            VIR_DOMAIN_EVENT_SUSPENDED_POSTCOPY);
    }
    if (fake_guest_paused(&now) != seen->paused) {
        seen->paused = !seen->paused;
        if (seen->paused) {
            fake_tell_monitor(guest, "MIGRATION",
                              "{\"status\": \"postcopy-paused\"}");
            fake_tell_lifecycle(guest, VIR_DOMAIN_EVENT_SUSPENDED,
                                VIR_DOMAIN_EVENT_SUSPENDED_POSTCOPY_FAILED);
        } else {
            fake_tell_monitor(guest, "MIGRATION",
                              "{\"status\": \"postcopy-active\"}");
        }
    }
    while (seen->pass < now.pass && !now.postcopy) {
        fake_tell_pass(guest, ++seen->pass);
    }
    if (now.where != seen->where) {
        seen->where = now.where;
        tell_end(guest);
    }
}

static void *
watch_host(void *data)
{
    static Seen seen[FAKE_MOST_GUESTS];

    /* so that what it takes can be told from what vmferryd takes */
    pthread_setname_np(pthread_self(), "fake-host");
    for (int i = 0; i < fake_host->n_guests; i++) {
        const Guest *guest = &fake_host->guests[i];

        seen[i] = (Seen){ guest->where, guest->pass, guest->stopped,
                          guest->postcopy, false };
    }
    for (;;) {
        if (fake_daemon_down()) {
            fake_connections_lose();
        }
        for (int i = 0; i < fake_host->n_guests; i++) {
            look_at_guest(&fake_host->guests[i], &seen[i]);
        }
        usleep(2000);
    }
    return NULL;
}

void
fake_watch_begin(void)
{
    const char *path = getenv("VMFERRY_FAKE_STATE");
    pthread_t thread;

    fake_host_open(path);
    for (int i = 0; i < fake_host->n_guests && !path; i++) {
        pthread_create(&thread, NULL, fake_guest_live, &fake_host->guests[i]);
        pthread_detach(thread);
    }
    pthread_create(&thread, NULL, watch_host, NULL);
    pthread_detach(thread);
}
