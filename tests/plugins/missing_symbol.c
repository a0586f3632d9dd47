/* missing_symbol.c - needs a function that no library has, as a plugin does whose library is not installed. */
#include "fake.h"

void fake_of_no_library(void);

const shunt_backend *shunt_backend_entry(const shunt_host *host)
{
    (void)host;
    fake_of_no_library();
    return NULL;
}
