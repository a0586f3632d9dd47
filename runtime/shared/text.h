/* text.h - names from files and drivers, made safe to show. */
#ifndef SHUNT_SHARED_TEXT_H
#define SHUNT_SHARED_TEXT_H

/* Changes text, in place, to one line of UTF-8 without effects on a terminal. It never grows. Newlines and tabs become spaces. Other
 * control characters, and those that change the direction of writing, become '?'. Each run of invalid UTF-8 bytes is replaced by one
 * '?'. Such a run at the end is removed, since a precision ("%.100s") or a full buffer may have cut a character there. */
void text_make_printable(char *text);

#endif
