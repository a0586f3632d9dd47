/* json_shape.h - whether what the command prints as JSON has the shape that docs/json says: the keywords of JSON Schema that those
 * files use. Any other keyword is an error of the file. */
#ifndef SHUNT_TESTS_JSON_SHAPE_H
#define SHUNT_TESTS_JSON_SHAPE_H

#include <criterion/criterion.h>
#include <dirent.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char shape_problem[1024]; /* of the last value that did not fit: where, and why */

static inline bool shape_wrong(const char *where, const char *why)
{
    snprintf(shape_problem, sizeof shape_problem, "%s: %s", *where ? where : "the whole", why);
    return false;
}

/* To be released. */
static inline json_t *shape_load(const char *file)
{
    char path[4096];
    json_error_t error;
    snprintf(path, sizeof path, "%s/docs/json/%s", getenv("SHUNT_SOURCE"), file);
    json_t *schema = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    cr_assert(schema, "%s: %s at %d", path, error.text, error.position);
    return schema;
}

/* "common.json#/$defs/NAME" or "#/$defs/NAME"; *root: the file that it is in. */
static inline const json_t *shape_target(const char *ref, const json_t **root)
{
    static json_t *common;
    static const char here[] = "#/$defs/", there[] = "common.json#/$defs/";
    const char *name = ref + sizeof here - 1;
    if (!strncmp(ref, there, sizeof there - 1)) {
        if (!common) common = shape_load("common.json");
        *root = common;
        name = ref + sizeof there - 1;
    }
    const json_t *target = json_object_get(json_object_get(*root, "$defs"), name);
    cr_assert(target, "%s: there is no such definition", ref);
    return target;
}

static inline bool shape_is(const json_t *value, const char *type)
{
    if (!strcmp(type, "object")) return json_is_object(value);
    if (!strcmp(type, "array")) return json_is_array(value);
    if (!strcmp(type, "string")) return json_is_string(value);
    if (!strcmp(type, "integer")) return json_is_integer(value);
    if (!strcmp(type, "number")) return json_is_number(value);
    if (!strcmp(type, "boolean")) return json_is_boolean(value);
    if (!strcmp(type, "null")) return json_is_null(value);
    cr_assert_fail("%s: no such type", type);
    return false;
}

static inline bool shape_fits(const json_t *value, const json_t *schema, const json_t *root, const char *where);

static inline bool shape_has_type(const json_t *value, const json_t *types)
{
    const json_t *type;
    size_t i;
    if (json_is_string(types)) return shape_is(value, json_string_value(types));
    json_array_foreach(types, i, type) if (shape_is(value, json_string_value(type))) return true;
    return false;
}

static inline bool shape_object_fits(const json_t *object, const json_t *schema, const json_t *root, const char *where)
{
    const json_t *properties = json_object_get(schema, "properties"),
                 *more = json_object_get(schema, "additionalProperties"), *name, *value;
    const char *key;
    char at[512];
    size_t i;
    json_array_foreach(json_object_get(schema, "required"), i,
                       name) if (!json_object_get(object, json_string_value(name)))
    {
        snprintf(at, sizeof at, "%s/%s", where, json_string_value(name));
        return shape_wrong(at, "it is missing");
    }
    json_object_foreach((json_t *)object, key, value)
    {
        const json_t *its = json_object_get(properties, key);
        snprintf(at, sizeof at, "%s/%s", where, key);
        if (!its && json_is_false(more)) return shape_wrong(at, "the schema does not have it");
        if (!its && !more) continue;
        if (!shape_fits(value, its ? its : more, root, at)) return false;
    }
    return true;
}

static inline bool shape_array_fits(const json_t *array, const json_t *schema, const json_t *root, const char *where)
{
    const json_t *least = json_object_get(schema, "minItems"), *most = json_object_get(schema, "maxItems"), *item;
    const json_int_t count = (json_int_t)json_array_size(array);
    char at[512];
    size_t i;
    if ((least && count < json_integer_value(least)) || (most && count > json_integer_value(most)))
        return shape_wrong(where, "the number of items");
    json_array_foreach(array, i, item)
    {
        snprintf(at, sizeof at, "%s/%zu", where, i);
        if (!shape_fits(item, json_object_get(schema, "items"), root, at)) return false;
    }
    return true;
}

