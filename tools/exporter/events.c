/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * events.c - Server-Sent Events: each client gets the last state there is
 *
 *   publish ──> server->event (the last one only) ──> each stream, whole
 *
 * Events carry states, not changes, so a slow client misses some and is right
 * again with the next: nothing queues up for anybody. A stream that has sent
 * what there is sleeps (suspended in libmicrohttpd) until there is more. One
 * that does not take an event within the server's patience is hung up on; the
 * browser comes back by itself.
 */
#include <string.h>

#include "base/clock.h"
#include "tools/exporter/server-priv.h"

static ssize_t
read_stream(void *user, uint64_t position, char *buffer, size_t room)
{
    Stream *stream = user;
    Server *server = stream->server;
    size_t length;
    const char *bytes;

    if (!server || server->closing) {
        return MHD_CONTENT_READER_END_OF_STREAM;
    }
    if (!stream->message) {
        if (stream->seen == server->event_number) {
            stream->asleep = true;
            stream->client->deadline_us = INT64_MAX;
            MHD_suspend_connection(stream->connection);
            return 0;
        }
        stream->message = g_bytes_ref(server->event);
        stream->seen = server->event_number;
        stream->sent = 0;
        stream->client->deadline_us =
            clock_mono_us() + server_patience_us(server);
    }

    bytes = g_bytes_get_data(stream->message, &length);
    length = MIN(length - stream->sent, room);
    memcpy(buffer, bytes + stream->sent, length);
    stream->sent += length;
    if (stream->sent == g_bytes_get_size(stream->message)) {
        g_clear_pointer(&stream->message, g_bytes_unref);
    }
    return (ssize_t)length;
}

static void
free_stream(void *user)
{
    Stream *stream = user;

    if (stream->server) {
        g_ptr_array_remove_fast(stream->server->streams, stream);
    }
    g_clear_pointer(&stream->message, g_bytes_unref);
    g_free(stream);
}

enum MHD_Result
server_queue_stream(Server *server, Client *client,
                    struct MHD_Connection *connection)
{
    Stream *stream = g_new0(Stream, 1);
    struct MHD_Response *response;
    enum MHD_Result result;

    stream->server = server;
    stream->connection = connection;
    stream->client = client;
    response = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, 4096, read_stream, stream, free_stream);
    if (!response) {
        g_free(stream);
        return MHD_NO;
    }
    server->spec.stream_opened(server->spec.user);
    g_ptr_array_add(server->streams, stream);
    server_add_headers(response, "text/event-stream; charset=utf-8", NULL);
    result = MHD_queue_response(connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return result;
}

void
server_wake_streams(Server *server)
{
    for (unsigned i = 0; i < server->streams->len; i++) {
        Stream *stream = g_ptr_array_index(server->streams, i);

        if (stream->asleep) {
            stream->asleep = false;
            stream->client->deadline_us =
                clock_mono_us() + server_patience_us(server);
            MHD_resume_connection(stream->connection);
            server->resumed = true;
        }
    }
}

unsigned
server_streams(const Server *server)
{
    return server->streams->len;
}

void
server_publish(Server *server, const char *json)
{
    GString *text = g_string_new("data: ");

    /* a newline would end the data; JSON has none but between its tokens */
    for (const char *c = json; *c != '\0'; c++) {
        g_string_append_c(text, *c == '\n' || *c == '\r' ? ' ' : *c);
    }
    g_string_append(text, "\n\n");
    g_clear_pointer(&server->event, g_bytes_unref);
    server->event = g_string_free_to_bytes(text);
    server->event_number++;
    server_wake_streams(server);
}
