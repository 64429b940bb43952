/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * codec.h - bytes in any pieces to lines of JSON
 *
 * Pure: no fd, no clock. However a stream is cut, the same objects come out,
 * and the same error.
 */
#ifndef CTL_CODEC_H
#define CTL_CODEC_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/json.h"
#include "ctl/protocol.h"

typedef struct CtlCodec CtlCodec;

/** ctl_codec_new() - @max_line_bytes: a longer line is refused */
CtlCodec *ctl_codec_new(size_t max_line_bytes);
void ctl_codec_free(CtlCodec *codec);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CtlCodec, ctl_codec_free)

/**
 * ctl_codec_feed() - Bytes arrived
 *
 * Return: false with CTL_ERROR_MALFORMED or CTL_ERROR_TOO_LONG, naming the
 * line. Objects before it wait for ctl_codec_take(); every later call says
 * the same.
 */
bool ctl_codec_feed(CtlCodec *codec, const char *bytes, size_t length,
                    GError **error);

/** ctl_codec_take() - Next object, a reference to release; NULL: none */
JsonObject *ctl_codec_take(CtlCodec *codec);

/** ctl_codec_line() - An object as one line with its line feed; g_free() it */
char *ctl_codec_line(JsonObject *object, size_t *length);

#endif
