/* conditions.c - ops with a condition on an input, and ops that work in the memory of their input: what runs, and what is refused. */
#include "runtime/graph/graph.h"

#include <criterion/criterion.h>
#include <shunt/shunt.h>
#include <string.h>

#define OK(call) cr_assert_eq((call), SHUNT_OK, "%s", shunt_last_error())

enum { N = 3, C = 2 };

/* src -> y = relu(src); rows 1 and 2 of y are doubled, if the condition holds. */
typedef struct parts {
    shunt_graph *graph;
    shunt_value src, numbers, y, doubled, put;
} parts;

static shunt_value move(shunt_graph *g, shunt_op_kind kind, uint32_t ninputs, const shunt_value *inputs)
{
    const shunt_op_attr attr = {.rows = {.count = kind == SHUNT_OP_GATHER ? 2 : 0}};
    return shunt_graph_op(g, kind == SHUNT_OP_GATHER ? "take" : "put", kind, 0, &attr, ninputs, inputs);
}

/* from_input: y is src itself. */
static parts begin(bool from_input)
{
    parts p = {.graph = shunt_graph_create()};
    shunt_graph *g = p.graph;
    cr_assert_not_null(g);
    p.src = shunt_graph_input(g, "src", 2, (int64_t[]){N, C});
    p.numbers = shunt_graph_input(g, "numbers", 1, (int64_t[]){2});
    p.y = from_input ? p.src : shunt_graph_relu(g, "y", p.src);
    graph_begin_condition(g, p.numbers, 0);
    const shunt_value rows = move(g, SHUNT_OP_GATHER, 2, (shunt_value[]){p.y, p.numbers});
    p.doubled = shunt_graph_op(g, "doubled", SHUNT_OP_ADD, 0, NULL, 2, (shunt_value[]){rows, rows});
    p.put = move(g, SHUNT_OP_SCATTER, 3, (shunt_value[]){p.y, p.doubled, p.numbers});
    graph_end_condition(g);
    return p;
}

static shunt_status run(const shunt_graph *graph, float *numbers, shunt_buffer *buffer, float *dst)
{
    static float src[N * C] = {1, 2, 3, -4, 5, 6};
    shunt_device *device;
    shunt_weights *weights;
    shunt_executor *executor;
    const shunt_tensor_desc desc = shunt_tensor_make(SHUNT_F32, 2, (int64_t[]){N, C});
    const shunt_tensor inputs[] = {{.desc = desc, .data = src},
                                   {.desc = shunt_tensor_make(SHUNT_F32, 1, (int64_t[]){2}),
                                    .data = buffer ? NULL : numbers,
                                    .buffer = buffer}},
                       output = {.desc = desc, .data = dst};
    OK(shunt_device_open("scalar", NULL, &device));
    OK(shunt_weights_create(&weights));
    OK(shunt_executor_create(graph, weights, device, &executor));
    const shunt_status status = shunt_executor_run(executor, inputs, 2, &output, 1);
    shunt_executor_destroy(executor);
    shunt_weights_destroy(weights);
    shunt_device_close(device);
    return status;
}

static void expect_refused(parts *p, shunt_status status, const char *reason)
{
    float numbers[2] = {1, 2}, dst[N * C];
    OK(shunt_graph_check(p->graph));
    cr_expect_eq(run(p->graph, numbers, NULL, dst), status);
    cr_expect(strstr(shunt_last_error(), reason), "%s", shunt_last_error());
    shunt_graph_destroy(p->graph);
}

Test(conditions, steps_are_left_out)
{
    static const float whole[N * C] = {1, 2, 6, 0, 10, 12}, plain[N * C] = {1, 2, 3, 0, 5, 6},
                                 one[N * C] = {1, 2, 3, 0, 10, 12};
    const struct {
        float numbers[2];
        const float *wanted;
    } cases[] = {{{1, 2}, whole}, {{-1, 2}, plain}, {{2, -1}, one}, {{2, 7}, one}, {{-1, -1}, plain}};
    parts p = begin(false);
    shunt_graph_output(p.graph, "dst", p.put);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        float numbers[2], dst[N * C];
        memcpy(numbers, cases[i].numbers, sizeof numbers);
        OK(run(p.graph, numbers, NULL, dst));
        for (int k = 0; k < N * C; k++)
            cr_assert_eq(dst[k], cases[i].wanted[k], "case %zu, %d: %g", i, k, (double)dst[k]);
    }
    shunt_graph_destroy(p.graph);
}

