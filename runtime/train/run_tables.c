/* run_tables.c - the tables of a run, written again after each epoch from the rows that the checkpoint also holds. Whenever
 * a run is killed, they agree with the checkpoint once the run continues. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/base/error.h"
#include "runtime/base/decimal.h"
#include "runtime/base/file.h"
#include "runtime/shared/os.h"
#include "runtime/train/trainer.h"

static void print_rows(const shunt_trainer *self, FILE *file)
{
    fprintf(file, "epoch,step,rate,training_loss,training_error,validation_loss,validation_error,seconds%s%s\n",
            self->nbranches ? ",blocks_left" : "", self->ghost.blocks ? ",share" : "");
    for (size_t i = 0; i < self->nrows; i++) {
        const shunt_train_row *row = &self->rows[i];
        fprintf(file, "%" PRId64 ",%" PRId64 ",%.6g,%.6f,%.6f,", row->epoch, row->step, row->rate, row->training_loss,
                row->training_error);
        if (isfinite(row->validation_error))
            fprintf(file, "%.6f,%.6f", row->validation_loss, row->validation_error);
        else
            fputc(',', file);
        fprintf(file, ",%.1f", row->seconds);
        if (self->nbranches) fprintf(file, ",%" PRId64, row->blocks_left);
        if (self->ghost.blocks) fprintf(file, ",%.6f", row->share);
        fputc('\n', file);
    }
}

static void print_gradients(const shunt_trainer *self, FILE *file)
{
    fputs("epoch,parameter,norm\n", file);
    for (size_t i = 0; i < json_array_size(self->gradient_rows); i++)
        for (size_t k = 0; k < self->gradients.count; k++)
            fprintf(file, "%zu,%s,%.6e\n", i + 1, self->gradients.names[k],
                    train_number_of(json_array_get(json_array_get(self->gradient_rows, i), k)));
}

static shunt_status write_table(const shunt_trainer *self, const char *name,
                                void (*print)(const shunt_trainer *self, FILE *file))
{
    file_writer writer;
    char *path;
    if (asprintf(&path, "%s/%s", self->out, name) < 0) return error_memory();
    shunt_status status = file_write_begin(&writer, path);
    free(path);
    if (status) return status;
    void *before = os_plain_numbers_begin();
    print(self, writer.file);
    os_plain_numbers_end(before);
    return file_write_end(&writer, 1);
}

shunt_status train_save_tables(const shunt_trainer *self)
{
    if (!self->out) return SHUNT_OK;
    shunt_status status = write_table(self, "log.csv", print_rows);
    return !status && self->gradients.count ? write_table(self, "gradients.csv", print_gradients) : status;
}
