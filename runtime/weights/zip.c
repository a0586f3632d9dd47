/* zip.c - entries of a zip file by name, read with minizip from the mapping. minizip says where an entry's
 * data begin (unzGetCurrentFileZStreamPos64); that they lie inside the file is checked here. */
#include "runtime/weights/zip.h"

#include <inttypes.h>
#include <unzip.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/error.h"

enum { MOST_ENTRIES = 100000, MOST_NAME = 255 };

typedef struct zip_entry {
    char *name;
    unz64_file_pos at;
    uint64_t size, stored;
    unsigned long method, flags;
} zip_entry;

struct zip_index {
    const char *path;
    const file_mapping *file;
    unzFile zip;
    zip_entry *entries; /* by name */
    size_t count, room;
    uint64_t position; /* of minizip's reading */
};

/* ---- minizip's file is the mapping ------------------------------------------------------------------------------ */

static void *open_mapping(void *opaque, const void *name, int mode)
{
    (void)name;
    (void)mode;
    return opaque;
}

static unsigned long read_mapping(void *opaque, void *stream, void *bytes, unsigned long size)
{
    zip_index *self = stream;
    (void)opaque;
    uint64_t left = self->position < self->file->size ? self->file->size - self->position : 0;
    if (size > left) size = left;
    if (size) memcpy(bytes, self->file->data + self->position, size);
    self->position += size;
    return size;
}

static unsigned long write_mapping(void *opaque, void *stream, const void *bytes, unsigned long size)
{
    (void)opaque;
    (void)stream;
    (void)bytes;
    (void)size;
    return 0;
}

static ZPOS64_T tell_mapping(void *opaque, void *stream)
{
    (void)opaque;
    return ((zip_index *)stream)->position;
}

static long seek_mapping(void *opaque, void *stream, ZPOS64_T offset, int origin)
{
    zip_index *self = stream;
    (void)opaque;
    uint64_t from = origin == ZLIB_FILEFUNC_SEEK_CUR   ? self->position
                    : origin == ZLIB_FILEFUNC_SEEK_END ? self->file->size
                                                       : 0;
    if (offset > self->file->size || from > self->file->size - offset) return -1;
    self->position = from + offset;
    return 0;
}

static int close_mapping(void *opaque, void *stream)
{
    (void)opaque;
    (void)stream;
    return 0;
}

static int error_of_mapping(void *opaque, void *stream)
{
    (void)opaque;
    (void)stream;
    return 0;
}

/* ---- The index ---------------------------------------------------------------------------------------------------- */

static shunt_status fail_damaged(const zip_index *self, const char *what)
{
    return error_fail(SHUNT_E_INVALID, "%s: damaged zip file: %s", self->path, what);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const zip_entry *)a)->name, ((const zip_entry *)b)->name);
}

static shunt_status add_entry(zip_index *self)
{
    unz_file_info64 info;
    char name[MOST_NAME + 1] = "";
    if (unzGetCurrentFileInfo64(self->zip, &info, name, sizeof name, NULL, 0, NULL, 0) != UNZ_OK)
        return fail_damaged(self, "an entry of its directory cannot be read");
    if (info.size_filename > MOST_NAME || strlen(name) != info.size_filename)
        return SHUNT_OK; /* none that is looked for */
    if (self->count == self->room) {
        size_t room = self->room ? 2 * self->room : 64;
        zip_entry *grown = reallocarray(self->entries, room, sizeof *grown);
        if (!grown) return error_memory();
        self->entries = grown;
        self->room = room;
    }
    zip_entry entry = {.size = info.uncompressed_size,
                       .stored = info.compressed_size,
                       .method = info.compression_method,
                       .flags = info.flag,
                       .name = strdup(name)};
    if (!entry.name) return error_memory();
    unzGetFilePos64(self->zip, &entry.at);
    self->entries[self->count++] = entry;
    return SHUNT_OK;
}

static shunt_status add_entries(zip_index *self)
{
    int there = unzGoToFirstFile(self->zip);
    for (uint32_t seen = 0; there == UNZ_OK; there = unzGoToNextFile(self->zip)) {
        if (seen++ == MOST_ENTRIES)
            return error_fail(SHUNT_E_INVALID, "%s: the zip file has over %d entries", self->path, MOST_ENTRIES);
        shunt_status status = add_entry(self);
        if (status) return status;
    }
    if (there != UNZ_END_OF_LIST_OF_FILE) return fail_damaged(self, "its directory cannot be read to the end");
    if (self->count) qsort(self->entries, self->count, sizeof *self->entries, by_name);
    for (size_t i = 1; i < self->count; i++)
        if (!strcmp(self->entries[i - 1].name, self->entries[i].name))
            return error_fail(SHUNT_E_INVALID, "%s: damaged zip file: two entries are called '%.100s'", self->path,
                              self->entries[i].name);
    return SHUNT_OK;
}

