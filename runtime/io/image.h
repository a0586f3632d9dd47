/* image.h - decoders and their common checks. */
#ifndef SHUNT_RUNTIME_IMAGE_H
#define SHUNT_RUNTIME_IMAGE_H

#include <shunt/shunt.h>

/* Memory for height x width pixels; the size may come from a file: it is checked (at most 2^28 pixels) before anything
 * is allocated. name is for the message. */
shunt_status shunt_image_alloc(const char *name, int64_t height, int64_t width, shunt_image *out);

/* Each decodes one whole file in memory, whose first bytes are right. After a failure *out is empty. */
shunt_status shunt_decode_jpeg(const uint8_t *bytes, size_t nbytes, const char *name, shunt_image *out);
shunt_status shunt_decode_png(const uint8_t *bytes, size_t nbytes, const char *name, shunt_image *out);
shunt_status shunt_decode_ppm(const uint8_t *bytes, size_t nbytes, const char *name, shunt_image *out);

#endif
