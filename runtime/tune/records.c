/* records.c - see records.h. Two search trees: the candidates, and the begins that have no end yet. */
#include "runtime/tune/records.h"

#include <search.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_CHARS = 4096 };

typedef struct open_trial open_trial;

/* Of a candidate; or, its key without tabs, of a device. The numbers count what was applied: larger is later; 0: never. */
typedef struct record {
    struct record *device;
    open_trial *open; /* the begins without an end */
    uint64_t blamed;  /* when it last hung or crashed */
    uint64_t cleared; /* what happened up to then no longer counts: it was retried, and that came to an end */
    uint64_t retried; /* of a device: its last retry */
    tune_verdict verdict;
    char key[]; /* DEVICE \t ALGORITHM \t PARAMS */
} record;

struct open_trial {
    record *of;
    unsigned process;
    uint64_t began;
    open_trial *previous, *next;
};

static void *records, *open_trials; /* the roots */
static uint64_t clock_now;

static int compare_records(const void *left, const void *right)
{
    return strcmp(((const record *)left)->key, ((const record *)right)->key);
}

static int compare_trials(const void *left, const void *right)
{
    const open_trial *a = left, *b = right;
    if (a->of != b->of) return (uintptr_t)a->of < (uintptr_t)b->of ? -1 : 1;
    return (a->process > b->process) - (a->process < b->process);
}

/* NULL when it is not there, or without memory. */
static record *find(const char *key, bool make)
{
    size_t length = strlen(key);
    record *wanted = calloc(1, sizeof *wanted + length + 1);
    if (!wanted) return NULL;
    memcpy(wanted->key, key, length + 1);
    record **found = make ? tsearch(wanted, &records, compare_records) : tfind(wanted, &records, compare_records);
    record *result = found ? *found : NULL;
    if (result != wanted) free(wanted);
    return result;
}

static record *find_candidate(const char *device, const char *algorithm, const char *params, bool make)
{
    char key[KEY_CHARS];
    if (snprintf(key, sizeof key, "%s\t%s\t%s", device, algorithm, params) >= KEY_CHARS) return NULL;
    record *candidate = find(key, make);
    if (candidate && !candidate->device) candidate->device = find(device, true);
    return candidate && candidate->device ? candidate : NULL;
}

static void unlink_trial(open_trial *trial)
{
    if (trial->previous)
        trial->previous->next = trial->next;
    else
        trial->of->open = trial->next;
    if (trial->next) trial->next->previous = trial->previous;
    tdelete(trial, &open_trials, compare_trials);
    free(trial);
}

void records_begin(const char *device, const char *algorithm, const char *params, unsigned process)
{
    record *candidate = find_candidate(device, algorithm, params, true);
    open_trial *trial = candidate ? malloc(sizeof *trial) : NULL;
    if (!trial) return;
    *trial = (open_trial){.of = candidate, .process = process, .next = candidate->open};
    open_trial **kept = tsearch(trial, &open_trials, compare_trials);
    if (kept && *kept == trial) {
        if (trial->next) trial->next->previous = trial;
        candidate->open = trial;
    } else {
        free(trial);
    }
    if (kept) (*kept)->began = ++clock_now;
}

void records_end(const char *device, const char *algorithm, const char *params, unsigned process, tune_verdict verdict)
{
    record *candidate = find_candidate(device, algorithm, params, true);
    if (!candidate) return;
    open_trial wanted = {.of = candidate, .process = process}, **found = tfind(&wanted, &open_trials, compare_trials);
    if (found) unlink_trial(*found);
    if (verdict == VERDICT_UNFINISHED) {
        candidate->blamed = ++clock_now;
        return;
    }
    candidate->cleared = candidate->device->retried;
    if (candidate->verdict != VERDICT_SAFE) candidate->verdict = verdict;
}

void records_retry(const char *device)
{
    record *found = find(device, true);
    if (found) found->retried = ++clock_now;
}

/* Drops the begins that count no longer; those whose process is gone become blame, or *gone. */
static void judge_open_trials(record *candidate, records_alive alive, bool *gone)
{
    for (open_trial *trial = candidate->open, *next; trial; trial = next) {
        next = trial->next;
        bool over = trial->began <= candidate->cleared;
        if (!over && alive(trial->process)) continue;
        if (!over && gone) {
            *gone = true;
            return;
        }
        if (!over && trial->began > candidate->blamed) candidate->blamed = trial->began;
        unlink_trial(trial);
    }
}

tune_verdict records_verdict(const char *device, const char *algorithm, const char *params, records_alive alive,
                             bool *gone)
{
    record *candidate = find_candidate(device, algorithm, params, false);
    if (gone) *gone = false;
    if (!candidate) return VERDICT_UNTRIED;
    judge_open_trials(candidate, alive, gone);
    if (candidate->blamed <= candidate->cleared) return candidate->verdict;
    return candidate->blamed < candidate->device->retried ? VERDICT_RETRY : VERDICT_UNFINISHED;
}

/* A tree's root points to what is stored there. */
static void free_tree(void **root, int (*compare)(const void *left, const void *right))
{
    while (*root) {
        void *stored = *(void **)*root;
        tdelete(stored, root, compare);
        free(stored);
    }
}

void records_free(void)
{
    free_tree(&open_trials, compare_trials);
    free_tree(&records, compare_records);
    clock_now = 0;
}
