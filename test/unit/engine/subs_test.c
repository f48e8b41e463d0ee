/* SPDX-License-Identifier: Apache-2.0
 *
 * The subscription index beside a dumb array: random subscribing and unsubscribing, then every
 * topic is looked up and must have exactly the array's subscriptions, in order. And who is judged
 * anew when the scopes of a resource change. */
#include "engine/session.h"

#include "base/rand.h"
#include "model/grant.h"

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
        struct subscription *found = subs_find(&subs, session, slice_of_text(text));
        assert_ptr_equal(found, at < count ? rows[at].subscription : NULL);
        if (rand_below(&rand, 2) == 0) {
            const struct subs_wish wish = {.session = session,
                                           .topic = &topic,
                                           .actor = &actor,
                                           .text = slice_of_text(text),
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
            LIST_EACH (&entry->places, link, after) {
                while (next < count && rows[next].topic != wanted.topic) {
                    next++;
                }
                assert_true(next < count);
                assert_ptr_equal(LIST_ENTRY(link, struct subs_place, in_topic)->subscription,
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

/* Filters that select the same have one hash, however they are spelled; others have others. */
static void test_hashes_of_what_is_selected(void **state)
{
    (void)state;
    static const struct session_ops ops = {.deliver = deliver};
    static const char *const spellings[][2] = {
        {"#", "/#?pubStates=1"},
        {"actions", "/actions/"},
        {"actions/#", "/actions/#?x"},
        {"/thngs/+/properties/TEMP", "thngs/+/properties/temp/"},
        {"/thngs/+/properties/+", "thngs/+/properties/+?x=1"},
        {"+/+/actions/all", "/+/+/actions/%61ll"},
    };
    const struct actor actor = {.kind = ACTOR_OPERATOR, .account = 1};
    struct subs subs;
    struct session session;
    subs_init(&subs, 1);
    session_init(&session, &ops);
    for (size_t i = 0; i < ARRAY_LEN(spellings); i++) {
        struct topic_filter filter;
        struct subscription *added;
        const struct subs_wish wish = {.session = &session,
                                       .filter = &filter,
                                       .actor = &actor,
                                       .text = slice_of_text(spellings[i][0])};
        assert_int_equal(topic_filter_parse(wish.text, &filter).code, ERR_OK);
        assert_int_equal(subs_add(&subs, &wish, &added).code, ERR_OK);
        for (size_t j = 0; j < ARRAY_LEN(spellings); j++) {
            struct slice other = slice_of_text(spellings[j][1]);
            assert_int_equal(topic_filter_parse(other, &filter).code, ERR_OK);
            assert_int_equal(subs_selects_alike(added, &filter), i == j);
            assert_int_equal(subs_hash_selected(&subs, added) == subs_hash_filter(&subs, &filter),
                             i == j);
        }
    }
    session_deinit(&session, &subs);
    subs_deinit(&subs);
}

/* ---- watches ---- */

/* One session with one subscription of a thng's topic. */
struct bench {
    struct subs subs;
    struct session session;
    struct topic topic;
    struct subscription *subscription;
};

static void subscribe(struct bench *bench, const struct actor *actor)
{
    const struct subs_wish wish = {
        .session = &bench->session, .topic = &bench->topic, .actor = actor, .text = SLICE("f")};
    assert_int_equal(subs_add(&bench->subs, &wish, &bench->subscription).code, ERR_OK);
}

static void begin(struct bench *bench, const char *topic, const struct actor *actor)
{
    static const struct session_ops ops = {.deliver = deliver};
    subs_init(&bench->subs, 1);
    session_init(&bench->session, &ops);
    assert_int_equal(topic_parse(slice_of_text(topic), &bench->topic).code, ERR_OK);
    subscribe(bench, actor);
}

static void finish(struct bench *bench)
{
    session_deinit(&bench->session, &bench->subs);
    assert_int_equal(map_count(&bench->subs.watches), 0);
    subs_deinit(&bench->subs);
}

static bool is_watched(const struct bench *bench)
{
    const struct subs_watch *watch = subs_watch_find(&bench->subs, &bench->topic.resource);
    assert_ptr_equal(bench->subscription->watch, watch);
    return watch != NULL;
}

#define THNG "/thngs/UKAVKg4pDpspKhRaQgNpcMBh"

/* Operators without and with projects, a token, an application, a user. */
struct actors {
    struct id project;
    struct perm_rights rights;
    struct grant_zone zones[2];
    struct grant grants[2];
    struct actor at[6];
};

static void make_actors(struct actors *actors)
{
    *actors = (struct actors){.project = {.text = "UKAVKg4pDpspKhRaQgNpdMBh"}};
    actors->zones[0] = (struct grant_zone){.reach = GRANT_ALL};
    actors->zones[1] =
        (struct grant_zone){.reach = GRANT_PROJECTS, .ids = &actors->project, .id_count = 1};
    for (size_t i = 0; i < 2; i++) {
        actors->grants[i] = (struct grant){.zones = &actors->zones[i], .zone_count = 1};
    }
    const struct actor all[] = {
        {.kind = ACTOR_OPERATOR, .account = 1},
        {.kind = ACTOR_OPERATOR, .account = 1, .grant = &actors->grants[1]},
        {.kind = ACTOR_ACCESS_TOKEN, .account = 1, .grant = &actors->grants[0]},
        {.kind = ACTOR_TRUSTED, .account = 1, .project = actors->project},
        {.kind = ACTOR_USER, .account = 1, .project = actors->project, .grant = &actors->grants[0]},
        {.kind = ACTOR_DEVICE, .account = 1},
    };
    memcpy(actors->at, all, sizeof(all));
}

static void test_whoever_sees_some_only_is_judged_anew(void **state)
{
    (void)state;
    static const bool expected[] = {false, true, false, true, true, false};
    struct actors actors;
    make_actors(&actors);
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        struct bench bench;
        begin(&bench, THNG, &actors.at[i]);
        assert_int_equal(is_watched(&bench), expected[i]);
        finish(&bench);
        /* Who names a project sees only what is in it. */
        begin(&bench, THNG "?project=UKAVKg4pDpspKhRaQgNpdMBh", &actors.at[i]);
        assert_true(is_watched(&bench));
        finish(&bench);
        /* Of the account's own topics each event is judged. */
        begin(&bench, "/actions/all", &actors.at[i]);
        assert_null(bench.subscription->watch);
        finish(&bench);
    }
}

static void test_rights_become_others(void **state)
{
    (void)state;
    struct actors actors;
    struct bench bench;
    make_actors(&actors);
    begin(&bench, THNG, &actors.at[0]);
    for (unsigned i = 0; i < 4; i++) {
        bool is_limited = i % 2 == 0;
        const struct actor *actor = &actors.at[is_limited ? 1 : 0];
        subs_hide(bench.subscription, true);
        subscribe(&bench, actor); /* the same filter again */
        assert_int_equal(is_watched(&bench), is_limited);
        assert_ptr_equal(bench.subscription->actor.grant, actor->grant);
        assert_false(bench.subscription->is_hidden);
        assert_int_equal(bench.subs.count, 1);
    }
    finish(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_program),
        cmocka_unit_test(test_hashes_of_what_is_selected),
        cmocka_unit_test(test_whoever_sees_some_only_is_judged_anew),
        cmocka_unit_test(test_rights_become_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
