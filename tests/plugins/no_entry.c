/* no_entry.c - a shared library that is no plugin. */
__attribute__((visibility("default"))) int shunt_unrelated(void);
int shunt_unrelated(void)
{
    return 1;
}
