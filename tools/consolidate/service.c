/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * service.c - see service.h
 *
 * Our sections are cut out of the text, line by line, so that the lines of the
 * others keep their numbers in messages.
 */
#include "tools/consolidate/service.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

typedef enum {
    VALUE_PATH,
    VALUE_PATHS,
    VALUE_SECONDS,
    VALUE_COUNT,
    VALUE_YES
} ValueKind;

typedef struct Key {
    const char *name;
    ValueKind kind;
    size_t at;
    double least, most;
} Key;

static const Key service_keys[] = {
    { "state", VALUE_PATH, offsetof(Service, state), 0, 0 },
    { "socket", VALUE_PATH, offsetof(Service, socket), 0, 0 },
    { "workers", VALUE_COUNT, offsetof(Service, workers), 1, 256 },
    { "patience", VALUE_SECONDS, offsetof(Service, patience_s), 0.1, 3600 },
    { "keep", VALUE_SECONDS, offsetof(Service, keep_s), 60, 3.2e9 },
    { "keep-samples", VALUE_SECONDS, offsetof(Service, keep_samples_s), 60,
      3.2e9 },
    { "sample", VALUE_SECONDS, offsetof(Service, sample_s), 0, 3600 },
    { "count-writes", VALUE_SECONDS, offsetof(Service, writes_s), 0, 864000 },
    { "command-time", VALUE_SECONDS, offsetof(Service, command_s), 1, 86400 },
    { "traffic", VALUE_PATHS, offsetof(Service, traffic), 0, 0 },
    { "compression", VALUE_YES, offsetof(Service, compresses), 0, 0 },
};

static void
reach_free(gpointer data)
{
    ServiceReach *reach = data;

    g_free(reach->name);
    g_free(reach->migrate_to);
    g_free(reach->vmferryd);
    g_free(reach->traffic);
    g_free(reach);
}

static Service *
service_new(void)
{
    Service *service = g_new0(Service, 1);

    service->state = g_strdup(SERVICE_DEFAULT_STATE);
    service->socket = g_strdup(SERVICE_DEFAULT_SOCKET);
    service->workers = 8;
    service->patience_s = 10;
    service->keep_s = 90 * 86400.0;
    service->keep_samples_s = 2 * 86400.0;
    service->sample_s = 2;
    service->command_s = 120;
    service->writes_s = 600;
    service->compresses = true;
    service->traffic = g_new0(char *, 1);
    service->reaches = g_ptr_array_new_with_free_func(reach_free);
    return service;
}

void
service_free(Service *service)
{
    if (!service) {
        return;
    }
    g_free(service->state);
    g_free(service->socket);
    g_strfreev(service->traffic);
    g_ptr_array_unref(service->reaches);
    g_free(service);
}

static bool G_GNUC_PRINTF(4, 5) refuse(GError **error, const char *name,
                                       unsigned line, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(error, CONS_ERROR, CONS_ERROR_SETTING, "%s:%u: %s", name, line,
                text);
    return false;
}

/* "90", "90s", "15min", "2h", "7d" */
static bool
read_seconds(const char *text, double *seconds)
{
    static const struct {
        const char *unit;
        double s;
    } units[] = { { "", 1 },   { "s", 1 },    { "ms", 0.001 }, { "min", 60 },
                  { "m", 60 }, { "h", 3600 }, { "d", 86400 } };
    char *end;
    double value = g_ascii_strtod(text, &end);

    if (end == text || !isfinite(value)) {
        return false;
    }
    g_strchug(end);
    for (size_t i = 0; i < G_N_ELEMENTS(units); i++) {
        if (!strcmp(end, units[i].unit)) {
            *seconds = value * units[i].s;
            return true;
        }
    }
    return false;
}

