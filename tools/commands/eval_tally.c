/* eval_tally.c - see eval_tally.h. Mistakes are kept one by one, since a square of a large number of classes may not fit. */
#include "eval_tally.h"
#include "commands.h"
#include "lib/say.h"
#include "lib/table.h"
#include <stdlib.h>

int tally_begin(tally *self, const shunt_model *model, double threshold)
{
    const int64_t classes = shunt_model_outcomes(model);
    *self = (tally){.head = shunt_model_head(model),
                    .threshold = threshold,
                    .classes = classes,
                    .by_class = calloc((size_t)classes, sizeof(tally_class))};
    return self->by_class ? EXIT_OK : say_failure("no memory for %lld classes", (long long)classes);
}

void tally_end(tally *self)
{
    free(self->by_class);
    free(self->pairs);
}

static int add_pair(tally *self, int64_t label, int64_t predicted)
{
    if (self->npairs == self->room) {
        size_t room = self->room ? 2 * self->room : 256;
        tally_pair *pairs = reallocarray(self->pairs, room, sizeof *pairs);
        if (!pairs) return say_failure("no memory for the mistakes");
        self->pairs = pairs;
        self->room = room;
    }
    self->pairs[self->npairs++] = (tally_pair){label, predicted, 1};
    return EXIT_OK;
}

int tally_add(tally *self, const double *probabilities, int64_t label, int64_t *best)
{
    int64_t rank = 0; /* how many classes come before the label; of equals the first one does */
    *best = 0;
    for (int64_t c = 0; c < self->classes; c++) {
        if (probabilities[c] > probabilities[*best]) *best = c;
        bool before = probabilities[c] > probabilities[label];
        rank += before || (c < label && !(probabilities[c] < probabilities[label]));
        self->named += probabilities[c] >= self->threshold;
    }
    self->missed += probabilities[label] < self->threshold;
    if (self->head == SHUNT_HEAD_SIGMOID) {
        *best = probabilities[1] >= self->threshold;
        rank = *best != label;
    }
    tally_class *of = &self->by_class[label];
    self->count++, of->count++;
    self->wrong1 += rank >= 1, of->wrong1 += rank >= 1;
    self->wrong5 += rank >= 5, of->wrong5 += rank >= 5;
    return rank ? add_pair(self, label, *best) : EXIT_OK;
}

/* The counts as one row of numbers, and back. 2^53 pictures are exact. */
static void copy_counts(tally *self, double *row, bool back)
{
    uint64_t *const counts[] = {&self->count, &self->wrong1, &self->wrong5, &self->bad, &self->missed, &self->named};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++, row++) {
        if (back) *counts[i] = (uint64_t)*row;
        *row = (double)*counts[i];
    }
    for (int64_t c = 0; c < self->classes; c++) {
        uint64_t *const of[] = {&self->by_class[c].count, &self->by_class[c].wrong1, &self->by_class[c].wrong5};
        for (size_t i = 0; i < sizeof of / sizeof *of; i++, row++) {
            if (back) *of[i] = (uint64_t)*row;
            *row = (double)*of[i];
        }
    }
}

static int merge_pairs(tally *self, shunt_ranks *ranks)
{
    void *all = NULL;
    size_t bytes = 0;
    if (shunt_ranks_gather(ranks, self->pairs, self->npairs * sizeof *self->pairs, &all, &bytes))
        return say_library_failure(NULL);
    if (!all) return EXIT_OK;
    free(self->pairs);
    self->pairs = all;
    self->npairs = self->room = bytes / sizeof *self->pairs;
    return EXIT_OK;
}

int tally_merge(tally *self, shunt_ranks *ranks)
{
    const size_t count = 6 + 3 * (size_t)self->classes;
    double *row = calloc(count, sizeof *row);
    if (!row) return say_failure("no memory");
    copy_counts(self, row, false);
    int status = shunt_ranks_sum(ranks, row, count) ? say_library_failure(NULL) : EXIT_OK;
    if (status == EXIT_OK) copy_counts(self, row, true);
    free(row);
    return status == EXIT_OK ? merge_pairs(self, ranks) : status;
}

