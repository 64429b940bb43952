/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * migrate-options.c - from words to what libvirt and the controller are told
 *
 *   words --cmdline--> options --here--> flags, typed parameters   (virsh's)
 *                                   \--> policy, link, files       (ours)
 *
 * Flags and parameters follow from two tables; what each means is libvirt's
 * business and is handed on unseen.
 */
#include "tools/cli/migrate-options-priv.h"

#include <string.h>
#include <sys/stat.h>

G_DEFINE_QUARK(vmferry_migrate_options_error, migrate_options_error)

/* As virsh: a domain's XML is at most 10 MiB. */
#define XML_MAX_BYTES (10 * 1024 * 1024)

static const struct {
    const char *name;
    unsigned flag;
} flag_table[] = {
    { "live", VIRT_MIGRATE_LIVE },
    { "p2p", VIRT_MIGRATE_PEER2PEER },
    { "tunnelled", VIRT_MIGRATE_TUNNELLED },
    { "persistent", VIRT_MIGRATE_PERSIST_DEST },
    { "undefinesource", VIRT_MIGRATE_UNDEFINE_SOURCE },
    { "suspend", VIRT_MIGRATE_PAUSED },
    { "copy-storage-all", VIRT_MIGRATE_NON_SHARED_DISK },
    { "copy-storage-inc", VIRT_MIGRATE_NON_SHARED_INC },
    { "copy-storage-synchronous-writes",
      VIRT_MIGRATE_NON_SHARED_SYNCHRONOUS_WRITES },
    { "change-protection", VIRT_MIGRATE_CHANGE_PROTECTION },
    { "unsafe", VIRT_MIGRATE_UNSAFE },
    { "compressed", VIRT_MIGRATE_COMPRESSED },
    { "auto-converge", VIRT_MIGRATE_AUTO_CONVERGE },
    { "rdma-pin-all", VIRT_MIGRATE_RDMA_PIN_ALL },
    { "offline", VIRT_MIGRATE_OFFLINE },
    { "abort-on-error", VIRT_MIGRATE_ABORT_ON_ERROR },
    { "postcopy", VIRT_MIGRATE_POSTCOPY },
    { "postcopy-resume", VIRT_MIGRATE_POSTCOPY_RESUME },
    { "zerocopy", VIRT_MIGRATE_ZEROCOPY },
    { "tls", VIRT_MIGRATE_TLS },
    { "parallel", VIRT_MIGRATE_PARALLEL },
};

typedef enum {
    PARAM_STRING,
    PARAM_LIST, /* one parameter for each part between commas */
    PARAM_FILE, /* its contents */
    PARAM_INT,
    PARAM_INT_NOT_ZERO, /* 0 is as good as not given */
    PARAM_ULLONG,
} ParamForm;

/* In the order in which virsh adds them. */
static const struct {
    const char *option;
    ParamForm form;
    const char *param;
} param_table[] = {
    { "migrateuri", PARAM_STRING, VIRT_MIGRATE_PARAM_URI },
    { "graphicsuri", PARAM_STRING, VIRT_MIGRATE_PARAM_GRAPHICS_URI },
    { "listen-address", PARAM_STRING, VIRT_MIGRATE_PARAM_LISTEN_ADDRESS },
    { "disks-port", PARAM_INT_NOT_ZERO, VIRT_MIGRATE_PARAM_DISKS_PORT },
    { "disks-uri", PARAM_STRING, VIRT_MIGRATE_PARAM_DISKS_URI },
    { "dname", PARAM_STRING, VIRT_MIGRATE_PARAM_DEST_NAME },
    { "migrate-disks", PARAM_LIST, VIRT_MIGRATE_PARAM_MIGRATE_DISKS },
    { "comp-methods", PARAM_LIST, VIRT_MIGRATE_PARAM_COMPRESSION },
    { "comp-mt-level", PARAM_INT, VIRT_MIGRATE_PARAM_COMPRESSION_MT_LEVEL },
    { "comp-mt-threads", PARAM_INT, VIRT_MIGRATE_PARAM_COMPRESSION_MT_THREADS },
    { "comp-mt-dthreads", PARAM_INT,
      VIRT_MIGRATE_PARAM_COMPRESSION_MT_DTHREADS },
    { "comp-xbzrle-cache", PARAM_ULLONG,
      VIRT_MIGRATE_PARAM_COMPRESSION_XBZRLE_CACHE },
    { "xml", PARAM_FILE, VIRT_MIGRATE_PARAM_DEST_XML },
    { "persistent-xml", PARAM_FILE, VIRT_MIGRATE_PARAM_PERSIST_XML },
    { "auto-converge-initial", PARAM_INT,
      VIRT_MIGRATE_PARAM_AUTO_CONVERGE_INITIAL },
    { "auto-converge-increment", PARAM_INT,
      VIRT_MIGRATE_PARAM_AUTO_CONVERGE_INCREMENT },
    { "postcopy-bandwidth", PARAM_ULLONG,
      VIRT_MIGRATE_PARAM_BANDWIDTH_POSTCOPY },
    { "parallel-connections", PARAM_INT,
      VIRT_MIGRATE_PARAM_PARALLEL_CONNECTIONS },
    { "bandwidth", PARAM_ULLONG, VIRT_MIGRATE_PARAM_BANDWIDTH },
    { "tls-destination", PARAM_STRING, VIRT_MIGRATE_PARAM_TLS_DESTINATION },
};

static void
protected_clear(void *data)
{
    ProtectedSpec *spec = data;

    g_free(spec->expression);
}

static MigrateOptions *
options_new(const GlobalOptions *global)
{
    MigrateOptions *options = g_new0(MigrateOptions, 1);

    global_options_init(&options->global);
    if (global) {
        options->global = *global;
        options->global.connect_uri = g_strdup(global->connect_uri);
    }
    options->spec = virt_migrate_spec_new();
    options->protected_specs = g_array_new(false, true, sizeof(ProtectedSpec));
    g_array_set_clear_func(options->protected_specs, protected_clear);
    options->given = g_ptr_array_new_with_free_func(g_free);
    return options;
}

void
migrate_options_free(MigrateOptions *options)
{
    if (!options) {
        return;
    }
    global_options_clear(&options->global);
    g_free(options->domain);
    g_free(options->desturi);
    virt_migrate_spec_free(options->spec);
    g_free(options->link_device);
    g_array_unref(options->protected_specs);
    g_free(options->record_path);
    g_free(options->oracle);
    g_free(options->oracle_path);
    g_free(options->report_path);
    g_free(options->history);
    g_free(options->socket);
    g_ptr_array_unref(options->given);
    g_free(options);
}

/* Which of virsh's options need or exclude one another, in its order. */
static bool
check_virsh_rules(const Cmdline *cmdline, GError **error)
{
    return cmdline_exclusive(cmdline, "live", "offline", error) &&
           cmdline_exclusive(cmdline, "timeout-suspend", "timeout-postcopy",
                             error) &&
           cmdline_requires(cmdline, "postcopy-after-precopy", "postcopy",
                            error) &&
           cmdline_requires(cmdline, "postcopy-resume", "postcopy", error) &&
           cmdline_requires(cmdline, "timeout-postcopy", "postcopy", error) &&
           cmdline_requires(cmdline, "persistent-xml", "persistent", error) &&
           cmdline_requires(cmdline, "tls-destination", "tls", error);
}

static bool
read_timeout(MigrateOptions *options, const Cmdline *cmdline, GError **error)
{
    bool action = cmdline_given(cmdline, "timeout-suspend") ||
                  cmdline_given(cmdline, "timeout-postcopy");

    if (!cmdline_uint(cmdline, "timeout", &options->timeout_s, error)) {
        return false;
    }
    if (options->timeout_s > 0 && !cmdline_given(cmdline, "live")) {
        g_set_error_literal(error, MIGRATE_OPTIONS_ERROR,
                            MIGRATE_OPTIONS_ERROR_RULE,
                            "migrate: Unexpected timeout for offline "
                            "migration");
        return false;
    }
    if (options->timeout_s == 0 && action) {
        g_set_error_literal(error, MIGRATE_OPTIONS_ERROR,
                            MIGRATE_OPTIONS_ERROR_RULE,
                            "migrate: Unexpected --timeout-* option without "
                            "--timeout");
        return false;
    }
    if (options->timeout_s > 0) {
        options->timeout_action = cmdline_given(cmdline, "timeout-postcopy")
                                      ? MIGRATE_TIMEOUT_POSTCOPY
                                      : MIGRATE_TIMEOUT_SUSPEND;
    }
    return true;
}

static bool
add_file(MigrateOptions *options, const char *name, const char *path,
         GError **error)
{
    g_autoptr(GError) cause = NULL;
    g_autofree char *text = NULL;
    struct stat st;
    gsize length = 0;

    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
        g_set_error(error, MIGRATE_OPTIONS_ERROR, MIGRATE_OPTIONS_ERROR_FILE,
                    "cannot read file '%s': it is a folder", path);
        return false;
    }
    if (stat(path, &st) == 0 && st.st_size > XML_MAX_BYTES) {
        g_set_error(error, MIGRATE_OPTIONS_ERROR, MIGRATE_OPTIONS_ERROR_FILE,
                    "cannot read file '%s': larger than %d MiB", path,
                    XML_MAX_BYTES / 1024 / 1024);
        return false;
    }
    if (!g_file_get_contents(path, &text, &length, &cause)) {
        g_set_error(error, MIGRATE_OPTIONS_ERROR, MIGRATE_OPTIONS_ERROR_FILE,
                    "cannot read file '%s': %s", path, cause->message);
        return false;
    }
    if (strlen(text) != length) {
        g_set_error(error, MIGRATE_OPTIONS_ERROR, MIGRATE_OPTIONS_ERROR_FILE,
                    "cannot read file '%s': it is no text", path);
        return false;
    }
    virt_migrate_spec_add_string(options->spec, name, text);
    return true;
}

