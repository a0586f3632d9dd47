/* doctor_packages.c - which Debian packages are installed, from dpkg's own files. See doctor_report.h. */
#include "doctor_report.h"

#include "runtime/shared/os.h"

#include <stdio.h>
#include <string.h>

enum { PATH_CHARS = 4096, LINE_CHARS = 1024 };

/* dpkg's folder below root; NULL: not to be opened. */
static FILE *open_of_dpkg(const char *root, const char *before, const char *package, const char *after)
{
    char path[PATH_CHARS];
    snprintf(path, sizeof path, "%s/var/lib/dpkg/%s%s%s", root, before, package, after);
    return os_read_text(path);
}

bool doctor_is_debian(const char *root)
{
    FILE *file = open_of_dpkg(root, "status", "", "");
    if (file) fclose(file);
    return file != NULL;
}

/* The file has a paragraph for each package, which begins with its name. A removed package whose settings are left has another status. */
bool doctor_package_installed(const char *root, const char *package)
{
    static const char name[] = "Package: ", status[] = "Status: ";
    char line[LINE_CHARS];
    bool here = false, installed = false;
    FILE *file = open_of_dpkg(root, "status", "", "");
    while (file && !installed && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\r\n")] = 0;
        if (!strncmp(line, name, sizeof name - 1))
            here = !strcmp(line + sizeof name - 1, package);
        else if (here && !strncmp(line, status, sizeof status - 1))
            installed = strstr(line, " ok installed") != NULL;
    }
    if (file) fclose(file);
    return installed;
}

static bool lists(FILE *file, const char *path)
{
    char line[LINE_CHARS];
    bool found = false;
    while (file && !found && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\r\n")] = 0;
        found = !strcmp(line, path);
    }
    if (file) fclose(file);
    return found;
}

/* A package of several architectures has its list under a name with its own. */
bool doctor_package_owns(const char *root, const char *package, const char *path)
{
    static const char *const endings[] = {".list", ":amd64.list", ":arm64.list", ":i386.list", ":riscv64.list"};
    size_t n = strlen(root);
    if (!strncmp(path, root, n)) path += n;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (lists(open_of_dpkg(root, "info/", package, endings[i]), path)) return true;
    return false;
}
