/* search.c - tries the candidates for one op, one after another, and keeps the best. */
#include "runtime/base/error.h"
#include "runtime/tune/tune.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { FAST_CANDIDATES = 8 };
static const double NOTABLE = 0.98; /* a candidate must need less than this share of the time of one listed before it */

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER; /* trials beside each other would time each other */

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

uint32_t shunt_tune_candidates(const shunt_device *device, const shunt_op_desc *desc, bool full, bool safe_only,
                               shunt_candidate list[SHUNT_MAX_CANDIDATES])
{
    shunt_op_candidates all = {.size = sizeof all};
    if (device->ops->op_query(device->handle, desc, &all) != SHUNT_OK) return 0;
    uint32_t count = 0, given = all.count < SHUNT_MAX_CANDIDATES ? all.count : SHUNT_MAX_CANDIDATES;
    for (uint32_t i = 0; i < given && (full || count < FAST_CANDIDATES); i++) {
        if (!usable(&all.list[i])) continue;
        tune_verdict verdict = shunt_tune_verdict(device, &all.list[i]);
        if (verdict == VERDICT_UNFINISHED || (safe_only && i > 0 && verdict != VERDICT_SAFE)) continue;
        list[count++] = all.list[i];
    }
    return count;
}

bool shunt_tune_has_choice(const shunt_device *device, const shunt_op_desc *desc)
{
    shunt_op_candidates all = {.size = sizeof all};
    if (device->ops->op_query(device->handle, desc, &all) != SHUNT_OK) return false;
    return all.count >= 2 && !all.list[0].reason[0] && !all.list[1].reason[0];
}

bool shunt_tune_may_use(const shunt_device *device, const shunt_op_desc *desc, const tune_choice *choice)
{
    shunt_candidate list[SHUNT_MAX_CANDIDATES];
    uint32_t count = shunt_tune_candidates(device, desc, true, false, list);
    for (uint32_t i = 0; i < count; i++)
        if (!strcmp(list[i].algorithm, choice->algorithm) && !strcmp(list[i].params, choice->params)) return true;
    return false;
}

static void tell(const tune_search *search, shunt_tune_event *event, shunt_tune_stage stage)
{
    event->stage = stage;
    if (search->handler) search->handler(search->context, event);
}

/* One candidate between its two lines in the journal. With a journal that cannot be written nothing unsafe is tried. */
static shunt_status try_one(const shunt_device *device, const shunt_candidate *candidate, const tune_search *search,
                            const tune_reference *reference, tune_runner *rival, shunt_tune_event *event,
                            tune_runner *out)
{
    char reason[512] = "";
    event->algorithm = candidate->algorithm;
    event->params = candidate->params;
    event->verdict = event->reason = "";
    event->microseconds = 0;
    *out = (tune_runner){0};
    shunt_status journaled = shunt_tune_journal_begin(device, candidate, &reference->desc);
    if (journaled != SHUNT_OK && !search->safe_only) return journaled;
    tell(search, event, SHUNT_TUNE_TRY);
    tune_verdict verdict = shunt_tune_measure(device, candidate, reference, rival, out);
    event->verdict = shunt_tune_verdict_name(verdict);
    event->microseconds = out->microseconds;
    if (verdict != VERDICT_SAFE) {
        snprintf(reason, sizeof reason, "%s", shunt_last_error());
        event->reason = reason;
        shunt_log(SHUNT_LOG_WARN, "tuning %s: %s %s is dropped, %s: %s", event->op, candidate->algorithm,
                  candidate->params, event->verdict, reason);
        if (verdict == VERDICT_FAILED && !shunt_tune_device_alive(device)) /* its begin stays without an end */
            return shunt_fail(SHUNT_E_DEVICE, "%s no longer works after %s %s was tried", device->entry.selector,
                              candidate->algorithm, candidate->params);
    }
    shunt_tune_journal_end(device, candidate, &reference->desc, verdict);
    tell(search, event, SHUNT_TUNE_TRIED);
    event->reason = "";
    return SHUNT_OK;
}

