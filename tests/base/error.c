/* Messages stay UTF-8 and one line, wherever a precision or the end of their room cuts them. The oracle of what is UTF-8
 * is jansson, which refuses anything else. */
#include "runtime/base/error.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static bool is_utf8(const char *text)
{
    json_t *string = json_string(text);
    json_decref(string);
    return string != NULL;
}

Test(error, a_precision_cuts_no_character)
{
    static const char *const name = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z"; /* 1, 2, 3 and 4 bytes, and one more */
    static const char *const expected[] = {
        "''", "'a'", "'a?'", "'a\xc3\xa9'", "'a\xc3\xa9?'", "'a\xc3\xa9?'", "'a\xc3\xa9\xe2\x82\xac'"};
    for (int precision = 0; precision <= 11; precision++) {
        cr_assert_eq(error_fail(SHUNT_E_INVALID, "'%.*s'", precision, name), SHUNT_E_INVALID);
        cr_assert(is_utf8(shunt_last_error()), "cut at %d", precision);
        if (precision < 7) cr_assert_str_eq(shunt_last_error(), expected[precision]);
    }
    cr_assert_str_eq(shunt_last_error(), "'a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z'");
}

Test(error, the_end_of_the_room_cuts_no_character)
{
    static char text[8001];
    for (int shift = 0; shift < 4; shift++) {
        memset(text, 'x', sizeof text - 1);
        for (int i = shift; i + 4 < 8000; i += 4) memcpy(text + i, "\xf0\x9f\x98\x80", 4);
        error_fail(SHUNT_E_INVALID, "%s", text);
        size_t length = strlen(shunt_last_error());
        cr_assert(is_utf8(shunt_last_error()));
        cr_assert(length > 4000 && !memcmp(shunt_last_error(), text, length), "only its end may be missing");
        error_context(SHUNT_E_INVALID, "in front%.*s", shift, "abc");
        cr_assert(is_utf8(shunt_last_error()));
        cr_assert(strlen(shunt_last_error()) > 4000);
    }
}

/* What is never UTF-8: a lone continuation, overlong forms, surrogates, past U+10FFFF, bytes that no character has. */
Test(error, other_bytes_become_question_marks)
{
    static const char *const bad[] = {"\x80",         "\xc0\xaf",         "\xc1\xbf",         "\xe0\x9f\xbf",
                                      "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
                                      "\xff\xfe"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_assert(!is_utf8(bad[i]));
        error_fail(SHUNT_E_INVALID, "a%sb", bad[i]);
        cr_assert_str_eq(shunt_last_error(), "a?b");
        error_fail(SHUNT_E_INVALID, "a%s", bad[i]);
        cr_assert_str_eq(shunt_last_error(), "a");
    }
    static const char *const good[] = {"~",
                                       "\xc2\xa0",
                                       "\xdf\xbf",
                                       "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",
                                       "\xee\x80\x80",
                                       "\xef\xbf\xbf",
                                       "\xf0\x90\x80\x80",
                                       "\xf4\x8f\xbf\xbf"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        error_fail(SHUNT_E_INVALID, "a%sb", good[i]);
        cr_assert_eq(strlen(shunt_last_error()), strlen(good[i]) + 2);
        cr_assert(is_utf8(shunt_last_error()));
    }
}

/* Names from files may hold what would clear a terminal, or look like a second message. */
Test(error, control_characters_do_not_get_through)
{
    error_fail(SHUNT_E_INVALID, "a%sb", "\x1b[2J\x7f\xc2\x9b\x01");
    cr_assert_str_eq(shunt_last_error(), "a?[2J???b");
    error_fail(SHUNT_E_INVALID, "one\ntwo\tthree\r\n");
    cr_assert_str_eq(shunt_last_error(), "one two three  ");
}
