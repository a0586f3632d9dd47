/* tune.c - tuning: which candidates are tried and chosen, by shunt tune and in an application. */
#include "tests/support/tune_setup.h"

#include <fcntl.h>
#include <jansson.h>
#include <sys/file.h>

TestSuite(tune, .init = start, .fini = leave_folder, .timeout = 120);

/* ---- Choosing ------------------------------------------------------------------------------------------------------ */

static const json_t *kept_entries(json_t *document)
{
    cr_assert(document);
    assert_text(json_string_value(json_object_get(document, "format")), "shunt-tuning-1");
    void *first = json_object_iter(json_object_get(document, "devices"));
    cr_assert(first);
    assert_has(json_object_iter_key(first), "tunable | ");
    return json_object_iter_value(first);
}

static void choose_fastest(const char *block)
{
    set("tunable_block", block);
    set("tunable_list", "slow,wrong,spills,refuses,fails,medium,fast,other");
    net n = open_net();
    cr_assert_eq(tune(&n, 1, (shunt_tune_options){0}), SHUNT_OK, "%s", shunt_last_error());
    close_net(&n);
    assert_text(tried, "slow:safe wrong:wrong spills:wrong refuses:failed fails:failed medium:safe fast:safe =fast "
                       "slow:safe wrong:wrong spills:wrong refuses:failed fails:failed medium:safe fast:safe =fast ");
    cr_assert_eq(ops, 2);
    cr_assert_eq(uses, 3);
    assert_has(logged, "wrong p=1 is dropped, wrong: wrong by 1 relative");
    assert_has(logged, "spills p=1 is dropped, wrong: tunable:0: the op changed byte");
    assert_has(logged, "refuses p=1 is dropped, failed: tunable:0: preparing: told to refuse");
    assert_has(logged, "fails p=1 is dropped, failed: tunable:0: running: told to fail");

    json_t *document = json_load_file("cache/tuning.json", 0, NULL);
    const json_t *entries = kept_entries(document);
    const char *op;
    json_t *entry;
    cr_assert_eq(json_object_size(entries), 2);
    json_object_foreach((json_t *)(uintptr_t)entries, op, entry)
    {
        assert_text(json_string_value(json_object_get(entry, "algorithm")), "fast");
        assert_text(json_string_value(json_object_get(entry, "effort")), "fast");
        double time = json_number_value(json_object_get(entry, "microseconds"));
        cr_assert(time > 0 && time < 2000, "%g", time);
    }
    json_decref(document);

    const char *journal = file_text("cache/tuning-journal.txt");
    assert_has(journal, "\twrong\tp=1\tconv+bias ");
    assert_has(journal, "wrong\t");
    assert_has(journal, "failed\t");
    assert_lacks(journal, "other");

    assert_text(planned(1), "fast fast fast ");
    tune_free(); /* and from the files, as another process */
    assert_text(planned(1), "fast fast fast ");
    assert_text(planned(2), "slow slow slow ");
    set("tune", "off");
    assert_text(planned(1), "slow slow slow ");
}

Test(tune, another_candidate_stands_in_for_a_best_guess_that_cannot_be_prepared)
{
    set("tune", "off");
    set("tunable_list", "refuses,fast");
    assert_text(planned(1), "fast fast fast ");
    assert_has(logged, "fast p=1 replaces the best guess: tunable:0: preparing: told to refuse");
}

Test(tune, fastest_right_candidate_is_chosen_and_kept)
{
    choose_fastest("1");
}

Test(tune, fastest_right_candidate_with_blocked_channels)
{
    choose_fastest("4"); /* 5 channels: three lanes of padding */
}

Test(tune, best_guess_stays_unless_another_is_notably_faster)
{
    set("tunable_list", "fast,medium,slow");
    net n = open_net();
    cr_assert_eq(tune(&n, 1, (shunt_tune_options){0}), SHUNT_OK);
    close_net(&n);
    assert_text(planned(1), "fast fast fast ");
}

