/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * capture.h - frames off a device or out of a file, by libpcap
 *
 * Of a device only the first TRAFFIC_SNAP_BYTES of each frame that the filter
 * lets pass are copied, by the kernel, into a ring that is mapped here. What
 * does not fit there is dropped and counted. CAP_NET_RAW is enough for it.
 *
 * A capture belongs to one thread. Frames lent to a callback live until it
 * returns.
 */
#ifndef CAPTURE_H
#define CAPTURE_H

#include <glib.h>

#include "traffic/frame.h"

#define CAPTURE_ERROR (capture_error_quark())
GQuark capture_error_quark(void);
typedef enum {
    CAPTURE_ERROR_DENIED, /* no CAP_NET_RAW */
    CAPTURE_ERROR_DEVICE, /* no such device, or it is down, or gone */
    CAPTURE_ERROR_FILTER, /* the expression is not understood */
    CAPTURE_ERROR_LINK,   /* frames of a kind that is not understood */
    CAPTURE_ERROR_FILE,   /* cannot be opened, is none, or is damaged */
    CAPTURE_ERROR_FAILED, /* anything else */
} CaptureError;

#define CAPTURE_DEFAULT_RING_BYTES (16u << 20)

typedef enum {
    CAPTURE_BOTH_WAYS,
    CAPTURE_IN,  /* what the device received */
    CAPTURE_OUT, /* what it sent */
} CaptureDirection;

typedef struct CaptureSpec {
    const char *device;
    const char *filter; /* as for tcpdump; NULL: all */
    CaptureDirection direction;
    size_t ring_bytes;     /* 0: CAPTURE_DEFAULT_RING_BYTES */
    uint32_t sampled_1_in; /* by the kernel, at random; 0, 1: all */
} CaptureSpec;

typedef struct Capture Capture;

/**
 * capture_live() - Begin to capture; promiscuous, never waits
 *
 * Return: capture_free() it; NULL with an error that names the device and the
 * remedy
 */
Capture *capture_live(const CaptureSpec *spec, GError **error);

/**
 * capture_file() - A file in pcap or pcapng form, "-" is standard input
 * @filter: As for tcpdump; NULL: all
 */
Capture *capture_file(const char *path, const char *filter, GError **error);

void capture_free(Capture *capture);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Capture, capture_free)

/** capture_link() - What its frames begin with */
TrafficLink capture_link(const Capture *capture);

/** capture_fd() - Of a device: to wait on until there are frames; of a file:
 * what it is read from */
int capture_fd(const Capture *capture);

/** capture_samples() - Does the kernel leave out what sampled_1_in says? If it
 * cannot, the caller has to */
bool capture_samples(const Capture *capture);

/* @data: the first @length of @wire_bytes bytes; @at_us: wall clock */
typedef void (*CaptureFrame)(const uint8_t *data, size_t length,
                             uint32_t wire_bytes, int64_t at_us, gpointer user);

/**
 * capture_dispatch() - Hand over frames
 * @most: So many at most; of a device a little more is possible
 *
 * Return: how many there were, 0 if there are none (yet, of a device), -1 with
 * an error
 */
int capture_dispatch(Capture *capture, int most, CaptureFrame frame,
                     gpointer user, GError **error);

typedef struct CaptureCounters {
    uint64_t received; /* that passed the filter, dropped ones included */
    uint64_t dropped;  /* the ring was full */
    uint64_t interface_dropped;
} CaptureCounters;

/**
 * capture_counters() - Since the beginning; of a device only
 *
 * To be asked at least once in 4 billion frames: the kernel's wrap there.
 */
bool capture_counters(Capture *capture, CaptureCounters *counters,
                      GError **error);

/** capture_share() - How much of a file is read, 0 to 1; -1: not to be known */
double capture_share(const Capture *capture);

#endif
