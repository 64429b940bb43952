/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * capture.c - see capture.h
 */
#include "capture/capture.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "capture/capture-priv.h"

G_DEFINE_QUARK(vmferry_capture_error, capture_error)

/* A block of the ring is handed over when it is full or so old. */
#define BLOCK_MS 100

struct Capture {
    char *name;
    pcap_t *pcap;
    TrafficLink link;
    bool live, samples;
    int64_t sampled_since_us; /* frames before were not sampled */
    double file_bytes;        /* 0: not to be known */
    struct pcap_stat last;    /* its numbers have 32 bits and wrap */
    CaptureCounters counters;
};

/* What a dispatch hands on. */
typedef struct Hand {
    const Capture *capture;
    CaptureFrame frame;
    gpointer user;
} Hand;

static bool
find_link(int kind, TrafficLink *link)
{
    static const struct {
        int kind;
        TrafficLink link;
    } links[] = {
        { DLT_EN10MB, TRAFFIC_LINK_ETHERNET },
        { DLT_LINUX_SLL, TRAFFIC_LINK_SLL },
        { DLT_LINUX_SLL2, TRAFFIC_LINK_SLL2 },
        { DLT_RAW, TRAFFIC_LINK_RAW },
        { DLT_IPV4, TRAFFIC_LINK_RAW },
        { DLT_IPV6, TRAFFIC_LINK_RAW },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(links); i++) {
        if (links[i].kind == kind) {
            *link = links[i].link;
            return true;
        }
    }
    return false;
}

/* Takes over @pcap. */
static Capture *
capture_new(const char *name, pcap_t *pcap, GError **error)
{
    g_autoptr(Capture) capture = g_new0(Capture, 1);
    int kind = pcap_datalink(pcap);

    capture->name = g_strdup(name);
    capture->pcap = pcap;
    if (!find_link(kind, &capture->link)) {
        const char *kind_name = pcap_datalink_val_to_name(kind);

        g_set_error(error, CAPTURE_ERROR, CAPTURE_ERROR_LINK,
                    "%s: frames of kind %s (%d) are not understood; Ethernet, "
                    "Linux cooked and raw IP are",
                    name, kind_name ? kind_name : "unknown", kind);
        return NULL;
    }
    return g_steal_pointer(&capture);
}

static void
set_activation_error(const char *device, pcap_t *pcap, int status,
                     GError **error)
{
    const char *more = pcap_geterr(pcap);

    switch (status) {
    case PCAP_ERROR_PERM_DENIED:
    case PCAP_ERROR_PROMISC_PERM_DENIED:
        g_set_error(error, CAPTURE_ERROR, CAPTURE_ERROR_DENIED,
                    "capturing on %s takes CAP_NET_RAW: run this as root, or "
                    "as the service vmferry-traffic@%s",
                    device, device);
        break;
    case PCAP_ERROR_NO_SUCH_DEVICE:
        g_set_error(error, CAPTURE_ERROR, CAPTURE_ERROR_DEVICE,
                    "there is no device %s in this network namespace; "
                    "\"ip link\" lists those that there are",
                    device);
        break;
    case PCAP_ERROR_IFACE_NOT_UP:
        g_set_error(error, CAPTURE_ERROR, CAPTURE_ERROR_DEVICE,
                    "device %s is down: \"ip link set dev %s up\"", device,
                    device);
        break;
    default:
        g_set_error(error, CAPTURE_ERROR, CAPTURE_ERROR_FAILED,
                    "capturing on %s: %s%s%s", device, pcap_statustostr(status),
                    *more ? ": " : "", more);
    }
}

static bool
set_direction(Capture *capture, CaptureDirection direction, GError **error)
{
    if (direction != CAPTURE_BOTH_WAYS &&
        pcap_setdirection(capture->pcap,
                          direction == CAPTURE_IN ? PCAP_D_IN : PCAP_D_OUT) !=
            0) {
        g_set_error(error, CAPTURE_ERROR, CAPTURE_ERROR_FAILED,
                    "%s: capturing one way only: %s", capture->name,
                    pcap_geterr(capture->pcap));
        return false;
    }
    return true;
}

