/* group_tile.h - products of matrices by work-groups of a GPU (kernels-cl/group_tile.cl): which tiles there are, which the device can
 * do, and an estimate of which is best. */
#ifndef SHUNT_OPENCL_GROUP_TILE_H
#define SHUNT_OPENCL_GROUP_TILE_H

#include "opencl.h"

/* TM, TN, TK, RM, RN; and among how many groups the inner dimension is split. */
typedef struct group_tile {
    cl_int m, n, k, rm, rn, splits;
} group_tile;

/* What is to be computed: `count` products of (rows, inner) and (inner, columns). */
typedef struct group_product {
    int64_t count, rows, columns, inner;
    bool partial;       /* the sums of a split go through memory even where there is one */
    cl_int most_splits; /* at least 1 */
    bool gathers;       /* element by element from a plain tensor: only tiles with much to multiply hide that */
} group_product;

enum { OCL_MAX_TILE_K = 16 };

/* Work-items of a group. */
cl_int ocl_tile_items(const group_tile *tile);
/* Why no tile suits the device, or NULL. */
const char *ocl_tile_refuse(const ocl_device *device);
/* The index-th choice, best guess first; false past the last. On a CPU, which has better algorithms, a few for the tests. */
bool ocl_tile_choice(const ocl_device *device, const group_product *product, uint32_t index, group_tile *out);

/* The estimated time of the best choice, and of moving so many floats through memory in so many launches, in the same unit. */
double ocl_tile_estimate(const ocl_device *device, const group_product *product);
double ocl_move_estimate(const ocl_device *device, double floats, int launches);

/* As the parameters of a candidate, and back. */
void ocl_tile_params(const group_tile *tile, char *params);
shunt_status ocl_tile_read(const char *params, group_tile *out);
/* Adds the build options for it. */
void ocl_tile_options(const ocl_device *device, const group_tile *tile, char *options);

#endif
