# SPDX-License-Identifier: LGPL-2.1-or-later
#
# table.awk - the daemon's goals beside what bench-daemon's rows say
#
# Reads "case,repetition,way,name=value name=value...". Ratios between ways are
# taken within each repetition, where their runs stood side by side, then the
# median. A goal without rows is "not measured".

function sort_list(list, a,    n, i, j, t) {
    n = split(list, a, " ")
    for (i = 2; i <= n; i++)
        for (j = i; j > 1 && a[j] + 0 < a[j - 1] + 0; j--) {
            t = a[j]; a[j] = a[j - 1]; a[j - 1] = t
        }
    return n
}
function median(list,    a, n) {
    n = sort_list(list, a)
    if (n == 0) return ""
    return n % 2 ? a[(n + 1) / 2] : (a[n / 2] + a[n / 2 + 1]) / 2
}
function largest(list,    a, n) {
    n = sort_list(list, a)
    return n ? a[n] : ""
}
function smallest(list,    a, n) {
    n = sort_list(list, a)
    return n ? a[1] : ""
}
# all values of a figure, of the repetitions
function all(c, way, name,    n, list) {
    for (n = 1; n <= most; n++)
        if ((c, n, way, name) in value)
            list = list " " value[c, n, way, name]
    return list
}
function med(c, way, name) { return median(all(c, way, name)) }
# one way's figure over another's, repetition by repetition
function ratios(c, way, name, other, other_name,    n, list) {
    for (n = 1; n <= most; n++)
        if ((c, n, way, name) in value && (c, n, other, other_name) in value &&
            value[c, n, other, other_name] > 0)
            list = list " " value[c, n, way, name] / \
                value[c, n, other, other_name]
    return list
}
function count(c, way, name, wanted,    n, k) {
    for (n = 1; n <= most; n++)
        if ((c, n, way, name) in value && value[c, n, way, name] == wanted) k++
    return k + 0
}
function runs_of(c, way) { return runs[c, way] + 0 }
# a figure as the table shows it
function show(x, digits) {
    return x == "" ? "-" : sprintf("%." digits "f", x)
}
# goal CASE GOAL MEASURED MET: MET is "" if it could not be measured
function goal(c, what, measured, met) {
    printf "| %s | %s | %s | %s |\n", c, what, measured,
        met == "" ? "not measured" : met ? "met" : "**missed**"
    if (met == "") open_goals++
    else if (met) met_goals++
    else missed_goals++
}
# unless nothing is known: whether A OP B
function is(a, op, b) {
    if (a == "" || b == "") return ""
    return op == "<=" ? a + 0 <= b + 0 : a + 0 >= b + 0
}

NR == 1 { next }
{
    if ($2 > most) most = $2
    runs[$1, $3]++
    if (!(($1, $3) in way_seen)) {
        way_seen[$1, $3] = 1
        ways[$1] = ways[$1] " " $3
    }
    n = split($4, words, " ")
    for (i = 1; i <= n; i++) {
        at = index(words[i], "=")
        value[$1, $2, $3, substr(words[i], 1, at - 1)] = \
            substr(words[i], at + 1)
    }
}

# headers of frames that are not full make it more than the whole
function share_of(w,    x) {
    x = med("starters", w, "in_class_percent")
    return x > 100 ? 100 : x
}
function starters(    n, a, i, w, found, class, foreign) {
    n = split(ways["starters"], a, " ")
    for (i = 1; i <= n; i++) {
        w = a[i]
        found = found " " med("starters", w, "found_ms")
        class = class " " share_of(w)
        foreign = foreign " " med("starters", w, "foreign_percent")
    }
    goal("any starter", "classified within 500 ms",
        "slowest of " n + 0 " starters " show(largest(found), 0) " ms",
        is(largest(found), "<=", 500))
    goal("", ">= 95 % of the stream's bytes in its class",
        "least " show(smallest(class), 1) " %", is(smallest(class), ">=", 95))
    goal("", "<= 1 % others in it", "most " show(largest(foreign), 2) " %",
        is(largest(foreign), "<=", 1))
}

function memory(    r, m, cut, n) {
    r = median(ratios("memory", "enforce", "total_s", "plain", "total_s"))
    cut = count("memory", "plain", "status", "cut-off")
    m = show(med("memory", "enforce", "total_s"), 1) " s beside " \
        (cut * 2 > runs_of("memory", "plain") ? ">= " : "") \
        show(med("memory", "plain", "total_s"), 1) " s: " \
        (cut * 2 > runs_of("memory", "plain") ? "<= " : "") show(r, 2)
    if (cut)
        m = m "; plain cut off at " largest(all("memory", "plain", "total_s")) \
            " s in " cut " of " runs_of("memory", "plain")
    goal("memory-writing guest, four flows", "<= 0.35 of plain's time", m,
        is(r, "<=", 0.35))
    r = med("memory", "enforce", "of_guaranteed_time")
    goal("", "<= 1.10 x bytes sent / guaranteed rate", show(r, 2),
        is(r, "<=", 1.1))
    r = med("memory", "enforce", "flows_share_percent")
    goal("", "flows keep what the policy leaves them within 5 %",
        show(r, 1) " % of it, " show(med("memory", "enforce", "flows_mbit"), \
        1) " Mbit/s (plain: " show(med("memory", "plain", "flows_mbit"), 1) \
        ")", is(r, ">=", 95))
}

