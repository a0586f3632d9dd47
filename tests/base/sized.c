/* sized.c - option structs that are shorter or longer than the library's: what is taken, and what is refused. */
#include "runtime/base/sized.h"

#include <criterion/criterion.h>
#include <shunt/look.h>
#include <string.h>

typedef struct first { /* as a program of the first version has it */
    uint32_t size;
    int32_t a;
} first;

typedef struct ours {
    uint32_t size;
    int32_t a;
    int32_t b;
} ours;

typedef struct newer {
    uint32_t size;
    int32_t a, b, c;
} newer;

static shunt_status take(ours *own, const void *given)
{
    memset(own, 0x77, sizeof *own);
    return sized_take(own, sizeof *own, SIZE_THROUGH(ours, a), given, "the_options");
}

Test(sized, older_programs_leave_later_fields_0)
{
    ours own;
    cr_assert_eq(take(&own, NULL), SHUNT_OK);
    cr_assert(own.size == sizeof own && own.a == 0 && own.b == 0);
    cr_assert_eq(take(&own, &(first){.size = sizeof(first), .a = 5}), SHUNT_OK);
    cr_assert(own.size == sizeof own && own.a == 5 && own.b == 0);
    /* Size 0 stands for the first version, whatever lies behind it. */
    cr_assert_eq(take(&own, &(ours){.a = 6, .b = 7}), SHUNT_OK);
    cr_assert(own.a == 6 && own.b == 0);
    cr_assert_eq(take(&own, &(ours){.size = sizeof(ours), .a = 6, .b = 7}), SHUNT_OK);
    cr_assert(own.a == 6 && own.b == 7);
}

Test(sized, newer_programs_may_not_set_what_is_not_known)
{
    ours own;
    cr_assert_eq(take(&own, &(newer){.size = sizeof(newer), .a = 1, .b = 2}), SHUNT_OK);
    cr_assert(own.size == sizeof own && own.a == 1 && own.b == 2);
    cr_assert_eq(take(&own, &(newer){.size = sizeof(newer), .c = 1}), SHUNT_E_UNSUPPORTED);
    cr_assert(strstr(shunt_last_error(), "the_options has 16 bytes and this library knows 12"), "%s",
              shunt_last_error());
}

Test(sized, sizes_below_the_first_version_are_refused)
{
    ours own;
    cr_assert_eq(take(&own, &(ours){.size = 4}), SHUNT_E_INVALID);
    cr_assert(strstr(shunt_last_error(), "the_options.size is 4"), "%s", shunt_last_error());
}

static void expect_refused(shunt_status status, const char *name)
{
    cr_expect_eq(status, SHUNT_E_INVALID, "%s: %d", name, status);
    cr_expect(strstr(shunt_last_error(), name), "%s: %s", name, shunt_last_error());
}

/* Each function of the API that takes options looks at their size: 5 is none that they ever had. */
Test(sized, all_functions_look_at_the_size)
{
    shunt_device *device;
    shunt_model *model;
    shunt_executor *executor;
    shunt_graph *graph = shunt_graph_create();
    const shunt_tensor_desc src = {.dtype = SHUNT_F32, .rank = 4, .block = 1, .dims = {1, 3, 32, 32}};
    cr_assert_eq(shunt_device_open("scalar", NULL, &device), SHUNT_OK);
    cr_assert_eq(shunt_model_create("resnet8", NULL, &model), SHUNT_OK);
    cr_assert_eq(shunt_model_initialize(model, 1), SHUNT_OK);
    cr_assert_eq(shunt_model_executor(model, device, &executor), SHUNT_OK);
    expect_refused(shunt_device_verify(device, &(shunt_verify_options){.size = 5}), "shunt_verify_options");
    expect_refused(shunt_executor_tune(executor, &src, 1, &(shunt_tune_options){.size = 5}), "shunt_tune_options");
    shunt_model *other;
    expect_refused(shunt_model_create("resnet8", &(shunt_model_options){.size = 5}, &other), "shunt_model_options");
    expect_refused(shunt_model_open("x.onnx", &(shunt_model_options){.size = 5}, &other), "shunt_model_options");
    double seconds;
    const shunt_dataset *never_read = (const void *)&seconds;
    expect_refused(shunt_predict(&model, 1, device, never_read, &(shunt_predict_options){.size = 5}, &seconds),
                   "shunt_predict_options");
    expect_refused(shunt_graph_gradients(graph, 0, 0, &(shunt_gradient_options){.size = 5}), "shunt_gradient_options");
    expect_refused(shunt_graph_sgd(graph, 0, &(shunt_sgd_options){.size = 5}), "shunt_sgd_options");
    shunt_score score;
    const shunt_weights *weights = shunt_model_weights(model);
    const shunt_preprocess *preprocess = shunt_model_preprocess(model);
    expect_refused(shunt_evaluate_with(graph, weights, device, never_read, preprocess,
                                       &(shunt_evaluate_options){.size = 5}, &score),
                   "shunt_evaluate_options");
    shunt_response *responses;
    size_t count;
    expect_refused(shunt_measure_responses(graph, weights, device, never_read, preprocess,
                                           &(shunt_response_options){.size = 5}, &responses, &count),
                   "shunt_response_options");
    shunt_trainer *trainer;
    shunt_recipe recipe = {0};
    expect_refused(shunt_trainer_create(&(shunt_train_setup){.size = 5, .graph = graph, .recipe = &recipe}, &trainer),
                   "shunt_train_setup");
    shunt_graph_destroy(graph);
    shunt_model_destroy(model);
    shunt_device_close(device);
}
