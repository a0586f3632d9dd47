/* choose.c - the algorithm for an op when a plan is made, after what SHUNT_TUNE says and what is known. */
#include "runtime/base/error.h"
#include "runtime/tune/tune.h"

#include <stdatomic.h>
#include <string.h>

typedef enum tune_mode {
    TUNE_OFF,   /* the backend's best guess, whatever is known */
    TUNE_KNOWN, /* not set: the data base's choice. Without one, the best guess, unless the journal says that it is bad */
    TUNE_FAST, /* also tries candidates for an op that was not tuned here: the first few safe ones */
    TUNE_FULL  /* the same with all safe ones */
} tune_mode;

static tune_mode mode(void)
{
    const char *wanted = shunt_option("tune");
    if (!wanted || !*wanted) return TUNE_KNOWN;
    if (!strcmp(wanted, "off")) return TUNE_OFF;
    if (!strcmp(wanted, "fast")) return TUNE_FAST;
    if (!strcmp(wanted, "full")) return TUNE_FULL;
    static atomic_flag said = ATOMIC_FLAG_INIT;
    if (!atomic_flag_test_and_set(&said))
        log_write(SHUNT_LOG_WARN, "SHUNT_TUNE=%s: it must be off, fast or full; only stored results are used", wanted);
    return TUNE_KNOWN;
}

bool tune_is_off(void)
{
    return mode() == TUNE_OFF;
}

/* Tries the safe candidates, where there is a choice between them. True: one was found, even if it could not be stored. */
static bool search(const tune_op *op, bool full, tune_choice *out)
{
    shunt_candidate list[SHUNT_MAX_CANDIDATES];
    if (tune_candidates(op, full, true, list) < 2) return false;
    tune_search how = {.full = full, .safe_only = true};
    shunt_tune_event event = {0};
    *out = (tune_choice){0};
    shunt_status status = tune_search_op(op, &how, &event, out);
    static atomic_flag said = ATOMIC_FLAG_INIT;
    if (status != SHUNT_OK && status != SHUNT_E_UNSUPPORTED && !atomic_flag_test_and_set(&said))
        log_write(SHUNT_LOG_WARN, "tuning: %s (reported once)", shunt_last_error());
    return out->algorithm[0] != '\0';
}

/* The first candidate of which nothing bad is known, unless that is the best guess. */
static bool avoid_bad(const tune_op *op, tune_choice *out)
{
    shunt_candidate list[SHUNT_MAX_CANDIDATES];
    uint32_t count = tune_candidates(op, true, false, list), i = 0;
    for (; i < count; i++) {
        tune_verdict verdict = tune_verdict_of(op->device, &list[i]);
        if (verdict == VERDICT_SAFE || verdict == VERDICT_UNTRIED) break;
    }
    const shunt_candidate *guess = &op->candidates[0];
    if (i == count || (!strcmp(list[i].algorithm, guess->algorithm) && !strcmp(list[i].params, guess->params)))
        return false;
    *out = (tune_choice){0};
    memcpy(out->algorithm, list[i].algorithm, sizeof out->algorithm);
    memcpy(out->params, list[i].params, sizeof out->params);
    return true;
}

bool tune_choose(const tune_op *op, tune_choice *out)
{
    tune_mode how = mode();
    if (how == TUNE_OFF || op->ncandidates < 2) return false;
    if (tune_find_own(op->device, op->desc, out) && tune_may_use(op, out)) return true;
    if (how >= TUNE_FAST && search(op, how == TUNE_FULL, out)) return true;
    if (tune_find_default(op->device, op->desc, out) && tune_may_use(op, out)) return true;
    return avoid_bad(op, out);
}

void tune_choice_failed(const tune_choice *choice)
{
    static atomic_flag said = ATOMIC_FLAG_INIT;
    if (!atomic_flag_test_and_set(&said))
        log_write(SHUNT_LOG_WARN, "tuned %s %s: %s; the best guess is used instead (reported once; shunt tune --retry)",
                  choice->algorithm, choice->params, shunt_last_error());
}
