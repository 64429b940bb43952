/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-config.c - what vmferry.conf may say, and what is said of mistakes
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/config.h"

static DaemonConfig *
parse(const char *text)
{
    g_autoptr(GError) error = NULL;
    DaemonConfig *config = daemon_config_parse(text, strlen(text), "f", &error);

    cr_assert_not_null(config, "%s", error ? error->message : "");
    return config;
}

Test(config, defaults_change_nothing_on_a_host)
{
    g_autoptr(DaemonConfig) config = parse("");
    ConfigRules rules;
    ConfigWho who = { .name = "vm-a", .starter = CONFIG_STARTER_OTHER };

    daemon_config_rules(config, &who, &rules);
    cr_expect_eq(rules.mode, CONFIG_MODE_OBSERVE);
    cr_expect_eq(rules.policy, POLICY_DEFAULT);
    cr_expect_eq(rules.margin, 1.25);
    cr_expect_eq(rules.deadline_s, 0);
    cr_expect_eq(rules.ceiling_bytes_s, 0);
    cr_expect_eq(rules.allow, 1u << CONFIG_MAY_GUARANTEE |
                                  1u << CONFIG_MAY_ORDER |
                                  1u << CONFIG_MAY_WAIT);
    cr_expect_str_eq(config->daemon.connect, "qemu:///system");
    cr_expect_null(config->control.read_group);
    cr_expect_eq(config->daemon.metadata, CONFIG_METADATA_NARROW);
    cr_expect(config->daemon.bound_unsent);
    cr_expect_eq(config->queue.parallel, 2);
    cr_expect_eq(daemon_config_link(config, "eth9")->share_max, 0.9);
}

static const char everything[] =
    "# a comment\n"
    "[daemon]\n"
    "mode = advise\n"
    "history=none\n"
    "cleaner-after=2min\n"
    "bound-unsent=no\n"
    "log=debug\r\n"
    "metadata=no\n"
    "\n"
    "[control]\n"
    "read-group=operators\n"
    "[ladder]\n"
    "allow=guarantee, order;wait downtime\n"
    "downtime-max=500ms\n"
    "[link eth1]\n"
    "capacity=10gbit\n"
    "parent=1:2a\n"
    "parallel=4\n"
    "[guest 6695EB01-f6a4-8304-79aa-97f2502e193f]\n"
    "mode=enforce\n"
    "[guest web-*]\n"
    "  deadline=90s\n"
    "priority=9\n"
    "[destination 10.1.0.0/16]\n"
    "capacity=500mbit\n"
    "incoming=2\n"
    "ceiling=6MiB/s\n"
    "[destination Host-2.Example.org]\n"
    "mode=observe\n"
    "[starter backup]\n"
    "allow=none\n"
    "[protect the database]\n"
    "match=tcp port 5432 and net 10.0.0.0/8\n"
    "rate=20mbit\n"
    "link=eth1\n"
    "[queue]\n"
    "order=arrival\n"
    "parallel=none\n"
    "[breaker]\n"
    "on=no\n"
    "coverage-min=62.5%\n";

