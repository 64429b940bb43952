/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * redis.c - one pipelined connection to a redis server
 */
#include "tools/experiment/redis.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "experiment/random.h"

#define MOST_WAITING 4000 /* more are not asked: they count as not answered */
#define FILL_AT_ONCE 16   /* while the keys are written first */
#define RETRY_US 1000000
#define NOISE_BYTES 65536 /* values begin somewhere in it */

typedef struct Waiting {
    int64_t due_us; /* -1: one of the first writes */
    unsigned bytes; /* of its request */
} Waiting;

struct Redis {
    struct sockaddr_in address;
    RedisLoad load;
    void (*answered)(int64_t, int64_t, unsigned, gpointer);
    gpointer user;

    int fd; /* -1: none */
    bool connected;
    int64_t retry_us;
    GByteArray *out;
    guint sent;
    GArray *waiting; /* Waiting, in order; the first .gone are answered */
    guint gone;
    char line[64]; /* of an answer, as far as it came */
    size_t line_used;
    size_t body_left; /* bytes of a value still to come */
    unsigned body_bytes;

    unsigned filled; /* keys written at first */
    int64_t due_us;  /* next request; 0: not yet */
    Random random;
    char *noise;
};

Redis *
redis_new(const char *address, uint16_t port, const RedisLoad *load,
          void (*answered)(int64_t, int64_t, unsigned, gpointer), gpointer user)
{
    Redis *redis = g_new0(Redis, 1);

    redis->address.sin_family = AF_INET;
    redis->address.sin_port = htons(port);
    inet_pton(AF_INET, address, &redis->address.sin_addr);
    redis->load = *load;
    redis->answered = answered;
    redis->user = user;
    redis->fd = -1;
    redis->out = g_byte_array_new();
    redis->waiting = g_array_new(FALSE, FALSE, sizeof(Waiting));
    redis->random.state = 7;
    redis->noise = g_malloc(NOISE_BYTES + load->value_bytes);
    for (size_t i = 0; i < NOISE_BYTES + load->value_bytes; i++) {
        redis->noise[i] = (char)random_next(&redis->random);
    }
    return redis;
}

static void
redis_close(Redis *redis, int64_t now_us)
{
    if (redis->fd >= 0) {
        close(redis->fd);
    }
    redis->fd = -1;
    redis->connected = false;
    redis->retry_us = now_us + RETRY_US;
    g_byte_array_set_size(redis->out, 0);
    g_array_set_size(redis->waiting, 0);
    redis->sent = redis->gone = 0;
    redis->line_used = 0;
    redis->body_left = 0;
}

void
redis_free(Redis *redis)
{
    if (redis) {
        redis_close(redis, 0);
        g_byte_array_unref(redis->out);
        g_array_unref(redis->waiting);
        g_free(redis->noise);
        g_free(redis);
    }
}

