/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * qmp-codec.h - bytes in any pieces to QMP messages
 *
 * Pure: no fd, no clock. However a stream is cut, the same messages come out,
 * and the same error at the same byte.
 */
#ifndef QMP_CODEC_H
#define QMP_CODEC_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/json.h"
#include "qmp/qmp.h"

typedef struct QmpCodec QmpCodec;

QmpCodec *qmp_codec_new(void);
void qmp_codec_free(QmpCodec *codec);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(QmpCodec, qmp_codec_free)

/**
 * qmp_codec_feed() - Bytes arrived
 *
 * Complete messages wait for qmp_codec_take(), also those before a mistake.
 *
 * Return: false with QMP_ERROR_PROTOCOL or QMP_ERROR_LIMIT, naming the byte of
 * the stream. There is no way back in step: every later call says the same.
 */
bool qmp_codec_feed(QmpCodec *codec, const char *bytes, size_t length,
                    GError **error);

/** qmp_codec_take() - Next message, a reference to release; NULL: none.
 * Messages are JSON objects. */
JsonObject *qmp_codec_take(QmpCodec *codec);

/** qmp_codec_is_between() - Would the stream end cleanly here? */
bool qmp_codec_is_between(const QmpCodec *codec);

#endif
