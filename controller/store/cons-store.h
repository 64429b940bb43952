/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cons-store.h - what a consolidation manager saw, decided and did
 *
 * An SQLite file of its own: loads of hosts and guests, of the last days, and
 * documents (JSON) of decisions, of their moves with what was forecast and what
 * came of it, and of plans that ended. Written by the one manager, read by who
 * looks back. Nothing hangs on it: what is under way stands in the journal.
 *
 * Errors are STORE_ERROR, see store.h.
 */
#ifndef CONS_STORE_H
#define CONS_STORE_H

#include "store/store.h"

typedef struct ConsStore ConsStore;

/** cons_store_open() - Made if it is not there, and its folder too */
ConsStore *cons_store_open(const char *path, GError **error);

/** cons_store_open_to_read() - STORE_ERROR_NONE_YET if it is not there */
ConsStore *cons_store_open_to_read(const char *path, GError **error);

void cons_store_close(ConsStore *store);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ConsStore, cons_store_close)

typedef struct ConsSample {
    const char *name;
    bool host;  /* or a guest */
    double cpu; /* host: share in use; guest: thousandths of a core */
    uint64_t memory_bytes;
} ConsSample;

/**
 * cons_store_add_samples() - Loads at one time: all of them or none
 * @at_us: Wall clock
 * @keep_us: What is that much older is forgotten; 0: nothing is
 */
bool cons_store_add_samples(ConsStore *store, int64_t at_us,
                            const ConsSample *samples, size_t n,
                            int64_t keep_us, GError **error);

typedef void (*ConsSampleRead)(const ConsSample *sample, int64_t at_us,
                               gpointer user);

/** cons_store_samples() - From @from_us on, oldest first */
bool cons_store_samples(ConsStore *store, int64_t from_us, ConsSampleRead read,
                        gpointer user, GError **error);

typedef enum {
    CONS_DOCUMENT_DECISION,
    CONS_DOCUMENT_STEP, /* a move or a power command that ended */
    CONS_DOCUMENT_PLAN, /* a plan that ended */
    CONS_N_DOCUMENTS
} ConsDocumentKind;

typedef struct ConsDocument {
    int64_t at_us;
    ConsDocumentKind kind;
    char *plan;  /* id of the decision */
    char *guest; /* of a step; NULL */
    char *json;
} ConsDocument;

void cons_document_free(ConsDocument *document);

/** cons_store_add() - Keep one; what is older than @keep_us goes. A decision or
 * the end of a plan that is there already is replaced */
bool cons_store_add(ConsStore *store, const ConsDocument *document,
                    int64_t keep_us, GError **error);

typedef struct ConsStoreQuery {
    unsigned kinds;    /* bits 1 << CONS_DOCUMENT_...; 0: all */
    const char *plan;  /* or NULL: of all */
    const char *guest; /* or NULL */
    int64_t since_us;
    unsigned most; /* the newest so many; 0: all */
} ConsStoreQuery;

/** cons_store_read() - ConsDocument *, newest first, unref it; NULL: error */
GPtrArray *cons_store_read(ConsStore *store, const ConsStoreQuery *query,
                           GError **error);

#endif
