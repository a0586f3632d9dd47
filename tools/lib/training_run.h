/* training_run.h - what shunt train and the studies that train have in common: opening the data, and a run while it is under way,
 * with its progress line and Ctrl-C. */
#ifndef SHUNT_TOOLS_TRAINING_RUN_H
#define SHUNT_TOOLS_TRAINING_RUN_H

#include <shunt/coco.h>
#include <shunt/train.h>
#include <stdbool.h>

/* Whether the set's pixels have classes. */
bool pixels_are_labelled(const char *spec);
/* Both parts of a set, as a network for this task takes them. skip_bad: without annotations that are wrong. *test stays NULL where there is none, which only folders may have. Returns an EXIT_ number, as all of these do, after
 * printing why. */
int training_open_data(const char *spec, shunt_task task, bool skip_bad, shunt_dataset **data, shunt_dataset **test);
/* Gives the model the data's names of classes, if it has them. */
int training_set_labels(shunt_model *model, const shunt_dataset *data);

/* Runs the trainer up to its end, or until it is interrupted: SIGINT, SIGTERM and SIGHUP finish the step and save, a second
 * SIGINT or SIGTERM ends the process. note: what the progress line calls the run; NULL: there is none. */
int training_run(shunt_trainer *trainer, const char *note, int *finished);
bool training_interrupted(void);

/* For handlers: updates the progress line, reports checkpoints that could not be written. Returns whether to stop. */
int training_handle(const shunt_train_event *event);
/* Of an EPOCH event, a line on standard output. label: in front of it; held: what is not trained on, "validation"; blocks: how many
 * the recipe penalises. */
void training_print_epoch(const shunt_train_event *event, const char *label, const char *held, size_t blocks);

#endif
