/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * own-values.c - values of vmferry's own options
 */
#include "tools/cli/own-values.h"

#include <net/if.h>
#include <string.h>

#include "base/units.h"

G_DEFINE_QUARK(vmferry_own_value_error, own_value_error)

bool
own_number_parse(const char *text, const char *name, double least, double most,
                 const char *unit, double *value, GError **error)
{
    char *end = NULL;
    double number = g_ascii_strtod(text, &end);

    /* Only digits and a point: "inf", "0x10" and "1e3" are not for people. */
    if (text[strspn(text, "0123456789.")] != '\0' || end == text || *end ||
        number < least || number > most) {
        g_set_error(error, OWN_VALUE_ERROR, OWN_VALUE_ERROR_VALUE,
                    "'%s' is no value for --%s: give a number from %g to "
                    "%.0f%s%s",
                    text, name, least, most, *unit ? " " : "", unit);
        return false;
    }
    *value = number;
    return true;
}

bool
own_number(const Cmdline *cmdline, const char *name, double least, double most,
           const char *unit, Known *value, GError **error)
{
    const char *text = NULL;
    double number;

    if (!cmdline_string(cmdline, name, &text, error)) {
        return false;
    }
    if (!text) {
        return true;
    }
    if (!own_number_parse(text, name, least, most, unit, &number, error)) {
        return false;
    }
    *value = known(number);
    return true;
}

bool
own_link(const Cmdline *cmdline, char **device, uint64_t *rate_bytes_s,
         GError **error)
{
    const char *text = NULL;
    const char *equals;
    g_autofree char *name = NULL;

    if (!cmdline_string(cmdline, "link", &text, error)) {
        return false;
    }
    if (!text) {
        return true;
    }
    equals = strchr(text, '=');
    name = equals ? g_strndup(text, (size_t)(equals - text)) : g_strdup(text);
    if (name[0] == '\0' || strlen(name) >= IFNAMSIZ ||
        strpbrk(name, "/ \t\n")) {
        g_set_error(error, OWN_VALUE_ERROR, OWN_VALUE_ERROR_VALUE,
                    "'%s' is no name of an interface; write --link "
                    "DEV[=RATE], for example --link eth1=1gbit",
                    name);
        return false;
    }
    if (equals && !units_parse_rate(equals + 1, rate_bytes_s, error)) {
        g_prefix_error(error, "--link %s: ", name);
        return false;
    }
    *device = g_steal_pointer(&name);
    return true;
}
