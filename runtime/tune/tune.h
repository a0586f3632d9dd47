/* tune.h - which algorithm computes an op fastest on a device, found by trying, and remembered.
 *
 * The data base is two kinds of JSON file of one format: defaults shipped per class of device, and the user's own (in the
 * cache folder), which wins. The journal is a text file beside it with a line before and after each trial, so that a
 * candidate that hung or crashed its process is known for it the next time. Both serve all backends alike. */
#ifndef SHUNT_RUNTIME_TUNE_H
#define SHUNT_RUNTIME_TUNE_H

#include "runtime/device/device.h"
#include "runtime/graph/graph.h"
#include <stdbool.h>

/* How thoroughly the best was looked for: among safe candidates (in an application), the first few, all. */
typedef enum tune_effort { EFFORT_SAFE, EFFORT_FAST, EFFORT_FULL } tune_effort;

typedef struct tune_choice {
    char algorithm[SHUNT_ALGORITHM_CHARS], params[SHUNT_PARAMS_CHARS];
    double microseconds; /* of one launch; 0: not known */
    tune_effort effort;
} tune_choice;

/* ---- key.c: names for files and reports. Return the text.
 * op: "conv+bias+relu 8x64x56x56:16 64x64x3x3= 64= > 8x64x56x56:16 1,1,1,1,1,1,1,1,1" - shapes with their channel block,
 * "=" behind constants, then the attributes' words. device: "opencl | name | platform | driver". class: "opencl cpu 16". */
enum { TUNE_KEY_CHARS = 640 };
const char *tune_op_key(const shunt_op_desc *desc, char text[TUNE_KEY_CHARS]);
const char *tune_device_key(const shunt_device *device, char text[TUNE_KEY_CHARS]);
const char *tune_device_class(const shunt_device *device, char text[TUNE_KEY_CHARS]);

/* ---- database.c. A file that is damaged or cannot be read is reported once and counts as empty; storing replaces it. */
bool tune_find_own(const shunt_device *device, const shunt_op_desc *desc, tune_choice *out);
bool tune_find_default(const shunt_device *device, const shunt_op_desc *desc, tune_choice *out);
/* What cannot be written is still known to this process. */
shunt_status tune_store(const shunt_device *device, const shunt_op_desc *desc, const tune_choice *choice);

/* ---- machine.c: "AMD EPYC 9R14, 2 of them, features 1f2e3d4c": the processor's name, how many there are, and a hash of its features.
 * Returns the text. */
enum { TUNE_MACHINE_CHARS = 160 };
const char *tune_machine(char text[TUNE_MACHINE_CHARS]);

/* ---- network.c: how fast a whole network is in each type, and how good its results are: what the precision "fast" goes by. In the
 * data base, by device, machine, network and the shapes of its inputs. */
enum { TUNE_TYPES = 2, TUNE_REFUSED_CHARS = 200, TUNE_REASON_CHARS = 512 };
typedef struct tune_type {
    uint8_t dtype;                    /* SHUNT_F16, SHUNT_BF16 */
    double microseconds, speedup;     /* of a run; float32's time over this one. 0: it was not timed */
    double error;                     /* of the results, relative to float32's (L2 norms) */
    char refused[TUNE_REFUSED_CHARS]; /* why "fast" does not take it; empty: it may */
} tune_type;
typedef struct tune_network {
    uint8_t taken;       /* what "fast" is here: SHUNT_F32, or that of one of types */
    double microseconds; /* of a run in float32 */
    uint32_t ntypes;     /* those that the device has */
    tune_type types[TUNE_TYPES];
} tune_network;
/* graph: for inference, reshaped. What is found is in range, whoever edited the file; `taken` may be a type that the device lacks. */
bool tune_find_network(const shunt_device *device, const shunt_graph *graph, tune_network *out);
shunt_status tune_store_network(const shunt_device *device, const shunt_graph *graph, const tune_network *network);
/* Why `taken` is what it is: "1.84 times as fast as f32 in shunt tune, with results off by 0.0031". Returns the text. */
const char *tune_network_reason(const tune_network *network, char text[TUNE_REASON_CHARS]);

/* ---- journal.c: what is known of a candidate on a device, whatever the shape. SAFE: it ran and was right at least once;
 * UNFINISHED, which overrides all others: it hung, or crashed its process. RETRY: the same, but it may be tried again; it counts as
 * bad until that trial has ended. */
typedef enum tune_verdict {
    VERDICT_UNTRIED,
    VERDICT_SAFE,
    VERDICT_WRONG,
    VERDICT_FAILED,
    VERDICT_UNFINISHED,
    VERDICT_RETRY
} tune_verdict;
const char *tune_verdict_name(tune_verdict verdict);
tune_verdict tune_verdict_of(const shunt_device *device, const shunt_candidate *candidate);
/* What the journal calls a trial (shunt_tune_blame). Returns the text. */
enum { TUNE_TRIAL_CHARS = 2 * TUNE_KEY_CHARS + SHUNT_ALGORITHM_CHARS + SHUNT_PARAMS_CHARS };
const char *tune_trial_text(const shunt_device *device, const shunt_candidate *candidate, const shunt_op_desc *desc,
                            char text[TUNE_TRIAL_CHARS]);
/* A line that is on the disk when begin returns; and how the trial ended. watched: the end of the process blames nobody. */
shunt_status tune_journal_begin(const char *trial, bool watched);
shunt_status tune_journal_end(const char *trial, tune_verdict verdict);
/* From now on the device's unfinished candidates may be tried again. */
shunt_status tune_journal_retry(const shunt_device *device);

