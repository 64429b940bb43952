/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * application.c - see application.h
 *
 *     rate
 *      ^          raised: it was used up for a second
 *      |        +-----+
 *      |     +--+     +-----+  lowered: needed less for ten seconds
 *      |  +--+  :     :     +-----
 *      |--+~~~~~~~~~~~~~~~~~~~~~~~  used
 *      +--------------------------> time
 *
 * The class gets its need and a quarter, and where that is little a twentieth
 * of the link, but no more than the need again: requests come in bursts, and
 * what an application leaves of its guarantee others borrow, so that the room
 * costs them next to nothing. What it costs is the migration's guarantee, by
 * which forecasts go; hence the quarter for those who need much.
 *
 * Traffic that is held back shows no need. So what was seen before counts, for
 * half a minute in which nothing is held back; and a class that is used up (it
 * sent nineteen parts of twenty in a second, or its queue was never empty) gets
 * room above what it sent, until it no longer is. That works up from next to
 * nothing by half each second at least. There is traffic that takes whatever
 * it gets. So nobody is raised above a quarter of the link that way, unless
 * half as much again as was ever seen with room left is more.
 *
 * The guest's counter tells what goes to neighbours on its host as well, its
 * class only what leaves. Once the class says that most of it stays here, what
 * was seen is forgotten.
 */
#include "policy/application.h"

#include <math.h>

#include "policy/need.h"

#define WINDOW_US G_USEC_PER_SEC
#define USED_UP 0.95      /* of its rate */
#define QUEUED_S 0.02     /* of its rate, never less in a second: used up */
#define ROOM 0.25         /* of the need */
#define SMALL_ROOM 0.05   /* of the link, */
#define MOST_ROOM 1.0     /* ... of the need */
#define LEAST_RATE 0.01   /* of the link, of a class */
#define LEAST_SHARE 0.005 /* of the link: noise */
#define LEAST_BYTES_S 8000.0
#define MOST_LEAST_BYTES_S 125000.0
#define RAISED_SHARE 0.25 /* of the link, by being used up */
#define RAISED_NEED 1.5   /* of what was seen with room left */
#define CHANGE 0.05
#define LOWER_BELOW 0.75
#define LOWER_BY 0.8
#define LOWER_US (10 * G_USEC_PER_SEC)
#define SEEN_WINDOWS 30
#define STAYS_SHARE 0.5
#define STAYS_WINDOWS 3

struct Application {
    Need *need;
    ApplicationSeen seen;
    unsigned free_windows; /* since it was seen, with room left */
    double free_need;      /* the most that it needed with room left */
    bool used_up;          /* in the last window */

    bool has_class, had_class;
    bool counting; /* the window below is open */
    int64_t window_us;
    double window_bytes, least_backlog;
    double base, fed; /* what the class counts, on the need's scale */

    bool has_sent; /* the guest's counter was read */
    double sent, window_sent;
    unsigned stays_windows; /* in a row, in which most of it stayed here */
    bool stays;

    Known rate;
    int64_t low_us; /* it could be lowered since; 0: it could not */
};

Application *
application_new(void)
{
    Application *application = g_new0(Application, 1);
    NeedSettings settings;

    /* who is network-intensive is asked elsewhere */
    need_settings_init(&settings, 0);
    application->need = need_new(&settings);
    return application;
}

void
application_free(Application *application)
{
    if (application) {
        need_free(application->need);
        g_free(application);
    }
}

double
application_least_bytes_s(double link_bytes_s)
{
    return CLAMP(LEAST_SHARE * link_bytes_s, LEAST_BYTES_S, MOST_LEAST_BYTES_S);
}

void
application_seen(Application *application, const ApplicationSeen *seen)
{
    application->seen = *seen;
    application->free_windows = 0;
    application->free_need =
        fmax(application->free_need, known_or(seen->need_bytes_s, 0));
}

static double
seen_need(const Application *application)
{
    return application->stays || application->free_windows >= SEEN_WINDOWS
               ? 0
               : fmax(known_or(application->seen.need_bytes_s, 0),
                      known_or(application->seen.mean_bytes_s, 0));
}

/* Without what is added where it is held back: that is no knowledge. */
static Known
known_need(const Application *application)
{
    NeedState state;
    double seen = seen_need(application);

    need_state(application->need, &state);
    if (!state.need_bytes_s.known) {
        return seen > 0 ? known(seen) : unknown();
    }
    return known(
        fmax(seen, application->used_up
                       ? fmax(application->free_need, state.level_bytes_s.value)
                       : state.need_bytes_s.value));
}

static double
with_room(double need, double link_bytes_s)
{
    double room =
        fmax(ROOM * need, fmin(MOST_ROOM * need, SMALL_ROOM * link_bytes_s));

    return fmax(need + room, LEAST_RATE * link_bytes_s);
}