static bool
take_paths(char *value, char ***paths)
{
    g_auto(GStrv) words = g_strsplit(value, ";", -1);
    GPtrArray *kept = g_ptr_array_new();

    for (size_t i = 0; words[i]; i++) {
        if (*g_strstrip(words[i])) {
            g_ptr_array_add(kept, g_strdup(words[i]));
        }
    }
    g_ptr_array_add(kept, NULL);
    g_strfreev(*paths);
    *paths = (char **)g_ptr_array_free(kept, FALSE);
    for (size_t i = 0; (*paths)[i]; i++) {
        if ((*paths)[i][0] != '/') {
            return false;
        }
    }
    return true;
}

static bool
take_value(Service *service, const Key *key, char *value, const char *name,
           unsigned line, GError **error)
{
    void *at = (char *)service + key->at;
    double number;
    guint64 count;

    switch (key->kind) {
    case VALUE_PATH:
        if (value[0] != '/') {
            return refuse(error, name, line,
                          "'%s' is a path from the root on, \"/...\"",
                          key->name);
        }
        g_free(*(char **)at);
        *(char **)at = g_strdup(value);
        return true;
    case VALUE_PATHS:
        return take_paths(value, at) ||
               refuse(error, name, line,
                      "'%s' is a list of paths from the root on, with \";\" "
                      "between them",
                      key->name);
    case VALUE_SECONDS:
        if (!read_seconds(value, &number) || number < key->least ||
            number > key->most) {
            return refuse(error, name, line,
                          "'%s' is a time, as in 10s, 15min or 7d", key->name);
        }
        *(double *)at = number;
        return true;
    case VALUE_YES:
        if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0) {
            return refuse(error, name, line, "'%s' is yes or no", key->name);
        }
        *(bool *)at = value[0] == 'y';
        return true;
    case VALUE_COUNT:
    default:
        if (!g_ascii_string_to_unsigned(value, 10, (guint64)key->least,
                                        (guint64)key->most, &count, NULL)) {
            return refuse(error, name, line,
                          "'%s' is a number from %.0f to %.0f", key->name,
                          key->least, key->most);
        }
        *(unsigned *)at = (unsigned)count;
        return true;
    }
}

static bool
take_service(Service *service, const char *word, char *value, const char *name,
             unsigned line, GError **error)
{
    for (size_t i = 0; i < G_N_ELEMENTS(service_keys); i++) {
        if (!strcmp(word, service_keys[i].name)) {
            return take_value(service, &service_keys[i], value, name, line,
                              error);
        }
    }
    return refuse(error, name, line,
                  "[service] has no '%s'; it has state, socket, workers, "
                  "patience, keep, keep-samples, sample, count-writes, "
                  "command-time, traffic, compression",
                  word);
}

static bool
take_reach(ServiceReach *reach, const char *word, const char *value,
           const char *name, unsigned line, GError **error)
{
    if (!strcmp(word, "migrate-to")) {
        g_free(reach->migrate_to);
        reach->migrate_to = g_strdup(value);
        return true;
    }
    if (!strcmp(word, "vmferryd")) {
        g_free(reach->vmferryd);
        reach->vmferryd = g_strdup(value);
        return value[0] == '/' ||
               refuse(error, name, line, "'vmferryd' is the path of a socket");
    }
    if (!strcmp(word, "traffic")) {
        g_auto(GStrv) words = NULL;
        g_autoptr(GError) cause = NULL;

        if (!g_shell_parse_argv(value, NULL, &words, &cause)) {
            return refuse(error, name, line, "'traffic' is a command: %s",
                          cause->message);
        }
        g_free(reach->traffic);
        reach->traffic = g_strdup(value);
        return true;
    }
    return refuse(error, name, line,
                  "[reach] has no '%s'; it has migrate-to, vmferryd, traffic",
                  word);
}

/* Where the lines belong. */
typedef enum { PLACE_OTHER, PLACE_SERVICE, PLACE_REACH } Place;

typedef struct Reading {
    Service *service;
    const char *name;
    Place place;
    ServiceReach *reach;
} Reading;

