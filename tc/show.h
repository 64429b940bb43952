/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * show.h - what "vmferry tc show" tells: our trees, as JSON and as text
 *
 * Needs no privilege and changes nothing.
 */
#ifndef TC_SHOW_H
#define TC_SHOW_H

#include <glib.h>

#include "base/json.h"

/**
 * reservation_describe() - Links of this namespace that carry a tree of ours
 * @device: Only that one; NULL: all
 * @run_dir: NULL: /run/vmferry
 * @error: RESERVATION_ERROR_GONE if there is no such device
 *
 * { "links": [ { "device", "ifindex", "mac", "leased" (false: a root 7666:
 * that no lease explains), "parent" (null: a root of our own), "link_bytes_s",
 * "owners": [ { "name", "uuid", "pid", "alive", "class" } ],
 * "classes": [ { "id", "role", "owner", "rate_bytes_s", "ceil_bytes_s",
 * "bytes", "packets", "drops", "backlog_bytes" } ] } ] }
 *
 * role is one of link, control, rest, migration, protected, application.
 * Return: a new reference; NULL with @error
 */
JsonObject *reservation_describe(const char *device, const char *run_dir,
                                 GError **error);

/** reservation_describe_text() - The same for people; g_free() it */
char *reservation_describe_text(JsonObject *description);

#endif
