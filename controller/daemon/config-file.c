/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * config-file.c - vmferry.conf from the disk
 *
 * Expressions of [protect] are compiled here and not in the pure part, by
 * libpcap. It would look up names of hosts, and with it all migrations would
 * wait at every reload and for every class: addresses have to be given.
 */
#include "daemon/config-priv.h"

#include <string.h>

#include "tc/expression.h"

static bool
check_expressions(const DaemonConfig *config, const char *file, GError **error)
{
    g_autoptr(GArray) mistakes = config_mistakes_new();

    for (guint i = 0; i < config->protects->len; i++) {
        const ConfigProtect *protect = g_ptr_array_index(config->protects, i);
        g_autofree char *name = expression_host_name(protect->match);
        g_autoptr(GError) local = NULL;
        g_autoptr(GArray) program = NULL;

        if (name) {
            config_mistake(mistakes, protect->line,
                           "[protect %s]: '%s' would have to be looked up; "
                           "give addresses of hosts and networks",
                           protect->name, name);
            continue;
        }
        program = expression_compile(protect->match, &local);
        if (!program) {
            config_mistake(mistakes, protect->line, "[protect %s]: %s",
                           protect->name, local->message);
        }
    }
    if (mistakes->len) {
        config_mistakes_error(mistakes, file, error);
        return false;
    }
    return true;
}

DaemonConfig *
daemon_config_load(const char *path, GError **error)
{
    const char *file = path ? path : DAEMON_CONFIG_PATH;
    g_autoptr(DaemonConfig) config = NULL;
    g_autoptr(GError) local = NULL;
    g_autofree char *text = NULL;
    gsize length = 0;

    if (!g_file_get_contents(file, &text, &length, &local)) {
        if (!path && g_error_matches(local, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
            return daemon_config_new();
        }
        g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_FILE, "configuration: %s",
                    local->message);
        return NULL;
    }
    config = daemon_config_parse(text, length, file, error);
    if (!config || !check_expressions(config, file, error)) {
        return NULL;
    }
    return g_steal_pointer(&config);
}
