/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-claims.c - which connections belong to which of several migrations
 *
 * A scene is a line a connection and a line a migration; what is expected is
 * said for each connection: a letter for the migration whose it is, a digit for
 * the group that shares it, "-" for nobody's.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include "tc/claims.h"

#define MOST 4
#define MB 1e6

typedef struct SceneStream {
    char address[16];
    uint16_t port;
    uint64_t inode;
    double bytes, queued;
} SceneStream;

typedef struct SceneClaim {
    double sent; /* below 0: no statistics yet */
    double slack;
    uint64_t inodes[3]; /* 0 ends; first UINT64_MAX: we may look, and it holds
                           nothing */
    uint16_t port;      /* certain before, at 10.0.0.2 */
} SceneClaim;

typedef struct Scene {
    char what[80];
    SceneStream streams[MOST];
    SceneClaim claims[MOST];
    char want[MOST + 1];
} Scene;

#define HOST "10.0.0.2"
#define OTHER "10.0.0.3"
#define NOTHING ((uint64_t)-1)

ParameterizedTestParameters(claims, scenes)
{
    static Scene scenes[] = {
        { "one of each, bytes that fit",
          { { HOST, 49152, 1, 20 * MB, 0 } },
          { { 20.1 * MB, 0, { 0 }, 0 } },
          "a" },
        { "what waits in the socket counts as sent",
          { { HOST, 49152, 1, 18 * MB, 2 * MB } },
          { { 20.1 * MB, 0, { 0 }, 0 } },
          "a" },
        { "one of each, too young to tell: shared by one",
          { { HOST, 49152, 1, 100, 0 } },
          { { -1, 0, { 0 }, 0 } },
          "0" },
        { "a stranger's bytes fit nobody",
          { { HOST, 49152, 1, 500 * MB, 0 } },
          { { 20 * MB, 0, { 0 }, 0 } },
          "-" },
        { "a stranger beside the stream",
          { { HOST, 49160, 1, 500 * MB, 0 }, { HOST, 49152, 2, 20 * MB, 0 } },
          { { 20 * MB, 0, { 0 }, 0 } },
          "-a" },
        { "two young ones for one migration: a stranger is among them",
          { { HOST, 49152, 1, 100, 0 }, { HOST, 49153, 2, 100, 0 } },
          { { -1, 0, { 0 }, 0 } },
          "--" },
        { "two guests in the same second, nothing to tell them apart",
          { { HOST, 49152, 1, 100, 0 }, { HOST, 49153, 2, 100, 0 } },
          { { -1, 0, { 0 }, 0 }, { -1, 0, { 0 }, 0 } },
          "00" },
        { "still close: still shared",
          { { HOST, 49152, 1, 30 * MB, 0 }, { HOST, 49153, 2, 30.2 * MB, 0 } },
          { { 30.2 * MB, 0, { 0 }, 0 }, { 30.0 * MB, 0, { 0 }, 0 } },
          "00" },
        { "their bytes have parted",
          { { HOST, 49152, 1, 30 * MB, 0 }, { HOST, 49153, 2, 34 * MB, 0 } },
          { { 34.1 * MB, 0, { 0 }, 0 }, { 30.1 * MB, 0, { 0 }, 0 } },
          "ba" },
        { "parted, but the counts may be off by more than that",
          { { HOST, 49152, 1, 30 * MB, 0 }, { HOST, 49153, 2, 34 * MB, 0 } },
          { { 34.1 * MB, 5 * MB, { 0 }, 0 }, { 30.1 * MB, 5 * MB, { 0 }, 0 } },
          "00" },
        { "one of two is noticed later: not given to the first",
          { { HOST, 49152, 1, 100, 0 } },
          { { -1, 0, { 0 }, 0 }, { -1, 0, { 0 }, 0 } },
          "0" },
        { "an old one and a young one",
          { { HOST, 49152, 1, 300 * MB, 0 }, { HOST, 49153, 2, 100, 0 } },
          { { 300 * MB, 0, { 0 }, 0 }, { -1, 0, { 0 }, 0 } },
          "a0" },
        { "certain before, met again on the way: no doubt comes back",
          { { HOST, 49152, 1, 30 * MB, 0 }, { HOST, 49153, 2, 30 * MB, 0 } },
          { { 30 * MB, 0, { 0 }, 49152 }, { 30 * MB, 0, { 0 }, 49153 } },
          "ab" },
        { "certain before, and plainly wrong",
          { { HOST, 49152, 1, 30 * MB, 0 }, { HOST, 49153, 2, 60 * MB, 0 } },
          { { 60 * MB, 0, { 0 }, 49152 }, { 30 * MB, 0, { 0 }, 49153 } },
          "ba" },
        { "the same port on two destinations",
          { { HOST, 49152, 1, 30 * MB, 0 }, { OTHER, 49152, 2, 50 * MB, 0 } },
          { { 50 * MB, 0, { 0 }, 0 }, { 30 * MB, 0, { 0 }, 0 } },
          "ba" },
        { "channels of multifd add up",
          { { HOST, 49152, 1, 1 * MB, 0 },
            { HOST, 49152, 2, 40 * MB, 0 },
            { HOST, 49152, 3, 39 * MB, 0 } },
          { { 80 * MB, 0, { 0 }, 0 } },
          "aaa" },
        { "what its QEMU holds is its own, whatever the bytes say",
          { { HOST, 49152, 11, 100, 0 }, { HOST, 49153, 12, 100, 0 } },
          { { -1, 0, { 12, 7 }, 0 }, { -1, 0, { 8, 11 }, 0 } },
          "ba" },
        { "where we may look nothing else is taken",
          { { HOST, 49152, 1, 20 * MB, 0 } },
          { { 20 * MB, 0, { NOTHING }, 0 } },
          "-" },
        { "one known by its sockets, one by its bytes",
          { { HOST, 49152, 11, 20 * MB, 0 }, { HOST, 49153, 12, 20 * MB, 0 } },
          { { 20 * MB, 0, { 12 }, 0 }, { 20 * MB, 0, { 0 }, 0 } },
          "ba" },
        { "what an earlier one left closing is nobody's",
          { { HOST, 49152, 0, 20 * MB, 0 }, { HOST, 49152, 2, 20 * MB, 0 } },
          { { 20 * MB, 0, { 0 }, 0 } },
          "-a" },
        { "three in doubt are one group",
          { { HOST, 49152, 1, 30 * MB, 0 },
            { HOST, 49153, 2, 30.4 * MB, 0 },
            { HOST, 49154, 3, 30.8 * MB, 0 } },
          { { 30 * MB, 0, { 0 }, 0 },
            { 30.4 * MB, 0, { 0 }, 0 },
            { 30.8 * MB, 0, { 0 }, 0 } },
          "000" },
        { "two pairs in doubt are two groups",
          { { HOST, 49152, 1, 30 * MB, 0 },
            { HOST, 49153, 2, 30 * MB, 0 },
            { HOST, 49154, 3, 90 * MB, 0 },
            { HOST, 49155, 4, 90 * MB, 0 } },
          { { 30 * MB, 0, { 0 }, 0 },
            { 90 * MB, 0, { 0 }, 0 },
            { 30 * MB, 0, { 0 }, 0 },
            { 90 * MB, 0, { 0 }, 0 } },
          "0011" },
    };

    return cr_make_param_array(Scene, scenes, G_N_ELEMENTS(scenes));
}

