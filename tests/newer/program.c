/* program.c - an application of a later version of the headers, on the library of today: what it does not use costs nothing, and
 * what the library does not know is refused. */
#include <shunt/look.h>

#include <stdio.h>
#include <string.h>

static int complain(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, shunt_last_error());
    return 1;
}

int main(void)
{
    shunt_model_options options = {.size = sizeof options, .classes = 3};
    shunt_model *model = NULL, *none = NULL;
    if (shunt_model_create("resnet8", &options, &model)) return complain("a longer struct, its end all 0, is refused");
    if (shunt_model_classes(model) != 3) return complain("the option is lost");
    shunt_model_destroy(model);
    options.later[sizeof options.later - 1] = 1;
    if (shunt_model_create("resnet8", &options, &none) != SHUNT_E_UNSUPPORTED || none)
        return complain("an option that the library does not know is not refused");
    if (!strstr(shunt_last_error(), "use a newer library")) return complain("the reason is not said");
    return 0;
}
