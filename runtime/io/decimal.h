/* decimal.h - real numbers as text, with a point before the decimals whatever locale the application has set. */
#ifndef SHUNT_RUNTIME_DECIMAL_H
#define SHUNT_RUNTIME_DECIMAL_H

#include <locale.h>
#include <stdbool.h>
#include <stddef.h>

/* From the first to the second, this thread prints and reads numbers as C does. */
locale_t decimal_begin(void);
void decimal_end(locale_t before);

/* strtod, so. */
double decimal_read(const char *text, char **rest);

/* As few digits as tell the number from its neighbours, but `least`. single: from those in float32. size: 32 is enough. */
void decimal_print(double value, bool single, int least, char *text, size_t size);

#endif
