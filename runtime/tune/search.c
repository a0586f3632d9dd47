/* search.c - tries the candidates for one op, each in turn with the best guess, and keeps the best.
 *
 * A tuned choice must never be slower than the untuned one. So all are compared with the best guess, and what was faster is
 * timed once more before it is kept: of many times that were taken under load, the shortest is the luckiest. */
#include "runtime/base/error.h"
#include "runtime/tune/tune.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { FAST_CANDIDATES = 8, MAX_CONFIRMATIONS = 3, STEADY_ATTEMPTS = 3 };

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER; /* two trials at a time would slow each other */

/* Files hold names as one line of text. */
static bool printable(const char *text, size_t size)
{
    size_t length = strnlen(text, size);
    for (size_t i = 0; i < length; i++)
        if (text[i] < ' ' || text[i] > '~') return false;
    return length < size;
}

static bool usable(const shunt_candidate *candidate)
{
    return !candidate->reason[0] && candidate->algorithm[0] &&
           printable(candidate->algorithm, sizeof candidate->algorithm) &&
           printable(candidate->params, sizeof candidate->params);
}

uint32_t tune_candidates(const tune_op *op, bool full, bool safe_only, shunt_candidate list[SHUNT_MAX_CANDIDATES])
{
    uint32_t count = 0, given = op->ncandidates < SHUNT_MAX_CANDIDATES ? op->ncandidates : SHUNT_MAX_CANDIDATES;
    for (uint32_t i = 0; i < given && (full || count < FAST_CANDIDATES); i++) {
        if (!usable(&op->candidates[i])) continue;
        tune_verdict verdict = tune_verdict_of(op->device, &op->candidates[i]);
        if (verdict == VERDICT_UNFINISHED || (safe_only && verdict == VERDICT_RETRY)) continue;
        if (safe_only && i > 0 && verdict != VERDICT_SAFE) continue;
        list[count++] = op->candidates[i];
    }
    return count;
}

bool tune_may_use(const tune_op *op, const tune_choice *choice)
{
    shunt_candidate list[SHUNT_MAX_CANDIDATES];
    uint32_t count = tune_candidates(op, true, false, list);
    for (uint32_t i = 0; i < count; i++)
        if (!strcmp(list[i].algorithm, choice->algorithm) && !strcmp(list[i].params, choice->params))
            return tune_verdict_of(op->device, &list[i]) != VERDICT_RETRY;
    return false;
}

/* ---- Trials -------------------------------------------------------------------------------------------------------- */

/* The search for one op. */
typedef struct op_search {
    const shunt_device *device;
    const tune_search *how;
    const tune_reference *reference;
    shunt_tune_event *event;
    tune_runner guess;         /* all others are compared with it: the first that is right */
    double guess_microseconds; /* 0: not known */
    tune_turns turns;          /* of the last comparison */
    char trial[TUNE_TRIAL_CHARS];
} op_search;

static void tell(const op_search *self, shunt_tune_stage stage)
{
    self->event->stage = stage;
    if (self->how->handler) self->how->handler(self->how->context, self->event);
}

/* With a journal that cannot be written nothing unsafe is tried. */
static shunt_status begin_trial(op_search *self, const shunt_candidate *candidate, shunt_tune_stage stage)
{
    shunt_tune_event *event = self->event;
    event->algorithm = candidate->algorithm;
    event->params = candidate->params;
    event->verdict = event->reason = "";
    event->microseconds = 0;
    event->trial = tune_trial_text(self->device, candidate, &self->reference->desc, self->trial);
    shunt_status status = tune_journal_begin(self->trial, self->how->watched || self->how->safe_only);
    if (status != SHUNT_OK && !self->how->safe_only) return status;
    tell(self, stage);
    return SHUNT_OK;
}

