#include "store/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"

struct mc_keys {
    EVP_MAC *mac;
    EVP_MAC_CTX *context;
    char domain[256]; /* the last one and its half: lists come by domain often enough */
    size_t domain_len;
    char half[MC_KEY_HALF];
};

/* A new secret, complete or not there at all: written beside and linked into place, so that of two
 * processes one wins and both use the same. */
static bool make_secret(const char *path)
{
    unsigned char secret[MC_SECRET_LEN];
    struct mc_text beside = {0};
    mc_text_printf(&beside, "%s.XXXXXX", path);
    (void)mc_text_z(&beside);
    int fd = mkostemp(beside.at, O_CLOEXEC);
    bool ok = fd >= 0 && getrandom(secret, sizeof secret, 0) == (ssize_t)sizeof secret &&
              write(fd, secret, sizeof secret) == (ssize_t)sizeof secret && fsync(fd) == 0 &&
              (link(beside.at, path) == 0 || errno == EEXIST);
    int failure = errno;
    if (fd >= 0) {
        close(fd);
        unlink(beside.at);
    }
    mc_text_free(&beside);
    errno = failure;
    return ok;
}

static bool read_secret(const char *path, unsigned char *secret)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t got = read(fd, secret, MC_SECRET_LEN);
    close(fd);
    if (got >= 0 && got != MC_SECRET_LEN)
        errno = EINVAL;
    return got == MC_SECRET_LEN;
}

struct mc_keys *mc_keys_open(const char *store_path, bool make, char *error, size_t error_size)
{
    unsigned char secret[MC_SECRET_LEN];
    struct mc_text path = {0};
    mc_text_printf(&path, "%s.key", store_path);
    const char *name = mc_text_z(&path);
    if (!read_secret(name, secret) &&
        (errno != ENOENT || !make || !make_secret(name) || !read_secret(name, secret))) {
        snprintf(error, error_size,
                 "cannot read the key of the hashed store, %s: %s (without it the store is of no "
                 "use)",
                 name, errno == EINVAL ? "it has not the length of a key" : strerror(errno));
        mc_text_free(&path);
        return NULL;
    }
    mc_text_free(&path);
    struct mc_keys *keys = mc_calloc(1, sizeof *keys);
    char digest[] = "SHA256";
    const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string("digest", digest, 0),
                                     OSSL_PARAM_construct_end()};
    keys->mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    keys->context = keys->mac ? EVP_MAC_CTX_new(keys->mac) : NULL;
    MC_ASSERT(keys->context && EVP_MAC_init(keys->context, secret, sizeof secret, parameters));
    OPENSSL_cleanse(secret, sizeof secret);
    return keys;
}

void mc_keys_free(struct mc_keys *keys)
{
    if (!keys)
        return;
    EVP_MAC_CTX_free(keys->context);
    EVP_MAC_free(keys->mac);
    free(keys);
}

static void half_of(struct mc_keys *keys, struct mc_span text, char *out)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    size_t len;
    MC_ASSERT(EVP_MAC_init(keys->context, NULL, 0, NULL) &&
              EVP_MAC_update(keys->context, (const unsigned char *)text.at, text.len) &&
              EVP_MAC_final(keys->context, hash, &len, sizeof hash) && len >= MC_KEY_HALF);
    memcpy(out, hash, MC_KEY_HALF);
}

struct mc_span mc_keys_domain(struct mc_keys *keys, struct mc_span domain, char *out)
{
    MC_ASSERT(domain.len < 256);
    if (!keys) {
        memcpy(out, domain.at, domain.len);
        return mc_span(out, domain.len);
    }
    if (!mc_span_equal(domain, mc_span(keys->domain, keys->domain_len)) || !domain.len) {
        memcpy(keys->domain, domain.at, domain.len);
        keys->domain_len = domain.len;
        half_of(keys, domain, keys->half);
    }
    memcpy(out, keys->half, MC_KEY_HALF);
    return mc_span(out, MC_KEY_HALF);
}

struct mc_span mc_keys_address(struct mc_keys *keys, struct mc_span local, struct mc_span domain,
                               char *out)
{
    char text[MC_KEY_MAX];
    char *plain = keys ? text : out;
    MC_ASSERT(domain.len + 1 + local.len <= MC_KEY_MAX);
    memcpy(plain, domain.at, domain.len);
    plain[domain.len] = '@';
    for (size_t i = 0; i < local.len; i++)
        plain[domain.len + 1 + i] = mc_ascii_lower(local.at[i]);
    struct mc_span whole = mc_span(plain, domain.len + 1 + local.len);
    if (!keys)
        return whole;
    mc_keys_domain(keys, domain, out);
    half_of(keys, whole, out + MC_KEY_HALF);
    return mc_span(out, (size_t)2 * MC_KEY_HALF);
}
