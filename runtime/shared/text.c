/* text.c - see text.h. */
#include "runtime/shared/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Bytes of the UTF-8 character that text begins with; 0 when it begins with none (RFC 3629, section 4). */
static size_t utf8_length(const unsigned char *text)
{
    unsigned char low = 0x80, high = 0xbf; /* of the second byte */
    size_t length = 0;
    if (*text < 0x80) return 1;
    if (*text >= 0xc2 && *text <= 0xdf) length = 2;
    if (*text >= 0xe0 && *text <= 0xef) length = 3;
    if (*text >= 0xf0 && *text <= 0xf4) length = 4;
    if (*text == 0xe0) low = 0xa0;
    if (*text == 0xed) high = 0x9f;
    if (*text == 0xf0) low = 0x90;
    if (*text == 0xf4) high = 0x8f;
    for (size_t i = 1; i < length; i++) {
        if (text[i] < low || text[i] > high) return 0;
        low = 0x80;
        high = 0xbf;
    }
    return length;
}

/* Whether the character is one that would not stay in its place in a line: C0, DEL, C1, ends of lines and of paragraphs
 * (U+2028, U+2029), and what changes the direction of writing (U+202A to U+202E, U+2066 to U+2069). */
static bool is_control(const unsigned char *text)
{
    if (*text < 0x20 || *text == 0x7f || (text[0] == 0xc2 && text[1] <= 0x9f)) return true;
    return text[0] == 0xe2 && ((text[1] == 0x80 && text[2] >= 0xa8 && text[2] <= 0xae) ||
                               (text[1] == 0x81 && text[2] >= 0xa6 && text[2] <= 0xa9));
}

void text_make_printable(char *text)
{
    char *to = text;
    const unsigned char *from = (const unsigned char *)text;
    while (*from) {
        size_t length = utf8_length(from);
        if (length && is_control(from)) {
            *to++ = *from == '\n' || *from == '\t' || *from == '\r' ? ' ' : '?';
            from += length;
        } else if (length) {
            memmove(to, from, length);
            to += length;
            from += length;
        } else {
            while (*from && !utf8_length(from)) from++;
            if (*from) *to++ = '?';
        }
    }
    *to = '\0';
}
