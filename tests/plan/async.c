/* async.c - runs that do not wait and buffers of a device: the same bits as runs that wait and copy, in every order and from several
 * threads; what is wrong is refused with a reason. A plain main, so that thread checkers see the whole process.
 * Arguments: the plugin folders, the device. */
#include "tests/support/small_net.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RUNS = 24, THREADS = 4, PIXELS = SMALL_NET_IMAGES * 3 * SMALL_NET_SIDE * SMALL_NET_SIDE };
enum { SCORES = SMALL_NET_IMAGES * SMALL_NET_CLASSES };

static unsigned wrong;
static const char *selector;
static shunt_device *device;
static small_net net;
static float images[RUNS][PIXELS], expected[RUNS][SCORES];

static void complain(const char *what, const char *why)
{
    fprintf(stderr, "WRONG %s: %s\n", what, why);
    __atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
}

static void good(shunt_status status, const char *what)
{
    if (status) complain(what, shunt_last_error());
}

/* Invalid, and the message has this text. */
static void refused(shunt_status status, const char *text)
{
    if (status != SHUNT_E_INVALID)
        complain(text, "not refused as invalid");
    else if (!strstr(shunt_last_error(), text))
        complain(text, shunt_last_error());
}

static shunt_tensor image(float *data)
{
    return (shunt_tensor){.desc = {SHUNT_F32, 4, SHUNT_PLAIN, 0, {SMALL_NET_IMAGES, 3, SMALL_NET_SIDE, SMALL_NET_SIDE}},
                          .data = data};
}

static shunt_tensor scores(float *data)
{
    return (shunt_tensor){.desc = {SHUNT_F32, 2, SHUNT_PLAIN, 0, {SMALL_NET_IMAGES, SMALL_NET_CLASSES}}, .data = data};
}

static shunt_executor *executor_of(const shunt_graph *graph, uint32_t streams)
{
    const shunt_executor_options options = {.size = sizeof options, .streams = streams};
    shunt_executor *executor = NULL;
    good(shunt_executor_create_with(graph, net.weights, device, &options, &executor), "an executor");
    return executor;
}

static void same(const void *got, const void *wanted, size_t bytes, const char *what)
{
    if (memcmp(got, wanted, bytes)) complain(what, "other bits");
}

static void find_expected(void)
{
    shunt_executor *executor = executor_of(net.graph, 1);
    for (int r = 0; r < RUNS; r++) {
        for (int i = 0; i < PIXELS; i++) images[r][i] = net.images[(i * 7 + r * 31) % PIXELS];
        const shunt_tensor src = image(images[r]), dst = scores(expected[r]);
        good(shunt_executor_run(executor, &src, 1, &dst, 1), "a run that waits");
    }
    if (!memcmp(expected[0], expected[1], sizeof expected[0])) complain("two images", "the same scores");
    shunt_executor_destroy(executor);
}

/* ---- Runs that do not wait ---------------------------------------------------------------------------------------- */

static void submit_all(uint32_t streams)
{
    shunt_executor *executor = executor_of(net.graph, streams);
    shunt_event *events[RUNS] = {NULL};
    float results[RUNS][SCORES];
    for (int r = 0; r < RUNS; r++) {
        const shunt_tensor src = image(images[r]), dst = scores(results[r]);
        good(shunt_executor_submit(executor, &src, 1, &dst, 1, NULL, &events[r]), "submit");
    }
    for (int r = RUNS - 1; r >= 0; r--) {
        int done = 0;
        while (!done && !shunt_event_poll(events[r], &done)) continue;
        good(shunt_event_wait(events[r]), "wait");
        good(shunt_event_wait(events[r]), "wait again");
        same(results[r], expected[r], sizeof expected[r], "a run that does not wait");
    }
    shunt_executor_destroy(executor);
    for (int r = 0; r < RUNS; r++) good(shunt_event_wait(events[r]), "wait after the executor");
    for (int r = 0; r < RUNS; r++) shunt_event_release(events[r]);
}

/* Each handler submits the next run. */
typedef struct chain {
    shunt_executor *executor;
    int next;
    float results[RUNS][SCORES];
    pthread_mutex_t lock;
    pthread_cond_t ended;
} chain;

static void go_on(void *context, shunt_status status);

static void submit_next(chain *self, int r)
{
    const shunt_submit_options options = {.size = sizeof options, .handler = go_on, .context = self};
    const shunt_tensor src = image(images[r]), dst = scores(self->results[r]);
    good(shunt_executor_submit(self->executor, &src, 1, &dst, 1, &options, NULL), "submit with a handler");
}

static void go_on(void *context, shunt_status status)
{
    chain *self = context;
    good(status, "a handler's run");
    same(self->results[self->next], expected[self->next], sizeof expected[0], "a handler's run");
    pthread_mutex_lock(&self->lock);
    const int next = ++self->next;
    pthread_cond_signal(&self->ended);
    pthread_mutex_unlock(&self->lock);
    if (next < RUNS) submit_next(self, next);
}

