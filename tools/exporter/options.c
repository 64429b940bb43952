/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * options.c - the command line of vmferry-exporter
 *
 * The page and the metrics name guests and hosts and ask nobody who he is, so
 * an address that others can reach takes a second option.
 */
#include "tools/exporter/options.h"

#include <string.h>

G_DEFINE_QUARK(vmferry_exporter_error, exporter_error)

const char exporter_usage[] =
    "Usage: vmferry-exporter [OPTION...]\n"
    "\n"
    "Serves the state of vmferryd: /metrics for Prometheus, / for people.\n"
    "\n"
    "  -l, --listen ADDRESS:PORT  listen there (" EXPORTER_DEFAULT_LISTEN ")\n"
    "      --allow-remote         ADDRESS may be one that others can reach\n"
    "  -s, --socket PATH          control socket of vmferryd\n"
    "  -h, --help                 this text\n"
    "      --version              name the version\n";

static bool
parse_port(const char *text, guint16 *port)
{
    guint64 number;

    if (!g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT16, &number, NULL)) {
        return false;
    }
    *port = (guint16)number;
    return true;
}

GInetSocketAddress *
exporter_parse_address(const char *text, bool allow_remote, GError **error)
{
    const char *colon = strrchr(text, ':');
    g_autofree char *host = NULL;
    g_autoptr(GInetAddress) address = NULL;
    size_t length;
    guint16 port;

    if (!colon || !parse_port(colon + 1, &port)) {
        g_set_error(error, EXPORTER_ERROR, EXPORTER_ERROR_ADDRESS,
                    "\"%s\" is no ADDRESS:PORT, as in " EXPORTER_DEFAULT_LISTEN,
                    text);
        return NULL;
    }
    host = g_strndup(text, (size_t)(colon - text));
    length = strlen(host);
    if (length >= 2 && host[0] == '[' && host[length - 1] == ']') {
        host[length - 1] = '\0';
        memmove(host, host + 1, length - 1);
    } else if (strchr(host, ':')) {
        g_set_error(error, EXPORTER_ERROR, EXPORTER_ERROR_ADDRESS,
                    "\"%s\": IPv6 addresses stand in brackets, [::1]:9177",
                    text);
        return NULL;
    }

    address = g_inet_address_new_from_string(
        strcmp(host, "localhost") == 0 ? "127.0.0.1" : host);
    if (!address) {
        g_set_error(error, EXPORTER_ERROR, EXPORTER_ERROR_ADDRESS,
                    "\"%s\" is neither localhost nor a numeric address", host);
        return NULL;
    }
    if (!allow_remote && !g_inet_address_get_is_loopback(address)) {
        g_set_error(error, EXPORTER_ERROR, EXPORTER_ERROR_ADDRESS,
                    "%s can be reached from other hosts, and anybody there "
                    "would see guests and hosts by name; add --allow-remote "
                    "if that is meant",
                    host);
        return NULL;
    }
    return G_INET_SOCKET_ADDRESS(g_inet_socket_address_new(address, port));
}

bool
exporter_options_parse(int argc, char **argv, ExporterOptions *options,
                       GError **error)
{
    g_autofree char *listen = NULL;
    g_autofree char *socket = NULL;
    gboolean allow_remote = FALSE, help = FALSE, version = FALSE;
    const GOptionEntry entries[] = {
        { "listen", 'l', 0, G_OPTION_ARG_STRING, &listen, NULL, NULL },
        { "allow-remote", 0, 0, G_OPTION_ARG_NONE, &allow_remote, NULL, NULL },
        { "socket", 's', 0, G_OPTION_ARG_FILENAME, &socket, NULL, NULL },
        { "help", 'h', 0, G_OPTION_ARG_NONE, &help, NULL, NULL },
        { "version", 0, 0, G_OPTION_ARG_NONE, &version, NULL, NULL },
        { NULL, 0, 0, 0, NULL, NULL, NULL },
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_autoptr(GError) cause = NULL;
    GInetSocketAddress *address;

    g_option_context_set_help_enabled(context, FALSE);
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &cause)) {
        g_set_error_literal(error, EXPORTER_ERROR, EXPORTER_ERROR_OPTION,
                            cause->message);
        return false;
    }
    if (argc > 1) {
        g_set_error(error, EXPORTER_ERROR, EXPORTER_ERROR_OPTION,
                    "\"%s\" is a word too many: there are only options",
                    argv[1]);
        return false;
    }
    if (help || version) {
        *options = (ExporterOptions){ .help = help, .version = version };
        return true;
    }
    address = exporter_parse_address(listen ? listen : EXPORTER_DEFAULT_LISTEN,
                                     allow_remote, error);
    if (!address) {
        g_prefix_error(error, "--listen: ");
        return false;
    }
    *options = (ExporterOptions){
        .address = address,
        .socket = g_steal_pointer(&socket),
    };
    return true;
}

void
exporter_options_clear(ExporterOptions *options)
{
    g_clear_object(&options->address);
    g_clear_pointer(&options->socket, g_free);
}
