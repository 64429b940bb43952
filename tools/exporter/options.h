/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * options.h - the command line of vmferry-exporter
 */
#ifndef EXPORTER_OPTIONS_H
#define EXPORTER_OPTIONS_H

#include <gio/gio.h>
#include <glib.h>
#include <stdbool.h>

#define EXPORTER_DEFAULT_LISTEN "127.0.0.1:9177"

#define EXPORTER_ERROR (exporter_error_quark())
GQuark exporter_error_quark(void);
typedef enum {
    EXPORTER_ERROR_ADDRESS, /* no address, or one that others can reach */
    EXPORTER_ERROR_OPTION,  /* not an option, a word too many */
    EXPORTER_ERROR_LISTEN,  /* the port cannot be had */
} ExporterError;

/**
 * exporter_parse_address() - Read where to listen
 * @text: "127.0.0.1:9177", "[::1]:9177" or "localhost:9177"; port 0 lets the
 *        kernel choose. No other names: they would have to be looked up
 * @allow_remote: Also addresses that other hosts can reach
 *
 * Return: g_object_unref() it; NULL with EXPORTER_ERROR_ADDRESS
 */
GInetSocketAddress *exporter_parse_address(const char *text, bool allow_remote,
                                           GError **error);

typedef struct ExporterOptions {
    GInetSocketAddress *address; /* owned */
    char *socket;                /* of vmferryd, owned; NULL: the usual one */
    bool help, version;          /* print that and exit; the rest is unset */
} ExporterOptions;

/**
 * exporter_options_parse() - Read the command line
 * @options: Filled in on success; exporter_options_clear() it
 */
bool exporter_options_parse(int argc, char **argv, ExporterOptions *options,
                            GError **error);
void exporter_options_clear(ExporterOptions *options);

extern const char exporter_usage[];

#endif