static void call_handlers(void)
{
    static chain self = {.lock = PTHREAD_MUTEX_INITIALIZER, .ended = PTHREAD_COND_INITIALIZER};
    self.executor = executor_of(net.graph, 2);
    submit_next(&self, 0);
    pthread_mutex_lock(&self.lock);
    while (self.next < RUNS) pthread_cond_wait(&self.ended, &self.lock);
    pthread_mutex_unlock(&self.lock);
    shunt_executor_destroy(self.executor);
}

/* Training steps change the weights: in the order of their submission. */
static void train(void)
{
    float labels[SMALL_NET_IMAGES] = {1, 3}, rate = 0.01f, waiting[4][SCORES], results[4][SCORES];
    const int64_t two = SMALL_NET_IMAGES, one = 1;
    shunt_tensor src[] = {image(net.images),
                          {shunt_tensor_make(SHUNT_F32, 1, &two), labels},
                          {shunt_tensor_make(SHUNT_F32, 1, &one), &rate}};
    for (int way = 0; way < 2; way++) {
        shunt_executor *executor = executor_of(net.training, 4);
        shunt_event *events[4] = {NULL};
        for (int r = 0; r < 4; r++) {
            const shunt_tensor dst = scores(way ? results[r] : waiting[r]);
            if (way)
                good(shunt_executor_submit(executor, src, 3, &dst, 1, NULL, &events[r]), "submit a step");
            else
                good(shunt_executor_run(executor, src, 3, &dst, 1), "a step");
        }
        for (int r = 0; r < 4 && way; r++) good(shunt_event_wait(events[r]), "wait for a step");
        for (int r = 0; r < 4; r++) shunt_event_release(events[r]);
        shunt_executor_destroy(executor);
    }
    same(results, waiting, sizeof waiting, "training");
    if (!memcmp(waiting[0], waiting[3], sizeof waiting[0])) complain("training", "nothing changes");
}

/* ---- Buffers ------------------------------------------------------------------------------------------------------- */

enum { ROOM = 1 << 20 };

static shunt_buffer *buffer_of(shunt_device *of, uint64_t bytes)
{
    shunt_buffer *buffer = NULL;
    good(shunt_buffer_create(of, bytes, &buffer), "a buffer");
    return buffer;
}

static shunt_tensor in_buffer(shunt_tensor tensor, shunt_buffer *buffer, uint64_t offset)
{
    tensor.data = NULL;
    tensor.buffer = buffer;
    tensor.offset = offset;
    return tensor;
}

/* Inputs are written once; results are read at the end. */
static void bind_once(uint32_t streams)
{
    const uint64_t pitch = 1 << 15;
    shunt_executor *executor = executor_of(net.graph, streams);
    shunt_buffer *in = buffer_of(device, ROOM), *out = buffer_of(device, ROOM);
    for (uint64_t r = 0; r < RUNS; r++)
        good(shunt_buffer_write(in, r * pitch, images[r], sizeof images[r]), "shunt_buffer_write");
    for (uint64_t r = 0; r < RUNS; r++) {
        const shunt_tensor src = in_buffer(image(NULL), in, r * pitch), dst = in_buffer(scores(NULL), out, r * pitch);
        if (r % 3)
            good(shunt_executor_submit(executor, &src, 1, &dst, 1, NULL, NULL), "submit with buffers");
        else
            good(shunt_executor_run(executor, &src, 1, &dst, 1), "run with buffers");
    }
    for (uint64_t r = 0; r < RUNS; r++) {
        float result[SCORES], input[PIXELS];
        good(shunt_buffer_read(out, r * pitch, result, sizeof result), "shunt_buffer_read");
        good(shunt_buffer_read(in, r * pitch, input, sizeof input), "shunt_buffer_read");
        same(result, expected[r], sizeof result, "in buffers");
        same(input, images[r], sizeof input, "an input after the run");
    }
    shunt_buffer_destroy(in);
    shunt_buffer_destroy(out);
    shunt_executor_destroy(executor);
}

static void map(void)
{
    shunt_executor *executor = executor_of(net.graph, 1);
    shunt_buffer *in = buffer_of(device, sizeof images[0]);
    float result[SCORES];
    void *host = NULL;
    const shunt_tensor src = in_buffer(image(NULL), in, 0), dst = scores(result);
    const shunt_status status = shunt_buffer_map(in, &host);
    if (status != SHUNT_E_UNSUPPORTED) {
        good(status, "shunt_buffer_map");
        memcpy(host, images[2], sizeof images[2]);
        refused(shunt_executor_run(executor, &src, 1, &dst, 1), "input 0: its buffer is mapped");
        refused(shunt_buffer_map(in, &host), "mapped already");
        shunt_buffer_unmap(in);
        good(shunt_executor_run(executor, &src, 1, &dst, 1), "a run after unmapping");
        same(result, expected[2], sizeof result, "a mapped input");
    }
    shunt_buffer_destroy(in);
    shunt_executor_destroy(executor);
}