static inline bool shape_is_one_of(const json_t *value, const json_t *values)
{
    const json_t *one;
    size_t i;
    json_array_foreach(values, i, one) if (json_equal(one, value)) return true;
    return false;
}

static inline bool shape_fits_any(const json_t *value, const json_t *schemas, const json_t *root, const char *where)
{
    const json_t *one;
    size_t i;
    json_array_foreach(schemas, i, one) if (shape_fits(value, one, root, where)) return true;
    return false;
}

static inline void shape_check_keywords(const json_t *schema)
{
    static const char *const known[] = {
        "$schema", "$defs",   "$ref",    "title",      "description", "type",     "anyOf",    "enum",
        "items",   "minimum", "maximum", "properties", "required",    "minItems", "maxItems", "additionalProperties"};
    const json_t *value;
    const char *key;
    json_object_foreach((json_t *)schema, key, value)
    {
        size_t i = 0;
        while (i < sizeof known / sizeof *known && strcmp(known[i], key)) i++;
        cr_assert(i < sizeof known / sizeof *known, "\"%s\" is no keyword that these tests know", key);
    }
}

static inline bool shape_fits(const json_t *value, const json_t *schema, const json_t *root, const char *where)
{
    const json_t *ref = json_object_get(schema, "$ref"), *type = json_object_get(schema, "type"),
                 *any = json_object_get(schema, "anyOf"), *values = json_object_get(schema, "enum"),
                 *least = json_object_get(schema, "minimum"), *most = json_object_get(schema, "maximum");
    if (!schema) return shape_wrong(where, "the schema says nothing of it");
    shape_check_keywords(schema);
    if (ref) {
        const json_t *target = shape_target(json_string_value(ref), &root);
        if (!shape_fits(value, target, root, where)) return false;
    }
    if (any && !shape_fits_any(value, any, root, where)) return false;
    if (values && !shape_is_one_of(value, values)) return shape_wrong(where, "another value");
    if (type && !shape_has_type(value, type)) return shape_wrong(where, "another type");
    if (json_is_number(value) && ((least && json_number_value(value) < json_number_value(least)) ||
                                  (most && json_number_value(value) > json_number_value(most))))
        return shape_wrong(where, "out of range");
    if (json_is_object(value) && json_object_get(schema, "properties"))
        return shape_object_fits(value, schema, root, where);
    return !json_is_array(value) || !json_object_get(schema, "items") || shape_array_fits(value, schema, root, where);
}

static inline bool shape_file_fits(const json_t *value, const char *file)
{
    json_t *schema = shape_load(file);
    const bool fits = shape_fits(value, schema, schema, "");
    json_decref(schema);
    return fits;
}

/* COMMAND.json, or one of COMMAND-*.json; lines are of another shape. */
static inline bool shape_is_of(const json_t *value, const char *command, bool line)
{
    char folder[4096], problems[2048] = "";
    const size_t n = strlen(command);
    bool fits = false;
    snprintf(folder, sizeof folder, "%s/docs/json", getenv("SHUNT_SOURCE"));
    DIR *dir = opendir(folder);
    cr_assert(dir, "%s", folder);
    for (struct dirent *entry; !fits && (entry = readdir(dir));) {
        const char *rest = entry->d_name + n;
        if (strncmp(entry->d_name, command, n) || (*rest != '.' && *rest != '-')) continue;
        if (line != !strcmp(rest, "-line.json")) continue;
        fits = shape_file_fits(value, entry->d_name);
        const size_t used = strlen(problems);
        if (!fits) snprintf(problems + used, sizeof problems - used, "%s: %.400s; ", entry->d_name, shape_problem);
    }
    closedir(dir);
    if (!fits) snprintf(shape_problem, sizeof shape_problem, "%.1000s", *problems ? problems : "there is no schema");
    return fits;
}

/* The command whose JSON a line of a shell prints: the last one after "shunt ". A test that starts the command in another way has no line. */
static inline void shape_expect(const json_t *value, const char *shell_line, bool line)
{
    char command[32] = "";
    for (const char *at = shell_line; (at = strstr(at, "shunt "));) {
        at += strlen("shunt ");
        if (*at >= 'a' && *at <= 'z') sscanf(at, "%31[a-z]", command);
    }
    cr_assert(!*command || shape_is_of(value, command, line), "%s: %s", command, shape_problem);
}

#endif
