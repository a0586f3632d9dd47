/* responses.c - the standard deviation of what each 3x3 layer gives after batch norm, before ReLU and addition: do residual
 * networks respond more weakly than plain ones, and deeper ones more weakly still? He et al. 2015, figure 7. */
#include "../say.h"
#include "networks.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const columns[] = {"network", "layer", "name", "pictures", "mean", "deviation", NULL};

/* ---- Measuring ------------------------------------------------------------------------------------------------------ */

static int measure_network(study_job *job, const networks *all, size_t index)
{
    const shunt_model *model = all->models[index];
    shunt_response_options options = {.kernel = 3, .limit = (size_t)all->pictures, .progress = networks_progress};
    shunt_response *responses;
    size_t count;
    if (shunt_measure_responses(shunt_model_graph(model), shunt_model_weights(model), all->device, all->data,
                                shunt_model_preprocess(model), &options, &responses, &count))
        return say_library_failure(all->names[index]);
    for (size_t i = 0; i < count; i++) {
        csv_put(&job->results, "%s", all->names[index]);
        csv_put(&job->results, "%zu", i + 1);
        csv_put(&job->results, "%s", responses[i].name);
        csv_put(&job->results, "%lld", (long long)all->pictures);
        csv_put(&job->results, "%.7g", responses[i].mean);
        csv_put(&job->results, "%.7g", responses[i].deviation);
    }
    free(responses);
    return study_update(job);
}

static int measure(study_job *job)
{
    networks all;
    int status = networks_open(job, &all);
    networks_progress_begin("looking", all.pictures * (int64_t)all.count);
    for (size_t i = 0; status == EXIT_OK && i < all.count; i++) status = measure_network(job, &all, i);
    networks_progress_end();
    networks_close(&all);
    return status;
}

/* ---- The report ----------------------------------------------------------------------------------------------------- */

/* A network's rows: they stand together, in the order of its layers. */
typedef struct profile {
    const char *network;
    size_t first, count;
    double mean, least, most; /* of the deviations */
} profile;

static size_t find_profiles(const csv *results, profile found[NETWORKS_MOST])
{
    size_t count = 0;
    for (size_t row = 0; row < csv_rows(results); row++) {
        const char *network = csv_text(results, row, "network");
        double deviation = csv_number(results, row, "deviation");
        if (!count || strcmp(found[count - 1].network, network)) {
            if (count == NETWORKS_MOST) break;
            found[count++] = (profile){.network = network, .first = row, .least = INFINITY};
        }
        profile *last = &found[count - 1];
        last->mean = (last->mean * (double)last->count + deviation) / (double)(last->count + 1);
        last->least = fmin(last->least, deviation);
        last->most = fmax(last->most, deviation);
        last->count++;
    }
    return count;
}

static void put_table(const csv *results, const profile *profiles, size_t count, report *out)
{
    static const char *const headings[] = {"network", ">3x3 layers", ">mean", ">smallest", ">largest", "largest in"};
    table rows;
    table_begin(&rows, headings, 6);
    for (size_t i = 0; i < count; i++) {
        const profile *p = &profiles[i];
        size_t largest = p->first;
        for (size_t row = p->first; row < p->first + p->count; row++)
            if (csv_number(results, row, "deviation") > csv_number(results, largest, "deviation")) largest = row;
        table_cell(&rows, "%s", p->network);
        table_cell(&rows, "%zu", p->count);
        table_cell(&rows, "%.3f", p->mean);
        table_cell(&rows, "%.3f", p->least);
        table_cell(&rows, "%.3f", p->most);
        table_cell(&rows, "%s", csv_text(results, largest, "name"));
    }
    report_table(out, &rows);
}

/* Pairs of networks of which the paper says that the second responds more weakly, and in how many of them it does. */
typedef struct comparison {
    size_t pairs, hold;
} comparison;

static comparison compare_kinds(const profile *profiles, size_t count)
{
    comparison made = {0};
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < count; k++) {
            const profile *plain = &profiles[i], *residual = &profiles[k];
            if (!network_is_plain(plain->network) || network_is_plain(residual->network) ||
                network_depth(plain->network) != network_depth(residual->network))
                continue;
            made.pairs++;
            made.hold += residual->mean < plain->mean;
        }
    return made;
}

