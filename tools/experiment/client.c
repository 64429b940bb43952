/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * client.c - what a guest's users notice, from a third host
 *
 * Three things in one thread, until it is told to end:
 *
 *   probes    an ICMP echo every 10 ms: the longest silence is the stall, seen
 *             from outside, without TCP's own pauses after a loss
 *   status    the guest's own counters, five times a second (port 7777)
 *   requests  to a redis server, if there is one
 *
 * What comes back is a line in a file: experiment/observed.h.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <glib.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "experiment/observed.h"
#include "tools/experiment/commands.h"
#include "tools/experiment/redis.h"

#define STATUS_US 200000
#define FLUSH_US 500000
#define STATUS_PORT 7777
#define REDIS_PORT 6379

static volatile sig_atomic_t client_over;

typedef struct Client {
    struct sockaddr_in address;
    FILE *out;
    int64_t flush_us;

    int probe_fd;
    uint16_t probe_id, probe_sequence;
    int64_t probe_due_us;

    int status_fd; /* -1: none */
    bool status_asked;
    int64_t status_due_us;
    char status_line[1024];
    size_t status_used;

    Redis *redis; /* NULL: no such server */
} Client;

typedef struct ProbePacket {
    struct icmphdr head;
    int64_t sent_us;
    char padding[16];
} ProbePacket;

/* The Internet's, RFC 1071. */
static uint16_t
checksum(const ProbePacket *packet)
{
    uint16_t words[sizeof(*packet) / 2];
    uint32_t sum = 0;

    memcpy(words, packet, sizeof(words));
    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        sum += words[i];
    }
    sum = (sum >> 16) + (sum & 0xffff);
    return (uint16_t) ~(sum + (sum >> 16));
}

static void
probe_send(Client *client, int64_t now_us)
{
    ProbePacket packet;

    memset(&packet, 0, sizeof(packet));
    packet.head.type = ICMP_ECHO;
    packet.head.un.echo.id = client->probe_id;
    packet.head.un.echo.sequence = htons(client->probe_sequence++);
    packet.sent_us = now_us;
    packet.head.checksum = checksum(&packet);
    /* one that cannot leave is one that is not answered */
    (void)!sendto(client->probe_fd, &packet, sizeof(packet), MSG_DONTWAIT,
                  (struct sockaddr *)&client->address, sizeof(client->address));
    client->probe_due_us += OBSERVED_PROBE_US;
    if (client->probe_due_us < now_us) {
        client->probe_due_us = now_us + OBSERVED_PROBE_US;
    }
}

static void
probe_receive(Client *client)
{
    char bytes[512];
    ssize_t n;

    while ((n = recv(client->probe_fd, bytes, sizeof(bytes), MSG_DONTWAIT)) >
           0) {
        const struct iphdr *ip = (const void *)bytes;
        size_t head = (size_t)ip->ihl * 4;
        ProbePacket packet;
        int64_t now_us = clock_mono_us();

        if ((size_t)n < head + sizeof(packet)) {
            continue;
        }
        memcpy(&packet, bytes + head, sizeof(packet));
        if (packet.head.type == ICMP_ECHOREPLY &&
            packet.head.un.echo.id == client->probe_id &&
            ip->saddr == client->address.sin_addr.s_addr &&
            packet.sent_us > 0 && packet.sent_us <= now_us) {
            fprintf(client->out,
                    "p %" G_GINT64_FORMAT " %" G_GINT64_FORMAT "\n",
                    packet.sent_us, now_us - packet.sent_us);
        }
    }
}

static void
status_close(Client *client, int64_t now_us)
{
    if (client->status_fd >= 0) {
        close(client->status_fd);
    }
    client->status_fd = -1;
    client->status_asked = false;
    client->status_used = 0;
    client->status_due_us = now_us + STATUS_US;
}

static void
status_ask(Client *client, int64_t now_us)
{
    static const char question[] = "status\n";

    if (client->status_fd < 0) {
        struct sockaddr_in address = client->address;

        address.sin_port = htons(STATUS_PORT);
        client->status_fd =
            socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (client->status_fd >= 0 &&
            connect(client->status_fd, (struct sockaddr *)&address,
                    sizeof(address)) < 0 &&
            errno != EINPROGRESS) {
            status_close(client, now_us);
        }
        client->status_due_us = now_us + STATUS_US;
        return;
    }
    client->status_due_us = now_us + STATUS_US;
    if (client->status_asked) {
        return; /* one at a time */
    }
    if (send(client->status_fd, question, strlen(question), MSG_NOSIGNAL) < 0) {
        if (errno != EAGAIN && errno != EINTR) {
            status_close(client, now_us);
        }
        return;
    }
    client->status_asked = true;
}

/* The number behind "NAME": in a line of JSON of the guest's. */
static bool
status_number(const char *line, const char *name, gint64 *number)
{
    g_autofree char *pattern = g_strdup_printf("\"%s\":", name);
    const char *at = strstr(line, pattern);
    char *end = NULL;

    if (!at) {
        return false;
    }
    at += strlen(pattern);
    *number = g_ascii_strtoll(at, &end, 10);
    return end != at && *number >= 0;
}

