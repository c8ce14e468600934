/* The client's side of TLS as bytes in and bytes out, over OpenSSL; no descriptor, no clock.
 *
 * Policy (RFC 7435): any encryption is better than none and mail is asked for, not sent, so no
 * certificate is verified and everything from TLS 1.0 on is spoken, the newest first. */
#ifndef MC_LOOP_TLS_H
#define MC_LOOP_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"

/* What all connections share; costs milliseconds, so made when first needed. NULL where OpenSSL
 * cannot (a broken installation). */
struct mc_tls_context;
struct mc_tls_context *mc_tls_context_new(void);
void mc_tls_context_free(struct mc_tls_context *context);

struct mc_tls;

enum mc_tls_status {
    MC_TLS_OK,
    MC_TLS_MORE,   /* bytes from the peer are needed */
    MC_TLS_CLOSED, /* the peer has said good-bye (close_notify) */
    MC_TLS_FAILED,
};

/* `host` is the SNI name or NULL. NULL when OpenSSL cannot. */
struct mc_tls *mc_tls_new(struct mc_tls_context *context, const char *host);
void mc_tls_free(struct mc_tls *tls);

/* Bytes from the peer; then call shake until it gives OK, then read until it gives MORE. */
void mc_tls_put(struct mc_tls *tls, struct mc_span bytes);
enum mc_tls_status mc_tls_shake(struct mc_tls *tls) __attribute__((warn_unused_result));
enum mc_tls_status mc_tls_read(struct mc_tls *tls, char *to, size_t room, size_t *len)
    __attribute__((warn_unused_result));

/* After the handshake; false when it failed. */
bool mc_tls_write(struct mc_tls *tls, struct mc_span bytes) __attribute__((warn_unused_result));
/* Says good-bye. */
void mc_tls_shut(struct mc_tls *tls);

/* Bytes for the peer; any call above may make some. Valid until mc_tls_sent, which forgets them. */
struct mc_span mc_tls_pending(struct mc_tls *tls);
void mc_tls_sent(struct mc_tls *tls);

/* After FAILED: a static sentence. */
const char *mc_tls_why(const struct mc_tls *tls);

#endif
