/* responses_report.c - what the responses of networks say: plain ones beside residual ones of the same depth, residual ones of
 * different depths, and only where they were trained alike, as far as that is known. */
#include "lib/say.h"
#include "names.h"
#include "networks.h"
#include "responses.h"
#include "runtime/shared/os.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- What is found -------------------------------------------------------------------------------------------------- */

/* A network, or one trained with several seeds: deviations by layer. */
typedef struct profile {
    const char *network, *seeds[NETWORKS_MOST];
    char training[96]; /* "": not known */
    size_t first;      /* the first of its rows */
    size_t layers, count;
    double *x, *mean, *low, *high;   /* over the seeds */
    double average, lowest, highest; /* over the layers, and of that over the seeds */
} profile;

typedef struct findings {
    const csv *results;
    profile profiles[NETWORKS_MOST];
    size_t count;
} findings;

static size_t count_layers(const csv *results, size_t first)
{
    size_t row = first + 1;
    while (row < csv_rows(results) && csv_number(results, row, "layer") > 1 &&
           !strcmp(csv_text(results, row, "network"), csv_text(results, first, "network")))
        row++;
    return row - first;
}

/* Of the same network, trained alike with yet another seed. */
static bool is_another_seed(const profile *self, const csv *results, size_t first, size_t layers)
{
    char training[96];
    const char *network = csv_text(results, first, "network"), *seed = csv_text(results, first, "seed");
    size_t base = network_base(network);
    if (!*networks_training(results, first, training) || strcmp(training, self->training) || layers != self->layers ||
        network_base(self->network) != base || strncmp(network, self->network, base) || self->count == NETWORKS_MOST)
        return false;
    for (size_t i = 0; i < self->count; i++)
        if (!strcmp(self->seeds[i], seed)) return false;
    return true;
}

static bool begin_profile(profile *self, const csv *results, size_t first, size_t layers)
{
    *self = (profile){.network = csv_text(results, first, "network"), .first = first, .layers = layers};
    networks_training(results, first, self->training);
    self->x = calloc(4 * layers, sizeof *self->x);
    if (!self->x) return false;
    self->mean = self->x + layers;
    self->low = self->mean + layers;
    self->high = self->low + layers;
    return true;
}

static void add_seed(profile *self, const csv *results, size_t first)
{
    double sum = 0, n = (double)self->count;
    for (size_t i = 0; i < self->layers; i++) {
        double value = csv_number(results, first + i, "deviation");
        self->x[i] = (double)(i + 1);
        self->mean[i] = (n * self->mean[i] + value) / (n + 1);
        self->low[i] = n > 0 ? fmin(self->low[i], value) : value;
        self->high[i] = n > 0 ? fmax(self->high[i], value) : value;
        sum += value / (double)self->layers;
    }
    self->average = (n * self->average + sum) / (n + 1);
    self->lowest = n > 0 ? fmin(self->lowest, sum) : sum;
    self->highest = n > 0 ? fmax(self->highest, sum) : sum;
    self->seeds[self->count++] = csv_text(results, first, "seed");
}

static int find(const csv *results, findings *out)
{
    size_t layers;
    for (size_t first = 0; first < csv_rows(results); first += layers) {
        size_t i = 0;
        layers = count_layers(results, first);
        while (i < out->count && !is_another_seed(&out->profiles[i], results, first, layers)) i++;
        if (i == NETWORKS_MOST) break;
        if (i == out->count && !begin_profile(&out->profiles[out->count++], results, first, layers))
            return say_failure("no memory for the report");
        add_seed(&out->profiles[i], results, first);
    }
    return EXIT_OK;
}

static double extreme(const profile *self, double (*choose)(double, double))
{
    double found = self->mean[0];
    for (size_t i = 1; i < self->layers; i++) found = choose(found, self->mean[i]);
    return found;
}

static const char *average_text(const profile *self, char text[64])
{
    if (self->count > 1)
        snprintf(text, 64, "%.3f (%.3f to %.3f, %zu seeds)", self->average, self->lowest, self->highest, self->count);
    else
        snprintf(text, 64, "%.3f", self->average);
    return text;
}

