/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ask.c - one question about all guests of a host, answered by a worker
 */
#include "virt/virt-priv.h"

static void
ask_deliver(gpointer data)
{
    g_autofree VirtAsk *ask = data;

    ask->done(ask->error ? NULL : ask->guests, ask->error, ask->user);
    g_clear_error(&ask->error);
    g_ptr_array_unref(ask->guests);
    virt_host_unref(ask->host);
}

void
virt_host_ask(VirtHost *host, void (*work)(gpointer ask),
              GDestroyNotify free_guest, VirtAsked done, gpointer user)
{
    VirtAsk *ask = g_new0(VirtAsk, 1);

    ask->host = virt_host_ref(host);
    ask->connection = virt_host_connection(host);
    ask->guests = g_ptr_array_new_with_free_func(free_guest);
    ask->done = done;
    ask->user = user;
    virt_pool_call(virt_host_pool(host), work, ask_deliver, ask);
}
