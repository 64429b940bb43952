/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-page.c - the page about a plan is well-formed whatever names there are
 */
#include <criterion/criterion.h>
#include <string.h>

#include "tools/consolidate/page.h"

static const char decision_text[] =
    "{\"format\":\"vmferry-decision-1\",\"id\":\"plan-1\","
    "\"at\":\"2026-03-01T12:00:00.000000+00:00\",\"summary\":\"1 move & "
    "<more>\","
    "\"triggers\":[{\"kind\":\"evacuate\",\"host\":0,\"text\":\"a > b\"}],"
    "\"moves\":[{\"guest\":\"<db>\",\"from\":\"a&b\",\"to\":\"c\\\"d\","
    "\"kind\":\"evacuate\",\"mends\":true,\"bypass\":false,\"why\":\"it has "
    "to\","
    "\"after\":[],\"start_s\":0,\"rate_bytes_s\":1000,\"bytes\":2048,"
    "\"time_s\":4,\"downtime_s\":0.1,\"cost_j\":1080,\"saves_w\":0,"
    "\"benefit_j\":0}],\"powers\":[],\"refusals\":["
    "{\"subject\":\"x\",\"why\":\"it's <fixed>\"}],"
    "\"violation_before\":3,\"violation_after\":0,\"cost_w_before\":10,"
    "\"cost_w_after\":8,\"far_bytes_s_before\":1e6,\"far_bytes_s_after\":0,"
    "\"cost_j\":1080,\"benefit_j\":0,\"makespan_s\":4,\"bound_s\":4}";

static const char over_text[] =
    "{\"steps\":[{\"state\":\"done\",\"why\":null,\"via\":\"<session> 7\","
    "\"started\":\"2026-03-01T12:00:01.000000+00:00\","
    "\"ended\":\"2026-03-01T12:00:06.500000+00:00\",\"progress\":1,"
    "\"took_s\":5.5,\"downtime_s\":0.12,\"bytes\":4096}],\"over\":true,"
    "\"stopped\":\"a & b\",\"brought_w\":2,\"far_bytes_s\":0}";

/* Two hosts, and names that are no help to XML. */
static const char cluster_text[] =
    "{\"format\":\"%s\",\"at\":\"2026-03-01T12:00:00.000000+00:00\","
    "\"hosts\":[{\"name\":\"a&b\",\"state\":\"up\",\"rack\":\"<left>\","
    "\"cpu_milli\":1000,\"memory_bytes\":4096},"
    "{\"name\":\"c\\\"d\",\"state\":\"%s\",\"rack\":\"right\","
    "\"cpu_milli\":1000,\"memory_bytes\":4096}],"
    "\"guests\":[{\"name\":\"<db>\",\"host\":\"%s\",\"cpu_milli\":950,"
    "\"memory_bytes\":2048},{\"name\":\"web\",\"host\":\"a&b\","
    "\"cpu_milli\":50,\"memory_bytes\":2048}],"
    "\"flows\":[{\"a\":0,\"b\":1,\"bytes_s\":2e6}],\"flow_span_s\":60}";

static JsonObject *
cluster_of(const char *format, const char *state, const char *host)
{
    g_autofree char *text = g_strdup_printf(cluster_text, format, state, host);
    JsonObject *json = jobj_parse(text, strlen(text), NULL);

    cr_assert_not_null(json);
    return json;
}

static char *
page_with(const char *over_json, JsonObject *before, JsonObject *after)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonObject) json =
        jobj_parse(decision_text, strlen(decision_text), &error);
    g_autoptr(JsonObject) over =
        over_json ? jobj_parse(over_json, strlen(over_json), NULL) : NULL;
    g_autoptr(JsonObject) was = before;
    g_autoptr(ConsDecision) decision = cons_decision_from_json(json, &error);

    cr_assert_not_null(decision, "%s", error ? error->message : "");
    if (after) {
        jobj_add(over, "cluster", after);
    }
    return page_of_plan(decision, was, over);
}

static char *
page_of(const char *over_json)
{
    return page_with(over_json, NULL, NULL);
}

static void
check_xml(const char *page)
{
    static const GMarkupParser parser = { 0 };
    g_autoptr(GMarkupParseContext) context =
        g_markup_parse_context_new(&parser, 0, NULL, NULL);
    g_autoptr(GError) error = NULL;
    const char *html = strstr(page, "<html");

    cr_assert_not_null(html);
    cr_assert(g_markup_parse_context_parse(context, html, -1, &error), "%s",
              error ? error->message : "");
    cr_assert(g_markup_parse_context_end_parse(context, &error));
}

Test(page, names_from_outside_are_text)
{
    g_autofree char *before = page_of(NULL);
    g_autofree char *after = page_of(over_text);

    check_xml(before);
    check_xml(after);
    cr_assert(strstr(before, "not begun"));
    cr_assert(strstr(after, "&lt;db&gt;"));
    cr_assert(strstr(after, "5.5 s / 4.0 s"));
    cr_assert(strstr(after, "; &lt;session&gt; 7<"));
    cr_assert(strstr(after, "class=\"ran\""));
    cr_assert_null(strstr(before, "class=\"ran\""));
    cr_assert(strstr(after, "stopped: "));
}

Test(page, documents_of_another_kind_do_no_harm)
{
    g_autofree char *page = page_of("{\"steps\":{\"state\":3}}");
    g_autofree char *other =
        page_of("{\"steps\":[null],\"stopped\":7,\"brought_w\":\"x\"}");

    check_xml(page);
    check_xml(other);
}

static unsigned
count(const char *page, const char *word)
{
    unsigned n = 0;

    for (const char *at = page; (at = strstr(at, word)); at++) {
        n++;
    }
    return n;
}

Test(page, the_cluster_is_drawn_before_and_after)
{
    g_autofree char *planned =
        page_with(NULL, cluster_of(CLUSTER_FORMAT, "up", "a&b"), NULL);
    g_autofree char *seen =
        page_with(over_text, cluster_of(CLUSTER_FORMAT, "up", "a&b"),
                  cluster_of(CLUSTER_FORMAT, "up", "c\\\"d"));

    check_xml(planned);
    check_xml(seen);
    cr_assert(strstr(planned, "after, as planned"));
    cr_assert_null(strstr(seen, "after, as planned"));
    /* two guests on either side, one of which moves */
    cr_assert_eq(count(seen, "class=\"moved\""), 2);
    cr_assert_eq(count(seen, "class=\"guest\""), 2);
    cr_assert_eq(count(seen, "class=\"full\""), 2, "95 %% is much");
    cr_assert_eq(count(seen, "class=\"traffic\""), 1);
    cr_assert(strstr(seen, "&lt;db&gt; to web: "));
}

Test(page, what_is_no_cluster_is_not_drawn)
{
    g_autofree char *other =
        page_with(over_text, cluster_of("else", "up", "a&b"),
                  cluster_of(CLUSTER_FORMAT, "up", "a&b"));
    g_autofree char *after =
        page_with(over_text, cluster_of(CLUSTER_FORMAT, "up", "a&b"),
                  cluster_of("else", "up", "a&b"));

    check_xml(other);
    check_xml(after);
    cr_assert_null(strstr(other, "class=\"cluster\""));
    cr_assert(strstr(after, "after, as planned"));
}
