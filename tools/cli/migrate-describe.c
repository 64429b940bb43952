/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * migrate-describe.c - "--dry-run": what a run would do, and what to expect
 *
 * Before the first iteration nothing is known about how the guest writes its
 * memory, so the forecast is the one bound there is: the first pass sends all
 * of memory once, zero pages as nine bytes, so at most its size over what the
 * stream is sure to get.
 */
#include <string.h>

#include "base/json.h"
#include "base/units.h"
#include "tools/cli/migrate-prepare-priv.h"

/* The root class carries this share of a link's rate: specification 5. */
#define ROOT_SHARE 0.97

typedef struct Expectation {
    bool shaped;
    PolicyDecision decision;
    Known first_pass_s; /* at most */
} Expectation;

static Expectation
expect(const MigratePlan *plan)
{
    const SessionSpec *spec = &plan->spec;
    uint64_t memory = virt_guest_info(plan->guest)->memory_bytes;
    g_autoptr(Forecaster) nothing = forecaster_new(memory / 4096);
    Expectation expected = { .shaped = spec->policy.kind != POLICY_NONE };
    PolicyInput input = { .iter = 1,
                          .pages_to_send = memory / 4096,
                          .page_bytes = 4096 };

    if (!expected.shaped) {
        return expected;
    }
    input.link_bytes_s = (double)plan->link.rate_bytes_s * ROOT_SHARE;
    for (size_t i = 0; i < spec->n_protected; i++) {
        input.others_bytes_s += (double)spec->protected_specs[i].rate_bytes_s;
    }
    policy_decide(&spec->policy, nothing, &input, &expected.decision);
    if (expected.decision.guarantee_bytes_s > 0) {
        expected.first_pass_s =
            known((double)memory / (double)expected.decision.guarantee_bytes_s);
    }
    return expected;
}

static char *
describe_params(const VirtMigrateSpec *spec)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < spec->params->len; i++) {
        const VirtParam *param = g_ptr_array_index(spec->params, i);

        g_string_append_printf(text, "%s%s=", i ? ", " : "", param->name);
        switch (param->type) {
        case VIRT_PARAM_STRING:
            g_string_append(text, param->string);
            break;
        case VIRT_PARAM_UINT:
        case VIRT_PARAM_ULLONG:
            g_string_append_printf(text, "%" G_GUINT64_FORMAT, param->natural);
            break;
        case VIRT_PARAM_DOUBLE:
            g_string_append_printf(text, "%g", param->real);
            break;
        case VIRT_PARAM_INT:
        case VIRT_PARAM_LLONG:
        case VIRT_PARAM_BOOL:
        case VIRT_N_PARAM_TYPES:
            g_string_append_printf(text, "%" G_GINT64_FORMAT, param->number);
            break;
        }
    }
    return g_string_free(text, FALSE);
}

static const char *
describe_call(const VirtMigrateSpec *spec)
{
    return spec->flags & VIRT_MIGRATE_PEER2PEER || spec->direct
               ? "virDomainMigrateToURI3"
               : "virDomainMigrate3";
}

static void
append_host(GString *text, const char *label, const char *uri,
            const VirtHost *host)
{
    const VirtHostInfo *info = host ? virt_host_info(host) : NULL;

    g_string_append_printf(text, "%-10s %s", label, info ? info->uri : uri);
    if (info) {
        g_string_append_printf(
            text, " (%s, libvirt %s, QEMU %s)", info->host_name,
            info->libvirt_version,
            info->hypervisor_version ? info->hypervisor_version : "?");
    }
    g_string_append_c(text, '\n');
}

/* Each line of @lines under the label's column. */
static void
append_lines(GString *text, const char *label, const char *lines)
{
    g_auto(GStrv) split = g_strsplit(lines, "\n", -1);

    for (size_t i = 0; split[i]; i++) {
        if (*split[i]) {
            g_string_append_printf(text, "%-10s %s\n", i ? "" : label,
                                   split[i]);
        }
    }
}

