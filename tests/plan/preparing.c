/* preparing.c - a program hears how far a plan is made: once for each op, and nothing when the plan is there already. */
#include <criterion/criterion.h>
#include <shunt/shunt.h>
#include <string.h>

enum { MOST = 64 };

typedef struct heard {
    uint32_t done[MOST], total[MOST], count;
} heard;

static void hear(void *context, uint32_t done, uint32_t total)
{
    heard *self = context;
    cr_assert_lt(self->count, MOST);
    self->done[self->count] = done;
    self->total[self->count++] = total;
}

Test(preparing, each_op_is_told)
{
    heard self = {.count = 0};
    const int64_t dims[] = {1, 3, 6, 6};
    const shunt_tensor_desc x = shunt_tensor_make(SHUNT_F32, 4, dims);
    shunt_graph *graph = shunt_graph_create();
    shunt_value pooled =
        shunt_graph_global_pool(graph, "pool", shunt_graph_relu(graph, "gate", shunt_graph_input(graph, "x", 4, dims)));
    shunt_graph_output(graph, "y", shunt_graph_softmax(graph, "y", pooled));
    shunt_weights *weights;
    shunt_device *device;
    shunt_executor *executor;
    const shunt_plan_report *report;
    cr_assert_eq(shunt_weights_create(&weights), SHUNT_OK);
    cr_assert_eq(shunt_device_open("scalar", NULL, &device), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_executor_create(graph, weights, device, &executor), SHUNT_OK, "%s", shunt_last_error());
    shunt_set_prepare_handler(hear, &self);
    cr_assert_eq(shunt_executor_prepare(executor, &x, 1), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_executor_report(executor, &x, 1, &report), SHUNT_OK);
    cr_assert_geq(report->nsteps, 3);
    cr_assert_eq(self.count, report->nsteps + 1);
    for (uint32_t i = 0; i < self.count; i++) {
        cr_assert_eq(self.done[i], i);
        cr_assert_eq(self.total[i], report->nsteps);
    }
    shunt_executor_destroy(executor);
    shunt_device_close(device);
    shunt_weights_destroy(weights);
    shunt_graph_destroy(graph);
}
