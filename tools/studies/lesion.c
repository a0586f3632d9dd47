/* lesion.c - blocks taken out of trained networks, one at a time and several at random, without training again: how much does
 * the error rise? Veit, Wilber, Belongie: Residual networks behave like ensembles of relatively shallow networks, 2016. */
#include "lesion.h"
#include "lib/say.h"
#include "networks.h"
#include <stdlib.h>

enum { MOST_NAMED = 1 << 14, USUAL_REMOVED = 5, USUAL_REPEATS = 5 };

/* reshapes: of one block, whether it changes the shape. blocks: with '+' between; "" where nothing is taken out. chance: the
 * error of guessing. */
static const char *const columns[] = {"network", "removed",        "repeat",   "blocks", "reshapes",
                                      "block",   "blocks_in_all",  "pictures", "wrong",  "error",
                                      "chance",  NETWORKS_COLUMNS, NULL};

/* A network and what can be taken out of it. */
typedef struct patient {
    const study_network *whole;
    int64_t *classes;    /* the network's, for each of the data's */
    size_t total, count; /* blocks in all; and of those that can be taken out */
    shunt_block blocks[LESION_MOST_BLOCKS];
    size_t places[LESION_MOST_BLOCKS]; /* of those: which of all they are, from 1 */
} patient;

typedef struct lesion {
    const char *names[LESION_MOST_BLOCKS];
    size_t count;
    int64_t repeat;
    size_t place; /* of one block: which it is */
    int reshapes;
} lesion;

static int find_blocks(const study_network *whole, patient *out)
{
    shunt_block block;
    out->whole = whole;
    out->total = out->count = 0;
    for (; shunt_model_block(whole->model, out->total, &block); out->total++) {
        if (block.needed) continue;
        if (out->count == LESION_MOST_BLOCKS)
            return say_failure("%s: more than %d blocks", whole->name, LESION_MOST_BLOCKS);
        out->places[out->count] = out->total + 1;
        out->blocks[out->count++] = block;
    }
    return out->count ? EXIT_OK : say_failure("%s: it has no blocks that could be taken out", whole->name);
}

static void put_row(csv *results, const patient *self, const lesion *done, const shunt_score *score)
{
    char names[MOST_NAMED] = "";
    size_t used = 0;
    for (size_t i = 0; i < done->count && used < sizeof names; i++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i ? "+" : "", done->names[i]);
    double classes = (double)shunt_model_classes(self->whole->model);
    csv_put(results, "%s", self->whole->name);
    csv_put(results, "%zu", done->count);
    csv_put(results, "%lld", (long long)done->repeat);
    csv_put(results, "%s", names);
    csv_put(results, "%d", done->reshapes);
    csv_put(results, "%zu", done->place);
    csv_put(results, "%zu", self->total);
    csv_put(results, "%lld", (long long)score->pictures);
    csv_put(results, "%lld", (long long)score->wrong);
    csv_put(results, "%.6f", (double)score->wrong / (double)score->pictures);
    csv_put(results, "%.6f", 1 - 1 / classes);
    networks_put_origin(self->whole, results);
}

static int evaluate(study_job *job, const patient *self, const lesion *wanted)
{
    const study_network *whole = self->whole;
    shunt_evaluate_options options = {.size = sizeof options,
                                      .limit = (size_t)whole->pictures,
                                      .progress = networks_progress,
                                      .classes = self->classes};
    shunt_graph *graph = NULL;
    shunt_score score;
    shunt_status failed = shunt_model_without(whole->model, wanted->names, wanted->count, &graph);
    if (!failed)
        failed = shunt_evaluate_with(graph, whole->weights, whole->device, whole->data,
                                     shunt_model_preprocess(whole->model), &options, &score);
    shunt_graph_destroy(graph);
    if (failed) return say_library_failure(whole->name);
    put_row(&job->results, self, wanted, &score);
    return EXIT_OK;
}

