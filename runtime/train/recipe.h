/* recipe.h - whether a recipe can be followed: a program may fill its fields with anything. */
#ifndef SHUNT_TRAIN_RECIPE_H
#define SHUNT_TRAIN_RECIPE_H

#include <shunt/train.h>

/* That each field, or each of these (up to NULL), is in its range. */
shunt_status recipe_check(const shunt_recipe *recipe, const char *const *names);
/* "f32", "f16", "bf16", "fast"; NULL: the default. */
const char *recipe_precision(const shunt_recipe *recipe);
/* More epochs are refused, since each has a row. */
enum { RECIPE_MOST_EPOCHS = 1000000 };

#endif
