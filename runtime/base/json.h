/* json.h - JSON texts from untrusted files. */
#ifndef SHUNT_RUNTIME_JSON_H
#define SHUNT_RUNTIME_JSON_H

#include <jansson.h>

/* As json_loadb with JSON_REJECT_DUPLICATES, but refuses, before anything is allocated, a text whose values could take more
 * than 32 MiB and twice the text's length: parsed, a value of two bytes takes over a hundred. */
json_t *bounded_json_load(const char *text, size_t length, json_error_t *error);
/* The same for lists of numbers, which may take 16 times the text's length: a number of four digits takes 48 bytes. */
json_t *bounded_json_load_numbers(const char *text, size_t length, json_error_t *error);

#endif
