/* equal_weights.c - whether all ranks hold the same weights: each hashes its tensors, and the hashes are compared. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/error.h"
#include "runtime/base/random.h"
#include "runtime/ranks/ranks.h"
#include "runtime/weights/weights.h"

static uint64_t hash_of(const shunt_tensor_view *view)
{
    const uint64_t bytes = shunt_tensor_bytes(&view->desc);
    const uint8_t *data = view->data;
    uint64_t hash = random_key(view->name, bytes), word = 0, at = 0;
    for (; at + sizeof word <= bytes; at += sizeof word) {
        memcpy(&word, data + at, sizeof word);
        hash = (hash ^ word) * 0x100000001b3u;
        hash ^= hash >> 29;
    }
    word = 0;
    memcpy(&word, data + at, bytes - at);
    return random_bits(hash, word);
}

/* hashes: of each rank, one after the other. */
static shunt_status find_difference(const shunt_weights *weights, const uint64_t *hashes, size_t count, uint32_t ranks)
{
    for (size_t i = 0; i < count; i++)
        for (uint32_t r = 1; r < ranks; r++)
            if (hashes[r * count + i] != hashes[i])
                return error_fail(SHUNT_E_INVALID, "%s of rank %u is not that of rank 0",
                                  shunt_weights_at(weights, i)->name, r);
    return SHUNT_OK;
}

shunt_status shunt_ranks_agree_weights(shunt_ranks *ranks, const shunt_weights *weights)
{
    if (!ranks || !weights) return error_null(__func__, "ranks, weights");
    const uint32_t of = shunt_ranks_describe(ranks)->count;
    const size_t count = shunt_weights_count(weights);
    char text[32];
    if (of == 1) return SHUNT_OK;
    snprintf(text, sizeof text, "%zu tensors", count);
    shunt_status status = shunt_ranks_agree(ranks, "their weights", text);
    if (status) return status;
    uint64_t *own = calloc(count + 1, sizeof *own), *all = calloc(count + 1, of * sizeof *all);
    status = own && all ? SHUNT_OK : error_memory();
    for (size_t i = 0; !status && i < count; i++) own[i] = hash_of(shunt_weights_at(weights, i));
    if (!status) status = ranks_all_gather(ranks, own, all, count * sizeof *own);
    if (!status) status = find_difference(weights, all, count, of);
    free(own);
    free(all);
    return status;
}
