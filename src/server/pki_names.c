/* SPDX-License-Identifier: Apache-2.0 */
#include "server/pki_names.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

/* Addresses of the machine that a certificate names; a machine with more of them has more than a
 * client could want to know. */
#define ADDRESS_COUNT_MAX 32

/* How long asking for the full name of the host may take. */
#define FULL_NAME_MS 2000

static void put_dns(struct buf *out, const char *name)
{
    buf_put_format(out, ",DNS:%s", name);
}

/* What may stand in a certificate, and in the configuration syntax of OpenSSL, as a host's name. */
static bool is_host_name(const char *name)
{
    size_t bytes = strlen(name);
    if (bytes == 0 || bytes >= PKI_HOST_BYTES || name[0] == '.' || name[0] == '-') {
        return false;
    }
    return strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") ==
           bytes;
}

/* The full name comes from the resolver, which may ask a network that is not there. So a thread of
 * its own asks, and whoever is last lets go of the question. */
struct question {
    pthread_mutex_t mutex;
    pthread_cond_t answered;
    bool is_answered;
    char host[PKI_HOST_BYTES];
    char full[PKI_HOST_BYTES];
    _Atomic int holders;
};

static void question_release(struct question *question)
{
    if (atomic_fetch_sub(&question->holders, 1) == 1) {
        pthread_mutex_destroy(&question->mutex);
        pthread_cond_destroy(&question->answered);
        free(question);
    }
}

static void *ask_resolver(void *arg)
{
    struct question *question = arg;
    const struct addrinfo hints = {.ai_flags = AI_CANONNAME, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int result = getaddrinfo(question->host, NULL, &hints, &found);
    pthread_mutex_lock(&question->mutex);
    if (result == 0 && found->ai_canonname != NULL && is_host_name(found->ai_canonname)) {
        snprintf(question->full, sizeof(question->full), "%s", found->ai_canonname);
    }
    question->is_answered = true;
    pthread_cond_signal(&question->answered);
    pthread_mutex_unlock(&question->mutex);
    if (result == 0) {
        freeaddrinfo(found);
    }
    question_release(question);
    return NULL;
}

static void wait_for_answer(struct question *question)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += FULL_NAME_MS / 1000;
    pthread_mutex_lock(&question->mutex);
    int result = 0;
    while (!question->is_answered && result == 0) {
        result = pthread_cond_timedwait(&question->answered, &question->mutex, &until);
    }
    pthread_mutex_unlock(&question->mutex);
}

/* Fills <full>; empty when there is no full name, or it did not come in time. */
static void find_full_name(const char *host, char full[PKI_HOST_BYTES])
{
    full[0] = '\0';
    struct question *question = calloc(1, sizeof(*question));
    if (question == NULL) {
        return;
    }
    pthread_mutex_init(&question->mutex, NULL);
    pthread_cond_init(&question->answered, NULL);
    snprintf(question->host, sizeof(question->host), "%s", host);
    atomic_store(&question->holders, 2);
    pthread_t thread;
    if (pthread_create(&thread, NULL, ask_resolver, question) != 0) {
        question_release(question);
        question_release(question);
        return;
    }
    pthread_detach(thread);
    wait_for_answer(question);
    pthread_mutex_lock(&question->mutex);
    snprintf(full, PKI_HOST_BYTES, "%s", question->full);
    pthread_mutex_unlock(&question->mutex);
    question_release(question);
}

/* The address of an interface, unless it is one the certificate names anyhow, or one that means
 * nothing without its interface. */
static bool describe_interface(const struct ifaddrs *each, char text[INET6_ADDRSTRLEN])
{
    if (each->ifa_addr == NULL || !(each->ifa_flags & IFF_UP) || (each->ifa_flags & IFF_LOOPBACK)) {
        return false;
    }
    if (each->ifa_addr->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, each->ifa_addr, sizeof(v4));
        return inet_ntop(AF_INET, &v4.sin_addr, text, INET6_ADDRSTRLEN) != NULL;
    }
    if (each->ifa_addr->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, each->ifa_addr, sizeof(v6));
        return !IN6_IS_ADDR_LINKLOCAL(&v6.sin6_addr) &&
               inet_ntop(AF_INET6, &v6.sin6_addr, text, INET6_ADDRSTRLEN) != NULL;
    }
    return false;
}

static void put_addresses(struct buf *out)
{
    struct ifaddrs *all;
    if (getifaddrs(&all) == -1) {
        return;
    }
    int count = 0;
    char text[INET6_ADDRSTRLEN];
    for (const struct ifaddrs *each = all; each != NULL && count < ADDRESS_COUNT_MAX;
         each = each->ifa_next) {
        if (describe_interface(each, text)) {
            buf_put_format(out, ",IP:%s", text);
            count++;
        }
    }
    freeifaddrs(all);
}

/* The host's other name: the first label of a full one, the full one of a label. Empty: none. */
static void find_other_name(const char *host, char other[PKI_HOST_BYTES])
{
    const char *dot = strchr(host, '.');
    if (dot != NULL) {
        snprintf(other, PKI_HOST_BYTES, "%.*s", (int)(dot - host), host);
    } else {
        find_full_name(host, other);
    }
    if (strcasecmp(other, host) == 0 || strcasecmp(other, "localhost") == 0) {
        other[0] = '\0';
    }
}

void pki_names_host(const char *wanted, char host[PKI_HOST_BYTES])
{
    char asked[PKI_HOST_BYTES] = "";
    if (wanted == NULL && gethostname(asked, sizeof(asked) - 1) == 0) {
        wanted = asked;
    }
    bool is_usable = wanted != NULL && is_host_name(wanted);
    snprintf(host, PKI_HOST_BYTES, "%s", is_usable ? wanted : "localhost");
}

struct err pki_names_put(const char *host, struct buf *out)
{
    BUF_PUT_LITERAL(out, "DNS:localhost,IP:127.0.0.1,IP:::1");
    if (strcasecmp(host, "localhost") != 0) {
        put_dns(out, host);
        char other[PKI_HOST_BYTES];
        find_other_name(host, other);
        if (other[0] != '\0') {
            put_dns(out, other);
        }
    }
    put_addresses(out);
    buf_put_byte(out, '\0');
    return out->failed ? ERR(NO_MEMORY) : ERR(OK);
}
