/* variants.c - see variants.h. */
#include "runtime/verify/variants.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_TAKEN = 16, MOST_CLASSES = 256 };

typedef struct variant {
    char params[SHUNT_PARAMS_CHARS];
    int64_t src_block, dst_block; /* channels */
} variant;

/* Variants of one algorithm, with data of one type, in one layout. */
typedef struct variant_class {
    char algorithm[SHUNT_ALGORITHM_CHARS];
    uint8_t dtype;
    uint16_t src_layout, dst_layout;
    uint32_t cases, count;
    variant taken[MOST_TAKEN];
} variant_class;

struct variants {
    uint32_t count;
    variant_class list[MOST_CLASSES];
};

variants *variants_create(void)
{
    return calloc(1, sizeof(variants));
}

void variants_destroy(variants *all)
{
    free(all);
}

static bool is_same_class(const variant_class *a, const variant_class *b)
{
    return !strcmp(a->algorithm, b->algorithm) && a->dtype == b->dtype && a->src_layout == b->src_layout &&
           a->dst_layout == b->dst_layout;
}

/* A new one if there is none yet; NULL: there are too many. */
static variant_class *find_class(variants *all, const variant_class *like)
{
    for (uint32_t i = 0; i < all->count; i++)
        if (is_same_class(&all->list[i], like)) return &all->list[i];
    if (all->count == MOST_CLASSES) return NULL;
    all->list[all->count] = *like;
    return &all->list[all->count++];
}

static bool is_taken(const variant_class *class, const variant *wanted)
{
    for (uint32_t i = 0; i < class->count; i++) {
        const variant *taken = &class->taken[i];
        if (!strcmp(taken->params, wanted->params) && taken->src_block == wanted->src_block &&
            taken->dst_block == wanted->dst_block)
            return true;
    }
    return false;
}

/* Of `count` candidates: half in float32 and the device's layout, else a quarter; in that layout two at least, as shapes list others. */
static uint32_t most_of(const variant_class *class, uint32_t own, uint32_t count)
{
    const bool usual = class->src_layout == own && class->dst_layout == own;
    const uint32_t share = usual && class->dtype == SHUNT_F32 ? (count + 1) / 2 : (count + 3) / 4;
    return usual && share < 2 ? 2 : share;
}

/* The usable candidates of the class's algorithm: those taken already, and a new one. */
static void choose(variant_class *class, const variant *like, uint32_t own, const shunt_op_candidates *found,
                   bool *take)
{
    uint32_t of_it[SHUNT_MAX_CANDIDATES], count = 0;
    for (uint32_t i = 0; i < found->count; i++)
        if (!found->list[i].reason[0] && !strcmp(found->list[i].algorithm, class->algorithm)) of_it[count++] = i;
    const uint32_t most = most_of(class, own, count), begin = class->cases++ * (count > most ? count / most : 1);
    bool may_add = class->count < most;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t at = of_it[(begin + i) % count];
        variant wanted = *like;
        memcpy(wanted.params, found->list[at].params, sizeof wanted.params);
        take[at] = is_taken(class, &wanted);
        if (take[at] || !may_add) continue;
        class->taken[class->count++] = wanted;
        take[at] = true;
        may_add = false;
    }
}

void variants_choose(variants *all, const shunt_op_desc *op, uint32_t own, const shunt_op_candidates *found,
                     bool take[SHUNT_MAX_CANDIDATES])
{
    const shunt_tensor_desc *src = &op->inputs[0], *dst = &op->outputs[0];
    const variant like = {.src_block = shunt_tensor_block(src), .dst_block = shunt_tensor_block(dst)};
    variant_class of = {.dtype = shunt_op_data_type(op), .src_layout = src->block, .dst_layout = dst->block};
    for (uint32_t i = 0; i < found->count; i++) {
        const char *algorithm = found->list[i].algorithm;
        if (found->list[i].reason[0] || (i > 0 && !strcmp(found->list[i - 1].algorithm, algorithm))) continue;
        memcpy(of.algorithm, algorithm, sizeof of.algorithm);
        variant_class *class = find_class(all, &of);
        if (class) choose(class, &like, own, found, take);
    }
}
