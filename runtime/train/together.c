/* together.c - see together.h. */
#include "runtime/train/together.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/error.h"
#include "runtime/data/dataset.h"
#include "runtime/ranks/ranks.h"

enum { TEXT_CHARS = 512 };

static uint32_t count_of(const shunt_trainer *self)
{
    return self->setup.ranks ? shunt_ranks_describe(self->setup.ranks)->count : 1;
}

bool together_writes(const shunt_trainer *self)
{
    return !self->setup.ranks || shunt_ranks_describe(self->setup.ranks)->rank == 0;
}

void together_share(const shunt_trainer *self, size_t count, size_t *first, size_t *end)
{
    shunt_ranks_share(self->setup.ranks, count, first, end);
}

shunt_status together_sum(const shunt_trainer *self, double *values, size_t count)
{
    return self->setup.ranks ? shunt_ranks_sum(self->setup.ranks, values, count) : SHUNT_OK;
}

/* All parts have one size, so that one plan does for them. */
static shunt_status check_parts(const shunt_trainer *self)
{
    const int64_t parts = self->recipe.accumulate;
    if (self->recipe.batch % (parts * count_of(self)))
        return error_fail(SHUNT_E_INVALID,
                          "accumulate %" PRId64 ": a batch of %" PRId64
                          " pictures does not divide into as many parts of one size for %s",
                          parts, self->recipe.batch, count_of(self) > 1 ? "each rank" : "one rank");
    if (self->setup.sync_statistics)
        return error_fail(SHUNT_E_UNSUPPORTED,
                          "accumulate %" PRId64 ": a part of a batch does not have the statistics of the others",
                          parts);
    if (self->setup.log_gradients)
        return error_fail(SHUNT_E_UNSUPPORTED,
                          "accumulate %" PRId64 ": the norms of gradients are logged of batches in one part", parts);
    if (self->setup.data->kind->pixels)
        return error_fail(SHUNT_E_UNSUPPORTED,
                          "accumulate %" PRId64 ": the weights of pixels are those of a batch in one part", parts);
    return SHUNT_OK;
}

shunt_status together_divide(shunt_trainer *self)
{
    size_t first, end;
    if (self->recipe.batch < count_of(self))
        return error_fail(SHUNT_E_INVALID, "a batch of %" PRId64 " pictures for %u ranks; each needs one at least",
                          self->recipe.batch, count_of(self));
    if (count_of(self) > 1 && self->setup.log_gradients)
        return error_fail(SHUNT_E_UNSUPPORTED, "the norms of gradients are logged by one rank alone");
    if (count_of(self) > 1 && self->recipe.prune > 0)
        return error_fail(SHUNT_E_UNSUPPORTED, "blocks are pruned by one rank alone");
    if (count_of(self) > 1 && self->recipe.ghost > 0)
        return error_fail(SHUNT_E_UNSUPPORTED, "a policy is trained by one rank alone");
    together_share(self, (size_t)self->recipe.batch, &first, &end);
    self->slice_first = (int64_t)first;
    self->batch = (int64_t)(end - first) / self->recipe.accumulate;
    return self->recipe.accumulate > 1 ? check_parts(self) : SHUNT_OK;
}

/* ---- Agreement ---------------------------------------------------------------------------------------------------- */

/* The text of rank 0, on all; to be freed. */
static shunt_status text_of_first(const shunt_trainer *self, const char *own, char **out)
{
    uint64_t bytes = strlen(own) + 1;
    shunt_status status = shunt_ranks_broadcast(self->setup.ranks, &bytes, sizeof bytes, 0);
    char *text = status ? NULL : calloc(1, bytes);
    if (!text) return status ? status : error_memory();
    if (together_writes(self)) memcpy(text, own, bytes);
    status = shunt_ranks_broadcast(self->setup.ranks, text, bytes, 0);
    if (status)
        free(text);
    else
        *out = text;
    return status;
}