function application(    r, free, most_ms) {
    r = med("application", "enforce", "stays_percent")
    goal("protected application of a guest that stays",
        ">= 95 % of its need", show(r, 1) " % (plain: " \
        show(med("application", "plain", "stays_percent"), 1) " %)",
        is(r, ">=", 95))
    r = med("application", "enforce", "stays_p99_ms")
    free = med("application", "unlimited", "stays_p99_ms")
    most_ms = free == "" ? "" : (2 * free > free + 20) ? 2 * free : free + 20
    goal("", "p99 latency <= max(2 x unlimited wire's, + 20 ms)",
        show(r, 0) " ms of at most " show(most_ms, 0) " (unlimited: " \
        show(free, 0) ", plain: " \
        show(med("application", "plain", "stays_p99_ms"), 0) ")",
        is(r, "<=", most_ms))
    r = med("application", "enforce", "moves_percent")
    goal("application of the guest that leaves",
        ">= 95 % outside the blackout", show(r, 1) " % (plain: " \
        show(med("application", "plain", "moves_percent"), 1) " %)",
        is(r, ">=", 95))
}

function drain(    r, g, i, d, s, worst, words, who, any, bad) {
    r = median(ratios("drain", "all", "drain_s", "all", "at_once_s"))
    goal("drain of four guests", "<= 0.80 of four at once",
        show(r, 2) " (" show(med("drain", "all", "drain_s"), 1) " s of " \
        show(med("drain", "all", "at_once_s"), 1) " s)", is(r, "<=", 0.8))
    r = median(ratios("drain", "all", "drain_s", "all", "serial_s"))
    goal("", "<= 1.05 of one after the other", show(r, 2) " (of " \
        show(med("drain", "all", "serial_s"), 1) " s)", is(r, "<=", 1.05))
    split("mem_a mem_b idle net", g, " ")
    for (i = 1; i <= 4; i++) {
        d = med("drain", "all", "drain_" g[i] "_ms")
        s = med("drain", "all", "serial_" g[i] "_ms")
        if (d == "" || s == "") continue
        any = 1
        if (d > 300 && (s <= 0 || d > 1.25 * s)) bad = 1
        if (d > worst) { worst = d; who = g[i]; words = s }
    }
    sub(/_/, "-", who)
    goal("", "downtimes within 300 ms, or <= 1.25 of alone",
        any ? "worst " show(worst, 0) " ms, " who ", alone " show(words, 0) \
        : "-", any ? !bad : "")
}

function ladder(    n, w, said, list, done, helped) {
    list = all("ladder", "post-copy", "said_iteration") \
        all("ladder", "abort", "said_iteration")
    said = largest(list)
    n = runs_of("ladder", "post-copy") + runs_of("ladder", "abort")
    # one that never said it has no such figure
    w = split(list, words_of, " ")
    goal("a guest that cannot converge", "said by the 4th iteration",
        n ? "in iteration " show(said, 0) " at the latest, said in " w " of " \
        n : "-", n ? (w == n && said <= 4) : "")
    n = runs_of("ladder", "post-copy")
    done = count("ladder", "post-copy", "status", "completed")
    goal("", "with post-copy allowed it finishes",
        n ? done " of " n ", in " show(med("ladder", "post-copy", \
        "total_s"), 1) " s" : "-", n ? done == n : "")
    n = runs_of("ladder", "abort")
    done = count("ladder", "abort", "status", "aborted")
    helped = count("ladder", "abort", "would_help", "yes")
    goal("", "nothing allowed, deadline of 100 s: aborted, with what would " \
        "have helped", n ? done " of " n " aborted after " \
        show(med("ladder", "abort", "total_s"), 1) " s, " helped \
        " with what would have helped" : "-",
        n ? done == n && helped == n : "")
}

