/* lesion_report.c - what the errors of networks without some of their blocks say. */
#include "lesion.h"
#include "lib/say.h"
#include "networks.h"
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- What is found -------------------------------------------------------------------------------------------------- */

/* What the rows of a network say: errors in %. */
typedef struct findings {
    const char *network;
    double whole, chance;
    size_t blocks, singles, reshaping; /* blocks in all; taken out one at a time; of those: that change the shape */
    double kept[LESION_MOST_BLOCKS];   /* without each that keeps the shape, in rising order */
    size_t nkept, most;                /* most: blocks taken out together */
    double low, high;                  /* without each that changes it */
} findings;

static int rising(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double error_of(const csv *results, size_t row)
{
    return 100 * csv_number(results, row, "error");
}

static void add_single(const csv *results, size_t row, findings *to)
{
    double error = error_of(results, row);
    to->singles++;
    if (csv_number(results, row, "reshapes") == 0) {
        if (to->nkept < LESION_MOST_BLOCKS) to->kept[to->nkept++] = error;
        return;
    }
    to->low = to->reshaping ? fmin(to->low, error) : error;
    to->high = to->reshaping++ ? fmax(to->high, error) : error;
}

static void find(const csv *results, const char *network, findings *out)
{
    *out = (findings){.network = network, .whole = NAN};
    for (size_t row = 0; row < csv_rows(results); row++) {
        if (strcmp(csv_text(results, row, "network"), network)) continue;
        double removed = csv_number(results, row, "removed"), blocks = csv_number(results, row, "blocks_in_all");
        if (removed > (double)out->most && removed <= LESION_MOST_BLOCKS) out->most = (size_t)removed;
        if (blocks > 0 && blocks <= LESION_MOST_BLOCKS) out->blocks = (size_t)blocks;
        out->chance = 100 * csv_number(results, row, "chance");
        if (removed == 0) out->whole = error_of(results, row);
        if (removed == 1) add_single(results, row, out);
    }
    qsort(out->kept, out->nkept, sizeof *out->kept, rising);
}

static double median(const findings *of)
{
    return of->nkept % 2 ? of->kept[of->nkept / 2] : (of->kept[of->nkept / 2 - 1] + of->kept[of->nkept / 2]) / 2;
}

/* In words: what share of the way from the whole network's error to that of guessing the error rises without one block. */
static const char *in_words(const findings *of)
{
    if (of->chance - of->whole < 1) return "has learned nothing that it could lose";
    double share = (median(of) - of->whole) / (of->chance - of->whole);
    return share < 0.05   ? "hardly changes without one block"
           : share < 0.25 ? "still works without one block, with more errors"
           : share < 0.75 ? "is badly hurt by the loss of one block"
                          : "is destroyed by the loss of one block";
}

/* ---- The report ----------------------------------------------------------------------------------------------------- */

static void put_verdict(const findings *found, size_t count, report *out)
{
    FILE *file = report_verdict_begin(out);
    for (size_t i = 0; file && i < count; i++) {
        const findings *of = &found[i];
        if (!of->nkept || !isfinite(of->whole)) continue;
        fprintf(file,
                "%s%s %s. With all %zu blocks, the error is %.2f %%. Without one of the %zu that keep the shape, it is "
                "%.2f %% to %.2f %% (median %.2f %%).",
                ftell(file) ? " " : "", of->network, in_words(of), of->blocks, of->whole, of->nkept, of->kept[0],
                of->kept[of->nkept - 1], median(of));
        if (of->reshaping)
            fprintf(file,
                    " Without one of the %zu that change the shape, of which only the shortcut is left, it is %.2f %% "
                    "to %.2f %%.",
                    of->reshaping, of->low, of->high);
        fprintf(file, " Guessing has an error of %.0f %%.", of->chance);
    }
    if (file) report_verdict_end(out, "None yet: no network has been measured completely.");
}

static void put_table(const csv *results, report *out)
{
    static const char *const headings[] = {"network", "taken out", "changes the shape", ">wrong", ">error, %"};
    table rows;
    table_begin(&rows, headings, 5);
    for (size_t row = 0; row < csv_rows(results); row++) {
        double removed = csv_number(results, row, "removed");
        if (removed > 1) continue;
        table_cell(&rows, "%s", csv_text(results, row, "network"));
        table_cell(&rows, "%s", removed == 0 ? "nothing" : csv_text(results, row, "blocks"));
        table_cell(&rows, "%s", csv_number(results, row, "reshapes") != 0 ? "yes" : "");
        table_cell(&rows, "%s", csv_text(results, row, "wrong"));
        table_cell(&rows, "%.2f", error_of(results, row));
    }
    report_table(out, &rows);
}

/* A file's name: "resnet20 (2)" becomes "one-resnet20-2". */
static void name_file(const char *network, char name[NETWORK_NAME + 8])
{
    size_t used = (size_t)snprintf(name, NETWORK_NAME + 8, "one");
    for (bool gap = true; *network && used + 2 < NETWORK_NAME + 8; network++) {
        const bool plain = isalnum((unsigned char)*network) || strchr("-_.", *network);
        if (plain && gap) name[used++] = '-';
        if (plain) name[used++] = *network;
        gap = !plain;
    }
    name[used] = '\0';
}

/* Of all networks in %, so that their pictures have the same axis. */
static double most_error(const csv *results)
{
    double most = 0;
    for (size_t row = 0; row < csv_rows(results); row++)
        most = fmax(most, fmax(error_of(results, row), 100 * csv_number(results, row, "chance")));
    return most;
}

/* The error without each block, by its name. Dashed lines: the error of the whole network, and of guessing. */
static void put_singles_of(const csv *results, const findings *of, int color, double most, report *out)
{
    char title[NETWORK_NAME + 32], name[NETWORK_NAME + 8], note[128];
    plot_bar *bars = calloc(of->singles + 1, sizeof *bars);
    snprintf(title, sizeof title, "%s: one block taken out", of->network);
    snprintf(note, sizeof note, "dashed: the whole network %.2f %%, guessing %.0f %%%s", of->whole, of->chance,
             of->reshaping ? "; pale: blocks that change the shape" : "");
    plot_bars made = {.title = title,
                      .value_title = "test error without the block, %",
                      .note = note,
                      .bars = bars,
                      .marks = {of->whole, of->chance},
                      .hold = most};
    for (size_t row = 0; bars && row < csv_rows(results) && made.nbars < of->singles; row++)
        if (csv_number(results, row, "removed") == 1 && !strcmp(csv_text(results, row, "network"), of->network))
            bars[made.nbars++] =
                (plot_bar){csv_text(results, row, "blocks"),         error_of(results, row), NAN, NAN, color,
                           csv_number(results, row, "reshapes") != 0};
    name_file(of->network, name);
    if (made.nbars) report_bars(out, &made, name);
    free(bars);
}

/* Means over the repeats, by how many blocks are taken out, with their spread. 0: the whole network. */
static void mean_errors(const csv *results, const findings *of, double *x, double *mean, double *low, double *high)
{
    size_t counts[LESION_MOST_BLOCKS + 1] = {0};
    for (size_t size = 0; size <= of->most; size++) {
        x[size] = (double)size;
        mean[size] = 0;
        low[size] = INFINITY, high[size] = -INFINITY;
    }
    for (size_t row = 0; row < csv_rows(results); row++) {
        double removed = csv_number(results, row, "removed"), error = error_of(results, row);
        if (!(removed >= 0 && removed <= (double)of->most) || removed != floor(removed) ||
            strcmp(csv_text(results, row, "network"), of->network))
            continue;
        size_t size = (size_t)removed;
        counts[size]++;
        mean[size] += error;
        low[size] = fmin(low[size], error);
        high[size] = fmax(high[size], error);
    }
    for (size_t size = 0; size <= of->most; size++) mean[size] /= (double)counts[size]; /* NaN where there is none */
}

static void put_several(const csv *results, const findings *found, size_t count, report *out)
{
    plot_line lines[NETWORKS_MOST];
    size_t room = 0;
    for (size_t i = 0; i < count; i++) room += 4 * (found[i].most + 1);
    double *numbers = calloc(room + 1, sizeof *numbers), *at = numbers;
    for (size_t i = 0; numbers && i < count; i++) {
        size_t n = found[i].most + 1;
        mean_errors(results, &found[i], at, at + n, at + 2 * n, at + 3 * n);
        lines[i] = (plot_line){found[i].network, at, at + n, n, .color = (int)i, .low = at + 2 * n, .high = at + 3 * n};
        at += 4 * n;
    }
    plot made = {.title = "Blocks taken out at random",
                 .x_title = "blocks taken out",
                 .y_title = "test error, %: mean, smallest and largest",
                 .lines = lines,
                 .nlines = count};
    if (numbers && count) report_picture(out, &made, "several");
    free(numbers);
}

static size_t find_all(const csv *results, findings **out)
{
    size_t count = 0;
    *out = calloc(NETWORKS_MOST, sizeof **out);
    for (size_t row = 0; *out && row < csv_rows(results); row++) {
        const char *network = csv_text(results, row, "network");
        size_t i = 0;
        while (i < count && strcmp((*out)[i].network, network)) i++;
        if (i == count && count < NETWORKS_MOST) find(results, network, &(*out)[count++]);
    }
    return count;
}

int lesion_draw(const csv *results, report *out)
{
    findings *found;
    size_t count = find_all(results, &found);
    if (!found) return say_failure("no memory for the report");
    report_paragraph(
        out,
        "This study takes blocks out of trained networks, and does not train them again. The shortcut of a residual "
        "block stays. A block of a plain network leaves nothing, so blocks that change the shape are not taken out "
        "there. The errors are on %s pictures. Veit et al. (2016) studied a residual network of 110 layers. Its error "
        "hardly rises without one block, unless that block changes the shape, and it rises smoothly as more blocks are "
        "taken out. A plain network does not survive the loss of one layer.",
        count ? csv_text(results, 0, "pictures") : "0");
    networks_describe(results, out);
    put_verdict(found, count, out);
    put_table(results, out);
    for (size_t i = 0; i < count; i++) put_singles_of(results, &found[i], (int)i, most_error(results), out);
    put_several(results, found, count, out);
    free(found);
    return out->failed;
}
