/* ghost.c - networks that choose their blocks, on one device (SHUNT_TEST_DEVICE): each picture's logits are those of the static network
 * without the blocks that it skipped, whichever pictures it ran with, bit for bit within one plan. */
#include "models/ghost.h"

#include <shunt/look.h>

#include "tests/support/temporary.h"

#include <math.h>

TestSuite(ghost, .init = enter_folder, .fini = leave_folder);

enum {
    N = 20,
    SIDE = 8,
    CLASSES = 10,
    BLOCKS = 4,
    PIXELS = 3 * SIDE * SIDE
}; /* groups of 3, the last with a place to spare */
static const char *const blocks[BLOCKS] = {"layer1.0", "layer1.1", "layer2.1", "layer3.1"}; /* of resnet14 */
#define OK(call) cr_assert_eq((call), SHUNT_OK, "%s", shunt_last_error())

typedef struct ghosts {
    shunt_device *device;
    shunt_model *model;
    float images[N * PIXELS], logits[N * CLASSES];
    unsigned char ran[N * BLOCKS];
} ghosts;

/* Of several contrasts, so that gates differ. */
static void draw(float *images, int n, float phase)
{
    for (int i = 0; i < n * PIXELS; i++) {
        const float contrast = 0.2f + 0.4f * (float)(i / PIXELS % 7);
        images[i] = contrast * (sinf((float)i * 0.37f + phase) + 0.5f * cosf((float)i * (0.011f + phase)));
    }
}

static void run(ghosts *t)
{
    OK(ghost_run(t->model, t->device, N, SIDE, SIDE, t->images, t->logits, t->ran));
}

static int count_ran(const ghosts *t)
{
    int count = 0;
    for (int i = 0; i < N * BLOCKS; i++) count += t->ran[i];
    return count;
}

/* By the policy's own graph. */
static void compute_gates(const ghosts *t, float gates[N * BLOCKS])
{
    shunt_graph *graph;
    shunt_executor *executor;
    const int64_t dims[] = {N, 3, SIDE, SIDE}, out[] = {N, BLOCKS};
    const shunt_tensor src = {shunt_tensor_make(SHUNT_F32, 4, dims), (void *)t->images},
                       dst = {shunt_tensor_make(SHUNT_F32, 2, out), gates};
    OK(ghost_build_policy(&t->model->net, &graph));
    OK(shunt_executor_create(graph, t->model->weights, t->device, &executor));
    OK(shunt_executor_run(executor, &src, 1, &dst, 1));
    shunt_executor_destroy(executor);
    shunt_graph_destroy(graph);
}

static int by_value(const void *a, const void *b)
{
    return (*(const float *)a > *(const float *)b) - (*(const float *)a < *(const float *)b);
}

/* Biases move so that at 0.5 each block runs for half of the pictures. */
static void balance(ghosts *t)
{
    const shunt_tensor_desc desc = shunt_tensor_make(SHUNT_F32, 1, (const int64_t[]){BLOCKS});
    float bias[BLOCKS], gates[N * BLOCKS], own[N];
    const float *old = shunt_weights_find(t->model->weights, "policy.fc.bias")->data;
    compute_gates(t, gates);
    for (int b = 0; b < BLOCKS; b++) {
        for (int i = 0; i < N; i++) own[i] = gates[i * BLOCKS + b];
        qsort(own, N, sizeof *own, by_value);
        const float middle = (own[N / 2 - 1] + own[N / 2]) / 2;
        bias[b] = old[b] - logf(middle / (1 - middle));
    }
    OK(shunt_weights_set(t->model->weights, "policy.fc.bias", &desc, bias));
    OK(shunt_model_save(t->model, "balanced.safetensors"));
    shunt_model_destroy(t->model);
    OK(shunt_model_open("balanced.safetensors", NULL, &t->model));
    cr_assert_str_eq(shunt_model_name(t->model), "ghost-resnet14");
}

static void begin(ghosts *t)
{
    const char *selector = getenv("SHUNT_TEST_DEVICE");
    const shunt_model_options options = {.height = SIDE, .width = SIDE};
    OK(shunt_device_open(selector ? selector : "scalar", NULL, &t->device));
    OK(shunt_model_create("ghost-resnet14", &options, &t->model));
    OK(shunt_model_randomize(t->model, 7));
    draw(t->images, N, 0);
    balance(t);
    run(t);
    cr_assert(count_ran(t) > N * BLOCKS / 4 && count_ran(t) < N * BLOCKS * 3 / 4, "%d", count_ran(t));
}

static void end(ghosts *t)
{
    shunt_model_destroy(t->model);
    shunt_device_close(t->device);
}

static void expect_near(const float *got, const float *wanted, const char *what, int picture)
{
    for (int c = 0; c < CLASSES; c++)
        cr_assert(fabsf(got[c] - wanted[c]) <= 1e-4f * (1 + fabsf(wanted[c])), "%s, picture %d: %.9g, not %.9g", what,
                  picture, (double)got[c], (double)wanted[c]);
}

/* The static network, with the same weights. */
static shunt_model *make_static(const ghosts *t)
{
    const shunt_model_options options = {.height = SIDE, .width = SIDE};
    shunt_model *model;
    shunt_weights *weights;
    OK(shunt_model_create("resnet14", &options, &model));
    OK(shunt_weights_create(&weights));
    for (size_t i = 0; i < shunt_weights_count(t->model->weights); i++) {
        const shunt_tensor_view *view = shunt_weights_at(t->model->weights, i);
        if (strncmp(view->name, "policy.", 7)) OK(shunt_weights_set(weights, view->name, &view->desc, view->data));
    }
    OK(shunt_weights_save(weights, "static.safetensors"));
    shunt_weights_destroy(weights);
    OK(shunt_model_load(model, "static.safetensors"));
    return model;
}

