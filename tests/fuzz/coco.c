/* Fuzz target: ground truth and results of detection. The text up to the first line break is the ground truth. */
#include "tests/fuzz/fuzz.h"

#include <shunt/coco.h>

static void evaluate(const shunt_coco *truth, const char *results, uint32_t skip_bad)
{
    const shunt_coco_options options = {.size = sizeof options, .skip_bad = skip_bad};
    for (int task = 0; task <= SHUNT_COCO_KEYPOINTS; task++) {
        shunt_coco_score score = {.size = sizeof score};
        if (shunt_coco_evaluate(truth, results, (shunt_coco_task)task, &options, &score)) {
            fuzz_check_message();
            continue;
        }
        for (uint32_t i = 0; i < score.count; i++) {
            const double figure = score.figures[i];
            fuzz_check(figure == -1 || (figure >= 0 && figure < 1 + 1e-9), "a figure is not from 0 to 1");
        }
    }
}

int fuzz_input(const uint8_t *data, size_t size)
{
    const uint8_t *line = size ? memchr(data, '\n', size) : NULL;
    const size_t first = line ? (size_t)(line - data) : size;
    fuzz_put("truth.json", data, first);
    fuzz_put("results.json", data + first, size - first);
    const char *where = fuzz_make_folder();
    char truth_path[128], results[128];
    snprintf(truth_path, sizeof truth_path, "%s/truth.json", where);
    snprintf(results, sizeof results, "%s/results.json", where);
    for (uint32_t skip_bad = 0; skip_bad < 2; skip_bad++) {
        const shunt_coco_options options = {.size = sizeof options, .skip_bad = skip_bad};
        shunt_coco *truth = NULL;
        if (shunt_coco_open(truth_path, &options, &truth))
            fuzz_check_message();
        else
            evaluate(truth, results, skip_bad);
        shunt_coco_close(truth);
    }
    return 0;
}
