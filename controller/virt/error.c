/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * error.c - libvirt's errors become ours here and nowhere deeper
 *
 * libvirt keeps its last error per thread, so it is read by the worker that
 * made the call. Its own words stay at the end of the message and, for a
 * program that has to print what virsh prints, beside it.
 */
#include "virt/virt-priv.h"

typedef struct VirtErrorPrivate {
    char *text;
} VirtErrorPrivate;

static void
virt_error_private_init(VirtErrorPrivate *priv)
{
    priv->text = NULL;
}

static void
virt_error_private_copy(const VirtErrorPrivate *from, VirtErrorPrivate *to)
{
    to->text = g_strdup(from->text);
}

static void
virt_error_private_clear(VirtErrorPrivate *priv)
{
    g_free(priv->text);
}

G_DEFINE_EXTENDED_ERROR(VirtError, virt_error)

const char *
virt_error_libvirt_text(const GError *error)
{
    if (!error || error->domain != VIRT_ERROR) {
        return NULL;
    }
    return virt_error_get_private(error)->text;
}

VirtError
virt_error_code(int libvirt_code, VirtError fallback)
{
    static const struct {
        int theirs;
        VirtError ours;
    } codes[] = {
        { VIR_ERR_NO_CONNECT, VIRT_ERROR_CONNECT },
        { VIR_ERR_AUTH_FAILED, VIRT_ERROR_AUTH },
        { VIR_ERR_AUTH_CANCELLED, VIRT_ERROR_AUTH },
        { VIR_ERR_AUTH_UNAVAILABLE, VIRT_ERROR_AUTH },
        { VIR_ERR_OPERATION_DENIED, VIRT_ERROR_DENIED },
        { VIR_ERR_ACCESS_DENIED, VIRT_ERROR_DENIED },
        { VIR_ERR_NO_DOMAIN, VIRT_ERROR_NO_DOMAIN },
        { VIR_ERR_OPERATION_INVALID, VIRT_ERROR_NOT_RUNNING },
        { VIR_ERR_OPERATION_ABORTED, VIRT_ERROR_ABORTED },
        { VIR_ERR_OPERATION_TIMEOUT, VIRT_ERROR_TIMEOUT },
        { VIR_ERR_MIGRATE_UNSAFE, VIRT_ERROR_UNSAFE },
        { VIR_ERR_NO_SUPPORT, VIRT_ERROR_NO_SUPPORT },
        { VIR_ERR_OPERATION_UNSUPPORTED, VIRT_ERROR_NO_SUPPORT },
        { VIR_ERR_ARGUMENT_UNSUPPORTED, VIRT_ERROR_NO_SUPPORT },
        { VIR_ERR_CONFIG_UNSUPPORTED, VIRT_ERROR_NO_SUPPORT },
        { VIR_ERR_INVALID_ARG, VIRT_ERROR_INVALID },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(codes); i++) {
        if (codes[i].theirs == libvirt_code) {
            return codes[i].ours;
        }
    }
    return fallback;
}

static void
error_set(GError **error, virErrorPtr theirs, virConnectPtr connection,
          VirtError fallback, const char *doing)
{
    const char *text = theirs && theirs->message ? theirs->message
                                                 : "libvirt does not say why";
    VirtError code = virt_error_code(theirs ? theirs->code : 0, fallback);

    /* A daemon forwards errors of its own sockets too, with the same codes:
     * only the connection itself can tell that it is the one that broke. */
    if (connection && virConnectIsAlive(connection) == 0) {
        code = VIRT_ERROR_DISCONNECTED;
    }
    if (error) {
        g_set_error(error, VIRT_ERROR, code, "%s: %s", doing, text);
        virt_error_get_private(*error)->text = g_strdup(text);
    }
}

void
virt_error_take(GError **error, virConnectPtr connection, VirtError fallback,
                const char *format, ...)
{
    virErrorPtr last = virSaveLastError();
    g_autofree char *doing = NULL;
    va_list args;

    va_start(args, format);
    doing = g_strdup_vprintf(format, args);
    va_end(args);
    error_set(error, last, connection, fallback, doing);
    virFreeError(last);
    virResetLastError();
}

void
virt_error_take_guest(GError **error, virDomainPtr domain, const char *format,
                      ...)
{
    virErrorPtr last = virSaveLastError();
    const char *name = virDomainGetName(domain);
    g_autofree char *doing = NULL, *whole = NULL;
    va_list args;

    va_start(args, format);
    doing = g_strdup_vprintf(format, args);
    va_end(args);
    whole = g_strdup_printf("guest '%s': %s", name, doing);
    error_set(error, last, virDomainGetConnect(domain), VIRT_ERROR_FAILED,
              whole);
    virFreeError(last);
    virResetLastError();
}
