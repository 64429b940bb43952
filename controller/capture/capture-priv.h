/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * capture-priv.h - the kernel's filter
 */
#ifndef CAPTURE_PRIV_H
#define CAPTURE_PRIV_H

#include <pcap/pcap.h>

#include "capture/capture.h"

/**
 * capture_filter_set() - Compile and set a filter; cuts frames off as well
 * @expression: NULL: all frames
 */
bool capture_filter_set(pcap_t *pcap, const char *expression, GError **error);

/**
 * capture_filter_sample() - Let the kernel take one in so many of what passes
 *
 * Return: false if it cannot; the filter is as it was then
 */
bool capture_filter_sample(pcap_t *pcap, const char *expression,
                           uint32_t one_in);

#endif
