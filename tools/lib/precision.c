/* precision.c - see precision.h. */
#include "precision.h"
#include "json_out.h"
#include <stdio.h>
#include <string.h>

shunt_precision precision_of(const shunt_executor *executor)
{
    shunt_precision precision;
    if (!executor || shunt_executor_precision(executor, &precision)) return (shunt_precision){"", "", ""};
    return precision;
}

json_t *precision_json(shunt_precision precision)
{
    return json_pack("{s:s, s:s, s:o}", "asked", precision.asked, "taken", precision.taken, "reason",
                     json_text(precision.reason));
}

json_t *precision_json_of(shunt_model *model, shunt_device *device)
{
    shunt_executor *executor; /* the model's own, which has run */
    const bool none = shunt_model_executor(model, device, &executor) != SHUNT_OK;
    return precision_json(precision_of(none ? NULL : executor));
}

bool precision_is_usual(shunt_precision precision)
{
    return !strcmp(precision.taken, "f32") && !strcmp(precision.asked, "f32");
}

const char *precision_text(shunt_precision precision, char text[PRECISION_CHARS])
{
    if (precision_is_usual(precision))
        snprintf(text, PRECISION_CHARS, "%s", precision.taken);
    else
        snprintf(text, PRECISION_CHARS, "%s (%s: %s)", precision.taken, precision.asked, precision.reason);
    return text;
}