/* ---- reference.c: inputs for an op and its results in plain C, all in the layouts of desc. */
typedef struct tune_reference {
    shunt_op_desc desc;
    void *inputs[SHUNT_MAX_INPUTS], *dst;
} tune_reference;
/* SHUNT_E_UNSUPPORTED for ops that have other types than f32, f16 and bf16, or several outputs. */
shunt_status reference_make(const shunt_op_desc *desc, tune_reference *out);
void reference_free(tune_reference *reference);
/* Whether dst is right: the relative L2 error is small, and lanes past the channels are zero. Else sets the message. */
bool reference_agrees(const tune_reference *reference, const void *dst);

/* ---- compare.c: which of two ops is faster, by times that were taken in turn. */
enum { TUNE_MIN_TURNS = 3, TUNE_MAX_TURNS = 64 };

typedef struct tune_turns {
    uint32_t count; /* at least 1 where something is asked about them */
    double guess[TUNE_MAX_TURNS],
        other[TUNE_MAX_TURNS]; /* microseconds of one launch, taken directly after each other */
} tune_turns;

typedef struct tune_comparison {
    uint32_t turns;
    double ratio;     /* of the other's time to the guess's: the median over the turns */
    double low, high; /* its quartiles */
    double spread;    /* of these ratios: by how much the upper quartile exceeds the lower, as a share of the lower */
    bool slower, faster; /* by more than a factor of two in every turn */
} tune_comparison;

tune_comparison tune_compare(const tune_turns *turns);
/* Whether the guess takes longer than the other by a share that exceeds 2 % and the spread. */
bool tune_is_faster(const tune_comparison *comparison);
double tune_median(const double *times, uint32_t count);
/* Whether times of one and the same thing that spread so much tell anything. */
bool tune_is_steady(double spread);
/* By how much the upper quartile exceeds the lower, as a share of the lower. */
double tune_spread(const double *times, uint32_t count);

/* ---- measure.c: whether a candidate is right, and how long it takes. */

/* A candidate of an op, ready to run unless trial is NULL. Copied to while it is stopped only. */
typedef struct tune_runner {
    const shunt_device *device;
    const shunt_candidate *candidate;
    const tune_reference *reference;
    struct tune_trial *trial;
} tune_runner;

/* Runs the candidate once and checks the result. Where there is no memory for both, `other` (may be NULL) is stopped.
 * VERDICT_SAFE: its result is right, and it can be timed. Else it is stopped, and the message says why. */
tune_verdict tune_check(tune_runner *runner, tune_runner *other);
/* Times both in turn: until the times are precise enough, about a second at most, except for very slow ops. Either is started as it is
 * needed, so that two which do not fit into the device's memory together stop each other. */
shunt_status tune_time(tune_runner *guess, tune_runner *other, tune_turns *out);
/* The same for whatever can be timed: `take` gives the time of one run. */
typedef struct tune_timed {
    shunt_status (*take)(void *context, double *microseconds);
    void *context;
} tune_timed;
shunt_status tune_take_turns(const tune_timed *guess, const tune_timed *other, tune_turns *out);
/* How much the time of one and the same op spreads now (tune_spread), and its median. */
shunt_status tune_steadiness(tune_runner *runner, double *spread, double *microseconds);
void tune_stop(tune_runner *runner);
/* Whether the device still answers after a candidate failed on it. */
bool tune_device_alive(const shunt_device *device);

/* ---- search.c */

/* An op, and what the device answered to op_query about it. */
typedef struct tune_op {
    const shunt_device *device;
    const shunt_op_desc *desc;
    const shunt_candidate *candidates; /* usable ones, best guess first */
    uint32_t ncandidates;
} tune_op;

/* The candidates for an op that may be tried, best guess first; returns how many. full: all, else the first few. safe_only:
 * those which the journal knows to be safe, and the best guess, which an application would run anyway. */
uint32_t tune_candidates(const tune_op *op, bool full, bool safe_only, shunt_candidate list[SHUNT_MAX_CANDIDATES]);
/* Whether the choice is one of the device's candidates for the op, and neither hung nor crashed. */
bool tune_may_use(const tune_op *op, const tune_choice *choice);

typedef struct tune_search {
    bool full, safe_only, force;
    bool watched;               /* another process reports it if a trial crashes this one (shunt_tune_blame) */
    shunt_tune_handler handler; /* or NULL */
    void *context;
} tune_search;

/* Tries the candidates for one op, each in turn with the best guess, and stores the fastest that is faster than that in a second
 * measurement, too; else the best guess. The caller fills those fields of `event` that tell about all ops and this one's
 * steps. SHUNT_E_DEVICE: a candidate broke the device; or, unless force, times vary too much to compare candidates.
 * SHUNT_E_NOT_FOUND: none is right. *out (may be NULL) is the best as soon as it is known, even when it cannot be stored. */
shunt_status tune_search_op(const tune_op *op, const tune_search *search, shunt_tune_event *event, tune_choice *out);

/* ---- choose.c: the algorithm for an op when a plan is made, after SHUNT_TUNE. False: the backend's best guess. */
bool tune_choose(const tune_op *op, tune_choice *out);
/* SHUNT_TUNE=off: nothing that is stored is used. */
bool tune_is_off(void);
/* Logs, once per process, that a choice could not be prepared. */
void tune_choice_failed(const tune_choice *choice);

/* Forgets what was read from files (shunt_shutdown). */
void tune_free(void);
void tune_journal_free(void);

#endif
