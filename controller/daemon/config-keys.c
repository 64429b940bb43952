/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * config-keys.c - the one table of what vmferry.conf may say
 *
 * From it come the reader, the defaults, the messages, the list in the man page
 * (config-list.c prints it, a test compares) and the test that the example file
 * names every key with its default. Whoever adds a key adds a row here and a
 * field in config.h, and nothing else.
 */
#include "daemon/config-priv.h"

#include <string.h>

const ConfigKind config_kinds[CONFIG_N_INS] = {
    [CONFIG_IN_DAEMON] = { "daemon", NULL, offsetof(DaemonConfig, daemon), 0,
                           CONFIG_NO_RULES,
                           "The service itself, and what holds for every "
                           "migration that no other section is about." },
    [CONFIG_IN_CONTROL] = { "control", NULL, offsetof(DaemonConfig, control), 0,
                            CONFIG_NO_RULES,
                            "The socket by which vmferry status, hold and "
                            "others speak with the service." },
    [CONFIG_IN_LADDER] = { "ladder", NULL, 0, 0, CONFIG_NO_RULES,
                           "What may be done to a migration, and how far, "
                           "where no other section says so." },
    [CONFIG_IN_GUEST] = { "guest", "GUEST", offsetof(DaemonConfig, guests),
                          sizeof(ConfigGuest), offsetof(ConfigGuest, rules),
                          "_GUEST_ is a UUID, a name, or a pattern with \\* "
                          "and ?." },
    [CONFIG_IN_DESTINATION] = { "destination", "HOST",
                                offsetof(DaemonConfig, destinations),
                                sizeof(ConfigDestination),
                                offsetof(ConfigDestination, rules),
                                "_HOST_ is an address, ADDRESS/PREFIX, the "
                                "name of a host as in the destination's URI, "
                                "or a pattern of names with \\* and ?." },
    [CONFIG_IN_STARTER] = { "starter", "NAME", offsetof(DaemonConfig, starters),
                            sizeof(ConfigStarter),
                            offsetof(ConfigStarter, rules),
                            "Who started the migration: *vmferry* (vmferry "
                            "migrate), *drain* (vmferry drain), or *others*; "
                            "\\* and "
                            "? may be used." },
    [CONFIG_IN_LINK] = { "link", "INTERFACE", offsetof(DaemonConfig, links),
                         sizeof(ConfigLink), CONFIG_NO_RULES,
                         "An interface that migrations leave by." },
    [CONFIG_IN_PROTECT] = { "protect", "NAME", offsetof(DaemonConfig, protects),
                            sizeof(ConfigProtect), CONFIG_NO_RULES,
                            "Traffic of an application that keeps its rate "
                            "while a migration runs, as with --protect of "
                            "*vmferry*(1). _NAME_ is for people." },
    [CONFIG_IN_QUEUE] = { "queue", NULL, offsetof(DaemonConfig, queue), 0,
                          CONFIG_NO_RULES,
                          "Several migrations on one link. Those that others "
                          "started cannot be queued, only held at a floor." },
    [CONFIG_IN_BREAKER] = { "breaker", NULL, offsetof(DaemonConfig, breaker), 0,
                            CONFIG_NO_RULES,
                            "When the last runs of a link were not as they "
                            "were forecast, vmferry trusts itself less: first "
                            "the last value and a guarantee, then observe, "
                            "with an alert." },
};

static const char *const mode_words[] = { "observe", "advise", "enforce",
                                          NULL };
G_STATIC_ASSERT(G_N_ELEMENTS(mode_words) == CONFIG_N_MODES + 1);
static const char *const policy_words[] = { "none", "paper", "default", NULL };
G_STATIC_ASSERT(G_N_ELEMENTS(policy_words) == POLICY_N_KINDS + 1);
static const char *const may_words[] = {
    "guarantee", "order", "wait",    "downtime", "auto-converge",
    "post-copy", "abort", "ceiling", NULL
};
G_STATIC_ASSERT(G_N_ELEMENTS(may_words) == CONFIG_N_MAYS + 1);
static const char *const log_words[] = { "error", "warning", "info", "debug",
                                         NULL };
static const char *const order_words[] = { "forecast", "arrival", NULL };
static const char *const metadata_words[] = { "no", "narrow", "yes", NULL };

