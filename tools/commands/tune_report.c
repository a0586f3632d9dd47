/* tune_report.c - what shunt tune found, as a table or as JSON. */
#include "lib/say.h"
#include "lib/table.h"
#include "tune.h"

static int print_table(const tuning *self)
{
    static const char *const headings[] = {"STEP", ">TIMES", "BEST GUESS", ">MS", "CHOSEN", ">MS", ">GAIN"};
    table out;
    size_t i;
    json_t *row;
    table_begin(&out, headings, 7);
    json_array_foreach(self->chosen, i, row)
    {
        double before = number_of(row, "before_us") / 1e3, after = number_of(row, "us") / 1e3;
        table_cell(&out, "%s", text_of(row, "step"));
        table_cell(&out, "%.0f", number_of(row, "uses"));
        table_cell(&out, "%s", text_of(row, "before"));
        table_cell(&out, before > 0 ? "%.3f" : "-", before);
        table_cell(&out, "%s", text_of(row, "algorithm"));
        table_cell(&out, "%.3f", after);
        table_cell(&out, before > 0 ? "%.2f" : "-", before / after);
    }
    return table_end(&out);
}

/* A line for each type, and what follows from them. */
static void print_precisions(const tuning *self)
{
    size_t i;
    json_t *row;
    json_array_foreach(self->precisions, i, row)
    {
        const char *name = text_of(row, "precision"), *reason = text_of(row, "reason");
        if (number_of(row, "speedup") > 0)
            say_line("%-12s %.3f ms a run, f32 %.3f ms: %.2f times as fast, results off by %.2g", name,
                     number_of(row, "us") / 1e3, number_of(row, "f32_us") / 1e3, number_of(row, "speedup"),
                     number_of(row, "error"));
        else
            say_line("%-12s refused: it %s", name, reason);
    }
    if (self->fast) say_line("fast is      %s: %s", text_of(self->fast, "precision"), text_of(self->fast, "reason"));
}

static int print_report(const tuning *self)
{
    size_t count = json_array_size(self->chosen), i;
    double before = 0, after = 0;
    json_t *row;
    const char *selector = text_of(self->device, "selector");
    int status = count ? print_table(self) : EXIT_OK;
    json_array_foreach(self->chosen, i, row)
    {
        double guess = number_of(row, "before_us"), best = number_of(row, "us"), uses = number_of(row, "uses");
        before += uses * (guess > 0 ? guess : best);
        after += uses * best;
    }
    if (self->ops == 0)
        say_line("No op of %s has several algorithms on %s: there is nothing to tune.", shunt_model_name(self->model),
                 selector);
    else if (count == 0 && self->known == self->ops)
        printf("All %lld ops are tuned already; --full tries more candidates, --retry tries all again.\n",
               (long long)self->ops);
    if (count) printf("\nall of them  %.3f ms with the best guesses, %.3f ms tuned\n", before / 1e3, after / 1e3);
    print_precisions(self);
    say_line("device       %s (%s)", selector, text_of(self->device, "name"));
    say_line("kept in      %s/tuning.json", shunt_cache_folder());
    return status;
}

static int print_json_report(const tuning *self, const char *path)
{
    size_t i;
    json_t *row;
    json_array_foreach(self->chosen, i, row) json_object_del(row, "is");
    json_array_foreach(self->precisions, i, row) json_object_del(row, "is");
    if (self->fast) json_object_del(self->fast, "is");
    return print_json(json_pack("{s:s, s:I, s:s, s:s, s:I, s:I, s:O, s:O, s:O, s:O?, s:o}", "model",
                                shunt_model_name(self->model), "batch", (json_int_t)self->settings->batch, "device",
                                text_of(self->device, "selector"), "device_name", text_of(self->device, "name"), "ops",
                                self->ops, "known", self->known, "chosen", self->chosen, "dropped", self->dropped,
                                "precisions", self->precisions, "fast", self->fast, "file", json_text(path)),
                      false);
}

int tune_report(const tuning *self)
{
    char path[4096];
    if (!self->settings->output.json) return print_report(self);
    snprintf(path, sizeof path, "%s/tuning.json", shunt_cache_folder());
    return print_json_report(self, path);
}
