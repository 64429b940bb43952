/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * migrate-table.c - every option of "vmferry migrate", and its help
 *
 * The first part is virsh's, in virsh's order, because that order decides
 * which option a bare word fills: domain, desturi, migrateuri, graphicsuri,
 * listen-address, dname, timeout, and so on through all that take a value. The
 * second part is ours. The man page and the completion are compared with this
 * table by a test.
 */
#include "tools/cli/migrate-options.h"

#define P CMDLINE_BY_POSITION
#define O CMDLINE_OWN

static const CmdlineOption option_table[] = {
    { "domain", CMDLINE_STRING, P | CMDLINE_REQUIRED, NULL,
      "domain name, id or uuid" },
    { "desturi", CMDLINE_STRING, P | CMDLINE_REQUIRED, NULL,
      "connection URI of the destination, as seen from the client (or from "
      "the source with --p2p)" },
    { "live", CMDLINE_FLAG, 0, NULL, "the guest runs on while it is copied" },
    { "offline", CMDLINE_FLAG, 0, NULL,
      "move the definition only (with --persistent)" },
    { "p2p", CMDLINE_FLAG, 0, NULL,
      "the source's libvirtd drives the migration" },
    { "direct", CMDLINE_FLAG, 0, NULL, "the hypervisor drives the migration" },
    { "tunneled", CMDLINE_ALIAS, 0, "tunnelled", NULL },
    { "tunnelled", CMDLINE_FLAG, 0, NULL,
      "through libvirt's own connection (only with --policy none)" },
    { "persistent", CMDLINE_FLAG, 0, NULL,
      "define the guest on the destination" },
    { "undefinesource", CMDLINE_FLAG, 0, NULL,
      "undefine the guest on the source" },
    { "suspend", CMDLINE_FLAG, 0, NULL,
      "leave the guest paused on the destination" },
    { "copy-storage-all", CMDLINE_FLAG, 0, NULL,
      "copy disks that are not shared, whole" },
    { "copy-storage-inc", CMDLINE_FLAG, 0, NULL,
      "copy disks that are not shared, above a common base image" },
    { "copy-storage-synchronous-writes", CMDLINE_FLAG, 0, NULL,
      "write to both sides while disks are copied" },
    { "change-protection", CMDLINE_FLAG, 0, NULL,
      "forbid changes of the configuration meanwhile" },
    { "unsafe", CMDLINE_FLAG, 0, NULL,
      "migrate even if libvirt thinks it unsafe" },
    { "verbose", CMDLINE_FLAG, 0, NULL, "show the progress" },
    { "compressed", CMDLINE_FLAG, 0, NULL, "compress repeated pages" },
    { "auto-converge", CMDLINE_FLAG, 0, NULL,
      "slow the guest down until it converges" },
    { "rdma-pin-all", CMDLINE_FLAG, 0, NULL,
      "pin all memory before an RDMA migration" },
    { "abort-on-error", CMDLINE_FLAG, 0, NULL, "abort on soft errors" },
    { "postcopy", CMDLINE_FLAG, 0, NULL, "allow a switch to post-copy" },
    { "postcopy-after-precopy", CMDLINE_FLAG, 0, NULL,
      "switch to post-copy after the first pass" },
    { "postcopy-resume", CMDLINE_FLAG, 0, NULL,
      "resume a broken post-copy migration" },
    { "zerocopy", CMDLINE_FLAG, 0, NULL, "send pages without copying them" },
    { "migrateuri", CMDLINE_STRING, P, NULL,
      "where the memory goes, tcp://ADDRESS[:PORT]" },
    { "graphicsuri", CMDLINE_STRING, P, NULL,
      "where graphics clients reconnect" },
    { "listen-address", CMDLINE_STRING, P, NULL,
      "address that the destination listens on" },
    { "dname", CMDLINE_STRING, P, NULL, "name on the destination" },
    { "timeout", CMDLINE_NUMBER, P, NULL,
      "after so many seconds, suspend the guest or do what --timeout-* says" },
    { "timeout-suspend", CMDLINE_FLAG, 0, NULL,
      "suspend the guest after --timeout" },
    { "timeout-postcopy", CMDLINE_FLAG, 0, NULL,
      "switch to post-copy after --timeout" },
    { "xml", CMDLINE_STRING, P, "file",
      "domain XML to use on the destination" },
    { "migrate-disks", CMDLINE_STRING, P, "list",
      "disks to copy, separated by commas" },
    { "disks-port", CMDLINE_NUMBER, P, NULL,
      "port of the destination for disks" },
    { "disks-uri", CMDLINE_STRING, P, NULL,
      "URI for disks (overrides --disks-port)" },
    { "comp-methods", CMDLINE_STRING, P, "list",
      "compression methods, separated by commas" },
    { "comp-mt-level", CMDLINE_NUMBER, P, NULL,
      "level of multithread compression" },
    { "comp-mt-threads", CMDLINE_NUMBER, P, NULL, "threads that compress" },
    { "comp-mt-dthreads", CMDLINE_NUMBER, P, NULL, "threads that decompress" },
    { "comp-xbzrle-cache", CMDLINE_NUMBER, P, NULL,
      "page cache of xbzrle compression, bytes" },
    { "auto-converge-initial", CMDLINE_NUMBER, P, NULL,
      "first throttling of the guest, percent" },
    { "auto-converge-increment", CMDLINE_NUMBER, P, NULL,
      "further steps of throttling, percent" },
    { "persistent-xml", CMDLINE_STRING, P, "file",
      "XML of the definition on the destination" },
    { "tls", CMDLINE_FLAG, 0, NULL, "encrypt the stream" },
    { "postcopy-bandwidth", CMDLINE_NUMBER, P, NULL,
      "limit of QEMU's own in post-copy, MiB/s" },
    { "parallel", CMDLINE_FLAG, 0, NULL, "several connections at once" },
    { "parallel-connections", CMDLINE_NUMBER, P, NULL, "how many" },
    { "bandwidth", CMDLINE_NUMBER, P, NULL, "limit of QEMU's own, MiB/s" },
    { "tls-destination", CMDLINE_STRING, P, NULL,
      "host name in the destination's certificate" },

    { "connect", CMDLINE_STRING, O, "uri",
      "hypervisor connection (also -c, and before the command)" },
    { "policy", CMDLINE_STRING, O, "none|paper|default",
      "how bandwidth is reserved; none: no tc at all" },
    { "deadline", CMDLINE_NUMBER, O, "seconds",
      "the migration should be over by then" },
    { "downtime", CMDLINE_NUMBER, O, "ms",
      "longest pause of the guest that QEMU plans for" },
    { "link", CMDLINE_STRING, O, "dev[=rate]",
      "interface that the stream leaves by, and what it carries" },
    { "protect", CMDLINE_STRING, O | CMDLINE_REPEATABLE, "'pcap'=rate",
      "guarantee for traffic that a pcap expression matches (repeatable)" },
    { "parent", CMDLINE_STRING, O, "classid",
      "join an HTB tree that is there, below this class" },
    { "margin", CMDLINE_NUMBER, O, "factor",
      "guarantee over the dirtying bandwidth, 1.25 by default" },
    { "predictor", CMDLINE_STRING, O, "ensemble|last|oracle=file",
      "what the default policy goes by; for comparison: the last pass, or the "
      "run record of an earlier migration of the guest" },
    { "allow", CMDLINE_STRING, O, "steps",
      "what may be done if it will not end: guarantee, order, wait (default), "
      "downtime, auto-converge, post-copy, abort" },
    { "downtime-max", CMDLINE_NUMBER, O, "ms",
      "how far the step \"downtime\" may raise the limit, 2000 by default" },
    { "throttle-max", CMDLINE_NUMBER, O, "percent",
      "how far the step \"auto-converge\" may go, 80 by default" },
    { "no-compression", CMDLINE_FLAG, O, NULL,
      "send pages again as they are, also by a link of 1 Gbit/s or less" },
    { "cut-off", CMDLINE_NUMBER, O, "seconds",
      "abort the migration if it is not over by then" },
    { "record", CMDLINE_STRING, O, "file",
      "write the run record (or, named .csv, the trace)" },
    { "report", CMDLINE_STRING, O, "file", "write an HTML report" },
    { "history", CMDLINE_STRING, O, "file|none",
      "where migrations are remembered for the next forecast" },
    { "working-set", CMDLINE_FLAG, O, NULL,
      "have a patched QEMU tell hot and cold pages; taints the guest" },
    { "queue", CMDLINE_FLAG, O, NULL,
      "wait until vmferryd says that it is its turn" },
    { "alone", CMDLINE_FLAG, O, NULL,
      "do not hand the migration to vmferryd, also if one runs" },
    { "socket", CMDLINE_STRING, O, "path", "vmferryd's control socket" },
    { "json", CMDLINE_FLAG, O, NULL, "JSON lines on standard output" },
    { "dry-run", CMDLINE_FLAG, O, NULL,
      "say what would be done and change nothing" },
    { NULL, CMDLINE_FLAG, 0, NULL, NULL },
};

#undef P
#undef O

const CmdlineOption *
migrate_options_table(void)
{
    return option_table;
}

char *
migrate_options_help(void)
{
    g_autofree char *virsh = cmdline_format_options(option_table, false);
    g_autofree char *own = cmdline_format_options(option_table, true);

    return g_strdup_printf(
        "usage: vmferry migrate DOMAIN DESTURI [MIGRATEURI [GRAPHICSURI "
        "[LISTEN-ADDRESS [DNAME]]]] [OPTION]...\n"
        "\n"
        "Migrate a guest as \"virsh migrate\" does, predict its iterations "
        "and reserve\n"
        "bandwidth on the link that they leave by.\n"
        "\n"
        "Options of virsh migrate:\n"
        "%s"
        "\n"
        "Options of vmferry:\n"
        "%s"
        "    --help                          this text\n"
        "\n"
        "Rates are written as in tc (50mbit, 6mbps, 6MiB/s); a bare number is "
        "refused.\n"
        "See vmferry(1) for examples.\n",
        virsh, own);
}
