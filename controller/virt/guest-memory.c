/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * guest-memory.c - how much of a guest's memory is not zero
 *
 * A first pass sends each page that is not zero, and nine bytes for one that
 * is. What the balloon driver calls unused was mostly used once, and is sent
 * all the same; QEMU's resident memory has its own and rounds to huge pages.
 * So some places are looked at: memory is cut into as many equal parts as
 * there are looks, and each look is at a random place of its part, 16 pages
 * together. Used memory lies in long runs, so that parts see it better than
 * places strewn over all of it would. The parts are visited in strides of a
 * golden section, so that those seen so far lie evenly whenever time is up.
 *
 * virDomainMemoryPeek() takes physical addresses. On a PC the hole below 4 GiB
 * has to be left out; of other machines the layout is not known here.
 */

#include "virt/guest-dirty-priv.h"

#include "base/clock.h"

#define PAGE_BYTES 4096
#define LOOK_BYTES 65536 /* all that older libvirt passes on */
#define LOOKS 400
#define LEAST_LOOKS 16
#define FOUR_GIB (UINT64_C(4) << 30)
#define GIB (UINT64_C(1) << 30)
#define KIB UINT64_C(1024)

typedef struct Look {
    VirtGuest *guest;
    virDomainPtr domain;
    size_t n_regions;
    VirtRegion regions[2];
    VirtMemory memory;
    unsigned most_ms; /* 0: as long as it takes */
    GError *error;
    VirtMemoryRead done;
    gpointer user;
} Look;

/* --- pure --- */

size_t
virt_memory_regions(const char *arch, const char *machine,
                    uint64_t memory_bytes, VirtRegion regions[2])
{
    uint64_t low_most, low_split; /* above the first it is cut to the second */

    if (!arch || !machine || memory_bytes < LOOK_BYTES ||
        (strcmp(arch, "x86_64") != 0 && strcmp(arch, "i686") != 0)) {
        return 0;
    }
    if (strstr(machine, "q35")) {
        low_most = UINT64_C(0xb0000000);
        low_split = UINT64_C(0x80000000);
    } else if (strstr(machine, "i440fx") || g_str_equal(machine, "pc")) {
        low_most = UINT64_C(0xe0000000);
        low_split = UINT64_C(0xc0000000);
    } else {
        return 0;
    }
    if (memory_bytes < low_most) {
        regions[0] = (VirtRegion){ 0, memory_bytes };
        return 1;
    }
    regions[0] = (VirtRegion){ 0, low_split };
    regions[1] = (VirtRegion){ FOUR_GIB, memory_bytes - low_split };
    return 2;
}

size_t
virt_nonzero_pages(const void *bytes, size_t n_bytes)
{
    const unsigned char *page = bytes;
    size_t n = 0;

    for (; n_bytes >= PAGE_BYTES; n_bytes -= PAGE_BYTES, page += PAGE_BYTES) {
        /* All bytes are the first one, and that is zero. */
        if (page[0] != 0 || memcmp(page, page + 1, PAGE_BYTES - 1) != 0) {
            n++;
        }
    }
    return n;
}

unsigned
virt_memory_stride(unsigned n)
{
    unsigned stride = MAX((unsigned)(0.618 * n), 1);
    unsigned a, b, rest;

    for (;; stride++) {
        for (a = stride, b = n; b > 0; a = b, b = rest) {
            rest = a % b;
        }
        if (a == 1) {
            return stride;
        }
    }
}

/* --- in the worker --- */

/* Mean share of the looks at a region, or finds that it may not look. A region has
 * its part of the time. */