static size_t
scene_streams(const Scene *scene, GArray *streams)
{
    for (size_t i = 0; i < MOST && scene->streams[i].address[0]; i++) {
        const SceneStream *said = &scene->streams[i];
        StreamInfo info = {
            .match = { .source = "10.0.0.1",
                       .source_port = (uint16_t)(40000 + i),
                       .destination_port = said->port },
            .inode = said->inode,
            .bytes_acked = (uint64_t)said->bytes,
            .queued_bytes = (uint64_t)said->queued,
        };

        g_strlcpy(info.match.destination, said->address,
                  sizeof(info.match.destination));
        g_array_append_val(streams, info);
    }
    return streams->len;
}

static size_t
scene_claims(const Scene *scene, StreamClaim *claims, GArray **inodes)
{
    size_t n = 0;

    while (n < MOST && (scene->claims[n].sent != 0)) {
        const SceneClaim *said = &scene->claims[n];

        claims[n] = (StreamClaim){
            .sent_bytes = said->sent < 0 ? unknown() : known(said->sent),
            .slack_bytes = said->slack,
            .port = said->port,
        };
        if (said->port) {
            g_strlcpy(claims[n].address, HOST, sizeof(claims[n].address));
        }
        inodes[n] = g_array_new(FALSE, FALSE, sizeof(uint64_t));
        for (size_t i = 0; i < 3 && said->inodes[i]; i++) {
            g_array_append_val(inodes[n], said->inodes[i]);
        }
        claims[n].inodes = said->inodes[0] ? inodes[n] : NULL;
        n++;
    }
    return n;
}

ParameterizedTest(Scene *scene, claims, scenes)
{
    g_autoptr(GArray) streams = g_array_new(FALSE, FALSE, sizeof(StreamInfo));
    StreamClaim claims[MOST];
    GArray *inodes[MOST];
    StreamVerdict verdicts[MOST];
    int groups[MOST];
    char found[MOST + 1] = "";
    size_t n_streams = scene_streams(scene, streams);
    size_t n_claims = scene_claims(scene, claims, inodes);

    streams_attribute(claims, n_claims, streams, verdicts, groups);
    for (size_t i = 0; i < n_streams; i++) {
        found[i] = (char)(verdicts[i].claim >= 0   ? 'a' + verdicts[i].claim
                          : verdicts[i].group >= 0 ? '0' + verdicts[i].group
                                                   : '-');
        cr_expect(verdicts[i].claim < 0 || verdicts[i].group < 0);
    }
    cr_expect_str_eq(found, scene->want, "%s: found %s, wanted %s", scene->what,
                     found, scene->want);
    for (size_t i = 0; i < n_claims; i++) {
        g_array_unref(inodes[i]);
    }
}

