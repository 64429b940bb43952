/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * options.c - see options.h
 */
#include "tools/traffic/options.h"

#include <math.h>
#include <string.h>

#include "tools/traffic/when.h"

#define DEFAULT_LINES 20
#define DEFAULT_ENDS 40
#define DEFAULT_KEEP_DAYS 7
#define MOST_SECONDS 31536000.0
#define DAY_US (INT64_C(86400) * 1000000)

static const char *const command_names[TRAFFIC_N_COMMANDS] = {
    [TRAFFIC_COMMAND_LIVE] = "live",
    [TRAFFIC_COMMAND_READ] = "read",
    [TRAFFIC_COMMAND_HISTORY] = "history",
};

static const char *const summaries[TRAFFIC_N_COMMANDS] = {
    [TRAFFIC_COMMAND_LIVE] =
        "Counts who sends how much to whom on a device, until Ctrl-C.",
    [TRAFFIC_COMMAND_READ] =
        "Counts who sent how much to whom in captured files.",
    [TRAFFIC_COMMAND_HISTORY] =
        "Shows the matrices that --history has kept, as one.",
};

/* As GOption leaves them, before they are looked at. */
typedef struct Words {
    char **guest_files, **guests, **macs, **uris, **devices, **files;
    char *filter, *direction, *outside, *svg, *plan, *amount, *history;
    char *since, *until;
    gint sample, pairs, top, ends, ring_mib, keep_days;
    gint64 seed;
    gdouble period_s, duration_s;
    gboolean json, csv, list, progress, quiet;
} Words;

static void
words_clear(Words *words)
{
    g_strfreev(words->guest_files);
    g_strfreev(words->guests);
    g_strfreev(words->macs);
    g_strfreev(words->uris);
    g_strfreev(words->devices);
    g_strfreev(words->files);
    g_free(words->filter);
    g_free(words->direction);
    g_free(words->outside);
    g_free(words->svg);
    g_free(words->plan);
    g_free(words->amount);
    g_free(words->history);
    g_free(words->since);
    g_free(words->until);
}

static bool G_GNUC_PRINTF(2, 3) refuse(GError **error, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error_literal(error, TRAFFIC_ERROR, TRAFFIC_ERROR_SYNTAX, text);
    return false;
}

static bool
take_seconds(const char *name, double seconds, int64_t *us, GError **error)
{
    if (!(seconds >= 0 && seconds <= MOST_SECONDS) ||
        (seconds > 0 && seconds < 0.001)) {
        return refuse(error, "%s is in seconds, 0.001 to %.0f", name,
                      MOST_SECONDS);
    }
    *us = llround(seconds * 1e6);
    return true;
}

static bool
take_outside(const char *text, unsigned *bits4, unsigned *bits6, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(text ? text : "24,64", ",", -1);
    guint64 four = 24, six = 64;
    guint n = g_strv_length(parts);

    if (n < 1 || n > 2 ||
        !g_ascii_string_to_unsigned(parts[0], 10, 0, 32, &four, NULL) ||
        (n == 2 &&
         !g_ascii_string_to_unsigned(parts[1], 10, 0, 128, &six, NULL))) {
        return refuse(error, "--outside is the length of networks, of IPv4 and "
                             "after a comma of IPv6, as in 24,64");
    }
    *bits4 = (unsigned)four;
    *bits6 = (unsigned)six;
    return true;
}

static bool
take_guests(const Words *words, TrafficGuests *guests, GError **error)
{
    for (size_t i = 0; words->guest_files && words->guest_files[i]; i++) {
        g_autofree char *text = NULL;
        gsize length;

        if (!g_file_get_contents(words->guest_files[i], &text, &length,
                                 error)) {
            return false;
        }
        if (!traffic_guests_parse(guests, text, length, error)) {
            g_prefix_error(error, "%s: ", words->guest_files[i]);
            return false;
        }
    }
    for (size_t i = 0; words->guests && words->guests[i]; i++) {
        const char *word = words->guests[i];
        const char *equals = strchr(word, '=');
        g_autofree char *address = NULL;

        if (!equals) {
            return refuse(error, "--guest %s: it has to be ADDRESS=NAME", word);
        }
        address = g_strndup(word, (size_t)(equals - word));
        if (!traffic_guests_add(guests, address, equals + 1, error)) {
            g_prefix_error(error, "--guest: ");
            return false;
        }
    }
    for (size_t i = 0; words->macs && words->macs[i]; i++) {
        if (!traffic_guests_learn(guests, words->macs[i], error)) {
            g_prefix_error(error, "--guest-macs: ");
            return false;
        }
    }
    return true;
}

