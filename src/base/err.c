/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include "base/assert.h"

static const struct {
    enum err_class class;
    const char *name;
    const char *text;
} err_rows[ERR_CODE_COUNT] = {
#define X(name, class, text) [ERR_##name] = {ERR_CLASS_##class, #name, text},
    ERR_MAP(X)
#undef X
};

static const int err_class_status[] = {
    [ERR_CLASS_OK] = 200,
    [ERR_CLASS_INVALID] = 400,
    [ERR_CLASS_UNAUTHENTICATED] = 401,
    [ERR_CLASS_DENIED] = 403,
    [ERR_CLASS_ABSENT] = 404,
    [ERR_CLASS_METHOD] = 405,
    [ERR_CLASS_UNACCEPTABLE] = 406,
    [ERR_CLASS_TIMEOUT] = 408,
    [ERR_CLASS_CONFLICT] = 409,
    [ERR_CLASS_TOO_LARGE] = 413,
    [ERR_CLASS_TARGET_LONG] = 414,
    [ERR_CLASS_MEDIA] = 415,
    [ERR_CLASS_HEADER_LARGE] = 431,
    [ERR_CLASS_VERSION] = 505,
    [ERR_CLASS_LIMITED] = 429,
    [ERR_CLASS_BUSY] = 503,
    [ERR_CLASS_IO] = 500,
    [ERR_CLASS_CORRUPT] = 500,
    [ERR_CLASS_PROTOCOL] = 400,
    [ERR_CLASS_CONFIG] = 500,
};

enum err_class err_class(struct err err)
{
    ASSERT(err.code < ERR_CODE_COUNT);
    return err_rows[err.code].class;
}

const char *err_text(struct err err)
{
    ASSERT(err.code < ERR_CODE_COUNT);
    return err_rows[err.code].text;
}

const char *err_name(struct err err)
{
    ASSERT(err.code < ERR_CODE_COUNT);
    return err_rows[err.code].name;
}

int err_http_status(struct err err)
{
    return err_class_status[err_class(err)];
}
