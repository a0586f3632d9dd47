/* curves.c - see curves.h. */
#include "curves.h"
#include "args.h"
#include "plot.h"
#include "say.h"
#include <math.h>
#include <stdlib.h>

int curves_write(const char *folder, const char *title, const shunt_trainer *trainer)
{
    char path[4096];
    size_t count = shunt_trainer_rows(trainer);
    bool held = count > 0 && isfinite(shunt_trainer_row(trainer, 0)->validation_error);
    const size_t blocks = shunt_trainer_blocks(trainer);
    double *numbers = calloc(4 * count + 1, sizeof *numbers), *x = numbers, *training = x + count,
           *validation = training + count, *left = validation + count;
    if (!numbers) return say_failure("no memory to draw the curves");
    for (size_t i = 0; i < count; i++) {
        const shunt_train_row *row = shunt_trainer_row(trainer, i);
        x[i] = (double)row->epoch;
        training[i] = 100 * row->training_error;
        validation[i] = 100 * row->validation_error;
        left[i] = blocks ? 100 * (double)row->blocks_left / (double)blocks : 0;
    }
    plot_line lines[3] = {{"training", x, training, count, 0, false}};
    plot made = {.title = title,
                 .x_title = "epoch",
                 .y_title = "error, %",
                 .lines = lines,
                 .nlines = 1,
                 .bars_title = "after epoch 1, %"};
    if (held) lines[made.nlines++] = (plot_line){"validation", x, validation, count, 1, false};
    if (blocks) {
        lines[made.nlines++] = (plot_line){"blocks left", x, left, count, 2, true};
        made.y_title = "error; blocks left, %";
    }
    snprintf(path, sizeof path, "%s/curves", folder);
    int status = plot_write(&made, path);
    free(numbers);
    return status;
}
