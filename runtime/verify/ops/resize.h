/* resize.h - what RESIZE and RESIZE_GRAD share: where an element of dst lies in src, from the formula of op.h. */
#ifndef SHUNT_VERIFY_RESIZE_H
#define SHUNT_VERIFY_RESIZE_H

#include <shunt/backend.h>

/* At most four elements of src, and their weights; the first of a nearest element. Returns how many. */
int resize_places(const shunt_resize_attr *attr, const shunt_tensor_desc *src, const shunt_tensor_desc *dst, int64_t i,
                  int64_t places[4], double weights[4]);

#endif