static void
redis_connect(Redis *redis, int64_t now_us)
{
    int one = 1;

    redis->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (redis->fd < 0) {
        redis->retry_us = now_us + RETRY_US;
        return;
    }
    setsockopt(redis->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (connect(redis->fd, (struct sockaddr *)&redis->address,
                sizeof(redis->address)) < 0 &&
        errno != EINPROGRESS) {
        redis_close(redis, now_us);
    }
}

static void
append(Redis *redis, const char *bytes, size_t n)
{
    g_byte_array_append(redis->out, (const guint8 *)bytes, (guint)n);
}

static void
ask(Redis *redis, int64_t due_us, bool write, unsigned key)
{
    Waiting waiting = { due_us, 0 };
    guint before = redis->out->len;
    char head[128];

    if (write) {
        g_snprintf(head, sizeof(head),
                   "*3\r\n$3\r\nSET\r\n$10\r\nkey%07u\r\n$%u\r\n", key,
                   redis->load.value_bytes);
        append(redis, head, strlen(head));
        append(redis, redis->noise + random_below(&redis->random, NOISE_BYTES),
               redis->load.value_bytes);
        append(redis, "\r\n", 2);
    } else {
        g_snprintf(head, sizeof(head), "*2\r\n$3\r\nGET\r\n$10\r\nkey%07u\r\n",
                   key);
        append(redis, head, strlen(head));
    }
    waiting.bytes = redis->out->len - before;
    g_array_append_val(redis->waiting, waiting);
}

static guint
in_flight(const Redis *redis)
{
    return redis->waiting->len - redis->gone;
}

static void
ask_what_is_due(Redis *redis, int64_t now_us)
{
    while (redis->filled < redis->load.keys &&
           in_flight(redis) < FILL_AT_ONCE) {
        ask(redis, -1, true, redis->filled++);
    }
    if (redis->filled < redis->load.keys) {
        return;
    }
    if (redis->due_us == 0) {
        redis->due_us = now_us;
    }
    while (redis->due_us <= now_us) {
        bool write = (double)random_below(&redis->random, 1000000) <
                     1e6 * redis->load.writes;

        if (in_flight(redis) < MOST_WAITING) {
            ask(redis, redis->due_us, write,
                (unsigned)random_below(&redis->random, redis->load.keys));
        }
        redis->due_us += (int64_t)(1e6 / redis->load.requests_s);
    }
}

static void
flush(Redis *redis, int64_t now_us)
{
    while (redis->sent < redis->out->len) {
        ssize_t n = send(redis->fd, redis->out->data + redis->sent,
                         redis->out->len - redis->sent, MSG_NOSIGNAL);

        if (n < 0) {
            if (errno != EAGAIN && errno != EINTR) {
                redis_close(redis, now_us);
            }
            return;
        }
        redis->sent += (guint)n;
    }
    g_byte_array_set_size(redis->out, 0);
    redis->sent = 0;
}

int64_t
redis_prepare(Redis *redis, int64_t now_us, struct pollfd *poll_fd)
{
    int64_t next_us = now_us + RETRY_US;

    if (redis->fd < 0 && now_us >= redis->retry_us) {
        redis_connect(redis, now_us);
    }
    if (redis->fd >= 0 && redis->connected) {
        ask_what_is_due(redis, now_us);
        flush(redis, now_us);
    }
    poll_fd->fd = redis->fd;
    poll_fd->events = POLLIN;
    if (redis->fd >= 0 &&
        (!redis->connected || redis->sent < redis->out->len)) {
        poll_fd->events |= POLLOUT;
    }
    if (redis->fd < 0) {
        return redis->retry_us;
    }
    if (redis->due_us > 0) {
        next_us = MIN(next_us, redis->due_us);
    }
    return next_us;
}

/* An answer is whole. */
static void
answer(Redis *redis, int64_t now_us, unsigned bytes)
{
    const Waiting *waiting;

    if (in_flight(redis) == 0) {
        redis_close(redis, now_us);
        return;
    }
    waiting = &g_array_index(redis->waiting, Waiting, redis->gone);
    redis->gone++;
    if (waiting->due_us >= 0) {
        redis->answered(waiting->due_us, MAX(now_us - waiting->due_us, 0),
                        bytes + waiting->bytes, redis->user);
    }
    if (redis->gone == redis->waiting->len || redis->gone >= 1024) {
        g_array_remove_range(redis->waiting, 0, redis->gone);
        redis->gone = 0;
    }
}

/* "+OK", "$16384" with that many bytes after it, "$-1", "-ERR ..." */
static void
take_line(Redis *redis, int64_t now_us)
{
    gint64 n;

    redis->line[redis->line_used] = '\0';
    redis->body_bytes = (unsigned)redis->line_used;
    redis->line_used = 0;
    if (redis->line[0] == '$' &&
        g_ascii_string_to_signed(redis->line + 1, 10, 0, 1 << 30, &n, NULL)) {
        redis->body_left = (size_t)n + 2;
        redis->body_bytes += (unsigned)n + 2;
        return;
    }
    answer(redis, now_us, redis->body_bytes);
}

static void
take(Redis *redis, int64_t now_us, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n && redis->fd >= 0;) {
        if (redis->body_left > 0) {
            size_t part = MIN(redis->body_left, n - i);

            redis->body_left -= part;
            i += part;
            if (redis->body_left == 0) {
                answer(redis, now_us, redis->body_bytes);
            }
            continue;
        }
        if (bytes[i] == '\n') {
            take_line(redis, now_us);
        } else if (bytes[i] != '\r' &&
                   redis->line_used < sizeof(redis->line) - 1) {
            redis->line[redis->line_used++] = bytes[i];
        }
        i++;
    }
}

void
redis_dispatch(Redis *redis, int64_t now_us, short revents)
{
    char bytes[65536];
    ssize_t n;

    if (redis->fd < 0 || revents == 0) {
        return;
    }
    if (!redis->connected) {
        int failure = 0;
        socklen_t size = sizeof(failure);

        getsockopt(redis->fd, SOL_SOCKET, SO_ERROR, &failure, &size);
        if (failure != 0) {
            redis_close(redis, now_us);
            return;
        }
        redis->connected = true;
    }
    while (redis->fd >= 0 && revents & (POLLIN | POLLHUP | POLLERR)) {
        n = recv(redis->fd, bytes, sizeof(bytes), 0);
        if (n > 0) {
            take(redis, now_us, bytes, (size_t)n);
        } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
            redis_close(redis, now_us);
        } else {
            return;
        }
    }
}