Capture *
capture_live(const CaptureSpec *spec, GError **error)
{
    g_autoptr(Capture) capture = NULL;
    char reason[PCAP_ERRBUF_SIZE] = "";
    size_t ring =
        spec->ring_bytes ? spec->ring_bytes : CAPTURE_DEFAULT_RING_BYTES;
    pcap_t *pcap = pcap_create(spec->device, reason);
    int status;

    if (!pcap) {
        g_set_error(error, CAPTURE_ERROR, CAPTURE_ERROR_FAILED,
                    "capturing on %s: %s", spec->device, reason);
        return NULL;
    }
    pcap_set_snaplen(pcap, TRAFFIC_SNAP_BYTES);
    pcap_set_promisc(pcap, 1);
    pcap_set_timeout(pcap, BLOCK_MS);
    pcap_set_buffer_size(pcap, (int)MIN(ring, (size_t)INT32_MAX));
    status = pcap_activate(pcap);
    if (status < 0) {
        set_activation_error(spec->device, pcap, status, error);
        pcap_close(pcap);
        return NULL;
    }
    capture = capture_new(spec->device, pcap, error);
    if (!capture || !set_direction(capture, spec->direction, error)) {
        return NULL;
    }
    capture->live = true;
    if (!capture_filter_set(pcap, spec->filter, error)) {
        g_prefix_error(error, "%s: ", spec->device);
        return NULL;
    }
    if (pcap_setnonblock(pcap, 1, reason) != 0) {
        g_set_error(error, CAPTURE_ERROR, CAPTURE_ERROR_FAILED,
                    "capturing on %s: %s", spec->device, reason);
        return NULL;
    }
    if (spec->sampled_1_in > 1) {
        capture->samples =
            capture_filter_sample(pcap, spec->filter, spec->sampled_1_in);
        capture->sampled_since_us = capture->samples ? clock_wall_us() : 0;
    }
    return g_steal_pointer(&capture);
}

Capture *
capture_file(const char *path, const char *filter, GError **error)
{
    g_autoptr(Capture) capture = NULL;
    char reason[PCAP_ERRBUF_SIZE] = "";
    struct stat status;
    pcap_t *pcap = pcap_open_offline(path, reason);

    if (!pcap) {
        g_autofree char *valid = g_utf8_make_valid(reason, -1);

        /* libpcap names the file where open() failed, and only there */
        g_set_error(error, CAPTURE_ERROR, CAPTURE_ERROR_FILE, "%s%s%s",
                    g_str_has_prefix(valid, path) ? "" : path,
                    g_str_has_prefix(valid, path) ? "" : ": ", valid);
        return NULL;
    }
    capture = capture_new(path, pcap, error);
    if (!capture) {
        return NULL;
    }
    if (filter && !capture_filter_set(pcap, filter, error)) {
        g_prefix_error(error, "%s: ", path);
        return NULL;
    }
    if (fstat(fileno(pcap_file(pcap)), &status) == 0 &&
        S_ISREG(status.st_mode)) {
        capture->file_bytes = (double)status.st_size;
    }
    return g_steal_pointer(&capture);
}

void
capture_free(Capture *capture)
{
    if (capture) {
        if (capture->pcap) {
            pcap_close(capture->pcap);
        }
        g_free(capture->name);
        g_free(capture);
    }
}

TrafficLink
capture_link(const Capture *capture)
{
    return capture->link;
}

int
capture_fd(const Capture *capture)
{
    return capture->live ? pcap_get_selectable_fd(capture->pcap)
                         : fileno(pcap_file(capture->pcap));
}

bool
capture_samples(const Capture *capture)
{
    return capture->samples;
}

static void
hand_over(u_char *user, const struct pcap_pkthdr *header, const u_char *data)
{
    const Hand *hand = (const Hand *)(const void *)user;
    int64_t at_us =
        (int64_t)header->ts.tv_sec * 1000000 + (int64_t)header->ts.tv_usec;

    if (at_us < hand->capture->sampled_since_us) {
        return;
    }
    hand->frame(data, header->caplen, MAX(header->len, header->caplen), at_us,
                hand->user);
}

int
capture_dispatch(Capture *capture, int most, CaptureFrame frame, gpointer user,
                 GError **error)
{
    Hand hand = { capture, frame, user };
    int n = pcap_dispatch(capture->pcap, most, hand_over, (u_char *)&hand);

    if (n >= 0) {
        return n;
    }
    g_set_error(error, CAPTURE_ERROR,
                capture->live ? CAPTURE_ERROR_DEVICE : CAPTURE_ERROR_FILE,
                "%s: %s", capture->name, pcap_geterr(capture->pcap));
    return -1;
}

bool
capture_counters(Capture *capture, CaptureCounters *counters, GError **error)
{
    struct pcap_stat stat = { 0 };

    g_assert(capture->live);
    if (pcap_stats(capture->pcap, &stat) != 0) {
        g_set_error(error, CAPTURE_ERROR, CAPTURE_ERROR_FAILED,
                    "%s: reading its counters: %s", capture->name,
                    pcap_geterr(capture->pcap));
        return false;
    }
    capture->counters.received += stat.ps_recv - capture->last.ps_recv;
    capture->counters.dropped += stat.ps_drop - capture->last.ps_drop;
    capture->counters.interface_dropped +=
        stat.ps_ifdrop - capture->last.ps_ifdrop;
    capture->last = stat;
    *counters = capture->counters;
    return true;
}

double
capture_share(const Capture *capture)
{
    long at = capture->live ? -1 : ftell(pcap_file(capture->pcap));

    return at >= 0 && capture->file_bytes > 0
               ? MIN((double)at / capture->file_bytes, 1.0)
               : -1;
}
