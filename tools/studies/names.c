/* names.c - see names.h. */
#include "names.h"
#include <stdlib.h>
#include <string.h>

static size_t digits_at(const char *name)
{
    return strcspn(name, "0123456789");
}

long network_depth(const char *name)
{
    return strtol(name + digits_at(name), NULL, 10);
}

bool network_is_plain(const char *name)
{
    return strstr(name, "plain") != NULL;
}

size_t network_base(const char *name)
{
    return strcspn(name, " ");
}

bool network_is_twin(const char *plain, const char *residual)
{
    const char *family = strstr(plain, "plain");
    size_t before = family ? (size_t)(family - plain) : 0;
    if (!family || strncmp(plain, residual, before) || strncmp(residual + before, "resnet", strlen("resnet")))
        return false;
    const char *depth = family + strlen("plain"), *theirs = residual + before + strlen("resnet");
    size_t length = strcspn(depth, "- ");
    return strcspn(theirs, "- ") == length && !strncmp(depth, theirs, length);
}

bool network_is_deeper(const char *shallow, const char *deep)
{
    size_t before = digits_at(shallow);
    if (network_depth(shallow) >= network_depth(deep) || digits_at(deep) != before || strncmp(shallow, deep, before))
        return false;
    const char *option = shallow + before + strspn(shallow + before, "0123456789"),
               *theirs = deep + before + strspn(deep + before, "0123456789");
    return network_base(option) == network_base(theirs) && !strncmp(option, theirs, network_base(option));
}