/* Whether the directory ends where the file ends, apart from the comment. minizip does not notice a cut there. */
static bool has_end(const file_mapping *file)
{
    enum { END = 22, MOST_COMMENT = 65535 };
    for (size_t comment = 0; comment <= MOST_COMMENT && comment + END <= file->size; comment++) {
        const uint8_t *end = file->data + file->size - comment - END;
        if (!memcmp(end, "PK\5\6", 4) && (end[20] | (size_t)end[21] << 8) == comment) return true;
    }
    return false;
}

shunt_status zip_open(const char *path, const file_mapping *file, zip_index **out)
{
    *out = NULL;
    if (!has_end(file))
        return error_fail(SHUNT_E_INVALID, "%s: damaged zip file: no directory at its end: the file is cut off", path);
    zip_index *self = calloc(1, sizeof *self);
    if (!self) return error_memory();
    self->path = path;
    self->file = file;
    zlib_filefunc64_def functions = {open_mapping, read_mapping,  write_mapping,    tell_mapping,
                                     seek_mapping, close_mapping, error_of_mapping, self};
    self->zip = unzOpen2_64(path, &functions);
    shunt_status status = self->zip ? add_entries(self) : fail_damaged(self, "its directory cannot be read");
    if (status)
        zip_close(self);
    else
        *out = self;
    return status;
}

void zip_close(zip_index *self)
{
    if (!self) return;
    if (self->zip) unzClose(self->zip);
    for (size_t i = 0; i < self->count; i++) free(self->entries[i].name);
    free(self->entries);
    free(self);
}

/* ---- Looking up ------------------------------------------------------------------------------------------------------ */

static shunt_status fail_entry(const zip_index *self, const zip_entry *entry, const char *what)
{
    return error_fail(SHUNT_E_INVALID, "%s: entry '%.100s' of the zip file %s", self->path, entry->name, what);
}

/* Where the entry's data begin, past its local header, which minizip compares with the directory. */
static shunt_status locate(zip_index *self, const zip_entry *entry, uint64_t *begin)
{
    int method, level;
    if (unzGoToFilePos64(self->zip, &entry->at) != UNZ_OK ||
        unzOpenCurrentFile2(self->zip, &method, &level, 1) != UNZ_OK)
        return fail_entry(self, entry, "is not where its directory says, or is not the same there");
    *begin = unzGetCurrentFileZStreamPos64(self->zip);
    unzCloseCurrentFile(self->zip); /* its verdict is on a checksum of what was read: nothing */
    return SHUNT_OK;
}

shunt_status zip_find(zip_index *self, const char *name, const uint8_t **data, size_t *size)
{
    const zip_entry key = {.name = (char *)name};
    const zip_entry *entry =
        self->count ? bsearch(&key, self->entries, self->count, sizeof *self->entries, by_name) : NULL;
    if (!entry) return SHUNT_E_NOT_FOUND;
    if (entry->flags & 1) return fail_entry(self, entry, "is encrypted");
    if (entry->method || entry->size != entry->stored)
        return fail_entry(self, entry, "is compressed; expected it stored, as torch.save writes it");
    uint64_t begin = 0;
    shunt_status status = locate(self, entry, &begin);
    if (status) return status;
    if (begin > self->file->size || entry->size > self->file->size - begin)
        return error_fail(SHUNT_E_INVALID,
                          "%s: entry '%.100s' of the zip file has %" PRIu64 " bytes from byte %" PRIu64
                          ", past the file's %zu: the file is cut off or damaged",
                          self->path, name, entry->size, begin, self->file->size);
    *data = self->file->data + begin;
    *size = (size_t)entry->size;
    return SHUNT_OK;
}

char *zip_folder_of(const zip_index *self, const char *name)
{
    const zip_entry *found = NULL;
    size_t length = strlen(name);
    for (size_t i = 0; i < self->count; i++) {
        const char *slash = strchr(self->entries[i].name, '/');
        if (!slash || strcmp(slash + 1, name)) continue;
        if (found) return NULL;
        found = &self->entries[i];
    }
    return found ? strndup(found->name, strlen(found->name) - length - 1) : NULL;
}
