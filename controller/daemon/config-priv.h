/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * config-priv.h - the inside of config.c: table of keys, lines, values
 */
#ifndef DAEMON_CONFIG_PRIV_H
#define DAEMON_CONFIG_PRIV_H

#include "daemon/config.h"

typedef enum {
    CONFIG_IN_DAEMON,
    CONFIG_IN_CONTROL,
    CONFIG_IN_LADDER,
    CONFIG_IN_GUEST,
    CONFIG_IN_DESTINATION,
    CONFIG_IN_STARTER,
    CONFIG_IN_LINK,
    CONFIG_IN_PROTECT,
    CONFIG_IN_QUEUE,
    CONFIG_IN_BREAKER,
    CONFIG_N_INS
} ConfigIn;

typedef struct ConfigKind {
    const char *word;     /* "guest" of "[guest vm-a]" */
    const char *argument; /* what follows it, for people; NULL: nothing */
    size_t at;    /* in DaemonConfig: a struct, or a GPtrArray of them */
    size_t size;  /* of a named section's struct */
    size_t rules; /* where it has its rules; CONFIG_NO_RULES */
    const char *help;
} ConfigKind;
#define CONFIG_NO_RULES ((size_t)-1)

extern const ConfigKind config_kinds[CONFIG_N_INS];

typedef enum {
    CONFIG_TYPE_TEXT,    /* char *; "none" is NULL where .none */
    CONFIG_TYPE_PATH,    /* likewise, absolute */
    CONFIG_TYPE_YES,     /* bool */
    CONFIG_TYPE_COUNT,   /* unsigned */
    CONFIG_TYPE_NUMBER,  /* double */
    CONFIG_TYPE_PERCENT, /* double, a fraction */
    CONFIG_TYPE_RATE,    /* uint64_t, bytes per second */
    CONFIG_TYPE_SECONDS, /* double */
    CONFIG_TYPE_MILLI,   /* unsigned, milliseconds */
    CONFIG_TYPE_CHOICE,  /* unsigned or enum: index of .words */
    CONFIG_TYPE_ANY_OF,  /* unsigned: bits 1 << index of .words */
    CONFIG_TYPE_CLASS,   /* uint32_t, major << 16 | minor */
    CONFIG_N_TYPES
} ConfigType;

typedef struct ConfigKey {
    const char *name;
    unsigned in; /* bits 1 << CONFIG_IN_...: where it may stand */
    int rule;    /* CONFIG_RULE_..., or CONFIG_PLAIN */
    ConfigType type;
    size_t at;            /* in ConfigRules, or in the section's struct */
    const char *fallback; /* as a file would say it */
    bool none;            /* "none" is a value */
    bool required;
    bool restart;             /* a change holds after a restart only */
    double least, most;       /* in the unit kept; both 0: no bounds */
    const char *const *words; /* NULL-terminated */
    const char *help;         /* one sentence or more, scdoc's markup */
} ConfigKey;
#define CONFIG_PLAIN (-1)

extern const ConfigKey config_keys[];
extern const size_t config_n_keys;

const ConfigKey *config_key_find(ConfigIn in, const char *name);

/** config_key_names() - "mode, policy, ..." of a section; g_free() it */
char *config_key_names(ConfigIn in);

/** config_type_name() - "rate", "duration", ... */
const char *config_type_name(ConfigType type);

/* One "key=value", or one "[section]" (then @key is NULL). */
typedef struct ConfigLine {
    unsigned line;
    char *key;
    char *value; /* of a section: what stands between the brackets */
} ConfigLine;

/* Mistakes with their lines; those of a file come out together. */
typedef struct ConfigMistake {
    unsigned line; /* 0: of the file as a whole */
    char *text;
} ConfigMistake;

/**
 * config_scan() - Cut a text into lines, as GKeyFile does
 * @mistakes: GArray of ConfigMistake, added to
 *
 * GKeyFile itself forgets on which line a key stood, keeps the last of two
 * sections of one name, and stops at the first mistake.
 *
 * Return: a GArray of ConfigLine, sections and keys in order
 */
GArray *config_scan(const char *text, size_t length, GArray *mistakes);

GArray *config_mistakes_new(void);
void config_mistake(GArray *mistakes, unsigned line, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

/** config_mistakes_error() - All of them as one error, sorted by line */
void config_mistakes_error(GArray *mistakes, const char *file, GError **error);

/**
 * config_value_read() - A value as its type wants it
 * @target: Where it is kept; left alone on failure. An old string is freed
 * @why: Set on failure, "give a rate with its unit, ..."; g_free() it
 */
bool config_value_read(const ConfigKey *key, const char *text, void *target,
                       char **why);

/** config_value_write() - As a file would say it; g_free() it */
char *config_value_write(const ConfigKey *key, const void *target);

/** config_sections() - The array of a named section's structs */
GPtrArray **config_sections(const DaemonConfig *config, ConfigIn in);

/** config_target() - Where a key's value is kept
 * @section: Of a named section, NULL: it has no name */
void *config_target(const DaemonConfig *config, ConfigIn in, void *section,
                    const ConfigKey *key);

/** config_rules_merge() - Take from @from what @rules lacks
 * Return: bits of the rules taken */
unsigned config_rules_merge(ConfigRules *rules, const ConfigRules *from);

#endif
