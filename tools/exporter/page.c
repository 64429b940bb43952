/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * page.c - page.html with its style and its scripts in it
 *
 * All are embedded as resources. The policy that goes with the page
 * allows the browser this very style and this very script, by their hashes,
 * and requests to where the page came from; nothing else. So even if a guest's
 * name became markup one day, no script in it would run.
 */
#include "tools/exporter/page.h"

#include <gio/gio.h>
#include <string.h>

/* made by glib-compile-resources out of exporter.gresource.xml */
GResource *exporter_get_resource(void);

static char *
resource(const char *name)
{
    g_autofree char *path = g_strconcat("/vmferry/exporter/", name, NULL);
    g_autoptr(GBytes) bytes = g_resource_lookup_data(
        exporter_get_resource(), path, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);
    gsize length;
    const char *text;

    g_assert(bytes);
    text = g_bytes_get_data(bytes, &length);
    return g_strndup(text, length);
}

/* In this order: a later one uses what an earlier one says. */
static const char *const scripts[] = { "page-words.js", "page-charts.js",
                                       "page-sessions.js", "page.js", NULL };

static char *
joined(const char *const *names)
{
    GString *text = g_string_new("\n");

    for (size_t i = 0; names[i]; i++) {
        g_autofree char *part = resource(names[i]);

        g_string_append(text, part);
    }
    return g_string_free(text, FALSE);
}

/* As the policy wants it: 'sha256-...' in base64. */
static char *
hash_of(const char *text)
{
    g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
    guint8 digest[32];
    gsize length = sizeof(digest);
    g_autofree char *base64 = NULL;

    g_checksum_update(checksum, (const guchar *)text, (gssize)strlen(text));
    g_checksum_get_digest(checksum, digest, &length);
    base64 = g_base64_encode(digest, length);
    return g_strdup_printf("'sha256-%s'", base64);
}

/* Put @text in the one place where @mark stands. */
static void
fill(GString *html, const char *mark, const char *text)
{
    g_assert(g_string_replace(html, mark, text, 0) == 1);
}

void
page_make(Page *page)
{
    g_autofree char *frame = resource("page.html");
    g_autofree char *style = resource("page.css");
    g_autofree char *script = joined(scripts);
    g_autofree char *style_hash = hash_of(style);
    g_autofree char *script_hash = hash_of(script);
    GString *html = g_string_new(frame);

    fill(html, "@STYLE@", style);
    fill(html, "@SCRIPT@", script);
    page->html = g_string_free_to_bytes(html);
    page->content_policy = g_strdup_printf(
        "default-src 'none'; style-src %s; script-src %s; connect-src 'self'; "
        "img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'",
        style_hash, script_hash);
}

void
page_clear(Page *page)
{
    g_clear_pointer(&page->html, g_bytes_unref);
    g_clear_pointer(&page->content_policy, g_free);
}