static double
look_at(Look *look, const VirtRegion *region, bool *refused)
{
    double part_of_all =
        (double)region->length / (double)look->memory.total_bytes;
    unsigned wanted = MAX((unsigned)(LOOKS * part_of_all), LEAST_LOOKS);
    unsigned stride = virt_memory_stride(wanted), looks = 0;
    int64_t until_us = clock_mono_us() + (int64_t)(look->most_ms * part_of_all *
                                                   G_TIME_SPAN_MILLISECOND);
    double pages = 0;
    g_autofree unsigned char *bytes = g_malloc(LOOK_BYTES);

    while (looks < wanted) {
        uint64_t i = (uint64_t)looks * stride % wanted;
        uint64_t part = region->length / wanted;
        uint64_t room = part > LOOK_BYTES ? part - LOOK_BYTES : 0;
        uint64_t offset =
            room > 0 ? (uint64_t)g_random_double_range(0, (double)room) : 0;
        uint64_t start =
            region->start + MIN(i * part + offset, region->length - LOOK_BYTES);

        start -= start % PAGE_BYTES;
        if (virDomainMemoryPeek(look->domain, start, LOOK_BYTES, bytes,
                                VIR_MEMORY_PHYSICAL) < 0) {
            virResetLastError();
            *refused = true;
            return 0;
        }
        pages += (double)virt_nonzero_pages(bytes, LOOK_BYTES) * PAGE_BYTES /
                 LOOK_BYTES;
        looks++;
        if (look->most_ms > 0 && looks >= LEAST_LOOKS &&
            clock_mono_us() >= until_us) {
            break;
        }
    }
    return pages / looks;
}

static void
sample_content(Look *look)
{
    double nonzero_bytes = 0, bytes = 0;
    bool refused = false;

    for (size_t i = 0; i < look->n_regions && !refused; i++) {
        const VirtRegion *region = &look->regions[i];

        nonzero_bytes +=
            look_at(look, region, &refused) * (double)region->length;
        bytes += (double)region->length;
    }
    if (!refused && bytes > 0) {
        look->memory.nonzero_share = known(nonzero_bytes / bytes);
    }
}

static void
look_work(gpointer data)
{
    Look *look = data;
    virDomainMemoryStatStruct stats[VIR_DOMAIN_MEMORY_STAT_NR];
    Known available = unknown(), unused = unknown();
    bool reported = false;
    int n = virDomainMemoryStats(look->domain, stats, G_N_ELEMENTS(stats), 0);

    if (n < 0) {
        virt_error_take_guest(&look->error, look->domain,
                              "asking about its memory");
        return;
    }
    for (int i = 0; i < n; i++) {
        double bytes = (double)(stats[i].val * KIB);

        switch (stats[i].tag) {
        case VIR_DOMAIN_MEMORY_STAT_AVAILABLE:
            available = known(bytes);
            break;
        case VIR_DOMAIN_MEMORY_STAT_UNUSED:
            unused = known(bytes);
            break;
        case VIR_DOMAIN_MEMORY_STAT_LAST_UPDATE:
            reported = stats[i].val > 0;
            break;
        default:
            break;
        }
    }
    if (reported && available.known && unused.known &&
        unused.value <= available.value) {
        look->memory.used_bytes = known(available.value - unused.value);
    }
    sample_content(look);
}

static void
look_deliver(gpointer data)
{
    Look *look = data;

    look->done(look->guest, look->error ? NULL : &look->memory, look->error,
               look->user);
    g_clear_error(&look->error);
    virt_guest_unref(look->guest);
    g_free(look);
}

void
virt_guest_read_memory(VirtGuest *guest, unsigned most_ms, VirtMemoryRead done,
                       gpointer user)
{
    const VirtGuestInfo *info = virt_guest_info(guest);
    Look *look = g_new0(Look, 1);

    look->guest = virt_guest_ref(guest);
    look->domain = virt_guest_domain(guest);
    look->memory.total_bytes = info->memory_bytes;
    look->n_regions = virt_memory_regions(info->arch, info->machine,
                                          info->memory_bytes, look->regions);
    look->most_ms = most_ms;
    look->done = done;
    look->user = user;
    virt_pool_call(virt_host_pool(virt_guest_host(guest)), look_work,
                   look_deliver, look);
}
