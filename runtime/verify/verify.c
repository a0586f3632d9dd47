/* verify.c - shunt_device_verify: the list of checks, and what is reported of each. */
#include "runtime/verify/verify.h"
#include "runtime/base/sized.h"

#include "runtime/base/error.h"
#include "runtime/device/fork.h"
#include "runtime/device/precision.h"
#include "runtime/graph/graph.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Those that are about no kind of op. */
static const struct {
    const char *name;
    void (*run)(verify_state *);
} checks[] = {{"graph", verify_graph}, {"queue", verify_queue}, {"errors", verify_errors}};
enum { CHECKS = sizeof checks / sizeof *checks };

void verify_problem(verify_state *state, int64_t number, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(state->problem, sizeof state->problem, format, args);
    va_end(args);
    size_t used = (size_t)snprintf(state->again, sizeof state->again, "--op %s --seed %" PRIu64, state->name,
                                   state->options->seed);
    if (number >= 0)
        used += (size_t)snprintf(state->again + used, sizeof state->again - used, " --case %" PRId64, number);
    if (state->options->quick) /* which runs a case in other types and layouts */
        used += (size_t)snprintf(state->again + used, sizeof state->again - used, " --quick");
    if (state->dtype)
        snprintf(state->again + used, sizeof state->again - used, " --precision %s", shunt_dtype_name(state->dtype));
}

void verify_refusal(verify_state *state, const shunt_op_candidates *found)
{
    state->refusals++;
    if (found->count < 1 || !found->list[0].reason[0])
        verify_problem(state, -1, "an op was refused without a reason");
    else
        snprintf(state->refusal, sizeof state->refusal, "%.*s", SHUNT_REASON_CHARS - 1, found->list[0].reason);
}

static bool wanted(const shunt_verify_options *options, const char *name)
{
    return !options->op || !strcmp(options->op, name);
}

/* Tells the handler; false when something was wrong. */
static bool report(const verify_state *state)
{
    const shunt_verify_check check = {
        .name = state->name,
        .cases = state->cases,
        .runs = state->runs,
        .refusals = state->refusals,
        .refusal = state->refusal,
        .problem = state->problem,
        .again = state->again,
    };
    if (state->options->handler) state->options->handler(state->options->context, &check);
    return !state->problem[0];
}

/* Every check that is wanted. Returns how many there are, and counts those that fail. */
static uint32_t run_all(verify_state *state, uint32_t *failures)
{
    const shunt_verify_options *options = state->options;
    const verify_state fresh = *state;
    uint32_t done = 0;
    for (uint32_t kind = 1; kind < SHUNT_OP_KINDS + CHECKS; kind++) {
        uint32_t other = kind - SHUNT_OP_KINDS;
        bool is_kind = kind < SHUNT_OP_KINDS;
        const char *name = is_kind ? op_kind_name(kind) : checks[other].name;
        bool without_graph = !is_kind && checks[other].run == verify_graph && (!options->graph || options->quick);
        if (!name || without_graph || !wanted(options, name)) continue;
        if (is_kind && state->dtype && !options->op && !verify_has_type(kind, state->dtype)) continue;
        *state = fresh;
        state->name = name;
        if (is_kind)
            verify_kind(state, kind);
        else
            checks[other].run(state);
        done++;
        *failures += !report(state);
    }
    return done;
}

static shunt_status refuse_name(const char *name)
{
    char names[1024] = "";
    for (uint32_t kind = 1; kind < SHUNT_OP_KINDS + CHECKS; kind++) {
        const char *known = kind < SHUNT_OP_KINDS ? op_kind_name(kind) : checks[kind - SHUNT_OP_KINDS].name;
        size_t used = strlen(names);
        if (known) snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "", known);
    }
    return error_fail(SHUNT_E_NOT_FOUND, "there is no check \"%.40s\"; there are: %s", name, names);
}

/* "fast" may be any type that the device has. */
static shunt_status take_precision(const shunt_device *device, const char *name, uint8_t *dtype)
{
    if (!strcmp(name, "fast")) return SHUNT_OK;
    if (!precision_type(name, dtype))
        return error_fail(SHUNT_E_INVALID, "precision \"%.40s\"; there are: f32, f16, bf16, fast", name);
    return precision_expect(device, *dtype);
}

shunt_status shunt_device_verify(shunt_device *device, const shunt_verify_options *options)
{
    if (!device) return error_null(__func__, "device");
    static const shunt_verify_options usual = {.size = sizeof usual, .seed = 1, .only = -1};
    shunt_verify_options own;
    shunt_status status = sized_take(&own, sizeof own, SIZE_THROUGH(shunt_verify_options, context),
                                     options ? options : &usual, "shunt_verify_options");
    uint8_t dtype = 0;
    if (!status) status = fork_check();
    if (!status && own.precision) status = take_precision(device, own.precision, &dtype);
    if (status) return status;
    verify_state *state = calloc(1, sizeof *state);
    if (!state) return error_memory();
    *state = (verify_state){.device = device, .options = &own, .dtype = dtype};
    uint32_t failures = 0, done = run_all(state, &failures);
    free(state);
    if (done == 0) return refuse_name(own.op ? own.op : "");
    if (failures == 0) return SHUNT_OK;
    return error_fail(SHUNT_E_DEVICE, "%s: %u of %u checks fail", device->entry.selector, failures, done);
}
