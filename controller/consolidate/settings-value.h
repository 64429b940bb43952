/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * settings-value.h - values of the configuration, as people write them
 *
 * Each returns false with CONS_ERROR_SETTING that says what it should be.
 */
#ifndef CONSOLIDATE_SETTINGS_VALUE_H
#define CONSOLIDATE_SETTINGS_VALUE_H

#include "consolidate/settings.h"

bool cons_value_number(const char *text, double least, double most,
                       double *value, GError **error);
/* "0.8" or "80%" */
bool cons_value_share(const char *text, double *value, GError **error);
/* "90s", "5min", "2h", "1d", "300ms"; "0" needs none */
bool cons_value_duration(const char *text, double *value_s, GError **error);
bool cons_value_bytes(const char *text, uint64_t *bytes, GError **error);
/* "86W", "1.2kW" */
bool cons_value_power(const char *text, int64_t *mw, GError **error);
bool cons_value_bool(const char *text, bool *value, GError **error);
/* "02:30": of a day; 24:00 is its end */
bool cons_value_minute(const char *text, int *minute, GError **error);
/* "a;b, c": words, none of them empty, none twice */
bool cons_value_words(const char *text, char ***words, GError **error);
/* "host", "rack", "pod", "site" */
bool cons_value_level(const char *text, PlanLevel *level, GError **error);

#endif
