/* criterion.h - what the tests use of Criterion, for systems that it is not packaged for: musl, riscv64. Tests are written for Criterion
 * itself; the scripts of tools/cross build them with this folder's parent as the include folder and main.c as the library.
 *
 * As there, each test runs in a process of its own, cr_assert ends it and cr_expect only notes a failure. */
#ifndef SHUNT_TESTS_CROSS_CRITERION_H
#define SHUNT_TESTS_CROSS_CRITERION_H

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct cr_options {
    int line; /* not used: what comes before the options in the macros */
    void (*init)(void), (*fini)(void);
    double timeout; /* seconds; 0: the suite's, or none */
} cr_options;

struct criterion_test_params {
    size_t size, length;
    void *params;
};

/* A test or, with neither function, a suite. */
typedef struct cr_case {
    const char *suite, *name;
    void (*run)(void);
    void (*run_with)(void *);
    struct criterion_test_params (*parameters)(void);
    cr_options options;
    struct cr_case *next;
} cr_case;

void cr_register(cr_case *self);
/* One line about a failure. */
void cr_failed(const char *file, int line, const char *condition, const char *format, ...) __attribute__((format(printf, 4, 5)));
_Noreturn void cr_end(void);
_Noreturn void cr_skipped(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define CR_NAME(suite, name, what) suite##_##name##_##what
#define CR_REGISTER(suite_, name_, ...)                                                                                \
    static cr_case CR_NAME(suite_, name_, case) = {.suite = #suite_, .name = #name_, __VA_ARGS__};                     \
    __attribute__((constructor)) static void CR_NAME(suite_, name_, register)(void)                                    \
    {                                                                                                                  \
        cr_register(&CR_NAME(suite_, name_, case));                                                                    \
    }

#define TestSuite(suite, ...) CR_REGISTER(suite, , .options = {.line = __LINE__, __VA_ARGS__})
#define Test(suite, name, ...)                                                                                         \
    static void CR_NAME(suite, name, impl)(void);                                                                      \
    CR_REGISTER(suite, name, .run = CR_NAME(suite, name, impl), .options = {.line = __LINE__, __VA_ARGS__})            \
    static void CR_NAME(suite, name, impl)(void)

#define CR_FAIL(then, condition, ...)                                                                                  \
    do {                                                                                                               \
        cr_failed(__FILE__, __LINE__, condition, " " __VA_ARGS__);                                                     \
        then;                                                                                                          \
    } while (0)
#define CR_CHECK(then, condition, text, ...)                                                                           \
    do {                                                                                                               \
        if (!(condition)) CR_FAIL(then, text, __VA_ARGS__);                                                            \
    } while (0)
#define CR_FLOATS(a, b, most) (fabs((double)((a) - (b))) <= (double)(most))

#define cr_assert(condition, ...) CR_CHECK(cr_end(), condition, #condition, __VA_ARGS__)
#define cr_assert_eq(a, b, ...) CR_CHECK(cr_end(), (a) == (b), #a " == " #b, __VA_ARGS__)
#define cr_assert_neq(a, b, ...) CR_CHECK(cr_end(), (a) != (b), #a " != " #b, __VA_ARGS__)
#define cr_assert_lt(a, b, ...) CR_CHECK(cr_end(), (a) < (b), #a " < " #b, __VA_ARGS__)
#define cr_assert_leq(a, b, ...) CR_CHECK(cr_end(), (a) <= (b), #a " <= " #b, __VA_ARGS__)
#define cr_assert_gt(a, b, ...) CR_CHECK(cr_end(), (a) > (b), #a " > " #b, __VA_ARGS__)
#define cr_assert_geq(a, b, ...) CR_CHECK(cr_end(), (a) >= (b), #a " >= " #b, __VA_ARGS__)
#define cr_assert_null(a, ...) CR_CHECK(cr_end(), !(a), #a " is NULL", __VA_ARGS__)
#define cr_assert_not_null(a, ...) CR_CHECK(cr_end(), a, #a " is not NULL", __VA_ARGS__)
#define cr_assert_str_eq(a, b, ...) CR_CHECK(cr_end(), !strcmp(a, b), #a " is the text " #b, __VA_ARGS__)
#define cr_assert_str_neq(a, b, ...) CR_CHECK(cr_end(), strcmp(a, b), #a " is not the text " #b, __VA_ARGS__)
#define cr_assert_str_empty(a, ...) CR_CHECK(cr_end(), !*(a), #a " is empty", __VA_ARGS__)
#define cr_assert_arr_eq(a, b, n, ...) CR_CHECK(cr_end(), !memcmp(a, b, n), #a " has the bytes of " #b, __VA_ARGS__)
#define cr_assert_float_eq(a, b, most, ...) CR_CHECK(cr_end(), CR_FLOATS(a, b, most), #a " is about " #b, __VA_ARGS__)
#define cr_assert_fail(...) CR_FAIL(cr_end(), "fails", __VA_ARGS__)

#define cr_expect(condition, ...) CR_CHECK((void)0, condition, #condition, __VA_ARGS__)
#define cr_expect_not(condition, ...) CR_CHECK((void)0, !(condition), "not " #condition, __VA_ARGS__)
#define cr_expect_eq(a, b, ...) CR_CHECK((void)0, (a) == (b), #a " == " #b, __VA_ARGS__)
#define cr_expect_neq(a, b, ...) CR_CHECK((void)0, (a) != (b), #a " != " #b, __VA_ARGS__)
#define cr_expect_lt(a, b, ...) CR_CHECK((void)0, (a) < (b), #a " < " #b, __VA_ARGS__)
#define cr_expect_gt(a, b, ...) CR_CHECK((void)0, (a) > (b), #a " > " #b, __VA_ARGS__)
#define cr_expect_geq(a, b, ...) CR_CHECK((void)0, (a) >= (b), #a " >= " #b, __VA_ARGS__)
#define cr_expect_null(a, ...) CR_CHECK((void)0, !(a), #a " is NULL", __VA_ARGS__)
#define cr_expect_str_eq(a, b, ...) CR_CHECK((void)0, !strcmp(a, b), #a " is the text " #b, __VA_ARGS__)
#define cr_expect_str_neq(a, b, ...) CR_CHECK((void)0, strcmp(a, b), #a " is not the text " #b, __VA_ARGS__)
#define cr_expect_str_empty(a, ...) CR_CHECK((void)0, !*(a), #a " is empty", __VA_ARGS__)
#define cr_expect_arr_eq(a, b, n, ...) CR_CHECK((void)0, !memcmp(a, b, n), #a " has the bytes of " #b, __VA_ARGS__)
#define cr_expect_float_eq(a, b, most, ...) CR_CHECK((void)0, CR_FLOATS(a, b, most), #a " is about " #b, __VA_ARGS__)

#define cr_skip(...) cr_skipped(" " __VA_ARGS__)
#define cr_skip_test(...) cr_skipped(" " __VA_ARGS__)

#endif
