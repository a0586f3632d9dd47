/* json.c - parses JSON within a budget of memory. What jansson 2.14 makes of a text is bounded by counting characters, without
 * regard to what is in quotes: more of them only make the bound higher. */
#include "runtime/base/json.h"

#include <stdint.h>
#include <stdio.h>

enum {
    FREE_BYTES = 32 << 20,
    PER_ITEM = 48,    /* a number and its place in an array; counted by the commas */
    PER_QUOTE = 48,   /* half a string, or half of a key's place in an object */
    PER_ARRAY = 128,  /* with room for its first items */
    PER_OBJECT = 208, /* with its table */
};

static uint64_t most_bytes(const char *text, size_t length)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < length; i++) {
        switch (text[i]) {
        case ',':
            bytes += PER_ITEM;
            break;
        case '"':
            bytes += PER_QUOTE;
            break;
        case '[':
            bytes += PER_ARRAY;
            break;
        case '{':
            bytes += PER_OBJECT;
            break;
        }
    }
    return bytes;
}

static json_t *load(const char *text, size_t length, uint64_t times, json_error_t *error)
{
    *error = (json_error_t){.line = 1};
    if (most_bytes(text, length) <= FREE_BYTES + times * length)
        return json_loadb(text, length, JSON_REJECT_DUPLICATES, error);
    snprintf(error->text, sizeof error->text, "more and smaller values than its %zu bytes may hold", length);
    return NULL;
}

json_t *bounded_json_load(const char *text, size_t length, json_error_t *error)
{
    return load(text, length, 2, error);
}

json_t *bounded_json_load_numbers(const char *text, size_t length, json_error_t *error)
{
    return load(text, length, 16, error);
}
