/* folder.h - a folder as Hugging Face's libraries and timm save a model in: weights, perhaps in several files, config.json and
 * preprocessor_config.json. */
#ifndef SHUNT_MODELS_FOLDER_H
#define SHUNT_MODELS_FOLDER_H

#include "runtime/weights/weights.h"

/* The path of the folder's weights; NULL after failing. To be freed. */
char *folder_weights_path(const char *folder);
/* Puts what the folder's JSON files say into the weights' metadata, under the keys of Shunt's own files, as far as it is
 * there and means a network of Shunt. */
shunt_status folder_describe(const char *folder, shunt_weights *weights);

#endif