static int by_pair(const void *a, const void *b)
{
    const tally_pair *x = a, *y = b;
    if (x->label != y->label) return x->label < y->label ? -1 : 1;
    return (x->predicted > y->predicted) - (x->predicted < y->predicted);
}

static int by_count(const void *a, const void *b)
{
    const tally_pair *x = a, *y = b;
    if (x->count != y->count) return x->count > y->count ? -1 : 1;
    return by_pair(a, b);
}

void tally_sort(tally *self)
{
    size_t distinct = 0;
    if (!self->npairs) return;
    qsort(self->pairs, self->npairs, sizeof *self->pairs, by_pair);
    for (size_t i = 0; i < self->npairs; i++) {
        if (distinct && !by_pair(&self->pairs[distinct - 1], &self->pairs[i]))
            self->pairs[distinct - 1].count++;
        else
            self->pairs[distinct++] = self->pairs[i];
    }
    self->npairs = distinct;
    qsort(self->pairs, self->npairs, sizeof *self->pairs, by_count);
}

static double percent(uint64_t part, uint64_t whole)
{
    return 100 * (double)part / (double)whole;
}

/* ---- Text ----------------------------------------------------------------------------------------------------- */

static void cell_class(table *into, const shunt_model *model, int64_t class)
{
    const char *label = shunt_model_label(model, class);
    if (label)
        table_cell(into, "%lld %s", (long long)class, label);
    else
        table_cell(into, "%lld", (long long)class);
}

int tally_print_classes(const tally *self, const shunt_model *model)
{
    static const char *const headings[] = {"class", ">pictures", ">top-1 error %", ">top-5 error %"};
    table out;
    table_begin(&out, headings, 4);
    for (int64_t c = 0; c < self->classes; c++) {
        const tally_class *of = &self->by_class[c];
        if (!of->count) continue;
        cell_class(&out, model, c);
        table_cell(&out, "%llu", (unsigned long long)of->count);
        table_cell(&out, "%.2f", percent(of->wrong1, of->count));
        table_cell(&out, "%.2f", percent(of->wrong5, of->count));
    }
    putchar('\n');
    return table_end(&out);
}

int tally_print_pairs(const tally *self, const shunt_model *model, size_t most)
{
    static const char *const headings[] = {"class", "taken for", ">pictures", ">% of class"};
    table out;
    table_begin(&out, headings, 4);
    for (size_t i = 0; i < self->npairs && i < most; i++) {
        const tally_pair *pair = &self->pairs[i];
        cell_class(&out, model, pair->label);
        cell_class(&out, model, pair->predicted);
        table_cell(&out, "%llu", (unsigned long long)pair->count);
        table_cell(&out, "%.2f", percent(pair->count, self->by_class[pair->label].count));
    }
    putchar('\n');
    return table_end(&out);
}

/* ---- JSON ------------------------------------------------------------------------------------------------------- */

static json_t *label_json(const shunt_model *model, int64_t class)
{
    const char *label = shunt_model_label(model, class);
    return label ? json_text(label) : json_null();
}

json_t *tally_classes_json(const tally *self, const shunt_model *model)
{
    json_t *list = json_array();
    for (int64_t c = 0; c < self->classes; c++) {
        const tally_class *of = &self->by_class[c];
        if (!of->count) continue;
        json_add(list, json_pack("{s:I, s:o, s:I, s:f, s:f}", "class", (json_int_t)c, "label", label_json(model, c),
                                 "images", (json_int_t)of->count, "top1_error", percent(of->wrong1, of->count),
                                 "top5_error", percent(of->wrong5, of->count)));
    }
    return list;
}

json_t *tally_pairs_json(const tally *self, const shunt_model *model, size_t most)
{
    json_t *list = json_array();
    for (size_t i = 0; i < self->npairs && i < most; i++) {
        const tally_pair *pair = &self->pairs[i];
        json_add(list,
                 json_pack("{s:I, s:o, s:I, s:o, s:I}", "class", (json_int_t)pair->label, "label",
                           label_json(model, pair->label), "predicted", (json_int_t)pair->predicted, "predicted_label",
                           label_json(model, pair->predicted), "images", (json_int_t)pair->count));
    }
    return list;
}
