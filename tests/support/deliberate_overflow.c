/* deliberate_overflow.c - must turn the suite red in a sanitizer build: one byte past the end of a block. */
#include <criterion/criterion.h>
#include <stdlib.h>

Test(deliberate, overflow)
{
    volatile size_t size = 77;
    char *volatile memory = malloc(size);
    cr_assert(memory);
    ((volatile char *)memory)[size] = 1; /* volatile, or it is removed as dead before free */
    free(memory);
}
