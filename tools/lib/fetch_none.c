/* fetch_none.c - for a build without libcurl. */
#include "fetch.h"
#include "say.h"

int fetch(const fetch_request *request, char *digits)
{
    (void)digits;
    return say_failure(
        "this shunt was built without libcurl and cannot download; get %s by other means and name the file "
        "with --weights",
        request->url);
}