static void
status_receive(Client *client, int64_t now_us)
{
    ssize_t n =
        recv(client->status_fd, client->status_line + client->status_used,
             sizeof(client->status_line) - 1 - client->status_used, 0);
    char *end;
    gint64 ticks, pages;

    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        status_close(client, now_us);
        return;
    }
    if (n < 0) {
        return;
    }
    client->status_used += (size_t)n;
    client->status_line[client->status_used] = '\0';
    end = strchr(client->status_line, '\n');
    if (!end) {
        if (client->status_used == sizeof(client->status_line) - 1) {
            status_close(client, now_us);
        }
        return;
    }
    *end = '\0';
    if (status_number(client->status_line, "counter", &ticks) &&
        status_number(client->status_line, "pages_written", &pages)) {
        fprintf(client->out,
                "s %" G_GINT64_FORMAT " %" G_GINT64_FORMAT " %" G_GINT64_FORMAT
                "\n",
                now_us, ticks, pages);
    }
    client->status_used = 0;
    client->status_asked = false;
}

static void
answered(int64_t due_us, int64_t latency_us, unsigned bytes, gpointer user)
{
    Client *client = user;

    fprintf(client->out, "r %" G_GINT64_FORMAT " %" G_GINT64_FORMAT " %u\n",
            due_us, latency_us, bytes);
}

static void
turn(Client *client)
{
    struct pollfd fds[3] = { { .fd = client->probe_fd, .events = POLLIN },
                             { .fd = -1 },
                             { .fd = -1 } };
    int64_t now_us = clock_mono_us(), next_us;
    struct timespec wait;

    if (now_us >= client->probe_due_us) {
        probe_send(client, now_us);
    }
    if (now_us >= client->status_due_us) {
        status_ask(client, now_us);
    }
    if (now_us >= client->flush_us) {
        fprintf(client->out, "e %" G_GINT64_FORMAT "\n", now_us);
        fflush(client->out);
        client->flush_us = now_us + FLUSH_US;
    }
    next_us = MIN(client->probe_due_us, client->status_due_us);
    fds[1].fd = client->status_fd;
    fds[1].events = POLLIN;
    if (client->redis) {
        next_us = MIN(next_us, redis_prepare(client->redis, now_us, &fds[2]));
    }
    next_us = MAX(next_us - now_us, 0);
    wait.tv_sec = next_us / 1000000;
    wait.tv_nsec = next_us % 1000000 * 1000;
    if (ppoll(fds, G_N_ELEMENTS(fds), &wait, NULL) <= 0) {
        return;
    }
    now_us = clock_mono_us();
    if (fds[0].revents) {
        probe_receive(client);
    }
    if (fds[1].revents) {
        status_receive(client, now_us);
    }
    if (client->redis) {
        redis_dispatch(client->redis, now_us, fds[2].revents);
    }
}

static void
end_signal(int number)
{
    client_over = 1;
}

static bool
client_open(Client *client, const char *address, const char *path,
            GError **error)
{
    client->address.sin_family = AF_INET;
    if (!address ||
        inet_pton(AF_INET, address, &client->address.sin_addr) != 1) {
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "--address %s: it is an IPv4 address",
                    address ? address : "is missing");
        return false;
    }
    client->probe_fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
    if (client->probe_fd < 0) {
        g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(errno),
                    "probes need a raw socket: %s", g_strerror(errno));
        return false;
    }
    client->out = path ? fopen(path, "we") : stdout;
    if (!client->out) {
        g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(errno),
                    "%s: %s", path, g_strerror(errno));
        close(client->probe_fd);
        return false;
    }
    client->probe_id = (uint16_t)getpid();
    client->probe_due_us = clock_mono_us();
    client->status_fd = -1;
    return true;
}

int
experiment_client_main(int argc, char **argv)
{
    g_autofree char *address = NULL;
    g_autofree char *path = NULL;
    gint value = 16384, keys = 1000;
    double rate = 0.0, writes = 0.5;
    const GOptionEntry entries[] = {
        { "address", 0, 0, G_OPTION_ARG_STRING, &address, "Of the guest",
          "IPV4" },
        { "out", 0, 0, G_OPTION_ARG_FILENAME, &path,
          "Write lines there instead of to standard output", "FILE" },
        { "requests", 0, 0, G_OPTION_ARG_DOUBLE, &rate,
          "Requests a second to its redis server; 0: none", "N" },
        { "value", 0, 0, G_OPTION_ARG_INT, &value, "Bytes of a value", "N" },
        { "writes", 0, 0, G_OPTION_ARG_DOUBLE, &writes,
          "Share of requests that write", "SHARE" },
        { "keys", 0, 0, G_OPTION_ARG_INT, &keys, "How many", "N" },
        { NULL },
    };
    g_autoptr(GOptionContext) context =
        g_option_context_new("- what a guest's users notice, until SIGTERM");
    g_autoptr(GError) error = NULL;
    struct sigaction action = { .sa_handler = end_signal };
    Client client = { 0 };

    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error) ||
        !client_open(&client, address, path, &error)) {
        fprintf(stderr, "error: vmferry-experiment client: %s\n",
                error->message);
        return 2;
    }
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    if (rate > 0) {
        RedisLoad load = { rate, (unsigned)CLAMP(value, 1, 1 << 20),
                           CLAMP(writes, 0, 1), (unsigned)MAX(keys, 1) };

        client.redis = redis_new(address, REDIS_PORT, &load, answered, &client);
    }
    while (!client_over) {
        turn(&client);
    }
    fprintf(client.out, "e %" G_GINT64_FORMAT "\n", clock_mono_us());
    redis_free(client.redis);
    if (client.status_fd >= 0) {
        close(client.status_fd);
    }
    close(client.probe_fd);
    if (fflush(client.out) != 0 || ferror(client.out)) {
        fprintf(stderr, "error: vmferry-experiment client: %s: %s\n",
                path ? path : "standard output", g_strerror(errno));
        return 1;
    }
    return 0;
}
