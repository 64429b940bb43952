/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sample-told.c - the members that our patch adds to MIGRATION_PASS
 *
 * One table of names, which QEMU chose with us, reads and writes them: out of
 * events of either road, into run records and back out of these.
 */
#include "sample/sample.h"

#include <math.h>

/* As in sample-group.c: no guest has more, and sums stay exact. */
#define COUNT_MAX 0x1p50
#define BYTES_MAX 0x1p62
#define DURATION_MAX_S 1e8

static const struct {
    const char *name;
    size_t offset;
    double most;
    double unit; /* of the member here, in that of QEMU */
} members[] = {
#define AT(member) G_STRUCT_OFFSET(SampleTold, member)
    { "dirty-pages", AT(dirty_pages), COUNT_MAX, 1 },
    { "remaining-pages", AT(remaining_pages), COUNT_MAX, 1 },
    { "sent-pages", AT(sent_pages), COUNT_MAX, 1 },
    { "zero-pages", AT(zero_pages), COUNT_MAX, 1 },
    { "sent-bytes", AT(sent_bytes), BYTES_MAX, 1 },
    { "duration-us", AT(duration_s), DURATION_MAX_S *G_USEC_PER_SEC,
      G_USEC_PER_SEC },
    { "hot-pages", AT(hot_pages), COUNT_MAX, 1 },
    { "cold-pages", AT(cold_pages), COUNT_MAX, 1 },
#undef AT
};

bool
sample_told_exact(const SampleTold *told)
{
    return told->dirty_pages.known && told->remaining_pages.known &&
           told->sent_pages.known && told->sent_bytes.known &&
           told->duration_s.known &&
           told->remaining_pages.value >= told->dirty_pages.value;
}

bool
sample_told_read(JsonObject *data, SampleTold *told)
{
    SampleTold read = { 0 };
    bool running;

    *told = read;
    for (size_t i = 0; i < G_N_ELEMENTS(members); i++) {
        uint64_t value;

        if (data && jobj_get_u64(data, members[i].name, &value)) {
            if ((double)value > members[i].most) {
                return false;
            }
            *(Known *)G_STRUCT_MEMBER_P(&read, members[i].offset) =
                known((double)value / members[i].unit);
        }
    }
    if (data && jobj_get_bool(data, "vm-running", &running)) {
        read.running = known(running ? 1 : 0);
    }
    if (!sample_told_exact(&read)) {
        return false;
    }
    if (!read.hot_pages.known || !read.cold_pages.known ||
        read.hot_pages.value + read.cold_pages.value !=
            read.dirty_pages.value) {
        read.hot_pages = read.cold_pages = unknown();
    }
    *told = read;
    return true;
}

JsonObject *
sample_told_write(const SampleTold *told)
{
    JsonObject *data;

    if (!sample_told_exact(told)) {
        return NULL;
    }
    data = json_object_new_object();
    for (size_t i = 0; i < G_N_ELEMENTS(members); i++) {
        const Known *value = G_STRUCT_MEMBER_P(told, members[i].offset);

        if (value->known) {
            jobj_add_u64(data, members[i].name,
                         (uint64_t)llround(value->value * members[i].unit));
        }
    }
    if (told->running.known) {
        jobj_add_bool(data, "vm-running", told->running.value > 0);
    }
    return data;
}