static bool
add_param(MigrateOptions *options, const Cmdline *cmdline, const char *option,
          ParamForm form, const char *name, GError **error)
{
    const char *text = NULL;
    uint64_t number = 0;
    int integer = 0;

    if (!cmdline_given(cmdline, option)) {
        return true;
    }
    switch (form) {
    case PARAM_STRING:
    case PARAM_LIST:
    case PARAM_FILE:
        if (!cmdline_string(cmdline, option, &text, error)) {
            return false;
        }
        if (form == PARAM_FILE) {
            return add_file(options, name, text, error);
        }
        if (form == PARAM_STRING) {
            virt_migrate_spec_add_string(options->spec, name, text);
        } else {
            g_auto(GStrv) parts = g_strsplit(text, ",", 0);

            for (size_t i = 0; parts[i]; i++) {
                virt_migrate_spec_add_string(options->spec, name, parts[i]);
            }
        }
        return true;
    case PARAM_INT:
    case PARAM_INT_NOT_ZERO:
        if (!cmdline_int(cmdline, option, &integer, error)) {
            return false;
        }
        if (form == PARAM_INT || integer != 0) {
            virt_migrate_spec_add_int(options->spec, name, integer);
        }
        return true;
    case PARAM_ULLONG:
        if (!cmdline_u64(cmdline, option, &number, error)) {
            return false;
        }
        virt_migrate_spec_add_u64(options->spec, name, number);
        return true;
    }
    g_assert_not_reached();
}

