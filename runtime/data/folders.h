/* folders.h - folders of pictures: their content, and the folder of a split. */
#ifndef SHUNT_RUNTIME_FOLDERS_H
#define SHUNT_RUNTIME_FOLDERS_H

#include <fts.h>
#include <shunt/shunt.h>
#include <stdbool.h>

/* The names of the folders in `path`, sorted, to be freed. */
shunt_status folders_list(const char *path, char ***names, size_t *count);
void folders_free(char **names, size_t count);
/* How names of pictures end, in any case; NULL past the end. */
const char *picture_ending(size_t index);
bool is_picture(const char *name);
/* For fts_open: a folder's own pictures come before those of the folders in it, as in Python's os.walk. */
int files_first(const FTSENT **a, const FTSENT **b);
/* fts_read, for a walk sorted so; *out is NULL at the end. A walk that runs out of memory ends early or is not in order, which
 * here is a failure. */
shunt_status walk_next(FTS *walk, FTSENT **out);

/* splits.c: where the pictures of a split ("train", "test"; NULL: to test on, or all) lie in `where`; to be freed. labelled: they
 * lie in one folder, and a file has their labels. */
shunt_status split_find(const char *where, const char *split, bool labelled, char **out);

#endif
