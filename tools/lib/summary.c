/* summary.c - see summary.h. */
#include "summary.h"
#include "precision.h"
#include "say.h"
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

double summary_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

typedef struct step_count {
    size_t all, elsewhere;
    shunt_precision taken;
} step_count;

static bool add_plan(const run_summary *self, shunt_executor *executor, const shunt_tensor_desc *inputs, size_t ninputs,
                     step_count *count)
{
    const shunt_plan_report *plan;
    const char *selector = shunt_device_describe(self->device)->selector;
    if (shunt_executor_report(executor, inputs, ninputs, &plan)) return false;
    for (size_t i = 0; i < plan->nsteps; i++) count->elsewhere += strcmp(plan->steps[i]->device, selector) != 0;
    count->all += plan->nsteps;
    count->taken = precision_of(executor);
    return true;
}

/* Finding objects may take several runs. */
static bool add_plans(const run_summary *self, step_count *count)
{
    shunt_tensor_desc inputs[SHUNT_DETECT_MOST_INPUTS];
    shunt_executor *executor;
    const int64_t *dims = self->input.dims;
    size_t ninputs, run = 0;
    if (!self->detect)
        return !shunt_model_executor(self->model, self->device, &executor) &&
               add_plan(self, executor, &self->input, 1, count);
    while (!shunt_detect_run(self->model, self->device, dims[2], dims[3], self->detect, run, &executor, inputs,
                             &ninputs) &&
           add_plan(self, executor, inputs, ninputs, count))
        run++;
    return run > 0;
}

/* How many of the plans' steps run elsewhere. */
static void note_steps(const run_summary *self, char *text, size_t size)
{
    step_count count = {0};
    *text = '\0';
    if (!add_plans(self, &count)) return;
    if (count.elsewhere)
        snprintf(text, size, ", %zu of %zu steps in plain C", count.elsewhere, count.all);
    else
        snprintf(text, size, ", all %zu steps on it", count.all);
    char precision[PRECISION_CHARS];
    const size_t used = strlen(text);
    if (!precision_is_usual(count.taken))
        snprintf(text + used, size - used, ", data in %s", precision_text(count.taken, precision));
}

void summary_say(const run_summary *self)
{
    char text[1200], steps[720] = "", failures[40] = "none failed";
    const shunt_device_entry *device = shunt_device_describe(self->device);
    if (self->failed < self->pictures) note_steps(self, steps, sizeof steps);
    if (self->failed) snprintf(failures, sizeof failures, "%zu failed", self->failed);
    snprintf(text, sizeof text, "%zu picture%s on %s (%.100s)%s: %.3g s, %.3g a second, %s", self->pictures,
             self->pictures == 1 ? "" : "s", device->selector, device->info->name, steps, self->seconds,
             (double)self->pictures / self->seconds, failures);
    say_info(text);
}
