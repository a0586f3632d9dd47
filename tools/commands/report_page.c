/* report_page.c - the page of a report: what its JSON has, as Markdown for people. */
#include "report.h"

#include <string.h>

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "not known";
}

static double number_of(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static bool is_named(const json_t *row, const char *key, const char *value)
{
    return !strcmp(text_of(row, key), value);
}

/* ---- The device ------------------------------------------------------------------------------------------------- */

static void print_device(const json_t *report, FILE *to)
{
    const json_t *device = json_object_get(report, "device"), *processor = json_object_get(report, "processor");
    const json_t *roof = json_object_get(report, "roof");
    fprintf(to, "# %s\n\n| | |\n|---|---|\n", text_of(device, "name"));
    fprintf(to, "| driver | %s, %s |\n", text_of(device, "platform"), text_of(device, "driver"));
    fprintf(to, "| kind | %s, %.1f GiB |\n", text_of(device, "type"), number_of(device, "memory") / 0x1p30);
    if (json_is_object(roof))
        fprintf(to, "| measured peak | %.0f GFLOP/s of float32 multiply-adds, %.0f GB/s of memory |\n",
                number_of(roof, "gflops"), number_of(roof, "gbytes_per_second"));
    fprintf(to, "| in | %s |\n", text_of(report, "host"));
    if (json_is_object(processor))
        fprintf(to, "| processor beside it | %s, by %s |\n", text_of(processor, "name"),
                text_of(processor, "platform"));
    fprintf(to, "| Shunt | %s, %s%s |\n", text_of(report, "shunt"), text_of(report, "date"),
            json_is_true(json_object_get(report, "quick")) ? ", `shunt report --quick`" : "");
}

static void print_verdict(const json_t *report, FILE *to)
{
    const json_t *verify = json_object_get(report, "verify"), *check;
    const char *how =
        json_is_true(json_object_get(verify, "quick")) ? "`shunt verify --quick`" : "`shunt verify --count 20`";
    size_t i;
    fprintf(to, "| results | %s: %s", how, text_of(verify, "verdict"));
    if (json_object_get(verify, "checks")) fprintf(to, ", %.0f checks", number_of(verify, "checks"));
    if (json_object_get(verify, "problem")) fprintf(to, ": %s", text_of(verify, "problem"));
    fputs(" |\n", to);
    json_array_foreach(json_object_get(verify, "failed"), i, check)
        fprintf(to, "| wrong | %s: %s |\n", text_of(check, "check"), text_of(check, "problem"));
}

/* ---- Times ------------------------------------------------------------------------------------------------------ */

/* The row of the same model and batch, in the same task, with these; NULL: there is none. */
static const json_t *find_time(const json_t *times, const json_t *like, const char *precision, const char *on,
                               const char *choice)
{
    json_t *row;
    size_t i;
    json_array_foreach(times, i, row) if (is_named(row, "precision", precision) && is_named(row, "on", on) &&
                                          is_named(row, "choice", choice) &&
                                          is_named(row, "model", text_of(like, "model")) &&
                                          is_named(row, "task", text_of(like, "task")) &&
                                          number_of(row, "batch") == number_of(like, "batch")) return row;
    return NULL;
}

/* "12.3": milliseconds a picture; "-": not measured; "no": it failed. */
static void print_time(const json_t *row, FILE *to)
{
    if (!row)
        fputs(" - |", to);
    else if (json_object_get(row, "problem"))
        fputs(" no |", to);
    else
        fprintf(to, number_of(row, "ms_per_image") < 100 ? " %.3g |" : " %.0f |", number_of(row, "ms_per_image"));
}

static bool is_base(const json_t *row)
{
    return is_named(row, "precision", "f32") && is_named(row, "on", "device") && is_named(row, "choice", "best guess");
}

static void print_times(const json_t *times, FILE *to)
{
    json_t *row;
    size_t i;
    fputs("\nMilliseconds a picture, the median of the runs:\n\n"
          "| network | batch | task | f32 | f32, tuned | f16 | bf16 | processor, f32 "
          "|\n|---|---|---|---|---|---|---|---|\n",
          to);
    json_array_foreach(times, i, row)
    {
        if (!is_base(row)) continue;
        fprintf(to, "| %s | %.0f | %s |", text_of(row, "model"), number_of(row, "batch"), text_of(row, "task"));
        print_time(row, to);
        print_time(find_time(times, row, "f32", "device", "tuned"), to);
        print_time(find_time(times, row, "f16", "device", "best guess"), to);
        print_time(find_time(times, row, "bf16", "device", "best guess"), to);
        print_time(find_time(times, row, "f32", "processor", "best guess"), to);
        fputc('\n', to);
    }
}

/* Why measurements are missing, each reason once. */
static void print_problems(const json_t *times, FILE *to)
{
    json_t *row, *before;
    size_t i, j;
    json_array_foreach(times, i, row)
    {
        bool said = false;
        if (!json_object_get(row, "problem")) continue;
        json_array_foreach(times, j, before) said = said || (j < i && json_object_get(before, "problem") &&
                                                             is_named(before, "problem", text_of(row, "problem")));
        if (!said)
            fprintf(to, "\nNo %s of %s, batch %.0f, %s: %s\n", text_of(row, "task"), text_of(row, "model"),
                    number_of(row, "batch"), text_of(row, "precision"), text_of(row, "problem"));
    }
}

bool report_print_page(const json_t *report, FILE *to)
{
    const json_t *times = json_object_get(report, "times");
    if (!json_is_object(json_object_get(report, "device")) || !json_is_object(json_object_get(report, "verify")) ||
        !json_is_array(times))
        return false;
    print_device(report, to);
    print_verdict(report, to);
    print_times(times, to);
    print_problems(times, to);
    return !ferror(to);
}
