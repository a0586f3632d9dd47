/* npy.h - arrays as NumPy's np.load reads them. */
#ifndef SHUNT_TOOLS_NPY_H
#define SHUNT_TOOLS_NPY_H

#include <shunt/types.h>

/* A plain float32 tensor as a .npy file, whole or not at all. Prints why when it fails; returns an EXIT_ number. */
int npy_write(const char *path, const shunt_tensor_desc *desc, const float *data);

#endif
