/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hold DEV [stubborn] - hold a reservation on an interface
 *
 * Says "ready" when it stands. Gives it back and ends when vmferry is disabled,
 * as the daemon does; "stubborn" it neither hears nor sees.
 */
#include <stdio.h>
#include <string.h>

#include "daemon/disabled.h"
#include "tc/reservation.h"

static void
on_switch(bool disabled, const char *why, gpointer user)
{
    g_main_loop_quit(user);
}

int
main(int argc, char **argv)
{
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    g_autoptr(GError) error = NULL;
    Disabled *disabled = NULL;
    Reservation *reservation;
    Link link = { 0 };
    ReservationSpec spec = { .link = &link,
                             .name = "vm-a",
                             .uuid = "6695eb01-f6a4-8304-79aa-97f2502e193f" };

    if (argc < 2 ||
        !link_resolve("10.9.0.2", argv[1], 6250000, &link, &error)) {
        printf("%s\n", error ? error->message : "usage: hold DEV [stubborn]");
        return 1;
    }
    reservation = reservation_open(&spec, &error);
    if (!reservation) {
        printf("%s\n", error->message);
        return 1;
    }
    if (argc < 3 || strcmp(argv[2], "stubborn") != 0) {
        disabled = disabled_watch(NULL, NULL, on_switch, loop);
    }
    puts("ready");
    fflush(stdout);
    g_main_loop_run(loop);
    disabled_free(disabled);
    return reservation_close(reservation, NULL) ? 0 : 1;
}
