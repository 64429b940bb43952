/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * place.h - rules about its place that a guest carries in its libvirt metadata
 *
 *   <vmferry:place xmlns:vmferry="urn:vmferry:place:1" group="database"
 *                  apart="rack" keep-away="web1 web2"/>
 */
#ifndef CONSOLIDATE_PLACE_H
#define CONSOLIDATE_PLACE_H

#include "consolidate/cluster.h"

typedef struct Place {
    char *group;   /* that it is a member of; NULL: none */
    GArray *rules; /* ConsGroupRule, of that group */
    char **away;   /* guests not to share a host with; never NULL */
    char **near;   /* guests to share one with; never NULL */
    bool pinned;
} Place;

/**
 * place_parse() - Read the element, with or without its prefix
 *
 * Return: place_free() it; NULL with CONS_ERROR_SYNTAX that names the attribute
 */
Place *place_parse(const char *xml, GError **error);
void place_free(Place *place);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Place, place_free)

/**
 * place_apply() - Into the groups of @cluster
 * @guest: Its name there
 *
 * A group of that name in @settings lends its members, apart and together: who
 * joins it is held to these rules as well.
 */
void place_apply(const Place *place, const ConsSettings *settings,
                 Cluster *cluster, const char *guest);

#endif