Test(conditions, memory_that_is_needed_is_not_overwritten)
{
    parts p = begin(true);
    shunt_graph_output(p.graph, "dst", p.put);
    expect_refused(&p, SHUNT_E_UNSUPPORTED, "put: it works in the memory of its input, which is needed behind it");
    p = begin(false);
    shunt_graph_output(p.graph, "dst",
                       shunt_graph_op(p.graph, "both", SHUNT_OP_ADD, 0, NULL, 2, (shunt_value[]){p.put, p.y}));
    expect_refused(&p, SHUNT_E_UNSUPPORTED, "which is needed behind it");
    /* the same memory under another name */
    const shunt_op_attr flat = {.reshape = {.rank = 1, .dims = {N * C}}},
                        back = {.reshape = {.rank = 2, .dims = {N, C}}};
    p = (parts){.graph = shunt_graph_create()};
    shunt_graph *g = p.graph;
    p.src = shunt_graph_input(g, "src", 2, (int64_t[]){N, C});
    p.numbers = shunt_graph_input(g, "numbers", 1, (int64_t[]){2});
    p.y = shunt_graph_relu(g, "y", p.src);
    shunt_value alias = shunt_graph_op(g, "flat", SHUNT_OP_RESHAPE, 0, &flat, 1, &p.y);
    const shunt_value rows = move(g, SHUNT_OP_GATHER, 2, (shunt_value[]){p.src, p.numbers});
    p.put = move(g, SHUNT_OP_SCATTER, 3, (shunt_value[]){p.y, rows, p.numbers});
    alias = shunt_graph_op(g, "back", SHUNT_OP_RESHAPE, 0, &back, 1, &alias);
    shunt_graph_output(g, "dst", shunt_graph_op(g, "both", SHUNT_OP_ADD, 0, NULL, 2, (shunt_value[]){p.put, alias}));
    expect_refused(&p, SHUNT_E_UNSUPPORTED, "which is needed behind it");
}

Test(conditions, what_is_not_made_in_all_runs)
{
    parts p = begin(false);
    shunt_graph_relu(p.graph, "reader", p.doubled);
    cr_expect_eq(shunt_graph_check(p.graph), SHUNT_E_INVALID);
    cr_expect(strstr(shunt_last_error(), "reader: doubled is not made in all runs"), "%s", shunt_last_error());
    shunt_graph_destroy(p.graph);
    p = begin(false);
    shunt_graph_output(p.graph, "doubled", p.doubled);
    cr_expect_eq(shunt_graph_check(p.graph), SHUNT_E_INVALID);
    cr_expect(strstr(shunt_last_error(), "doubled"), "%s", shunt_last_error());
    shunt_graph_destroy(p.graph);
}

Test(conditions, are_about_one_input)
{
    const struct {
        uint32_t element;
        bool other;
        const char *reason;
    } cases[] = {{2, false, "element 2, which numbers does not have"}, {0, true, "is not the input which decides"}};
    for (size_t i = 0; i < 2; i++) {
        parts p = begin(false);
        graph_begin_condition(p.graph, cases[i].other ? p.src : p.numbers, cases[i].element);
        cr_expect_eq(shunt_graph_check(p.graph), SHUNT_E_INVALID);
        cr_expect(strstr(shunt_last_error(), cases[i].reason), "%s", shunt_last_error());
        shunt_graph_destroy(p.graph);
    }
}

/* The host reads it before the run. */
Test(conditions, the_input_lies_in_the_hosts_memory)
{
    float dst[N * C];
    shunt_device *device;
    shunt_buffer *buffer;
    parts p = begin(false);
    shunt_graph_output(p.graph, "dst", p.put);
    OK(shunt_device_open("scalar", NULL, &device));
    OK(shunt_buffer_create(device, 8, &buffer));
    cr_expect_eq(run(p.graph, NULL, buffer, dst), SHUNT_E_INVALID);
    cr_expect(strstr(shunt_last_error(), "input 1 decides which ops run"), "%s", shunt_last_error());
    shunt_buffer_destroy(buffer);
    shunt_device_close(device);
    shunt_graph_destroy(p.graph);
}
