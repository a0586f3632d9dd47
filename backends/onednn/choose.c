/* choose.c - which of oneDNN's implementations computes an op. Its name, "jit_1x1:avx2", is the algorithm's.
 *
 * oneDNN is asked for the layouts that are given. Where it then has only its slow reference code, as for three channels
 * in blocks of 16, it is asked again with the layouts left open: reorders around a fast one cost less. */
#include "op.h"

#include <stdio.h>
#include <string.h>

static const char reference_prefix[] = "ref";

static bool is_reference(const char *name)
{
    return !strncmp(name, reference_prefix, sizeof reference_prefix - 1);
}

static const char *name_of(dnnl_primitive_desc_t pd)
{
    const char *name = NULL;
    dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &name);
    return name ? name : "unnamed";
}

static shunt_status check_float(const shunt_op_desc *desc)
{
    for (uint32_t i = 0; i < desc->ninputs + desc->noutputs; i++) {
        const shunt_tensor_desc *t = i < desc->ninputs ? &desc->inputs[i] : &desc->outputs[i - desc->ninputs];
        if (t->dtype != SHUNT_F32) return onednn_fail(SHUNT_E_UNSUPPORTED, "only float32 is done here");
    }
    return SHUNT_OK;
}

shunt_status onednn_check_loop(const onednn_kind *kind, const shunt_op_desc *desc)
{
    shunt_status status = check_float(desc);
    return status ? status : kind->check(desc);
}

/* Reads the recipe. Its attr is the caller's then, even when it fails. */
static shunt_status read_recipe(const onednn_kind *kind, const shunt_op_desc *desc, bool free, onednn_recipe *out)
{
    memset(out, 0, sizeof *out);
    out->added = -1;
    shunt_status status = check_float(desc);
    if (!status) status = onednn_check(dnnl_primitive_attr_create(&out->attr), "dnnl_primitive_attr_create");
    if (!status)
        status = onednn_check(dnnl_primitive_attr_set_scratchpad_mode(out->attr, dnnl_scratchpad_mode_user),
                              "dnnl_primitive_attr_set_scratchpad_mode");
    return status ? status : kind->recipe(desc, free, out);
}

/* oneDNN's first choice for these layouts. (Asking for its next ones ends in a division by zero inside 2.6.3.) */
static shunt_status describe(const onednn_device *device, const onednn_kind *kind, const shunt_op_desc *desc, bool free,
                             onednn_choice *out)
{
    *out = (onednn_choice){0};
    shunt_status status = read_recipe(kind, desc, free, &out->recipe);
    dnnl_engine_t engine = device->engine;
    const onednn_tensor *t = out->recipe.tensors;
    dnnl_primitive_attr_t attr = out->recipe.attr;
    if (!status && out->recipe.reorder)
        status =
            onednn_check(dnnl_reorder_primitive_desc_create(&out->pd, &t[0].given, engine, &t[1].given, engine, attr),
                         "looking for a reorder");
    else if (!status)
        status = onednn_check(dnnl_primitive_desc_create(&out->pd, &out->recipe.op, attr, engine, NULL),
                              "looking for an implementation");
    if (attr) dnnl_primitive_attr_destroy(attr);
    out->recipe.attr = NULL;
    if (!status) snprintf(out->algorithm, sizeof out->algorithm, "%s", name_of(out->pd));
    return status;
}

shunt_status onednn_choose(const onednn_device *device, const onednn_kind *kind, const shunt_op_desc *desc,
                           onednn_choice *out)
{
    int before = onednn_enter(device);
    shunt_status status = describe(device, kind, desc, false, out);
    if (status || (!out->recipe.reorder && is_reference(out->algorithm))) {
        onednn_choice open;
        if (!describe(device, kind, desc, true, &open)) {
            bool better = status || !is_reference(open.algorithm);
            dnnl_primitive_desc_destroy(better ? out->pd : open.pd);
            if (better) *out = open, status = SHUNT_OK;
        }
    }
    onednn_leave(before);
    return status;
}