static void put_table(const findings *found, report *out)
{
    static const char *const headings[] = {"network",   "trained",  ">3x3 layers", ">mean",
                                           ">smallest", ">largest", "largest in"};
    char text[64];
    table rows;
    table_begin(&rows, headings, 7);
    for (size_t i = 0; i < found->count; i++) {
        const profile *p = &found->profiles[i];
        size_t largest = 0;
        const double most = extreme(p, fmax);
        while (p->mean[largest] < most) largest++;
        table_cell(&rows, "%s", p->network);
        table_cell(&rows, "%s", *p->training ? p->training : "not known");
        table_cell(&rows, "%zu", p->layers);
        table_cell(&rows, "%s", average_text(p, text));
        table_cell(&rows, "%.3f", extreme(p, fmin));
        table_cell(&rows, "%.3f", most);
        table_cell(&rows, "%s", csv_text(found->results, p->first + largest, "name"));
    }
    report_table(out, &rows);
}

/* ---- The verdict ---------------------------------------------------------------------------------------------------- */

/* Two networks of which the paper says that the second responds more weakly. */
typedef bool pair_rule(const char *first, const char *second);

static bool plain_and_residual(const char *plain, const char *residual)
{
    return network_is_plain(plain) && network_is_twin(plain, residual);
}

static bool shallow_and_deep(const char *shallow, const char *deep)
{
    return !network_is_plain(shallow) && network_is_deeper(shallow, deep);
}

typedef enum likeness { ALIKE, NOT_KNOWN, UNEQUAL, LIKENESSES } likeness;

static likeness compare_training(const profile *a, const profile *b)
{
    if (!*a->training || !*b->training) return NOT_KNOWN;
    return strcmp(a->training, b->training) ? UNEQUAL : ALIKE;
}

typedef struct tally {
    size_t pairs[LIKENESSES], hold[LIKENESSES];
} tally;

static size_t weaker_layers(const profile *weak, const profile *strong)
{
    size_t count = 0;
    for (size_t i = 0; i < weak->layers; i++) count += weak->mean[i] < strong->mean[i];
    return count;
}

/* "resnet20 0.884, plain20 0.995, weaker in 16 of 19 layers" */
static void print_pair(const profile *first, const profile *second, FILE *file)
{
    char a[64], b[64];
    fprintf(file, "%s %s, %s %s", second->network, average_text(second, b), first->network, average_text(first, a));
    if (first->layers == second->layers)
        fprintf(file, ", weaker in %zu of %zu layers", weaker_layers(second, first), first->layers);
    if (*first->training && !compare_training(first, second)) fprintf(file, " (%s)", first->training);
}

/* Counts the pairs; or, with a file, prints those of a likeness. */
static tally go_through(const findings *found, pair_rule *rule, likeness wanted, FILE *file)
{
    tally made = {{0}};
    for (size_t i = 0; i < found->count; i++)
        for (size_t k = 0; k < found->count; k++) {
            const profile *first = &found->profiles[i], *second = &found->profiles[k];
            if (!rule(first->network, second->network)) continue;
            likeness like = compare_training(first, second);
            if (file && like == wanted) {
                if (made.pairs[like]) fputs("; ", file);
                print_pair(first, second, file);
            }
            made.pairs[like]++;
            made.hold[like] += second->average < first->average;
        }
    return made;
}

/* Answers from the pairs that were trained alike. If there are none, from those whose training is not known, and says so. */
static void answer(const findings *found, pair_rule *rule, const char *question, FILE *file)
{
    static const char *const which[] = {"trained alike", "whose training is not known and may differ"};
    tally all = go_through(found, rule, ALIKE, NULL);
    likeness best = all.pairs[ALIKE] ? ALIKE : NOT_KNOWN;
    size_t pairs = all.pairs[best], hold = all.hold[best];
    size_t rest = all.pairs[UNEQUAL] + (best == ALIKE ? all.pairs[NOT_KNOWN] : 0);
    if (pairs) {
        fprintf(file, "%s %s, in %zu of %zu pair%s %s: ", question,
                hold == pairs ? "Yes"
                : hold        ? "Not always"
                              : "No",
                hold, pairs, pairs > 1 ? "s" : "", which[best]);
        go_through(found, rule, best, file);
        fputs(". ", file);
    }
    if (rest)
        fprintf(file, "%s Not compared: %zu pair%s not known to be trained alike. ", pairs ? "" : question, rest,
                rest > 1 ? "s" : "");
}

