/* classify_answer.h - the guesses of one picture after the other, as text, CSV, JSON or a JSON object a line. */
#ifndef SHUNT_TOOLS_CLASSIFY_ANSWER_H
#define SHUNT_TOOLS_CLASSIFY_ANSWER_H

#include "lib/json_out.h"
#include <shunt/shunt.h>

typedef enum answer_format { ANSWER_TEXT, ANSWER_CSV, ANSWER_JSON, ANSWER_JSONL } answer_format;

typedef struct answers {
    answer_format format;
    shunt_head head;
    double threshold;
    size_t top;     /* classes that are shown at most */
    json_t *images; /* of ANSWER_JSON */
} answers;

/* What comes before all. Text about the weights stands on standard output, as it always did, where people read it. */
void answers_begin(answers *self, const char *note);
/* Prints or keeps the `count` guesses of a picture, best first; they may be put into another order. */
void answers_put(answers *self, const char *path, shunt_guess *guesses, size_t count);
/* The same for a picture that failed, after which the reason was said on stderr. */
void answers_put_failure(answers *self, const char *path, const char *reason);

#endif