/* The logits of a picture from the static network without some blocks. */
static void run_without(const ghosts *t, shunt_model *model, const char *const *skipped, size_t count,
                        const float *image, float logits[CLASSES])
{
    shunt_graph *graph;
    shunt_executor *executor;
    const int64_t dims[] = {1, 3, SIDE, SIDE}, out[] = {1, CLASSES};
    const shunt_tensor src = {shunt_tensor_make(SHUNT_F32, 4, dims), (void *)image},
                       dst = {shunt_tensor_make(SHUNT_F32, 2, out), logits};
    OK(shunt_model_without(model, skipped, count, &graph));
    OK(shunt_executor_create(graph, model->weights, t->device, &executor));
    OK(shunt_executor_run(executor, &src, 1, &dst, 1));
    shunt_executor_destroy(executor);
    shunt_graph_destroy(graph);
}

Test(ghost, logits_are_those_of_the_static_network_without_what_was_skipped)
{
    static ghosts t;
    begin(&t);
    shunt_model *fixed = make_static(&t);
    for (int i = 0; i < N; i += 3) {
        const char *skipped[BLOCKS];
        float wanted[CLASSES];
        size_t count = 0;
        for (int b = 0; b < BLOCKS; b++)
            if (!t.ran[i * BLOCKS + b]) skipped[count++] = blocks[b];
        run_without(&t, fixed, skipped, count, t.images + i * PIXELS, wanted);
        expect_near(t.logits + i * CLASSES, wanted, "without", i);
    }
    shunt_model_destroy(fixed);
    end(&t);
}

Test(ghost, the_whole_graph_gives_the_same)
{
    static ghosts t;
    static float whole[N * CLASSES];
    shunt_executor *executor;
    begin(&t);
    const int64_t dims[] = {N, 3, SIDE, SIDE}, out[] = {N, CLASSES};
    const shunt_tensor src = {shunt_tensor_make(SHUNT_F32, 4, dims), t.images},
                       dst = {shunt_tensor_make(SHUNT_F32, 2, out), whole};
    OK(shunt_model_executor(t.model, t.device, &executor));
    OK(shunt_executor_run(executor, &src, 1, &dst, 1));
    for (int i = 0; i < N; i++) expect_near(t.logits + i * CLASSES, whole + i * CLASSES, "whole", i);
    end(&t);
}

/* A picture at another place among others. */
static void expect_same_among_others(const ghosts *t, int picture, int place)
{
    static float others[N * PIXELS], logits[N * CLASSES];
    static unsigned char ran[N * BLOCKS];
    draw(others, N, 0.1f * (float)(place + 1));
    memcpy(others + place * PIXELS, t->images + picture * PIXELS, PIXELS * sizeof *others);
    OK(ghost_run(t->model, t->device, N, SIDE, SIDE, others, logits, ran));
    cr_assert(!memcmp(logits + place * CLASSES, t->logits + picture * CLASSES, CLASSES * sizeof *logits), "%d at %d",
              picture, place);
    cr_assert(!memcmp(ran + place * BLOCKS, t->ran + picture * BLOCKS, BLOCKS));
}

/* oneDNN multiplies the matrix of a linear layer in strips of rows. With AVX2 the strip at the end has other last bits. */
static bool may_move(int picture, int place)
{
    const char *selector = getenv("SHUNT_TEST_DEVICE");
    return place == picture || !selector || strncmp(selector, "onednn", 6) != 0;
}

/* Other places, other pictures, and fillers; at 0 all groups are full, the last one with a place to spare. */
Test(ghost, a_picture_does_not_depend_on_the_others)
{
    static ghosts t;
    static float logits[N * CLASSES];
    const int few = N / 2 + 1; /* so many pictures run in the same plan */
    begin(&t);
    for (int all = 0; all < 2; all++) {
        OK(shunt_model_set_ghost(t.model, all ? 0 : 0.5));
        run(&t);
        for (int i = 0; i < N; i += 4) {
            expect_same_among_others(&t, i, i);
            for (int place = 0; place < N; place += 19 / (1 + !all))
                if (may_move(i, place)) expect_same_among_others(&t, i, place);
            OK(ghost_run(t.model, t.device, few, SIDE, SIDE, t.images + (i < few ? 0 : N - few) * PIXELS, logits,
                         NULL));
            const int at = i < few ? i : i - (N - few);
            if (may_move(i, at))
                cr_assert(!memcmp(logits + at * CLASSES, t.logits + i * CLASSES, CLASSES * sizeof *logits),
                          "%d with fillers", i);
        }
    }
    cr_assert_eq(t.model->nrunners, 1);
    end(&t);
}

/* At 0 all blocks run, at 1 none. */
Test(ghost, operating_points)
{
    static ghosts t;
    float wanted[CLASSES];
    begin(&t);
    shunt_model *fixed = make_static(&t);
    for (int none = 0; none < 2; none++) {
        OK(shunt_model_set_ghost(t.model, none));
        run(&t);
        cr_assert_eq(count_ran(&t), none ? 0 : N * BLOCKS);
        run_without(&t, fixed, blocks, none ? BLOCKS : 0, t.images + 5 * PIXELS, wanted);
        expect_near(t.logits + 5 * CLASSES, wanted, none ? "none" : "all", 5);
    }
    shunt_model_destroy(fixed);
    end(&t);
}
