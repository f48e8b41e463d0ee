/* SPDX-License-Identifier: Apache-2.0
 *
 * rest_documents.h - what handlers of documents share. */
#ifndef THRUM_FRONT_REST_DOCUMENTS_H
#define THRUM_FRONT_REST_DOCUMENTS_H

#include "front/publish_document.h"
#include "front/rest.h"
#include "front/rest_read.h"

/* The document that the path names: the child of a nested route, else the resource. */
const struct id *rest_document_id(const struct http_request *request);

/* Of a nested route the resource that it lies in; else, and of operators, not set. */
struct id rest_document_parent(const struct http_request *request);

/* Sends the request's body (or send->body) as a document: <send> has what is the kind's own, all
 * else is filled in from the request. The answer comes to the route's on_answer. */
enum rest_step rest_document_send(struct http_request *request, struct document_send *send);

/* Sends the deletion of a resource of that kind; <parent> as struct command has it. */
enum rest_step rest_document_send_deletion(struct http_request *request, enum resource_kind kind,
                                           const struct id *id, const struct id *parent);

/* Sends the request's body as a publish on <topic>, the one with the request's path. <context> is
 * that of actions, else empty. */
enum rest_step rest_publish_send(struct http_request *request, const struct topic *topic,
                                 struct slice context);

/* Keeps for the error's text, which comes later, which <field> it is about; empty: none. */
void rest_document_detail(struct http_request *request, struct err err, struct slice field);

/* Refuses after a body was sent: what was wrong with a field is told only if that is the reason. */
void rest_document_refuse(struct http_request *request, struct err err);

/* For <run> of a read on a nested route: the child, when it is a <kind>, seen, and lies in the
 * path's first resource. As rest_read_find. */
MUST_USE struct err rest_document_find_child(struct reader *reader, const struct rest_read *read,
                                             enum resource_kind kind, struct document *document);

#endif
