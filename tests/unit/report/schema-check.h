/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * schema-check.h - is a JSON text what its JSON Schema says?
 *
 * Knows the words that docs/run-record.schema.json uses: type, enum, minimum,
 * maximum, required, properties, additionalProperties (a schema) and items. A
 * schema with any other word that constrains is refused, for a check that is
 * silently left out is none.
 */
#ifndef SCHEMA_CHECK_H
#define SCHEMA_CHECK_H

#include "base/json.h"

/**
 * schema_check() - Compare
 * @strict: Also refuse members that the schema does not name, where it names
 *          any: a writer must not write what is not documented
 *
 * Return: NULL if it fits, else what does not and where; g_free() it
 */
char *schema_check(JsonObject *schema, JsonObject *value, bool strict);

#endif
