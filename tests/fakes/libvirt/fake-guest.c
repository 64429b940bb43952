/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fake-guest.c - one guest, in a process whose command line holds its UUID, as
 * QEMU's does; with VMFERRY_FAKE_STAYS it lives on if it has not left
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "host.h"

int
main(int argc, char **argv)
{
    Guest *guest;

    if (argc != 4) {
        fprintf(stderr, "usage: fake-guest FILE NUMBER UUID\n");
        return 2;
    }
    fake_host_open(argv[1]);
    guest = &fake_host->guests[atoi(argv[2]) - 1];
    fake_guest_live(guest);
    while (guest->where == STAYS && getenv("VMFERRY_FAKE_STAYS")) {
        pause();
    }
    return 0;
}
