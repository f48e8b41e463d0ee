/* SPDX-License-Identifier: Apache-2.0
 *
 * dial.h - getting a connection up: TCP, CONNECT, SUBSCRIBE; blocking, one after the other.
 *
 * Only the time before a measurement is spent here. What goes wrong ends the program with a
 * message. The socket is the caller's; packets that a broker sends with its SUBACK are not lost,
 * because exactly the answer is taken off the socket. */
#ifndef THRUM_BENCH_DIAL_H
#define THRUM_BENCH_DIAL_H

#include "options.h"

#define DIAL_KEEPALIVE_S 120

/* A connected socket whose CONNACK said yes; with TCP_NODELAY. */
int dial_open(const struct options *options, struct slice client_id);

/* Subscribes; refused is fatal. */
void dial_subscribe(int fd, struct slice topic, uint8_t qos);

#endif
