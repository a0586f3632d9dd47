/* zip.h - where the entries of a mapped zip file lie. Entries are used where they are, so they must be stored, not
 * compressed; their names are keys and never become paths. */
#ifndef SHUNT_RUNTIME_ZIP_H
#define SHUNT_RUNTIME_ZIP_H

#include "runtime/base/file.h"

typedef struct zip_index zip_index;

/* path is for messages. The mapping must outlive the index. */
shunt_status zip_open(const char *path, const file_mapping *file, zip_index **out);
void zip_close(zip_index *self);

/* SHUNT_E_NOT_FOUND without a message when there is no such entry. The data lie inside the mapping. */
shunt_status zip_find(zip_index *self, const char *name, const uint8_t **data, size_t *size);
/* The folder of the one entry FOLDER/name, to be freed; NULL when there is none or several. */
char *zip_folder_of(const zip_index *self, const char *name);

#endif
