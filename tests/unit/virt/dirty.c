/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dirty.c - page sampling and a look at memory: what needs no QEMU
 */
#include "test-virt.h"
#include "virt/guest-dirty-priv.h"

#define GIB (UINT64_C(1) << 30)

typedef struct VersionCase {
    char version[16];
    unsigned number;
} VersionCase;

ParameterizedTestParameters(dirty, version)
{
    static VersionCase cases[] = {
        { "7.2.22", 702 }, { "8.2.0", 802 }, { "10.0", 1000 }, { "8", 0 },
        { "", 0 },         { "x.1", 0 },     { "8.x", 0 },
    };

    return cr_make_param_array(VersionCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(VersionCase *c, dirty, version)
{
    cr_assert_eq(virt_version_number(c->version), c->number, "%s", c->version);
    cr_assert_eq(virt_version_number(NULL), 0);
}

Test(dirty, only_page_sampling_is_ever_asked_for)
{
    static const unsigned windows[] = { 50, 250, 1000, 1500, 60000 };

    for (size_t i = 0; i < G_N_ELEMENTS(windows); i++) {
        g_autofree char *command = virt_dirty_command(windows[i], NULL, 0);

        cr_assert_not_null(strstr(command, "\"mode\":\"page-sampling\""));
        cr_assert_null(strstr(command, "bitmap"));
        cr_assert_null(strstr(command, "ring"));
        cr_assert_eq(strstr(command, "calc-time-unit") != NULL,
                     windows[i] % 1000 != 0, "%s", command);
    }
}

Test(dirty, windows_within_a_measurement)
{
    static const unsigned inside[] = { 100, 250, 1000 };
    g_autofree char *command = virt_dirty_command(4000, inside, 3);
    g_autoptr(JsonObject) json = jobj_parse(command, strlen(command), NULL);
    JsonObject *list = jobj_get(json, "arguments.windows");

    cr_assert_not_null(json, "%s", command);
    cr_assert_eq(json_object_array_length(list), 3);
    cr_assert_eq(json_object_get_int(json_object_array_get_idx(list, 1)), 250);
}

#define WINDOW(time, pages, dirty, samples)                                    \
    "{\"time\":" #time ",\"dirty-pages\":" #pages ",\"dirty-samples\":" #dirty \
    ",\"samples\":" #samples "}"
#define MEASURED(windows)                                                      \
    "{\"return\":{\"status\":\"measured\",\"dirty-rate\":49,"                  \
    "\"windows\":[" windows "]}}"

Test(dirty, windows_are_read)
{
    VirtDirtyAnswer answer = { 0 };
    VirtDirtySample sample;
    g_autoptr(GError) error = NULL;

    cr_assert(virt_dirty_reply_read(
        MEASURED(WINDOW(101, 0, 0, 4096) "," WINDOW(1003, 640, 20, 4096)),
        &answer, &error));
    cr_assert_eq(answer.n_windows, 2);
    virt_dirty_sample_of_window(&answer.windows[1], GIB / 2, &sample);
    cr_expect_eq(sample.window_s, 1.003);
    cr_expect_eq(sample.pages, 640);
    cr_expect_eq(sample.low_pages, 640);
    cr_expect_eq(sample.samples, 4096);
    cr_expect(sample.monitor && sample.curve);
    /* none had changed: less than what one stands for */
    virt_dirty_sample_of_window(&answer.windows[0], GIB / 2, &sample);
    cr_expect_eq(sample.low_pages, 0);
    cr_expect_eq(sample.high_pages, 32);
    cr_expect_eq(sample.pages, 8);
}

Test(dirty, windows_that_make_no_sense)
{
    static const char *const replies[] = {
        MEASURED(WINDOW(100, 64, 2, 1)),
        MEASURED(WINDOW(0, 64, 2, 4)),
        MEASURED(WINDOW(100, -1, 2, 4)),
        MEASURED("7"),
        MEASURED("{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}"),
    };

    for (size_t i = 0; i < G_N_ELEMENTS(replies); i++) {
        g_autoptr(GError) error = NULL;
        VirtDirtyAnswer answer;

        cr_expect_not(virt_dirty_reply_read(replies[i], &answer, &error));
        cr_expect(error && strstr(error->message, "windows"), "%s", replies[i]);
    }
}

Test(dirty, the_schema_tells)
{
    static const char schema[] =
        "[{\"name\":\"calc-dirty-rate\",\"meta-type\":\"command\","
        "\"arg-type\":\"12\",\"ret-type\":\"0\"},"
        "{\"name\":\"11\",\"meta-type\":\"object\",\"members\":"
        "[{\"name\":\"windows\",\"type\":\"int\"}]},"
        "{\"name\":\"12\",\"meta-type\":\"object\",\"members\":"
        "[{\"name\":\"calc-time\",\"type\":\"int\"},"
        "{\"name\":\"mode\",\"default\":null,\"type\":\"13\"}]},"
        "{\"name\":\"calc-dirty-rate\",\"meta-type\":\"event\","
        "\"arg-type\":\"11\"}]";
    g_autoptr(JsonObject) list = jobj_parse(schema, strlen(schema), NULL);

    cr_assert_not_null(list);
    cr_expect(virt_schema_takes(list, "calc-dirty-rate", "calc-time"));
    cr_expect(virt_schema_takes(list, "calc-dirty-rate", "mode"));
    cr_expect_not(virt_schema_takes(list, "calc-dirty-rate", "windows"));
    cr_expect_not(virt_schema_takes(list, "query-dirty-rate", "windows"));
    cr_expect_not(virt_schema_takes(NULL, "calc-dirty-rate", "windows"));
}

typedef struct ReplyCase {
    char reply[160];
    int good; /* 0: an error that holds .says */
    int measured;
    int mib_s;
    char says[40];
} ReplyCase;

ParameterizedTestParameters(dirty, reply)
{
    static ReplyCase cases[] = {
        { "{\"return\":{\"status\":\"measured\",\"dirty-rate\":49}}", 1, 1, 49,
          "" },
        { "{\"return\":{\"status\":\"measuring\"}}", 1, 0, 0, "" },
        { "{\"return\":{\"status\":\"unstarted\"}}", 1, 0, 0, "" },
        { "{\"return\":{\"status\":\"measured\"}}", 0, 0, 0, "no dirty-rate" },
        { "{\"error\":{\"class\":\"GenericError\",\"desc\":\"still running\"}}",
          0, 0, 0, "still running" },
        { "{\"return\":[]}", 0, 0, 0, "makes no sense" },
        { "{\"return\":{\"status\":7}}", 0, 0, 0, "makes no sense" },
        { "no JSON", 0, 0, 0, "QEMU's answer" },
        { "", 0, 0, 0, "QEMU's answer" },
    };

    return cr_make_param_array(ReplyCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(ReplyCase *c, dirty, reply)
{
    g_autoptr(GError) error = NULL;
    VirtDirtyAnswer answer = { 0 };
    bool good = virt_dirty_reply_read(c->reply, &answer, &error);

    cr_assert_eq(good, c->good, "%s", c->reply);
    if (good) {
        cr_assert_eq(answer.measured, c->measured);
        cr_assert_eq(answer.mib_s, c->mib_s);
    } else {
        cr_assert_not_null(strstr(error->message, c->says), "%s: %s", c->reply,
                           error->message);
    }
}

typedef struct SampleCase {
    int64_t mib_s;
    unsigned window_ms;
    double low, pages, high;
} SampleCase;

ParameterizedTestParameters(dirty, sample)
{
    /* 1 MiB/s are 256 pages of 4 KiB a second; a guest of 512 MiB has 131072 */
    static SampleCase cases[] = {
        { 10, 1000, 2560, 2688, 2816 },
        { 10, 4000, 10240, 10752, 11264 },
        { 0, 1000, 0, 64, 256 },
        { 0, 250, 0, 16, 64 },
        { 511, 60000, 131072, 131072, 131072 }, /* no more than there are */
        { -3, 1000, 0, 64, 256 },
    };

    return cr_make_param_array(SampleCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(SampleCase *c, dirty, sample)
{
    VirtDirtySample sample;

    virt_dirty_sample_of(c->mib_s, c->window_ms, GIB / 2, true, &sample);
    cr_assert_float_eq(sample.low_pages, c->low, 1e-6);
    cr_assert_float_eq(sample.pages, c->pages, 1e-6);
    cr_assert_float_eq(sample.high_pages, c->high, 1e-6);
    cr_assert_float_eq(sample.samples, 8192, 1e-6);
    virt_dirty_sample_of(c->mib_s, c->window_ms, GIB / 2, false, &sample);
    cr_assert_float_eq(sample.samples, 256, 1e-6);
}

typedef struct RegionCase {
    char arch[10];
    char machine[24];
    uint64_t memory_bytes;
    size_t n;
    uint64_t low_length;
} RegionCase;

ParameterizedTestParameters(dirty, regions)
{
    static RegionCase cases[] = {
        { "x86_64", "pc-i440fx-7.2", GIB, 1, GIB },
        { "x86_64", "pc-i440fx-7.2", 3 * GIB, 1, 3 * GIB },
        { "x86_64", "pc-i440fx-7.2", 4 * GIB, 2, 3 * GIB },
        { "x86_64", "pc-q35-9.0", 2 * GIB, 1, 2 * GIB },
        { "x86_64", "pc-q35-9.0", 3 * GIB, 2, 2 * GIB },
        { "x86_64", "microvm", GIB, 0, 0 },
        { "aarch64", "virt-7.2", GIB, 0, 0 },
        { "x86_64", "pc-i440fx-7.2", 0, 0, 0 },
    };

    return cr_make_param_array(RegionCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(RegionCase *c, dirty, regions)
{
    VirtRegion regions[2] = { { 0, 0 } };
    size_t n =
        virt_memory_regions(c->arch, c->machine, c->memory_bytes, regions);

    cr_assert_eq(n, c->n, "%s %s", c->arch, c->machine);
    if (n > 0) {
        cr_assert_eq(regions[0].length, c->low_length);
    }
    if (n > 1) {
        cr_assert_eq(regions[1].start, 4 * GIB);
        cr_assert_eq(regions[0].length + regions[1].length, c->memory_bytes);
    }
}

Test(dirty, nonzero_pages)
{
    g_autofree unsigned char *bytes = g_malloc0((size_t)4 * 4096);

    cr_assert_eq(virt_nonzero_pages(bytes, (size_t)4 * 4096), 0);
    bytes[4095] = 1; /* the last byte of the first page */
    bytes[8192] = 1; /* the first of the third */
    cr_assert_eq(virt_nonzero_pages(bytes, (size_t)4 * 4096), 2);
    memset(bytes, 7, 4096); /* all alike, but not zero */
    cr_assert_eq(virt_nonzero_pages(bytes, (size_t)4 * 4096), 2);
    cr_assert_eq(virt_nonzero_pages(bytes, 4095), 0);
}

/* --- refusals, over libvirt's test driver --- */

typedef struct Sampled {
    bool done;
    GError *error;
} Sampled;

static void
on_sampled(VirtGuest *guest, const VirtDirtySample *sample, const GError *error,
           gpointer user)
{
    Sampled *sampled = user;

    cr_assert_neq(sample == NULL, error == NULL);
    sampled->error = error ? g_error_copy(error) : NULL;
    sampled->done = true;
}

typedef struct WindowCase {
    unsigned window_ms;
    int monitor;
    int code;
} WindowCase;

ParameterizedTestParameters(dirty, windows)
{
    static WindowCase cases[] = {
        { 0, 0, VIRT_ERROR_INVALID },       { 500, 0, VIRT_ERROR_INVALID },
        { 1500, 0, VIRT_ERROR_INVALID },    { 61000, 0, VIRT_ERROR_INVALID },
        { 40, 1, VIRT_ERROR_INVALID },      { 60001, 1, VIRT_ERROR_INVALID },
        { 1000, 0, VIRT_ERROR_NO_SUPPORT }, /* the test driver cannot */
    };

    return cr_make_param_array(WindowCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(WindowCase *c, dirty, windows)
{
    g_autoptr(TestPool) pool = virt_pool_new(NULL);
    g_autoptr(VirtHost) host = open_test_host(pool);
    g_autoptr(VirtGuest) guest = open_test_guest(host);
    Sampled sampled = { 0 };

    virt_guest_sample_dirty(guest, c->window_ms, c->monitor, on_sampled,
                            &sampled);
    cr_assert_not(sampled.done, "never from inside");
    until(&sampled.done);
    cr_assert(g_error_matches(sampled.error, VIRT_ERROR, c->code), "%u: %s",
              c->window_ms, sampled.error ? sampled.error->message : "none");
    g_clear_error(&sampled.error);
}

/* Time may be up after any number of looks. */
Test(dirty, parts_of_memory_are_visited_evenly)
{
    for (unsigned n = 1; n <= 400; n++) {
        unsigned stride = virt_memory_stride(n);
        bool seen[400] = { false };

        for (unsigned i = 0; i < n; i++) {
            unsigned part = (unsigned)((uint64_t)i * stride % n);

            cr_assert_not(seen[part], "part %u of %u twice", part, n);
            seen[part] = true;
            if (n == 400 && i == 99) {
                unsigned low = 0;

                for (unsigned j = 0; j < 200; j++) {
                    low += seen[j];
                }
                cr_assert(low > 40 && low < 60, "%u of 100 in one half", low);
            }
        }
    }
}
