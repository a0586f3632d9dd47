/* json_out.h - JSON that the command prints or writes: whole, or a failure. jansson's own calls silently drop
 * values if memory runs out or a text is not UTF-8. */
#ifndef SHUNT_TOOLS_JSON_OUT_H
#define SHUNT_TOOLS_JSON_OUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* A string of any bytes: those that are not UTF-8 become '?'. */
json_t *json_text(const char *text);

/* Take the value, as json_array_append_new and json_object_set_new do. What cannot be added (a value of NULL, too) is
 * remembered, and json_write fails. A key may have any bytes, as json_text. */
void json_add(json_t *array, json_t *value);
void json_put(json_t *object, const char *key, json_t *value);

/* Whether all of it was made and written, with jansson's flags. */
bool json_write(const json_t *value, FILE *file, size_t flags);

/* Prints the value (indented, or on one line) and a newline, and releases it. Prints why when it fails. */
int print_json(json_t *value, bool one_line);

#endif