static bool
take_output(const Words *words, TrafficOptions *options, GError **error)
{
    if (words->json + words->csv + words->list + (words->plan != NULL) > 1) {
        return refuse(error, "only one of --json, --csv, --list and --plan can "
                             "go to standard output");
    }
    options->output = words->json      ? TRAFFIC_OUTPUT_JSON
                      : words->csv     ? TRAFFIC_OUTPUT_CSV
                      : words->plan    ? TRAFFIC_OUTPUT_PLAN
                      : words->list    ? TRAFFIC_OUTPUT_LIST
                      : words->history ? TRAFFIC_OUTPUT_NONE
                                       : TRAFFIC_OUTPUT_TABLE;
    if (options->period_us && (words->svg || words->plan)) {
        return refuse(error, "--%s shows one matrix: leave out --period",
                      words->svg ? "svg" : "plan");
    }
    if (words->top < 0 || words->ends < 1 || words->ends > 500) {
        return refuse(error, "--top is 0, all, or more, --ends 1 to 500");
    }
    options->most_lines = (size_t)words->top;
    options->most_ends = (size_t)words->ends;
    options->unit = TRAFFIC_UNIT_KIB;
    if (words->amount) {
        int unit = 0;

        while (unit < TRAFFIC_N_UNITS &&
               strcmp(traffic_unit_name((TrafficUnit)unit), words->amount)) {
            unit++;
        }
        if (unit == TRAFFIC_N_UNITS) {
            return refuse(error,
                          "--amount is bytes, KiB, MiB or kbit/s, not \"%s\"",
                          words->amount);
        }
        options->unit = (TrafficUnit)unit;
    }
    options->svg = g_strdup(words->svg);
    options->plan = g_strdup(words->plan);
    options->progress = words->progress;
    options->quiet = words->quiet;
    return true;
}

static bool
take_direction(const char *word, CaptureDirection *direction, GError **error)
{
    static const char *const names[] = { "both", "in", "out" };

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        if (!word || strcmp(word, names[i]) == 0) {
            *direction = (CaptureDirection)i;
            return true;
        }
    }
    return refuse(error, "--direction is in, out or both, not \"%s\"", word);
}

static bool
take_history(const Words *words, TrafficOptions *options, GError **error)
{
    if (words->history && !options->period_us) {
        return refuse(error, "--history keeps a matrix each --period: say that "
                             "too, for example --period 300");
    }
    if (words->keep_days < 0 || words->keep_days > 36500) {
        return refuse(error, "--keep is in days, 0 for ever");
    }
    options->history = g_strdup(words->history);
    options->keep_us = words->keep_days * DAY_US;
    options->since_us = INT64_MIN;
    options->until_us = INT64_MAX;
    return (!words->since ||
            when_parse("--since", words->since, &options->since_us, error)) &&
           (!words->until ||
            when_parse("--until", words->until, &options->until_us, error));
}

static bool
take_input(Words *words, bool live, TrafficOptions *options, GError **error)
{
    if (live && (!words->devices || words->files)) {
        return refuse(error, words->files
                                 ? "there are only options; devices are named "
                                   "with --interface"
                                 : "name a device: --interface br0");
    }
    if (!live && !words->files) {
        return refuse(error, "name a file");
    }
    options->inputs = live ? g_steal_pointer(&words->devices)
                           : g_steal_pointer(&words->files);
    options->filter = g_strdup(words->filter);
    if (words->ring_mib < 1 || words->ring_mib > 2047) {
        return refuse(error, "--ring is in MiB, 1 to 2047");
    }
    options->ring_bytes = (size_t)words->ring_mib << 20;
    options->seed = (uint64_t)words->seed;
    return take_direction(words->direction, &options->direction, error) &&
           take_seconds("--duration", words->duration_s, &options->duration_us,
                        error);
}

