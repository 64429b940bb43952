/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * guest-dirty-priv.h - the pure parts of sampling, for their tests
 */
#ifndef VIRT_GUEST_DIRTY_PRIV_H
#define VIRT_GUEST_DIRTY_PRIV_H

#include "base/json.h"
#include "virt/guest-dirty.h"
#include "virt/virt-priv.h"

/** virt_version_number() - "7.2.22" is 702; 0: not told */
unsigned virt_version_number(const char *version);

/** virt_dirty_command() - calc-dirty-rate for a window; g_free() it
 * @inside_ms: Windows within it, for a patched QEMU; NULL if @n_inside is 0 */
char *virt_dirty_command(unsigned window_ms, const unsigned *inside_ms,
                         size_t n_inside);

/* One of the windows of a patched QEMU. */
typedef struct VirtDirtyWindow {
    double window_s; /* when it really looked */
    double pages, dirty_samples, samples;
} VirtDirtyWindow;

typedef struct VirtDirtyAnswer {
    bool measured;
    int64_t mib_s; /* if measured */
    VirtDirtyWindow windows[VIRT_DIRTY_MOST_WINDOWS + 1];
    size_t n_windows; /* 0: it was not asked for any */
} VirtDirtyAnswer;

/** virt_dirty_reply_read() - QEMU's answer to query-dirty-rate */
bool virt_dirty_reply_read(const char *reply, VirtDirtyAnswer *answer,
                           GError **error);

void virt_dirty_sample_of(int64_t mib_s, unsigned window_ms,
                          uint64_t memory_bytes, bool monitor,
                          VirtDirtySample *sample);

void virt_dirty_sample_of_window(const VirtDirtyWindow *window,
                                 uint64_t memory_bytes,
                                 VirtDirtySample *sample);

/** virt_schema_takes() - Does a command know an argument?
 * @schema: What query-qmp-schema returned */
bool virt_schema_takes(JsonObject *schema, const char *command,
                       const char *argument);

/* Where a guest's RAM lies in its physical addresses. */
typedef struct VirtRegion {
    uint64_t start, length;
} VirtRegion;

/** virt_memory_regions() - Return: how many, 0: not known */
size_t virt_memory_regions(const char *arch, const char *machine,
                           uint64_t memory_bytes, VirtRegion regions[2]);

/** virt_memory_stride() - A step through @n parts that visits each once, and
 * after any number of steps has them evenly spread */
unsigned virt_memory_stride(unsigned n);

/** virt_nonzero_pages() - Of @n_bytes, whole pages */
size_t virt_nonzero_pages(const void *bytes, size_t n_bytes);

#endif