static void put_verdict(const findings *found, report *out)
{
    size_t size;
    os_text memory;
    os_text_begin(&memory);
    if (memory.to) {
        answer(found, plain_and_residual,
               "Do residual networks respond more weakly, on average over their layers, than plain ones of the same "
               "depth?",
               memory.to);
        answer(found, shallow_and_deep,
               "Do deeper residual networks respond more weakly, on average over their layers, than shallower ones?",
               memory.to);
    }
    const profile *first = found->profiles;
    char *text = os_text_end(&memory, &size);
    if (!text)
        out->failed = say_failure("no memory for the verdict");
    else if (size)
        report_verdict(out, "%.*s", (int)size - 1, text);
    else if (found->count)
        report_verdict(
            out,
            "The 3x3 layers of %s respond with a standard deviation of %.3f on average (%.3f to %.3f). A comparison as "
            "in the paper needs a plain and a residual network of the same depth, or residual networks of two depths.",
            first->network, first->average, extreme(first, fmin), extreme(first, fmax));
    else
        report_verdict(out, "None yet: no network has been measured completely.");
    free(text);
}

/* ---- Pictures ------------------------------------------------------------------------------------------------------- */

static int descending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? 1 : x > y ? -1 : 0;
}

/* Solid for residual networks, dashed for plain ones. Sorts the means, so it comes last. */
static void put_lines(findings *found, bool sorted, report *out)
{
    plot_line lines[NETWORKS_MOST];
    for (size_t i = 0; i < found->count; i++) {
        profile *p = &found->profiles[i];
        if (sorted) qsort(p->mean, p->layers, sizeof *p->mean, descending);
        lines[i] = (plot_line){p->network,
                               p->x,
                               p->mean,
                               p->layers,
                               .color = (int)i,
                               .dashed = network_is_plain(p->network),
                               .low = sorted ? NULL : p->low,
                               .high = p->high};
    }
    plot made = {.title = sorted ? "Responses of 3x3 layers, the largest first" : "Responses of 3x3 layers",
                 .x_title = sorted ? "layer, by magnitude" : "layer, from the picture to the classifier",
                 .y_title = "standard deviation after batch norm (dashed: plain; solid: residual)",
                 .lines = lines,
                 .nlines = found->count,
                 .y_log = true};
    if (found->count) report_picture(out, &made, sorted ? "sorted" : "layers");
}

int responses_draw(const csv *results, report *out)
{
    findings *found = calloc(1, sizeof *found);
    if (!found) return say_failure("no memory for the report");
    found->results = results;
    int status = find(results, found);
    if (status == EXIT_OK) {
        report_paragraph(out,
                         "The response of a 3x3 convolution is its output after batch norm, before ReLU and addition. "
                         "This report has the standard deviation of the responses over all channels, places and "
                         "pictures. They were measured on %s pictures without augmentation; the batch norms used their "
                         "running averages. The paper (figure 7) finds generally smaller responses in residual "
                         "networks than in plain ones. It finds that they are smaller, the deeper a residual network "
                         "is: each layer changes the signal less. The figure gives no numbers to compare with.",
                         found->count ? csv_text(results, 0, "pictures") : "0");
        networks_describe(results, out);
        put_verdict(found, out);
        put_table(found, out);
        put_lines(found, false, out);
        put_lines(found, true, out);
    }
    for (size_t i = 0; i < found->count; i++) free(found->profiles[i].x);
    free(found);
    return status ? status : out->failed;
}
