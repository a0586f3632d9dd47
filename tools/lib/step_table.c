/* step_table.c - see step_table.h. */
#include "step_table.h"
#include "json_out.h"
#include "table.h"
#include <stdio.h>

int print_steps(const shunt_plan_report *plan)
{
    static const char *const headings[] = {"STEP", "KIND",  "DEVICE", "ALGORITHM",  "SRC",
                                           "DST",  ">FLOP", ">BYTES", ">WORKSPACE", "REFUSED ELSEWHERE"};
    char flops[16], bytes[16], workspace[16];
    int any_refused = 0;
    table out;
    for (size_t i = 0; i < plan->nsteps; i++) any_refused |= plan->steps[i]->refused != NULL;
    table_begin(&out, headings, any_refused ? 10 : 9);
    for (size_t i = 0; i < plan->nsteps; i++) {
        const shunt_step *step = plan->steps[i];
        table_cell(&out, "%s", step->name);
        table_cell(&out, "%s", step->kind);
        table_cell(&out, "%s", step->device);
        table_cell(&out, "%s%s%s", step->algorithm, step->params[0] ? " " : "", step->params);
        table_cell(&out, "%s", step->src);
        table_cell(&out, "%s", step->dst);
        table_cell(&out, "%s", human_count((double)step->flops, flops));
        table_cell(&out, "%s", human_bytes(step->bytes, bytes));
        table_cell(&out, "%s", human_bytes(step->workspace, workspace));
        if (any_refused) table_cell(&out, "%s", step->refused ? step->refused : "");
    }
    return table_end(&out);
}

/* The step's time on the roof as a share of the time that it took. */
static double share_of_roof(const shunt_step *step, const device_roof *roof)
{
    double arithmetic = (double)step->flops / roof->flops_per_second;
    double memory = (double)step->bytes / roof->bytes_per_second;
    return (arithmetic > memory ? arithmetic : memory) * 1e9 / (double)step->nanoseconds;
}

int print_step_times(const shunt_plan_report *plan, const device_roof *roof)
{
    static const char *const headings[] = {"STEP", "KIND",     "DEVICE", "ALGORITHM", ">MS",
                                           ">%",   ">GFLOP/s", ">GB/s",  ">% OF ROOF"};
    const int columns = roof->flops_per_second > 0 ? 9 : 8;
    table out;
    double total = 0;
    for (size_t i = 0; i < plan->nsteps; i++) total += (double)plan->steps[i]->nanoseconds;
    table_begin(&out, headings, columns);
    for (size_t i = 0; i < plan->nsteps; i++) {
        const shunt_step *step = plan->steps[i];
        double ns = (double)step->nanoseconds;
        table_cell(&out, "%s", step->name);
        table_cell(&out, "%s", step->kind);
        table_cell(&out, "%s", step->device);
        table_cell(&out, "%s%s%s", step->algorithm, step->params[0] ? " " : "", step->params);
        if (step->nanoseconds == 0) { /* the device tells no times */
            for (int column = 4; column < columns; column++) table_cell(&out, "-");
            continue;
        }
        table_cell(&out, "%.3f", ns * 1e-6);
        table_cell(&out, "%.1f", 100 * ns / total);
        table_cell(&out, "%.1f", (double)step->flops / ns);
        table_cell(&out, "%.1f", (double)step->bytes / ns);
        if (columns == 9) table_cell(&out, "%.0f", 100 * share_of_roof(step, roof));
    }
    int status = table_end(&out);
    printf("all steps  %.3f ms\n", total * 1e-6);
    return status;
}

json_t *steps_json(const shunt_plan_report *plan)
{
    json_t *array = json_array();
    for (size_t i = 0; i < plan->nsteps; i++) {
        const shunt_step *step = plan->steps[i];
        json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I}", "name", step->name, "kind",
                                   step->kind, "device", step->device, "algorithm", step->algorithm, "params",
                                   step->params, "src", step->src, "dst", step->dst, "flops", (json_int_t)step->flops,
                                   "bytes", (json_int_t)step->bytes, "workspace", (json_int_t)step->workspace);
        if (step->refused) json_put(object, "refused", json_string(step->refused));
        if (step->nanoseconds) json_put(object, "ms", json_real((double)step->nanoseconds * 1e-6));
        json_add(array, object);
    }
    return array;
}
