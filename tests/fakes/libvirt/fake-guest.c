/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fake-guest.c - one guest, in a process whose command line holds its UUID, as
 * QEMU's does
 */
#include <stdio.h>
#include <stdlib.h>

#include "host.h"

int
main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: fake-guest FILE NUMBER UUID\n");
        return 2;
    }
    fake_host_open(argv[1]);
    fake_guest_live(&fake_host->guests[atoi(argv[2]) - 1]);
    return 0;
}
