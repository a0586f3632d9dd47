/* inspect_command.c - shunt inspect as a user meets it: what a network has, its steps, a weight file. */
#include "tests/support/command_support.h"

TestSuite(inspect_command, .init = enter_folder, .fini = leave_folder);

/* Parameters and multiply-adds as the paper and torchvision have them. */
Test(inspect_command, inspect_counts)
{
    static const struct {
        const char *arguments;
        double parameters, macs, unit; /* macs as printed there, to its last digit: +- half a unit */
    } rows[] = {{"--model resnet18", 11689512, 1.814e9, 1e6},       {"--model resnet34", 21797672, 3.664e9, 1e6},
                {"--model resnet50", 25557032, 4.089e9, 1e6},       {"--model resnet50 --v1", 25557032, 3.858e9, 1e6},
                {"--model resnet20", 269722, 40.6e6, 1e5},          {"--model resnet56", 853018, 125.5e6, 1e5},
                {"--model cifar-resnet110", 1727962, 252.9e6, 1e5}, {"--model plain20", 269722, 40.6e6, 1e5}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        run("shunt inspect %s --device scalar --json", rows[i].arguments);
        expect_success();
        json_t *report = json_said();
        cr_assert_eq(number_at(report, "parameters"), rows[i].parameters, "%s", rows[i].arguments);
        cr_assert(fabs(number_at(report, "macs") - rows[i].macs) <= 0.5 * rows[i].unit + 1, "%s: %.0f",
                  rows[i].arguments, number_at(report, "macs"));
        /* Weights of inference: what is trained and, per channel, a folded shift: a little more than the parameters. */
        cr_assert(number_at(report, "weight_bytes") > 3.9 * rows[i].parameters);
        json_decref(report);
    }
}

Test(inspect_command, inspect_shows_each_step)
{
    run("shunt inspect --model resnet20 --device scalar --batch 3");
    expect_success();
    cr_assert(strstr(said.out, "layer3.2.conv2") && strstr(said.out, "3x64x8x8") && strstr(said.out, "269722"));
    run("shunt inspect --model resnet18 --device scalar --size 193x257 | head -2 | tail -1");
    cr_assert(strstr(said.out, "1x3x193x257") && strstr(said.out, "1x64x97x129"), "%s", said.out);
}

/* Its updates are few, and all gradients stand until then. */
Test(inspect_command, inspect_shows_a_training_step)
{
    run("shunt inspect --model resnet20 --device scalar --batch 2 --train --json");
    expect_success();
    json_t *report = json_said(), *step;
    size_t i, updates = 0, norms = 0;
    json_array_foreach(json_object_get(report, "steps"), i, step)
    {
        const char *kind = json_string_value(json_object_get(step, "kind"));
        updates += !strncmp(kind, "sgd", 3);
        norms += !strncmp(kind, "batch_norm_grad", 15);
    }
    cr_assert_eq(updates, 2);
    cr_assert_eq(norms, 19);
    const double gradients = 4 * number_at(report, "parameters"), bytes = number_at(report, "update_bytes");
    cr_assert(bytes >= gradients && bytes < 1.1 * gradients, "%.0f bytes", bytes);
    const double kept = number_at(report, "activation_bytes");
    json_decref(report);
    run("shunt inspect --model resnet20 --device scalar --batch 2 --train --recompute --json");
    expect_success();
    report = json_said();
    cr_assert_lt(number_at(report, "activation_bytes"), kept);
    json_decref(report);
    run("shunt inspect --model resnet20 --device scalar --train");
    expect_success();
    cr_assert(strstr(said.out, "gradients and statistics"), "%s", said.out);
    run("shunt inspect --model resnet20 --recompute");
    expect_failure(2, "--recompute", "--train");
}

Test(inspect_command, inspect_shows_a_weight_file)
{
    put_weights("w.safetensors", "resnet20", 0);
    run("shunt inspect w.safetensors --json");
    expect_success();
    json_t *report = json_said();
    cr_assert(strstr(text_at(json_object_get(report, "metadata"), "model"), "resnet20"));
    /* 19 convolutions, as many batch norms of four tensors, a classifier with bias. */
    cr_assert_eq(json_array_size(json_object_get(report, "tensors")), 19 + 19 * 4 + 2);
    json_decref(report);
    run("shunt inspect w.safetensors");
    expect_success();
    cr_assert(strstr(said.out, "16x3x3x3") && strstr(said.out, "97 tensors"), "%s", said.out);
}
