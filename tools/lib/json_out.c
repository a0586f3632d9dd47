/* json_out.c - see json_out.h. */
#include "json_out.h"
#include "args.h"
#include "say.h"
#include <stdlib.h>
#include <string.h>

static bool incomplete; /* something could not be added */

/* The text with a '?' for each byte that is not ASCII; to be freed. */
static char *plain_text(const char *text)
{
    char *plain = strdup(text);
    for (char *c = plain; c && *c; c++)
        if ((unsigned char)*c >= 0x80) *c = '?';
    return plain;
}

json_t *json_text(const char *text)
{
    json_t *string = json_string(text);
    char *plain = string ? NULL : plain_text(text);
    if (plain) string = json_string(plain);
    free(plain);
    return string;
}

void json_add(json_t *array, json_t *value)
{
    if (json_array_append_new(array, value)) incomplete = true;
}

void json_put(json_t *object, const char *key, json_t *value)
{
    if (value && !json_object_set(object, key, value)) {
        json_decref(value);
        return;
    }
    char *plain = plain_text(key);
    if (!plain || json_object_set_new(object, plain, value)) incomplete = true;
    free(plain);
}

bool json_write(const json_t *value, FILE *file, size_t flags)
{
    return value && !incomplete && !json_dumpf(value, file, flags);
}

int print_json(json_t *value, bool one_line)
{
    bool written = json_write(value, stdout, (one_line ? 0 : JSON_INDENT(2)) | JSON_REAL_PRECISION(9));
    json_decref(value);
    if (!written)
        return say_failure("the JSON report could not be made or written; there is too little memory or disk space");
    putchar('\n');
    return EXIT_OK;
}
