/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * test-protocol.c - requests: what makes sense is let through, the rest named
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include "ctl/protocol.h"

#define UUID "\"uuid\":\"6b2f2f6c-8c2f-4c3e-9c59-0c1f2b7a7d11\""
#define TO "\"destination\":\"qemu+ssh://b/system\""

typedef struct {
    char request[240];
    int want_code; /* -1: it makes sense */
    char want_text[80];
} RequestCase;

ParameterizedTestParameters(ctl_protocol, requests)
{
    static RequestCase cases[] = {
        { "{\"id\":1,\"command\":\"status\"}", -1, "" },
        { "{\"id\":\"x\",\"command\":\"status\",\"arguments\":{}}", -1, "" },
        { "{\"command\":\"status\"}", CTL_ERROR_MALFORMED, "no id" },
        { "{\"id\":null,\"command\":\"status\"}", CTL_ERROR_MALFORMED,
          "no id" },
        { "{\"id\":1.5,\"command\":\"status\"}", CTL_ERROR_MALFORMED, "no id" },
        { "{\"id\":1}", CTL_ERROR_MALFORMED, "no command" },
        { "{\"id\":1,\"command\":7}", CTL_ERROR_MALFORMED, "no command" },
        { "{\"id\":1,\"command\":\"status\\u0000x\"}", CTL_ERROR_MALFORMED,
          "no command" },
        { "{\"id\":1,\"command\":\"explode\"}", CTL_ERROR_UNKNOWN_COMMAND,
          "'explode' is no command of protocol 1" },
        { "{\"id\":1,\"command\":\"status\",\"argument\":{}}",
          CTL_ERROR_MALFORMED, "'argument' is no member of a request" },
        { "{\"id\":1,\"command\":\"status\",\"arguments\":[]}",
          CTL_ERROR_MALFORMED, "its arguments are no object" },
        { "{\"id\":1,\"command\":\"status\",\"arguments\":{\"all\":true}}",
          CTL_ERROR_BAD_ARGUMENT, "status: 'all' is no argument of it" },
        { "{\"id\":1,\"command\":\"hold\"}", CTL_ERROR_BAD_ARGUMENT,
          "hold: session is missing" },
        { "{\"id\":1,\"command\":\"hold\",\"arguments\":{\"session\":17}}",
          CTL_ERROR_BAD_ARGUMENT, "hold: session: a string" },
        { "{\"id\":1,\"command\":\"hold\",\"arguments\":{\"session\":\"\"}}",
          CTL_ERROR_BAD_ARGUMENT, "session: a string of 1 to 256" },
        { "{\"id\":1,\"command\":\"hold\",\"arguments\":"
          "{\"session\":\"a\\nb\"}}",
          CTL_ERROR_BAD_ARGUMENT, "session: it holds a control character" },
        { "{\"id\":1,\"command\":\"hold\",\"arguments\":{\"session\":\"17\","
          "\"reason\":\"lunch\"}}",
          -1, "" },
        { "{\"id\":1,\"command\":\"history\",\"arguments\":{\"limit\":5}}", -1,
          "" },
        { "{\"id\":1,\"command\":\"history\",\"arguments\":{\"limit\":0}}",
          CTL_ERROR_BAD_ARGUMENT, "limit: a number from 1 to 1000" },
        { "{\"id\":1,\"command\":\"history\",\"arguments\":{\"limit\":1.5}}",
          CTL_ERROR_BAD_ARGUMENT, "limit: an integer" },
        { "{\"id\":1,\"command\":\"subscribe\",\"arguments\":{\"events\":"
          "[\"decision\",\"mode\"]}}",
          -1, "" },
        { "{\"id\":1,\"command\":\"subscribe\",\"arguments\":{\"events\":"
          "[\"weather\"]}}",
          CTL_ERROR_BAD_ARGUMENT,
          "events: 'weather' is none of session-begun" },
        { "{\"id\":1,\"command\":\"subscribe\",\"arguments\":{\"events\":"
          "\"mode\"}}",
          CTL_ERROR_BAD_ARGUMENT, "events: an array" },
        { "{\"id\":1,\"command\":\"subscribe\",\"arguments\":{\"events\":"
          "[null]}}",
          CTL_ERROR_BAD_ARGUMENT, "events: a string is wanted" },
        { "{\"id\":1,\"command\":\"set\",\"arguments\":{\"session\":\"1\"}}",
          CTL_ERROR_BAD_ARGUMENT, "set: nothing is named to be changed" },
        { "{\"id\":1,\"command\":\"set\",\"arguments\":{\"session\":\"1\","
          "\"deadline_s\":null}}",
          -1, "" },
        { "{\"id\":1,\"command\":\"set\",\"arguments\":{\"session\":\"1\","
          "\"priority\":null}}",
          CTL_ERROR_BAD_ARGUMENT, "priority: an integer" },
        { "{\"id\":1,\"command\":\"set\",\"arguments\":{\"session\":\"1\","
          "\"deadline_s\":-3}}",
          CTL_ERROR_BAD_ARGUMENT, "deadline_s: a number from 0.001" },
        { "{\"id\":1,\"command\":\"set\",\"arguments\":{\"session\":\"1\","
          "\"deadline_s\":1e999}}",
          CTL_ERROR_BAD_ARGUMENT, "deadline_s: a number from 0.001" },
        { "{\"id\":1,\"command\":\"set\",\"arguments\":{\"session\":\"1\","
          "\"deadline\":3}}",
          CTL_ERROR_BAD_ARGUMENT, "set: 'deadline' is no argument" },
        { "{\"id\":1,\"command\":\"set\",\"arguments\":{\"session\":\"1\","
          "\"policy\":\"fair\"}}",
          CTL_ERROR_BAD_ARGUMENT,
          "policy: 'fair' is none of default, paper, none" },
        { "{\"id\":1,\"command\":\"disable\",\"arguments\":{\"now\":1}}",
          CTL_ERROR_BAD_ARGUMENT, "now: true or false" },
        { "{\"id\":1,\"command\":\"announce\",\"arguments\":{" UUID "," TO "}}",
          -1, "" },
        { "{\"id\":1,\"command\":\"announce\",\"arguments\":{" UUID "}}",
          CTL_ERROR_BAD_ARGUMENT, "destination is missing" },
        { "{\"id\":1,\"command\":\"announce\",\"arguments\":{"
          "\"uuid\":\"vm-a\"," TO "}}",
          CTL_ERROR_BAD_ARGUMENT, "uuid: a UUID" },
        { "{\"id\":1,\"command\":\"announce\",\"arguments\":{" UUID "," TO
          ",\"protected\":[{\"expression\":\"tcp\",\"rate_bytes_s\":1e6}]}}",
          -1, "" },
        { "{\"id\":1,\"command\":\"announce\",\"arguments\":{" UUID "," TO
          ",\"protected\":[{\"expression\":\"tcp\"}]}}",
          CTL_ERROR_BAD_ARGUMENT, "protected: {" },
        { "{\"id\":1,\"command\":\"announce\",\"arguments\":{" UUID "," TO
          ",\"protected\":[{\"expression\":\"tcp\",\"rate\":5}]}}",
          CTL_ERROR_BAD_ARGUMENT, "protected: rate_bytes_s: a number" },
        { "{\"id\":1,\"command\":\"announce\",\"arguments\":{" UUID "," TO
          ",\"parent\":\"1:10\",\"allow\":[\"post-copy\"]}}",
          -1, "" },
        { "{\"id\":1,\"command\":\"announce\",\"arguments\":{" UUID "," TO
          ",\"parent\":\"1:\"}}",
          CTL_ERROR_BAD_ARGUMENT, "parent: a class as" },
        { "{\"id\":1,\"command\":\"announce\",\"arguments\":{" UUID "," TO
          ",\"parent\":\"1:-1\"}}",
          CTL_ERROR_BAD_ARGUMENT, "parent: a class as" },
        { "{\"id\":1,\"command\":\"announce\",\"arguments\":{" UUID "," TO
          ",\"allow\":[\"magic\"]}}",
          CTL_ERROR_BAD_ARGUMENT, "allow: 'magic' is none of guarantee" },
    };

    return cr_make_param_array(RequestCase, cases, G_N_ELEMENTS(cases));
}

