/* train_recipe.c - recipes that a trainer refuses, from a program and from a file. */
#include "tests/support/small_run.h"
#include <math.h>
#include <stddef.h>

TestSuite(train_recipe, .init = enter_folder, .fini = leave_folder);

/* A program may fill a recipe with anything; and every field is looked at before it is used. */
Test(train_recipe, recipes_that_cannot_be_followed)
{
    static const struct {
        const char *field;
        size_t at;
        int64_t count;
        double real; /* where count is 0 */
    } bad[] = {
        {"batch", offsetof(shunt_recipe, batch), -1, 0},
        {"batch", offsetof(shunt_recipe, batch), 0, 0},
        {"batch", offsetof(shunt_recipe, batch), INT64_MAX, 0},
        {"epochs", offsetof(shunt_recipe, epochs), INT64_MAX, 0},
        {"epochs", offsetof(shunt_recipe, epochs), 0, 0},
        {"steps", offsetof(shunt_recipe, steps), -1, 0},
        {"steps", offsetof(shunt_recipe, steps), INT64_MAX, 0},
        {"1000000000000 steps are 142857142858 epochs", offsetof(shunt_recipe, steps), 1000000000000, 0},
        {"holdout", offsetof(shunt_recipe, holdout), -1, 0},
        {"holdout", offsetof(shunt_recipe, holdout), INT64_MIN, 0},
        {"seed", offsetof(shunt_recipe, seed), -1, 0},
        {"limit", offsetof(shunt_recipe, limit), -1, 0},
        {"rate_batch", offsetof(shunt_recipe, rate_batch), -1, 0},
        {"warm_up_epochs", offsetof(shunt_recipe, warm_up_epochs), 0, NAN},
        {"a warm_up_epochs of 5 in a run of 4 epochs", offsetof(shunt_recipe, warm_up_epochs), 0, 5},
        {"lars", offsetof(shunt_recipe, lars), 0, -0.5},
        {"pad", offsetof(shunt_recipe, pad), -3, 0},
        {"pad", offsetof(shunt_recipe, pad), 1 << 30, 0},
        {"pad", offsetof(shunt_recipe, pad), INT64_MAX, 0},
        {"schedule '99'", offsetof(shunt_recipe, schedule), 99, 0},
        {"schedule '-1'", offsetof(shunt_recipe, schedule), -1, 0},
        {"augment '99'", offsetof(shunt_recipe, augment), 99, 0},
        {"flip '2'", offsetof(shunt_recipe, flip), 2, 0},
        {"nesterov '-1'", offsetof(shunt_recipe, nesterov), -1, 0},
        {"decay_all '5'", offsetof(shunt_recipe, decay_all), 5, 0},
        {"rate 'nan'", offsetof(shunt_recipe, rate), 0, NAN},
        {"rate '-1'", offsetof(shunt_recipe, rate), 0, -1},
        {"final_rate 'inf'", offsetof(shunt_recipe, final_rate), 0, INFINITY},
        {"milestones", offsetof(shunt_recipe, milestones) + sizeof(double), 0, NAN},
        {"decay ", offsetof(shunt_recipe, decay), 0, 2},
        {"warm_up '1e+300'", offsetof(shunt_recipe, warm_up), 0, 1e300},
        {"warm_up_rate", offsetof(shunt_recipe, warm_up_rate), 0, -0.5},
        {"warm_up_error", offsetof(shunt_recipe, warm_up_error), 0, NAN},
        {"momentum", offsetof(shunt_recipe, momentum), 0, INFINITY},
        {"weight_decay", offsetof(shunt_recipe, weight_decay), 0, -1},
        {"smoothing", offsetof(shunt_recipe, smoothing), 0, 1.5},
        {"norm_momentum", offsetof(shunt_recipe, norm_momentum), 0, NAN},
        {"min_area", offsetof(shunt_recipe, min_area), 0, NAN},
    };
    run_parts parts;
    put_training_set("set", PICTURES);
    cr_assert_eq(run_begin(&(run_setup){0}, &parts), SHUNT_OK, "%s", shunt_last_error());
    shunt_trainer_destroy(parts.trainer);
    parts.trainer = NULL;
    shunt_train_setup setup = {.size = sizeof setup,
                               .graph = shunt_model_graph(parts.model),
                               .weights = shunt_model_weights(parts.model),
                               .device = parts.device,
                               .data = parts.data,
                               .preprocess = shunt_model_preprocess(parts.model),
                               .recipe = &parts.recipe};
    const shunt_recipe good = parts.recipe;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char *field = (char *)&parts.recipe + bad[i].at;
        parts.recipe = good;
        if (bad[i].count || bad[i].real == 0)
            memcpy(field, &bad[i].count, sizeof bad[i].count);
        else
            memcpy(field, &bad[i].real, sizeof bad[i].real);
        shunt_status status = shunt_trainer_create(&setup, &parts.trainer);
        if (status != SHUNT_E_INVALID) cr_assert_fail("%s (%zu): %d", bad[i].field, i, status);
        expect_message("recipe: ", bad[i].field);
    }
    parts.recipe = good;
    memset(parts.recipe.freeze, 'a', sizeof parts.recipe.freeze); /* without an end */
    cr_assert_eq(shunt_trainer_create(&setup, &parts.trainer), SHUNT_E_INVALID);
    expect_message("recipe: freeze 'aaaa", "at most 127 printable characters");
    shunt_graph *step = NULL;
    shunt_tensor_desc pictures = {.dtype = SHUNT_F32, .rank = 4, .block = SHUNT_PLAIN, .dims = {8, 3, 4, 4}};
    cr_assert_eq(shunt_graph_training_step(setup.graph, &parts.recipe, &pictures, 0, &step), SHUNT_E_INVALID);
    memset(parts.recipe.name, 'n', sizeof parts.recipe.name);
    free(shunt_recipe_text(&parts.recipe)); /* nothing beyond the fields is read */
    cr_assert_neq(shunt_recipe_same(&parts.recipe, &good), SHUNT_OK);
    cr_assert(isfinite(shunt_recipe_rate(&(shunt_recipe){.warm_up = 1e300, .rate = 1}, 3, 10, -1)));
    setup.recipe = NULL;
    cr_assert_eq(shunt_trainer_create(&setup, &parts.trainer), SHUNT_E_INVALID);
    setup.recipe = &good;
    setup.save_seconds = -1;
    cr_assert_eq(shunt_trainer_create(&setup, &parts.trainer), SHUNT_E_INVALID);
    run_end(&parts);
}