/* Evaluates the whole network, then without each block in turn. */
static int take_each(study_job *job, const patient *self)
{
    lesion wanted = {.count = 0};
    int status = evaluate(job, self, &wanted);
    for (size_t i = 0; status == EXIT_OK && i < self->count; i++) {
        wanted = (lesion){.names = {self->blocks[i].name},
                          .count = 1,
                          .place = self->places[i],
                          .reshapes = self->blocks[i].reshapes};
        status = evaluate(job, self, &wanted);
    }
    return status;
}

/* splitmix64 */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static int by_place(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return x < y ? -1 : x > y;
}

/* Draws `size` different blocks: the first ones of a shuffled list, put in the order of the network. */
static void draw_blocks(const patient *self, size_t size, uint64_t *state, lesion *out)
{
    size_t order[LESION_MOST_BLOCKS];
    for (size_t i = 0; i < self->count; i++) order[i] = i;
    for (size_t i = 0; i < size; i++) {
        size_t other = i + (size_t)(next_random(state) % (self->count - i)), item = order[i];
        order[i] = order[other];
        order[other] = item;
    }
    qsort(order, size, sizeof *order, by_place);
    out->count = size;
    for (size_t i = 0; i < size; i++) out->names[i] = self->blocks[order[i]].name;
}

/* The number that --remove gives, or the usual one. */
static int64_t most_removed(const study_job *job, const patient *self)
{
    int64_t wanted = job->settings->remove ? job->settings->remove : USUAL_REMOVED;
    return wanted < (int64_t)self->count ? wanted : (int64_t)self->count;
}

static int64_t repeats_of(const study_job *job)
{
    return job->settings->repeats ? job->settings->repeats : USUAL_REPEATS;
}

static int take_several(study_job *job, const patient *self)
{
    uint64_t state = job->settings->seed ? (uint64_t)job->settings->seed : 1;
    lesion wanted = {.count = 0};
    int status = EXIT_OK;
    for (int64_t size = 2; status == EXIT_OK && size <= most_removed(job, self); size++) {
        for (wanted.repeat = 1; status == EXIT_OK && wanted.repeat <= repeats_of(job); wanted.repeat++) {
            draw_blocks(self, (size_t)size, &state, &wanted);
            status = evaluate(job, self, &wanted);
        }
        if (status == EXIT_OK) status = study_update(job);
    }
    return status;
}

static int match_classes(const study_network *whole, int64_t **classes)
{
    *classes = calloc(shunt_dataset_classes(whole->data), sizeof **classes);
    if (!*classes) return say_failure("no memory");
    return shunt_dataset_match(whole->data, whole->model, *classes) ? say_library_failure(whole->name) : EXIT_OK;
}

/* All measurements on one network. */
static int take_out(study_job *job, const patient *self)
{
    int64_t sizes = most_removed(job, self) - 1;
    int64_t evaluations = 1 + (int64_t)self->count + (sizes > 0 ? sizes * repeats_of(job) : 0);
    networks_progress_begin(self->whole->name, evaluations * self->whole->pictures);
    int status = take_each(job, self);
    if (status == EXIT_OK) status = study_update(job);
    if (status == EXIT_OK) status = take_several(job, self);
    networks_progress_end();
    return status;
}

static int operate(study_job *job, const study_network *whole)
{
    patient self;
    int status = match_classes(whole, &self.classes);
    if (status == EXIT_OK) status = find_blocks(whole, &self);
    if (status == EXIT_OK) status = take_out(job, &self);
    free(self.classes);
    return status;
}

const study lesion_study = {
    .name = "lesion",
    .summary = "Lesions: the error of trained networks without some of their blocks",
    .takes = STUDY_DATA | STUDY_FILES | STUDY_MODELS | STUDY_TRAINS | STUDY_LIMIT | STUDY_LESION,
    .quick = {.models = "plain20,resnet20",
              .pictures = 4000,
              .epochs = 8,
              .batch = 32,
              .limit = 500,
              .remove = 3,
              .repeats = 3},
    .columns = columns,
    .later = NETWORKS_LATER,
    .measure = networks_measure,
    .look = operate,
    .draw = lesion_draw,
};
