/* recipe.c - the fields of a recipe by name: one table from which come checking, reading and writing. */
#include <shunt/train.h>

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/error.h"
#include "runtime/base/decimal.h"
#include "runtime/base/json.h"
#include "runtime/train/recipe.h"
#include "runtime/weights/weights.h"

typedef enum field_kind { FIELD_COUNT, FIELD_REAL, FIELD_PAIR, FIELD_CHOICE, FIELD_TEXT } field_kind;

typedef struct field {
    const char *name;
    field_kind kind;
    size_t offset;
    double low, high;           /* COUNT, REAL, PAIR */
    const char *const *choices; /* CHOICE, by number; ended by NULL */
    size_t size;                /* TEXT */
    const char *absent;         /* what it is where a text lacks it, being older; NULL: no text may lack it */
} field;

static const char *const schedules[] = {"step", "cosine", "one-cycle", "poly", NULL};
static const char *const augments[] = {"none", "crop", "resized-crop", NULL};
static const char *const switches[] = {"no", "yes", NULL};
static const char *const precisions[] = {"default", "f32", "f16", "bf16", "fast", NULL};

#define AT(member) offsetof(shunt_recipe, member)
static const field fields[] = {
    {"name", FIELD_TEXT, AT(name), .size = sizeof((shunt_recipe *)0)->name},
    {"seed", FIELD_COUNT, AT(seed), 0, 1e15},
    {"holdout", FIELD_COUNT, AT(holdout), 0, 1e9},
    {"epochs", FIELD_COUNT, AT(epochs), 1, RECIPE_MOST_EPOCHS},
    {"steps", FIELD_COUNT, AT(steps), 0, 1e12},
    {"batch", FIELD_COUNT, AT(batch), 1, 65536},
    {"schedule", FIELD_CHOICE, AT(schedule), .choices = schedules},
    {"rate", FIELD_REAL, AT(rate), 0, 1e6},
    {"milestones", FIELD_PAIR, AT(milestones), 0, 1},
    {"decay", FIELD_REAL, AT(decay), 0, 1},
    {"final_rate", FIELD_REAL, AT(final_rate), 0, 1e6},
    {"warm_up", FIELD_REAL, AT(warm_up), 0, 1},
    {"warm_up_rate", FIELD_REAL, AT(warm_up_rate), 0, 1e6},
    {"warm_up_error", FIELD_REAL, AT(warm_up_error), 0, 1},
    {"momentum", FIELD_REAL, AT(momentum), 0, 1},
    {"nesterov", FIELD_CHOICE, AT(nesterov), .choices = switches},
    {"weight_decay", FIELD_REAL, AT(weight_decay), 0, 1},
    {"decay_all", FIELD_CHOICE, AT(decay_all), .choices = switches},
    {"smoothing", FIELD_REAL, AT(smoothing), 0, 1},
    {"norm_momentum", FIELD_REAL, AT(norm_momentum), 0, 1},
    {"augment", FIELD_CHOICE, AT(augment), .choices = augments},
    {"pad", FIELD_COUNT, AT(pad), 0, 1024},
    {"flip", FIELD_CHOICE, AT(flip), .choices = switches},
    {"min_area", FIELD_REAL, AT(min_area), 0.001, 1},
    {"freeze", FIELD_TEXT, AT(freeze), .size = sizeof((shunt_recipe *)0)->freeze},
    {"precision", FIELD_CHOICE, AT(precision), .choices = precisions, .absent = "default"},
    {"limit", FIELD_COUNT, AT(limit), 0, 1e12, .absent = "0"},
    {"prune", FIELD_REAL, AT(prune), 0, 1000, .absent = "0"},
    {"prune_ramp", FIELD_PAIR, AT(prune_ramp), 0, 1, .absent = "0,0.5"},
    {"ghost", FIELD_REAL, AT(ghost), 0, 1, .absent = "0"},
    {"ghost_weight", FIELD_REAL, AT(ghost_weight), 0, 1000, .absent = "2"},
    {"ghost_ramp", FIELD_PAIR, AT(ghost_ramp), 0, 1, .absent = "0,0.5"},
    {"rate_batch", FIELD_COUNT, AT(rate_batch), 0, 65536, .absent = "0"},
    {"warm_up_epochs", FIELD_REAL, AT(warm_up_epochs), 0, RECIPE_MOST_EPOCHS, .absent = "0"},
    {"lars", FIELD_REAL, AT(lars), 0, 1, .absent = "0"},
    {"auxiliary", FIELD_REAL, AT(auxiliary), 0, 100, .absent = "0"},
    {"scales", FIELD_PAIR, AT(scales), 0, 100, .absent = "1,1"},
    {"accumulate", FIELD_COUNT, AT(accumulate), 0, 65536, .absent = "1"},
};
enum { NFIELDS = sizeof fields / sizeof *fields };

