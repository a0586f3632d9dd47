/* lesion_report.c - what the errors of networks without some of their blocks say. */
#include "lesion.h"
#include "lib/say.h"
#include "networks.h"
#include "runtime/shared/os.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- What is found -------------------------------------------------------------------------------------------------- */

/* What the rows of a network say: errors in %. */
typedef struct findings {
    const char *network;
    double whole, chance;
    size_t blocks, singles, reshaping; /* blocks in all; taken out one at a time; of those: that change the shape */
    double places[LESION_MOST_BLOCKS]; /* 1, 2 ... */
    double errors[LESION_MOST_BLOCKS]; /* without each block, of all; NaN: it was not taken out */
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
    double error = error_of(results, row), place = csv_number(results, row, "block");
    if (place >= 1 && place <= LESION_MOST_BLOCKS) to->errors[(size_t)place - 1] = error;
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
    for (size_t i = 0; i < LESION_MOST_BLOCKS; i++) {
        out->places[i] = (double)(i + 1);
        out->errors[i] = NAN;
    }
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
    size_t size;
    os_text memory;
    os_text_begin(&memory);
    FILE *file = memory.to;
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
    char *text = os_text_end(&memory, &size);
    if (!text)
        out->failed = say_failure("no memory for the verdict");
    else
        report_verdict(out, "%s", *text ? text : "None yet: no network has been measured completely.");
    free(text);
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

/* The error without each block. Dashed: the error of the whole network. */
static void put_singles(const findings *found, size_t count, report *out)
{
    plot_line lines[2 * NETWORKS_MOST];
    double ends[NETWORKS_MOST][2], wholes[NETWORKS_MOST][2];
    char labels[NETWORKS_MOST][NETWORK_NAME + 16];
    for (size_t i = 0; i < count; i++) {
        const findings *of = &found[i];
        ends[i][0] = 1;
        ends[i][1] = (double)of->blocks;
        wholes[i][0] = wholes[i][1] = of->whole;
        snprintf(labels[i], sizeof labels[i], "%s, whole", of->network);
        lines[2 * i] = (plot_line){of->network, of->places, of->errors, of->blocks, .color = (int)(i % PLOT_COLORS)};
        lines[2 * i + 1] =
            (plot_line){labels[i], ends[i], wholes[i], 2, .color = (int)(i % PLOT_COLORS), .dashed = true};
    }
    plot made = {.title = "One block taken out",
                 .x_title = "block, from the picture to the classifier",
                 .y_title = "test error without it, %",
                 .lines = lines,
                 .nlines = 2 * count};
    if (count) report_picture(out, &made, "one");
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
        lines[i] = (plot_line){found[i].network,  at, at + n, n, .color = (int)(i % PLOT_COLORS), .low = at + 2 * n,
                               .high = at + 3 * n};
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
    put_singles(found, count, out);
    put_several(results, found, count, out);
    free(found);
    return out->failed;
}
