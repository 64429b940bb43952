/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plot.h - one recorded migration and its forecasts as a picture
 */
#ifndef PREDICT_PLOT_H
#define PREDICT_PLOT_H

#include "tools/predict/replay.h"

#define PLOT_MAX_MODELS 6

/**
 * plot_draw() - Pages by pass: what came, and what was forecast
 * @models: Indices of models in the replay, at most PLOT_MAX_MODELS
 *
 * Return: an SVG file; g_free() it
 */
char *plot_draw(const Replay *replay, const ReplayRun *run,
                const size_t *models, size_t n_models);

#endif
