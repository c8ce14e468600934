#include "loop/tls.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/memory.h"

struct mc_tls_context {
    SSL_CTX *ssl;
};

struct mc_tls {
    SSL *ssl;
    BIO *in, *out; /* owned by ssl */
    const char *why;
};

struct mc_tls_context *mc_tls_context_new(void)
{
    SSL_CTX *ssl = SSL_CTX_new(TLS_client_method());
    /* the system's openssl.cnf may ask for more than an old mail server can give */
    if (!ssl || !SSL_CTX_set_min_proto_version(ssl, TLS1_VERSION) ||
        !SSL_CTX_set_max_proto_version(ssl, 0) ||
        !SSL_CTX_set_cipher_list(ssl, "DEFAULT:@SECLEVEL=0")) {
        SSL_CTX_free(ssl);
        ERR_clear_error();
        return NULL;
    }
    SSL_CTX_set_verify(ssl, SSL_VERIFY_NONE, NULL);
    /* servers from before RFC 5746; hang-ups without close_notify; no handshake in mid-session,
     * so that a write never has to wait for a read */
    SSL_CTX_set_options(ssl, SSL_OP_LEGACY_SERVER_CONNECT | SSL_OP_IGNORE_UNEXPECTED_EOF |
                                 SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    struct mc_tls_context *context = mc_malloc(sizeof *context);
    context->ssl = ssl;
    return context;
}

void mc_tls_context_free(struct mc_tls_context *context)
{
    if (!context)
        return;
    SSL_CTX_free(context->ssl);
    free(context);
}

struct mc_tls *mc_tls_new(struct mc_tls_context *context, const char *host)
{
    SSL *ssl = SSL_new(context->ssl);
    BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
    if (!ssl || !in || !out) {
        SSL_free(ssl);
        BIO_free(in);
        BIO_free(out);
        ERR_clear_error();
        return NULL;
    }
    BIO_set_mem_eof_return(in, -1);
    SSL_set_bio(ssl, in, out);
    SSL_set_connect_state(ssl);
    if (host && *host && !SSL_set_tlsext_host_name(ssl, host))
        ERR_clear_error(); /* longer than SNI allows: go without */
    struct mc_tls *tls = mc_malloc(sizeof *tls);
    *tls = (struct mc_tls){.ssl = ssl, .in = in, .out = out};
    return tls;
}

void mc_tls_free(struct mc_tls *tls)
{
    if (!tls)
        return;
    SSL_free(tls->ssl);
    free(tls);
}

static enum mc_tls_status status_of(struct mc_tls *tls, int result)
{
    enum mc_tls_status status = MC_TLS_FAILED;
    switch (SSL_get_error(tls->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        status = MC_TLS_MORE;
        break;
    case SSL_ERROR_ZERO_RETURN:
        status = MC_TLS_CLOSED;
        break;
    default:
        tls->why = ERR_reason_error_string(ERR_peek_error());
    }
    ERR_clear_error();
    return status;
}

void mc_tls_put(struct mc_tls *tls, struct mc_span bytes)
{
    MC_ASSERT(bytes.len <= INT_MAX);
    MC_ASSERT(BIO_write(tls->in, bytes.at, (int)bytes.len) == (int)bytes.len);
}

enum mc_tls_status mc_tls_shake(struct mc_tls *tls)
{
    ERR_clear_error();
    int result = SSL_do_handshake(tls->ssl);
    return result == 1 ? MC_TLS_OK : status_of(tls, result);
}

enum mc_tls_status mc_tls_read(struct mc_tls *tls, char *to, size_t room, size_t *len)
{
    ERR_clear_error();
    int result = SSL_read_ex(tls->ssl, to, room, len);
    return result == 1 ? MC_TLS_OK : status_of(tls, result);
}

bool mc_tls_write(struct mc_tls *tls, struct mc_span bytes)
{
    size_t written;
    if (!bytes.len)
        return true;
    ERR_clear_error();
    int result = SSL_write_ex(tls->ssl, bytes.at, bytes.len, &written);
    return result == 1 || status_of(tls, result) == MC_TLS_OK;
}

void mc_tls_shut(struct mc_tls *tls)
{
    ERR_clear_error();
    if (SSL_is_init_finished(tls->ssl))
        SSL_shutdown(tls->ssl);
    ERR_clear_error();
}

struct mc_span mc_tls_pending(struct mc_tls *tls)
{
    char *at;
    long len = BIO_get_mem_data(tls->out, &at);
    return len > 0 ? mc_span(at, (size_t)len) : mc_span("", 0);
}

void mc_tls_sent(struct mc_tls *tls)
{
    BIO_reset(tls->out);
}

const char *mc_tls_why(const struct mc_tls *tls)
{
    return tls->why ? tls->why : "TLS failed";
}