/* A file's recipe is read field by field. */
Test(train_recipe, recipes_of_files)
{
    shunt_recipe recipe, read;
    run_parts parts;
    put_training_set("set", PICTURES);
    cr_assert_eq(run_begin(&(run_setup){0}, &parts), SHUNT_OK, "%s", shunt_last_error());
    char *text = shunt_recipe_text(&parts.recipe);
    cr_assert(text && !shunt_recipe_read(text, &recipe));
    static const char *const changes[][2] = {{"\"batch\":\"8\"", "\"batch\":\"0\""},
                                             {"\"epochs\":\"4\"", "\"epochs\":\"9223372036854775807\""},
                                             {"\"pad\":\"1\"", "\"pad\":\"-1\""},
                                             {"\"rate\":\"0.2\"", "\"rate\":\"nan\""},
                                             {"\"warm_up\":\"0.2\"", "\"warm_up\":\"1e300\""},
                                             {"\"augment\":\"crop\"", "\"augment\":\"99\""},
                                             {"\"freeze\":\"\"", "\"freeze\":\"\\u0007\""}};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        char changed[2048];
        const char *at = strstr(text, changes[i][0]);
        cr_assert(at, "%s in %s", changes[i][0], text);
        snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - text), text, changes[i][1],
                 at + strlen(changes[i][0]));
        cr_assert_eq(shunt_recipe_read(changed, &read), SHUNT_E_INVALID, "%s", changes[i][1]);
    }
    free(text);
    run_end(&parts);
}
