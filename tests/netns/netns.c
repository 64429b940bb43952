/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * netns.c - see netns.h
 */
#include "netns.h"

#include <criterion/criterion.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/units.h"

static pid_t far_pid;
static char *run_dir;

const char *
netns_run_dir(void)
{
    return run_dir;
}

int
netns_far_pid(void)
{
    return far_pid;
}

/* What the command prints, NULL if it fails. */
static char *
shell(const char *command)
{
    const char *argv[] = { "sh", "-c", command, NULL };
    g_autofree char *text = NULL;
    int status;

    if (!g_spawn_sync(NULL, (char **)(void *)argv, NULL, G_SPAWN_SEARCH_PATH,
                      NULL, NULL, &text, NULL, &status, NULL) ||
        !g_spawn_check_wait_status(status, NULL)) {
        return NULL;
    }
    return g_steal_pointer(&text);
}

static void
netns_leave(void)
{
    if (far_pid > 0) {
        kill(far_pid, SIGKILL);
        waitpid(far_pid, NULL, 0);
        far_pid = 0;
    }
    if (run_dir) {
        g_autofree char *command = g_strdup_printf("rm -rf '%s'", run_dir);
        g_autofree char *nothing = shell(command);

        if (!nothing) {
            fprintf(stderr, "cannot remove %s\n", run_dir);
        }
    }
}

void
netns_enter(void)
{
    int ready[2];
    char byte;

    if (geteuid() != 0 || unshare(CLONE_NEWNET) != 0) {
        fprintf(stderr, "SKIPPED: needs root and network namespaces\n");
        cr_skip_test("needs root and network namespaces");
    }
    cr_assert(pipe(ready) == 0);
    far_pid = fork();
    cr_assert(far_pid >= 0);
    if (far_pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        byte = unshare(CLONE_NEWNET) == 0 ? 'y' : 'n';
        if (write(ready[1], &byte, 1) != 1) {
            _exit(1);
        }
        for (;;) {
            pause();
        }
    }
    atexit(netns_leave);
    cr_assert(read(ready[0], &byte, 1) == 1 && byte == 'y');
    close(ready[0]);
    close(ready[1]);

    run_dir = g_dir_make_tmp("vmferry-netns-XXXXXX", NULL);
    cr_assert_not_null(run_dir);
    netns_sh("ip link set dev lo up; "
             "ip link add near0 type veth peer name far0 netns %d && "
             "ip addr add " NEAR4 "/24 dev near0 && "
             "ip addr add " NEAR6 "/64 dev near0 nodad && "
             "ip link set dev near0 up",
             far_pid);
    netns_far("ip link set dev lo up; ip addr add " FAR4 "/24 dev far0 && "
              "ip addr add " FAR6 "/64 dev far0 nodad && "
              "ip link set dev far0 up");
}

static void
sh(const char *command)
{
    g_autofree char *nothing = shell(command);

    cr_assert_not_null(nothing, "command failed: %s", command);
}

void
netns_sh(const char *format, ...)
{
    g_autofree char *command = NULL;
    va_list args;

    va_start(args, format);
    command = g_strdup_vprintf(format, args);
    va_end(args);
    sh(command);
}

void
netns_far(const char *format, ...)
{
    g_autofree char *inner = NULL, *quoted = NULL, *command = NULL;
    va_list args;

    va_start(args, format);
    inner = g_strdup_vprintf(format, args);
    va_end(args);
    quoted = g_shell_quote(inner);
    command = g_strdup_printf("nsenter -t %d -n sh -c %s", far_pid, quoted);
    sh(command);
}

char *
netns_read(const char *format, ...)
{
    g_autofree char *command = NULL;
    char *text;
    va_list args;

    va_start(args, format);
    command = g_strdup_vprintf(format, args);
    va_end(args);
    text = shell(command);
    cr_assert_not_null(text, "command failed: %s", command);
    return text;
}

char *
netns_tree(const char *device)
{
    return netns_read("tc -d qdisc show dev %s | "
                      "sed 's/direct_packets_stat [0-9]* //'; "
                      "tc -d class show dev %s | sort; "
                      "tc -d filter show dev %s",
                      device, device, device);
}

char *
netns_class(const char *device, const char *id)
{
    g_autofree char *text = netns_read("tc -s -d class show dev %s", device);
    g_autofree char *head = g_strdup_printf("class htb %s ", id);
    char *start = strstr(text, head);
    char *end = start ? strstr(start, "\n\n") : NULL;

    return start ? g_strdelimit(g_strndup(start, end ? (gsize)(end - start)
                                                     : strlen(start)),
                                "\n", ' ')
                 : NULL;
}

bool
netns_has_class(const char *device, const char *id)
{
    g_autofree char *class_ = netns_class(device, id);

    return class_ != NULL;
}

uint64_t
netns_class_get(const char *device, const char *id, const char *word)
{
    g_autofree char *class_ = netns_class(device, id);
    g_autofree char *key = g_strdup_printf(" %s ", word);
    g_autofree char *value = NULL;
    uint64_t rate_bytes_s;
    char *at;

    cr_assert_not_null(class_, "no class %s on %s", id, device);
    at = strstr(class_, key);
    cr_assert_not_null(at, "no %s in: %s", word, class_);
    at += strlen(key);
    value = g_strndup(at, strcspn(at, " "));
    if (strcmp(word, "rate") == 0 || strcmp(word, "ceil") == 0) {
        cr_assert(units_parse_rate(value, &rate_bytes_s, NULL), "%s", value);
        return rate_bytes_s;
    }
    return g_ascii_strtoull(value, NULL, 10);
}

Link
netns_link(const char *device, uint64_t rate_bytes_s)
{
    Link link = { .rate_bytes_s = rate_bytes_s, .rate_declared = true };
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq request = { 0 };

    g_strlcpy(link.device, device, sizeof(link.device));
    link.ifindex = (int)if_nametoindex(device);
    g_strlcpy(request.ifr_name, device, sizeof(request.ifr_name));
    cr_assert(ioctl(fd, SIOCGIFHWADDR, &request) == 0, "no %s", device);
    memcpy(link.mac, request.ifr_hwaddr.sa_data, sizeof(link.mac));
    close(fd);
    return link;
}

ReservationSpec
netns_spec(const Link *link, const char *name)
{
    return (ReservationSpec){
        .link = link,
        .name = name,
        .uuid = "00000000-0000-0000-0000-000000000001",
        .run_dir = run_dir,
    };
}