const char *
config_mode_name(ConfigMode mode)
{
    g_assert(mode < CONFIG_N_MODES);
    return mode_words[mode];
}

const char *
config_may_name(ConfigMay may)
{
    g_assert(may < CONFIG_N_MAYS);
    return may_words[may];
}

#define BIT(kind) (1u << CONFIG_IN_##kind)
#define RULED (BIT(GUEST) | BIT(DESTINATION) | BIT(STARTER))

#define RULE(word, default_section, number, type, field)                       \
    .name = (word), .in = (default_section) | RULED,                           \
    .rule = CONFIG_RULE_##number, CONFIG_AT(type, ConfigRules, field)
#define PLAIN(word, section, type, structure, field)                           \
    .name = (word), .in = BIT(section), .rule = CONFIG_PLAIN,                  \
    CONFIG_AT(type, structure, field)
#define CONFIG_AT(kind, structure, field)                                      \
    .type = CONFIG_TYPE_##kind, .at = offsetof(structure, field)

const ConfigKey config_keys[] = {
    /* rules */
    { RULE("mode", BIT(DAEMON), MODE, CHOICE, mode), .fallback = "observe",
      .words = mode_words,
      .help = "*observe*: nothing is changed anywhere; every decision that "
              "would have been taken is recorded, and later what came of it. "
              "*advise*: likewise, and what should be done is said. *enforce*: "
              "it is done." },
    { RULE("policy", BIT(DAEMON), POLICY, CHOICE, policy),
      .fallback = "default", .words = policy_words,
      .help = "By which rules bandwidth is given: *default*, *paper* (for "
              "experiments) or *none*." },
    { RULE("deadline", BIT(DAEMON), DEADLINE, SECONDS, deadline_s),
      .fallback = "none", .none = true, .least = 1, .most = 1e6,
      .help = "The whole migration is to take no longer." },
    { RULE("margin", BIT(DAEMON), MARGIN, NUMBER, margin), .fallback = "1.25",
      .least = 1, .most = 100,
      .help = "So many times the bandwidth at which the guest dirties its "
              "memory is guaranteed." },
    { RULE("priority", BIT(DAEMON), PRIORITY, COUNT, priority), .fallback = "5",
      .least = 0, .most = 9,
      .help = "9 goes first. It decides the order in the queue, and who gets "
              "what when the link cannot give all." },
    { RULE("guarantee", BIT(DAEMON), GUARANTEE, RATE, guarantee_bytes_s),
      .fallback = "none", .none = true,
      .help = "Never guarantee less, as far as the link has it." },
    { RULE("ceiling", BIT(DAEMON), CEILING, RATE, ceiling_bytes_s),
      .fallback = "none", .none = true,
      .help = "Never let the migration use more, even where it is free." },
    { RULE("need", BIT(DAEMON), NEED, RATE, need_bytes_s), .fallback = "none",
      .none = true,
      .help = "What the guest's own application needs while the guest "
              "migrates. *none*: as its traffic tells." },
    { RULE("allow", BIT(LADDER), ALLOW, ANY_OF, allow),
      .fallback = "guarantee order wait ceiling", .none = true,
      .words = may_words,
      .help = "What may be done, in any order: *guarantee* (bandwidth of "
              "its own), *order* (let others go first), *wait* (for a "
              "minimum of remaining pages), *downtime* (raise the limit up "
              "to downtime-max), *auto-converge* (slow the guest, up to "
              "throttle-max; only of migrations that *vmferry migrate* began "
              "with it), *post-copy*, *abort*, *ceiling* (less than what is "
              "free). In [starter] it limits what the other "
              "sections allow; where no [starter] that fits says it, "
              "migrations of others get *guarantee order wait*." },
    { RULE("downtime-max", BIT(LADDER), DOWNTIME_MAX, MILLI, downtime_max_ms),
      .fallback = "2s", .least = 1, .most = 2e6,
      .help = "The downtime limit is raised no further." },
    { RULE("throttle-max", BIT(LADDER), THROTTLE_MAX, PERCENT, throttle_max),
      .fallback = "80%", .least = 0.01, .most = 0.99,
      .help = "No more of a guest's CPU time is taken away." },

    /* [daemon] */
    { PLAIN("connect", DAEMON, TEXT, ConfigDaemon, connect),
      .fallback = "qemu:///system", .restart = true,
      .help = "The libvirt daemon of this host." },
    { PLAIN("history", DAEMON, PATH, ConfigDaemon, history),
      .fallback = "/var/lib/vmferry/history.db", .none = true,
      .help = "Where migrations are remembered for *vmferry forecast*. "
              "vmferryd itself goes by its *records*." },
    { PLAIN("journal", DAEMON, PATH, ConfigDaemon, journal),
      .fallback = "/var/lib/vmferry/journal.db", .restart = true,
      .help = "What has been changed and is to be put back." },
    { PLAIN("records", DAEMON, PATH, ConfigDaemon, records),
      .fallback = "/var/lib/vmferry/records", .none = true,
      .help = "Folder for the record of each migration." },
    { PLAIN("log", DAEMON, CHOICE, ConfigDaemon, log), .fallback = "info",
      .words = log_words,
      .help = "The least important lines that are "
              "logged: *error*, *warning*, *info*, "
              "*debug*." },
    { PLAIN("metadata", DAEMON, CHOICE, ConfigDaemon, metadata),
      .fallback = "narrow", .words = metadata_words,
      .help =
          "What rules in a guest's libvirt metadata are good for, which its "
          "owner may be able to write. *narrow*: to ask for less than this "
          "file gives: a lower mode, policy none, fewer steps, smaller "
          "bounds, margin, priority and guarantee, a later deadline. "
          "*yes*: they count as if they stood here. *no*: for nothing." },
    { PLAIN("cleaner-after", DAEMON, SECONDS, ConfigDaemon, cleaner_after_s),
      .fallback = "30s", .none = true, .least = 1, .most = 86400,
      .restart = true,
      .help = "When the daemon is dead for so long, vmferry-cleaner removes "
              "its classes." },
    { PLAIN("bound-unsent", DAEMON, YES, ConfigDaemon, bound_unsent),
      .fallback = "yes",
      .help = "Where a migration is steered (mode *enforce*, policy "
              "*default*): what QEMU has written to the stream's socket and "
              "what has not left yet is bounded to what the link carries in "
              "16 ms (*TCP_NOTSENT_LOWAT*, see tcp(7)). It is sent while the "
              "guest stands, and QEMU does not count it. *no*: the socket "
              "stays as it is." },

    /* [control] */
    { PLAIN("socket", CONTROL, PATH, ConfigControl, socket),
      .fallback = "/run/vmferry/control.sock", .restart = true,
      .help = "The control socket." },
    { PLAIN("read-group", CONTROL, TEXT, ConfigControl, read_group),
      .fallback = "none", .none = true,
      .help = "Members may see what goes on, beside root. Clients that are "
              "connected at a reload keep what they may." },
    { PLAIN("steer-group", CONTROL, TEXT, ConfigControl, steer_group),
      .fallback = "none", .none = true,
      .help = "Members may also steer: hold, release, cancel and set, announce "
              "migrations with what is allowed to them, disable, enable and "
              "reload." },

    /* [link] */
    { PLAIN("capacity", LINK, RATE, ConfigLink, capacity_bytes_s),
      .fallback = "none", .none = true,
      .help = "What the link carries. *none*: the NIC's own speed, or, where "
              "that means nothing, what is measured." },
    { PLAIN("parent", LINK, CLASS, ConfigLink, parent), .fallback = "none",
      .none = true,
      .help = "The class of somebody else's HTB tree below which vmferry's "
              "classes go, as *tc*(8) writes it (1:10). *none*: a root of its "
              "own." },
    { PLAIN("share-max", LINK, PERCENT, ConfigLink, share_max),
      .fallback = "90%", .least = 0.01, .most = 1,
      .help = "What all migrations together may be guaranteed, by the plan "
              "of the queue." },
    { PLAIN("intensive", LINK, PERCENT, ConfigLink, intensive),
      .fallback = "10%", .least = 0.001, .most = 1,
      .help = "A guest with more traffic in the mean is network-intensive." },
    { PLAIN("parallel", LINK, COUNT, ConfigLink, parallel), .fallback = "none",
      .none = true, .least = 1, .most = 1000,
      .help = "Migrations at once. *none*: as [queue] says." },

    /* [destination] */
    { PLAIN("capacity", DESTINATION, RATE, ConfigDestination, capacity_bytes_s),
      .fallback = "none", .none = true,
      .help = "What all migrations towards it may use together." },
    { PLAIN("incoming", DESTINATION, COUNT, ConfigDestination, incoming),
      .fallback = "none", .none = true, .least = 1, .most = 1000,
      .help = "Migrations towards it at once." },

    /* [protect] */
    { PLAIN("match", PROTECT, TEXT, ConfigProtect, match), .required = true,
      .help = "Which packets, as for *tcpdump*(8): tcp port 6379. Hosts and "
              "networks by address: a name would have to be looked up while "
              "migrations wait." },
    { PLAIN("rate", PROTECT, RATE, ConfigProtect, rate_bytes_s),
      .required = true, .help = "What they get at least." },
    { PLAIN("link", PROTECT, TEXT, ConfigProtect, link), .fallback = "none",
      .none = true, .help = "Only on this interface. *none*: on every one." },

    /* [queue] */
    { PLAIN("order", QUEUE, CHOICE, ConfigQueue, order), .fallback = "forecast",
      .words = order_words,
      .help = "*forecast*: guests that are not network-intensive first, then "
              "what shortens the total; *arrival*: as they came." },
    { PLAIN("parallel", QUEUE, COUNT, ConfigQueue, parallel), .fallback = "2",
      .none = true, .least = 1, .most = 1000,
      .help = "Migrations at once on a link. *none*: no limit." },
    { PLAIN("wait-max", QUEUE, SECONDS, ConfigQueue, wait_max_s),
      .fallback = "1h", .least = 1, .most = 1e6,
      .help = "Whoever has waited for so long goes next." },

    /* [breaker] */
    { PLAIN("on", BREAKER, YES, ConfigBreaker, on), .fallback = "yes",
      .help = "Whether there is one." },
    { PLAIN("runs", BREAKER, COUNT, ConfigBreaker, runs), .fallback = "10",
      .least = 4, .most = 64,
      .help = "So many of the link's last runs are looked at." },
    { PLAIN("coverage-min", BREAKER, PERCENT, ConfigBreaker, coverage_min),
      .fallback = "50%", .least = 0, .most = 1,
      .help = "Of the outcomes at least so many have to lie within the "
              "interval of their forecast (80 % should)." },
    { PLAIN("reserved-min", BREAKER, PERCENT, ConfigBreaker, reserved_min),
      .fallback = "90%", .least = 0, .most = 1,
      .help = "So much of its guarantee a migration has to have got." },
    { PLAIN("kept-min", BREAKER, PERCENT, ConfigBreaker, kept_min),
      .fallback = "70%", .least = 0, .most = 1,
      .help = "So many of the runs have to have got that." },
};
const size_t config_n_keys = G_N_ELEMENTS(config_keys);