static shunt_status agree_on_recipe(const shunt_trainer *self)
{
    char *own = shunt_recipe_text(&self->recipe), *first = NULL;
    shunt_recipe theirs;
    shunt_status status = own ? text_of_first(self, own, &first) : error_memory();
    if (!status && strcmp(first, own)) {
        status = shunt_recipe_read(first, &theirs);
        if (!status) status = shunt_recipe_same(&theirs, &self->recipe);
        if (status)
            status = error_context(status, "the recipe of rank %u is not that of rank 0",
                                   shunt_ranks_describe(self->setup.ranks)->rank);
    }
    free(own);
    free(first);
    return status;
}

/* Of a set of its own to validate or test on: its pictures, and the fingerprint of the whole. */
static shunt_status describe_part(const train_part *part, const char *purpose, char *text, size_t size)
{
    uint64_t fingerprint = 0;
    if (!part->data) return SHUNT_OK;
    shunt_status status = shunt_dataset_fingerprint(part->data, &fingerprint);
    const size_t used = strlen(text);
    snprintf(text + used, size - used, "; %zu to %s on, fingerprint %016" PRIx64, part->count, purpose, fingerprint);
    return status;
}

static shunt_status agree_on_data(const shunt_trainer *self)
{
    const shunt_dataset *data = self->setup.data;
    uint64_t fingerprint;
    char text[TEXT_CHARS];
    shunt_status status = shunt_dataset_fingerprint(data, &fingerprint);
    if (status) return status;
    snprintf(text, sizeof text, "%zu training pictures of %zu classes, fingerprint %016" PRIx64,
             self->npictures + self->nheld, data->classes, fingerprint);
    status = describe_part(&self->validation, "validate", text, sizeof text);
    if (!status) status = describe_part(&self->test, "test", text, sizeof text);
    return status ? status : shunt_ranks_agree(self->setup.ranks, "the data", text);
}

static shunt_status agree_on_network(const shunt_trainer *self)
{
    const char *described = shunt_weights_metadata(self->start, "model");
    char text[SHUNT_PREPROCESS_TEXT];
    shunt_status status = shunt_ranks_agree(self->setup.ranks, "the network", described ? described : "no description");
    shunt_preprocess_print(self->setup.preprocess, text, sizeof text);
    return status ? status : shunt_ranks_agree(self->setup.ranks, "the preprocessing", text);
}

static shunt_status agree_on_way(const shunt_trainer *self)
{
    char text[TEXT_CHARS];
    snprintf(text, sizeof text, "precision %s, loss scale %g%s%s%s", shunt_dtype_name(self->precision.dtype),
             self->setup.loss_scale, self->setup.recompute ? ", recomputed activations" : "",
             self->setup.sync_statistics ? ", statistics of all ranks" : "",
             self->setup.bf16_gradients ? ", gradients sent as bf16" : "");
    return shunt_ranks_agree(self->setup.ranks, "how they train", text);
}

shunt_status together_agree(const shunt_trainer *self)
{
    if (count_of(self) == 1) return SHUNT_OK;
    shunt_status status = agree_on_recipe(self);
    if (!status) status = agree_on_data(self);
    if (!status) status = agree_on_network(self);
    return status ? status : agree_on_way(self);
}

shunt_status together_compare(const shunt_trainer *self, const shunt_weights *weights)
{
    char text[TEXT_CHARS];
    if (count_of(self) == 1) return SHUNT_OK;
    snprintf(text, sizeof text, "step %" PRId64, self->at.step);
    shunt_status status = shunt_ranks_agree(self->setup.ranks, "how far they are", text);
    if (!status) status = shunt_ranks_agree_weights(self->setup.ranks, weights);
    return status ? error_context(status, "step %" PRId64, self->at.step) : SHUNT_OK;
}

/* ---- After a step -------------------------------------------------------------------------------------------------- */

shunt_status together_decide(shunt_trainer *self, bool *due)
{
    double wanted[] = {self->stop, together_writes(self) && *due};
    if (count_of(self) == 1) return SHUNT_OK;
    shunt_status status = together_sum(self, wanted, 2);
    self->stop = wanted[0] > 0;
    *due = wanted[1] > 0;
    return status;
}
