/* SPDX-License-Identifier: Apache-2.0 */
#include "front/share.h"

#include "front/share_mail.h"

#include <stdlib.h>

static void read_letter(struct loop *loop, uint32_t from, const struct share_letter *letter)
{
    struct shares *shares = ((struct front *)loop->owner)->shares;
    if (letter->kind == SHARE_MESSAGE) {
        share_member_read(shares, letter);
    } else {
        share_group_read(shares, from, letter);
    }
}

struct shares *shares_new(struct front *front)
{
    struct shares *shares = calloc(1, sizeof(*shares));
    if (shares == NULL) {
        return NULL;
    }
    shares->front = front;
    list_init(&shares->leaving);
    front->subs.on_removed = share_on_removed;
    if (front->shared->share_mail != NULL) {
        share_mail_attach(front->shared->share_mail, front->index, front->loop, read_letter);
    }
    return shares;
}

void shares_free(struct shares *shares)
{
    if (shares != NULL) {
        share_groups_free(shares);
        share_members_free(shares);
        free(shares);
    }
}
