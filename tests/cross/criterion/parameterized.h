/* parameterized.h - tests that run once for each of their parameters; see criterion.h. */
#ifndef SHUNT_TESTS_CROSS_PARAMETERIZED_H
#define SHUNT_TESTS_CROSS_PARAMETERIZED_H

#include "criterion.h"

#define cr_make_param_array(type, array, n)                                                                            \
    (struct criterion_test_params)                                                                                     \
    {                                                                                                                  \
        .size = sizeof(type), .params = (array), .length = (n)                                                         \
    }

#define ParameterizedTestParameters(suite, name)                                                                       \
    static struct criterion_test_params CR_NAME(suite, name, parameters)(void)

#define ParameterizedTest(parameter, suite, name, ...)                                                                 \
    static void CR_NAME(suite, name, impl)(parameter);                                                                 \
    static void CR_NAME(suite, name, with)(void *at)                                                                   \
    {                                                                                                                  \
        CR_NAME(suite, name, impl)(at);                                                                                \
    }                                                                                                                  \
    CR_REGISTER(suite, name, .run_with = CR_NAME(suite, name, with), .parameters = CR_NAME(suite, name, parameters),   \
                .options = {.line = __LINE__, __VA_ARGS__})                                                            \
    static void CR_NAME(suite, name, impl)(parameter)

#endif
