/* decimal.c - numbers as text, in an application whose locale writes a comma before the decimals. */
#include "runtime/base/decimal.h"
#include "runtime/shared/os.h"
#include "runtime/train/trainer.h"
#include "tests/support/temporary.h"

#include <criterion/criterion.h>
#include <float.h>
#include <locale.h>
#include <shunt/train.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* German, made here: few machines have it. */
static void speak_german(void)
{
    char here[4096], text[16];
    enter_folder();
    cr_assert_not_null(getcwd(here, sizeof here));
    if (system("localedef -i de_DE -f UTF-8 ./de_DE.UTF-8 >/dev/null 2>&1"))
        cr_skip_test("no localedef, or no de_DE, here");
    cr_assert_eq(setenv("LOCPATH", here, 1), 0);
    cr_assert_not_null(setlocale(LC_ALL, "de_DE.UTF-8"));
    snprintf(text, sizeof text, "%g", 0.5);
    cr_assert_str_eq(text, "0,5");
}

TestSuite(decimal, .init = speak_german, .fini = leave_folder);

static void expect_text(double value, bool single, int least, const char *expected)
{
    char text[32], *rest;
    decimal_print(value, single, least, text, sizeof text);
    cr_assert_str_eq(text, expected);
    double read = decimal_read(text, &rest);
    cr_assert(!*rest && (single ? (float)read == (float)value : read == value), "%s", text);
}

Test(decimal, the_fewest_digits_that_tell)
{
    expect_text(0.1, false, 1, "0.1");
    expect_text(0.1 + 0.2, false, 1, "0.30000000000000004");
    expect_text((double)0.1f, true, 1, "0.1");
    expect_text((double)0.1f, false, 1, "0.10000000149011612");
    expect_text((double)(1 + FLT_EPSILON), true, 1, "1.0000001");
    expect_text((double)16777215.0f, true, 1, "16777215");
    expect_text(-DBL_MAX, false, 1, "-1.7976931348623157e+308");
    expect_text((double)FLT_MIN, true, 6, "1.1754944e-38");
}

Test(decimal, reading_stops_at_a_comma)
{
    char *rest;
    cr_assert_eq(decimal_read("0.75,1.5", &rest), 0.75);
    cr_assert_str_eq(rest, ",1.5");
}

Test(decimal, recipes)
{
    shunt_recipe recipe = {0}, read;
    shunt_model *model;
    cr_assert_eq(shunt_model_create("resnet20", NULL, &model), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_model_recipe(model, "fast", &recipe), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_recipe_set(&recipe, "rate", "0.0625"), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(recipe.rate, 0.0625);
    char *text = shunt_recipe_text(&recipe);
    cr_assert(strstr(text, "0.0625") && !strstr(text, "0,0625"), "%s", text);
    cr_assert_eq(shunt_recipe_read(text, &read), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(read.rate, 0.0625);
    free(text);
    shunt_model_destroy(model);
}

/* Eight columns, whatever the numbers hold. */
Test(decimal, tables)
{
    shunt_train_row row = {.epoch = 1, .rate = 0.5, .training_loss = 0.25, .validation_error = 0.125};
    char here[] = ".";
    shunt_trainer trainer = {.out = here, .rows = &row, .nrows = 1};
    char line[256];
    cr_assert_eq(train_save_tables(&trainer), SHUNT_OK, "%s", shunt_last_error());
    FILE *file = fopen("log.csv", "r");
    cr_assert(file && fgets(line, sizeof line, file) && fgets(line, sizeof line, file));
    cr_assert_eq(fclose(file), 0);
    cr_assert_str_eq(line, "1,0,0.5,0.250000,0.000000,0.000000,0.125000,0.0\n");
}

Test(decimal, the_application_keeps_its_locale)
{
    char text[16];
    os_plain_numbers_end(os_plain_numbers_begin());
    snprintf(text, sizeof text, "%g", 0.5);
    cr_assert_str_eq(text, "0,5");
}
