/* sized.h - taking an options struct of the public API. It begins with `size`, so the caller's may be older or newer. */
#ifndef SHUNT_BASE_SIZED_H
#define SHUNT_BASE_SIZED_H

#include <shunt/shunt.h>
#include <stddef.h>

/* The bytes of a struct up to the end of `field`: of its first version, where that is the version's last field. */
#define SIZE_THROUGH(type, field) (offsetof(type, field) + sizeof(((type *)0)->field))

/* Copies the caller's struct, or zeros for NULL, to *own of own_size bytes; fields that the caller's version lacks become 0.
 * given->size 0 stands for first_size. Fails when the size is below first_size, and when the caller's struct is longer than
 * ours and what we do not know is not 0: an option that this library does not have. name: the struct's, for the message. */
shunt_status sized_take(void *own, size_t own_size, size_t first_size, const void *given, const char *name);

#endif
