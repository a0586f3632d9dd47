/* move_rows.c - GATHER and SCATTER: rows of one tensor become rows of another, by their numbers. A row is a run of memory. */
#include "op.h"

#include <string.h>

static shunt_status check_numbers(const shunt_tensor_desc *index, int64_t first, int64_t count)
{
    shunt_status status = scalar_expect_rank(index, "index", 1);
    if (status) return status;
    if (first >= 0 && count >= 1 && count <= index->dims[0] - first) return SHUNT_OK;
    return scalar_fail(SHUNT_E_INVALID, "%lld numbers from %lld on, of %lld", (long long)count, (long long)first,
                       (long long)index->dims[0]);
}

/* Rows like those of src, `count` of them. */
static shunt_status check_rows(const shunt_tensor_desc *rows, const char *name, const shunt_tensor_desc *src,
                               int64_t count)
{
    int64_t dims[SHUNT_MAX_RANK];
    memcpy(dims, src->dims, sizeof dims);
    dims[0] = count;
    return scalar_expect_dims(rows, name, src->rank, dims);
}

/* Where row `number` begins, or NULL where there is none. */
static char *find_row(void *data, real number, int64_t count, size_t bytes)
{
    return number >= 0 && number < (real)count ? (char *)data + (size_t)number * bytes : NULL;
}

static size_t row_bytes(const shunt_tensor_desc *tensor)
{
    return (size_t)(shunt_tensor_bytes(tensor) / (uint64_t)tensor->dims[0]);
}

static shunt_status check_gather(const shunt_op_desc *desc)
{
    const shunt_rows_attr *a = &desc->attr.rows;
    shunt_status status = check_numbers(&desc->inputs[1], a->first, a->count);
    return status ? status : check_rows(&desc->outputs[0], "dst", &desc->inputs[0], a->count);
}

static void run_gather(const shunt_op_desc *desc, const void *const *inputs, void *const *outputs, int threads)
{
    const int64_t N = desc->inputs[0].dims[0];
    const size_t bytes = row_bytes(&desc->inputs[0]);
    const real *index = (const real *)inputs[1] + desc->attr.rows.first;
    (void)threads; /* memory is the limit */
    for (int32_t r = 0; r < desc->attr.rows.count; r++) {
        char *to = (char *)outputs[0] + (size_t)r * bytes;
        const char *from = find_row((void *)inputs[0], index[r], N, bytes);
        if (from)
            memcpy(to, from, bytes);
        else
            memset(to, 0, bytes);
    }
}

static shunt_status check_scatter(const shunt_op_desc *desc)
{
    const int64_t R = desc->inputs[1].dims[0];
    shunt_status status = check_numbers(&desc->inputs[2], desc->attr.rows.first, R);
    if (!status) status = check_rows(&desc->inputs[1], "rows", &desc->inputs[0], R);
    return status ? status : scalar_expect_same(&desc->outputs[0], "dst", &desc->inputs[0]);
}

/* In 16 bits dst is a copy of src that has not been filled yet. */
static void run_scatter(const shunt_op_desc *desc, const void *const *inputs, void *const *outputs, int threads)
{
    const int64_t N = desc->inputs[0].dims[0];
    const size_t bytes = row_bytes(&desc->inputs[0]);
    const real *index = (const real *)inputs[2] + desc->attr.rows.first;
    (void)threads;
    if (outputs[0] != inputs[0]) memcpy(outputs[0], inputs[0], (size_t)N * bytes);
    for (int64_t r = 0; r < desc->inputs[1].dims[0]; r++) {
        char *to = find_row(outputs[0], index[r], N, bytes);
        if (to) memcpy(to, (const char *)inputs[1] + (size_t)r * bytes, bytes);
    }
}

const scalar_op TYPED(scalar_gather) = {.check = check_gather, .run = run_gather};
const scalar_op TYPED(scalar_scatter) = {.check = check_scatter, .run = run_scatter};