static char *
describe_text(const MigratePlan *plan, const char *changes,
              const Expectation *expected)
{
    const VirtGuestInfo *guest = virt_guest_info(plan->guest);
    const VirtMigrateSpec *migrate = plan->spec.migrate;
    GString *text = g_string_new(NULL);
    g_autofree char *memory = units_format_bytes((double)guest->memory_bytes);
    g_autofree char *flags = virt_migrate_flag_names(migrate->flags);
    g_autofree char *params = describe_params(migrate);

    g_string_append_printf(text, "%-10s %s (%s), %s, %u vCPU%s, %s\n", "guest",
                           guest->name, guest->uuid, memory, guest->vcpus,
                           guest->vcpus == 1 ? "" : "s",
                           guest->accelerator ? guest->accelerator : "?");
    append_host(text, "from", NULL, plan->source);
    append_host(text, "to", plan->options->desturi, plan->destination);
    g_string_append_printf(text, "%-10s %s, flags %s%s%s\n", "libvirt",
                           describe_call(migrate), *flags ? flags : "none",
                           *params ? ", " : "", params);
    if (plan->has_link) {
        g_autofree char *rate =
            units_format_rate((double)plan->link.rate_bytes_s);

        g_string_append_printf(
            text, "%-10s %s, %s (%s)\n", "link", plan->link.chain, rate,
            plan->link.rate_declared ? "declared" : "of the NIC");
    }
    if (plan->spec.compresses) {
        Compression compression;

        session_compression(&plan->spec, &compression);
        g_string_append_printf(text, "%-10s %s\n", "pages", compression.reason);
    }
    if (!expected->shaped) {
        g_string_append_printf(text, "%-10s none: no traffic control\n",
                               "policy");
        return g_string_free(text, FALSE);
    }
    append_lines(text, "tc", changes);
    g_string_append_printf(text, "%-10s %s: %s\n", "policy",
                           policy_kind_name(plan->spec.policy.kind),
                           expected->decision.reason);
    if (expected->first_pass_s.known) {
        g_autofree char *rate =
            units_format_rate((double)expected->decision.guarantee_bytes_s);
        g_autofree char *time =
            units_format_seconds(expected->first_pass_s.value);

        g_string_append_printf(text,
                               "%-10s first pass at most %s: %s at no less "
                               "than %s; how the guest writes is known after "
                               "it\n",
                               "forecast", time, memory, rate);
    }
    return g_string_free(text, FALSE);
}

static char *
describe_json(const MigratePlan *plan, const char *changes,
              const Expectation *expected)
{
    const VirtGuestInfo *guest = virt_guest_info(plan->guest);
    g_autoptr(JsonObject) json = json_object_new_object();
    g_autofree char *flags = virt_migrate_flag_names(plan->spec.migrate->flags);
    g_autofree char *body = NULL;

    jobj_add_string(json, "guest", guest->name);
    jobj_add_string(json, "uuid", guest->uuid);
    jobj_add_u64(json, "memory_bytes", guest->memory_bytes);
    jobj_add_string(json, "source", virt_host_info(plan->source)->uri);
    jobj_add_string(json, "destination", plan->options->desturi);
    jobj_add_string(json, "call", describe_call(plan->spec.migrate));
    jobj_add_string(json, "flags", flags);
    jobj_add_string(json, "policy", policy_kind_name(plan->spec.policy.kind));
    if (plan->has_link) {
        JsonObject *link = json_object_new_object();

        jobj_add_string(link, "device", plan->link.device);
        jobj_add_string(link, "chain", plan->link.chain);
        jobj_add_u64(link, "rate_bytes_s", plan->link.rate_bytes_s);
        jobj_add_bool(link, "rate_declared", plan->link.rate_declared);
        jobj_add(json, "link", link);
    }
    if (plan->spec.compresses) {
        JsonObject *pages = json_object_new_object();
        Compression compression;

        session_compression(&plan->spec, &compression);
        jobj_add_bool(pages, "on", compression.on);
        jobj_add_u64(pages, "cache_bytes", compression.cache_bytes);
        jobj_add_string(pages, "reason", compression.reason);
        jobj_add(json, "compression", pages);
    }
    if (expected->shaped) {
        jobj_add(json, "tc", jobj_new_lines(changes));
        jobj_add_u64(json, "guarantee_bytes_s",
                     expected->decision.guarantee_bytes_s);
        jobj_add_u64(json, "ceiling_bytes_s",
                     expected->decision.ceiling_bytes_s);
        jobj_add_string(json, "reason", expected->decision.reason);
        jobj_add_known(json, "first_pass_at_most_s", expected->first_pass_s);
    }
    body = jobj_to_text(json, true);
    return g_strconcat(body, "\n", NULL);
}

char *
migrate_plan_describe(MigratePlan *plan, bool json, GError **error)
{
    const SessionSpec *spec = &plan->spec;
    Expectation expected = expect(plan);
    g_autofree char *changes = NULL;

    if (expected.shaped) {
        ReservationSpec reserve = {
            .link = spec->link,
            .name = virt_guest_info(plan->guest)->name,
            .uuid = virt_guest_info(plan->guest)->uuid,
            .protected_specs = spec->protected_specs,
            .n_protected = spec->n_protected,
            .parent = spec->parent,
        };

        changes = reservation_plan(&reserve, error);
        if (!changes) {
            return NULL;
        }
    }
    return json ? describe_json(plan, changes, &expected)
                : describe_text(plan, changes, &expected);
}
