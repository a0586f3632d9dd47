/* schedule.c - the learning rate, and the strength of a penalty, as functions of the step: nothing is accumulated, so a run that
 * continues from a checkpoint has the very rates of one that was not cut off. */
#include <shunt/train.h>

#include <math.h>

/* From `from` at share 0 to `to` at share 1. */
static double line(double from, double to, double share)
{
    return from + (to - from) * share;
}

static double after_warm_up(const shunt_recipe *recipe, int64_t step, int64_t steps, int64_t begin)
{
    double share = (double)(step - begin) / (double)(steps > begin ? steps - begin : 1);
    switch (recipe->schedule) {
    case SHUNT_SCHEDULE_COSINE:
        return line(recipe->final_rate, recipe->rate, 0.5 * (1 + cos(M_PI * share)));
    case SHUNT_SCHEDULE_ONE_CYCLE:
        return line(recipe->rate, recipe->final_rate, share);
    case SHUNT_SCHEDULE_POLY:
        return line(recipe->final_rate, recipe->rate, pow(1 - share, 0.9));
    default: /* milestones count from the run's first step, as in the paper */
        share = (double)step / (double)steps;
        return recipe->rate * (share >= recipe->milestones[0] ? recipe->decay : 1) *
               (share >= recipe->milestones[1] ? recipe->decay : 1);
    }
}

/* The recipe with the rates for its own batch. */
static shunt_recipe for_batch(const shunt_recipe *recipe)
{
    shunt_recipe own = *recipe;
    if (recipe->rate_batch <= 0) return own;
    const double factor = (double)recipe->batch / (double)recipe->rate_batch;
    own.rate *= factor;
    own.final_rate *= factor;
    own.warm_up_rate = fmin(own.warm_up_rate, own.rate);
    return own;
}

double shunt_recipe_rate(const shunt_recipe *given, int64_t step, int64_t steps, int64_t warm_until)
{
    if (!given) return 0;
    const shunt_recipe own = for_batch(given), *recipe = &own;
    double share = recipe->warm_up > 0 ? fmin(recipe->warm_up, 1) : 0;
    int64_t warm = (int64_t)(share * (double)steps + 0.5);
    if (recipe->warm_up_error > 0 && (warm_until < 0 || step < warm_until)) return recipe->warm_up_rate;
    if (step < warm) return line(recipe->warm_up_rate, recipe->rate, (double)step / (double)warm);
    return after_warm_up(recipe, step, steps, warm);
}

/* From 0 to 1 between two fractions of the run. */
static double ramp(const double ends[2], double share)
{
    return share >= ends[1] ? 1 : share <= ends[0] ? 0 : (share - ends[0]) / (ends[1] - ends[0]);
}

double shunt_recipe_threshold(const shunt_recipe *recipe, int64_t step, int64_t steps, double rate)
{
    if (!recipe || recipe->prune <= 0) return 0;
    const double strength = ramp(recipe->prune_ramp, (double)step / (double)(steps > 0 ? steps : 1));
    /* Under a constant gradient g, momentum makes a step of rate * g / (1 - momentum). */
    return strength * recipe->prune * rate / (1 - recipe->momentum);
}

double shunt_recipe_share(const shunt_recipe *recipe, int64_t step, int64_t steps)
{
    if (!recipe || recipe->ghost <= 0) return 1;
    return line(1, recipe->ghost, ramp(recipe->ghost_ramp, (double)step / (double)(steps > 0 ? steps : 1)));
}
