/* database.h - the user's file of results: entries by device and by what they are about. */
#ifndef SHUNT_RUNTIME_TUNE_DATABASE_H
#define SHUNT_RUNTIME_TUNE_DATABASE_H

#include "runtime/tune/tune.h"

#include <jansson.h>

/* A copy of the user's entry about `key` on this device; NULL: there is none. */
json_t *database_find(const shunt_device *device, const char *key);
/* Puts the entry, which it takes (NULL: no memory was left to make it), in place of an earlier one. What cannot be written is still
 * known to this process. */
shunt_status database_store(const shunt_device *device, const char *key, json_t *entry);

#endif