static bool
enter_section(Reading *reading, char *inside, unsigned line, GError **error)
{
    reading->place = PLACE_OTHER;
    g_strstrip(inside);
    if (!strcmp(inside, "service")) {
        reading->place = PLACE_SERVICE;
    } else if (g_str_has_prefix(inside, "reach ")) {
        const char *host = g_strchug(inside + strlen("reach "));

        if (service_reach(reading->service, host)) {
            return refuse(error, reading->name, line,
                          "[reach %s] is there twice", host);
        }
        reading->place = PLACE_REACH;
        reading->reach = g_new0(ServiceReach, 1);
        reading->reach->name = g_strdup(host);
        reading->reach->line = line;
        g_ptr_array_add(reading->service->reaches, reading->reach);
    }
    return true;
}

/* @line is emptied if it is ours. */
static bool
read_line(Reading *reading, char *line, unsigned number, GError **error)
{
    g_autofree char *copy = g_strstrip(g_strdup(line));
    size_t length = strlen(copy);
    char *equals;

    if (copy[0] == '[' && copy[length - 1] == ']') {
        copy[length - 1] = '\0';
        if (!enter_section(reading, copy + 1, number, error)) {
            return false;
        }
        if (reading->place != PLACE_OTHER) {
            *line = '\0';
        }
        return true;
    }
    if (reading->place == PLACE_OTHER) {
        return true;
    }
    *line = '\0';
    if (!copy[0] || copy[0] == '#' || copy[0] == ';') {
        return true;
    }
    equals = strchr(copy, '=');
    if (!equals) {
        return refuse(error, reading->name, number, "no \"key = value\"");
    }
    *equals = '\0';
    g_strstrip(copy);
    return reading->place == PLACE_SERVICE
               ? take_service(reading->service, copy, g_strstrip(equals + 1),
                              reading->name, number, error)
               : take_reach(reading->reach, copy, g_strstrip(equals + 1),
                            reading->name, number, error);
}

static bool
check_reaches(const Service *service, const ConsSettings *settings,
              const char *name, GError **error)
{
    for (guint i = 0; i < service->reaches->len; i++) {
        const ServiceReach *reach = service->reaches->pdata[i];

        if (!cons_settings_host(settings, reach->name)) {
            return refuse(error, name, reach->line,
                          "there is no [host %s] for this [reach]",
                          reach->name);
        }
    }
    return true;
}

Service *
service_parse(const char *text, const char *name, ConsSettings **settings,
              GError **error)
{
    g_autoptr(Service) service = service_new();
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_autofree char *rest = NULL;
    g_autoptr(ConsSettings) others = NULL;
    Reading reading = { .service = service, .name = name };

    for (unsigned i = 0; lines[i]; i++) {
        if (!read_line(&reading, lines[i], i + 1, error)) {
            return NULL;
        }
    }
    rest = g_strjoinv("\n", lines);
    others = cons_settings_parse(rest, name, error);
    if (!others || !check_reaches(service, others, name, error)) {
        return NULL;
    }
    *settings = g_steal_pointer(&others);
    return g_steal_pointer(&service);
}

Service *
service_load(const char *path, ConsSettings **settings, GError **error)
{
    g_autofree char *text = NULL;
    gsize length;

    if (!g_file_get_contents(path, &text, &length, error)) {
        g_prefix_error(error, "reading the configuration: ");
        return NULL;
    }
    if (!g_utf8_validate(text, (gssize)length, NULL)) {
        g_set_error(error, CONS_ERROR, CONS_ERROR_SYNTAX, "%s: no UTF-8", path);
        return NULL;
    }
    return service_parse(text, path, settings, error);
}

const ServiceReach *
service_reach(const Service *service, const char *host)
{
    for (guint i = 0; i < service->reaches->len; i++) {
        const ServiceReach *reach = service->reaches->pdata[i];

        if (!strcmp(reach->name, host)) {
            return reach;
        }
    }
    return NULL;
}

char *
service_path(const Service *service, const char *file)
{
    return g_build_filename(service->state, file, NULL);
}
