/* region_stages.c - what networks that propose boxes and look into them do outside of the network, stage by stage, against torchvision in
 * float64 (tests/golden/rcnn.py), from numbers of docs/random-weights.md. */
#include "tests/support/mask_golden.h"
#include "tests/support/stage_numbers.h"

static json_t *golden;

static void begin(void)
{
    json_error_t error;
    golden = json_load_file(TEST_GOLDEN "/rcnn.json", 0, &error);
    cr_assert(golden, "%s", error.text);
}

static void end(void)
{
    json_decref(golden);
}

TestSuite(region_stages, .init = begin, .fini = end);

static padded_frame frame_of(const json_t *one)
{
    padded_frame frame = {{0, 0}, {0, 0}, {0, 0}};
    pair(one, "resized", frame.resized);
    if (json_object_get(one, "padded")) pair(one, "padded", frame.padded);
    return frame;
}

static void expect_box(const detect_box *box, size_t i, size_t count, const json_t *kept, size_t *next)
{
    const double sides[] = {box->left, box->top, box->right, box->bottom};
    const size_t nkept = json_array_size(kept);
    for (size_t k = 0; k < 4; k++) {
        if (*next >= nkept || 4 * i + k != *next * (4 * count - 1) / (nkept - 1)) continue;
        expect_near(sides[k], element(kept, *next), 1e-4, "a side", 4 * i + k);
        ++*next;
    }
}

Test(region_stages, proposals)
{
    enum { ANCHORS = 3 };
    const json_t *one;
    net_spec net;
    size_t i;
    cr_assert_eq(net_describe("fasterrcnn_resnet50_fpn", NULL, &net), SHUNT_OK);
    json_array_foreach(json_object_get(golden, "propose"), i, one)
    {
        const padded_frame frame = frame_of(one);
        const json_t *kept = json_object_get(one, "boxes");
        const size_t wanted = (size_t)number(one, "count");
        dense_map maps[NET_MOST_LEVELS] = {{{0, 0}, NULL, NULL}};
        float *held[2 * NET_MOST_LEVELS];
        detect_candidate *list;
        size_t count, next = 0;
        for (size_t level = 0; level < NET_MOST_LEVELS; level++) {
            for (size_t k = 0; k < 2; k++)
                maps[level].size[k] = (int64_t)element(json_array_get(json_object_get(one, "maps"), level), k);
            const size_t places = (size_t)(maps[level].size[0] * maps[level].size[1]);
            maps[level].logits = held[2 * level] =
                numbers(key_of("propose%zu.logits%zu", i, level), ANCHORS * places, -6, 6);
            maps[level].codes = held[2 * level + 1] =
                numbers(key_of("propose%zu.codes%zu", i, level), 4 * ANCHORS * places, -1, 1);
        }
        const dense_job job = {.anchors = net.family->anchors,
                               .classes = 1,
                               .frame = &frame,
                               .maps = maps,
                               .least_score = -1,
                               .overlap = 0.7,
                               .least_side = 1e-3,
                               .by_level = true,
                               .most_of_map = (size_t)number(one, "of_map"),
                               .most = (size_t)number(one, "most")};
        cr_assert_eq(dense_find(&job, &list, &count), SHUNT_OK);
        cr_assert_eq(count, wanted, "%zu proposals, not %zu", count, wanted);
        cr_assert_leq(count, dense_room(&job));
        for (size_t k = 0; k < count; k++) expect_box(&list[k].box, k, count, kept, &next);
        cr_assert_eq(next, json_array_size(kept));
        free(list);
        for (size_t k = 0; k < 2 * NET_MOST_LEVELS; k++) free(held[k]);
    }
    cr_assert_gt(i, 0);
}

Test(region_stages, objects)
{
    const json_t *one;
    size_t i;
    json_array_foreach(json_object_get(golden, "regions"), i, one)
    {
        const padded_frame frame = frame_of(one);
        const json_t *boxes = json_object_get(one, "boxes");
        const size_t nproposals = (size_t)number(one, "count"), classes = (size_t)number(one, "classes");
        detect_candidate *proposals = calloc(nproposals, sizeof *proposals), *list;
        size_t count;
        cr_assert(proposals);
        for (size_t k = 0; k < nproposals; k++)
            proposals[k].box = (detect_box){element(boxes, 4 * k), element(boxes, 4 * k + 1), element(boxes, 4 * k + 2),
                                            element(boxes, 4 * k + 3)};
        float *logits = numbers(key_of("regions%zu.logits", i), nproposals * classes, -3, 3);
        float *codes = numbers(key_of("regions%zu.codes", i), 4 * nproposals * classes, -5, 5);
        const regions_job job = {.classes = (int64_t)classes,
                                 .frame = &frame,
                                 .proposals = proposals,
                                 .count = nproposals,
                                 .logits = logits,
                                 .codes = codes,
                                 .least_score = number(one, "least"),
                                 .overlap = 0.5,
                                 .most = (size_t)number(one, "most")};
        cr_assert_eq(regions_find(&job, &list, &count), SHUNT_OK);
        expect_found(json_object_get(one, "found"), list, count);
        free(list);
        free(codes);
        free(logits);
        free(proposals);
    }
    cr_assert_gt(i, 0);
}

Test(region_stages, rows_behind_the_boxes_are_none)
{
    const detect_candidate boxes[] = {{.box = {1, 2, 3, 4}}, {.box = {5, 6, 7, 8}}};
    const float wanted[] = {0, 1, 2, 3, 4, 0, 5, 6, 7, 8, -1, 0, 0, 0, 0};
    float rois[15];
    regions_fill(boxes, 2, 3, rois);
    for (size_t i = 0; i < 15; i++) cr_assert(rois[i] == wanted[i], "%zu: %g", i, (double)rois[i]);
}

/* ---- Masks ------------------------------------------------------------------------------------------------------------ */

Test(region_stages, masks)
{
    enum { PIXELS = DETECT_MASK * DETECT_MASK };
    const json_t *one = json_array_get(json_object_get(golden, "paste"), 0), *boxes = json_object_get(one, "boxes"),
                 *mask;
    const int64_t picture[2] = {(int64_t)number(one, "height"), (int64_t)number(one, "width")};
    const size_t pixels = (size_t)(picture[0] * picture[1]), count = json_array_size(boxes) / 4;
    float *masks = numbers(key_of("paste.masks"), count * PIXELS, 0, 1), *made = numbers(0, pixels, 5, 6);
    size_t i;
    json_array_foreach(json_object_get(one, "masks"), i, mask)
    {
        const detect_box box = {element(boxes, 4 * i), element(boxes, 4 * i + 1), element(boxes, 4 * i + 2),
                                element(boxes, 4 * i + 3)};
        detect_paste(masks + i * PIXELS, &box, picture, made);
        expect_mask(mask, made, pixels, 1e-6, i);
    }
    cr_assert(i == count && count > 0);
    free(masks);
    free(made);
}