/* Others begin to use the processor once the best guess has been timed. */
Test(tune, candidates_are_timed_in_turn)
{
    set("tunable_list", "slow,fast");
    set("tunable_tires", "6");
    net n = open_net();
    cr_assert_eq(tune(&n, 1, (shunt_tune_options){0}), SHUNT_OK);
    close_net(&n);
    set("tunable_tires", NULL);
    assert_text(planned(1), "fast fast fast ");
}

Test(tune, what_is_known_is_left_out_unless_looked_for_more_thoroughly)
{
    set("tunable_list", "slow,medium");
    net n = open_net();
    cr_assert_eq(tune(&n, 1, (shunt_tune_options){0}), SHUNT_OK);
    cr_assert_eq(tune(&n, 1, (shunt_tune_options){0}), SHUNT_OK);
    cr_assert_eq(known, 2);
    assert_text(tried, "");
    cr_assert_eq(tune(&n, 1, (shunt_tune_options){.full = 1}), SHUNT_OK);
    cr_assert_eq(chosen, 2);
    cr_assert_eq(tune(&n, 1, (shunt_tune_options){0}), SHUNT_OK);
    cr_assert_eq(chosen, 0);
    cr_assert_eq(tune(&n, 1, (shunt_tune_options){.retry = 1}), SHUNT_OK);
    cr_assert_eq(chosen, 2);
    close_net(&n);
}

Test(tune, none_right_leaves_the_best_guess)
{
    set("tunable_list", "wrong,fails");
    net n = open_net();
    cr_assert_eq(tune(&n, 1, (shunt_tune_options){0}), SHUNT_OK, "%s", shunt_last_error());
    close_net(&n);
    cr_assert_eq(chosen, 0);
    assert_has(logged, "no candidate of tunable:0 is right");
    assert_text(planned(1), "wrong wrong wrong ");
    set("tunable_list", "wrong,slow"); /* but one of which nothing bad is known is better than one that was wrong */
    assert_text(planned(1), "slow slow slow ");
}

Test(tune, keys_are_readable)
{
    char text[TUNE_KEY_CHARS];
    shunt_op_desc desc = {.kind = SHUNT_OP_CONV,
                          .flags = SHUNT_FLAG_BIAS | SHUNT_FLAG_RELU,
                          .ninputs = 3,
                          .noutputs = 1,
                          .constant_inputs = 6};
    desc.inputs[0] = (shunt_tensor_desc){.dtype = SHUNT_F32, .rank = 4, .block = 16, .dims = {8, 64, 56, 57}};
    desc.inputs[1] = (shunt_tensor_desc){.dtype = SHUNT_F32, .rank = 4, .block = 1, .dims = {128, 64, 3, 3}};
    desc.inputs[2] = (shunt_tensor_desc){.dtype = SHUNT_F32, .rank = 1, .block = 1, .dims = {128}};
    desc.outputs[0] = (shunt_tensor_desc){.dtype = SHUNT_F32, .rank = 4, .block = 0, .dims = {8, 128, 28, 29}};
    desc.attr.conv = (shunt_conv_attr){{2, 2}, {1, 1}, {1, 1}, {1, 1}, 1};
    assert_text(tune_op_key(&desc, text),
                "conv+bias+relu 8x64x56x57:16 128x64x3x3= 128= > 8x128x28x29:0 2,2,1,1,1,1,1,1,1");
    net n = open_net();
    assert_text(tune_device_class(n.device, text), "tunable cpu 1");
    close_net(&n);
}

/* ---- In an application ------------------------------------------------------------------------------------------------- */

