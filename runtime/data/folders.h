/* folders.h - folders of pictures: their content, and the folder of a split. */
#ifndef SHUNT_RUNTIME_FOLDERS_H
#define SHUNT_RUNTIME_FOLDERS_H

#include <shunt/shunt.h>
#include <stdbool.h>

/* The names of the folders in `path`, sorted, to be freed. */
shunt_status folders_list(const char *path, char ***names, size_t *count);
void folders_free(char **names, size_t count);
/* How names of pictures end, in any case; NULL past the end. */
const char *picture_ending(size_t index);
bool is_picture(const char *name);
/* What is done with a file: its path, which begins with that of the walk, and its name. */
typedef shunt_status folders_visit(void *context, const char *path, const char *name);
/* Visits the files in a folder and, if `deep`, below it. A folder's own files come before those of the folders in it, both by name, as in
 * Python's os.walk. Names that begin with a dot are left out. Links are followed, but not into a folder that is being walked. The first
 * failure of visit ends it and is returned. A folder that cannot be read is a failure, too, or else, if `lenient`, empty. */
shunt_status folders_walk(const char *path, bool deep, bool lenient, folders_visit *visit, void *context);

/* splits.c: where the pictures of a split ("train", "test"; NULL: to test on, or all) lie in `where`; to be freed. labelled: they
 * lie in one folder, and a file has their labels. */
shunt_status split_find(const char *where, const char *split, bool labelled, char **out);

#endif
