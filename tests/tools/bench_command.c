/* bench_command.c - shunt bench as a user meets it, its progress and its profile. */
#include "tests/support/command_support.h"

TestSuite(bench_command, .init = enter_folder, .fini = leave_folder);

Test(bench_command, bench_ends_with_a_line_of_json)
{
    run("shunt bench --model resnet8 --device scalar --threads 1 --batch 2 --repeats 3 --layers");
    expect_success();
    cr_assert(strstr(said.out, "layer3.0.conv2"));
    char *last = said.out + strlen(said.out) - 1;
    *last = '\0';
    memmove(said.out, strrchr(said.out, '\n') + 1, strlen(strrchr(said.out, '\n')));
    json_t *line = json_said();
    double best = number_at(line, "ms_per_image_min"), rss = number_at(line, "rss_mib");
    cr_assert(best > 0 && best <= number_at(line, "ms_per_image_med"));
    /* 12.24 million multiply-adds, two operations each, and a few for the rest. */
    cr_assert_float_eq(number_at(line, "gflops_best") * best, 2 * 12.24, 0.05 * best + 1);
    cr_assert(rss > 1 && rss == floor(rss));
    cr_assert_str_eq(text_at(line, "peer"), "shunt");
    cr_assert_eq(number_at(line, "batch"), 2);
    cr_assert_eq(number_at(line, "threads"), 1);
    json_decref(line);
    run("shunt bench --model resnet8 --device scalar --threads 1 --repeats 1 --layers --json");
    expect_success();
    line = json_said();
    cr_assert_geq(json_array_size(json_object_get(line, "steps")), 8);
    json_decref(line);
}

/* The number of parameters that an update named "fc.weight.update and 7 more" has. */
static size_t joined(const char *name)
{
    const char *more = strstr(name, " and ");
    return 1 + (more ? (size_t)atoi(more + 5) : 0);
}

/* Each convolution is there three times: forward and its two gradients; but nobody needs the pictures' gradient. */
Test(bench_command, bench_train)
{
    const double macs = 12.24e6, first = 32 * 32 * 16 * 27;
    run("shunt bench --train --model resnet8 --batch 2 --device scalar --repeats 1 --warm-up 0 --layers --json");
    expect_success();
    json_t *line = json_said(), *steps = json_object_get(line, "steps"), *step;
    cr_assert_str_eq(text_at(line, "task"), "train");
    double flops = 0;
    size_t i, updates = 0, parameters = 0;
    json_array_foreach(steps, i, step)
    {
        const char *kind = text_at(step, "kind");
        if (!strncmp(kind, "conv", 4) || !strncmp(kind, "linear", 6)) flops += number_at(step, "flops");
        if (strncmp(kind, "sgd", 3) != 0) continue;
        updates++;
        parameters += joined(text_at(step, "name"));
    }
    cr_assert_float_eq(flops, 2 * 2 * (3 * macs - first), 0.01 * flops);
    cr_assert_eq(updates, 2);                /* with weight decay and without */
    cr_assert_eq(parameters, 7 + 2 * 7 + 2); /* convolutions, batch norms, classifier */
    json_decref(line);
    run("shunt bench --model resnet8 --recompute");
    expect_failure(2, "--recompute goes with --train", NULL);
}

Test(bench_command, bench_with_runs_in_flight_on_two_devices)
{
    run("shunt bench --model resnet8 --device scalar,scalar:0 --threads 1 --streams 2 --batch 2 --repeats 11 --json");
    expect_success();
    json_t *all = json_said(), *line;
    size_t i;
    cr_assert_eq(json_array_size(all), 2);
    json_array_foreach(all, i, line)
    {
        const double middle = number_at(line, "latency_ms_p50"), late = number_at(line, "latency_ms_p90");
        const double latest = number_at(line, "latency_ms_p99"), most = number_at(line, "latency_ms_max");
        cr_assert(0 < middle && middle <= late && late <= latest && latest <= most);
        cr_assert_eq(latest, most, "of eleven runs the 99th percentile is the last");
        cr_assert_eq(number_at(line, "streams"), 2);
        /* No run is faster than the best alone, by much. */
        cr_assert_leq(number_at(line, "images_per_second"), 2e3 / number_at(line, "ms_per_image_min"));
        cr_assert_leq(number_at(line, "images_per_second_alone"), 2e3 / number_at(line, "ms_per_image_min"));
        cr_assert_gt(number_at(line, "images_per_second_alone"), 0);
    }
    json_decref(all);
    run("shunt bench --model resnet8 --device scalar,scalar --threads 1 --repeats 1 --warm-up 0");
    expect_success();
    cr_assert(strstr(said.out, "device  best ms/image"), "%s", said.out);
    run("shunt bench --model resnet8 --streams 2 --train");
    expect_failure(2, "--streams does not go with --train", NULL);
    run("shunt bench --model resnet8 --streams 17");
    expect_failure(2, "--streams", NULL);
    run("shunt bench --model resnet8 --device scalar,nosuch --repeats 1 --warm-up 0 --json");
    expect_failure(1, "nosuch", NULL);
}

/* The line shows after a second of work, so there are as many repeats as take over two, however slow this build is. */
Test(bench_command, progress_is_for_terminals)
{
    char line[128];
    run("command -v script");
    if (said.status) cr_skip_test("no script here");
    run("shunt bench --model resnet8 --device scalar --threads 1 --repeats 3 --json");
    expect_success();
    json_t *report = json_said();
    snprintf(line, sizeof line, "shunt bench --model resnet8 --device scalar --threads 1 --repeats %.0f",
             ceil(2500 / number_at(report, "ms_per_image_min")));
    json_decref(report);
    run("script -qec '%s' /dev/null", line);
    cr_assert(strstr(said.out, "measuring [") && strstr(said.out, " left"), "%.2000s", said.out);
    run("%s", line);
    expect_success(); /* with nothing on stderr */
}

Test(bench_command, profile_is_a_trace)
{
    put_picture("a.ppm", 40, 40);
    run("SHUNT_PROFILE=trace.json shunt classify --model resnet8 --random-weights --device scalar a.ppm");
    expect_success();
    run("cat trace.json");
    json_t *trace = json_said();
    json_t *events = json_is_array(trace) ? trace : json_object_get(trace, "traceEvents");
    cr_assert_geq(json_array_size(events), 8);
    json_decref(trace);
}
