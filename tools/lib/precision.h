/* precision.h - what a run's data was stored in, and why, for reports. */
#ifndef SHUNT_TOOLS_PRECISION_H
#define SHUNT_TOOLS_PRECISION_H

#include <jansson.h>
#include <shunt/model.h>
#include <shunt/run.h>
#include <stdbool.h>

/* Of an executor that has run; empty texts where it has not, or is NULL. */
shunt_precision precision_of(const shunt_executor *executor);
/* {"asked": "fast", "taken": "bf16", "reason": "..."} */
json_t *precision_json(shunt_precision precision);
/* The same, of the executor that classifies or segments. */
json_t *precision_json_of(shunt_model *model, shunt_device *device);
/* "bf16 (fast: 1.84 times as fast ...)", or "f32" alone where nothing else was asked for. Returns the text. */
enum { PRECISION_CHARS = 640 };
const char *precision_text(shunt_precision precision, char text[PRECISION_CHARS]);
/* Whether it is float32, as always where nobody asks for anything else. */
bool precision_is_usual(shunt_precision precision);

#endif