static bool
read_virsh_options(MigrateOptions *options, const Cmdline *cmdline,
                   GError **error)
{
    const char *domain = NULL;
    const char *desturi = NULL;

    if (!check_virsh_rules(cmdline, error) ||
        !cmdline_string(cmdline, "domain", &domain, error) ||
        !read_timeout(options, cmdline, error) ||
        !cmdline_string(cmdline, "desturi", &desturi, error)) {
        return false;
    }
    options->domain = g_strdup(domain);
    options->desturi = g_strdup(desturi);

    for (size_t i = 0; i < G_N_ELEMENTS(param_table); i++) {
        if (!add_param(options, cmdline, param_table[i].option,
                       param_table[i].form, param_table[i].param, error)) {
            return false;
        }
    }
    for (size_t i = 0; i < G_N_ELEMENTS(flag_table); i++) {
        if (cmdline_given(cmdline, flag_table[i].name)) {
            options->spec->flags |= flag_table[i].flag;
        }
    }
    if (cmdline_given(cmdline, "copy-storage-synchronous-writes") &&
        !cmdline_given(cmdline, "copy-storage-all") &&
        !cmdline_given(cmdline, "copy-storage-inc")) {
        g_set_error_literal(error, MIGRATE_OPTIONS_ERROR,
                            MIGRATE_OPTIONS_ERROR_RULE,
                            "'--copy-storage-synchronous-writes' requires one "
                            "of '--copy-storage-all', 'copy-storage-inc'");
        return false;
    }

    options->spec->direct = cmdline_given(cmdline, "direct");
    options->spec->destination_uri = g_strdup(desturi);
    options->needs_destination =
        !options->spec->direct && !cmdline_given(cmdline, "p2p");
    options->postcopy_after_precopy =
        cmdline_given(cmdline, "postcopy-after-precopy");
    options->verbose = cmdline_given(cmdline, "verbose");
    options->migrateuri =
        virt_migrate_spec_string(options->spec, VIRT_MIGRATE_PARAM_URI);
    return true;
}

MigrateOptions *
migrate_options_parse(const char *const *words, const GlobalOptions *global,
                      bool *help, GError **error)
{
    g_autoptr(MigrateOptions) options = options_new(global);
    g_autoptr(Cmdline) cmdline = NULL;

    *help = false;
    for (size_t i = 0; words[i]; i++) {
        g_ptr_array_add(options->given, g_strdup(words[i]));
    }
    cmdline = cmdline_parse("migrate", migrate_options_table(), words, error);
    if (!cmdline) {
        return NULL;
    }
    if (cmdline_help(cmdline)) {
        *help = true;
        return NULL;
    }
    if (!read_virsh_options(options, cmdline, error) ||
        !migrate_options_read_own(options, cmdline, error)) {
        return NULL;
    }
    if (!options->global.connect_uri) {
        options->global.connect_uri =
            g_strdup(g_getenv("VIRSH_DEFAULT_CONNECT_URI"));
    }
    return g_steal_pointer(&options);
}
