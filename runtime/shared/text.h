/* text.h - names from files and drivers, made safe to show. */
#ifndef SHUNT_SHARED_TEXT_H
#define SHUNT_SHARED_TEXT_H

/* Makes text one line of UTF-8 that a terminal only shows, in place; it never grows. Ends of lines and tabs become a space.
 * Other control characters, and those that change the direction of writing, become '?'. Each run of bytes that is no UTF-8
 * becomes one '?', and nothing at the end, where a precision ("%.100s") or the end of the room may have cut a character. */
void text_make_printable(char *text);

#endif
