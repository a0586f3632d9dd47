/* queue.c - writes, copies, fills and reads given without waiting take effect in their order, on one queue and, by way of an
 * event, across two. What is written lies at an odd address, as weights do in some files. */
#include "runtime/base/error.h"
#include "runtime/verify/verify.h"

#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 64, WORDS = 1024, BYTES = WORDS * 4 };

typedef struct bench {
    const shunt_device *device;
    const shunt_device_ops *ops;
    shunt_bqueue *queues[2];
    shunt_bbuffer *hot, *log; /* every round goes through `hot` and is kept in `log` */
    uint8_t *src;             /* ROUNDS x BYTES, from src + 1 on */
    uint32_t *dst;            /* (ROUNDS, WORDS) */
} bench;

static uint32_t word_of(uint32_t round, uint32_t i)
{
    return round * UINT32_C(0x9e3779b9) ^ i;
}

/* One queue: hot is overwritten in every round right after it was copied; in every fourth it is filled instead. */
static shunt_status give_rounds(bench *b)
{
    const shunt_device_ops *ops = b->ops;
    shunt_bqueue *queue = b->queues[0];
    shunt_arg hot = {.buffer = b->hot};
    shunt_status status = SHUNT_OK;
    for (uint32_t round = 0; round < ROUNDS && status == SHUNT_OK; round++) {
        shunt_arg place = {.buffer = b->log, .offset = (uint64_t)round * BYTES};
        if (round % 4 == 3)
            status = ops->fill(queue, hot, round, BYTES, NULL);
        else
            status = ops->write(queue, hot, b->src + 1 + (size_t)round * BYTES, BYTES, NULL);
        if (status == SHUNT_OK) status = ops->copy(queue, place, hot, BYTES, NULL);
        if (status == SHUNT_OK && round % 16 == 7) status = ops->queue_flush(queue);
    }
    return status;
}

/* The second queue reads what the first one wrote, after an event of its last command. */
static shunt_status read_elsewhere(bench *b)
{
    const shunt_device_ops *ops = b->ops;
    shunt_bevent *copied = NULL, *read = NULL;
    shunt_arg log = {.buffer = b->log}, hot = {.buffer = b->hot};
    shunt_status status = ops->copy(b->queues[0], log, hot, BYTES, &copied); /* round 0 becomes the last round */
    if (status == SHUNT_OK) status = ops->queue_flush(b->queues[0]);
    if (status == SHUNT_OK) status = ops->queue_wait(b->queues[1], copied);
    if (status == SHUNT_OK) status = ops->read(b->queues[1], b->dst, log, (uint64_t)ROUNDS * BYTES, &read);
    if (status == SHUNT_OK) status = ops->event_wait(read);
    if (copied) ops->event_release(copied);
    if (read) ops->event_release(read);
    for (int q = 0; q < 2; q++) {
        shunt_status finished = ops->queue_finish(b->queues[q]);
        if (status == SHUNT_OK) status = finished;
    }
    return status;
}

static void compare(verify_state *state, const bench *b)
{
    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint32_t from = round == 0 ? ROUNDS - 1 : round;
        for (uint32_t i = 0; i < WORDS; i++) {
            uint32_t right = from % 4 == 3 ? from : word_of(from, i), got = b->dst[round * WORDS + i];
            if (got == right) continue;
            verify_problem(state, -1, "word %u of round %u is 0x%08x, not 0x%08x: a command overtook another", i, round,
                           got, right);
            return;
        }
    }
}

static shunt_status begin(bench *b)
{
    b->src = malloc(1 + (size_t)ROUNDS * BYTES);
    b->dst = malloc((size_t)ROUNDS * BYTES);
    if (!b->src || !b->dst) return error_memory();
    for (uint32_t i = 0; i < ROUNDS * WORDS; i++) {
        const uint32_t word = word_of(i / WORDS, i % WORDS);
        memcpy(b->src + 1 + i * sizeof word, &word, sizeof word);
    }
    memset(b->dst, 0xff, (size_t)ROUNDS * BYTES);
    shunt_bdevice *handle = b->device->handle;
    shunt_status status = b->ops->buffer_alloc(handle, BYTES, SHUNT_USE_ACTIVATION, &b->hot);
    if (status == SHUNT_OK)
        status = b->ops->buffer_alloc(handle, (uint64_t)ROUNDS * BYTES, SHUNT_USE_ACTIVATION, &b->log);
    for (int q = 0; q < 2 && status == SHUNT_OK; q++) status = b->ops->queue_create(handle, q, &b->queues[q]);
    return status;
}

static void end(bench *b)
{
    for (int q = 0; q < 2; q++)
        if (b->queues[q]) b->ops->queue_destroy(b->device->handle, b->queues[q]);
    b->ops->buffer_free(b->device->handle, b->hot);
    b->ops->buffer_free(b->device->handle, b->log);
    free(b->src);
    free(b->dst);
}

void verify_queue(verify_state *state)
{
    bench b = {.device = state->device, .ops = state->device->ops};
    shunt_status status = begin(&b);
    if (status == SHUNT_OK) status = give_rounds(&b);
    if (status == SHUNT_OK) status = read_elsewhere(&b);
    state->cases = 1;
    state->runs = ROUNDS;
    if (status == SHUNT_OK) {
        compare(state, &b);
    } else {
        device_fail(state->device, status, "commands on queues");
        verify_problem(state, -1, "%s", shunt_last_error());
    }
    end(&b);
}
