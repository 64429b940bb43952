/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * params.c - what is handed to libvirt, and what is refused beforehand
 */
#include "test-virt.h"

static void
initialize(void)
{
    virInitialize();
}

TestSuite(params, .init = initialize);

typedef struct NameCase {
    char ours[32];
    char theirs[32];
} NameCase;

ParameterizedTestParameters(params, names)
{
    static NameCase cases[] = {
#define BOTH(name) { VIRT_MIGRATE_PARAM_##name, VIR_MIGRATE_PARAM_##name }
        BOTH(URI),
        BOTH(DEST_NAME),
        BOTH(DEST_XML),
        BOTH(PERSIST_XML),
        BOTH(BANDWIDTH),
        BOTH(BANDWIDTH_POSTCOPY),
        BOTH(GRAPHICS_URI),
        BOTH(LISTEN_ADDRESS),
        BOTH(MIGRATE_DISKS),
        BOTH(DISKS_PORT),
        BOTH(DISKS_URI),
        BOTH(COMPRESSION),
        BOTH(COMPRESSION_MT_LEVEL),
        BOTH(COMPRESSION_MT_THREADS),
        BOTH(COMPRESSION_MT_DTHREADS),
        BOTH(COMPRESSION_XBZRLE_CACHE),
        BOTH(AUTO_CONVERGE_INITIAL),
        BOTH(AUTO_CONVERGE_INCREMENT),
        BOTH(PARALLEL_CONNECTIONS),
        BOTH(TLS_DESTINATION),
    };

    return cr_make_param_array(NameCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(NameCase *c, params, names)
{
    cr_assert_str_eq(c->ours, c->theirs);
}

Test(params, every_type_arrives)
{
    g_autoptr(VirtMigrateSpec) spec = virt_migrate_spec_new();
    g_autoptr(VirtMigrateSpec) copy = NULL;
    g_autoptr(GError) error = NULL;
    VirtParam rest[] = {
        { g_strdup("u"), VIRT_PARAM_UINT, .natural = 4000000000u },
        { g_strdup("l"), VIRT_PARAM_LLONG, .number = -5 },
        { g_strdup("d"), VIRT_PARAM_DOUBLE, .real = 0.5 },
        { g_strdup("b"), VIRT_PARAM_BOOL, .number = 7 },
    };
    virTypedParameterPtr params = NULL;
    int n = 0;

    virt_migrate_spec_add_string(spec, "disks", "vda");
    virt_migrate_spec_add_string(spec, "disks", "vdb");
    virt_migrate_spec_add_int(spec, "i", -3);
    virt_migrate_spec_add_u64(spec, "ul", G_MAXUINT64);
    for (size_t i = 0; i < G_N_ELEMENTS(rest); i++) {
        g_ptr_array_add(spec->params, g_memdup2(&rest[i], sizeof(rest[i])));
    }
    spec->flags = VIRT_MIGRATE_LIVE;
    spec->direct = true;
    spec->destination_uri = g_strdup("qemu:///system");

    copy = virt_migrate_spec_copy(spec);
    cr_assert_eq(copy->flags, spec->flags);
    cr_assert(copy->direct);
    cr_assert_str_eq(copy->destination_uri, "qemu:///system");
    cr_assert_str_eq(virt_migrate_spec_string(copy, "disks"), "vda");
    cr_assert_null(virt_migrate_spec_string(copy, "i"));
    cr_assert_null(virt_migrate_spec_string(copy, "none"));

    cr_assert(virt_migrate_params(copy, &params, &n, &error));
    cr_assert_eq(n, 8);
    cr_assert_str_eq(params[0].value.s, "vda");
    cr_assert_str_eq(params[1].value.s, "vdb");
    cr_assert_eq(params[2].type, VIR_TYPED_PARAM_INT);
    cr_assert_eq(params[2].value.i, -3);
    cr_assert_eq(params[3].type, VIR_TYPED_PARAM_ULLONG);
    cr_assert_eq(params[3].value.ul, G_MAXUINT64);
    cr_assert_eq(params[4].type, VIR_TYPED_PARAM_UINT);
    cr_assert_eq(params[4].value.ui, 4000000000u);
    cr_assert_eq(params[5].type, VIR_TYPED_PARAM_LLONG);
    cr_assert_eq(params[5].value.l, -5);
    cr_assert_eq(params[6].type, VIR_TYPED_PARAM_DOUBLE);
    cr_assert_eq(params[6].value.d, 0.5);
    cr_assert_eq(params[7].type, VIR_TYPED_PARAM_BOOLEAN);
    cr_assert_eq(params[7].value.b, 1);
    virTypedParamsFree(params, n);
}

Test(params, none_is_an_empty_list)
{
    g_autoptr(VirtMigrateSpec) spec = virt_migrate_spec_new();
    virTypedParameterPtr params = NULL;
    int n = 1;

    cr_assert(virt_migrate_params(spec, &params, &n, NULL));
    cr_assert_null(params);
    cr_assert_eq(n, 0);
    virt_migrate_spec_free(NULL);
}

Test(params, a_name_that_libvirt_cannot_hold_is_refused_by_name)
{
    g_autoptr(VirtMigrateSpec) spec = virt_migrate_spec_new();
    g_autoptr(GError) error = NULL;
    g_autofree char *name = g_strnfill(VIR_TYPED_PARAM_FIELD_LENGTH, 'x');
    virTypedParameterPtr params = NULL;
    int n = -7;

    virt_migrate_spec_add_int(spec, "fine", 1);
    virt_migrate_spec_add_int(spec, name, 1);
    cr_assert_not(virt_migrate_params(spec, &params, &n, &error));
    cr_assert_not_null(strstr(error->message, name));
    cr_assert_eq(n, -7, "an out-parameter was touched");
}

Test(params, flags_in_words)
{
    g_autofree char *none = virt_migrate_flag_names(0);
    g_autofree char *some = virt_migrate_flag_names(
        VIRT_MIGRATE_LIVE | VIRT_MIGRATE_PEER2PEER | VIRT_MIGRATE_ZEROCOPY);
    g_autofree char *future = virt_migrate_flag_names(1u << 31 | 1);

    cr_assert_str_eq(none, "");
    cr_assert_str_eq(some, "live|peer2peer|zerocopy");
    cr_assert_str_eq(future, "live|0x80000000");
}

static void
on_migrated(VirtMigration *migration, const VirtMigrationResult *result,
            const GError *error, gpointer user)
{
    Answer *answer = user;

    cr_assert_not(virt_migration_running(migration));
    cr_assert_not(result->completed);
    cr_assert_not(result->confirmed);
    cr_assert_eq(result->source, VIRT_STATE_RUNNING);
    answer->done = true;
    answer->error = g_error_copy(error);
}

typedef struct Nonsense {
    char what[40];
    unsigned flags;
    bool direct;
} Nonsense;

ParameterizedTestParameters(params, nonsense)
{
    static Nonsense cases[] = {
        { "p2p without a URI", VIRT_MIGRATE_PEER2PEER, false },
        { "direct without a URI", 0, true },
        { "neither, and no connection", VIRT_MIGRATE_LIVE, false },
    };

    return cr_make_param_array(Nonsense, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(Nonsense *c, params, nonsense)
{
    g_autoptr(TestPool) pool = virt_pool_new(NULL);
    g_autoptr(VirtHost) host = open_test_host(pool);
    g_autoptr(VirtGuest) guest = open_test_guest(host);
    g_autoptr(VirtMigrateSpec) spec = virt_migrate_spec_new();
    g_autoptr(GError) error = NULL;

    spec->flags = c->flags;
    spec->direct = c->direct;
    cr_assert_null(
        virt_migration_start(guest, NULL, spec, on_migrated, NULL, &error),
        "%s", c->what);
    cr_assert(g_error_matches(error, VIRT_ERROR, VIRT_ERROR_INVALID));
    cr_assert_not_null(strstr(error->message, "'test'"));
}

/* The test driver does not migrate: the whole way of a failure, though. */
Test(params, a_migration_that_libvirt_refuses)
{
    g_autoptr(TestPool) pool = virt_pool_new(NULL);
    g_autoptr(VirtHost) host = open_test_host(pool);
    g_autoptr(VirtGuest) guest = open_test_guest(host);
    g_autoptr(VirtMigrateSpec) spec = virt_migrate_spec_new();
    g_autoptr(VirtMigration) migration = NULL;
    g_autoptr(GError) error = NULL;
    Answer end = { 0 }, abort = { 0 }, balloon = { 0 };

    virt_guest_collect_balloon(guest, 3, on_done, &balloon);
    until(&balloon.done);
    cr_assert(virt_guest_changed(guest));

    spec->flags = VIRT_MIGRATE_LIVE | VIRT_MIGRATE_PEER2PEER;
    spec->destination_uri = g_strdup("test:///default");
    migration =
        virt_migration_start(guest, NULL, spec, on_migrated, &end, NULL);
    cr_assert_not_null(migration);
    cr_assert_eq(virt_migration_guest(migration), guest);
    cr_assert_null(
        virt_migration_start(guest, NULL, spec, on_migrated, &end, &error));
    cr_assert(g_error_matches(error, VIRT_ERROR, VIRT_ERROR_BUSY));

    until(&end.done);
    cr_assert_not_null(strstr(end.error->message, "test:///default"));
    cr_assert_not(virt_guest_changed(guest), "not put back after a failure");

    virt_migration_abort(migration, on_done, &abort);
    until(&abort.done);
    cr_assert(g_error_matches(abort.error, VIRT_ERROR, VIRT_ERROR_NOT_RUNNING),
              "after the end it must not touch what others run");
    g_clear_error(&abort.error);
    g_clear_error(&end.error);
    g_clear_pointer(&migration, virt_migration_unref);
    cr_assert(virt_pool_drain(pool, 10000));
}

Test(params, aborted_before_it_began)
{
    g_autoptr(TestPool) pool = virt_pool_new(NULL);
    g_autoptr(VirtHost) host = open_test_host(pool);
    g_autoptr(VirtGuest) guest = open_test_guest(host);
    g_autoptr(VirtMigrateSpec) spec = virt_migrate_spec_new();
    g_autoptr(VirtMigration) migration = NULL;
    Answer end = { 0 }, abort = { 0 };

    spec->flags = VIRT_MIGRATE_PEER2PEER;
    spec->destination_uri = g_strdup("test:///default");
    migration =
        virt_migration_start(guest, NULL, spec, on_migrated, &end, NULL);
    virt_migration_abort(migration, on_done, &abort);
    until(&end.done);
    until(&abort.done);
    cr_assert_null(abort.error);
    cr_assert(g_error_matches(end.error, VIRT_ERROR, VIRT_ERROR_ABORTED), "%s",
              end.error->message);
    g_clear_error(&end.error);
}