/* What a search has come to. */
typedef struct tune_best {
    int index; /* in the list; -1: none is right */
    tune_runner runner;
    double guess; /* the best guess's time, divided by the runner's; 0: it is not right */
} tune_best;

/* *best is to be stopped, whatever is returned. */
static shunt_status try_all(const shunt_device *device, const shunt_candidate *list, uint32_t count,
                            const tune_search *search, const tune_reference *reference, shunt_tune_event *event,
                            tune_best *best)
{
    *best = (tune_best){.index = -1};
    for (uint32_t i = 0; i < count; i++) {
        tune_runner one;
        shunt_status status = try_one(device, &list[i], search, reference, &best->runner, event, &one);
        if (status != SHUNT_OK) return status;
        if (!one.trial) continue;
        const double guess = best->index < 0 ? i == 0 : best->guess * best->runner.microseconds / one.microseconds;
        if (best->index >= 0 && one.microseconds >= NOTABLE * best->runner.microseconds) {
            shunt_tune_stop(&one);
            continue;
        }
        shunt_tune_stop(&best->runner);
        *best = (tune_best){(int)i, one, guess};
    }
    return SHUNT_OK;
}

static shunt_status keep(const shunt_device *device, const shunt_op_desc *desc, const tune_search *search,
                         const shunt_candidate *list, const tune_best *best, shunt_tune_event *event, tune_choice *out)
{
    const shunt_candidate *winner = &list[best->index];
    tune_effort effort = search->safe_only ? EFFORT_SAFE : search->full ? EFFORT_FULL : EFFORT_FAST;
    tune_choice choice = {.microseconds = best->runner.microseconds, .effort = effort};
    memcpy(choice.algorithm, winner->algorithm, sizeof choice.algorithm);
    memcpy(choice.params, winner->params, sizeof choice.params);
    if (out) *out = choice;
    shunt_status status = shunt_tune_store(device, desc, &choice);
    if (status != SHUNT_OK) return status;
    event->algorithm = choice.algorithm;
    event->params = choice.params;
    event->microseconds = choice.microseconds;
    event->guess_algorithm = list[0].algorithm;
    event->guess_params = list[0].params;
    event->guess_microseconds = best->guess * choice.microseconds;
    tell(search, event, SHUNT_TUNE_CHOSEN);
    return SHUNT_OK;
}

static shunt_status search_locked(const shunt_device *device, const shunt_op_desc *desc, const tune_search *search,
                                  shunt_tune_event *event, tune_choice *out)
{
    shunt_candidate list[SHUNT_MAX_CANDIDATES];
    tune_best best;
    tune_reference reference;
    uint32_t count = shunt_tune_candidates(device, desc, search->full, search->safe_only, list);
    shunt_status status = shunt_reference_make(desc, &reference);
    if (status != SHUNT_OK) return status;
    status = try_all(device, list, count, search, &reference, event, &best);
    shunt_tune_stop(&best.runner);
    shunt_reference_free(&reference);
    if (status != SHUNT_OK) return status;
    if (best.index < 0)
        return shunt_fail(SHUNT_E_NOT_FOUND, "tuning %s: no candidate of %s is right", event->op,
                          device->entry.selector);
    return keep(device, desc, search, list, &best, event, out);
}

shunt_status shunt_tune_search(const shunt_device *device, const shunt_op_desc *desc, const tune_search *search,
                               shunt_tune_event *event, tune_choice *out)
{
    char key[TUNE_KEY_CHARS];
    event->op = shunt_tune_op_key(desc, key);
    pthread_mutex_lock(&one_at_a_time);
    shunt_status status = search_locked(device, desc, search, event, out);
    pthread_mutex_unlock(&one_at_a_time);
    event->op = NULL;
    return status;
}
