/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * main.c - vmferry-exporter: the daemon's state for Prometheus and for people
 *
 * A process of its own, for what listens to the network must not be what may
 * reprogram it: this one has no capability, and all that it may do to the
 * daemon is to ask.
 */
#include <glib-unix.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>

#include "ctl/client.h"
#include "tools/exporter/options.h"
#include "tools/exporter/site.h"

static gboolean
on_signal(gpointer user)
{
    g_main_loop_quit(user);
    return G_SOURCE_CONTINUE;
}

static bool
serve(const ExporterOptions *options, GError **error)
{
    g_autofree char *socket = ctl_socket_path(options->socket);
    g_autofree char *host = g_inet_address_to_string(
        g_inet_socket_address_get_address(options->address));
    bool v6 = g_socket_address_get_family(G_SOCKET_ADDRESS(options->address)) ==
              G_SOCKET_FAMILY_IPV6;
    const SiteSpec spec = {
        .address = options->address,
        .socket = socket,
        .version = VMFERRY_VERSION,
    };
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    g_autoptr(Site) site = site_new(&spec, error);

    if (!site) {
        return false;
    }
    g_unix_signal_add(SIGTERM, on_signal, loop);
    g_unix_signal_add(SIGINT, on_signal, loop);
    printf("vmferry-exporter: http://%s%s%s:%u/, vmferryd at %s\n",
           v6 ? "[" : "", host, v6 ? "]" : "", (unsigned)site_port(site),
           socket);
    fflush(stdout);
    g_main_loop_run(loop);
    return true;
}

int
main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    ExporterOptions options = { 0 };

    setlocale(LC_CTYPE, ""); /* numbers stay as they are in C */
    /* a client that hangs up is no reason to end */
    signal(SIGPIPE, SIG_IGN);
    if (!exporter_options_parse(argc, argv, &options, &error)) {
        fprintf(stderr, "error: vmferry-exporter: %s\n", error->message);
        return 2;
    }
    if (options.help || options.version) {
        printf("%s", options.help ? exporter_usage
                                  : "vmferry-exporter " VMFERRY_VERSION "\n");
        return 0;
    }
    if (!serve(&options, &error)) {
        fprintf(stderr, "error: vmferry-exporter: %s\n", error->message);
        exporter_options_clear(&options);
        return 1;
    }
    exporter_options_clear(&options);
    return 0;
}
