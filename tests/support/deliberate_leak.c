/* deliberate_leak.c - must turn the suite red in a sanitizer build. Criterion runs a test in a child process, whose leak is
 * reported while the test still passes: tools/tally finds the report. */
#include <criterion/criterion.h>
#include <stdlib.h>

Test(deliberate, leak)
{
    void *volatile memory = malloc(77);
    cr_assert(memory);
    memory = NULL;
}
