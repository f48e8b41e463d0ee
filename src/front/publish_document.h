/* SPDX-License-Identifier: Apache-2.0
 *
 * publish_document.h - from the body of a document, whole or in parts, to a command that creates or
 * updates it: for REST, and for topics that are documents (/thngs/:id, /collections/:id, /actions).
 *
 * The body is scanned and checked on the loop; what is wrong with it travels to the engine as the
 * command's refusal, because rights and existence are judged first. */
#ifndef THRUM_FRONT_PUBLISH_DOCUMENT_H
#define THRUM_FRONT_PUBLISH_DOCUMENT_H

#include "front/publish.h"
#include "model/perm.h"

struct document_send {
    enum resource_kind kind;
    bool is_creation;
    struct id target;      /* of an update */
    struct id parent;      /* the application's project, the task's batch; else not set */
    struct id project;     /* ?project=; not set: none */
    bool is_for_all_users; /* as struct command has it, and these two */
    enum perm_subject subject;
    enum perm_operation operation;
    struct slice body;  /* borrowed for the call */
    struct err refusal; /* what is wrong with it for reasons of the caller's; ERR_OK: nothing */
    const struct actor *actor;
    uint8_t qos;
    bool is_last_words; /* as in struct publish */
    uint64_t request;
    const struct command_key *keys; /* issued with what is created; sealed bytes are copied */
    uint32_t key_count;
    struct slice extra_members; /* put behind the body's own, as document.h writes members */
};

/* PUBLISH_SENT or PUBLISH_NO_ROOM. *field and *refusal tell what is wrong with the body, for the
 * text of the error (the command carries the refusal). */
enum publish_sent document_send(struct conn *conn, const struct document_send *send,
                                struct slice *field, struct err *refusal);

#endif
