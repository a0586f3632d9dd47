/* decimal.c - see decimal.h. */
#include "runtime/base/decimal.h"
#include "runtime/shared/os.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

double decimal_read(const char *text, char **rest)
{
    void *before = os_plain_numbers_begin();
    double value = strtod(text, rest);
    int error = errno;
    os_plain_numbers_end(before);
    errno = error;
    return value;
}

void decimal_print(double value, bool single, int least, char *text, size_t size)
{
    void *before = os_plain_numbers_begin();
    const int most = single ? 9 : 17;
    for (int digits = least; digits <= most; digits++) {
        snprintf(text, size, "%.*g", digits, value);
        double read = strtod(text, NULL);
        if (single ? (float)read == (float)value : read == value) break;
    }
    os_plain_numbers_end(before);
}
