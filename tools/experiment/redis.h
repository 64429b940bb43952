/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * redis.h - requests at a steady rate to a redis server
 *
 * An open loop: a request is due when its time has come, whether those before
 * were answered or not, and its latency counts from then. Who waits for the
 * answer before asking again measures a stall once instead of as often as
 * users would have met it. One connection, pipelined. At first all keys are
 * written once, which is not counted.
 */
#ifndef EXPERIMENT_REDIS_H
#define EXPERIMENT_REDIS_H

#include <glib.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct RedisLoad {
    double requests_s;
    unsigned value_bytes;
    double writes; /* share, 0..1 */
    unsigned keys;
} RedisLoad;

typedef struct Redis Redis;

/** redis_new() - Connects, and does again a second after a loss
 * @answered: Told of each request that was */
Redis *redis_new(const char *address, uint16_t port, const RedisLoad *load,
                 void (*answered)(int64_t due_us, int64_t latency_us,
                                  unsigned bytes, gpointer user),
                 gpointer user);
void redis_free(Redis *redis);

/** redis_prepare() - What to poll for; fd -1: nothing
 * Return: when to come again at the latest, monotonic microseconds */
int64_t redis_prepare(Redis *redis, int64_t now_us, struct pollfd *poll_fd);

/** redis_dispatch() - After the poll */
void redis_dispatch(Redis *redis, int64_t now_us, short revents);

#endif
