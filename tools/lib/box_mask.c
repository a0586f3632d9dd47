/* box_mask.c - see box_mask.h. */
#include "box_mask.h"
#include "args.h"
#include "say.h"
#include <stdlib.h>

int box_mask_make(const shunt_image *image, const shunt_detections *found, size_t index, box_mask *out)
{
    const size_t pixels = (size_t)image->height * (size_t)image->width;
    float *probabilities = malloc(pixels * sizeof *probabilities);
    int status = EXIT_OK;
    out->inside = malloc(pixels);
    if (!probabilities || !out->inside)
        status = say_failure("no memory");
    else if (shunt_detections_mask(found, index, probabilities))
        status = say_library_failure(NULL);
    for (size_t i = 0; status == EXIT_OK && i < pixels; i++) out->inside[i] = probabilities[i] > 0.5f;
    free(probabilities);
    if (status != EXIT_OK) box_mask_free(out);
    return status;
}

void box_mask_free(box_mask *self)
{
    free(self->inside);
    self->inside = NULL;
}
