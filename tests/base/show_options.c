/* show_options.c - prints two places that come from the environment, or "-": for device_option.c, which makes it setuid. */
#include <shunt/shunt.h>
#include <stdio.h>

int main(void)
{
    const char *plugins = shunt_option("plugin_path"), *cache = shunt_cache_folder();
    printf("%s %s\n", plugins ? plugins : "-", cache ? cache : "-");
    return 0;
}
