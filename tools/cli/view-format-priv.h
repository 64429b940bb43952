/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * view-format-priv.h - between the view's text and its objects
 */
#ifndef CLI_VIEW_FORMAT_PRIV_H
#define CLI_VIEW_FORMAT_PRIV_H

#include "tools/cli/view-format.h"

/** view_reserved() - 0: none, hence not known */
Known view_reserved(uint64_t reserved_bytes_s);

/** view_percent() - Whole ones; 100 at the end only */
int view_percent(double fraction);

#endif
