/* coco.c - average precision and recall against pycocotools (tests/golden/coco.py), and files that are refused. */
#include "runtime/coco/mask.h"
#include "tests/support/temporary.h"

#include <jansson.h>
#include <math.h>

TestSuite(coco, .init = enter_folder, .fini = leave_folder);

static const char *const tasks[] = {"boxes", "masks", "keypoints"};

static void put_json(const char *path, const json_t *value)
{
    cr_assert(!json_dump_file(value, path, 0));
}

static void expect_figures(const json_t *set, size_t number, shunt_coco_task task)
{
    const json_t *expected = json_object_get(json_object_get(set, "expected"), tasks[task]);
    shunt_coco *truth = NULL;
    shunt_coco_score score = {.size = sizeof score};
    if (json_is_null(expected)) return; /* no results */
    put_json("truth.json", json_object_get(set, "truth"));
    put_json("results.json", json_object_get(json_object_get(set, "results"), tasks[task]));
    cr_assert_eq(shunt_coco_open("truth.json", NULL, &truth), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_coco_evaluate(truth, "results.json", task, NULL, &score), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(score.count, json_array_size(expected));
    for (uint32_t i = 0; i < score.count; i++) {
        const double wanted = json_number_value(json_array_get(expected, i));
        cr_expect(fabs(score.figures[i] - wanted) < 1e-6, "set %zu, %s, %s: %.9f, expected %.9f", number, tasks[task],
                  shunt_coco_figure(task, i), score.figures[i], wanted);
    }
    shunt_coco_close(truth);
}

Test(coco, figures_of_pycocotools)
{
    json_t *sets = json_load_file(TEST_GOLDEN "/coco.json", 0, NULL), *set;
    size_t number;
    cr_assert(json_array_size(sets) > 0);
    json_array_foreach(sets, number, set) for (int task = 0; task < 3; task++)
        expect_figures(set, number, (shunt_coco_task)task);
    json_decref(sets);
}

/* Whether these are the runs of an encoder, none of which is empty but the first. */
static bool is_canonical(const mask *runs)
{
    for (size_t i = 1; i < runs->count; i++)
        if (!runs->runs[i]) return false;
    return true;
}

/* pycocotools' text of a mask, as pixels and back. */
static bool expect_same_text(const char *text, uint32_t height, uint32_t width)
{
    mask runs;
    bool wrong;
    cr_assert(mask_from_text(text, strlen(text), height, width, &runs, &wrong));
    const bool canonical = is_canonical(&runs);
    unsigned char *inside = calloc(height * width + 1, 1);
    char *made = malloc(strlen(text) + 8);
    cr_assert(inside && made);
    for (size_t i = 0, at = 0; i < runs.count; i++)
        for (uint32_t k = 0; k < runs.runs[i]; k++, at++) inside[at % height * width + at / height] = i % 2 ? 7 : 0;
    if (canonical) {
        cr_assert_eq(shunt_coco_runs(inside, height, width, made, strlen(text) + 8), strlen(text));
        cr_assert_str_eq(made, text);
        cr_assert_eq(shunt_coco_runs(inside, height, width, NULL, 0), strlen(text));
        cr_assert_eq(shunt_coco_runs(inside, height, width, made, 2), strlen(text));
        cr_assert(made[0] == text[0] && made[1] == '\0');
    }
    free(made);
    free(inside);
    mask_free(&runs);
    return canonical;
}

Test(coco, runs_as_pycocotools_writes_them)
{
    json_t *sets = json_load_file(TEST_GOLDEN "/coco.json", 0, NULL), *set, *result;
    size_t number, i, same = 0;
    cr_assert(sets);
    json_array_foreach(sets, number, set)
        json_array_foreach(json_object_get(json_object_get(set, "results"), "masks"), i, result)
    {
        const json_t *shape = json_object_get(result, "segmentation"), *size = json_object_get(shape, "size");
        const char *text = json_string_value(json_object_get(shape, "counts"));
        if (!text) continue;
        same += expect_same_text(text, (uint32_t)json_integer_value(json_array_get(size, 0)),
                                 (uint32_t)json_integer_value(json_array_get(size, 1)));
    }
    cr_assert_gt(same, 50, "%zu", same);
    json_decref(sets);
}

Test(coco, names_of_figures)
{
    cr_expect_str_eq(shunt_coco_figure(SHUNT_COCO_BOXES, 8), "AR100");
    cr_expect_str_eq(shunt_coco_figure(SHUNT_COCO_KEYPOINTS, 9), "ARl");
    cr_expect_null(shunt_coco_figure(SHUNT_COCO_MASKS, 12));
    cr_expect_null(shunt_coco_figure(SHUNT_COCO_KEYPOINTS, 10));
}

/* ---- What is refused: with the file, the object and the reason; or left out and counted ---- */

#define TRUTH(annotation)                                                                                              \
    "{\"images\":[{\"id\":7,\"height\":10,\"width\":20}],\"categories\":[{\"id\":3,\"name\":\"cat\"}],"                \
    "\"annotations\":[" annotation "]}"
#define GOOD                                                                                                           \
    "{\"id\":5,\"image_id\":7,\"category_id\":3,\"bbox\":[1,1,8,8],\"area\":64,\"segmentation\":[[1,1,1,9,9,9,9,1]]}"
#define PLACE "\"image_id\":7,\"category_id\":3,"
#define RESULT(rest) "[{" PLACE "\"score\":0.5," rest "}]"

static void put_text(const char *path, const char *text)
{
    put_bytes(path, text, strlen(text));
}

Test(coco, files_that_are_no_ground_truth)
{
    static const struct {
        const char *text, *reason;
    } rows[] = {
        {"[]", "expected an object"},
        {"{", "no JSON"},
        {"{}", "no COCO annotations"},
        {"{\"images\":[{\"id\":\"a\"}],\"categories\":[],\"annotations\":[]}", "images[0]: its id"},
        {"{\"images\":[{\"id\":4},{\"id\":4}],\"categories\":[],\"annotations\":[]}", "two images have the id 4"},
        {"{\"images\":[],\"categories\":[{\"id\":4},{\"id\":4}],\"annotations\":[]}", "two categories have the id 4"},
        {TRUTH(GOOD "," GOOD), "two annotations have the id 5"},
        {TRUTH("3"), "annotation 0 (id 1): it is no object"},
        {TRUTH(GOOD ",{\"id\":6,\"image_id\":8,\"category_id\":3}"), "annotation 1 (id 6): no image has its image_id"},
        {TRUTH("{\"id\":6,\"image_id\":7,\"category_id\":4}"), "(id 6): no category has its category_id"},
        {TRUTH("{\"id\":6," PLACE "\"bbox\":[1,1,-8,8],\"area\":64}"), "(id 6): its bbox is not"},
        {TRUTH("{\"id\":6," PLACE "\"bbox\":[1,1,8],\"area\":64}"), "(id 6): its bbox is not"},
        {TRUTH("{\"id\":6," PLACE "\"bbox\":[1,1,8,8]}"), "(id 6): its area"},
        {TRUTH("{\"id\":6," PLACE "\"bbox\":[1,1,8,8],\"area\":4,\"iscrowd\":\"no\"}"), "(id 6): its iscrowd"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        shunt_coco *truth = NULL;
        put_text("truth.json", rows[i].text);
        cr_assert_eq(shunt_coco_open("truth.json", NULL, &truth), SHUNT_E_INVALID, "%s", rows[i].text);
        cr_assert_null(truth);
        expect_message("truth.json", rows[i].reason);
    }
}

Test(coco, results_that_are_refused)
{
    static const struct {
        shunt_coco_task task;
        const char *text, *reason;
    } rows[] = {
        {SHUNT_COCO_BOXES, "{}", "expected a list of results"},
        {SHUNT_COCO_BOXES, "[3]", "result 0: it is no object"},
        {SHUNT_COCO_BOXES, "[{\"image_id\":7,\"category_id\":9,\"score\":1,\"bbox\":[1,1,1,1]}]", "no category has"},
        {SHUNT_COCO_BOXES, "[{" PLACE "\"bbox\":[1,1,1,1]}]", "its score"},
        {SHUNT_COCO_BOXES, "[{" PLACE "\"score\":NaN,\"bbox\":[1,1,1,1]}]", "no JSON"},
        {SHUNT_COCO_BOXES, RESULT("\"bbox\":[1,1,1e999,1]"), "no JSON"},
        {SHUNT_COCO_BOXES, RESULT("\"segmentation\":3"), "it has no segmentation"},
        {SHUNT_COCO_MASKS, RESULT("\"bbox\":[1,1,1,1]"), "it has no segmentation"},
        {SHUNT_COCO_MASKS, RESULT("\"segmentation\":[]"), "is empty"},
        {SHUNT_COCO_MASKS, RESULT("\"segmentation\":[[1,2,3,4,5]]"), "three or more corners"},
        {SHUNT_COCO_MASKS, RESULT("\"segmentation\":[[1,2,3,4,5,9e9]]"), "far outside"},
        {SHUNT_COCO_MASKS, RESULT("\"segmentation\":[[1,2,3,4,5,\"6\"]]"), "no numbers"},
        {SHUNT_COCO_MASKS, RESULT("\"segmentation\":{\"size\":[20,10],\"counts\":[200]}"), "not that of its picture"},
        {SHUNT_COCO_MASKS, RESULT("\"segmentation\":{\"size\":[10],\"counts\":[200]}"), "not a height and a width"},
        {SHUNT_COCO_MASKS, RESULT("\"segmentation\":{\"size\":[10,20],\"counts\":[100,99]}"), "do not add up"},
        {SHUNT_COCO_MASKS, RESULT("\"segmentation\":{\"size\":[10,20],\"counts\":[100,101]}"), "not those of a mask"},
        {SHUNT_COCO_MASKS, RESULT("\"segmentation\":{\"size\":[10,20],\"counts\":[-1,201]}"), "not those of a mask"},
        {SHUNT_COCO_MASKS, RESULT("\"segmentation\":{\"size\":[10,20],\"counts\":7}"), "neither a list nor a text"},
        {SHUNT_COCO_MASKS, RESULT("\"segmentation\":{\"size\":[10,20],\"counts\":\"X\"}"), "damaged"},
        {SHUNT_COCO_MASKS, RESULT("\"segmentation\":{\"size\":[10,20],\"counts\":\"oooooooooooooo\"}"), "damaged"},
        {SHUNT_COCO_KEYPOINTS, RESULT("\"keypoints\":[1,2,3]"), "17 times"},
    };
    put_text("truth.json", TRUTH(GOOD));
    shunt_coco *truth = NULL;
    shunt_coco_score score;
    const shunt_coco_options skip = {.size = sizeof skip, .skip_bad = 1};
    cr_assert_eq(shunt_coco_open("truth.json", NULL, &truth), SHUNT_OK, "%s", shunt_last_error());
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        put_text("results.json", rows[i].text);
        if (rows[i].task != SHUNT_COCO_KEYPOINTS) { /* the ground truth has none */
            cr_assert_eq(shunt_coco_evaluate(truth, "results.json", rows[i].task, NULL, &score), SHUNT_E_INVALID, "%s",
                         rows[i].text);
            expect_message("results.json", rows[i].reason);
        }
        score = (shunt_coco_score){.size = sizeof score};
        shunt_status status = shunt_coco_evaluate(truth, "results.json", rows[i].task, &skip, &score);
        if (status) continue; /* no list of results at all */
        cr_assert_eq(score.left_out, rows[i].task == SHUNT_COCO_KEYPOINTS ? 2 : 1, "%s", rows[i].text);
        cr_assert_eq(score.detections, 0);
    }
    shunt_coco_close(truth);
}

/* 1: found in full. A polygon on whole numbers and its runs are the same pixels. */
Test(coco, a_mask_as_polygon_and_as_runs)
{
    put_text("truth.json", TRUTH(GOOD));
    put_text("results.json",
             RESULT("\"segmentation\":{\"size\":[10,20],\"counts\":[11,8,2,8,2,8,2,8,2,8,2,8,2,8,2,8,111]}"));
    shunt_coco *truth = NULL;
    shunt_coco_score score = {.size = sizeof score};
    cr_assert_eq(shunt_coco_open("truth.json", NULL, &truth), SHUNT_OK, "%s", shunt_last_error());
    cr_assert_eq(shunt_coco_evaluate(truth, "results.json", SHUNT_COCO_MASKS, NULL, &score), SHUNT_OK, "%s",
                 shunt_last_error());
    cr_expect_float_eq(score.figures[0], 1, 1e-12);
    cr_expect_eq(score.figures[5], -1, "there is no large object");
    shunt_coco_close(truth);
}
