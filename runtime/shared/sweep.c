/* sweep.c - see sweep.h. A process number in a name tells nothing about its writer: numbers are used again, in a container
 * by every run. The writer has a lock on the file instead, which goes with it. */
#include "runtime/shared/sweep.h"
#include "runtime/shared/os.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { OLD_SECONDS = 600 }; /* also longer than a writer takes from releasing the lock to renaming the file */

void sweep_spare(int fd)
{
    (void)!os_lock(fd); /* a file system without locks: then nothing is removed there either */
}

/* NAME.tmp-PROCESS-NUMBER. */
static bool is_temporary(const char *entry, const char *name)
{
    static const char digits[] = "0123456789";
    const char *mark = NULL;
    for (const char *at = entry; (at = strstr(at, TEMPORARY_MARK)); at++) mark = at;
    if (!mark || mark == entry) return false;
    size_t length = (size_t)(mark - entry);
    if (name && (strlen(name) != length || memcmp(entry, name, length) != 0)) return false;
    const char *process = mark + strlen(TEMPORARY_MARK), *dash = process + strspn(process, digits);
    if (dash == process || *dash != '-') return false;
    const char *end = dash + 1 + strspn(dash + 1, digits);
    return end > dash + 1 && !*end;
}

static void remove_stale(const char *path)
{
    struct stat about;
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) return;
    if (!fstat(fd, &about) && S_ISREG(about.st_mode) && time(NULL) - about.st_mtime > OLD_SECONDS && os_lock(fd))
        os_remove_open(fd, path);
    else
        close(fd);
}

void sweep_temporaries(const char *folder, const char *name)
{
    DIR *entries = opendir(folder);
    if (!entries) return;
    for (const struct dirent *entry; (entry = readdir(entries));)
        if (is_temporary(entry->d_name, name)) {
            char *path;
            if (asprintf(&path, "%s/%s", folder, entry->d_name) < 0) break;
            remove_stale(path);
            free(path);
        }
    closedir(entries);
}
