/* memory.c - gives every activation and workspace a place, so that what is never alive together shares memory.
 *
 * Largest first, each at the lowest free place over its lifetime: within a few per cent of the lower bound on the networks
 * here, and simple. A device whose largest buffer is smaller than the arena gets several chunks. */
#include "runtime/plan/exchange.h"
#include "runtime/base/error.h"

#include <stdlib.h>

typedef enum piece_kind { PIECE_VALUE, PIECE_WORKSPACE, PIECE_PACKED, PIECE_PARTS } piece_kind;

/* A piece of memory: of a value, the workspace of a step, a packed parameter, or parts of a result. */
typedef struct piece {
    piece_kind kind;
    uint32_t index; /* of the value, the step, the pack, the sum */
    int32_t first, last;
    uint64_t bytes, offset;
    uint32_t chunk;
} piece;

static int larger_first(const void *a, const void *b)
{
    const piece *x = a, *y = b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    if (x->first != y->first) return x->first < y->first ? -1 : 1;
    if (x->kind != y->kind) return x->kind < y->kind ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

/* Lowest offset in a chunk at which `p` meets no placed piece that is alive with it. */
static uint64_t lowest_offset(const piece *placed, uint32_t nplaced, const piece *p, uint32_t chunk)
{
    uint64_t offset = 0;
    for (bool moved = true; moved;) {
        moved = false;
        for (uint32_t i = 0; i < nplaced; i++) {
            const piece *q = &placed[i];
            bool together = q->chunk == chunk && q->first <= p->last && p->first <= q->last;
            if (together && offset < q->offset + q->bytes && q->offset < offset + p->bytes) {
                offset = q->offset + q->bytes;
                moved = true;
            }
        }
    }
    return offset;
}

static shunt_status place_pieces(const shunt_device *device, piece *pieces, uint32_t count, plan_arena *arena)
{
    uint64_t limit = device->entry.info.max_alloc;
    for (uint32_t i = 0; i < count; i++) {
        piece *p = &pieces[i];
        if (p->bytes > limit)
            return error_fail(
                SHUNT_E_MEMORY,
                "%s: one tensor needs %llu MiB, and the device's largest buffer is %llu MiB; use a smaller "
                "batch",
                device->entry.selector, (unsigned long long)(p->bytes >> 20), (unsigned long long)(limit >> 20));
        uint32_t chunk = 0;
        while ((p->offset = lowest_offset(pieces, i, p, chunk)) + p->bytes > limit) chunk++;
        p->chunk = chunk;
        while (chunk >= arena->nchunks) {
            if (!graph_room(&arena->chunk_bytes, &arena->chunks_room, arena->nchunks, sizeof *arena->chunk_bytes))
                return error_memory();
            arena->chunk_bytes[arena->nchunks++] = 0;
        }
        if (arena->chunk_bytes[chunk] < p->offset + p->bytes) arena->chunk_bytes[chunk] = p->offset + p->bytes;
    }
    return SHUNT_OK;
}

/* The arena's chunks, for one stream. */
static shunt_status allocate_chunks(graph_plan *plan, uint32_t stream, int device_index)
{
    const shunt_device *device = plan->executor->devices[device_index];
    const plan_arena *arena = &plan->arenas[device_index];
    plan_stream *own = &plan->streams[stream];
    own->chunks[device_index] = calloc(arena->nchunks + 1, sizeof(shunt_bbuffer *));
    if (!own->chunks[device_index]) return error_memory();
    for (uint32_t c = 0; c < arena->nchunks; c++) {
        shunt_status status =
            device->ops->buffer_alloc(device->handle, arena->chunk_bytes[c], SHUNT_USE_ACTIVATION | SHUNT_USE_SCRATCH,
                                      &own->chunks[device_index][c]);
        if (status != SHUNT_OK) {
            device_fail(device, status, "allocating activations");
            return error_context(status, "the plan needs %llu MiB for activations%s",
                                 (unsigned long long)(arena->chunk_bytes[c] >> 20),
                                 plan->nstreams > 1 ? ", for each stream" : "");
        }
        own->nchunks[device_index]++;
    }
    return SHUNT_OK;
}

static uint64_t rounded_up(uint64_t bytes, uint64_t align)
{
    return bytes > 0 ? (bytes + align - 1) / align * align : align;
}

/* Writes the pieces of one device to `pieces` (room for all); returns how many. */
static uint32_t list_pieces(const graph_plan *plan, int device_index, piece *pieces, uint64_t *workspace)
{
    uint64_t align = plan->executor->devices[device_index]->entry.info.alignment;
    uint32_t count = 0;
    for (uint32_t v = 0; v < plan->nvalues; v++) {
        const plan_value *value = &plan->values[v];
        if (value->device != device_index || value->parameter || value->root != (int32_t)v) continue;
        const uint64_t bytes = rounded_up(shunt_tensor_bytes(&value->desc), align);
        pieces[count++] = (piece){PIECE_VALUE, v, value->first, value->last, bytes, 0, 0};
    }
    for (uint32_t s = 0; s < plan->nsteps; s++) {
        const plan_step *step = &plan->steps[s];
        if (step->device != device_index || !step->info.workspace) continue;
        const uint64_t bytes = rounded_up(step->info.workspace, align);
        pieces[count++] = (piece){PIECE_WORKSPACE, s, (int32_t)s, (int32_t)s, bytes, 0, 0};
        if (bytes > *workspace) *workspace = bytes;
    }
    if (device_index != PLAN_MAIN) return count;
    for (uint32_t p = 0; p < plan->joints[PLAN_PACKS].count; p++) {
        const plan_joint *pack = &plan->joints[PLAN_PACKS].list[p];
        const uint64_t bytes = rounded_up(pack->bytes, align);
        pieces[count++] = (piece){PIECE_PACKED, p, (int32_t)pack->at, (int32_t)pack->step, bytes, 0, 0};
    }
    for (uint32_t p = 0; p < plan->joints[PLAN_SUMS].count; p++) {
        const plan_joint *sum = &plan->joints[PLAN_SUMS].list[p];
        const uint64_t bytes = rounded_up(sum->bytes, align);
        pieces[count++] = (piece){PIECE_PARTS, p, (int32_t)sum->step, (int32_t)sum->at, bytes, 0, 0};
    }
    return count;
}

/* In the arena: without a buffer, which each stream has for itself. */
static void give_place(graph_plan *plan, const piece *p)
{
    const shunt_arg place = {NULL, p->offset};
    plan_joint *joint;
    switch (p->kind) {
    case PIECE_VALUE:
        plan->values[p->index].arg = place;
        plan->values[p->index].chunk = p->chunk;
        return;
    case PIECE_WORKSPACE:
        plan->steps[p->index].workspace = place;
        plan->steps[p->index].workspace_chunk = p->chunk;
        return;
    case PIECE_PACKED:
    case PIECE_PARTS:
        joint = &plan->joints[p->kind == PIECE_PACKED ? PLAN_PACKS : PLAN_SUMS].list[p->index];
        joint->arg = place;
        joint->chunk = p->chunk;
        return;
    }
}

static shunt_status place_on(graph_plan *plan, int device_index)
{
    const shunt_device *device = plan->executor->devices[device_index];
    plan_arena *arena = &plan->arenas[device_index];
    uint32_t most = plan->nvalues + plan->nsteps + 1;
    for (int j = 0; j < PLAN_JOININGS; j++) most += plan->joints[j].count;
    piece *pieces = malloc(most * sizeof *pieces);
    if (!pieces) return error_memory();
    uint32_t count = list_pieces(plan, device_index, pieces, &arena->workspace);
    qsort(pieces, count, sizeof *pieces, larger_first);
    shunt_status status = place_pieces(device, pieces, count, arena);
    for (uint32_t i = 0; status == SHUNT_OK && i < count; i++) give_place(plan, &pieces[i]);
    for (uint32_t c = 0; c < arena->nchunks; c++) arena->bytes += arena->chunk_bytes[c];
    free(pieces);
    return status;
}

/* What lies between the parts of flat values is read with them. Those that have nothing there may be cleared as well. */
static shunt_status clear_flat(graph_plan *plan)
{
    const shunt_device *device = plan->executor->devices[PLAN_MAIN];
    shunt_bqueue *queue = plan->executor->queues[PLAN_MAIN];
    shunt_status status = SHUNT_OK;
    for (uint32_t v = 0; v < plan->nvalues && status == SHUNT_OK; v++) {
        const plan_value *value = &plan->values[v];
        if (!value->flat || value->state) continue;
        status = device->ops->fill(queue, plan_arg(plan, 0, (int32_t)v), 0, shunt_tensor_bytes(&value->desc), NULL);
    }
    const shunt_status finished = device->ops->queue_finish(queue);
    if (status == SHUNT_OK) status = finished;
    return status == SHUNT_OK ? SHUNT_OK : device_fail(device, status, "clearing memory");
}

/* Plans whose runs change something, or wait, have one run at a time. */
static uint32_t count_streams(const graph_plan *plan)
{
    return plan->waits || graph_trains(plan->graph) ? 1 : plan->executor->nstreams;
}

shunt_status plan_allocate(graph_plan *plan)
{
    plan_share_in_place(plan);
    plan->waits = plan->nexchanges > 0;
    for (uint32_t s = 0; s < plan->nsteps; s++) plan->waits |= plan->steps[s].device != PLAN_MAIN;
    shunt_status status = plan_find_direct(plan);
    for (int d = 0; d < PLAN_DEVICES && status == SHUNT_OK; d++)
        if (plan->executor->devices[d]) status = place_on(plan, d);
    if (status != SHUNT_OK) return status;
    plan->nstreams = count_streams(plan);
    plan->streams = calloc(plan->nstreams, sizeof *plan->streams);
    if (!plan->streams) return error_memory();
    for (uint32_t stream = 0; stream < plan->nstreams && status == SHUNT_OK; stream++) {
        for (int d = 0; d < PLAN_DEVICES && status == SHUNT_OK; d++)
            if (plan->executor->devices[d]) status = allocate_chunks(plan, stream, d);
        if (status == SHUNT_OK) status = plan_place_stream(plan, stream);
    }
    if (status == SHUNT_OK) status = clear_flat(plan);
    return status == SHUNT_OK ? exchange_prepare(plan) : status;
}
