/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * service.h - where the manager keeps its things, and how it reaches hosts
 *
 * The sections of consolidate.conf that the decisions do not depend on:
 *
 *     [service]      state, socket, workers, patience, keep, traffic, sample,
 *                    compression
 *     [reach NAME]   migrate-to, vmferryd, traffic: of the host of that name
 */
#ifndef CONSOLIDATE_SERVICE_H
#define CONSOLIDATE_SERVICE_H

#include "consolidate/settings.h"

#define SERVICE_DEFAULT_CONFIG "/etc/vmferry/consolidate.conf"
#define SERVICE_DEFAULT_STATE "/var/lib/vmferry/consolidate"
#define SERVICE_DEFAULT_SOCKET "/run/vmferry/consolidate.sock"

typedef struct ServiceReach {
    char *name;       /* of a host */
    char *migrate_to; /* libvirt URI by which other hosts reach it; NULL: the
                         one that we use */
    char *vmferryd;   /* its control socket, as a path here; NULL: the usual
                         one if the host is this machine, else none */
    char *traffic;    /* command that prints what its vmferry-traffic has kept;
                         NULL: none */
    unsigned line;
} ServiceReach;

typedef struct Service {
    char *state;           /* folder: journal, history */
    char *socket;          /* of the service */
    unsigned workers;      /* that ask libvirt at a time */
    double patience_s;     /* how long a host may take to answer */
    double keep_s;         /* history of decisions and moves */
    double keep_samples_s; /* ... and of loads */
    double sample_s;       /* a command without a service looks twice, so far
                           apart, for a load is a difference */
    double writes_s;    /* how often what a guest writes is counted; 0: never */
    double command_s;   /* how long a power command may take */
    bool compresses;    /* pages that moves send again, by slow links */
    char **traffic;     /* files of vmferry-traffic's history; never NULL */
    GPtrArray *reaches; /* ServiceReach * */
} Service;

/**
 * service_load() - Read consolidate.conf
 * @settings: Set to its other sections; cons_settings_free() it
 *
 * Return: service_free() it; NULL with CONS_ERROR or GLib's file errors, "FILE:
 * LINE: ..."
 */
Service *service_load(const char *path, ConsSettings **settings,
                      GError **error);

/** service_parse() - The same of a text; pure */
Service *service_parse(const char *text, const char *name,
                       ConsSettings **settings, GError **error);
void service_free(Service *service);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Service, service_free)

/** service_reach() - Of that host; NULL: nothing was said */
const ServiceReach *service_reach(const Service *service, const char *host);

/** service_path() - A file of the state; g_free() it */
char *service_path(const Service *service, const char *file);

#endif
