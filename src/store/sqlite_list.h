/* SPDX-License-Identifier: Apache-2.0
 *
 * sqlite_list.h - a list before it is written: what drives it, and what is left to be looked at.
 * For the sqlite_list files alone; the picture is in sqlite_list.c. */
#ifndef THRUM_STORE_SQLITE_LIST_H
#define THRUM_STORE_SQLITE_LIST_H

#include "store/sqlite_reader.h"

/* What every list has: account, kind, low and high bound. Texts below refer to them by number. */
#define FIXED_PARAMETERS 6

/* Who sees fewer rows than this of one kind sees few: counting them takes 10 us. */
#define LIST_SIGHT_SMALL 128

/* In order of preference. */
enum list_driver_index {
    DRIVER_IDS,
    DRIVER_IDENTIFIER,
    DRIVER_NAME,
    DRIVER_PARENT,
    DRIVER_THNG,
    DRIVER_COLLECTION, /* an action's; the collections of thngs are members' */
    DRIVER_USER,
    DRIVER_MEMBERS,
    DRIVER_NEAR,
    DRIVER_PRODUCT,
    DRIVER_TAGS,
    DRIVER_TYPE,
    DRIVER_SCOPE,
    DRIVER_ALL,
    DRIVER_COUNT
};

/* What a statement driven by that index begins with. */
struct list_driver {
    const char *from;    /* NULL: there is no such index for rows of this sort */
    const char *value;   /* the column that is compared with the driving value; NULL: none */
    bool is_aside;       /* a table beside that of the rows, under the name d; the rows are r */
    const char *earlier; /* with arms: what an earlier arm has, up to the list of values */
};

/* What a condition compares. */
struct list_field {
    unsigned kinds;                /* a bit for each kind that has the field */
    const char *column;            /* what is compared with the value; NULL: more than a column */
    enum list_driver_index driver; /* DRIVER_ALL: none */
};

struct list_place {
    int64_t created_ms;
    struct slice id;
};

/* An open interval in the order of (created_ms, id). */
struct list_bounds {
    struct list_place low;
    struct list_place high;
};

/* What DRIVER_SCOPE finds. */
enum list_sight {
    SIGHT_NONE,    /* it cannot drive */
    SIGHT_PROJECT, /* what is visible in query->project */
    SIGHT_REACH,   /* in one of query->reach */
    SIGHT_VIEWERS, /* for all users of query->project, or for one of query->viewers */
};

/* One of its values in table scope, put together of two. */
struct list_viewer {
    const char *mark;
    struct slice text;
};

/* What is decided before anything is written. */
struct list_plan {
    const struct documents_query *query;
    bool is_count;
    bool is_action;
    struct near_box box; /* when query->near */
    enum list_sight sight;
    const struct id *only; /* these rows alone: the ids of projects or places; when has_only */
    uint32_t only_count;
    bool has_only;
    enum list_driver_index which;
    const struct list_driver *driver;
    const struct filter_condition *driving; /* the condition it takes care of; NULL: none */
    uint32_t arm_count;
    struct list_bounds bounds;
    const char *time; /* the columns of the list's order */
    const char *id;
    /* numbers of parameters */
    uint32_t point;   /* latitude, and longitude behind it, when query->near */
    uint32_t project; /* when query->project */
    uint32_t reach;   /* sets, each when it is asked */
    uint32_t viewers;
    uint32_t only_set;
    uint32_t values; /* of the driver, one for each arm */
};

/* Chooses. ERR_QUERY_INVALID. */
MUST_USE struct err list_plan(const struct documents_query *query, bool is_count,
                              struct list_plan *plan);

/* Chooses sight and only. */
void list_plan_sight(struct list_plan *plan);

/* The arms that DRIVER_SCOPE has, and what drives each. */
uint32_t list_viewer_count(const struct list_plan *plan);
struct list_viewer list_viewer(const struct list_plan *plan, uint32_t arm);

/* The arms before that one that can have the same rows. */
uint32_t list_earlier_count(const struct list_plan *plan, uint32_t arm);

/* True when DRIVER_SCOPE could drive, and there are conditions of which nobody knows whether they
 * leave less to look at: if few rows are seen (LIST_SIGHT_SMALL), they shall drive, which
 * list_plan_narrow says. Else an application that sees ten of a million actions would walk through
 * those of a type. */
bool list_plan_can_narrow(const struct list_plan *plan);
void list_plan_narrow(struct list_plan *plan);

/* True when it must be looked at row by row whether it is visible in the project, in the reach, to
 * the viewers. */
bool list_plan_asks_project(const struct list_plan *plan, uint32_t arm);
bool list_plan_asks_reach(const struct list_plan *plan);
bool list_plan_asks_viewers(const struct list_plan *plan);

/* Writes the statement of a plan. ERR_NO_MEMORY. */
MUST_USE struct err list_write(struct list *list, struct list_plan *plan);

/* The row of a field that has been checked. */
const struct list_field *list_field(enum filter_field field);

#endif
