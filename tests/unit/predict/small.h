/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * small.h - a made-up trace that can be worked out by hand
 *
 * The stream carries 1000 pages per second; each pass leaves 200 pages unsent.
 * Scored are passes 2, 3 and 6, with planned durations of 1.0, 0.5 and 0.3 s:
 *
 *     (1200 - 200) / 1000     (700 - 200) / 1000     (500 - 200) / 1000
 *
 * What was measured, 1.25, 0.4 and 0.2 s, must not enter.
 */
#ifndef TESTS_PREDICT_SMALL_H
#define TESTS_PREDICT_SMALL_H

#define HEADER                                                                 \
    "group,trace,iter,merged,pages_to_send,duration_s,dirty_pages,"            \
    "sent_bytes,bandwidth_bytes_s,mem_used,cpu_cores,vm_net_bytes_s,"          \
    "host_net_bytes_s,throttle,final\n"

static const char small_trace[] =
    HEADER "g,a,1,1,10000,10,1000,,4096000,,,,,,0\n"
           "g,a,2,1,1200,1.25,500,,4096000,,,,,,0\n"
           "g,a,3,1,700,0.4,400,,4096000,,,,,,0\n"
           "g,a,5,2,600,0.8,300,,4096000,,,,,,0\n"
           "g,a,6,1,500,0.2,120,,4096000,,,,,,0\n"
           "g,a,7,1,320,0.32,,,4096000,,,,,,1\n";

#endif
