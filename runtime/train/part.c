/* part.c - pictures that are not trained on: checked before the first step, and evaluated. */
#include <stdlib.h>

#include "runtime/base/error.h"
#include "runtime/data/dataset.h"
#include "runtime/train/evaluate.h"
#include "runtime/train/together.h"

shunt_status train_part_open(const shunt_trainer *self, const shunt_dataset *data, const char *whose, train_part *out)
{
    *out = (train_part){.data = data};
    out->classes = calloc(data->classes + 1, sizeof *out->classes);
    shunt_status status = out->classes ? SHUNT_OK : error_memory();
    if (!status) status = classes_match_data(data, whose, self->setup.data, out->classes);
    if (!status)
        status = loader_check(data, (size_t)self->recipe.limit, self->setup.workers, self->setup.skip_bad,
                              &out->pictures, &out->count);
    if (!status && !out->count) status = error_fail(SHUNT_E_INVALID, "none of %s can be read", whose);
    if (status) train_part_close(out);
    return status;
}

void train_part_close(train_part *part)
{
    free(part->classes);
    free(part->pictures);
    *part = (train_part){0};
}

/* What the ranks found on their shares. */
static shunt_status add_up(const shunt_trainer *self, shunt_score *score)
{
    double sums[] = {(double)score->pictures, (double)score->wrong, score->loss * (double)score->pictures};
    if (!self->setup.ranks) return SHUNT_OK;
    shunt_status status = together_sum(self, sums, 3);
    *score = (shunt_score){.pictures = (int64_t)sums[0], .wrong = (int64_t)sums[1], .loss = sums[2] / sums[0]};
    return status;
}

shunt_status train_part_evaluate(const shunt_trainer *self, const train_part *part, const shunt_weights *weights,
                                 void (*progress)(void *context, int64_t done), shunt_score *out)
{
    size_t first, end;
    together_share(self, part->count, &first, &end);
    int64_t count = (int64_t)(end - first), batch = self->batch < count ? self->batch : count;
    evaluate_options options = {.pictures = {.data = part->data,
                                             .indices = part->pictures + first,
                                             .count = end - first,
                                             .classes = part->classes,
                                             .anchors = self->setup.anchors,
                                             .preprocess = self->setup.preprocess,
                                             .batch = batch,
                                             .end = (count + batch - 1) / batch,
                                             .workers = self->setup.workers},
                                .progress = progress,
                                .context = (void *)self,
                                .precision = shunt_dtype_name(self->precision.dtype)};
    *out = (shunt_score){0};
    shunt_status status = count ? evaluate(self->graph, weights, self->setup.device, &options, out) : SHUNT_OK;
    return status ? status : add_up(self, out);
}
