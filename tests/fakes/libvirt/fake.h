/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fake.h - libvirt's calls, answered without libvirtd and QEMU
 *
 * To be put before libvirt with LD_PRELOAD: the calls that vmferryd makes are
 * answered here, out of host.h.
 *
 *   connection.c  is there a daemon, which guests are there
 *   domain.c      what a guest is, and what can be done to it
 *   job.c         its migration in libvirt's words
 *   look.c        what is asked before a host is emptied
 *   counters.c    statistics of guests
 *   events.c      who is to be told of what
 *   watch.c       looks at the host, and makes events of what changed
 *
 * With VMFERRY_FAKE_STATE=FILE the guests live in processes of their own, each
 * started as "fake-guest FILE NUMBER UUID", and this only looks: so vmferryd
 * can be killed and they go on. As long as FILE.down exists there is no
 * libvirtd; with FILE.slow answers about jobs come late, also that a connection
 * was lost, and as long as one is under way there is FILE.late; with FILE.refuse no limit is set. The command VMFERRY_FAKE_ON_POSTCOPY runs before
 * post-copy is answered; the XML in VMFERRY_FAKE_DEVICES is of devices of every
 * guest.
 */
#ifndef FAKES_LIBVIRT_FAKE_H
#define FAKES_LIBVIRT_FAKE_H

#include <libvirt/libvirt-qemu.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "host.h"

typedef struct Connection {
    bool lost;
    char uri[128]; /* as asked for; "": none was */
    virConnectCloseFunc on_close;
    void *on_close_opaque;
} Connection;

/* What virDomainPtr and virConnectPtr point to. */
typedef struct Domain {
    Connection *connection;
    Guest *guest;
} Domain;

/* --- connection.c --- */

Connection *fake_connection_of(virConnectPtr conn);

/** fake_state_says() - Is there FILE.@what? */
bool fake_state_says(const char *what);

/** fake_state_say() - Let there be FILE.@what, or none */
void fake_state_say(const char *what, bool there);

/** fake_daemon_down() - Is there no libvirtd now? */
bool fake_daemon_down(void);

/** fake_connections_lose() - As when the daemon dies */
void fake_connections_lose(void);

/* An error of this thread's, @text not copied; always -1. */
int fake_fail(int code, int domain, const char *text);

/* --- domain.c --- */

virDomainPtr fake_domain_new(Connection *connection, Guest *guest);
Guest *fake_guest_of(virDomainPtr domain);

/** fake_domain_lost() - Has its connection ended? Then that is the error */
bool fake_domain_lost(virDomainPtr domain);

/** fake_no_domain() - The error; always -1 */
int fake_no_domain(void);

/* --- job.c --- */

/** fake_job_stats() - libvirt's parameters, virTypedParamsFree() them; how many.
 * Under the host's lock, or of a guest that has ended */
int fake_job_stats(const Guest *guest, virTypedParameterPtr *params,
                   double downtime_ms);

/* --- events.c: @guest's happened; to all who asked --- */

void fake_tell_lifecycle(Guest *guest, int event, int detail);
void fake_tell_pass(Guest *guest, unsigned pass);
void fake_tell_completed(Guest *guest, virTypedParameterPtr params, int n);
void fake_tell_monitor(Guest *guest, const char *event, const char *details);

/* --- watch.c --- */

/** fake_watch_begin() - Have a host, living if it is this process's */
void fake_watch_begin(void);

#endif
