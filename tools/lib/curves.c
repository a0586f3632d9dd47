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
    double *numbers = calloc(3 * count + 1, sizeof *numbers), *x = numbers, *training = x + count,
           *validation = training + count;
    if (!numbers) return say_failure("no memory to draw the curves");
    for (size_t i = 0; i < count; i++) {
        const shunt_train_row *row = shunt_trainer_row(trainer, i);
        x[i] = (double)row->epoch;
        training[i] = 100 * row->training_error;
        validation[i] = 100 * row->validation_error;
    }
    const plot_line lines[] = {{"training", x, training, count, 0, false},
                               {"validation", x, validation, count, 1, false}};
    const plot made = {
        .title = title, .x_title = "epoch", .y_title = "error, %", .lines = lines, .nlines = held ? 2 : 1};
    snprintf(path, sizeof path, "%s/curves", folder);
    int status = plot_write(&made, path);
    free(numbers);
    return status;
}