/* Its rate is raised at once and lowered slowly. */
static void
move_rate(Application *application, int64_t at_us, double link_bytes_s)
{
    double now = known_or(application->rate, 0), need, want;
    double least = application_least_bytes_s(link_bytes_s);
    NeedState state;

    need_state(application->need, &state);
    need = fmax(seen_need(application), known_or(state.need_bytes_s, 0));
    if (!application->rate.known && need < least) {
        return;
    }
    /* once it has a class it keeps one, which alone tells what leaves */
    want = with_room(fmax(need, least), link_bytes_s);
    if (application->used_up && want > now) {
        want = fmin(want, fmax(RAISED_SHARE * link_bytes_s,
                               RAISED_NEED * application->free_need));
        want = fmax(want, now);
    }
    if (want > now * (1 + CHANGE)) {
        application->rate = known(want);
        application->low_us = 0;
    } else if (want >= now * LOWER_BELOW) {
        application->low_us = 0;
    } else if (application->stays) {
        application->rate = known(want);
    } else if (application->low_us == 0) {
        application->low_us = at_us;
    } else if (at_us - application->low_us >= LOWER_US) {
        application->rate = known(fmax(want, LOWER_BY * now));
        application->low_us = at_us;
    }
}

void
application_sent(Application *application, int64_t at_us, double bytes)
{
    application->has_sent = isfinite(bytes);
    application->sent = bytes;
    if (!application->has_class && !application->had_class) {
        need_add(application->need, at_us, bytes, false);
        application->fed = bytes;
    }
}

/* What the guest's counter said is forgotten, the last window is not. */
static void
forget_counter(Application *application, int64_t at_us, double rate)
{
    NeedSettings settings;

    need_settings_init(&settings, 0);
    need_free(application->need);
    application->need = need_new(&settings);
    application->free_need = rate;
    need_add(application->need, at_us - WINDOW_US, application->fed - rate,
             false);
    need_add(application->need, at_us, application->fed, false);
}

/* Does most of what the guest sends never reach its class? */
static void
judge_stays(Application *application, int64_t at_us, double rate,
            double interval_s)
{
    double sent = (application->sent - application->window_sent) / interval_s;

    if (application->has_sent && !application->used_up && sent > 0 &&
        rate < STAYS_SHARE * sent &&
        sent > STAYS_SHARE * seen_need(application)) {
        application->stays_windows++;
    } else {
        application->stays_windows = 0;
    }
    if (application->stays_windows >= STAYS_WINDOWS && !application->stays) {
        application->stays = true;
        forget_counter(application, at_us, rate);
    }
}

static void
open_window(Application *application, int64_t at_us,
            const ApplicationClass *class_)
{
    application->counting = true;
    application->window_us = at_us;
    application->window_bytes = class_->bytes;
    application->window_sent = application->sent;
    application->least_backlog = INFINITY;
}

static void
end_window(Application *application, int64_t at_us,
           const ApplicationClass *class_)
{
    double interval_s =
        (double)(at_us - application->window_us) / G_USEC_PER_SEC;
    double rate = (class_->bytes - application->window_bytes) / interval_s;
    NeedState state;

    application->used_up =
        rate >= USED_UP * class_->rate_bytes_s ||
        application->least_backlog > QUEUED_S * class_->rate_bytes_s;
    application->fed = application->base + class_->bytes;
    need_add(application->need, at_us, application->fed, application->used_up);
    judge_stays(application, at_us, rate, interval_s);
    if (!application->used_up) {
        need_state(application->need, &state);
        application->free_windows++;
        application->free_need =
            fmax(application->free_need, known_or(state.need_bytes_s, 0));
    }
    open_window(application, at_us, class_);
}

void
application_class(Application *application, int64_t at_us,
                  const ApplicationClass *class_)
{
    application->has_class = class_->rate_bytes_s > 0;
    if (!application->has_class) {
        application->counting = false;
        application->used_up = false;
    } else if (!application->counting ||
               class_->bytes < application->window_bytes) {
        /* goes on where the guest's counter, or another class, ended */
        application->had_class = true;
        application->base = application->fed - class_->bytes;
        open_window(application, at_us, class_);
    } else {
        application->least_backlog =
            fmin(application->least_backlog, class_->backlog_bytes);
        if (at_us - application->window_us >= WINDOW_US) {
            end_window(application, at_us, class_);
        }
    }
    move_rate(application, at_us, class_->link_bytes_s);
}

void
application_state(const Application *application, ApplicationState *state)
{
    NeedState need;
    double mean;

    need_state(application->need, &need);
    mean = fmax(known_or(need.mean_bytes_s, 0),
                seen_need(application) > 0
                    ? known_or(application->seen.mean_bytes_s, 0)
                    : 0);
    *state = (ApplicationState){
        .mean_bytes_s =
            need.mean_bytes_s.known || application->seen.mean_bytes_s.known
                ? known(mean)
                : unknown(),
        .need_bytes_s = known_need(application),
        .rate_bytes_s = application->rate,
        .used_up = application->used_up,
    };
}
