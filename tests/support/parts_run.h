/* parts_run.h - runs of shunt train on a small set with objects and masks: the set, and what their files hold. */
#ifndef SHUNT_TESTS_PARTS_RUN_H
#define SHUNT_TESTS_PARTS_RUN_H

#include "tests/support/command_support.h"

/* "coco:set": 8 pictures to train on and 3 to test on. */
static inline void put_pasted_set(void)
{
    put_cifar("cifar", 20);
    run("for i in 1 2 3 4 5; do cp cifar/test_batch.bin cifar/data_batch_$i.bin; done; python3 "
        "$SHUNT_SOURCE/examples/pasted_set.py --train 8 "
        "--test 3 --side 64 --processes 1 cifar set");
    cr_assert_eq(said.status, 0, "%s", said.err);
}

static inline void expect_same_tensors(const char *a, const char *b)
{
    shunt_weights *files[2];
    for (int i = 0; i < 2; i++)
        cr_assert_eq(shunt_weights_open(i ? b : a, &files[i]), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_weights_count(files[0]), shunt_weights_count(files[1]));
    for (size_t i = 0; i < shunt_weights_count(files[0]); i++) {
        const shunt_tensor_view *ours = shunt_weights_at(files[0], i),
                                *theirs = shunt_weights_find(files[1], ours->name);
        cr_assert(theirs && !memcmp(ours->data, theirs->data, shunt_tensor_bytes(&ours->desc)), "%s differs",
                  ours->name);
    }
    for (int i = 0; i < 2; i++) shunt_weights_destroy(files[i]);
}

/* A parameter of the model, which must have it. */
static inline const float *tensor_of(const shunt_model *model, const char *name)
{
    const shunt_tensor_view *view = shunt_weights_find(shunt_model_weights(model), name);
    cr_assert(view, "%s", name);
    return view->data;
}

#endif
