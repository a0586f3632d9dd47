/* wave_tile.h - products of matrices of 16-bit numbers by work-groups of a GPU, on its matrix units (kernels-cl/wave_tile.cl): which
 * tiles there are, which the device can do, and an estimate of which is best. */
#ifndef SHUNT_OPENCL_WAVE_TILE_H
#define SHUNT_OPENCL_WAVE_TILE_H

#include "group_tile.h"
#include "wave.h"

/* TM, TN, TK, FM, FN; and among how many groups the inner dimension is split. */
typedef struct wave_tile {
    ocl_wave family;
    cl_int m, n, k, fm, fn, splits;
} wave_tile;

/* Work-items of a group. */
cl_int ocl_wave_items(const wave_tile *tile);
/* Why the device has no matrix units for data of this type, or no tile fits it; or NULL. */
const char *ocl_wave_refuse(const ocl_device *device, uint8_t dtype);
/* Why no tile for plain arithmetic fits it, or NULL. */
const char *ocl_wave_refuse_plain(const ocl_device *device);

/* The index-th choice, best guess first; false past the last. */
bool ocl_wave_choice(const ocl_device *device, uint8_t dtype, const group_product *product, uint32_t index,
                     wave_tile *out);
/* The same for plain arithmetic in each family's layout of fragments. */
bool ocl_wave_choice_plain(const ocl_device *device, const group_product *product, uint32_t index, wave_tile *out);

/* As the parameters of a candidate, and back. */
void ocl_wave_params(const wave_tile *tile, char *params);
shunt_status ocl_wave_read(const char *params, wave_tile *out);
/* Adds the build options for it. */
void ocl_wave_options(const ocl_device *device, const wave_tile *tile, bool plain, char *options);

#endif