static comparison compare_depths(const profile *profiles, size_t count)
{
    comparison made = {0};
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < count; k++) {
            const profile *shallow = &profiles[i], *deep = &profiles[k];
            if (network_is_plain(shallow->network) || network_is_plain(deep->network) ||
                network_depth(shallow->network) >= network_depth(deep->network))
                continue;
            made.pairs++;
            made.hold += deep->mean < shallow->mean;
        }
    return made;
}

static const char *in_words(comparison made)
{
    return made.hold == made.pairs ? "Yes" : made.hold ? "Not always" : "No";
}

static void put_verdict(const profile *profiles, size_t count, report *out)
{
    comparison kinds = compare_kinds(profiles, count), depths = compare_depths(profiles, count);
    char first[192] = "", second[192] = "";
    if (kinds.pairs)
        snprintf(first, sizeof first,
                 "Do residual networks respond more weakly than plain ones of the same depth? %s: on average over the "
                 "layers, in %zu of %zu pairs.",
                 in_words(kinds), kinds.hold, kinds.pairs);
    if (depths.pairs)
        snprintf(second, sizeof second,
                 "Do deeper residual networks respond more weakly than shallower ones? %s: in %zu of %zu pairs.",
                 in_words(depths), depths.hold, depths.pairs);
    if (*first || *second)
        report_verdict(out, "%s%s%s", first, *first && *second ? " " : "", second);
    else if (count)
        report_verdict(out,
                       "The 3x3 layers of %s respond with a deviation of %.3f on average, from %.3f to %.3f. What the "
                       "paper says is a comparison, which takes a plain network of the same depth or a deeper residual "
                       "one besides.",
                       profiles[0].network, profiles[0].mean, profiles[0].least, profiles[0].most);
    else
        report_verdict(out, "None yet: no network has been looked at to its end.");
}

static int descending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? 1 : x > y ? -1 : 0;
}

/* Solid for residual networks, dashed for plain ones. */
static void put_lines(const csv *results, const profile *profiles, size_t count, bool sorted, report *out)
{
    plot_line lines[NETWORKS_MOST];
    double *numbers = calloc(2 * csv_rows(results) + 1, sizeof *numbers), *at = numbers;
    for (size_t i = 0; numbers && i < count; i++) {
        const profile *p = &profiles[i];
        double *x = at, *y = at + p->count;
        for (size_t k = 0; k < p->count; k++) {
            x[k] = (double)(k + 1);
            y[k] = csv_number(results, p->first + k, "deviation");
        }
        if (sorted) qsort(y, p->count, sizeof *y, descending);
        lines[i] = (plot_line){
            p->network, x, y, p->count, .color = (int)(i % PLOT_COLORS), .dashed = network_is_plain(p->network)};
        at += 2 * p->count;
    }
    plot made = {.title = sorted ? "Responses of 3x3 layers, the largest first" : "Responses of 3x3 layers",
                 .x_title = sorted ? "layer, by magnitude" : "layer, from the picture to the classifier",
                 .y_title = "standard deviation after batch norm",
                 .lines = lines,
                 .nlines = count};
    if (numbers && count) report_picture(out, &made, sorted ? "sorted" : "layers");
    free(numbers);
}

static int draw(const csv *results, report *out)
{
    profile profiles[NETWORKS_MOST];
    size_t count = find_profiles(results, profiles);
    report_paragraph(out,
                     "What each 3x3 convolution gives after its batch norm, before ReLU and addition, has a standard "
                     "deviation over all channels, places and pictures. Here over %s pictures that are not augmented, "
                     "with the running averages in the batch norms. The paper (figure 7) finds it smaller in residual "
                     "networks than in plain ones, and smaller the deeper a residual network is: each layer changes "
                     "the signal less. Its figure has no numbers to set beside these.",
                     count ? csv_text(results, 0, "pictures") : "0");
    put_verdict(profiles, count, out);
    put_table(results, profiles, count, out);
    put_lines(results, profiles, count, false, out);
    put_lines(results, profiles, count, true, out);
    return out->failed;
}

const study responses_study = {
    .name = "responses",
    .summary = "Responses: how strongly each 3x3 layer of trained networks responds",
    .takes = STUDY_DATA | STUDY_FILES | STUDY_LIMIT,
    .columns = columns,
    .measure = measure,
    .draw = draw,
};
