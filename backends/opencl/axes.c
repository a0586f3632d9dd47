/* axes.c - see axes.h. */
#include "axes.h"

/* A blocked activation has the axes N, C / b, H, W, b. Returns how many there are. */
static uint32_t stored_dims(const shunt_tensor_desc *tensor, int64_t dims[SHUNT_MAX_RANK])
{
    uint32_t rank = 0;
    const int64_t block = tensor->rank == 4 ? shunt_tensor_block(tensor) : 1;
    for (uint32_t i = 0; i < tensor->rank; i++) dims[rank++] = tensor->dims[i];
    if (tensor->rank != 4) return rank;
    dims[1] = (dims[1] + block - 1) / block;
    dims[rank++] = block;
    return rank;
}

const char *ocl_axes_refuse(const shunt_tensor_desc *whole, const shunt_tensor_desc *part)
{
    if (whole->rank != part->rank) return "tensors of different ranks";
    for (uint32_t i = 0; i < whole->rank; i++)
        if (part->dims[i] != whole->dims[i] && part->dims[i] != 1) return "tensors whose shapes do not fit together";
    if (whole->rank != 4) return NULL;
    if (whole->block != part->block) return "tensors of different layouts";
    if (whole->dims[1] != part->dims[1] && shunt_tensor_block(part) != 1) return "repeated channels in blocks";
    return NULL;
}

static void find_steps(const int64_t *whole, const shunt_tensor_desc *part, int64_t *steps)
{
    int64_t dims[SHUNT_MAX_RANK] = {0}, step = 1;
    for (uint32_t i = stored_dims(part, dims); i-- > 0; step *= dims[i])
        steps[i] = dims[i] == 1 && whole[i] > 1 ? 0 : step;
}

/* Whether axis i + 1 begins where axis i of the joined ones ends. */
static bool joins(const ocl_axes *axes, uint32_t last, int64_t (*steps)[SHUNT_MAX_RANK], uint32_t i, int64_t dim)
{
    for (int t = 0; t < 2; t++)
        if (axes->steps[t][last] != steps[t][i] * dim) return false;
    return true;
}

ocl_axes ocl_axes_of(const shunt_tensor_desc *whole, const shunt_tensor_desc *first, const shunt_tensor_desc *second)
{
    int64_t dims[SHUNT_MAX_RANK] = {0}, steps[2][SHUNT_MAX_RANK] = {{0}};
    ocl_axes axes = {0};
    const uint32_t rank = stored_dims(whole, dims);
    find_steps(dims, first, steps[0]);
    find_steps(dims, second, steps[1]);
    for (uint32_t i = 0; i < rank; i++) {
        if (dims[i] == 1 && (i + 1 < rank || axes.rank)) continue;
        const bool joined = axes.rank && joins(&axes, axes.rank - 1, steps, i, dims[i]);
        const uint32_t at = joined ? axes.rank - 1 : axes.rank++;
        axes.dims[at] = joined ? axes.dims[at] * dims[i] : dims[i];
        for (int t = 0; t < 2; t++) axes.steps[t][at] = steps[t][i];
    }
    return axes;
}
