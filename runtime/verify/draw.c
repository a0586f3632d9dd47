/* draw.c - see draw.h. */
#include "runtime/verify/draw.h"

#include "runtime/graph/ops/ops.h"
#include "runtime/base/random.h"
#include "runtime/verify/ops/ops.h"

#include <stdio.h>

void draw_op(uint32_t kind, uint64_t seed, uint64_t index, shunt_op_desc *out)
{
    char name[48];
    snprintf(name, sizeof name, "%s/%llu", op_kind_name(kind), (unsigned long long)index);
    dice d = {.key = random_key(name, seed)};
    *out = (shunt_op_desc){.kind = kind, .noutputs = 1};
    verify_op_of(kind)->draw(&d, out);
    if (dice_one_in(&d, 4)) out->constant_inputs = 0; /* nothing may be packed */
}

void draw_input(const shunt_op_desc *desc, const char *name, uint32_t input, double *values)
{
    const verify_op *kind = verify_op_of(desc->kind);
    uint64_t key = dice_input_key(name, input), count = shunt_tensor_count(&desc->inputs[input]);
    bool variance = op_kind_of(desc->kind)->variances >> input & 1;
    for (uint64_t i = 0; i < count; i++) {
        double u = random_at(key, i);
        values[i] = kind->element ? kind->element(desc, name, input, i, u) : variance ? 0.5 + u : 2 * u - 1;
    }
}
