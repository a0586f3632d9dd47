/* score.c - shunt score: detections that were written to a file, compared with COCO's ground truth. */
#include "commands.h"
#include "lib/coco_figures.h"
#include "lib/say.h"
#include <string.h>

typedef struct score_settings {
    const char *truth, *task;
    bool skip_bad;
    json_settings output;
} score_settings;

static const option_row rows[] = {
    {"truth", OPTION_TEXT, offsetof(score_settings, truth), "FILE",
     "The annotations in COCO's format, such as instances_val2017.json.", NULL, 0, 0},
    {"task", OPTION_TEXT, offsetof(score_settings, task), "boxes|masks|keypoints", "What is compared.", "boxes", 0, 0},
    {"skip-bad", OPTION_FLAG, offsetof(score_settings, skip_bad), NULL,
     "Leave out objects and results that are wrong, and count them, instead of stopping at the first.", NULL, 0, 0},
    {0}};

static int report_json(const score_settings *settings, const shunt_coco_score *score, shunt_coco_task task)
{
    json_t *report = json_pack("{s:s, s:I, s:I, s:I, s:I}", "task", settings->task, "pictures",
                               (json_int_t)score->pictures, "objects", (json_int_t)score->objects, "detections",
                               (json_int_t)score->detections, "left_out", (json_int_t)score->left_out);
    coco_figures_put(report, task, score);
    return print_json(report, false);
}

static int report_text(const score_settings *settings, const shunt_coco_score *score, shunt_coco_task task)
{
    printf("%s: %llu pictures, %llu objects, %llu detections\n", settings->task, (unsigned long long)score->pictures,
           (unsigned long long)score->objects, (unsigned long long)score->detections);
    if (score->left_out) printf("left out: %llu that are wrong\n", (unsigned long long)score->left_out);
    coco_figures_print(task, score);
    return EXIT_OK;
}

static int run(const void *given, int noperands, char **operands)
{
    const score_settings *settings = given;
    const shunt_coco_options options = {.size = sizeof options, .skip_bad = settings->skip_bad};
    shunt_coco_score score = {.size = sizeof score};
    shunt_coco *truth = NULL;
    size_t task = 0;
    while (coco_task_name(task) && strcmp(coco_task_name(task), settings->task)) task++;
    if (!coco_task_name(task)) return say_usage("--task %s: must be boxes, masks or keypoints", settings->task);
    if (!settings->truth) return say_usage("no ground truth; name its file with --truth FILE");
    if (noperands != 1) return say_usage("one file of results is needed");
    shunt_status failed = shunt_coco_open(settings->truth, &options, &truth);
    if (!failed) failed = shunt_coco_evaluate(truth, operands[0], (shunt_coco_task)task, &options, &score);
    shunt_coco_close(truth);
    if (failed) return say_library_failure(NULL);
    return settings->output.json ? report_json(settings, &score, (shunt_coco_task)task)
                                 : report_text(settings, &score, (shunt_coco_task)task);
}

const command score_command = {
    .name = "score",
    .summary = "Compare detections with COCO's ground truth: average precision and recall.",
    .operands = "RESULTS",
    .text = "RESULTS is a JSON list of detections in COCO's format, from any program. The figures are those of "
            "pycocotools: AP is "
            "the mean over the thresholds 0.50, 0.55 ... 0.95 of intersection over union (keypoints: of their "
            "similarity), AP50 is "
            "that of 0.50, APs, APm and APl are of small, medium and large objects, AR100 is the recall with 100 "
            "detections a picture.",
    .groups = {{rows, 0}, {json_rows, offsetof(score_settings, output)}},
    .examples = {{"shunt score --truth instances_val2017.json results.json", "The precision of boxes."},
                 {"shunt score --truth instances_val2017.json --task masks --json results.json | jq .AP",
                  "One number for a script."}},
    .settings_size = sizeof(score_settings),
    .run = run,
};
