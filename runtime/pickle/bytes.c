/* bytes.c - strings and bytes of a pickle as bytes, decoded where the protocol wrote them as text. */
#include "runtime/pickle/pickle.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/error.h"

static bool is_text(const pickle_node *node)
{
    return node->kind == PICKLE_TEXT || node->kind == PICKLE_BYTES || node->kind == PICKLE_QUOTED ||
           node->kind == PICKLE_ESCAPED;
}

/* The text that _codecs.encode is called with; NULL: another value. */
static const pickle_node *encoded_text(const pickle_tree *self, pickle_ref ref)
{
    const pickle_node *node = &self->nodes[ref];
    pickle_ref args[2];
    if (node->kind != PICKLE_CALL || !pickle_is_global(self, node->call.callee, "_codecs", "encode") ||
        pickle_items(self, node->call.args, args, 2) != 2 || !pickle_is_text(self, args[1], "latin1"))
        return NULL;
    const pickle_node *text = &self->nodes[args[0]];
    return is_text(text) ? text : NULL;
}

const pickle_node *pickle_text_of(const pickle_tree *self, pickle_ref ref)
{
    const pickle_node *node = &self->nodes[ref];
    return is_text(node) ? node : encoded_text(self, ref);
}

/* Value of `digits` hexadecimal digits at text; -1 when they are not there. */
static int hexadecimal(const uint8_t *text, const uint8_t *end, int digits)
{
    int value = 0;
    if (end - text < digits) return -1;
    for (int i = 0; i < digits; i++) {
        const char *all = "0123456789abcdef", *digit = text[i] ? strchr(all, text[i] | 0x20) : NULL;
        if (!digit) return -1;
        value = value * 16 + (int)(digit - all);
    }
    return value;
}

/* What follows a backslash in Python's quotes, from *text on; -1: nothing that Python writes. */
static int quoted(const uint8_t **text, const uint8_t *end)
{
    static const char names[] = "nrt\\'\"", values[] = "\n\r\t\\'\"";
    if (*text == end) return -1;
    const uint8_t name = *(*text)++;
    if (name == 'x') {
        int value = hexadecimal(*text, end, 2);
        if (value >= 0) *text += 2;
        return value;
    }
    const char *at = name ? strchr(names, name) : NULL;
    return at ? (uint8_t)values[at - names] : -1;
}

/* The next byte of an escaped or encoded text; -1: it is not valid. */
static int next_byte(pickle_kind kind, const uint8_t **text, const uint8_t *end)
{
    const uint8_t c = *(*text)++;
    int value = -1;
    if (kind == PICKLE_QUOTED) return c == '\\' ? quoted(text, end) : c;
    if (kind == PICKLE_ESCAPED) {
        if (c != '\\' || *text == end || **text != 'u') return c;
        value = hexadecimal(*text + 1, end, 4);
        if (value >= 0) *text += 5;
    } else if (c < 0x80) {
        return c;
    } else if (c >> 2 == 0x30 && *text < end && **text >> 6 == 2) { /* UTF-8 of U+0080 to U+00FF */
        value = (c & 3) << 6 | (*(*text)++ & 0x3f);
    }
    return value < 256 ? value : -1;
}

shunt_status pickle_read_bytes(const char *path, const pickle_tree *self, pickle_ref ref, pickle_bytes *out)
{
    const pickle_node *encoded = encoded_text(self, ref), *node = encoded ? encoded : &self->nodes[ref];
    *out = (pickle_bytes){0};
    if (!is_text(node))
        return error_fail(SHUNT_E_INVALID, "%s: the value at byte %" PRIu64 " of the pickle is not a string of bytes",
                          path, pickle_offset(self, node));
    const uint8_t *text = self->data + node->text.at, *end = text + node->text.length;
    if (node->kind == PICKLE_BYTES || (node->kind == PICKLE_TEXT && !encoded)) {
        *out = (pickle_bytes){text, node->text.length, NULL};
        return SHUNT_OK;
    }
    uint8_t *bytes = malloc(node->text.length + (size_t)1);
    if (!bytes) return error_memory();
    size_t size = 0;
    while (text < end) {
        int byte = next_byte((pickle_kind)node->kind, &text, end);
        if (byte < 0) {
            free(bytes);
            return error_fail(SHUNT_E_INVALID, "%s: the text at byte %" PRIu64 " of the pickle is not one of bytes",
                              path, pickle_offset(self, node));
        }
        bytes[size++] = (uint8_t)byte;
    }
    *out = (pickle_bytes){bytes, size, bytes};
    return SHUNT_OK;
}
