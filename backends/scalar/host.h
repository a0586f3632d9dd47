/* host.h - what the scalar backend asks the system: host_posix.c, host_windows.c. */
#ifndef SHUNT_SCALAR_HOST_H
#define SHUNT_SCALAR_HOST_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of memory in this machine; 4 GiB where it does not say. */
uint64_t scalar_memory(void);
/* The kind of processor, such as "x86_64". */
void scalar_machine(char *text, size_t size);
/* Aligned to SCALAR_ALIGNMENT; NULL without memory. Freed by scalar_free alone. */
void *scalar_alloc(uint64_t bytes);
void scalar_free(void *data);

#endif