static bool
take_spec(const Words *words, TrafficOptions *options, GError **error)
{
    if (words->sample < 1 || words->sample > TRAFFIC_MOST_SAMPLING) {
        return refuse(error, "--sample is 1 in so many, 1 to %d",
                      TRAFFIC_MOST_SAMPLING);
    }
    if (words->pairs < TRAFFIC_LEAST_PAIRS ||
        (guint)words->pairs > TRAFFIC_MOST_PAIRS) {
        return refuse(error, "--pairs is how many are kept, %d to %u",
                      TRAFFIC_LEAST_PAIRS, TRAFFIC_MOST_PAIRS);
    }
    options->spec.sampled_1_in = (uint32_t)words->sample;
    options->spec.most_pairs = (size_t)words->pairs;
    return take_seconds("--period", words->period_s, &options->period_us,
                        error);
}

static bool
take_all(Words *words, bool live, TrafficOptions *options, GError **error)
{
    unsigned bits4 = 0, bits6 = 0;

    if (!take_outside(words->outside, &bits4, &bits6, error)) {
        return false;
    }
    options->guests = traffic_guests_new(bits4, bits6);
    options->uris = g_steal_pointer(&words->uris);
    return take_input(words, live, options, error) &&
           take_spec(words, options, error) &&
           take_history(words, options, error) &&
           take_output(words, options, error) &&
           take_guests(words, options->guests, error);
}