Test(config, reads_every_section)
{
    g_autoptr(DaemonConfig) config = parse(everything);
    const ConfigLink *link = daemon_config_link(config, "eth1");
    const ConfigGuest *guest;
    const ConfigDestination *there;
    const ConfigProtect *protect;

    cr_expect_eq(config->defaults.mode, CONFIG_MODE_ADVISE);
    cr_expect_str_eq(config->control.read_group, "operators");
    cr_expect_null(config->daemon.history);
    cr_expect_eq(config->daemon.cleaner_after_s, 120);
    cr_expect_not(config->daemon.bound_unsent);
    cr_expect_eq(config->daemon.log, 3);
    cr_expect_eq(config->daemon.metadata, CONFIG_METADATA_NO);
    cr_expect_eq(config->defaults.allow,
                 1u << CONFIG_MAY_GUARANTEE | 1u << CONFIG_MAY_ORDER |
                     1u << CONFIG_MAY_WAIT | 1u << CONFIG_MAY_DOWNTIME);
    cr_expect_eq(config->defaults.downtime_max_ms, 500);
    cr_expect_eq(link->capacity_bytes_s, 1250000000);
    cr_expect_eq(link->parent, 0x1002a);
    cr_expect_eq(link->parallel, 4);
    cr_expect_eq(link->line, 15);
    cr_assert_eq(config->guests->len, 2);
    guest = g_ptr_array_index(config->guests, 0);
    cr_expect_str_eq(guest->name, "6695eb01-f6a4-8304-79aa-97f2502e193f");
    cr_expect_eq(guest->rules.set, 1u << CONFIG_RULE_MODE);
    guest = g_ptr_array_index(config->guests, 1);
    cr_expect_eq(guest->rules.deadline_s, 90);
    cr_expect_eq(guest->rules.priority, 9);
    cr_assert_eq(config->destinations->len, 2);
    there = g_ptr_array_index(config->destinations, 0);
    cr_expect_eq(there->capacity_bytes_s, 62500000);
    cr_expect_eq(there->incoming, 2);
    cr_expect_eq(there->rules.ceiling_bytes_s, 6 << 20);
    there = g_ptr_array_index(config->destinations, 1);
    cr_expect_str_eq(there->name, "host-2.example.org");
    cr_assert_eq(config->starters->len, 1);
    cr_assert_eq(config->protects->len, 1);
    protect = g_ptr_array_index(config->protects, 0);
    cr_expect_str_eq(protect->name, "the database");
    cr_expect_str_eq(protect->match, "tcp port 5432 and net 10.0.0.0/8");
    cr_expect_eq(protect->rate_bytes_s, 2500000);
    cr_expect_eq(config->queue.order, CONFIG_ORDER_ARRIVAL);
    cr_expect_eq(config->queue.parallel, 0);
    cr_expect_not(config->breaker.on);
    cr_expect_eq(config->breaker.coverage_min, 0.625);
}

Test(config, written_out_and_read_again_it_is_the_same)
{
    g_autoptr(DaemonConfig) config = parse(everything);
    g_autofree char *text = daemon_config_to_text(config);
    g_autoptr(DaemonConfig) again = parse(text);
    g_autofree char *twice = daemon_config_to_text(again);
    g_autofree char *difference = daemon_config_diff(config, again, NULL);

    cr_expect_str_eq(text, twice);
    cr_expect_str_eq(difference, "");
}

typedef struct Mistake {
    char text[160];
    char want[160]; /* within the message */
} Mistake;

