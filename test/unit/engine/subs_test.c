/* SPDX-License-Identifier: Apache-2.0
 *
 * The subscription index beside a dumb array: random subscribing and unsubscribing, then every
 * topic is looked up and must have exactly the array's subscriptions, in order. */
#include "engine/session.h"

#include "base/rand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SESSIONS 5
#define TOPICS 20
#define STEPS 4000
#define MODEL_MAX (SESSIONS * TOPICS * 2)

struct row {
    unsigned session;
    unsigned topic;
    bool slash;
    struct subscription *subscription;
};

static void spell(unsigned topic, bool slash, char text[64])
{
    snprintf(text, 64, "%sthngs/UKAVKg4pDpspKhRaQgNp%cMBh/properties%s%c", slash ? "/" : "",
             "abcdefghkm"[topic % 10], topic < 10 ? "" : "/", topic < 10 ? '/' : 'k');
}

static bool deliver(struct session *session, const struct delivery *delivery)
{
    (void)session;
    (void)delivery;
    return true;
}

static void test_random_program(void **state)
{
    (void)state;
    static const struct session_ops ops = {.deliver = deliver};
    struct rand rand = {0};
    rand_seed(&rand, 42);
    struct subs subs;
    subs_init(&subs, 1);
    struct session sessions[SESSIONS];
    for (unsigned i = 0; i < SESSIONS; i++) {
        session_init(&sessions[i], &ops);
    }
    static struct row rows[MODEL_MAX];
    size_t count = 0;
    const struct actor actor = {.kind = ACTOR_OPERATOR, .account = 1};
    for (unsigned step = 0; step < STEPS; step++) {
        struct row wanted = {
            .session = (unsigned)rand_below(&rand, SESSIONS),
            .topic = (unsigned)rand_below(&rand, TOPICS),
            .slash = rand_below(&rand, 2) == 0,
        };
        char text[64];
        spell(wanted.topic, wanted.slash, text);
        struct topic topic;
        assert_int_equal(topic_parse(slice_of_text(text), &topic).code, ERR_OK);
        size_t at = 0;
        while (at < count && !(rows[at].session == wanted.session &&
                               rows[at].topic == wanted.topic && rows[at].slash == wanted.slash)) {
            at++;
        }
        struct session *session = &sessions[wanted.session];
        struct subscription *found = subs_find(&subs, session, &topic, slice_of_text(text));
        assert_ptr_equal(found, at < count ? rows[at].subscription : NULL);
        if (rand_below(&rand, 2) == 0) {
            const struct subs_wish wish = {.session = session,
                                           .topic = &topic,
                                           .actor = &actor,
                                           .filter = slice_of_text(text),
                                           .first_sequence = step};
            assert_int_equal(subs_add(&subs, &wish, &wanted.subscription).code, ERR_OK);
            if (at == count) {
                rows[count++] = wanted;
            }
        } else if (at < count) {
            subs_remove(&subs, rows[at].subscription);
            memmove(&rows[at], &rows[at + 1], (--count - at) * sizeof(rows[0]));
        }
        assert_int_equal(subs.count, count);
        struct subs_topic *entry = subs_topic_find(&subs, topic_ref(&topic));
        size_t next = 0;
        if (entry != NULL) {
            LIST_EACH (&entry->subscriptions, link, after) {
                while (next < count && rows[next].topic != wanted.topic) {
                    next++;
                }
                assert_true(next < count);
                assert_ptr_equal(LIST_ENTRY(link, struct subscription, in_topic),
                                 rows[next].subscription);
                next++;
            }
        }
        while (next < count) {
            assert_int_not_equal(rows[next++].topic, wanted.topic);
        }
    }
    for (unsigned i = 0; i < SESSIONS; i++) {
        session_deinit(&sessions[i], &subs);
    }
    subs_deinit(&subs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_program)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
