/* icd_exit.c - a driver that ends the process while it is loaded. */
#include <unistd.h>

__attribute__((constructor)) static void leave(void)
{
    _exit(42);
}
