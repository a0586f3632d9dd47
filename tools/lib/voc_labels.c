/* voc_labels.c - see voc_labels.h. */
#include "voc_labels.h"
#include "args.h"
#include "say.h"

enum { CLASSES = 21 };

int voc_labels_assume(shunt_model *model, bool *assumed)
{
    const char *labels[CLASSES];
    *assumed = shunt_model_outcomes(model) == CLASSES && !shunt_model_label(model, 0);
    for (size_t i = 0; i < CLASSES; i++) labels[i] = shunt_voc_label(i);
    if (*assumed && shunt_model_set_labels(model, labels)) return say_library_failure(NULL);
    return EXIT_OK;
}
