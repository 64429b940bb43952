/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * site.h - what is served: the addresses, and what each answers
 */
#ifndef EXPORTER_SITE_H
#define EXPORTER_SITE_H

#include <gio/gio.h>
#include <glib.h>

typedef struct SiteSpec {
    GInetSocketAddress *address;
    const char *socket;  /* of vmferryd */
    const char *version; /* static */
} SiteSpec;

typedef struct Site Site;

/** site_new() - Listen, connect to the daemon, serve; site_free() it */
Site *site_new(const SiteSpec *spec, GError **error);
void site_free(Site *site);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Site, site_free)

/** site_port() - Where it listens */
guint16 site_port(const Site *site);

#endif
