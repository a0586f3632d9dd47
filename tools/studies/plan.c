/* plan.c - see plan.h. */
#include "plan.h"
#include "lib/output.h"
#include "lib/say.h"
#include <string.h>
#include <unistd.h>

/* The options in study.json. A fixed one decides the results, so it cannot change after the study began. */
static const struct plan_field {
    const char *name;
    bool fixed, number;
    size_t offset;
} fields[] = {{"quick", true, true, offsetof(study_settings, pictures)},
              {"data", false, false, offsetof(study_settings, data)},
              {"depths", false, false, offsetof(study_settings, depths)},
              {"models", false, false, offsetof(study_settings, models)},
              {"seeds", false, true, offsetof(study_settings, seeds)},
              {"recipe", true, false, offsetof(study_settings, recipe)},
              {"batch", true, true, offsetof(study_settings, batch)},
              {"budget", true, true, offsetof(study_settings, budget)},
              {"epochs", true, true, offsetof(study_settings, epochs)},
              {"limit", true, true, offsetof(study_settings, limit)},
              {"remove", true, true, offsetof(study_settings, remove)},
              {"repeats", true, true, offsetof(study_settings, repeats)},
              {"seed", true, true, offsetof(study_settings, seed)}};
enum { NFIELDS = sizeof fields / sizeof *fields };

static void *field_of(const study_settings *settings, const struct plan_field *field)
{
    return (char *)settings + field->offset;
}

static const char *path_of(const study_settings *settings, char path[4096])
{
    snprintf(path, 4096, "%s/study.json", settings->out);
    return path;
}

/* An option that was not typed is taken from the plan. If the plan has a fixed one too, the two must agree. */
static int recall_number(const struct plan_field *field, const json_t *kept, int64_t *typed, const char *path)
{
    int64_t old = json_integer_value(kept);
    if (field->fixed && *typed && *typed != old)
        return old ? say_usage("%s: the study began with --%s %lld; leave --%s out, or name another --out", path,
                               field->name, (long long)old, field->name)
                   : say_usage("%s: the study began without --%s; leave it out, or name another --out", path,
                               field->name);
    if (!*typed) *typed = old;
    return EXIT_OK;
}

static int recall_text(const struct plan_field *field, const json_t *kept, const char **typed, const char *path)
{
    const char *old = json_string_value(kept);
    if (field->fixed && *typed && (!old || strcmp(*typed, old)))
        return say_usage("%s: the study began %s --%s%s%s; leave --%s out, or name another --out", path,
                         old ? "with" : "without", field->name, old ? " " : "", old ? old : "", field->name);
    if (!*typed) *typed = old;
    return EXIT_OK;
}

int plan_recall(const char *name, study_settings *settings, json_t **plan)
{
    char path[4096];
    json_error_t error;
    *plan = NULL;
    if (access(path_of(settings, path), F_OK)) return EXIT_OK;
    *plan = json_load_file(path, 0, &error);
    const char *theirs = json_string_value(json_object_get(*plan, "study"));
    if (!theirs) return say_failure("%s: this file is not from a study; name another --out", path);
    if (strcmp(name, theirs)) return say_usage("%s: this file is from the study %s; name another --out", path, theirs);
    int status = EXIT_OK;
    for (int i = 0; status == EXIT_OK && i < NFIELDS; i++) {
        const json_t *kept = json_object_get(*plan, fields[i].name);
        void *typed = field_of(settings, &fields[i]);
        status = fields[i].number ? recall_number(&fields[i], kept, typed, path)
                                  : recall_text(&fields[i], kept, typed, path);
    }
    return status;
}

int64_t plan_epochs(const json_t *plan)
{
    return json_integer_value(json_object_get(plan, "budget_epochs"));
}

int plan_keep(const char *name, const study_settings *settings, int64_t epochs)
{
    char path[4096];
    output file;
    json_t *plan = json_pack("{s:s, s:I}", "study", name, "budget_epochs", (json_int_t)epochs);
    for (int i = 0; i < NFIELDS; i++) {
        const void *field = field_of(settings, &fields[i]);
        const char *text = fields[i].number ? NULL : *(const char *const *)field;
        if (fields[i].number)
            json_put(plan, fields[i].name, json_integer(*(const int64_t *)field));
        else if (text)
            json_put(plan, fields[i].name, json_text(text));
    }
    int status = output_begin(&file, path_of(settings, path));
    bool written = status == EXIT_OK && json_write(plan, file.file, JSON_INDENT(2));
    if (status == EXIT_OK) status = output_end(&file, written);
    json_decref(plan);
    if (status == EXIT_OK && !written) status = say_failure("%s: cannot be made", path);
    return status;
}
