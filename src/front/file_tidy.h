/* SPDX-License-Identifier: Apache-2.0
 *
 * file_tidy.h - removes uploaded bytes that no document names any more, on a reader's thread. */
#ifndef THRUM_FRONT_FILE_TIDY_H
#define THRUM_FRONT_FILE_TIDY_H

#include "front/front.h"

/* Has the contents of <file> tidied, or those of every file (NULL), by what is committed by now.
 * When the readers are busy they are left to the next time, or to the next start. */
void file_tidy_start(struct front_shared *shared, const struct id *file);

#endif
