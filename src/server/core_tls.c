/* SPDX-License-Identifier: Apache-2.0
 *
 * core_tls.c - certificates, from their files to the loops.
 *
 * All that can fail happens on the main thread, for all loops: reading the files, and making one
 * context for each loop and listener. Only when every one of them is made are they handed out, so
 * that no two loops show what belongs to different times for longer than a turn takes. The files
 * are looked at again only after they have changed: a pair of which one half is new is refused
 * once, and loaded when the other half has come. */
#include "server/core_inside.h"

#include "base/clock.h"
#include "base/log.h"
#include "server/tls_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Who renews by hand has two weeks. Those that renew by themselves do so 30 days before. */
#define WARN_BEFORE_MS (14 * 24 * 3600 * INT64_C(1000))

static_assert((int)CONFIG_TLS_1_2 == (int)TLS_MINIMUM_1_2 &&
                  (int)CONFIG_TLS_1_3 == (int)TLS_MINIMUM_1_3,
              "versions are told to contexts as the configuration has them");
static_assert((int)CONFIG_CLIENT_CERTIFICATES_OFF == (int)TLS_CLIENT_CERTIFICATES_OFF &&
                  (int)CONFIG_CLIENT_CERTIFICATES_OPTIONAL ==
                      (int)TLS_CLIENT_CERTIFICATES_OPTIONAL &&
                  (int)CONFIG_CLIENT_CERTIFICATES_REQUIRED == (int)TLS_CLIENT_CERTIFICATES_REQUIRED,
              "what is asked of clients is told to contexts as the configuration has it");

/* ---- what the log says ---- */

#define DATE_BYTES 32

