/* decimal.c - see decimal.h. */
#include "runtime/base/decimal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* Without memory for it the number is written in the application's locale, as it would be without us. */
locale_t decimal_begin(void)
{
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    return plain ? uselocale(plain) : (locale_t)0;
}

void decimal_end(locale_t before)
{
    if (before) freelocale(uselocale(before));
}

double decimal_read(const char *text, char **rest)
{
    locale_t before = decimal_begin();
    double value = strtod(text, rest);
    int error = errno;
    decimal_end(before);
    errno = error;
    return value;
}

void decimal_print(double value, bool single, int least, char *text, size_t size)
{
    locale_t before = decimal_begin();
    const int most = single ? 9 : 17;
    for (int digits = least; digits <= most; digits++) {
        snprintf(text, size, "%.*g", digits, value);
        double read = strtod(text, NULL);
        if (single ? (float)read == (float)value : read == value) break;
    }
    decimal_end(before);
}
