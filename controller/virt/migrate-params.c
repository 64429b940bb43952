/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * migrate-params.c - a VirtMigrateSpec becomes libvirt's typed parameters
 */
#include <string.h>

#include "virt/virt-priv.h"

#define SAME(flag)                                                             \
    G_STATIC_ASSERT((int)VIRT_MIGRATE_##flag == (int)VIR_MIGRATE_##flag)
SAME(LIVE);
SAME(PEER2PEER);
SAME(TUNNELLED);
SAME(PERSIST_DEST);
SAME(UNDEFINE_SOURCE);
SAME(PAUSED);
SAME(NON_SHARED_DISK);
SAME(NON_SHARED_INC);
SAME(CHANGE_PROTECTION);
SAME(UNSAFE);
SAME(OFFLINE);
SAME(COMPRESSED);
SAME(ABORT_ON_ERROR);
SAME(AUTO_CONVERGE);
SAME(RDMA_PIN_ALL);
SAME(POSTCOPY);
SAME(TLS);
SAME(PARALLEL);
SAME(NON_SHARED_SYNCHRONOUS_WRITES);
SAME(POSTCOPY_RESUME);
SAME(ZEROCOPY);
#undef SAME

VirtMigrateSpec *
virt_migrate_spec_new(void)
{
    VirtMigrateSpec *spec = g_new0(VirtMigrateSpec, 1);

    spec->params = g_ptr_array_new();
    return spec;
}

void
virt_migrate_spec_free(VirtMigrateSpec *spec)
{
    if (!spec) {
        return;
    }
    for (guint i = 0; i < spec->params->len; i++) {
        VirtParam *param = spec->params->pdata[i];

        if (param->type == VIRT_PARAM_STRING) {
            g_free(param->string);
        }
        g_free(param->name);
        g_free(param);
    }
    g_ptr_array_unref(spec->params);
    g_free(spec->destination_uri);
    g_free(spec);
}

static void
add(VirtMigrateSpec *spec, VirtParam param)
{
    param.name = g_strdup(param.name);
    if (param.type == VIRT_PARAM_STRING) {
        param.string = g_strdup(param.string);
    }
    g_ptr_array_add(spec->params, g_memdup2(&param, sizeof(param)));
}

VirtMigrateSpec *
virt_migrate_spec_copy(const VirtMigrateSpec *spec)
{
    VirtMigrateSpec *copy = virt_migrate_spec_new();

    copy->flags = spec->flags;
    copy->direct = spec->direct;
    copy->destination_uri = g_strdup(spec->destination_uri);
    for (guint i = 0; i < spec->params->len; i++) {
        add(copy, *(VirtParam *)spec->params->pdata[i]);
    }
    return copy;
}

void
virt_migrate_spec_add_string(VirtMigrateSpec *spec, const char *name,
                             const char *value)
{
    add(spec, (VirtParam){ .name = (char *)name,
                           .type = VIRT_PARAM_STRING,
                           .string = (char *)value });
}

void
virt_migrate_spec_add_int(VirtMigrateSpec *spec, const char *name, int value)
{
    add(spec, (VirtParam){ .name = (char *)name,
                           .type = VIRT_PARAM_INT,
                           .number = value });
}

void
virt_migrate_spec_add_u64(VirtMigrateSpec *spec, const char *name,
                          uint64_t value)
{
    add(spec, (VirtParam){ .name = (char *)name,
                           .type = VIRT_PARAM_ULLONG,
                           .natural = value });
}

const char *
virt_migrate_spec_string(const VirtMigrateSpec *spec, const char *name)
{
    for (guint i = 0; i < spec->params->len; i++) {
        const VirtParam *param = spec->params->pdata[i];

        if (param->type == VIRT_PARAM_STRING && !strcmp(param->name, name)) {
            return param->string;
        }
    }
    return NULL;
}

char *
virt_migrate_flag_names(unsigned flags)
{
    static const char *const names[] = {
        "live",
        "peer2peer",
        "tunnelled",
        "persist-dest",
        "undefine-source",
        "paused",
        "non-shared-disk",
        "non-shared-inc",
        "change-protection",
        "unsafe",
        "offline",
        "compressed",
        "abort-on-error",
        "auto-converge",
        "rdma-pin-all",
        "postcopy",
        "tls",
        "parallel",
        "non-shared-synchronous-writes",
        "postcopy-resume",
        "zerocopy",
    };
    GString *text = g_string_new(NULL);

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        if (flags & 1u << i) {
            g_string_append_printf(text, "%s%s", text->len ? "|" : "",
                                   names[i]);
        }
    }
    flags &= ~((1u << G_N_ELEMENTS(names)) - 1);
    if (flags) {
        g_string_append_printf(text, "%s0x%x", text->len ? "|" : "", flags);
    }
    return g_string_free(text, FALSE);
}

static bool
param_append(virTypedParameterPtr *params, int *n, int *capacity,
             const VirtParam *param)
{
    switch (param->type) {
    case VIRT_PARAM_STRING:
        return virTypedParamsAddString(params, n, capacity, param->name,
                                       param->string) == 0;
    case VIRT_PARAM_INT:
        return virTypedParamsAddInt(params, n, capacity, param->name,
                                    (int)param->number) == 0;
    case VIRT_PARAM_UINT:
        return virTypedParamsAddUInt(params, n, capacity, param->name,
                                     (unsigned)param->natural) == 0;
    case VIRT_PARAM_LLONG:
        return virTypedParamsAddLLong(params, n, capacity, param->name,
                                      param->number) == 0;
    case VIRT_PARAM_ULLONG:
        return virTypedParamsAddULLong(params, n, capacity, param->name,
                                       param->natural) == 0;
    case VIRT_PARAM_DOUBLE:
        return virTypedParamsAddDouble(params, n, capacity, param->name,
                                       param->real) == 0;
    case VIRT_PARAM_BOOL:
        return virTypedParamsAddBoolean(params, n, capacity, param->name,
                                        param->number != 0) == 0;
    default:
        return false;
    }
}

bool
virt_migrate_params(const VirtMigrateSpec *spec, virTypedParameterPtr *params,
                    int *n_params, GError **error)
{
    virTypedParameterPtr list = NULL;
    int n = 0, capacity = 0;

    for (guint i = 0; i < spec->params->len; i++) {
        const VirtParam *param = spec->params->pdata[i];

        if (!param_append(&list, &n, &capacity, param)) {
            virt_error_take(error, NULL, VIRT_ERROR_INVALID,
                            "migration parameter '%s'", param->name);
            virTypedParamsFree(list, n);
            return false;
        }
    }
    *params = list;
    *n_params = n;
    return true;
}