/* For a candidate that is not safe, the current error message is the reason. */
static shunt_status end_trial(const op_search *self, const shunt_candidate *candidate, tune_verdict verdict)
{
    char reason[512] = "";
    shunt_tune_event *event = self->event;
    event->verdict = tune_verdict_name(verdict);
    if (verdict != VERDICT_SAFE) {
        snprintf(reason, sizeof reason, "%s", shunt_last_error());
        event->reason = reason;
        log_write(SHUNT_LOG_WARN, "tuning %s: %s %s is dropped, %s: %s", event->op, candidate->algorithm,
                  candidate->params, event->verdict, reason);
        if (verdict == VERDICT_FAILED && !tune_device_alive(self->device)) /* its begin stays without an end */
            return error_fail(SHUNT_E_DEVICE, "%s no longer works after %s %s was tried", self->device->entry.selector,
                              candidate->algorithm, candidate->params);
    }
    tune_journal_end(self->trial, verdict);
    tell(self, event->stage == SHUNT_TUNE_TRY ? SHUNT_TUNE_TRIED : SHUNT_TUNE_CONFIRMED);
    event->reason = "";
    return SHUNT_OK;
}

/* Several attempts, since a load may pass. */
static tune_verdict time_guess(op_search *self, double *spread)
{
    const int attempts = self->how->safe_only || self->how->force ? 1 : STEADY_ATTEMPTS;
    *spread = INFINITY;
    for (int i = 0; i < attempts && !tune_is_steady(*spread); i++)
        if (tune_steadiness(&self->guess, spread, &self->guess_microseconds) != SHUNT_OK) return VERDICT_FAILED;
    self->event->microseconds = self->guess_microseconds;
    return VERDICT_SAFE;
}

/* The first candidate that is right, *index, becomes the one that others are compared with. */
static shunt_status find_guess(op_search *self, const shunt_candidate *list, uint32_t count, uint32_t *index)
{
    for (uint32_t i = 0; i < count; i++) {
        double spread = 0;
        self->guess = (tune_runner){self->device, &list[i], self->reference, NULL};
        shunt_status status = begin_trial(self, &list[i], SHUNT_TUNE_TRY);
        if (status != SHUNT_OK) return status;
        tune_verdict verdict = tune_check(&self->guess, NULL);
        if (verdict == VERDICT_SAFE) verdict = time_guess(self, &spread);
        status = end_trial(self, &list[i], verdict);
        if (status != SHUNT_OK) return status;
        *index = i;
        if (verdict == VERDICT_SAFE && !tune_is_steady(spread) && !self->how->force && i + 1 < count)
            return error_fail(SHUNT_E_DEVICE,
                              "the time of one and the same op spreads by %.0f %% now, too much to tell algorithms "
                              "apart: end other programs and tune again, or use --force",
                              100 * spread);
        if (verdict == VERDICT_SAFE) return SHUNT_OK;
        tune_stop(&self->guess);
    }
    return error_fail(SHUNT_E_NOT_FOUND, "tuning %s: no candidate of %s is right", self->event->op,
                      self->device->entry.selector);
}

/* Tries a candidate in turn with the best guess, and reports it as `stage` says. */
static shunt_status try_beside_guess(op_search *self, const shunt_candidate *candidate, shunt_tune_stage stage,
                                     tune_comparison *out)
{
    *out = (tune_comparison){0};
    shunt_status status = begin_trial(self, candidate, stage);
    if (status != SHUNT_OK) return status;
    tune_runner runner = {self->device, candidate, self->reference, NULL};
    tune_verdict verdict = tune_check(&runner, &self->guess);
    if (verdict == VERDICT_SAFE && tune_time(&self->guess, &runner, &self->turns) != SHUNT_OK) verdict = VERDICT_FAILED;
    if (verdict == VERDICT_SAFE) {
        *out = tune_compare(&self->turns);
        self->event->microseconds = tune_median(self->turns.other, self->turns.count);
    }
    status = end_trial(self, candidate, verdict);
    tune_stop(&runner);
    return status;
}

/* ---- The search ---------------------------------------------------------------------------------------------------- */

/* What was faster than the guess, fastest first. */
typedef struct tune_ranking {
    uint32_t count, index[SHUNT_MAX_CANDIDATES];
    double ratio[SHUNT_MAX_CANDIDATES];
} tune_ranking;

static void insert(tune_ranking *ranking, uint32_t index, double ratio)
{
    uint32_t place = ranking->count++;
    for (; place > 0 && ranking->ratio[place - 1] > ratio; place--) {
        ranking->index[place] = ranking->index[place - 1];
        ranking->ratio[place] = ranking->ratio[place - 1];
    }
    ranking->index[place] = index;
    ranking->ratio[place] = ratio;
}

