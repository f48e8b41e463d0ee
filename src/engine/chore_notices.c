/* SPDX-License-Identifier: Apache-2.0
 *
 * Notices of a collection that was emptied of more members than one event lists. The collection may
 * have gone itself. */
#include "engine/apply.h"

/* What a former notice listed, and who was put in again, must be shown. */
static void load_gone(struct engine *engine, struct head *head, struct command *command,
                      const struct chore *chore)
{
    struct head_load *load = head_load_new(&head->id);
    if (load == NULL) {
        engine_answer(engine, command, ERR(NO_MEMORY), 0);
        return;
    }
    load->after = member_changes_last(&engine->member_changes, &chore->id);
    load->members.asker = command;
    load->members.kind = chore->member_kind;
    load->members.listed_max = MEMBERS_PER_EVENT_MAX;
    load->members.wants_gone = true;
    engine_load_members(engine, head, command, load);
}

/* Nobody is put in between reading and writing: that would wait in the collection's queue, behind
 * this. */
void chore_notices_slice(struct engine *engine, struct command *command, struct chore *chore)
{
    struct head *head = engine_await(engine, command, &chore->id, false);
    if (head == NULL) {
        return;
    }
    const struct head_load *load = engine_loaded(engine, command);
    if (load == NULL) {
        load_gone(engine, head, command, chore);
        return;
    }
    struct slice gone = buf_data(&load->members.listed);
    if (gone.bytes == 0) {
        chore->is_done = true;
    } else {
        write_members(engine, &(struct members_event){
                                  .account = chore->account,
                                  .change = MEMBERS_CLEARED,
                                  .collection = chore->id,
                                  .scopes = head_scopes(head),
                                  .member_kind = chore->member_kind,
                                  .ids = (const struct id *)(const void *)gone.at,
                                  .count = (uint32_t)(gone.bytes / sizeof(struct id)),
                              });
    }
    engine_answer(engine, command, ERR(OK), 0);
}
