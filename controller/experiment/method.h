/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * method.h - the command line of a migration, by method
 *
 * virsh's methods are `virsh migrate' on the source, vmferry's `vmferry
 * migrate', both as somebody would type them. Pure: words in, words out.
 */
#ifndef EXPERIMENT_METHOD_H
#define EXPERIMENT_METHOD_H

#include "experiment/scenario.h"

typedef struct MethodPlace {
    const char *vmferry;       /* path of the program */
    const char *const *guests; /* names, NULL-terminated; one, but where they
                                  are moved together */
    const char *destination;   /* its URI */
    const char *link;          /* interface that the stream leaves by */
    const char *wire;          /* its rate as in tc; NULL: not limited */
    const char *declared;      /* what vmferry is told of the link's rate; NULL:
                                  it finds out */
    const char *record;        /* where vmferry puts its record */
    const char *state;         /* where vmferry drain keeps its */
    const char *oracle;        /* METHOD_ORACLE: the record it goes by */
    double cut_off_s;
    unsigned downtime_limit_ms;
} MethodPlace;

/** method_is_vmferry() - or virsh */
bool method_is_vmferry(const ScenarioMethod *method);

/** method_command() - To be run on the source host; g_strfreev() it. virsh's
 * downtime limit is to be set beforehand, and it is cut off from outside */
char **method_command(const ScenarioMethod *method, const MethodPlace *place);

/**
 * method_htb() - Words of tc that make a fixed guarantee on the link
 * @place: .link, .wire; a wire without a limit has nothing to guarantee of
 *
 * A tree like vmferry's own: the root at 0.97 of the wire, so that the queue is
 * here, one class with the guarantee for libvirt's migration ports, one with
 * the rest, each may borrow all.
 * Return: char **, one array of words a command; NULL without a limit.
 * g_ptr_array_unref() it
 */
GPtrArray *method_htb(const ScenarioMethod *method, const MethodPlace *place);

#endif
