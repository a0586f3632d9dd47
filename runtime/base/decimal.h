/* decimal.h - real numbers as text, with a point before the decimals whatever locale the application has set. */
#ifndef SHUNT_RUNTIME_DECIMAL_H
#define SHUNT_RUNTIME_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>

/* strtod, with a point whatever the locale; it leaves errno as strtod does. */
double decimal_read(const char *text, char **rest);

/* With `least` significant digits (zeros at the end are left out), or as many more as it takes to tell the number from its
 * neighbours; single: from those in float32. size: 32 is enough. */
void decimal_print(double value, bool single, int least, char *text, size_t size);

#endif