/* The one to keep, and its time and the guess's: the guess itself unless one was faster twice. */
static shunt_status choose(op_search *self, const shunt_candidate *list, const tune_ranking *ranking, uint32_t *winner,
                           double *microseconds)
{
    for (uint32_t i = 0; i < ranking->count && i < MAX_CONFIRMATIONS; i++) {
        tune_comparison again;
        shunt_status status = try_beside_guess(self, &list[ranking->index[i]], SHUNT_TUNE_CONFIRM, &again);
        if (status != SHUNT_OK) return status;
        if (!again.turns || !tune_is_faster(&again)) continue;
        *winner = ranking->index[i];
        *microseconds = self->event->microseconds;
        self->guess_microseconds = *microseconds / again.ratio;
        return SHUNT_OK;
    }
    *microseconds = self->guess_microseconds;
    return SHUNT_OK;
}

static shunt_status keep(const op_search *self, const shunt_candidate *winner, double microseconds, tune_choice *out)
{
    tune_effort effort = self->how->safe_only ? EFFORT_SAFE : self->how->full ? EFFORT_FULL : EFFORT_FAST;
    tune_choice choice = {.microseconds = microseconds, .effort = effort};
    memcpy(choice.algorithm, winner->algorithm, sizeof choice.algorithm);
    memcpy(choice.params, winner->params, sizeof choice.params);
    if (out) *out = choice;
    return tune_store(self->device, &self->reference->desc, &choice);
}

/* guess_is_first: the guess is the device's own best guess, and no stand-in. */
static void tell_choice(const op_search *self, const shunt_candidate *list, const shunt_candidate *winner,
                        double microseconds, bool guess_is_first)
{
    shunt_tune_event *event = self->event;
    event->algorithm = winner->algorithm;
    event->params = winner->params;
    event->microseconds = microseconds;
    event->guess_algorithm = list[0].algorithm;
    event->guess_params = list[0].params;
    event->guess_microseconds = guess_is_first ? self->guess_microseconds : 0;
    tell(self, SHUNT_TUNE_CHOSEN);
}

static shunt_status search_op(op_search *self, const shunt_candidate *list, uint32_t count, tune_choice *out)
{
    tune_ranking ranking = {0};
    uint32_t first = 0;
    double microseconds = 0;
    shunt_status status = find_guess(self, list, count, &first);
    for (uint32_t i = first + 1; status == SHUNT_OK && i < count; i++) {
        tune_comparison comparison;
        status = try_beside_guess(self, &list[i], SHUNT_TUNE_TRY, &comparison);
        if (status == SHUNT_OK && comparison.turns && tune_is_faster(&comparison))
            insert(&ranking, i, comparison.ratio);
    }
    uint32_t winner = first;
    if (status == SHUNT_OK) status = choose(self, list, &ranking, &winner, &microseconds);
    if (status == SHUNT_OK) status = keep(self, &list[winner], microseconds, out);
    if (status == SHUNT_OK) tell_choice(self, list, &list[winner], microseconds, first == 0);
    return status;
}

static shunt_status search_locked(const tune_op *op, const tune_search *how, shunt_tune_event *event, tune_choice *out)
{
    shunt_candidate list[SHUNT_MAX_CANDIDATES];
    tune_reference reference;
    uint32_t count = tune_candidates(op, how->full, how->safe_only, list);
    shunt_status status = reference_make(op->desc, &reference);
    if (status != SHUNT_OK) return status;
    op_search self = {.device = op->device, .how = how, .reference = &reference, .event = event};
    status = search_op(&self, list, count, out);
    tune_stop(&self.guess);
    reference_free(&reference);
    return status;
}

shunt_status tune_search_op(const tune_op *op, const tune_search *search, shunt_tune_event *event, tune_choice *out)
{
    char key[TUNE_KEY_CHARS];
    event->op = tune_op_key(op->desc, key);
    pthread_mutex_lock(&one_at_a_time);
    shunt_status status = search_locked(op, search, event, out);
    pthread_mutex_unlock(&one_at_a_time);
    event->op = NULL;
    return status;
}