Test(tune, application_tries_only_what_is_known_to_be_safe)
{
    set("tunable_list", "slow,medium");
    net n = open_net();
    cr_assert_eq(tune(&n, 1, (shunt_tune_options){0}), SHUNT_OK);
    close_net(&n);
    remove("trace");
    set("tunable_list", "slow,crashes,hangs,fast,medium");
    set("tune", "fast");
    assert_text(planned(2), "medium medium medium ");
    assert_lacks(file_text("trace"), "fast");
    assert_lacks(file_text("trace"), "crashes");
    assert_lacks(file_text("trace"), "hangs");
    assert_has(file_text("cache/tuning.json"), "\"effort\": \"safe\"");
    remove("trace");
    assert_text(planned(2), "medium medium medium ");
    cr_assert(access("trace", F_OK) != 0, "what is known was tried again");
    set("tune", NULL);
    assert_text(planned(3), "slow slow slow ");
    set("tune", "quick");
    assert_text(planned(3), "slow slow slow ");
    assert_has(logged, "SHUNT_TUNE=quick: it must be off, fast or full");
}

Test(tune, fast_looks_at_the_first_few_and_full_at_all)
{
    set("tunable_list", "slow,quick,quick,quick,quick,quick,quick,quick,fast");
    net n = open_net();
    cr_assert_eq(tune(&n, 1, (shunt_tune_options){0}), SHUNT_OK);
    assert_lacks(tried, "fast");
    cr_assert_eq(tune(&n, 1, (shunt_tune_options){.full = 1}), SHUNT_OK);
    assert_has(tried, "=fast");
    close_net(&n);
    set("tune", "fast");
    assert_text(planned(2), "quick quick quick ");
    set("tune", "full");
    assert_text(planned(3), "fast fast fast ");
}

Test(tune, off_gives_the_same_bits_run_to_run)
{
    enum { COUNT = K * SIDE * SIDE };
    float x[C * SIDE * SIDE], y[3][COUNT];
    set("tune", "off");
    for (int i = 0; i < C * SIDE * SIDE; i++) x[i] = (float)sin(i);
    for (int r = 0; r < 3; r++) {
        net n = open_net();
        shunt_tensor input = {picture(1), x}, output = {picture(1), y[r]};
        output.desc.dims[1] = K;
        cr_assert_eq(shunt_executor_run(n.executor, &input, 1, &output, 1), SHUNT_OK, "%s", shunt_last_error());
        close_net(&n);
        cr_assert(!memcmp(y[r], y[0], sizeof y[0]));
        net m = open_net();
        if (r == 0) cr_assert_eq(tune(&m, 1, (shunt_tune_options){0}), SHUNT_OK);
        close_net(&m);
    }
    assert_text(planned(1), "slow slow slow ");
}

/* One unit in the last place of one element is a rounding; another number is an error. */
Test(tune, results_on_16_bit_data_are_checked)
{
    static const uint8_t types[] = {SHUNT_F16, SHUNT_BF16};
    for (size_t t = 0; t < sizeof types; t++) {
        shunt_op_desc op = {.kind = SHUNT_OP_RELU, .ninputs = 1, .noutputs = 1};
        op.inputs[0] = (shunt_tensor_desc){.dtype = types[t], .rank = 4, .block = 8, .dims = {1, 7, 4, 4}};
        op.outputs[0] = op.inputs[0];
        tune_reference reference;
        cr_assert_eq(reference_make(&op, &reference), SHUNT_OK, "%s", shunt_last_error());
        uint16_t *dst = reference.dst, got[8 * 4 * 4];
        memcpy(got, dst, sizeof got);
        cr_expect(reference_agrees(&reference, got));
        size_t i = 0;
        while (!got[i]) i++;
        got[i]++;
        cr_expect(reference_agrees(&reference, got), "%s", shunt_last_error());
        got[i] = types[t] == SHUNT_F16 ? shunt_to_f16(3) : shunt_to_bf16(3);
        cr_expect_not(reference_agrees(&reference, got));
        memcpy(got, dst, sizeof got);
        got[7] = 1; /* a lane past the channels */
        cr_expect_not(reference_agrees(&reference, got));
        reference_free(&reference);
    }
}