ParameterizedTest(const RequestCase *c, ctl_protocol, requests)
{
    g_autoptr(JsonObject) message =
        jobj_parse(c->request, strlen(c->request), NULL);
    g_autoptr(GError) error = NULL;
    JsonObject *id = message, *arguments = message;
    CtlCommand command = CTL_N_COMMANDS;
    bool sane;

    cr_assert_not_null(message, "%s", c->request);
    sane = ctl_request_read(message, &id, &command, &arguments, &error);
    cr_expect_eq(sane, c->want_code < 0, "%s: %s", c->request,
                 error ? error->message : "taken");
    cr_expect_neq(id, message, "set in any case");
    if (sane) {
        cr_expect_eq(arguments, jobj_get(message, "arguments"));
        cr_expect_str_eq(ctl_command_name(command),
                         json_object_get_string(jobj_get(message, "command")));
    } else {
        cr_expect_eq(arguments, message, "left alone");
        cr_expect_eq(error->code, c->want_code, "%s: %s", c->request,
                     error->message);
        cr_expect(strstr(error->message, c->want_text), "%s: %s", c->request,
                  error->message);
    }
}

Test(ctl_protocol, names_go_both_ways)
{
    for (unsigned i = 0; i < CTL_N_COMMANDS; i++) {
        CtlCommand command = CTL_N_COMMANDS;

        cr_assert(
            ctl_command_parse(ctl_command_name((CtlCommand)i), &command, NULL));
        cr_expect_eq(command, (CtlCommand)i);
    }
    for (unsigned i = 0; i < CTL_N_EVENTS; i++) {
        CtlEvent event = CTL_N_EVENTS;

        cr_assert(ctl_event_parse(ctl_event_name((CtlEvent)i), &event, NULL));
        cr_expect_eq(event, (CtlEvent)i);
    }
    for (unsigned i = 0; i < CTL_ERROR_NO_DAEMON; i++) {
        cr_expect_eq(ctl_error_parse(ctl_error_name((CtlError)i)), (CtlError)i);
    }
    cr_expect_eq(ctl_error_parse("of a later version"), CTL_ERROR_FAILED);
    cr_expect_eq(ctl_error_parse("no-daemon"), CTL_ERROR_FAILED,
                 "is never on the wire");
}

/* Every word of the code stands in the page, in its table. */
Test(ctl_protocol, the_page_has_every_word)
{
    g_autofree char *page = NULL;

    cr_assert(g_file_get_contents(PROTOCOL_PAGE, &page, NULL, NULL));
    for (unsigned i = 0; i < CTL_N_COMMANDS; i++) {
        const char *name = ctl_command_name((CtlCommand)i);
        g_autofree char *row = g_strdup_printf(
            "\n| `%s` | %s |", name,
            ctl_command_steers((CtlCommand)i) ? "steer" : "read");

        cr_expect(strstr(page, row), "%s", row);
    }
    for (unsigned i = 0; i < CTL_N_EVENTS; i++) {
        g_autofree char *word =
            g_strdup_printf("`%s`", ctl_event_name((CtlEvent)i));

        cr_expect(strstr(page, word), "%s", word);
    }
    for (unsigned i = 0; i < CTL_ERROR_NO_DAEMON; i++) {
        g_autofree char *row =
            g_strdup_printf("\n| `%s` |", ctl_error_name((CtlError)i));

        cr_expect(strstr(page, row), "%s", row);
    }
}