/* Results that are an input, one another, or views of each other. */
enum { COUNT = 64, OUTPUTS = 5, PITCH = 4096 };

static const int64_t square[] = {1, 4, 4, 4}, row[] = {1, COUNT};

static shunt_graph *make_views(void)
{
    shunt_graph *graph = shunt_graph_create();
    const shunt_op_attr flat = {.reshape = {.rank = 2, .dims = {1, COUNT}}};
    const shunt_value x = shunt_graph_input(graph, "x", 4, square), sum = shunt_graph_add(graph, "sum", x, x);
    shunt_graph_output(graph, "x", x);
    shunt_graph_output(graph, "sum", sum);
    shunt_graph_output(graph, "sum again", sum);
    shunt_graph_output(graph, "relu", shunt_graph_relu(graph, "relu", sum));
    shunt_graph_output(graph, "flat", shunt_graph_op(graph, "flat", SHUNT_OP_RESHAPE, 0, &flat, 1, &sum));
    return graph;
}

static void expect_views(shunt_buffer *buffer, float scale)
{
    float got[COUNT];
    for (int i = 0; i < OUTPUTS; i++) {
        good(shunt_buffer_read(buffer, (uint64_t)i * PITCH, got, sizeof got), "shunt_buffer_read");
        for (int k = 0; k < COUNT; k++) {
            const float x = scale * (float)(k - 20);
            if (got[k] != (i == 0 ? x : i == 3 && x < 0 ? 0 : 2 * x))
                complain("from buffer to buffer", "wrong numbers");
        }
    }
}

/* Runs of two executors in turn, from one buffer to the other and back: sums of sums. */
static void pass_on(void)
{
    float data[COUNT];
    shunt_graph *graph = make_views();
    shunt_executor *executors[] = {executor_of(graph, 2), executor_of(graph, 3)};
    shunt_buffer *buffers[] = {buffer_of(device, ROOM), buffer_of(device, ROOM)};
    for (int i = 0; i < COUNT; i++) data[i] = (float)(i - 20);
    good(shunt_buffer_write(buffers[0], PITCH, data, sizeof data), "shunt_buffer_write");
    for (int round = 0; round < 10; round++) {
        const shunt_tensor map = {.desc = shunt_tensor_make(SHUNT_F32, 4, square)},
                           vector = {.desc = shunt_tensor_make(SHUNT_F32, 2, row)};
        const shunt_tensor src = in_buffer(map, buffers[round % 2], PITCH);
        shunt_tensor dst[OUTPUTS];
        for (uint64_t i = 0; i < OUTPUTS; i++)
            dst[i] = in_buffer(i < OUTPUTS - 1 ? map : vector, buffers[(round + 1) % 2], i * PITCH);
        good(shunt_executor_submit(executors[round % 2], &src, 1, dst, OUTPUTS, NULL, NULL), "from buffer to buffer");
    }
    expect_views(buffers[0], 512);
    for (int i = 0; i < 2; i++) shunt_buffer_destroy(buffers[i]);
    for (int i = 0; i < 2; i++) shunt_executor_destroy(executors[i]);
    shunt_graph_destroy(graph);
}

static void refuse(void)
{
    shunt_device *other = NULL;
    float result[SCORES];
    int done;
    good(shunt_device_open(selector, NULL, &other), "a second device");
    shunt_executor *executor = executor_of(net.graph, 1);
    shunt_buffer *buffer = buffer_of(device, ROOM), *foreign = buffer_of(other, ROOM), *small = buffer_of(device, 32);
    shunt_tensor src = image(images[0]), dst = in_buffer(scores(NULL), foreign, 0);
    refused(shunt_executor_submit(executor, &src, 1, &dst, 1, NULL, NULL), "output 0: its buffer belongs to");
    dst = in_buffer(scores(NULL), small, 0);
    refused(shunt_executor_run(executor, &src, 1, &dst, 1), "output 0: 40 bytes at offset 0 do not fit a buffer of 32");
    dst = in_buffer(scores(NULL), buffer, ROOM);
    refused(shunt_executor_run(executor, &src, 1, &dst, 1), "do not fit");
    dst = in_buffer(scores(NULL), buffer, 4);
    refused(shunt_executor_run(executor, &src, 1, &dst, 1), "no multiple of the device's alignment");
    dst = in_buffer(scores(NULL), buffer, 0);
    dst.data = result;
    refused(shunt_executor_run(executor, &src, 1, &dst, 1), "both data and a buffer");
    dst.data = NULL;
    dst.desc.dims[1]++;
    refused(shunt_executor_run(executor, &src, 1, &dst, 1), "another type, shape or layout");
    src = in_buffer(image(NULL), buffer, 0);
    dst = in_buffer(scores(NULL), buffer, 2048);
    refused(shunt_executor_submit(executor, &src, 1, &dst, 1, NULL, NULL), "output 0 overlaps input 0");
    src.desc.block = 8;
    refused(shunt_executor_submit(executor, &src, 1, &dst, 1, NULL, NULL), "must be plain");
    refused(shunt_buffer_create(device, 0, &buffer), "0 bytes");
    refused(shunt_buffer_write(buffer, ROOM, result, 64), "do not fit");
    refused(shunt_event_wait(NULL), "NULL");
    refused(shunt_event_poll(NULL, &done), "NULL");
    const shunt_executor_options many = {.size = sizeof many, .streams = 17};
    shunt_executor *none = NULL;
    refused(shunt_executor_create_with(net.graph, net.weights, device, &many, &none), "at most 16");
    shunt_buffer_destroy(buffer);
    shunt_buffer_destroy(foreign);
    shunt_buffer_destroy(small);
    shunt_executor_destroy(executor);
    shunt_device_close(other);
}

