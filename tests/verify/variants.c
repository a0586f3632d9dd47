/* variants.c - a quick check takes few variants of each algorithm, keeps to them, and chooses without regard to others. */
#include "runtime/verify/variants.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { OWN = 16, CASES = 12 };

static shunt_op_desc relu(uint8_t dtype, uint16_t block, int64_t channels)
{
    shunt_op_desc op = {.kind = SHUNT_OP_RELU, .ninputs = 1, .noutputs = 1};
    op.inputs[0] = shunt_tensor_make(dtype, 4, (const int64_t[]){1, channels, 2, 2});
    op.inputs[0].block = block;
    op.outputs[0] = op.inputs[0];
    return op;
}

/* Variants 0 to n - 1 of an algorithm, behind those that there are. */
static void list(shunt_op_candidates *found, const char *algorithm, int n, const char *reason)
{
    for (int i = 0; i < n; i++) {
        shunt_candidate *candidate = &found->list[found->count++];
        snprintf(candidate->algorithm, sizeof candidate->algorithm, "%s", algorithm);
        snprintf(candidate->params, sizeof candidate->params, "%d", i);
        snprintf(candidate->reason, sizeof candidate->reason, "%s", reason);
    }
}

/* Bit i: candidate i is taken. */
static uint32_t choose(variants *all, uint8_t dtype, uint16_t block, int64_t channels, const shunt_op_candidates *found)
{
    const shunt_op_desc op = relu(dtype, block, channels);
    bool take[SHUNT_MAX_CANDIDATES] = {false};
    uint32_t bits = 0;
    variants_choose(all, &op, OWN, found, take);
    for (uint32_t i = 0; i < found->count; i++) bits |= (uint32_t)take[i] << i;
    return bits;
}

/* One more a case, and those before it: half of eight, apart from each other, the best guess first. */
Test(variants, half_in_the_usual_layout)
{
    variants *all = variants_create();
    shunt_op_candidates found = {.size = sizeof found};
    list(&found, "tiles", 8, "");
    uint32_t before = 0;
    for (int i = 0; i < CASES; i++) {
        const uint32_t taken = choose(all, SHUNT_F32, OWN, 40, &found);
        cr_assert_eq(taken & before, before);
        cr_assert_eq(__builtin_popcount(taken), i < 4 ? i + 1 : 4);
        before = taken;
    }
    cr_assert_eq(before, 0x55);
    variants_destroy(all);
}

Test(variants, a_quarter_elsewhere_and_one_at_least)
{
    variants *all = variants_create();
    shunt_op_candidates eight = {.size = sizeof eight}, one = {.size = sizeof one};
    list(&eight, "tiles", 8, "");
    list(&one, "direct", 1, "");
    uint32_t other = 0, narrow = 0;
    for (int i = 0; i < CASES; i++) {
        other = choose(all, SHUNT_F32, SHUNT_PLAIN, 40, &eight);
        narrow = choose(all, SHUNT_F16, OWN, 40, &eight);
        cr_assert_eq(choose(all, SHUNT_BF16, SHUNT_PLAIN, 40, &one), 1);
    }
    cr_assert_eq(__builtin_popcount(other), 2);
    cr_assert_eq(__builtin_popcount(narrow), 2);
    variants_destroy(all);
}

/* With channels last, each number of channels is another kernel. */
Test(variants, another_block_is_another_variant)
{
    variants *all = variants_create();
    shunt_op_candidates found = {.size = sizeof found};
    list(&found, "direct", 1, "");
    cr_assert_eq(choose(all, SHUNT_F32, SHUNT_CHANNELS_LAST, 5, &found), 1);
    cr_assert_eq(choose(all, SHUNT_F32, SHUNT_CHANNELS_LAST, 7, &found), 0);
    cr_assert_eq(choose(all, SHUNT_F32, SHUNT_CHANNELS_LAST, 5, &found), 1);
    variants_destroy(all);
}

Test(variants, of_an_algorithm_by_itself)
{
    variants *all = variants_create(), *alone = variants_create();
    shunt_op_candidates both = {.size = sizeof both}, tiles = {.size = sizeof tiles};
    list(&both, "direct", 3, "");
    list(&both, "tiles", 5, "");
    list(&both, "units", 4, "refused");
    list(&tiles, "tiles", 5, "");
    for (int i = 0; i < CASES; i++) {
        const uint32_t taken = choose(all, SHUNT_F32, OWN, 40, &both);
        cr_assert_eq(taken >> 3 & 0x1f, choose(alone, SHUNT_F32, OWN, 40, &tiles));
        cr_assert_eq(taken >> 8, 0);
    }
    variants_destroy(all);
    variants_destroy(alone);
}