static const char *date_of(int64_t time_ms, char at[DATE_BYTES])
{
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm parts;
    if (gmtime_r(&seconds, &parts) == NULL ||
        strftime(at, DATE_BYTES, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0) {
        snprintf(at, DATE_BYTES, "unknown");
    }
    return at;
}

static void log_certificate(enum log_level level, const char *what,
                            const struct tls_certificate_facts *facts)
{
    char subject[2 * LOG_VALUE_BYTES];
    char file[2 * LOG_VALUE_BYTES];
    char date[DATE_BYTES];
    log_line(level, "tls", "%s subject=%s expires=%s file=%s", what,
             log_quote(slice_of_text(facts->subject), subject, sizeof(subject)),
             date_of(facts->not_after_ms, date),
             log_quote(slice_of_text(facts->file), file, sizeof(file)));
}

static void log_loaded(const struct tls_certificates *certificates)
{
    const struct tls_certificate_facts facts = tls_certificates_at(certificates, 0);
    char what[64];
    size_t more = tls_certificates_count(certificates) - 1;
    snprintf(what, sizeof(what), more > 0 ? "certificates loaded more=%zu" : "certificate loaded",
             more);
    log_certificate(LOG_INFO, what, &facts);
}

static void warn_of_expiry(const struct tls_certificates *certificates)
{
    int64_t now_ms = clock_wall_ms();
    for (size_t i = 0; i < tls_certificates_count(certificates); i++) {
        const struct tls_certificate_facts facts = tls_certificates_at(certificates, i);
        if (facts.not_after_ms - now_ms < WARN_BEFORE_MS) {
            log_certificate(LOG_WARN,
                            facts.not_after_ms < now_ms ? "a certificate has expired"
                                                        : "a certificate expires soon",
                            &facts);
        }
    }
}

static void warn_of_open_keys(const struct tls_files *files)
{
    for (size_t i = 0; i < files->pair_count; i++) {
        const struct tls_file *key = &files->pairs[i].key;
        if (key->is_open_to_others) {
            char path[2 * LOG_VALUE_BYTES];
            log_line(LOG_WARN, "tls", "a private key is open to others than its owner file=%s",
                     log_quote(slice_of_text(key->path), path, sizeof(path)));
        }
    }
}

/* ---- making contexts ---- */

static struct err make_certificates(const struct tls_files *files,
                                    struct tls_certificates **certificates, struct buf *problem)
{
    struct tls_certificates *made = tls_certificates_new();
    struct err err = made == NULL ? ERR(NO_MEMORY) : ERR(OK);
    for (size_t i = 0; i < files->pair_count && !err_is_set(err); i++) {
        const struct tls_file_pair *pair = &files->pairs[i];
        const struct tls_pem pem = {
            .chain_file = pair->chain.path,
            .key_file = pair->key.path,
            .chain = buf_data(&pair->chain.bytes),
            .key = buf_data(&pair->key.bytes),
        };
        err = tls_certificates_add(made, &pem, problem);
    }
    if (err_is_set(err)) {
        tls_certificates_unref(made);
        return err;
    }
    *certificates = made;
    return ERR(OK);
}

static struct err make_context(const struct core *core, const struct tls_files *files,
                               struct tls_certificates *certificates, size_t index,
                               struct tls_context **context, struct buf *problem)
{
    const struct config_listener *listener = &core->config->listeners[index];
    if (!listener->enabled || listener->tls == CONFIG_TLS_OFF) {
        return ERR(OK);
    }
    const struct tls_options options = {
        .certificates = certificates,
        .tickets = core->tickets,
        .minimum = (enum tls_minimum)core->config->tls.minimum,
        .client_certificates = (enum tls_client_certificates)listener->client_certificates,
        .client_ca = buf_data(&files->client_ca[index].bytes),
        .client_ca_file = files->client_ca[index].path,
        .client_crl = buf_data(&files->client_crl[index].bytes),
        .client_crl_file = files->client_crl[index].path,
    };
    return tls_context_new(&options, context, problem);
}

static void free_contexts(struct core_contexts *contexts)
{
    for (size_t i = 0; contexts != NULL && i < CONFIG_LISTENER_COUNT; i++) {
        tls_context_free(contexts->at[i]);
    }
    free(contexts);
}

static void free_all_contexts(const struct core *core, struct core_contexts **all)
{
    for (uint32_t i = 0; all != NULL && i < core->loop_count; i++) {
        free_contexts(all[i]);
    }
    free(all);
}

/* Makes the contexts of one loop. */
static struct err make_contexts(const struct core *core, const struct tls_files *files,
                                struct tls_certificates *certificates,
                                struct core_contexts **contexts, struct buf *problem)
{
    *contexts = calloc(1, sizeof(**contexts));
    if (*contexts == NULL) {
        return ERR(NO_MEMORY);
    }
    for (size_t i = 0; i < CONFIG_LISTENER_COUNT; i++) {
        TRY(make_context(core, files, certificates, i, &(*contexts)->at[i], problem));
    }
    return ERR(OK);
}

static struct err make_all_contexts(const struct core *core, const struct tls_files *files,
                                    struct tls_certificates *certificates,
                                    struct core_contexts ***all, struct buf *problem)
{
    struct core_contexts **made = calloc(core->loop_count, sizeof(struct core_contexts *));
    struct err err = made == NULL ? ERR(NO_MEMORY) : ERR(OK);
    for (uint32_t i = 0; i < core->loop_count && !err_is_set(err); i++) {
        err = make_contexts(core, files, certificates, &made[i], problem);
    }
    if (err_is_set(err)) {
        free_all_contexts(core, made);
        return err;
    }
    *all = made;
    return ERR(OK);
}

/* ---- to the loops ---- */

void core_take_contexts(struct core_loop *loop)
{
    struct core_contexts *fresh = atomic_exchange(&loop->fresh_contexts, NULL);
    for (size_t i = 0; fresh != NULL && i < CONFIG_LISTENER_COUNT; i++) {
        struct core_listener *on = &loop->listeners[i];
        if (on->tls == NULL) {
            on->tls = fresh->at[i];
        } else {
            tls_context_replace(on->tls, fresh->at[i]);
        }
    }
    free(fresh);
}

static void on_contexts(struct loop *loop, struct loop_message *message)
{
    (void)loop;
    core_take_contexts(CONTAINER_OF(message, struct core_loop, contexts_message));
}

/* Lays <contexts> ready for <loop>, in place of others that it has not taken yet. */
static void hand_over(struct core_loop *loop, struct core_contexts *contexts)
{
    struct core_contexts *missed = atomic_exchange(&loop->fresh_contexts, contexts);
    if (missed != NULL) {
        free_contexts(missed); /* the message is still under way */
    } else if (loop->loop_is_ready) {
        loop->contexts_message.run = on_contexts;
        loop_post(&loop->loop, &loop->contexts_message);
    }
}

/* ---- loading ---- */

static struct err load(struct core *core, const struct tls_files *files, struct buf *problem)
{
    if (buf_bytes(&files->problem) > 0) {
        buf_put(problem, buf_data(&files->problem));
        return ERR(CONFIG);
    }
    struct tls_certificates *certificates;
    TRY(make_certificates(files, &certificates, problem));
    struct core_contexts **all;
    struct err err = make_all_contexts(core, files, certificates, &all, problem);
    if (err_is_set(err)) {
        tls_certificates_unref(certificates);
        return err;
    }
    for (uint32_t i = 0; i < core->loop_count; i++) {
        hand_over(&core->loops[i], all[i]);
    }
    free(all);
    tls_certificates_unref(core->certificates);
    core->certificates = certificates;
    log_loaded(certificates);
    warn_of_open_keys(files);
    warn_of_expiry(certificates);
    return ERR(OK);
}

static void read_files(const struct core *core, struct tls_files *files)
{
    const struct config *config = core->config;
    bool is_own = config->tls.certificate[0] == '\0';
    tls_files_read(files, config, is_own ? core->pki.chain_file : config->tls.certificate,
                   is_own ? core->pki.key_file : config->tls.key);
}

static struct err renew(const struct core *core, struct pki_state *state, struct buf *problem)
{
    char folder[CONFIG_PATH_BYTES + 8];
    snprintf(folder, sizeof(folder), "%s/tls", core->config->data);
    const struct pki_options options = {.folder = folder, .now_ms = clock_wall_ms()};
    return pki_renew_if_due(&options, state, problem);
}

static struct err open_tls(struct core *core, struct buf *problem)
{
    if (core->config->tls.certificate[0] == '\0') {
        TRY(renew(core, &core->pki, problem));
    }
    core->tickets = tls_tickets_new();
    if (core->tickets == NULL) {
        return ERR(NO_MEMORY);
    }
    struct tls_files files;
    read_files(core, &files);
    core->tls_mark = files.mark;
    struct err err = load(core, &files, problem);
    tls_files_deinit(&files);
    return err;
}

struct err core_open_tls(struct core *core, struct buf *problem)
{
    struct err err = open_tls(core, problem);
    if (err_is_set(err) && buf_bytes(problem) > 0) {
        buf_put_byte(problem, '\n');
    }
    return err;
}

/* Without memory there may be no sentence. */
static struct slice problem_text(const struct buf *problem, struct err err)
{
    return buf_bytes(problem) > 0 ? buf_data(problem) : slice_of_text(err_text(err));
}

static void log_not_loaded(const struct buf *problem, struct err err)
{
    char why[4 * LOG_VALUE_BYTES];
    log_line(LOG_ERROR, "tls", "certificates not loaded, all stays as it was problem=%s",
             log_quote(problem_text(problem, err), why, sizeof(why)));
}

void core_look_at_tls(struct core *core, bool is_asked)
{
    struct tls_files files;
    read_files(core, &files);
    bool has_changed = files.mark != core->tls_mark;
    if (is_asked || has_changed || core->tls_is_in_doubt) {
        struct buf problem = {0};
        core->tls_mark = files.mark;
        struct err err = load(core, &files, &problem);
        bool is_short = err.code == ERR_NO_MEMORY; /* tried again until there is some */
        bool is_told = err_is_set(err) && (is_asked || is_short || !has_changed);
        core->tls_is_in_doubt = err_is_set(err) && (is_short || !is_told);
        if (is_told) {
            log_not_loaded(&problem, err);
        }
        buf_deinit(&problem);
    }
    tls_files_deinit(&files);
}

void core_tend_certificates(struct core *core)
{
    struct pki_state state;
    struct buf problem = {0};
    bool is_own = core->config->tls.certificate[0] == '\0';
    if (is_own && err_is_set(renew(core, &state, &problem))) {
        log_line(LOG_ERROR, "tls", "cannot renew the certificate: %.*s",
                 SLICE_ARGS(buf_data(&problem)));
    } else if (is_own && state.issued) {
        log_line(LOG_INFO, "tls", "certificate renewed reason=\"%s\"", state.reason);
        core_look_at_tls(core, true);
    }
    buf_deinit(&problem);
    warn_of_expiry(core->certificates);
}

void core_close_tls(struct core *core)
{
    for (uint32_t i = 0; core->loops != NULL && i < core->loop_count; i++) {
        free_contexts(atomic_exchange(&core->loops[i].fresh_contexts, NULL));
    }
    tls_certificates_unref(core->certificates);
    tls_tickets_free(core->tickets);
}
