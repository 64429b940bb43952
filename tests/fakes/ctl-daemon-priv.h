/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ctl-daemon-priv.h - between what the false daemon does and what it shows
 */
#ifndef TESTS_CTL_DAEMON_PRIV_H
#define TESTS_CTL_DAEMON_PRIV_H

#include "ctl-daemon.h"
#include "ctl/document.h"

#define UUID "6b2f2f6c-8c2f-4c3e-9c59-0c1f2b7a7d11"

/* 2026-03-01T12:00:00Z: what is shown does not depend on the day. */
#define BEGAN_US 1772366400000000LL

struct FakeDaemon {
    CtlServer *server;
    GString *log;
    GPtrArray *unanswered; /* CtlRequest * */
    bool waits;
    char *refusal;
    unsigned seconds; /* of the migration */
    bool held, ended, disabled;
    Known deadline_s;
    int priority;
    char *hold_reason;
    uint64_t announcer;
    unsigned gone;
};

/* As of now; to be released. */
JsonObject *fake_session_document(const FakeDaemon *fake);
JsonObject *fake_queue_document(void);
JsonObject *fake_status_document(const FakeDaemon *fake);

#endif