ParameterizedTestParameters(config, mistakes)
{
    static Mistake cases[] = {
        { "[daemon]\nmodus=enforce\n", "f:2: [daemon] has no key 'modus'" },
        { "[daemon]\n\n# x\nmode=enforced\n",
          "f:4: [daemon]: mode=enforced: it is one of: observe, advise, "
          "enforce" },
        { "[demon]\nmode=enforce\n", "f:1: there is no section [demon]" },
        { "mode=enforce\n", "f:1: 'mode' stands before the first [section]" },
        { "[guest]\n", "f:1: [guest] needs a name: [guest GUEST]" },
        { "[daemon x]\n", "f:1: [daemon x] has no name: [daemon]" },
        { "[daemon\n", "f:1: '[daemon' is no section" },
        { "[daemon] ; x\n", "f:1: '[daemon] ; x' is no section" },
        { "[a]b]\n", "is no section" },
        { "; x\n", "f:1: '; x' is neither [section] nor key=value" },
        { "=x\n", "f:1: '=x' is neither" },
        { "[daemon]\nmode=observe\nlog=info\nmode=advise\n",
          "f:4: [daemon]: 'mode' stands already on line 2" },
        { "[queue]\n[ladder]\n[queue]\n",
          "f:3: [queue] stands already on line 1" },
        { "[destination 10.0.0.1]\n[destination 10.0.0.1/32]\n",
          "f:2: [destination 10.0.0.1] stands already on line 1" },
        { "[destination 10.0.0.1/8]\n", "write 10.0.0.0/8" },
        { "[destination 10.0.0.0/33]\n", "'33' is no length of a prefix" },
        { "[destination fd00::/]\n", "'' is no length of a prefix" },
        { "[destination 10.0.0]\n", "'10.0.0' is no address" },
        { "[link a-name-that-is-long]\n", "is no name of an interface" },
        { "[link eth0]\ncapacity=100\n", "f:2: [link eth0]: capacity=100: " },
        { "[link eth0]\nparent=7666:1\n", "vmferry's own tree" },
        { "[link eth0]\nparent=10\n", "give MAJOR:MINOR" },
        { "[link eth0]\nshare-max=90\n", "percent sign" },
        { "[link eth0]\nshare-max=101%\n", "between 1% and 100%" },
        { "[guest a]\ndeadline=90\n", "one of ms, s, min and h, or none" },
        { "[guest a]\ndeadline=1e3s\n", "give a number with its unit" },
        { "[guest a]\ndeadline=10ms\n", "between 1s and 1000000s" },
        { "[guest a]\ndowntime-max=0ms\n", "between 0.001s and 2000s" },
        { "[guest a]\npriority=10\n", "between 0 and 9" },
        { "[guest a]\npriority=1.5\n", "give a whole number" },
        { "[guest a]\npriority=-1\n", "give a whole number" },
        { "[guest a]\nmargin=nan\n", "give a number" },
        { "[guest a]\nallow=guarantee suspend\n", "'suspend' is none of: " },
        { "[guest a]\nallow=\n", "give some of: guarantee" },
        { "[guest a]\nallow=none abort\n", "'none' is none of" },
        { "[guest a]\nincoming=1\n", "[guest a] has no key 'incoming'" },
        { "[control]\nsocket=control.sock\n", "give the whole path" },
        { "[daemon]\nconnect=\n", "it is empty" },
        { "[daemon]\nmetadata=true\n", "it is one of: no, narrow, yes" },
        { "[breaker]\non=true\n", "give yes or no" },
        { "[protect db]\nmatch=tcp\n", "f:1: [protect db] lacks rate" },
        { "[protect db]\nrate=0bit\nmatch=tcp\n", "f:2: [protect db]: rate=" },
        { "[protect db]\nmatch=a\\qb\nrate=1mbit\n", "f:2: 'match': a backsl" },
        { "[daemon]\nmode=\xff\n", "f:2: this line is not UTF-8" },
        { "[daemon]\nmode=a\x01\n", "f:2: there is a control character" },
    };

    return cr_make_param_array(Mistake, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(Mistake *one, config, mistakes)
{
    g_autoptr(GError) error = NULL;
    DaemonConfig *config =
        daemon_config_parse(one->text, strlen(one->text), "f", &error);

    cr_assert_null(config, "taken: %s", one->text);
    cr_expect(g_error_matches(error, CONFIG_ERROR, CONFIG_ERROR_CONTENT));
    cr_expect_not_null(strstr(error->message, one->want), "%s", error->message);
}

Test(config, all_mistakes_of_a_file_are_told_in_order)
{
    g_autoptr(GError) error = NULL;
    static const char text[] = "[protect db]\n"
                               "rate=5\n"
                               "[guest a]\n"
                               "moode=x\n"
                               "[nowhere]\n"
                               "passed=over\n"
                               "[queue]\n"
                               "parallel=0\n";
    g_auto(GStrv) lines = NULL;

    cr_assert_null(daemon_config_parse(text, strlen(text), "f", &error));
    lines = g_strsplit(error->message, "\n", 0);
    cr_assert_eq(g_strv_length(lines), 5, "%s", error->message);
    cr_expect(g_str_has_prefix(lines[0], "f:1: [protect db] lacks match"));
    cr_expect(g_str_has_prefix(lines[1], "f:2: "));
    cr_expect(g_str_has_prefix(lines[2], "f:4: "));
    cr_expect(g_str_has_prefix(lines[3], "f:5: there is no section [nowhere]"));
    cr_expect(g_str_has_prefix(lines[4], "f:8: "));
}

Test(config, a_nul_byte_is_no_end)
{
    static const char text[] = "[daemon]\nmode=adv\0ise\n";
    g_autoptr(GError) error = NULL;

    cr_assert_null(daemon_config_parse(text, sizeof(text) - 1, "f", &error));
    cr_expect_not_null(strstr(error->message, "f:2: "), "%s", error->message);
}

/* --- who gets what --- */

static const char layered[] =
    "[daemon]\nmode=observe\npriority=1\n"
    "[ladder]\nallow=guarantee order wait downtime abort\n"
    "[starter vmferry]\nmode=advise\n"
    "[starter nightly-*]\nallow=guarantee downtime\n"
    "[destination *.example.org]\npriority=2\n"
    "[destination 10.0.0.0/8]\npriority=3\n"
    "[destination 10.1.0.0/16]\npriority=4\n"
    "[destination host-2.example.org]\npriority=5\n"
    "[guest *]\nmargin=2\n"
    "[guest web-*]\nmode=enforce\nmargin=3\n"
    "[guest web-1]\npriority=8\n"
    "[guest web-??]\nmargin=4\n"
    "[guest 6695eb01-f6a4-8304-79aa-97f2502e193f]\npriority=9\n"
    "allow=guarantee post-copy\n";

typedef struct Case {
    char uuid[40], name[20], host[24], address[16], starter[16];
    ConfigMode mode;
    unsigned priority;
    double margin;
    unsigned allow; /* 0: not compared */
} Case;

#define MAY(what) (1u << CONFIG_MAY_##what)

ParameterizedTestParameters(config, who)
{
    static Case cases[] = {
        { "", "db", "", "", "others", CONFIG_MODE_OBSERVE, 1, 2,
          MAY(GUARANTEE) | MAY(ORDER) | MAY(WAIT) },
        { "", "db", "", "", "vmferry", CONFIG_MODE_ADVISE, 1, 2,
          MAY(GUARANTEE) | MAY(ORDER) | MAY(WAIT) | MAY(DOWNTIME) |
              MAY(ABORT) },
        { "", "db", "", "", "nightly-drain", CONFIG_MODE_OBSERVE, 1, 2,
          MAY(GUARANTEE) | MAY(DOWNTIME) },
        { "", "db", "x.example.org", "", "others", CONFIG_MODE_OBSERVE, 2, 2,
          0 },
        { "", "db", "x.example.org", "10.9.0.1", "others", CONFIG_MODE_OBSERVE,
          3, 2, 0 },
        { "", "db", "", "10.1.0.1", "others", CONFIG_MODE_OBSERVE, 4, 2, 0 },
        { "", "db", "10.1.0.1", "", "others", CONFIG_MODE_OBSERVE, 4, 2, 0 },
        { "", "db", "HOST-2.example.org", "10.1.0.1", "others",
          CONFIG_MODE_OBSERVE, 5, 2, 0 },
        { "", "db", "", "fd00::1", "others", CONFIG_MODE_OBSERVE, 1, 2, 0 },
        { "", "web-100", "", "", "vmferry", CONFIG_MODE_ENFORCE, 1, 3, 0 },
        { "", "web-1", "", "10.1.0.1", "others", CONFIG_MODE_ENFORCE, 8, 3, 0 },
        { "", "web-22", "", "", "others", CONFIG_MODE_ENFORCE, 1, 3, 0 },
        { "6695EB01-F6A4-8304-79AA-97F2502E193F", "web-1", "", "", "vmferry",
          CONFIG_MODE_ENFORCE, 9, 3, MAY(GUARANTEE) | MAY(POST_COPY) },
        { "6695EB01-F6A4-8304-79AA-97F2502E193F", "web-1", "", "", "others",
          CONFIG_MODE_ENFORCE, 9, 3, MAY(GUARANTEE) },
    };

    return cr_make_param_array(Case, cases, G_N_ELEMENTS(cases));
}

static const char *
or_null(const char *text)
{
    return *text ? text : NULL;
}

ParameterizedTest(Case *one, config, who)
{
    g_autoptr(DaemonConfig) config = parse(layered);
    ConfigWho who = { or_null(one->uuid),    or_null(one->name),
                      or_null(one->host),    or_null(one->address),
                      or_null(one->starter), NULL };
    ConfigRules rules;

    daemon_config_rules(config, &who, &rules);
    cr_expect_eq(rules.mode, one->mode);
    cr_expect_eq(rules.priority, one->priority, "priority %u", rules.priority);
    cr_expect_eq(rules.margin, one->margin, "margin %g", rules.margin);
    cr_expect(!one->allow || rules.allow == one->allow, "allow %x",
              rules.allow);
}

Test(config, explains_where_a_rule_comes_from)
{
    g_autoptr(DaemonConfig) config = parse(layered);
    ConfigWho who = { .name = "web-1", .starter = "vmferry" };
    g_autofree char *text = daemon_config_explain(config, &who);

    cr_expect_not_null(
        strstr(text, "mode = enforce, from [guest web-*] (line 20)\n"), "%s",
        text);
    cr_expect_not_null(strstr(text, "deadline = none, from [daemon], or"));
    cr_expect_not_null(strstr(text, "downtime-max = 2000ms, from [ladder], or"),
                       "%s", text);
}

Test(config, limits_of_a_destination)
{
    g_autoptr(DaemonConfig) config =
        parse("[destination 10.0.0.0/8]\nincoming=1\n"
              "[destination 10.1.0.0/16]\nmode=enforce\n");

    ConfigWho near_one = { .address = "10.1.0.1" };
    ConfigWho far = { .host = "host", .address = "192.0.2.1" };

    cr_expect_eq(daemon_config_destination(config, &near_one)->incoming, 1,
                 "the nearer one says nothing about limits");
    cr_expect_null(daemon_config_destination(config, &far));
}

/* "[destination host-2] did not count when somebody else started it" */
Test(config, a_destination_is_known_by_the_names_that_it_was_found_to_have)
{
    g_autoptr(DaemonConfig) config =
        parse("[destination host-2]\nmode=enforce\nincoming=3\n"
              "[destination *.example.org]\npriority=7\n");
    static const char *const names[] = { "host-2", "host-2.example.org", NULL };
    ConfigWho who = { .address = "10.1.0.2" };
    ConfigRules rules;

    daemon_config_rules(config, &who, &rules);
    cr_expect_eq(rules.mode, CONFIG_MODE_OBSERVE);
    who.names = names;
    daemon_config_rules(config, &who, &rules);
    cr_expect_eq(rules.mode, CONFIG_MODE_ENFORCE);
    cr_expect_eq(rules.priority, 7);
    cr_expect_eq(daemon_config_destination(config, &who)->incoming, 3);
}

/* --- a guest's own words --- */

typedef struct Meta {
    char xml[240];
    char want[80]; /* within the message; "": taken */
} Meta;

ParameterizedTestParameters(config, metadata)
{
    static Meta cases[] = {
        { "<guest mode=\"enforce\" deadline='90s'/>", "" },
        { "<vmferry:guest xmlns:vmferry=\"urn:vmferry:guest:1\" "
          "mode=\"enforce\" deadline=\"90s\"/>",
          "" },
        { "<guest xmlns=\"urn:vmferry:guest:1\" deadline='1.5min' "
          "mode='enforce'>\n</guest>",
          "" },
        { "<guest xmlns='urn:else' mode='enforce'/>", "is not ours" },
        { "<host mode='enforce'/>", "not 'host'" },
        { "<guest><mode>enforce</mode></guest>", "not 'mode'" },
        { "<guest>enforce</guest>", "there is text" },
        { "<guest modus='enforce'/>", "there is no 'modus'" },
        { "<guest mode='on'/>", "it is one of" },
        { "<guest capacity='1gbit'/>", "there is no 'capacity'" },
        { "<guest mode='enforce'", "metadata of urn:vmferry:guest:1" },
        { "", "metadata of" },
        { "<guest mode='enforce'/><guest/>", "metadata of" },
    };

    return cr_make_param_array(Meta, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(Meta *one, config, metadata)
{
    g_autoptr(GError) error = NULL;
    ConfigRules rules = { .set = 77 };
    bool taken = config_rules_from_metadata(one->xml, &rules, &error);

    if (*one->want == '\0') {
        cr_assert(taken, "%s", error ? error->message : "");
        cr_expect_eq(rules.set,
                     1u << CONFIG_RULE_MODE | 1u << CONFIG_RULE_DEADLINE);
        cr_expect_eq(rules.mode, CONFIG_MODE_ENFORCE);
        cr_expect_eq(rules.deadline_s, 90);
        return;
    }
    cr_assert_not(taken);
    cr_expect_eq(rules.set, 77, "left alone");
    cr_expect(g_error_matches(error, CONFIG_ERROR, CONFIG_ERROR_METADATA));
    cr_expect_not_null(strstr(error->message, one->want), "%s", error->message);
}

typedef struct Narrow {
    char xml[160];
    bool yes; /* metadata=yes */
    ConfigMode mode;
    PolicyKind policy;
    double deadline_s, margin;
    unsigned priority;
    uint64_t guarantee_bytes_s, ceiling_bytes_s;
    unsigned allow, downtime_max_ms;
} Narrow;

static const char bounded[] =
    "[daemon]\nmode=advise\ndeadline=90s\nguarantee=8mbit\n"
    "[ladder]\nallow=guarantee wait\ndowntime-max=1s\n";

ParameterizedTestParameters(config, narrow)
{
#define NOTHING                                                                \
    false, CONFIG_MODE_ADVISE, POLICY_DEFAULT, 90, 1.25, 5, 1000000, 0,        \
        MAY(GUARANTEE) | MAY(WAIT), 1000
    static Narrow cases[] = {
        { "<guest/>", NOTHING },
        { "<guest mode='enforce' policy='paper' deadline='10s' margin='9' "
          "priority='9' guarantee='1gbit' downtime-max='9s'/>",
          NOTHING },
        { "<guest allow='guarantee wait abort post-copy'/>", NOTHING },
        { "<guest ceiling='1kbit' need='1gbit'/>", NOTHING },
        { "<guest mode='observe' policy='none' deadline='5min' margin='1' "
          "priority='2' guarantee='none' allow='wait' downtime-max='10ms'/>",
          false, CONFIG_MODE_OBSERVE, POLICY_NONE, 300, 1, 2, 0, 0, MAY(WAIT),
          10 },
        { "<guest mode='enforce' priority='9' ceiling='8mbit' "
          "allow='guarantee order'/>",
          true, CONFIG_MODE_ENFORCE, POLICY_DEFAULT, 90, 1.25, 9, 1000000,
          1000000, MAY(GUARANTEE) | MAY(ORDER), 1000 },
    };

    return cr_make_param_array(Narrow, cases, G_N_ELEMENTS(cases));
}

/* "whoever may edit a guest's description could have it enforced" */
ParameterizedTest(Narrow *one, config, narrow)
{
    g_autoptr(DaemonConfig) config = parse(bounded);
    ConfigRules own, rules;
    ConfigWho who = { .name = "a", .starter = "vmferry", .metadata = &own };
    g_autoptr(GError) error = NULL;

    config->daemon.metadata =
        one->yes ? CONFIG_METADATA_YES : config->daemon.metadata;
    cr_assert(config_rules_from_metadata(one->xml, &own, &error), "%s",
              error ? error->message : "");
    daemon_config_rules(config, &who, &rules);
    cr_expect_eq(rules.mode, one->mode);
    cr_expect_eq(rules.policy, one->policy);
    cr_expect_eq(rules.deadline_s, one->deadline_s);
    cr_expect_eq(rules.margin, one->margin);
    cr_expect_eq(rules.priority, one->priority);
    cr_expect_eq(rules.guarantee_bytes_s, one->guarantee_bytes_s);
    cr_expect_eq(rules.ceiling_bytes_s, one->ceiling_bytes_s);
    cr_expect_eq(rules.need_bytes_s, 0);
    cr_expect_eq(rules.allow, one->allow, "%x", rules.allow);
    cr_expect_eq(rules.downtime_max_ms, one->downtime_max_ms);
}

typedef struct Most {
    char text[96];
    char starter[12];
    unsigned allow, most;
} Most;

#define ALL ((1u << CONFIG_N_MAYS) - 1)

ParameterizedTestParameters(config, most)
{
    static Most cases[] = {
        { "[ladder]\nallow=guarantee\n", "vmferry", MAY(GUARANTEE), ALL },
        { "[ladder]\nallow=guarantee\n[starter vmferry]\nallow=guarantee wait",
          "vmferry", MAY(GUARANTEE), MAY(GUARANTEE) | MAY(WAIT) },
        { "[guest a]\nallow=guarantee\n", "vmferry", MAY(GUARANTEE),
          MAY(GUARANTEE) },
        { "[ladder]\nallow=guarantee\n[starter drain]\nallow=guarantee abort",
          "drain", MAY(GUARANTEE), MAY(GUARANTEE) | MAY(ABORT) },
        { "[ladder]\nallow=guarantee abort\n", "others", MAY(GUARANTEE),
          MAY(GUARANTEE) | MAY(ORDER) | MAY(WAIT) },
    };

    return cr_make_param_array(Most, cases, G_N_ELEMENTS(cases));
}

/* What root may name for a migration of its own: not what a section about it
 * leaves out. */
ParameterizedTest(Most *one, config, most)
{
    g_autoptr(DaemonConfig) config = parse(one->text);
    ConfigWho who = { .name = "a", .starter = one->starter };
    ConfigRules rules;

    daemon_config_rules(config, &who, &rules);
    cr_expect_eq(rules.allow, one->allow, "%x", rules.allow);
    cr_expect_eq(rules.allow_most, one->most, "%x", rules.allow_most);
}

Test(config, metadata_win_unless_they_do_not_count)
{
    g_autoptr(DaemonConfig) config = parse(layered);
    g_autoptr(DaemonConfig) without = parse("[daemon]\nmetadata=no\n");
    ConfigRules own, rules;
    ConfigWho who = { .name = "web-1", .metadata = &own };

    cr_assert(config_rules_from_metadata("<guest mode='advise'/>", &own, NULL));
    daemon_config_rules(config, &who, &rules);
    cr_expect_eq(rules.mode, CONFIG_MODE_ADVISE);
    cr_expect_eq(rules.priority, 8);
    daemon_config_rules(without, &who, &rules);
    cr_expect_eq(rules.mode, CONFIG_MODE_OBSERVE);
}

/* --- reload --- */

Test(config, a_reload_tells_what_differs)
{
    g_autoptr(DaemonConfig) before =
        parse("[control]\nsocket=/a\n[guest x]\nmode=advise\ndeadline=9s\n"
              "[link eth0]\ncapacity=1000mbit\n");
    g_autoptr(DaemonConfig) after =
        parse("[guest y]\nmode=enforce\n[guest x]\nmode=enforce\n"
              "[link eth0]\ncapacity=1gbit\n");
    bool restart = false;
    g_autofree char *text = daemon_config_diff(before, after, &restart);

    cr_expect(restart);
    cr_expect_str_eq(text, "[control] socket: /a -> "
                           "/run/vmferry/control.sock (after a restart)\n"
                           "[guest x] mode: advise -> enforce\n"
                           "[guest x] deadline: 9s -> not set\n"
                           "[guest y]: added\n"
                           "[guest y] mode: not set -> enforce\n");
}

Test(config, a_file_that_is_not_there)
{
    g_autoptr(GError) error = NULL;

    cr_assert_null(daemon_config_load("/nonexistent/vmferry.conf", &error));
    cr_expect(g_error_matches(error, CONFIG_ERROR, CONFIG_ERROR_FILE));
    cr_expect_not_null(strstr(error->message, "/nonexistent/vmferry.conf"));
}

Test(config, expressions_are_compiled_when_a_file_is_loaded)
{
    static const char text[] = "[protect a]\nmatch=tcp port 1\nrate=1mbit\n"
                               "[protect b]\nmatch=tcp prot 1\nrate=1mbit\n";
    g_autofree char *path = NULL;
    g_autoptr(GError) error = NULL;
    int fd = g_file_open_tmp("vmferry-conf-XXXXXX", &path, NULL);

    cr_assert(fd >= 0);
    close(fd);
    cr_assert(g_file_set_contents(path, text, -1, NULL));
    cr_assert_null(daemon_config_load(path, &error));
    cr_expect_not_null(strstr(error->message, ":4: [protect b]: "), "%s",
                       error->message);
    cr_expect_null(strstr(error->message, "[protect a]"));
    g_unlink(path);
}

/* "a reload waited for a name server, and all migrations with it" */
Test(config, nothing_in_a_file_is_looked_up)
{
    static const char text[] = "[protect a]\nmatch=host db and port 1\n"
                               "rate=1mbit\n";
    g_autofree char *path = NULL;
    g_autoptr(GError) error = NULL;
    int fd = g_file_open_tmp("vmferry-conf-XXXXXX", &path, NULL);

    cr_assert(fd >= 0);
    close(fd);
    cr_assert(g_file_set_contents(path, text, -1, NULL));
    cr_assert_null(daemon_config_load(path, &error));
    cr_expect_not_null(
        strstr(error->message, "[protect a]: 'db' would have to be looked up"),
        "%s", error->message);
    g_unlink(path);
}