function sum(list,    a, n, i, t) {
    n = split(list, a, " ")
    for (i = 1; i <= n; i++) t += a[i]
    return t + 0
}
function kills(    n, k) {
    n = runs_of("kills", "kills")
    k = sum(all("kills", "kills", "kills"))
    goal("daemon killed with SIGKILL", "every migration ends as libvirt says",
        n ? n " drains, " k " kills: " sum(all("kills", "kills", "ended")) \
        " of " 2 * n " arrived, " sum(all("kills", "kills", "lived")) " of " \
        3 * n " guests well, " \
        sum(all("kills", "kills", "contrary_records")) \
        " records to the contrary" : "-",
        n ? sum(all("kills", "kills", "ended")) == 2 * n && \
        sum(all("kills", "kills", "lived")) == 3 * n && \
        sum(all("kills", "kills", "contrary_records")) == 0 : "")
    goal("", "no leftover class", n ? sum(all("kills", "kills", \
        "left_classes")) " left" : "-",
        n ? sum(all("kills", "kills", "left_classes")) == 0 : "")
    goal("", "no wrong adoption", n ? sum(all("kills", "kills", \
        "wrong_adoptions")) " of " sum(all("kills", "kills", "looks")) \
        " looks" : "-",
        n ? sum(all("kills", "kills", "wrong_adoptions")) == 0 && \
        sum(all("kills", "kills", "looks")) > 0 : "")
    n -= count("kills", "kills", "put_back", "unseen")
    goal("", "changed values put back", n ? count("kills", "kills", \
        "put_back", "yes") " of " n : "-",
        n ? count("kills", "kills", "put_back", "yes") == n : "")
}

function replay(    r) {
    r = med("replay", "recorded", "cpu_percent")
    goal("64 recorded sessions at once", "<= 5 % of a core", show(r, 1) " %",
        is(r, "<=", 5))
    r = med("replay", "recorded", "memory_mib")
    goal("", "<= 64 MB", show(r, 1) " MiB", is(r, "<=", 61))
    r = med("replay", "recorded", "decision_p99_us")
    goal("", "decision p99 <= 5 ms", show(r == "" ? "" : r / 1000, 2) " ms",
        r == "" ? "" : r <= 5000)
}

function details(    n, a, i, w) {
    n = split(ways["starters"], a, " ")
    if (n) {
        print "\n| starter | runs | found, ms | in its class, % | others, % " \
            "| total, s |"
        print "|---|---|---|---|---|---|"
    }
    for (i = 1; i <= n; i++) {
        w = a[i]
        printf "| %s | %d | %s | %s | %s | %s |\n", w, runs["starters", w],
            show(med("starters", w, "found_ms"), 0),
            show(share_of(w), 1),
            show(med("starters", w, "foreign_percent"), 2),
            show(med("starters", w, "total_s"), 1)
    }
    if (split(ways["application"], a, " ")) {
        print "\n| wire, libvirt | runs | stays: need, % | p50, ms | p99, " \
            "ms | before: p99 | leaves: need, % | total, s | downtime, ms |"
        print "|---|---|---|---|---|---|---|---|---|"
    }
    n = split("unlimited plain enforce", a, " ")
    for (i = 1; i <= n; i++) {
        w = a[i]
        if (!runs["application", w]) continue
        printf "| %s | %d | %s | %s | %s | %s | %s | %s | %s |\n", w,
            runs["application", w],
            show(med("application", w, "stays_percent"), 1),
            show(med("application", w, "stays_p50_ms"), 1),
            show(med("application", w, "stays_p99_ms"), 1),
            show(med("application", w, "before_p99_ms"), 1),
            show(med("application", w, "moves_percent"), 1),
            show(med("application", w, "total_s"), 1),
            show(med("application", w, "downtime_ms"), 0)
    }
    n = split("drain at_once serial", a, " ")
    if (runs["drain", "all"]) {
        print "\n| drain | total, s | of it looking, s | sent, MB | " \
            "mem-a, ms | mem-b, ms | idle, ms | net, ms |"
        print "|---|---|---|---|---|---|---|---|"
        for (i = 1; i <= n; i++) {
            w = a[i]
            printf "| %s | %s | %s | %s | %s | %s | %s | %s |\n", w,
                show(med("drain", "all", w "_s"), 1),
                show(med("drain", "all", w "_looking_s"), 1),
                show(med("drain", "all", w "_mb"), 0),
                show(med("drain", "all", w "_mem_a_ms"), 0),
                show(med("drain", "all", w "_mem_b_ms"), 0),
                show(med("drain", "all", w "_idle_ms"), 0),
                show(med("drain", "all", w "_net_ms"), 0)
        }
    }
}

END {
    print "| case | goal | measured | |"
    print "|---|---|---|---|"
    starters(); memory(); application(); drain(); ladder(); kills(); replay()
    printf "\n%d goals met, %d missed, %d not measured. Runs:", met_goals,
        missed_goals, open_goals
    n = split("starters memory application drain ladder kills replay", cs, " ")
    for (i = 1; i <= n; i++) {
        k = split(ways[cs[i]], a, " ")
        for (j = 1; j <= k; j++)
            printf "%s %s %s %d", (sep ? "," : ""), cs[i], a[j],
                runs[cs[i], a[j]]
        if (k) sep = 1
    }
    print sep ? "." : " none."
    details()
}
