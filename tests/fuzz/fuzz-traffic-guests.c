/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz-traffic-guests.c - a file that says who is who
 *
 * What is taken can be taken again and changes nothing; what is refused names
 * its line. Names can be printed.
 */
#include "fuzz.h"

#include <glib.h>
#include <string.h>

#include "traffic/guests.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    g_autoptr(TrafficGuests) guests = traffic_guests_new(24, 64);
    g_autoptr(GError) error = NULL;
    size_t n;

    if (!traffic_guests_parse(guests, text, size, &error)) {
        FUZZ_CHECK(error && error->domain == TRAFFIC_ERROR);
        FUZZ_CHECK(g_utf8_validate(error->message, -1, NULL));
        FUZZ_CHECK(memchr(text, '\0', size) ||
                   g_str_has_prefix(error->message, "line "));
        return 0;
    }
    FUZZ_CHECK(!error);
    n = traffic_guests_count(guests);
    FUZZ_CHECK(traffic_guests_parse(guests, text, size, &error));
    FUZZ_CHECK(traffic_guests_count(guests) == n);
    for (size_t i = 0; i < n; i++) {
        const char *name = traffic_guests_name(guests, i);

        FUZZ_CHECK(*name && g_utf8_validate(name, -1, NULL));
    }
    return 0;
}
