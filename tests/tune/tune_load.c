/* tune_load.c - tuning on a machine that others use: what is slower is never kept, whatever the times say by chance. */
#include "tests/support/tune_setup.h"

TestSuite(tune_load, .init = start, .fini = leave_folder, .timeout = 120);

/* ---- Comparing ----------------------------------------------------------------------------------------------------- */

/* Times in turn of two ops that take 1 and `ratio`. The load stretches both by `shared`, drawn per turn, and each by
 * `own`, drawn per time: factors of 1 to so many. */
static tune_turns draw_turns(uint64_t seed, uint32_t count, double ratio, double shared, double own)
{
    tune_turns turns = {.count = count};
    uint64_t key = random_key("turns", seed);
    for (uint32_t i = 0; i < count; i++) {
        double load = pow(shared, random_at(key, 3 * i));
        turns.guess[i] = load * pow(own, random_at(key, 3 * i + 1));
        turns.other[i] = load * ratio * pow(own, random_at(key, 3 * i + 2));
    }
    return turns;
}

static bool is_faster(uint64_t seed, uint32_t turns, double ratio, double shared, double own)
{
    tune_turns drawn = draw_turns(seed, turns, ratio, shared, own);
    tune_comparison comparison = tune_compare(&drawn);
    return tune_is_faster(&comparison);
}

/* How many of so many candidates count as faster, and again when timed once more. */
static int count_kept(uint64_t candidates, uint32_t turns, double ratio, double shared, double own)
{
    int kept = 0;
    for (uint64_t i = 0; i < candidates; i++)
        kept += is_faster(2 * i, turns, ratio, shared, own) && is_faster(2 * i + 1, turns, ratio, shared, own);
    return kept;
}

Test(tune_load, comparison_by_hand)
{
    tune_turns turns = {.count = 5, .guess = {10, 20, 10, 40, 10}, .other = {9, 16, 9, 36, 2}};
    tune_comparison result = tune_compare(&turns); /* ratios .9 .8 .9 .9 .2: median .9, quartiles .8 and .9 */
    cr_assert_float_eq(result.ratio, 0.9, 1e-12);
    cr_assert_float_eq(result.spread, 0.125, 1e-12);
    cr_assert(!result.slower && !result.faster && result.turns == 5);
    cr_assert(!tune_is_faster(&result), "a gain of 11 %% with a spread of 12.5 %%");
    turns.other[1] = 17; /* quartiles .85 and .9: a spread of 6 % */
    result = tune_compare(&turns);
    cr_assert(tune_is_faster(&result));
    cr_assert_float_eq(tune_spread((double[]){100, 2, 4, 3, 1}, 5), 1., 1e-12);
    cr_assert_float_eq(tune_median((double[]){4, 1}, 2), 2.5, 1e-12);
}

Test(tune_load, one_turn_tells_a_factor_of_two_only)
{
    tune_turns turns = {.count = 1, .guess = {10}, .other = {6}};
    tune_comparison result = tune_compare(&turns);
    cr_assert(!tune_is_faster(&result));
    turns.other[0] = 4;
    result = tune_compare(&turns);
    cr_assert(tune_is_faster(&result) && result.faster);
    turns.other[0] = 21;
    result = tune_compare(&turns);
    cr_assert(!tune_is_faster(&result) && result.slower);
}

Test(tune_load, slower_is_not_taken_for_faster)
{
    static const double loads[] = {1.05, 1.5, 3, 10, 100};
    for (size_t i = 0; i < sizeof loads / sizeof *loads; i++) {
        cr_expect_eq(count_kept(10000, 9, 4, 10, loads[i]), 0, "4 times slower, load of %g", loads[i]);
        int unlucky = count_kept(10000, 9, 1.2, 10, loads[i]);
        cr_expect(unlucky <= 5, "1.2 times slower, load of %g: %d of 10000 for faster", loads[i], unlucky);
    }
}

Test(tune_load, faster_is_seen_through_a_load_that_both_share)
{
    cr_assert_eq(count_kept(1000, 9, 0.9, 100, 1.02), 1000);
    cr_assert_eq(count_kept(1000, 9, 0.25, 100, 1.5), 1000);
    cr_assert_eq(count_kept(1000, 9, 0.99, 100, 1.001), 0, "1 %% is not worth it");
}

/* ---- Tuning -------------------------------------------------------------------------------------------------------- */

/* Three of four launches take eight times as long. Where only the least times counted, such draws made the slower win. */
Test(tune_load, four_times_slower_is_never_kept)
{
    static const char *const seeds[] = {"1", "2", "5"};
    set("tunable_list", "quick,medium");
    for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++) {
        set("tunable_load", seeds[i]);
        net n = open_net();
        cr_assert_eq(tune(&n, 1, (shunt_tune_options){.force = 1, .full = 1}), SHUNT_OK, "%s", shunt_last_error());
        close_net(&n);
        if (strcmp(tried, "quick:safe medium:safe =quick quick:safe medium:safe =quick "))
            cr_assert_fail("seed %s: %s", seeds[i], tried);
        cr_assert(!system("rm -rf cache"));
        tune_free();
    }
}

Test(tune_load, unsteady_times_are_refused_unless_forced)
{
    set("tunable_list", "slow,quick");
    net n = open_net();
    cr_assert_eq(tune(&n, 1, (shunt_tune_options){0}), SHUNT_OK, "%s", shunt_last_error());
    char *kept = strdup(file_text("cache/tuning.json"));
    set("tunable_load", "0");
    cr_assert_eq(tune(&n, 2, (shunt_tune_options){0}), SHUNT_E_DEVICE);
    expect_message("a: ", "the time of one and the same op spreads by");
    expect_message("end other programs", "--force");
    assert_text(tried, "slow:safe ");
    assert_text(file_text("cache/tuning.json"), kept);
    free(kept);
    shunt_candidate guess = candidate("slow");
    cr_assert_eq(tune_verdict_of(n.device, &guess), VERDICT_SAFE);
    cr_assert_eq(tune(&n, 2, (shunt_tune_options){.force = 1}), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(chosen, 2);
    close_net(&n);
}

Test(tune_load, application_goes_on_with_the_best_guess_when_times_are_unsteady)
{
    set("tunable_list", "slow,quick");
    net n = open_net();
    cr_assert_eq(tune(&n, 1, (shunt_tune_options){0}), SHUNT_OK, "%s", shunt_last_error());
    close_net(&n);
    set("tunable_load", "0");
    set("tune", "full");
    assert_text(planned(2), "slow slow slow ");
    assert_has(logged, "too much to tell algorithms apart");
    set("tune", NULL);
    assert_text(planned(2), "slow slow slow ");
}

/* "fades" is at once when it is prepared first, and takes 100 ms from then on. */
Test(tune_load, winner_is_timed_again_before_it_is_kept)
{
    set("tunable_list", "slow,fades,quick");
    net n = open_net();
    cr_assert_eq(tune(&n, 1, (shunt_tune_options){0}), SHUNT_OK, "%s", shunt_last_error());
    close_net(&n);
    assert_text(tried, "slow:safe fades:safe quick:safe =quick slow:safe fades:safe quick:safe =quick ");
    assert_lacks(file_text("cache/tuning.json"), "fades");
}
