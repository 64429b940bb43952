/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * shaper-match.h - what belongs into a class, for either kernel classifier
 *
 * Every match is a pcap expression, which cls_bpf runs as a program. A kernel
 * without cls_bpf gets the same matches as u32 keys, as far as they can be said
 * that way: streams, MAC addresses and the control traffic, not a free
 * expression.
 *
 * Frames are seen as the qdisc sees them, from the Ethernet header on. A frame
 * that carries a VLAN tag inside (tagged by the guest, or by a VLAN device
 * whose NIC cannot tag) is matched by neither; it goes where "not IP" goes.
 *
 * A filter is told from others by its key, a fingerprint of the match. The
 * kernel forgets the name that a classic cls_bpf program is given, but not the
 * handle, and lets us choose it: 0x76 marks the filter as ours, the other 24
 * bits are a hash of class and expression. A u32 filter is known by a hash of its
 * selectors.
 */
#ifndef TC_SHAPER_MATCH_H
#define TC_SHAPER_MATCH_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "tc/reservation.h"

typedef enum { SHAPER_CLASSIFIER_BPF, SHAPER_CLASSIFIER_U32 } ShaperClassifier;

/* Which filter speaks first. A stream is matched exactly, so it may; what the
 * user protects goes before what we guess. */
enum {
    SHAPER_PREF_STREAM = 1,
    SHAPER_PREF_PROTECTED = 2,
    SHAPER_PREF_APPLICATION = 3,
    SHAPER_PREF_CONTROL = 4, /* with u32 three in a row */
    SHAPER_PREF_LAST = 6,
};

typedef struct ShaperU32Key {
    uint32_t value; /* host byte order here, network order in the kernel */
    uint32_t mask;
    int32_t offset; /* bytes from the network header, negative: before it */
} ShaperU32Key;

#define SHAPER_U32_KEYS_MAX 16

typedef struct ShaperFilter {
    uint32_t class_id;
    uint16_t pref;
    uint32_t handle; /* u32: the kernel's, of a filter that is present */
    ShaperClassifier classifier;
    char key[32];
    char *expression; /* cls_bpf, wanted */
    ShaperU32Key keys[SHAPER_U32_KEYS_MAX];
    unsigned n_keys;
} ShaperFilter;

/** shaper_filter_clear() - Free what the filter owns */
void shaper_filter_clear(ShaperFilter *filter);

/** shaper_filters_new() - An array that clears its filters */
GArray *shaper_filters_new(void);

/** shaper_filter_copy() - Append a copy of @filter to @filters */
void shaper_filter_copy(GArray *filters, const ShaperFilter *filter);

#define SHAPER_BPF_HANDLE 0x76000000u

/** shaper_filter_seal_bpf() - Set the key from the handle, if that is ours */
void shaper_filter_seal_bpf(ShaperFilter *filter);

/** shaper_filter_seal_u32() - Set the key from the selectors */
void shaper_filter_seal_u32(ShaperFilter *filter);

/* Each appends the filters of one match to @filters. */
bool shaper_match_stream(GArray *filters, ShaperClassifier classifier,
                         uint32_t class_id, const StreamMatch *match,
                         GError **error);
bool shaper_match_expression(GArray *filters, ShaperClassifier classifier,
                             uint32_t class_id, const char *expression,
                             GError **error);
bool shaper_match_mac(GArray *filters, ShaperClassifier classifier,
                      uint32_t class_id, const char *mac, GError **error);
void shaper_match_control(GArray *filters, ShaperClassifier classifier,
                          uint32_t control_id, uint32_t rest_id);

#endif