const ConfigKey *
config_key_find(ConfigIn in, const char *name)
{
    for (size_t i = 0; i < config_n_keys; i++) {
        if (config_keys[i].in & 1u << in &&
            strcmp(config_keys[i].name, name) == 0) {
            return &config_keys[i];
        }
    }
    return NULL;
}

char *
config_key_names(ConfigIn in)
{
    GString *names = g_string_new(NULL);

    for (size_t i = 0; i < config_n_keys; i++) {
        if (config_keys[i].in & 1u << in) {
            g_string_append_printf(names, "%s%s", names->len ? ", " : "",
                                   config_keys[i].name);
        }
    }
    return g_string_free(names, FALSE);
}

const char *
config_type_name(ConfigType type)
{
    static const char *const names[] = {
        [CONFIG_TYPE_TEXT] = "text",      [CONFIG_TYPE_PATH] = "path",
        [CONFIG_TYPE_YES] = "yes or no",  [CONFIG_TYPE_COUNT] = "count",
        [CONFIG_TYPE_NUMBER] = "number",  [CONFIG_TYPE_PERCENT] = "percent",
        [CONFIG_TYPE_RATE] = "rate",      [CONFIG_TYPE_SECONDS] = "duration",
        [CONFIG_TYPE_MILLI] = "duration", [CONFIG_TYPE_CHOICE] = "word",
        [CONFIG_TYPE_ANY_OF] = "words",   [CONFIG_TYPE_CLASS] = "class",
    };
    G_STATIC_ASSERT(G_N_ELEMENTS(names) == CONFIG_N_TYPES);

    return names[type];
}
