/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * recorded.h - a guest that goes through a recorded migration again
 */
#ifndef FAKES_LIBVIRT_RECORDED_H
#define FAKES_LIBVIRT_RECORDED_H

#include <stddef.h>

#include "host.h"

/** fake_migrate_recorded() - Each pass of @guest's trace in its own time, with
 * its own bytes over @fd; one that was given up then is given up again
 * Return: whether it got there */
bool fake_migrate_recorded(Guest *guest, int fd, double *downtime_ms);

/** fake_send_all() - Return: false if the other end is gone */
bool fake_send_all(int fd, const char *bytes, size_t n);

#endif
