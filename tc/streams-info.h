/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * streams-info.h - reading tcp_info; the inside of streams.c
 */
#ifndef TC_STREAMS_INFO_H
#define TC_STREAMS_INFO_H

#include "tc/streams.h"

/** stream_take_info() - Counters out of the kernel's struct tcp_info, of which
 * an older kernel sends less: what is missing is 0 */
void stream_take_info(StreamInfo *stream, const void *data, size_t length);

#endif