static const field *find(const char *name)
{
    for (int i = 0; i < NFIELDS; i++)
        if (!strcmp(fields[i].name, name)) return &fields[i];
    return NULL;
}

static shunt_status refuse_choice(const field *f, const char *value)
{
    char list[128] = "";
    for (int i = 0; f->choices[i]; i++) {
        const size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", f->choices[i]);
    }
    return error_fail(SHUNT_E_INVALID, "%s '%.40s': there are %s", f->name, value, list);
}

static shunt_status refuse(const field *f, const char *value)
{
    if (f->kind == FIELD_TEXT)
        return error_fail(SHUNT_E_INVALID, "%s '%.40s': at most %zu printable characters", f->name, value, f->size - 1);
    if (f->kind == FIELD_CHOICE) return refuse_choice(f, value);
    return error_fail(SHUNT_E_INVALID, "%s '%.40s': expected %s from %.15g to %.15g", f->name, value,
                      f->kind == FIELD_COUNT  ? "a whole number"
                      : f->kind == FIELD_PAIR ? "two numbers such as 0.5,0.75, each"
                                              : "a number",
                      f->low, f->high);
}

/* ---- One value ---------------------------------------------------------------------------------------------- */

static bool is_within(const field *f, double value)
{
    return value >= f->low && value <= f->high; /* false for NaN */
}

static bool is_choice(const field *f, int64_t value)
{
    for (int64_t i = 0; f->choices[i]; i++)
        if (i == value) return true;
    return false;
}

static bool is_text(const field *f, const char *text)
{
    size_t length = strnlen(text, f->size);
    for (size_t i = 0; i < length; i++)
        if (text[i] < ' ' || text[i] > '~') return false;
    return length < f->size;
}

static bool is_valid(const field *f, const void *value)
{
    const double *reals = value;
    const int64_t *count = value;
    switch (f->kind) {
    case FIELD_COUNT:
        return is_within(f, (double)*count);
    case FIELD_REAL:
        return is_within(f, *reals);
    case FIELD_PAIR:
        return is_within(f, reals[0]) && is_within(f, reals[1]);
    case FIELD_CHOICE:
        return is_choice(f, *count);
    case FIELD_TEXT:
        return is_text(f, value);
    }
    return false;
}

/* ---- One value as text -------------------------------------------------------------------------------------- */

static bool parse_real(const field *f, const char *text, char end, double *out, const char **rest)
{
    char *stop;
    errno = 0;
    *out = decimal_read(text, &stop);
    *rest = *stop ? stop + 1 : stop;
    return stop != text && *stop == end && !errno && is_within(f, *out);
}

static bool parse_count(const field *f, const char *text, int64_t *out)
{
    char *stop;
    errno = 0;
    *out = strtoll(text, &stop, 10);
    return stop != text && !*stop && !errno && is_within(f, (double)*out);
}

static bool parse_choice(const field *f, const char *text, int64_t *out)
{
    for (*out = 0; f->choices[*out]; ++*out)
        if (!strcmp(f->choices[*out], text)) return true;
    return false;
}

static bool parse_text(const field *f, const char *text, char *out)
{
    if (!is_text(f, text)) return false;
    memset(out, 0, f->size);
    memcpy(out, text, strlen(text));
    return true;
}

static bool parse(const field *f, const char *text, void *out)
{
    const char *rest;
    double *reals = out;
    switch (f->kind) {
    case FIELD_COUNT:
        return parse_count(f, text, out);
    case FIELD_REAL:
        return parse_real(f, text, '\0', out, &rest);
    case FIELD_PAIR:
        return parse_real(f, text, ',', &reals[0], &rest) && parse_real(f, rest, '\0', &reals[1], &rest);
    case FIELD_CHOICE:
        return parse_choice(f, text, out);
    case FIELD_TEXT:
        return parse_text(f, text, out);
    }
    return false;
}

/* What parse would read; reals with six digits where those are enough. text: 160 bytes; returned. */
static const char *print(const field *f, const void *value, char text[160])
{
    const double *reals = value;
    const int64_t *count = value;
    char first[40], second[40];
    switch (f->kind) {
    case FIELD_COUNT:
        snprintf(text, 160, "%" PRId64, *count);
        break;
    case FIELD_REAL:
        decimal_print(*reals, false, 6, text, 160);
        break;
    case FIELD_PAIR:
        decimal_print(reals[0], false, 6, first, sizeof first);
        decimal_print(reals[1], false, 6, second, sizeof second);
        snprintf(text, 160, "%s,%s", first, second);
        break;
    case FIELD_CHOICE:
        if (is_choice(f, *count))
            snprintf(text, 160, "%s", f->choices[*count]);
        else
            snprintf(text, 160, "%" PRId64, *count);
        break;
    case FIELD_TEXT: /* perhaps without an end */
        snprintf(text, 160, "%.*s", (int)f->size, (const char *)value);
        break;
    }
    return text;
}

