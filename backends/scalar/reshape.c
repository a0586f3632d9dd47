/* reshape.c - the same elements in another shape: a copy, or nothing where dst is src's memory. The shape of dst is the
 * descriptor's; that it is what the attributes mean, the graph has seen to. */
#include "op.h"

#include <string.h>

static shunt_status check(const shunt_op_desc *desc)
{
    if (shunt_tensor_count(&desc->inputs[0]) == shunt_tensor_count(&desc->outputs[0])) return SHUNT_OK;
    return scalar_fail(SHUNT_E_INVALID, "dst has not as many elements as src");
}

static void run(const shunt_op_desc *desc, const void *const *inputs, void *const *outputs, int threads)
{
    (void)threads;
    if (outputs[0] != inputs[0]) memcpy(outputs[0], inputs[0], shunt_tensor_bytes(&desc->inputs[0]));
}

const scalar_op TYPED(scalar_reshape) = {.inplace_inputs = 1, .check = check, .run = run};