/* What is wanted is a letter for each connection of the endpoint, "-" else. */
ParameterizedTestParameters(claims, elsewhere)
{
    static Scene scenes[] = {
        { "a disk, a display, and the stream",
          { { OTHER, 10809, 1, 700 * MB, 0 },
            { OTHER, 51000, 2, 1 * MB, 0 },
            { HOST, 50123, 3, 20 * MB, 0 } },
          { { 20.1 * MB, 1 * MB, { 1, 2, 3 }, 0 } },
          "--a" },
        { "channels add up",
          { { HOST, 50123, 1, 1 * MB, 0 },
            { HOST, 50123, 2, 12 * MB, 0 },
            { HOST, 50123, 3, 7 * MB, 0 } },
          { { 20.1 * MB, 1 * MB, { 1, 2, 3 }, 0 } },
          "aaa" },
        { "what others hold is not looked at",
          { { HOST, 50123, 1, 20 * MB, 0 }, { HOST, 50124, 2, 20 * MB, 0 } },
          { { 20.1 * MB, 1 * MB, { 2 }, 0 } },
          "-a" },
        { "two that fit: neither",
          { { HOST, 50123, 1, 20 * MB, 0 }, { HOST, 50124, 2, 20 * MB, 0 } },
          { { 20.1 * MB, 1 * MB, { 1, 2 }, 0 } },
          "--" },
        { "too little to tell",
          { { HOST, 50123, 1, 1 * MB, 0 } },
          { { 1 * MB, 0.1 * MB, { 1 }, 0 } },
          "-" },
        { "too vague to tell",
          { { HOST, 50123, 1, 20 * MB, 0 } },
          { { 20 * MB, 60 * MB, { 1 }, 0 } },
          "-" },
        { "no statistics yet",
          { { HOST, 50123, 1, 20 * MB, 0 } },
          { { -1, 1 * MB, { 1 }, 0 } },
          "-" },
        { "where we may not look",
          { { HOST, 50123, 1, 20 * MB, 0 } },
          { { 20 * MB, 1 * MB, { 0 }, 0 } },
          "-" },
    };

    return cr_make_param_array(Scene, scenes, G_N_ELEMENTS(scenes));
}

ParameterizedTest(Scene *scene, claims, elsewhere)
{
    g_autoptr(GArray) streams = g_array_new(FALSE, FALSE, sizeof(StreamInfo));
    StreamClaim claims[MOST];
    GArray *inodes[MOST];
    char found[MOST + 1] = "";
    size_t n_streams = scene_streams(scene, streams);
    size_t n_claims = scene_claims(scene, claims, inodes);
    int which = streams_endpoint(&claims[0], streams);

    for (size_t i = 0; i < n_streams; i++) {
        found[i] =
            which >= 0 && scene->streams[i].port == scene->streams[which].port
                ? 'a'
                : '-';
    }
    cr_expect_str_eq(found, scene->want, "%s: found %s, wanted %s", scene->what,
                     found, scene->want);
    for (size_t i = 0; i < n_claims; i++) {
        g_array_unref(inodes[i]);
    }
}

/* Two migrations and their two connections, at whatever pace: as soon as they
 * are told apart it is right, and it comes to that. */
Test(claims, never_the_wrong_one)
{
    g_autoptr(GRand) dice = g_rand_new_with_seed(7);

    for (int run = 0; run < 200; run++) {
        double sent[2] = { 0, 0 };
        bool parted = false;
        StreamClaim claims[2] = { { .sent_bytes = unknown() },
                                  { .sent_bytes = unknown() } };

        for (int step = 0; step < 200; step++) {
            g_autoptr(GArray) streams =
                g_array_new(FALSE, FALSE, sizeof(StreamInfo));
            StreamVerdict verdicts[2];
            int groups[2];

            for (int i = 0; i < 2; i++) {
                StreamInfo info = {
                    .match = { .destination = HOST,
                               .destination_port = (uint16_t)(49152 + i) },
                    .inode = 1 + (uint64_t)i,
                };

                sent[i] += g_rand_double_range(dice, 0, 1.5 * MB);
                info.bytes_acked = (uint64_t)MAX(
                    sent[i] - g_rand_double_range(dice, 0, 0.3 * MB), 0);
                g_array_append_val(streams, info);
                claims[i].sent_bytes = known(sent[i]);
            }
            streams_attribute(claims, 2, streams, verdicts, groups);
            for (int i = 0; i < 2; i++) {
                cr_assert(verdicts[i].claim < 0 || verdicts[i].claim == i,
                          "run %d, step %d: %.1f and %.1f MB", run, step,
                          sent[0] / MB, sent[1] / MB);
                if (verdicts[i].claim == i) {
                    parted = true;
                    g_strlcpy(claims[i].address, HOST,
                              sizeof(claims[i].address));
                    claims[i].port = (uint16_t)(49152 + i);
                }
            }
        }
        cr_expect(parted, "run %d: never told apart", run);
    }
}
