/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report-cmd.h - "vmferry report": run records into a page or a trace
 */
#ifndef CLI_REPORT_CMD_H
#define CLI_REPORT_CMD_H

/**
 * vmferry_report_main() - vmferry report RECORD.json... [-o FILE] [--csv]
 * @argv: argv[0] is "report"; reordered, not freed
 *
 * Return: exit status: 0, 1 if a file could not be read or written, 2 on a
 * command line that makes no sense
 */
int vmferry_report_main(int argc, char **argv);

#endif
