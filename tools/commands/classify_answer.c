/* classify_answer.c - see classify_answer.h. */
#include "classify_answer.h"
#include "lib/csv.h"
#include "lib/progress.h"
#include "lib/say.h"
#include <stdio.h>
#include <stdlib.h>

/* Whether a class counts as shown; guesses: all of the picture's. */
static bool is_chosen(const answers *self, const shunt_guess *guesses, const shunt_guess *guess)
{
    double probability = (double)guess->probability;
    if (self->head == SHUNT_HEAD_SOFTMAX) return guess == guesses;
    /* of the two, one: the second from the threshold on */
    if (self->head == SHUNT_HEAD_SIGMOID && guess->index == 0) return 1 - probability < self->threshold;
    return probability >= self->threshold;
}

/* The class that is chosen comes first, also where the threshold makes it the less probable one. Returns how many are shown. */
static size_t order(const answers *self, shunt_guess *guesses, size_t count)
{
    if (self->head == SHUNT_HEAD_SIGMOID && count == 2 && !is_chosen(self, guesses, guesses)) {
        shunt_guess first = guesses[0];
        guesses[0] = guesses[1];
        guesses[1] = first;
    }
    return count > self->top ? self->top : count;
}

static void print_text(const answers *self, const char *path, const shunt_guess *guesses, size_t count)
{
    bool several = self->head == SHUNT_HEAD_MULTI_LABEL;
    say_line("%s", path);
    if (several && !is_chosen(self, guesses, guesses)) say_line("  no class with %g %% or more", 100 * self->threshold);
    for (size_t i = 0; i < count && (!several || is_chosen(self, guesses, &guesses[i])); i++) {
        double percent = 100 * (double)guesses[i].probability;
        if (guesses[i].label)
            say_line("  %6.2f %%  %s", percent, guesses[i].label);
        else
            say_line("  %6.2f %%  class %lld", percent, (long long)guesses[i].index);
    }
}

static void print_csv(const answers *self, const char *path, const shunt_guess *guesses, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        csv_print_field(stdout, path);
        printf(",%zu,%lld,", i + 1, (long long)guesses[i].index);
        csv_print_field(stdout, guesses[i].label ? guesses[i].label : "");
        printf(",%.9g,%d,\n", (double)guesses[i].probability, is_chosen(self, guesses, &guesses[i]));
    }
}

static json_t *to_json(const answers *self, const char *path, const shunt_guess *guesses, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *label = guesses[i].label ? json_text(guesses[i].label) : json_null();
        json_add(list,
                 json_pack("{s:I, s:o, s:f, s:b}", "class", (json_int_t)guesses[i].index, "label", label, "probability",
                           (double)guesses[i].probability, "chosen", is_chosen(self, guesses, &guesses[i])));
    }
    return json_pack("{s:o, s:o}", "image", json_text(path), "guesses", list);
}

static void put_json(answers *self, json_t *object)
{
    if (self->format == ANSWER_JSON)
        json_add(self->images, object);
    else
        print_json(object, true);
}

void answers_begin(answers *self, const char *note)
{
    if (self->format == ANSWER_JSON) self->images = json_array();
    if (self->format == ANSWER_CSV) puts("image,rank,class,label,probability,chosen,error");
    if (self->format == ANSWER_TEXT && note) puts(note);
}

void answers_put(answers *self, const char *path, shunt_guess *guesses, size_t count)
{
    count = order(self, guesses, count);
    progress_lock();
    if (self->format == ANSWER_TEXT)
        print_text(self, path, guesses, count);
    else if (self->format == ANSWER_CSV)
        print_csv(self, path, guesses, count);
    else
        put_json(self, to_json(self, path, guesses, count));
    progress_unlock();
}

void answers_put_failure(answers *self, const char *path, const char *reason)
{
    if (self->format == ANSWER_CSV) {
        csv_print_field(stdout, path);
        fputs(",,,,,,", stdout);
        csv_print_field(stdout, reason);
        putchar('\n');
    } else if (self->format != ANSWER_TEXT) {
        put_json(self, json_pack("{s:o, s:o}", "image", json_text(path), "error", json_text(reason)));
    }
}
