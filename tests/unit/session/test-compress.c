/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-compress.c - what speaks against compression, and what is asked for
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include "session/session-priv.h"

typedef struct RuleCase {
    char what[40];
    unsigned flags; /* beside VIRT_MIGRATE_LIVE, which it takes away */
    char param[32], value[24];
    char version[12];
    bool memory_limit, after_precopy, unasked;
    char words[24]; /* of the reason; "": nothing speaks against it */
} RuleCase;

ParameterizedTestParameters(compress, rules)
{
    static RuleCase cases[] = {
        { .what = "plain" },
        { .what = "post-copy allowed", .flags = VIRT_MIGRATE_POSTCOPY },
        { .what = "disks copied", .flags = VIRT_MIGRATE_NON_SHARED_DISK },
        { .what = "encrypted", .flags = VIRT_MIGRATE_TLS },
        { .what = "an address of its own",
          .param = VIRT_MIGRATE_PARAM_URI,
          .value = "tcp://10.0.0.2:49170" },
        { .what = "a QEMU of two digits", .version = "10.0.2" },
        { .what = "not asked for", .unasked = true, .words = "not asked" },
        { .what = "--compressed",
          .flags = VIRT_MIGRATE_COMPRESSED,
          .words = "what was given" },
        { .what = "--comp-methods alone",
          .param = VIRT_MIGRATE_PARAM_COMPRESSION,
          .value = "mt",
          .words = "what was given" },
        { .what = "--comp-xbzrle-cache alone",
          .param = VIRT_MIGRATE_PARAM_COMPRESSION_XBZRLE_CACHE,
          .value = "1",
          .words = "what was given" },
        { .what = "--parallel",
          .flags = VIRT_MIGRATE_PARALLEL,
          .words = "several connections" },
        { .what = "--zerocopy",
          .flags = VIRT_MIGRATE_ZEROCOPY,
          .words = "zero copy" },
        { .what = "not live", .flags = VIRT_MIGRATE_LIVE, .words = "twice" },
        { .what = "offline", .flags = VIRT_MIGRATE_OFFLINE, .words = "twice" },
        { .what = "--postcopy-resume",
          .flags = VIRT_MIGRATE_POSTCOPY_RESUME,
          .words = "twice" },
        { .what = "--postcopy-after-precopy",
          .flags = VIRT_MIGRATE_POSTCOPY,
          .after_precopy = true,
          .words = "twice" },
        { .what = "RDMA",
          .param = VIRT_MIGRATE_PARAM_URI,
          .value = "rdma://10.0.0.2",
          .words = "RDMA" },
        { .what = "--rdma-pin-all",
          .flags = VIRT_MIGRATE_RDMA_PIN_ALL,
          .words = "RDMA" },
        { .what = "an old QEMU", .version = "5.1.0", .words = "older" },
        { .what = "which QEMU?", .version = "?", .words = "older" },
        { .what = "<hard_limit>",
          .memory_limit = true,
          .words = "<hard_limit>" },
    };

    return cr_make_param_array(RuleCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(RuleCase *c, compress, rules)
{
    g_autoptr(VirtMigrateSpec) migrate = virt_migrate_spec_new();
    SessionSpec spec = {
        .migrate = migrate,
        .compresses = !c->unasked,
        .postcopy_after_precopy = c->after_precopy,
    };
    VirtGuestInfo guest = { .memory_limit = c->memory_limit };
    char usual[] = "7.2.22";
    VirtHostInfo host = { .hypervisor_version =
                              *c->version ? c->version : usual };
    const char *why;

    if (g_str_equal(c->version, "?")) {
        host.hypervisor_version = NULL;
    }
    migrate->flags = VIRT_MIGRATE_LIVE ^ c->flags;
    if (*c->param) {
        virt_migrate_spec_add_string(migrate, c->param, c->value);
    }
    why = session_rules_out_compression(&spec, &guest, &host);
    if (*c->words) {
        cr_expect_not_null(why, "%s", c->what);
        cr_expect_not_null(why && strstr(why, c->words) ? why : NULL, "%s: %s",
                           c->what, why);
    } else {
        cr_expect_null(why, "%s: %s", c->what, why);
    }
}

/* A session that has come as far as asking libvirt. */
typedef struct Asking {
    Session *session;
    VirtMigrateSpec *given;
} Asking;

static Asking
asking(void)
{
    Asking asking = { g_new0(Session, 1), virt_migrate_spec_new() };

    asking.given->flags = VIRT_MIGRATE_LIVE | VIRT_MIGRATE_PEER2PEER;
    virt_migrate_spec_add_u64(asking.given, "bandwidth", 8);
    asking.session->record = run_record_new();
    asking.session->spec.migrate = asking.given;
    return asking;
}

static void
asked(Asking *asking)
{
    run_record_free(asking->session->record);
    virt_migrate_spec_free(asking->session->request);
    virt_migrate_spec_free(asking->given);
    g_free(asking->session);
}

static JsonObject *
noted(const Session *session)
{
    JsonObject *entry = NULL;

    cr_assert(json_object_object_get_ex(session->record->extra, "compression",
                                        &entry));
    return entry;
}

Test(compress, is_added_to_what_was_given)
{
    Asking a = asking();
    Compression choice = { .on = true, .cache_bytes = 64 << 20 };
    const VirtMigrateSpec *request;
    const VirtParam *cache;
    uint64_t bytes = 0;

    g_strlcpy(choice.reason, "so", sizeof(choice.reason));
    session_apply_compression(a.session, &choice);
    request = a.session->spec.migrate;
    cr_assert_neq((const void *)request, (const void *)a.given);
    cr_expect_eq(request->flags, a.given->flags | VIRT_MIGRATE_COMPRESSED);
    cr_expect_str_eq(
        virt_migrate_spec_string(request, VIRT_MIGRATE_PARAM_COMPRESSION),
        "xbzrle");
    cr_assert_eq(request->params->len, 3);
    cache = request->params->pdata[2];
    cr_expect_str_eq(cache->name, VIRT_MIGRATE_PARAM_COMPRESSION_XBZRLE_CACHE);
    cr_expect_eq(cache->natural, choice.cache_bytes);
    cr_expect_eq(a.given->params->len, 1, "the user's own is left alone");
    cr_expect(jobj_get_u64(noted(a.session), "cache_bytes", &bytes));
    cr_expect_eq(bytes, choice.cache_bytes);
    asked(&a);
}

Test(compress, off_leaves_the_request_alone_and_says_why)
{
    Asking a = asking();
    Compression choice = { .reason = "Pages are sent as they are" };
    JsonObject *reason = NULL;

    session_apply_compression(a.session, &choice);
    cr_expect_eq((const void *)a.session->spec.migrate, (const void *)a.given);
    cr_expect_null(a.session->request);
    cr_expect(json_object_object_get_ex(noted(a.session), "reason", &reason));
    cr_expect_str_eq(json_object_get_string(reason), choice.reason);
    asked(&a);
}

/* "unsupported by the target": of a word that the user has never said */
Test(compress, who_is_refused_for_it_is_told_the_remedy)
{
    Asking a = asking();
    g_autoptr(GError) refused = g_error_new_literal(
        VIRT_ERROR, VIRT_ERROR_NO_SUPPORT, "xbzrle is not supported");
    g_autoptr(GError) other =
        g_error_new_literal(VIRT_ERROR, VIRT_ERROR_FAILED, "no space");
    Compression on = { .on = true, .cache_bytes = 8 << 20 };

    session_explain_refusal(a.session, refused);
    cr_expect_str_eq(refused->message, "xbzrle is not supported");
    session_apply_compression(a.session, &on);
    session_explain_refusal(a.session, refused);
    cr_expect_not_null(strstr(refused->message, "--no-compression"), "%s",
                       refused->message);
    session_explain_refusal(a.session, other);
    cr_expect_str_eq(other->message, "no space");
    asked(&a);
}