bool
traffic_options_parse(int argc, char **argv, TrafficCommand command,
                      TrafficOptions *options, GError **error)
{
    Words words = {
        .sample = 1,
        .pairs = TRAFFIC_DEFAULT_PAIRS,
        .top = DEFAULT_LINES,
        .ends = DEFAULT_ENDS,
        .keep_days = DEFAULT_KEEP_DAYS,
        .ring_mib = CAPTURE_DEFAULT_RING_BYTES >> 20,
        .seed = 1,
    };
    const GOptionEntry of_counting[] = {
        { "guest-macs", 0, 0, G_OPTION_ARG_STRING_ARRAY, &words.macs,
          "Who has a MAC that begins so is a guest, as in 52:54:00", "PREFIX" },
        { "connect", 'c', 0, G_OPTION_ARG_STRING_ARRAY, &words.uris,
          "Guests of this libvirt, by their MACs; more than once", "URI" },
        { "filter", 'f', 0, G_OPTION_ARG_STRING, &words.filter,
          "Only frames that match, as for tcpdump", "EXPRESSION" },
        { "sample", 0, 0, G_OPTION_ARG_INT, &words.sample,
          "Count 1 frame in N, and multiply", "N" },
        { "pairs", 0, 0, G_OPTION_ARG_INT, &words.pairs,
          "Pairs to keep at a time, 65536 if not said", "N" },
        { "outside", 0, 0, G_OPTION_ARG_STRING, &words.outside,
          "Length of networks that count as one end, 24,64 if not said",
          "BITS4,BITS6" },
        { "history", 0, 0, G_OPTION_ARG_FILENAME, &words.history,
          "Keep the matrix of each period in this file", "FILE" },
        { "keep", 0, 0, G_OPTION_ARG_INT, &words.keep_days,
          "For so many days, 7 if not said, 0 for ever", "DAYS" },
        { "progress", 0, 0, G_OPTION_ARG_NONE, &words.progress,
          "Tell how far it is, also where standard error is no terminal",
          NULL },
        { NULL },
    };
    const GOptionEntry of_all[] = {
        { "guests", 'g', 0, G_OPTION_ARG_FILENAME_ARRAY, &words.guest_files,
          "File of lines MAC=NAME, IP=NAME, NETWORK=NAME; more than once",
          "FILE" },
        { "guest", 0, 0, G_OPTION_ARG_STRING_ARRAY, &words.guests,
          "One such line; more than once", "ADDRESS=NAME" },
        { "period", 0, 0, G_OPTION_ARG_DOUBLE, &words.period_s,
          "A matrix each S seconds, not one of all", "S" },
        { "json", 0, 0, G_OPTION_ARG_NONE, &words.json, "Print JSON", NULL },
        { "csv", 0, 0, G_OPTION_ARG_NONE, &words.csv, "Print CSV", NULL },
        { "plan", 0, 0, G_OPTION_ARG_FILENAME, &words.plan,
          "Print this model of vmferry-plan with the traffic measured",
          "MODEL" },
        { "amount", 0, 0, G_OPTION_ARG_STRING, &words.amount,
          "What an amount there counts: bytes, KiB (if not said), MiB, kbit/s",
          "UNIT" },
        { "svg", 0, 0, G_OPTION_ARG_FILENAME, &words.svg,
          "Draw the matrix as a heat map as well", "FILE" },
        { "ends", 0, 0, G_OPTION_ARG_INT, &words.ends,
          "Ends drawn at most, 40 if not said", "N" },
        { "top", 0, 0, G_OPTION_ARG_INT, &words.top,
          "Lines of the table, 20 if not said, 0 for all", "N" },
        { "quiet", 'q', 0, G_OPTION_ARG_NONE, &words.quiet,
          "Print results and errors only", NULL },
        { NULL },
    };
    const GOptionEntry of_live[] = {
        { "interface", 'i', 0, G_OPTION_ARG_STRING_ARRAY, &words.devices,
          "Device to capture on: a bridge, an uplink; more than once",
          "DEVICE" },
        { "direction", 0, 0, G_OPTION_ARG_STRING, &words.direction,
          "in: what it receives, out: what it sends, both (if not said)",
          "WAY" },
        { "duration", 0, 0, G_OPTION_ARG_DOUBLE, &words.duration_s,
          "End after S seconds, not only by Ctrl-C", "S" },
        { "ring", 0, 0, G_OPTION_ARG_INT, &words.ring_mib,
          "Size of each device's ring, 16 if not said", "MIB" },
        { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &words.files,
          NULL, NULL },
        { NULL },
    };
    const GOptionEntry of_read[] = {
        { "seed", 0, 0, G_OPTION_ARG_INT64, &words.seed,
          "Of the random numbers that --sample takes, 1 if not said", "N" },
        { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &words.files,
          NULL, "FILE.pcap..." },
        { NULL },
    };
    const GOptionEntry of_history[] = {
        { "since", 0, 0, G_OPTION_ARG_STRING, &words.since,
          "Matrices that began then or later: 2026-03-01, "
          "2026-03-01T12:00:00Z, 24h (ago), yesterday",
          "TIME" },
        { "until", 0, 0, G_OPTION_ARG_STRING, &words.until,
          "Matrices that began before", "TIME" },
        { "list", 0, 0, G_OPTION_ARG_NONE, &words.list,
          "Print a line for each period that is kept", NULL },
        { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &words.files,
          NULL, "FILE..." },
        { NULL },
    };
    const GOptionEntry *const own[TRAFFIC_N_COMMANDS] = {
        [TRAFFIC_COMMAND_LIVE] = of_live,
        [TRAFFIC_COMMAND_READ] = of_read,
        [TRAFFIC_COMMAND_HISTORY] = of_history,
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_autofree char *program =
        g_strdup_printf("vmferry-traffic %s", command_names[command]);
    bool fine;

    memset(options, 0, sizeof(*options));
    g_set_prgname(program);
    g_option_context_set_summary(context, summaries[command]);
    g_option_context_add_main_entries(context, own[command], NULL);
    if (command != TRAFFIC_COMMAND_HISTORY) {
        g_option_context_add_main_entries(context, of_counting, NULL);
    }
    g_option_context_add_main_entries(context, of_all, NULL);
    fine = g_option_context_parse(context, &argc, &argv, error) &&
           take_all(&words, command == TRAFFIC_COMMAND_LIVE, options, error);
    words_clear(&words);
    return fine;
}

void
traffic_options_clear(TrafficOptions *options)
{
    g_strfreev(options->inputs);
    g_strfreev(options->uris);
    g_free(options->filter);
    g_free(options->svg);
    g_free(options->plan);
    g_free(options->history);
    traffic_guests_unref(options->guests);
    memset(options, 0, sizeof(*options));
}
