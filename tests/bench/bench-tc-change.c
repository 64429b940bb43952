/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bench-tc-change.c - what one change of a guarantee costs
 *
 * reservation_set() on a veth in a namespace of its own: lock, lease, reading
 * the link, two changed classes, unlock. The budget is 1 ms in the median and
 * 5 ms at the 99th percentile. Beside it stands "tc class change" started as a
 * process, one class only and without lease or lock. Exits 1 if the budget is
 * overrun, 77 (skipped) without root.
 */
#include <net/if.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "tc/reservation.h"

#define CHANGES 1000
#define SPAWNS 100
#define MBIT 125000u
#define BUDGET_MEDIAN_US 1000
#define BUDGET_P99_US 5000

static int
compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static bool
print(const char *what, int64_t *us, size_t n, bool budget)
{
    bool kept;

    qsort(us, n, sizeof(*us), compare);
    kept = us[n / 2] <= BUDGET_MEDIAN_US && us[n * 99 / 100] <= BUDGET_P99_US;
    printf("%-22s n=%-5zu median %6ld us   p99 %6ld us   max %6ld us%s\n", what,
           n, (long)us[n / 2], (long)us[n * 99 / 100], (long)us[n - 1],
           !budget ? ""
           : kept  ? "   (budget 1000/5000: kept)"
                   : "   (budget 1000/5000: OVERRUN)");
    return kept;
}

static int64_t
spawn_tc_us(unsigned mbit)
{
    g_autofree char *rate = g_strdup_printf("%umbit", mbit);
    char *argv[] = { (char *)"tc",
                     (char *)"class",
                     (char *)"change",
                     (char *)"dev",
                     (char *)"bench0",
                     (char *)"parent",
                     (char *)"7666:1",
                     (char *)"classid",
                     (char *)"7666:1000",
                     (char *)"htb",
                     (char *)"rate",
                     rate,
                     (char *)"ceil",
                     (char *)"90mbit",
                     (char *)"quantum",
                     (char *)"6000",
                     NULL };
    int64_t start_us = clock_mono_us();
    int status;
    pid_t pid;

    if (posix_spawnp(&pid, "tc", NULL, NULL, argv, environ) != 0 ||
        waitpid(pid, &status, 0) != pid || status != 0) {
        return -1;
    }
    return clock_mono_us() - start_us;
}

static bool
shell(const char *command)
{
    char *argv[] = { (char *)"sh", (char *)"-c", (char *)command, NULL };
    int status;
    pid_t pid;

    return posix_spawnp(&pid, "sh", NULL, NULL, argv, environ) == 0 &&
           waitpid(pid, &status, 0) == pid && status == 0;
}

int
main(void)
{
    static int64_t ours_us[CHANGES], theirs_us[SPAWNS];
    g_autofree char *run_dir = NULL, *clean = NULL;
    g_autoptr(GError) error = NULL;
    Link link = { .device = "bench0", .rate_bytes_s = 100 * MBIT };
    ReservationSpec spec = { .link = &link, .name = "bench" };
    Reservation *reservation;
    struct ifreq request = { .ifr_name = "bench0" };
    StreamMatch match = { .destination = "10.9.0.2",
                          .destination_port = 49152 };
    bool kept;
    int fd;

    if (geteuid() != 0 || unshare(CLONE_NEWNET) != 0) {
        printf("SKIPPED: needs root and network namespaces\n");
        return 77;
    }
    run_dir = g_dir_make_tmp("vmferry-bench-XXXXXX", NULL);
    clean = g_strdup_printf("rm -rf '%s'", run_dir);
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (!run_dir || fd < 0 ||
        !shell("ip link add bench0 type veth peer name bench1 && "
               "ip link set dev bench0 up") ||
        ioctl(fd, SIOCGIFHWADDR, &request) != 0) {
        printf("cannot make a veth\n");
        return 1;
    }
    close(fd);
    link.ifindex = (int)if_nametoindex("bench0");
    memcpy(link.mac, request.ifr_hwaddr.sa_data, 6);
    spec.run_dir = run_dir;

    reservation = reservation_open(&spec, &error);
    if (!reservation || !reservation_match(reservation, &match, 1, &error)) {
        printf("%s\n", error->message);
        return 1;
    }
    for (unsigned i = 0; i < CHANGES; i++) {
        int64_t start_us = clock_mono_us();

        if (!reservation_set(reservation, (20 + i % 50) * MBIT, 90 * MBIT, 0,
                             &error)) {
            printf("%s\n", error->message);
            return 1;
        }
        ours_us[i] = clock_mono_us() - start_us;
    }
    for (unsigned i = 0; i < SPAWNS; i++) {
        theirs_us[i] = spawn_tc_us(20 + i % 50);
        if (theirs_us[i] < 0) {
            printf("tc class change failed\n");
            return 1;
        }
    }
    kept = print("reservation_set", ours_us, CHANGES, true);
    print("tc class change", theirs_us, SPAWNS, false);
    if (!reservation_close(reservation, &error)) {
        printf("%s\n", error->message);
        return 1;
    }
    return shell(clean) && kept ? 0 : 1;
}
