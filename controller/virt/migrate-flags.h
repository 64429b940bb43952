/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * migrate-flags.h - flags and parameter names of a migration
 *
 * Those of libvirt 9.0 under our own names, so that an option table above the
 * adapter needs no libvirt header. migrate-params.c asserts that the numbers
 * and the names are libvirt's.
 */
#ifndef VIRT_MIGRATE_FLAGS_H
#define VIRT_MIGRATE_FLAGS_H

typedef enum {
    VIRT_MIGRATE_LIVE = 1 << 0,
    VIRT_MIGRATE_PEER2PEER = 1 << 1,
    VIRT_MIGRATE_TUNNELLED = 1 << 2,
    VIRT_MIGRATE_PERSIST_DEST = 1 << 3,
    VIRT_MIGRATE_UNDEFINE_SOURCE = 1 << 4,
    VIRT_MIGRATE_PAUSED = 1 << 5,
    VIRT_MIGRATE_NON_SHARED_DISK = 1 << 6,
    VIRT_MIGRATE_NON_SHARED_INC = 1 << 7,
    VIRT_MIGRATE_CHANGE_PROTECTION = 1 << 8,
    VIRT_MIGRATE_UNSAFE = 1 << 9,
    VIRT_MIGRATE_OFFLINE = 1 << 10,
    VIRT_MIGRATE_COMPRESSED = 1 << 11,
    VIRT_MIGRATE_ABORT_ON_ERROR = 1 << 12,
    VIRT_MIGRATE_AUTO_CONVERGE = 1 << 13,
    VIRT_MIGRATE_RDMA_PIN_ALL = 1 << 14,
    VIRT_MIGRATE_POSTCOPY = 1 << 15,
    VIRT_MIGRATE_TLS = 1 << 16,
    VIRT_MIGRATE_PARALLEL = 1 << 17,
    VIRT_MIGRATE_NON_SHARED_SYNCHRONOUS_WRITES = 1 << 18,
    VIRT_MIGRATE_POSTCOPY_RESUME = 1 << 19,
    VIRT_MIGRATE_ZEROCOPY = 1 << 20,
} VirtMigrateFlags;

#define VIRT_MIGRATE_PARAM_URI "migrate_uri"
#define VIRT_MIGRATE_PARAM_DEST_NAME "destination_name"
#define VIRT_MIGRATE_PARAM_DEST_XML "destination_xml"
#define VIRT_MIGRATE_PARAM_PERSIST_XML "persistent_xml"
#define VIRT_MIGRATE_PARAM_BANDWIDTH "bandwidth"
#define VIRT_MIGRATE_PARAM_BANDWIDTH_POSTCOPY "bandwidth.postcopy"
#define VIRT_MIGRATE_PARAM_GRAPHICS_URI "graphics_uri"
#define VIRT_MIGRATE_PARAM_LISTEN_ADDRESS "listen_address"
#define VIRT_MIGRATE_PARAM_MIGRATE_DISKS "migrate_disks"
#define VIRT_MIGRATE_PARAM_DISKS_PORT "disks_port"
#define VIRT_MIGRATE_PARAM_DISKS_URI "disks_uri"
#define VIRT_MIGRATE_PARAM_COMPRESSION "compression"
#define VIRT_MIGRATE_PARAM_COMPRESSION_MT_LEVEL "compression.mt.level"
#define VIRT_MIGRATE_PARAM_COMPRESSION_MT_THREADS "compression.mt.threads"
#define VIRT_MIGRATE_PARAM_COMPRESSION_MT_DTHREADS "compression.mt.dthreads"
#define VIRT_MIGRATE_PARAM_COMPRESSION_XBZRLE_CACHE "compression.xbzrle.cache"
#define VIRT_MIGRATE_PARAM_AUTO_CONVERGE_INITIAL "auto_converge.initial"
#define VIRT_MIGRATE_PARAM_AUTO_CONVERGE_INCREMENT "auto_converge.increment"
#define VIRT_MIGRATE_PARAM_PARALLEL_CONNECTIONS "parallel.connections"
#define VIRT_MIGRATE_PARAM_TLS_DESTINATION "tls.destination"

#endif