/* ---- The whole ----------------------------------------------------------------------------------------------- */

shunt_status shunt_recipe_set(shunt_recipe *recipe, const char *name, const char *value)
{
    if (!recipe || !name || !value) return error_null(__func__, "recipe, field, value");
    const field *f = find(name);
    shunt_recipe changed = *recipe;
    if (!f) return error_fail(SHUNT_E_NOT_FOUND, "a recipe has no '%.40s'", name);
    if (!parse(f, value, (char *)&changed + f->offset)) return refuse(f, value);
    *recipe = changed;
    return SHUNT_OK;
}

shunt_status recipe_check(const shunt_recipe *recipe, const char *const *names)
{
    for (int i = 0; i < NFIELDS; i++) {
        const void *value = (const char *)recipe + fields[i].offset;
        char text[160];
        bool wanted = !names;
        for (const char *const *name = names; name && *name; name++) wanted |= !strcmp(*name, fields[i].name);
        if (wanted && !is_valid(&fields[i], value))
            return error_context(refuse(&fields[i], print(&fields[i], value, text)), "recipe");
    }
    return SHUNT_OK;
}

char *shunt_recipe_text(const shunt_recipe *recipe)
{
    if (!recipe) return NULL;
    json_t *object = json_object();
    bool failed = !object;
    for (int i = 0; !failed && i < NFIELDS; i++) {
        char text[160];
        failed = json_object_set_new(object, fields[i].name,
                                     json_string(print(&fields[i], (const char *)recipe + fields[i].offset, text)));
    }
    char *text = failed ? NULL : json_dumps(object, JSON_COMPACT);
    json_decref(object);
    return text;
}

shunt_status shunt_recipe_read(const char *text, shunt_recipe *out)
{
    if (!text || !out) return error_null(__func__, "text, out");
    json_error_t error;
    shunt_recipe recipe = {0};
    shunt_status status = SHUNT_OK;
    const char *name;
    json_t *object = bounded_json_load(text, strlen(text), &error), *value;
    if (!json_is_object(object)) {
        json_decref(object);
        return error_fail(SHUNT_E_INVALID, "the recipe is not a JSON object: %.80s", error.text);
    }
    json_object_foreach(object, name, value)
    {
        const char *string = json_string_value(value);
        if (!status) status = shunt_recipe_set(&recipe, name, string ? string : "(not a string)");
    }
    for (int i = 0; !status && i < NFIELDS; i++) {
        if (json_object_get(object, fields[i].name)) continue;
        status = fields[i].absent ? shunt_recipe_set(&recipe, fields[i].name, fields[i].absent)
                                  : error_fail(SHUNT_E_INVALID, "the recipe lacks '%s'", fields[i].name);
    }
    json_decref(object);
    if (!status) *out = recipe;
    return status;
}

shunt_status shunt_recipe_load(const char *path, shunt_recipe *out)
{
    if (!path || !out) return error_null(__func__, "path, out");
    shunt_weights *file;
    shunt_status status = weights_open(path, NULL, &file);
    if (status) return status;
    const char *text = shunt_weights_metadata(file, "recipe");
    status = text ? shunt_recipe_read(text, out)
                  : error_fail(SHUNT_E_INVALID, "it contains no recipe: it was not written by training");
    shunt_weights_destroy(file);
    return status ? error_context(status, "%s", path) : SHUNT_OK;
}

shunt_status shunt_recipe_same(const shunt_recipe *ours, const shunt_recipe *theirs)
{
    if (!ours || !theirs) return error_null(__func__, "ours, theirs");
    char differences[512] = "";
    for (int i = 0; i < NFIELDS; i++) {
        char a[160], b[160];
        print(&fields[i], (const char *)ours + fields[i].offset, a);
        print(&fields[i], (const char *)theirs + fields[i].offset, b);
        size_t used = strlen(differences);
        if (strcmp(a, b))
            snprintf(differences + used, sizeof differences - used, "%s%s '%s', not '%s'", used ? "; " : "",
                     fields[i].name, b, a);
    }
    return *differences ? error_fail(SHUNT_E_INVALID, "it has %s", differences) : SHUNT_OK;
}

const char *recipe_precision(const shunt_recipe *recipe)
{
    return recipe->precision > SHUNT_RECIPE_DEFAULT && recipe->precision <= SHUNT_RECIPE_FAST
               ? precisions[recipe->precision]
               : NULL;
}
