/* plan_memory.c - a plan in 16 bits takes little more than half the memory of the same plan in float32: activations and weights, on one
 * device (SHUNT_TEST_DEVICE). One batch size of each network, or with SHUNT_TEST_ALL=1 two. */
#include <shunt/shunt.h>

#include <criterion/criterion.h>
#include <stdlib.h>

static const double most = 0.55; /* of the memory in float32 */

static bool wants_all(void)
{
    const char *all = getenv("SHUNT_TEST_ALL");
    return all && all[0] == '1';
}

static uint64_t plan_bytes(shunt_model *model, shunt_device *device, const char *precision, int64_t batch)
{
    const shunt_executor_options options = {.size = sizeof options, .precision = precision};
    const int64_t dims[] = {batch, 3, 224, 224};
    const shunt_tensor_desc images = shunt_tensor_make(SHUNT_F32, 4, dims);
    const shunt_plan_report *report;
    shunt_executor *executor;
    cr_assert_eq(
        shunt_executor_create_with(shunt_model_graph(model), shunt_model_weights(model), device, &options, &executor),
        SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_executor_report(executor, &images, 1, &report), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_str_eq(report->precision, precision);
    const uint64_t bytes = report->activation_bytes + report->weight_bytes;
    shunt_executor_destroy(executor);
    return bytes;
}

static void check(const char *network, int64_t batch)
{
    static const char *const precisions[] = {"f16", "bf16"};
    const char *selector = getenv("SHUNT_TEST_DEVICE");
    shunt_device *device;
    shunt_model *model;
    cr_assert_eq(shunt_device_open(selector ? selector : "scalar", NULL, &device), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_model_create(network, NULL, &model), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_model_randomize(model, 1), SHUNT_OK, "%s", shunt_last_error());
    const double wide = (double)plan_bytes(model, device, "f32", batch);
    for (int i = 0; i < 2; i++) {
        const double share = (double)plan_bytes(model, device, precisions[i], batch) / wide;
        cr_expect(share <= most, "%s, batch %lld, %s: %.3f of float32's %.1f MiB", network, (long long)batch,
                  precisions[i], share, wide / (1 << 20));
    }
    shunt_model_destroy(model);
    shunt_device_close(device);
}

TestSuite(plan_memory, .timeout = 600);

Test(plan_memory, resnet18)
{
    check("resnet18", 1);
    if (wants_all()) check("resnet18", 8);
}

Test(plan_memory, resnet50)
{
    if (wants_all()) check("resnet50", 1);
    check("resnet50", 8);
}
