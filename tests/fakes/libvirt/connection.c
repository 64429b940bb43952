/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * connection.c - is there a daemon, and which guests are there
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static Connection connections[64];
static int n_connections;
static __thread virError last_error;

Connection *
fake_connection_of(virConnectPtr conn)
{
    return (Connection *)(void *)conn;
}

/* FILE.@what in @file; false if there is no FILE */
static bool
name_state(const char *what, char *file, size_t size)
{
    const char *path = getenv("VMFERRY_FAKE_STATE");

    return path && snprintf(file, size, "%s.%s", path, what) < (int)size;
}

bool
fake_state_says(const char *what)
{
    char file[256];

    return name_state(what, file, sizeof(file)) && access(file, F_OK) == 0;
}

void
fake_state_say(const char *what, bool there)
{
    char file[256];
    FILE *created;

    if (!name_state(what, file, sizeof(file))) {
        return;
    }
    if (!there) {
        unlink(file);
        return;
    }
    created = fopen(file, "w");
    if (created) {
        fclose(created);
    }
}

bool
fake_daemon_down(void)
{
    return fake_state_says("down");
}

void
fake_connections_lose(void)
{
    for (int i = 0; i < n_connections; i++) {
        Connection *c = &connections[i];

        if (!c->lost) {
            c->lost = true;
            if (c->on_close) {
                c->on_close((virConnectPtr)(void *)c,
                            VIR_CONNECT_CLOSE_REASON_EOF, c->on_close_opaque);
            }
        }
    }
}

virConnectPtr
virConnectOpenAuth(const char *name, virConnectAuthPtr auth, unsigned int flags)
{
    pthread_once(&once, fake_watch_begin);
    if (fake_daemon_down() ||
        n_connections == sizeof(connections) / sizeof(connections[0])) {
        fake_fail(VIR_ERR_SYSTEM_ERROR, VIR_FROM_RPC,
                  "Failed to connect socket");
        return NULL;
    }
    snprintf(connections[n_connections].uri,
             sizeof(connections[n_connections].uri), "%s", name ? name : "");
    return (virConnectPtr)(void *)&connections[n_connections++];
}

int
virConnectClose(virConnectPtr conn)
{
    return 0;
}

int
virConnectIsAlive(virConnectPtr conn)
{
    return !fake_connection_of(conn)->lost;
}

int
virConnectSetKeepAlive(virConnectPtr conn, int interval, unsigned int count)
{
    return 0;
}

int
virConnectRegisterCloseCallback(virConnectPtr conn, virConnectCloseFunc cb,
                                void *opaque, virFreeCallback free_opaque)
{
    fake_connection_of(conn)->on_close_opaque = opaque;
    fake_connection_of(conn)->on_close = cb;
    return 0;
}

int
virConnectUnregisterCloseCallback(virConnectPtr conn, virConnectCloseFunc cb)
{
    fake_connection_of(conn)->on_close = NULL;
    return 0;
}

char *
virConnectGetURI(virConnectPtr conn)
{
    const char *uri = fake_connection_of(conn)->uri;

    return strdup(*uri ? uri : "fake:///system");
}

char *
virConnectGetHostname(virConnectPtr conn)
{
    return strdup("fake");
}

const char *
virConnectGetType(virConnectPtr conn)
{
    return "QEMU";
}

int
virConnectGetLibVersion(virConnectPtr conn, unsigned long *version)
{
    *version = 9000000;
    return 0;
}

int
virConnectGetVersion(virConnectPtr conn, unsigned long *version)
{
    *version = 7002022;
    return 0;
}

char *
virConnectGetCapabilities(virConnectPtr conn)
{
    return strdup("<capabilities><host/><guest><os_type>hvm</os_type>"
                  "<arch name='x86_64'><machine>pc-i440fx-7.2</machine>"
                  "<domain type='qemu'/></arch></guest></capabilities>");
}

/* --- errors, a thread's own --- */

int
fake_fail(int code, int domain, const char *text)
{
    last_error = (virError){ .code = code,
                             .domain = domain,
                             .level = VIR_ERR_ERROR,
                             .message = (char *)text };
    return -1;
}

virErrorPtr
virGetLastError(void)
{
    return last_error.code ? &last_error : NULL;
}

virErrorPtr
virSaveLastError(void)
{
    virErrorPtr copy = calloc(1, sizeof(*copy));

    *copy = last_error;
    copy->message = last_error.message ? strdup(last_error.message) : NULL;
    return copy;
}

void
virFreeError(virErrorPtr error)
{
    if (error) {
        free(error->message);
        free(error);
    }
}

const char *
virGetLastErrorMessage(void)
{
    return last_error.message ? last_error.message : "no error";
}

void
virResetLastError(void)
{
    memset(&last_error, 0, sizeof(last_error));
}