/* A buffer may be destroyed as soon as the runs that use it were submitted. */
static void destroy_early(void)
{
    shunt_executor *executor = executor_of(net.graph, 1);
    float results[RUNS][SCORES];
    for (int r = 0; r < RUNS; r++) {
        shunt_buffer *in = buffer_of(device, sizeof images[r]);
        const shunt_tensor src = in_buffer(image(NULL), in, 0), dst = scores(results[r]);
        good(shunt_buffer_write(in, 0, images[r], sizeof images[r]), "shunt_buffer_write");
        good(shunt_executor_submit(executor, &src, 1, &dst, 1, NULL, NULL), "submit");
        shunt_buffer_destroy(in);
    }
    shunt_executor_destroy(executor);
    same(results, expected, sizeof expected, "buffers destroyed early");
}

/* ---- Threads ------------------------------------------------------------------------------------------------------- */

typedef struct shared {
    shunt_executor *executor;
    shunt_model *model;
    float scores[10], image[3 * 32 * 32];
} shared;

static void *run_shared(void *argument)
{
    shared *self = argument;
    for (int r = 0; r < RUNS; r++) {
        float result[SCORES], scores_of_model[10];
        const shunt_tensor src = image(images[r]), dst = scores(result);
        shunt_event *event = NULL;
        if (r % 2)
            good(shunt_executor_run(self->executor, &src, 1, &dst, 1), "run in a thread");
        else
            good(shunt_executor_submit(self->executor, &src, 1, &dst, 1, NULL, &event), "submit in a thread");
        if (event) good(shunt_event_wait(event), "wait in a thread");
        shunt_event_release(event);
        same(result, expected[r], sizeof result, "one executor in several threads");
        if (r % 8) continue;
        good(shunt_model_run(self->model, device, 1, 32, 32, self->image, scores_of_model), "a model in a thread");
        same(scores_of_model, self->scores, sizeof scores_of_model, "one model in several threads");
    }
    return NULL;
}

static void use_threads(void)
{
    static shared self;
    shunt_model *alone = NULL;
    pthread_t threads[THREADS];
    self.executor = executor_of(net.graph, 2);
    for (int i = 0; i < 3 * 32 * 32; i++) self.image[i] = (float)(i % 97) / 50 - 1;
    for (int i = 0; i < 2; i++) {
        shunt_model **model = i ? &self.model : &alone;
        good(shunt_model_create("resnet8", NULL, model), "a model");
        good(shunt_model_randomize(*model, 1), "a model's weights");
    }
    good(shunt_model_run(alone, device, 1, 32, 32, self.image, self.scores), "a model alone");
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, run_shared, &self)) exit(2);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    shunt_executor_destroy(self.executor);
    shunt_model_destroy(alone);
    shunt_model_destroy(self.model);
}

int main(int argc, char **argv)
{
    if (argc != 3) return 2;
    if (argv[1][0]) shunt_set_option("plugin_path", argv[1]);
    selector = argv[2];
    if (shunt_device_open(selector, NULL, &device) || small_net_create(&net)) {
        fprintf(stderr, "%s\n", shunt_last_error());
        return 2;
    }
    find_expected();
    for (uint32_t streams = 1; streams <= 4; streams *= 2) submit_all(streams);
    call_handlers();
    train();
    for (uint32_t streams = 1; streams <= 4; streams *= 2) bind_once(streams);
    map();
    pass_on();
    refuse();
    destroy_early();
    use_threads();
    small_net_destroy(&net);
    shunt_device_close(device);
    shunt_shutdown();
    return wrong > 0;
}
