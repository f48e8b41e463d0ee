/* SPDX-License-Identifier: Apache-2.0 */
#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void assert_fail(const char *file, int line, const char *condition)
{
    fprintf(stderr, "thrum: bug: %s:%d: assertion failed: %s\n", file, line, condition);
    fflush(stderr);
    abort();
}
